"""The server's application: what devices ask for, and what anybody may."""

import asyncio
import logging
import re
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute
from starlette.websockets import WebSocket

from gate.clock import read_wall_ms
from gate.core.enrolment import Enrol, Enrolled
from gate.core.ticket_feed import Changes, ResyncNeeded, Snapshot
from gate.errors import StoreError
from gate.i18n import _
from sync.api.administration import Alive, Ready
from sync.server import audit, conflicts, enrolment, feed, http, openapi, pending
from sync.server.admin import organiser_routes
from sync.server.callers import run_of
from sync.server.http import Denied, address_of, reply
from sync.server.metrics import Counted
from sync.server.operation import (
    ANYBODY,
    DEVICE,
    ApiRoute,
    ApiStream,
    Body,
    Operation,
    Parameter,
    described,
)
from sync.server.part import Part
from sync.server.readiness import Readiness
from sync.server.retention import Retention
from sync.server.search_index import SearchIndex
from sync.server.server import Server
from sync.server.settings import PagesBy, Settings
from sync.server.web.site import server_site
from sync.wire import MAX_FRAME, PREFIX, Problem, SyncRequest, SyncResponse

log = logging.getLogger(__name__)
SMALL = 16 * 1024
"""Longest body of a request that says little, in bytes."""
COUNT_EVERY_S = 10.0
"""How often irregular admissions are counted anew for whoever asks for numbers."""
_enrol = msgspec.json.Decoder(Enrol)
_encode = msgspec.json.Encoder().encode
_RANGE = re.compile(rb"bytes=([0-9]{1,15})-([0-9]{0,15})")


METRICS = "text/plain; version=0.0.4"
_CHANGES = Operation(
    Changes,
    query=(
        Parameter("cursor", Annotated[str, Meta(max_length=100)], "Where the last page ended."),
        Parameter("limit", Annotated[int, Meta(ge=1, le=feed.PAGE)], "So many changes at most."),
    ),
    problems={409: "resync", 422: "invalid"},
)
_STREAM = Operation(
    Body("", "A WebSocket begins; frames are those of the exchange (docs/protocol.md)."), status=101
)
_FILE = Operation(
    Body("application/zstd", "The replica, packed."),
    also={206: Body("application/zstd", "The part of it that was asked for.")},
    problems={404: "no_snapshot", 416: "range"},
)
_ENROL = Operation(
    Enrolled,
    Enrol,
    problems={
        403: "wrong_token, used_token, expired_token, withdrawn_token, revoked",
        409: "other_event, not_complete",
        429: "too_often",
    },
)


