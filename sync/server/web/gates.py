"""Gates: how each lane is, and what a supervisor says to it from afar."""

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.i18n import N_, _
from gate.settings import patched
from gate.text.times import clock_time
from sync.server.devices import State
from sync.server.http import Denied
from sync.server.web.at_gate import GateLine, lines
from sync.server.web.authority import Authority, checked
from sync.server.web.level import Level
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit

PATH = f"{PREFIX}/gates"
_STATES = {"retired": State.RETIRED, "enrolled": State.ENROLLED}
"""That a form may ask for; for the third it asks twice."""


class GatePages:
    """All lanes, and one."""

    def __init__(self, pages: Pages, authority: Authority) -> None:
        self._pages = pages
        self._authority = authority
        pages.menu.append(MenuLine(PATH, N_("Gates"), Level.STAFF))

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        page, action, one = self._pages.page, self._pages.action, "/gates/{device}"
        return [
            page("/gates", Level.STAFF, self._all),
            action("/gates/message", Level.SUPERVISOR, self._send),
            page(one, Level.STAFF, self._one),
            action(f"{one}/profile", Level.SUPERVISOR, self._set_profile),
            action(f"{one}/state", Level.SUPERVISOR, self._set_state),
            page(f"{one}/revoke", Level.SUPERVISOR, self._ask_revoke),
            action(f"{one}/revoke", Level.SUPERVISOR, self._revoke),
        ]

    async def _all(self, visit: Visit) -> Response:
        """Every lane, the silent ones on top."""
        found = await self._lines(visit)
        return visit.render(
            "gates.html", 200, gates=found, silent=sum(one.is_silent for one in found),
            takes_in=self._authority.takes_gates_in, **_as_of(visit),
        )  # fmt: skip

    async def _one(self, visit: Visit) -> Response:
        """One lane, with what can be said to it."""
        settings, id_ = visit.event.settings, visit.request.path_params["device"]
        return visit.render(
            "gate.html", 200, gate=await self._line(visit), profiles=sorted(settings.profiles),
            assigned=settings.assigned.get(id_, ""), **_as_of(visit),
        )  # fmt: skip

    async def _send(self, visit: Visit) -> Response:
        """A message to the gates that are ticked, or to all."""
        names = {one.id: one.called for one in await self._lines(visit)}
        stated = [name for id_, name in names.items() if visit.form[f"to-{id_}"]]
        text, gates = checked(visit.form.text("text"), stated)
        await self._authority.send(visit, text, gates)
        to = ", ".join(gates) or _("all gates")
        return visit.go(PATH, _("Sent to: {gates}").format(gates=to))

    async def _set_profile(self, visit: Visit) -> Response:
        """Another profile, or again that of its own name."""
        gate, why, name = await self._line(visit), visit.form.why(), visit.form["profile"]
        patch: dict[str, Any] = {"assigned": {gate.id: name or None}}
        about = f"profile {gate.id} {name}".strip()
        await self._authority.change_settings(
            visit, lambda before: patched(before, patch), about, why
        )
        return visit.go(f"{PATH}/{gate.id}", _("Said to the gates."))

    async def _set_state(self, visit: Visit) -> Response:
        """Nobody waits to hear from it any more, or again."""
        gate, why = await self._line(visit), visit.form.why()
        state = _STATES.get(visit.form["state"])
        if state is None:
            raise Denied(422, "invalid", _("A gate is retired or brought back."))
        await self._authority.set_state(visit, gate.id, state, why)
        return visit.go(f"{PATH}/{gate.id}", _("Said to the gates."))

    async def _ask_revoke(self, visit: Visit) -> Response:
        """What it means, before it is done."""
        return visit.render("revoke.html", 200, gate=await self._line(visit))

    async def _revoke(self, visit: Visit) -> Response:
        """For good, of whoever said that they know."""
        gate, why = await self._line(visit), visit.form.why()
        if visit.form["sure"] != "yes":
            raise Denied(422, "invalid", _("Say that you know: it cannot be taken back."))
        await self._authority.set_state(visit, gate.id, State.REVOKED, why)
        return visit.go(f"{PATH}/{gate.id}", _("Revoked, for good."))

    async def _lines(self, visit: Visit) -> Sequence[GateLine]:
        found = await self._authority.gates(visit.visitor.event)
        return lines(found, visit.event, read_wall_ms(), self._authority.silent_after_ms)

    async def _line(self, visit: Visit) -> GateLine:
        """The one that the address names. Raises Denied when there is none."""
        id_ = visit.request.path_params["device"]
        for one in await self._lines(visit):
            if one.id == id_:
                return one
        raise Denied(404, "no_device", _("There is no such device."))


def _as_of(visit: Visit) -> dict[str, Any]:
    return {"as_of": clock_time(read_wall_ms(), visit.zone, seconds=True)}
