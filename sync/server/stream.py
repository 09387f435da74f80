"""News to every connected device: encoded once, at most four times a second, never waited for."""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Raw
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket, WebSocketDisconnect

from gate.clock import read_wall_ms
from gate.core.replication import Have, tips_to_text
from gate.errors import StoreError
from sync.server import journals
from sync.server.devices import Device
from sync.server.http import Denied
from sync.server.journals import News
from sync.wire import MAX_FRAME, PAGE_ORIGINS, Frame, SyncResponse

if TYPE_CHECKING:
    from sync.server.server import Server

log = logging.getLogger(__name__)
EVERY_S: Final = 0.25
"""How far frames for everybody are apart at least."""
LOOK_EVERY_S: Final = 0.25
"""How often the counters are read for what other processes have done: nobody wakes us for that."""
LANES_EVERY_S: Final = 2.0
MARKS_EVERY_S: Final = 0.9
"""How often all are told how far each device has come: a little more often than devices say."""
QUEUE_FRAMES: Final = 32
"""A client that is this many frames behind is cut; it comes back and asks for what it lacks."""
CLOSE_S: Final = 2.0
TWINS_S: Final = 25.0
"""How long two streams of one device are open beside each other before both are believed to be
alive: longer than it takes to miss a ping (10 s) and its answer (10 s)."""
REVOKED, TOO_BIG, SLOW, WRONG, GOING = 1008, 1009, 1013, 1007, 1001
ABNORMAL: Final = 1006
"""Never sent (RFC 6455, 7.4.1): the connection ended without a word."""
_encode = msgspec.json.Encoder().encode


class DeviceStream:
    """One connected device: what waits to be sent to it, and whether it is to be cut."""

    def __init__(self, device: Device, run: str) -> None:
        self.device = device
        self.run_name = run
        self.opened_s = time.monotonic()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_FRAMES)
        self._cut: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    @property
    def is_cut(self) -> bool:
        """Whether the connection is being closed."""
        return self._cut.done()

    def offer(self, frame: bytes) -> bool:
        """Have a frame sent; whether there was room."""
        try:
            self._waiting.put_nowait(frame)
        except asyncio.QueueFull:
            self.cut(SLOW, "slow")
            return False
        return True

    def cut(self, code: int, why: str) -> None:
        """Have the connection closed."""
        if not self._cut.done():
            self._cut.set_result((code, why))

    async def run(self, websocket: WebSocket, server: "Server") -> None:
        """Talk until either side ends it."""
        sender = asyncio.create_task(self._send(websocket))
        receiver = asyncio.create_task(self._receive(websocket, server))
        try:
            await asyncio.wait((sender, receiver, self._cut), return_when="FIRST_COMPLETED")
        finally:
            for task in (sender, receiver):
                task.cancel()
            await asyncio.gather(sender, receiver, return_exceptions=True)
        self._log_faults(sender, receiver)
        if self._cut.done():
            code, why = self._cut.result()
            with suppress(TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
                # Whoever does not read does not read this either.
                await asyncio.wait_for(websocket.close(code, why), CLOSE_S)

    async def _send(self, websocket: WebSocket) -> None:
        while True:
            frame = await self._waiting.get()
            try:
                await websocket.send_bytes(frame)
            except RuntimeError as error:
                # So uvicorn and Starlette say that the other side has closed meanwhile.
                raise WebSocketDisconnect(ABNORMAL) from error

    async def _receive(self, websocket: WebSocket, server: "Server") -> None:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            body = message.get("bytes") or (message.get("text") or "").encode()
            if len(body) > MAX_FRAME:
                self.cut(TOO_BIG, "too_large")
                return
            server.twins.note_run(self.device, self.run_name)
            # Its own fault: who asks too often is read more slowly.
            await asyncio.sleep(server.callers.wait_of(self.device))
            try:
                request = await server.exchange.decode(body)
                if request.frame.compares:
                    answer = await server.exchange.answer(self.device, request)
                    self.offer(_encode(answer))
                    continue
                _touched, left = await server.exchange.take(self.device, request)
            except Denied as denied:
                self.cut(WRONG, denied.problem.error)
                return
            if any(left) or request.report is not None:
                now_ms = read_wall_ms()
                stamp = server.exchange.stamp(self.device.event, request)
                frame = Frame(rejected=list(left.rejected), later=list(left.later))
                self.offer(_encode(SyncResponse(frame, now_ms, stamp=stamp)))

    def _log_faults(self, *tasks: "asyncio.Task[None]") -> None:
        for task in tasks:
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, WebSocketDisconnect | OSError):
                log.error("stream: %s", type(error).__name__, exc_info=error)
                self.cut(1011, "fault")


