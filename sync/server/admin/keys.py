"""The organiser's routes about codes that prove themselves: an event's keys, signed and moving."""

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeVar

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.core.signed_ticket import EventKey, KeyState
from gate.core.ticket import Status
from gate.credential.rotating import Current
from gate.errors import UsageError
from gate.i18n import _, sentences
from sync.api.administration import Barred, BarredCodes, CodeText, KeyChange, KeyLine, NewKey
from sync.server import issuing, rotating, signing
from sync.server.admin.events import LARGE
from sync.server.devices import need_event
from sync.server.http import Denied, reply
from sync.server.operation import Operation, Parameter
from sync.server.organiser_requests import OrganiserRequests
from sync.server.organisers import Right
from sync.server.server import Server
from sync.wire import PREFIX

T = TypeVar("T")
ROTATING, SIGNED = "rotating", "signed"
_FORMS = (
    Parameter("form", Literal["", "rotating", "signed"], "In which form it is wanted; rotating."),
)
_new_key = msgspec.json.Decoder(NewKey)
_key_change = msgspec.json.Decoder(KeyChange)
_barred = msgspec.json.Decoder(BarredCodes)


class KeyRoutes:
    """Keys made, retired and revoked; codes signed or of now, and another system's barred."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._requests = OrganiserRequests(server)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        route, event = self._requests.route, f"{PREFIX}/events/{{event}}"
        return [
            route("GET", f"{event}/keys", Right.TICKETS, self._list, Operation(list[KeyLine])),
            route("POST", f"{event}/keys", Right.ADMINISTER, self._create,
                  Operation(KeyLine, NewKey, 201, problems={422: "invalid"})),
            route("PATCH", f"{event}/keys/{{key}}", Right.ADMINISTER, self._change,
                  Operation(KeyLine, KeyChange, problems={422: "invalid"})),
            route("POST", f"{event}/barred", Right.TICKETS, self._bar,
                  Operation(Barred, BarredCodes, problems={422: "bad_rows"})),
            route("GET", f"{event}/tickets/{{ticket}}/code", Right.TICKETS, self._code,
                  Operation(CodeText, query=_FORMS,
                            problems={404: "no_code", 422: "invalid"})),
        ]  # fmt: skip

    async def _list(self, request: Request) -> Response:
        """The public half of every key."""
        found = await self._requests.read(request, signing.public_keys)
        return reply([signing.key_line(key) for key in found])

    async def _create(self, request: Request) -> Response:
        """A new key, which signs from now on; or one of pretix, which is believed."""
        event = request.path_params["event"]
        asked = await self._requests.body(request, _new_key)
        job = (
            partial(signing.add_pretix_key, event=event, text=asked.pretix)
            if asked.pretix
            else partial(signing.new_key, event=event)
        )
        act = "key added" if asked.pretix else "key made"
        return await self._changed(request, job, act, 201)

    async def _change(self, request: Request) -> Response:
        """A key that signs no more, is believed no more, or from when until when it is."""
        event, key = request.path_params["event"], request.path_params["key"]
        asked = await self._requests.body(request, _key_change)

        job = partial(
            signing.change_key,
            event=event,
            id_=key,
            state=KeyState(asked.state) if asked.state else None,
            begin=asked.begin_s,
            end=asked.end_s,
        )
        return await self._changed(request, job, "key changed", 200)

    async def _bar(self, request: Request) -> Response:
        """What pretix has revoked or blocked."""
        event = request.path_params["event"]
        asked = await self._requests.body(request, _barred, LARGE)
        states = dict.fromkeys(asked.unblocked, Status.NORMAL)
        states |= dict.fromkeys(asked.blocked, Status.BLOCKED)
        states |= dict.fromkeys(asked.revoked, Status.REVOKED)

        def job(connection: Connection) -> int:
            need_event(connection, event)
            try:
                return signing.bar(connection, event, states)
            except issuing.Bad as bad:
                raise Denied(422, "bad_rows", "\n".join(bad.errors)) from bad

        about = signing.barred_text
        barred = await self._requests.write(request, job, "codes barred", event=event, about=about)
        self._server.publish_changes(event)
        return reply(Barred(barred, len(states) - barred))

    async def _code(self, request: Request) -> Response:
        """What a ticket's phone is to show: the code of now, or one that is signed."""
        event, ticket = request.path_params["event"], request.path_params["ticket"]
        form, now_ms = request.query_params.get("form", "") or ROTATING, read_wall_ms()
        if form == SIGNED:
            job = _needing(event, partial(signing.codes, event=event, tickets=[ticket]))
            (text,) = await self._server.read(job)
            shown = CodeText(ticket, form, text, now_ms)
        elif form == ROTATING:
            current = partial(_current, event=event, ticket=ticket, now_ms=now_ms)
            found = await self._server.read(current)
            shown = CodeText(ticket, form, found.text, now_ms, found.begin_ms, found.end_ms)
        else:
            forms = f"{ROTATING}, {SIGNED}"
            raise Denied(422, "invalid", _("form is one of: {forms}").format(forms=forms))
        return reply(shown, headers={"Cache-Control": "no-store"})

    async def _changed(
        self, request: Request, job: Callable[[Connection], EventKey], act: str, status: int
    ) -> Response:
        event = request.path_params["event"]
        key = await self._requests.write(
            request, _needing(event, job), act, event=event, about=signing.key_text
        )
        self._server.publish_changes(event)
        return reply(signing.key_line(key), status)


def _current(connection: Connection, event: str, ticket: str, now_ms: int) -> Current:
    need_event(connection, event)
    found = rotating.code_of(connection, event, ticket, now_ms)
    if found is None:
        raise Denied(404, "no_code", _("There is no good ticket of that id whose code rotates."))
    return found


def _needing(event: str, job: Callable[[Connection], T]) -> Callable[[Connection], T]:
    """The same in an event that is there, with what cannot be done denied."""

    def needing(connection: Connection) -> T:
        need_event(connection, event)
        try:
            return job(connection)
        except UsageError as error:
            raise Denied(422, "invalid", sentences(error.message, error.hint)) from error

    return needing