class Devices:
    """What devices ask for."""

    def __init__(self, server: Server, parts: Sequence[Part]) -> None:
        self._server = server
        self._parts = parts

    def routes(self) -> list[BaseRoute]:
        """The most asked first: the router looks at them in order."""
        return [
            ApiRoute("POST", f"{PREFIX}/exchange", self.exchange,
                     Operation(SyncResponse, SyncRequest, problems={507: "full"}), DEVICE),
            ApiRoute("GET", f"{PREFIX}/changes", self.changes, _CHANGES, DEVICE),
            ApiStream(f"{PREFIX}/stream", self.stream, _STREAM, DEVICE),
            ApiRoute("GET", f"{PREFIX}/snapshot", self.snapshot,
                     Operation(Snapshot, also={202: Problem}), DEVICE),
            ApiRoute("GET", f"{PREFIX}/snapshot/{{name}}", self.snapshot_file, _FILE, DEVICE),
            ApiRoute("POST", f"{PREFIX}/enrol", self.enrol, _ENROL, ANYBODY),
        ]  # fmt: skip

    async def exchange(self, request: Request) -> Response:
        """Take in what a device brings, and say what there is to say to it."""
        server = self._server
        device = await server.callers.device_of(request)
        server.callers.check_rate(device)
        body = await http.read_body(request, MAX_FRAME, server.settings.body_s)
        answer = await server.exchange.answer(device, await server.exchange.decode(body))
        return Response(_encode(answer), media_type=http.JSON)

    async def changes(self, request: Request) -> Response:
        """A page of the feed of ticket changes."""
        server = self._server
        device = await server.callers.device_of(request)
        server.callers.check_rate(device)
        cursor = request.query_params.get("cursor", "")[:100]
        stated = request.query_params.get("limit", str(feed.PAGE))
        if not (stated.isascii() and stated.isdecimal() and 0 < int(stated[:9]) <= feed.PAGE):
            reason = _("limit is a number from 1 to {most}.").format(most=feed.PAGE)
            raise Denied(422, "invalid", reason)
        try:
            page = await server.read(
                feed.changes,
                device.event,
                cursor,
                read_wall_ms(),
                int(stated[:9]),
            )
        except ResyncNeeded as error:
            reason = _("This cursor is not of this server any more: take a new snapshot.")
            raise Denied(409, "resync", reason) from error
        server.device_cache.reports.note(device.id, None)
        return reply(page)

    async def snapshot(self, request: Request) -> Response:
        """A ready replica to begin with; built now if there is none."""
        server = self._server
        device = await server.callers.device_of(request)
        server.callers.check_rate(device)
        cursor = (await server.tip_cache.newest(device.event)).cursor
        found = await server.snapshots.get(device.event, cursor, server.settings.snapshot_wait_s)
        if found is None:
            problem = Problem("building", _("The tickets are being packed. Ask again."))
            answer = reply(problem, 202)
            answer.headers["Retry-After"] = "2"
            return answer
        return reply(found)

    async def snapshot_file(self, request: Request) -> Response:
        """The packed file, or the rest of it."""
        server = self._server
        device = await server.callers.device_of(request)
        server.callers.check_rate(device)
        found = server.snapshots.packed(device.event, request.path_params["name"])
        if found is None:
            reason = _("There is no such snapshot any more: ask for the newest.")
            raise Denied(404, "no_snapshot", reason)
        path, snapshot = found
        _check_range(request, snapshot.packed_bytes)
        # By the tag a download that goes on (If-Range) finds out that another server built anew.
        tag = {"ETag": f'"{snapshot.sha256}"'}
        return FileResponse(path, headers=tag, media_type="application/zstd")

    async def enrol(self, request: Request) -> Response:
        """A credential for a one-time token."""
        server = self._server
        server.callers.check_address(request)
        body = await http.read_body(request, SMALL, server.settings.body_s)
        asked = http.decode(_enrol, body)
        now_ms = read_wall_ms()
        enrol = partial(enrolment.enrol, asked=asked, now_ms=now_ms)
        actor = audit.Actor(asked.device, address_of(request))

        def admit(connection: Connection) -> Enrolled:
            made = enrol(connection)
            for part in self._parts:
                if why := part.why_not_enrol(connection, made.event):
                    # The token stays good: nothing of this is kept.
                    raise Denied(409, "not_complete", why)
            audit.note(connection, actor, "enrol", now_ms, event=made.event)
            return made

        enrolled = await server.write(admit)
        await server.device_cache.refresh()
        server.streams.cut_revoked()
        server.publish_changes(enrolled.event)
        log.info("enrolled device=%s event=%s", asked.device, enrolled.event)
        return reply(enrolled)

    async def stream(self, websocket: WebSocket) -> None:
        """Exchange over one connection, and hear the news."""
        server = self._server
        try:
            device = await server.callers.device_of(websocket)
            server.callers.check_rate(device)
        except Denied as denied:
            if "websocket.http.response" in websocket.scope.get("extensions", {}):
                await websocket.send_denial_response(http.denial(denied))
            else:
                await websocket.close(1008, denied.problem.error)
            return
        await websocket.accept()
        await server.streams.serve(websocket, device, run_of(websocket))