class Channel:
    """The connected devices of one event, and the task that tells them the news."""

    def __init__(self, server: "Server", event: str) -> None:
        self._server = server
        self._event = event
        self._woken = asyncio.Event()
        self._woken.set()
        self._touched: Have = {}
        self._after = -1
        self._head = ""
        self._lanes_at = self._marks_at = 0.0
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())
        self.clients: set[DeviceStream] = set()

    async def ready(self) -> None:
        """Wait until nothing that comes from now on is missed."""
        await asyncio.shield(self._ready)

    def wake(self, touched: Have) -> None:
        """Something came in here; its tips are the receipt, even if all of it was held."""
        self._touched |= touched
        self._woken.set()

    async def stop(self) -> None:
        """Tell no more."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if not self._ready.done():
            self._ready.set_result(None)

    async def _run(self) -> None:
        sent_at = 0.0
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_EVERY_S)
            await asyncio.sleep(sent_at + EVERY_S - time.monotonic())
            self._woken.clear()
            try:
                frame = await self._news()
            except (SQLAlchemyError, StoreError) as error:
                log.error("stream: %s", type(error).__name__)
                await asyncio.sleep(1)
                continue
            if frame:
                sent_at = time.monotonic()
                self._broadcast(frame)

    async def _news(self) -> bytes:
        """The next frame for everybody; empty when there is nothing to tell."""
        server, event = self._server, self._event
        touched = dict(islice(self._touched.items(), PAGE_ORIGINS))
        self._touched = {o: tips for o, tips in self._touched.items() if o not in touched}
        if self._touched:
            self._woken.set()
        tips = await server.tip_cache.newest(event)
        if self._after < 0:
            self._after = tips.number
            self._ready.set_result(None)
        news = News(self._after, [], {}, [])
        if tips.number > self._after:
            news = await server.read(journals.news, event, self._after)
        now_s = time.monotonic()
        is_due, marks_due = (
            now_s - self._lanes_at > LANES_EVERY_S, now_s - self._marks_at > MARKS_EVERY_S
        )  # fmt: skip
        if not (is_due or marks_due or touched or news.bodies or tips.cursor != self._head):
            return b""
        if news.number < tips.number:
            self._woken.set()
        self._after, self._head = news.number, tips.cursor
        lanes = upstream = None
        if is_due:
            self._lanes_at = now_s
            lanes = server.device_cache.lanes(event)
            upstream = server.upstream_state(event)
        frame = Frame(
            have=tips_to_text(touched | news.tips),
            entries=[Raw(body) for body in news.bodies],
            signed_tips=news.signed_tips,
        )
        if marks_due:
            self._marks_at = now_s
        stamp = server.exchange.stamp(event, with_devices=marks_due)
        return _encode(SyncResponse(frame, read_wall_ms(), tips.cursor, lanes, stamp, upstream))

    def _broadcast(self, frame: bytes) -> None:
        metrics = self._server.metrics
        for client in self.clients:
            if client.is_cut:
                continue
            if client.offer(frame):
                metrics.frames.inc()
            else:
                metrics.cut.inc()


class Streams:
    """The connected devices of every event."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._channels: dict[str, Channel] = {}

    @property
    def connected(self) -> int:
        """How many devices are connected."""
        return sum(len(channel.clients) for channel in self._channels.values())

    def wake(self, event: str, touched: Have) -> None:
        """Entries or tickets of an event came in here."""
        channel = self._channels.get(event)
        if channel is not None:
            channel.wake(touched)

    def cut_revoked(self) -> None:
        """Close the streams of devices that may not come any more."""
        clients = [one for channel in self._channels.values() for one in channel.clients]
        gone = self._server.device_cache.revoked(one.device.credential for one in clients)
        for client in clients:
            if client.device.credential in gone:
                client.cut(REVOKED, "revoked")

    def note_twins(self) -> None:
        """Look for two machines of one device, of which one may only listen.

        A connection that is dead has not been answering pings for so long, and is closed.
        """
        long_ago_s = time.monotonic() - TWINS_S
        runs: dict[str, str] = {}
        for client in self._clients():
            if client.opened_s > long_ago_s or client.is_cut:
                continue
            key = f"{client.device.credential}:{client.run_name}"
            if runs.setdefault(client.device.id, key) != key:
                self._server.twins.note(client.device)

    async def serve(self, websocket: WebSocket, device: Device, run: str) -> None:
        """Serve one accepted connection to its end; ``run`` names the worker at its other end."""
        client = DeviceStream(device, run)
        channel = self._channels.get(device.event)
        if channel is None:
            channel = self._channels[device.event] = Channel(self._server, device.event)
        channel.clients.add(client)
        try:
            await channel.ready()
            await client.run(websocket, self._server)
        finally:
            channel.clients.discard(client)
            if not channel.clients and self._channels.get(device.event) is channel:
                del self._channels[device.event]
                await channel.stop()

    async def stop(self) -> None:
        """Close every stream."""
        for client in self._clients():
            client.cut(GOING, "going")
        for channel in list(self._channels.values()):
            await channel.stop()

    def _clients(self) -> Iterable[DeviceStream]:
        return [one for channel in self._channels.values() for one in channel.clients]
