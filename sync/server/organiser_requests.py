"""Requests of the organiser's: with which right, of whom, and done together with their row."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.clock import read_wall_ms
from sync.server import audit, http
from sync.server.audit import Actor
from sync.server.devices import need_event
from sync.server.operation import ApiRoute, Opener, Operation
from sync.server.organisers import Organiser, Right
from sync.server.server import Server

T = TypeVar("T")
SMALL = 16 * 1024
"""Longest body of a request that says little, in bytes."""


class Needs:
    """A route of the organiser's, and the right that whoever asks it has to have."""

    def __init__(
        self, server: Server, right: Right, handler: Callable[[Request], Awaitable[Response]]
    ) -> None:
        self.right = right
        self._server = server
        self._handler = handler

    async def answer(self, request: Request) -> Response:
        """Have it handled; ``organiser(request)`` says for whom. Raises Denied."""
        event = request.path_params.get("event", "")
        callers = self._server.callers
        request.state.organiser = await callers.organiser_of(request, self.right, event)
        return await self._handler(request)


def organiser(request: Request) -> Organiser:
    """Whose token opened the route."""
    found: Organiser = request.state.organiser
    return found


class OrganiserRequests:
    """What every route of the organiser's does alike."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def route(
        self,
        method: str,
        path: str,
        right: Right,
        handler: Callable[[Request], Awaitable[Response]],
        operation: Operation | None = None,
    ) -> Route:
        """A route behind a token with that right; one of the native API says what it is."""
        endpoint = Needs(self._server, right, handler).answer
        if operation is None:
            return Route(path, endpoint, methods=[method])
        opener = Opener("organiser", right)
        return ApiRoute(method, path, endpoint, operation, opener, handler=handler)

    async def raw_body(self, request: Request, limit: int = SMALL) -> bytes:
        """The body, of at most so many bytes. Raises Denied."""
        return await http.read_body(request, limit, self._server.settings.body_s)

    async def body(
        self, request: Request, decoder: "msgspec.json.Decoder[T]", limit: int = SMALL
    ) -> T:
        """What the body says. Raises Denied."""
        return http.decode(decoder, await self.raw_body(request, limit))

    async def read(self, request: Request, job: Callable[[Connection, str], T]) -> T:
        """Have something read of the event that the path names. Raises Denied if there is none."""
        event = request.path_params["event"]

        def read(connection: Connection) -> T:
            need_event(connection, event)
            return job(connection, event)

        return await self._server.read(read)

    async def write(
        self,
        request: Request,
        job: Callable[[Connection], T],
        act: str,
        *,
        event: str,
        about: str | Callable[[T], str | None] = "",
    ) -> T:
        """Have something done, and with it in one transaction the row that says who did it."""
        actor = Actor(organiser(request).who, http.address_of(request))
        return await self._server.write(
            audit.noted(job, actor, act, read_wall_ms(), event=event, about=about)
        )