class Open:
    """What anybody may ask."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._readiness = Readiness(server.engine, server.settings.folder, server.write)
        self._counted_s = float("-inf")
        self._document = b""

    def routes(self) -> list[BaseRoute]:
        """For whoever looks after the server."""
        return [
            ApiRoute("GET", "/healthz", self.healthz, Operation(Alive), ANYBODY),
            ApiRoute("GET", "/readyz", self.readyz,
                     Operation(Ready, problems={503: "not_ready"}), ANYBODY),
            ApiRoute("GET", "/metrics", self.metrics,
                     Operation(Body(METRICS, "Prometheus text.")), ANYBODY),
            ApiRoute("GET", f"{PREFIX}/openapi.json", self.openapi,
                     Operation(dict[str, Any]), ANYBODY),
        ]  # fmt: skip

    async def openapi(self, request: Request) -> Response:
        """This document."""
        if not self._document:
            url = self._server.settings.url or "/"
            self._document = _encode(openapi.document(described(request.app.routes), url))
        return Response(self._document, media_type=http.JSON)

    async def healthz(self, _request: Request) -> Response:
        """Whether the process lives."""
        return reply(Alive(alive=True))

    async def readyz(self, _request: Request) -> Response:
        """Whether it can take in what devices bring."""
        why = await self._readiness.why_not()
        if why:
            raise Denied(503, "not_ready", why, {"Retry-After": "2"})
        return reply(Ready(ready=True))

    async def metrics(self, _request: Request) -> Response:
        """Numbers for Prometheus."""
        now_s = time.monotonic()
        if now_s >= self._counted_s + COUNT_EVERY_S:
            self._counted_s = now_s
            # While the database is away the other numbers are wanted all the more.
            with suppress(SQLAlchemyError):
                kinds, waiting = await self._server.read(conflicts.count_irregular)
                self._server.metrics.set_irregular(kinds, waiting)
        return Response(self._server.metrics.text(), media_type=METRICS)


def _check_range(request: Request, size: int) -> None:
    """Leave a range the file has, refuse one beyond its end, pass over any other."""
    headers = request.scope["headers"]
    ranges = [value for name, value in headers if name == b"range"]
    match = _RANGE.fullmatch(ranges[0]) if len(ranges) == 1 else None
    if match is not None and int(match[1]) >= size:
        reason = _("The file ends before that.")
        raise Denied(416, "range", reason, {"Content-Range": f"bytes */{size}"})
    if match is None or (match[2] and int(match[2]) < int(match[1])):
        request.scope["headers"] = [one for one in headers if one[0] != b"range"]


def create_app(engine: Engine, settings: Settings, parts: Sequence[Part] = ()) -> Starlette:
    """The application with its parts, on a database that was opened with them.

    The database stays its caller's to close.
    """
    server = Server(engine, settings)
    mounted = {part.name: part.mount(server) for part in parts}
    retention, search_index = Retention(server, parts), SearchIndex(server)
    pages = settings.pages
    site = server_site(server, parts, needs_tls=pages is PagesBy.TLS)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await server.start()
        for one in mounted.values():
            await one.start()
        await retention.start()
        await search_index.start()
        # A list that a server was taking in when it died.
        stopping = threading.Event()
        rest = asyncio.create_task(asyncio.to_thread(pending.resume, engine, stopping))
        try:
            yield
        finally:
            stopping.set()
            await asyncio.wait([rest])
            await search_index.stop()
            await retention.stop()
            for one in reversed(mounted.values()):
                await one.stop()
            await server.stop()

    app = Starlette(
        routes=[
            *Devices(server, parts).routes(),
            *(route for one in mounted.values() for route in one.routes()),
            *organiser_routes(server, retention, parts),
            *Open(server).routes(),
            *([] if pages is PagesBy.NOTHING else site.routes()),
        ],
        middleware=[Middleware(http.Framed), Middleware(Counted, metrics=server.metrics)],
        exception_handlers={
            Denied: http.on_denied,
            HTTPException: http.on_http_exception,
            SQLAlchemyError: http.on_database_away,
            StoreError: http.on_database_away,
            Exception: http.on_fault,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.server = server
    app.state.retention = retention
    app.state.mounted = mounted
    return app
