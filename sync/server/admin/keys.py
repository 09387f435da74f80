"""The organiser's routes about signed tickets: the keys of an event, and the codes they sign."""

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeVar

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.core.signed_ticket import EventKey, KeyState
from gate.errors import UsageError
from gate.i18n import _, sentences
from sync.server import issuing, signing
from sync.server.admin.events import LARGE
from sync.server.devices import need_event
from sync.server.http import Denied, reply
from sync.server.operation import Operation, Parameter
from sync.server.organiser_requests import OrganiserRequests
from sync.server.organisers import Right
from sync.server.server import Server
from sync.wire import PREFIX, Barred, BarredCodes, KeyChange, KeyLine, NewKey, SignedCode

T = TypeVar("T")
FORM = "signed"
_FORMS = (Parameter("form", Literal["signed"], "In which form its code is wanted."),)
_new_key = msgspec.json.Decoder(NewKey)
_key_change = msgspec.json.Decoder(KeyChange)
_barred = msgspec.json.Decoder(BarredCodes)


class KeyRoutes:
    """Keys made, retired and revoked; codes signed, and another system's barred."""

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
                  Operation(SignedCode, query=_FORMS, problems={422: "invalid"})),
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
        """A key that signs no more, or that is believed no more."""
        event, key = request.path_params["event"], request.path_params["key"]
        asked = await self._requests.body(request, _key_change)
        state = KeyState(asked.state)
        job = partial(signing.set_state, event=event, id_=key, state=state)
        return await self._changed(request, job, "key changed", 200)

    async def _bar(self, request: Request) -> Response:
        """What pretix has revoked or blocked."""
        event = request.path_params["event"]
        asked = await self._requests.body(request, _barred, LARGE)

        def job(connection: Connection) -> Barred:
            need_event(connection, event)
            try:
                return signing.bar(connection, event, asked)
            except issuing.Bad as bad:
                raise Denied(422, "bad_rows", "\n".join(bad.errors)) from bad

        about = signing.barred_text
        barred = await self._requests.write(request, job, "codes barred", event=event, about=about)
        self._server.publish_changes(event)
        return reply(barred)

    async def _code(self, request: Request) -> Response:
        """The code of a ticket, in a form that proves itself."""
        event, ticket = request.path_params["event"], request.path_params["ticket"]
        if request.query_params.get("form", "") != FORM:
            raise Denied(422, "invalid", _("form is one of: {forms}").format(forms=FORM))
        job = _needing(event, partial(signing.codes, event=event, tickets=[ticket]))
        (code,) = await self._server.read(job)
        return reply(SignedCode(ticket, FORM, code))

    async def _changed(
        self, request: Request, job: Callable[[Connection], EventKey], act: str, status: int
    ) -> Response:
        event = request.path_params["event"]
        key = await self._requests.write(
            request, _needing(event, job), act, event=event, about=signing.key_text
        )
        self._server.publish_changes(event)
        return reply(signing.key_line(key), status)


def _needing(event: str, job: Callable[[Connection], T]) -> Callable[[Connection], T]:
    """The same in an event that is there, with what cannot be done denied."""

    def needing(connection: Connection) -> T:
        need_event(connection, event)
        try:
            return job(connection)
        except UsageError as error:
            raise Denied(422, "invalid", sentences(error.message, error.hint)) from error

    return needing
