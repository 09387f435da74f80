"""Operators: who may work at the event's gates and sign in to its pages."""

import asyncio
import secrets
from collections.abc import Callable, Sequence

from msgspec.structs import replace
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.core.event_settings import EventSettings, OperatorRow
from gate.core.place import Role
from gate.errors import OperatorError
from gate.i18n import N_, _, sentences
from gate.operators import (
    NAME_LENGTH,
    SALT_BYTES,
    find,
    make_operator,
    with_operator,
    without_operator,
)
from sync.server.http import Denied
from sync.server.web.authority import Authority, Change
from sync.server.web.level import Level
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit
from sync.server.web.sign_in import MIN_PIN

PATH = f"{PREFIX}/operators"
_PIN_LENGTH = 100
Operators = Sequence[OperatorRow]


class OperatorPages:
    """Operators listed, added, changed and removed."""

    def __init__(self, pages: Pages, authority: Authority) -> None:
        self._pages = pages
        self._authority = authority
        # A PIN takes a processor for 50 ms: one at a time, however many are set.
        self._one = asyncio.Lock()
        pages.menu.append(MenuLine(PATH, N_("Operators"), Level.ORGANISER))

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        page, action, level = self._pages.page, self._pages.action, Level.ORGANISER
        return [
            page("/operators", level, self._list),
            action("/operators/put", level, self._put),
            action("/operators/remove", level, self._remove),
        ]

    async def _list(self, visit: Visit) -> Response:
        """By role and name."""
        had = visit.event.settings.operators or ()
        found = sorted(had, key=lambda one: (one.role is not Role.SUPERVISOR, one.name.casefold()))
        return visit.render(
            "operators.html", 200, operators=found, roles=list(Role), least=MIN_PIN,
            longest=NAME_LENGTH,
        )  # fmt: skip

    async def _put(self, visit: Visit) -> Response:
        """One more, or another role or PIN; without a PIN the old one stays."""
        form, why = visit.form, visit.form.why()
        name, pin = form.text("name", NAME_LENGTH), form["pin"][:_PIN_LENGTH]
        if pin != form["again"][:_PIN_LENGTH]:
            raise Denied(422, "invalid", _("the two PINs differ"))
        if form["role"] not in list(Role):
            raise Denied(422, "invalid", _("A role is staff or supervisor."))
        role = Role(form["role"])
        row = await self._made(name, role, pin) if pin else None

        def put(had: Operators) -> Operators:
            before = find(had, name)
            if row is not None:
                return with_operator(had, row)
            if before is None:
                raise OperatorError(_("Somebody new needs a PIN."))
            return with_operator(had, replace(before, role=role))

        await self._change(visit, put, f"operator put {name} {role.value}", why)
        return visit.go(PATH, _("Said to the gates: {name}").format(name=name))

    async def _made(self, name: str, role: Role, pin: str) -> OperatorRow:
        async with self._one:
            try:
                salt = secrets.token_bytes(SALT_BYTES)
                return await asyncio.to_thread(make_operator, name, role, pin, salt)
            except OperatorError as error:
                raise _denied(error) from error

    async def _remove(self, visit: Visit) -> Response:
        """Works nowhere any more, and is signed out here."""
        name, why = visit.form.text("name", NAME_LENGTH), visit.form.why()
        gone = f"operator remove {name}"
        await self._change(visit, lambda had: without_operator(had, name), gone, why)
        return visit.go(PATH, _("Removed: {name}").format(name=name))

    async def _change(
        self, visit: Visit, change: Callable[[Operators], Operators], about: str, why: str
    ) -> None:
        await self._authority.change_settings(visit, _of_event(visit, change), about, why)


def _of_event(visit: Visit, change: Callable[[Operators], Operators]) -> Change:
    """Where the event has never stated any, it begins with those that are shown."""
    shown = visit.event.settings.operators or ()

    def do(settings: EventSettings) -> EventSettings:
        had = shown if settings.operators is None else settings.operators
        try:
            return replace(settings, operators=tuple(change(had)))
        except OperatorError as error:
            raise _denied(error) from error

    return do


def _denied(error: OperatorError) -> Denied:
    return Denied(422, "invalid", sentences(error.message, error.hint))
