"""A connection on which the server tells news as it comes, in a thread and loop of its own.

That one thread both reads and writes. With two of them a read that has seen half of a TLS record
would wait, and whoever hangs up with it, for the other half; and OpenSSL takes only one at a time.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from sync.wire import SyncRequest, SyncResponse

log = logging.getLogger(__name__)
CLOSE_S = 1.0
"""How long hanging up waits for the other end's word."""


class call_there(connect):  # noqa: N801  is used as what it is made of
    """Opens a WebSocket at that address and nowhere else: a credential goes with it."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Follow none."""
        return exc


class ServerStream:
    """An open connection; what happens on it is told from its own thread."""

    def __init__(
        self,
        call: Callable[[], Awaitable[ClientConnection]],
        receive: Callable[[SyncResponse], None],
        gone: Callable[[str], None],
    ) -> None:
        """Wait until it is open. Raises what ``call`` does.

        ``gone`` is told why it ended, but not of ``close``.
        """
        self._call, self._receive, self._gone = call, receive, gone
        self._is_open: Future[None] = Future()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)
        self._thread.start()
        self._is_open.result()

    def send(self, request: SyncRequest) -> None:
        """Send a request; its response comes when it comes, or ``gone`` is told.

        What the other end does not read waits: the worker hangs up on who is silent for long.
        """
        with suppress(RuntimeError):  # it has ended
            data = msgspec.json.encode(request)
            self._loop.call_soon_threadsafe(self._unsent.put_nowait, data)

    def close(self) -> None:
        """Hang up."""
        self._is_over = True
        with suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except OSError as error:
            if self._is_open.done():
                raise
            # There was no loop to be had: too many files are open.
            self._is_open.set_exception(error)

    async def _live(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._unsent: asyncio.Queue[bytes] = asyncio.Queue()
        try:
            socket = await self._call()
        except Exception as error:  # noqa: BLE001  whoever waits is told
            self._is_open.set_exception(error)
            return
        self._is_open.set_result(None)
        why = await self._follow(socket)
        if not self._is_over:
            self._gone(why)

    async def _follow(self, socket: ClientConnection) -> str:
        """Read and write until either end hangs up; why that was."""
        parts = [
            asyncio.ensure_future(part)
            for part in (self._read(socket), self._write(socket), self._end.wait())
        ]
        try:
            ended, _others = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            return next((str(part.exception())[:200] for part in ended if part.exception()), "")
        finally:
            for part in parts:
                part.cancel()
            with suppress(TimeoutError, OSError, WebSocketException):
                await asyncio.wait_for(socket.close(), CLOSE_S)
            socket.transport.abort()

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                self._receive(msgspec.json.decode(data, type=SyncResponse))
        except (OSError, WebSocketException, msgspec.DecodeError, UnicodeError):
            raise
        except Exception:
            # Nobody else would hear of it: the stream would seem silent.
            log.exception("stream: unforeseen fault")
            raise

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            await socket.send(await self._unsent.get())
