"""The organiser's routes about one person: all that is held of them told, or taken away."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from sync.api.administration import Person
from sync.server import persons
from sync.server.devices import need_event
from sync.server.http import reply
from sync.server.operation import Operation
from sync.server.organiser_requests import OrganiserRequests
from sync.server.organisers import Right
from sync.server.part import Part
from sync.server.retention import Retention
from sync.server.server import Server
from sync.wire import PREFIX

_person = msgspec.json.Decoder(Person)
_PROBLEMS = {404: "no_person", 409: "ambiguous"}


class PersonRoutes:
    """A person, by a ticket, a code, or what a part knows them by."""

    def __init__(self, server: Server, retention: Retention, parts: Sequence[Part]) -> None:
        self._server = server
        self._requests = OrganiserRequests(server)
        self._retention = retention
        self._parts = parts

    def routes(self) -> list[BaseRoute]:
        """Both of them."""
        route, person = self._requests.route, f"{PREFIX}/events/{{event}}/persons"
        return [
            route("POST", f"{person}/export", Right.NAMES, self._export,
                  Operation(dict[str, Any], Person, problems=_PROBLEMS)),
            route("POST", f"{person}/erase", Right.ADMINISTER, self._erase,
                  Operation(persons.Erased, Person, problems=_PROBLEMS)),
        ]  # fmt: skip

    async def _export(self, request: Request) -> Response:
        """Everything that is held of one person."""
        event = request.path_params["event"]
        asked = await self._requests.body(request, _person)

        def export(connection: Connection) -> dict[str, Any]:
            need_event(connection, event)
            return persons.export(connection, event, asked.who, self._parts)

        # Written down before it is told.
        held = await self._requests.write(
            request, export, "export", event=event, about=persons.export_text
        )
        return reply(held)

    async def _erase(self, request: Request) -> Response:
        """Take a person's names, codes and orders away, at every gate too."""
        server, event = self._server, request.path_params["event"]
        asked = await self._requests.body(request, _person)
        await server.read(need_event, event)
        job = partial(
            persons.erase, event=event, asked=asked.who, folder=server.settings.folder,
            parts=self._parts,
        )  # fmt: skip
        erased = await self._requests.write(
            request, job, "erase", event=event, about=persons.erased_text
        )
        server.publish_changes(event)
        await self._retention.tidy()
        return reply(erased)
