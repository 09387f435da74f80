"""A small bad network: passes TCP on to a server, late, twice, half, or not at all."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass


@dataclass
class Weather:
    """What the network does to connections just now."""

    delay_s: float = 0.0
    is_down: bool = False
    """Nobody gets through, and whoever was through is cut."""
    is_half_open: bool = False
    """Connections stay, but nothing passes any more."""
    cut_after: int | None = None
    """Cut each connection after so many bytes from the server."""
    is_torn: bool = False
    """Of the next piece from the server half gets through, and nothing after it."""
    twice: bool = False
    """Send every request that comes in one piece a second time, on a connection of its own."""


class Proxy:
    """Runs in a thread of its own until closed."""

    def __init__(self, port: int) -> None:
        self.weather = Weather()
        self.connections = 0
        self.fetched = 0
        """Bytes that came from the server."""
        self._to = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def change(self, act: Callable[[Weather], None]) -> None:
        """Change the weather, in the proxy's thread; waits until it has changed."""
        done = threading.Event()

        def change() -> None:
            act(self.weather)
            if self.weather.is_down:
                for writer in list(self._writers):
                    writer.transport.abort()
            done.set()

        self._loop.call_soon_threadsafe(change)
        assert done.wait(10)

    def down(self) -> None:
        self.change(lambda weather: setattr(weather, "is_down", True))

    def up(self) -> None:
        def mend(weather: Weather) -> None:
            weather.is_down = weather.is_half_open = weather.twice = False
            weather.cut_after, weather.delay_s = None, 0.0

        self.change(mend)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        # Let every connection come to its end.
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await task

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            if self.weather.is_down:
                return
            with suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
                self._writers.add(far_writer)
                try:
                    await asyncio.gather(
                        self._pass(reader, far_writer, to_server=True),
                        self._pass(far_reader, writer, to_server=False),
                    )
                finally:
                    self._writers.discard(far_writer)
                    far_writer.close()
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_server: bool
    ) -> None:
        passed = 0
        with suppress(OSError):
            while data := await reader.read(64 * 1024):
                weather = self.weather
                if weather.delay_s:
                    await asyncio.sleep(weather.delay_s)
                while weather.is_half_open:
                    await asyncio.sleep(0.05)
                if not to_server and weather.is_torn:
                    writer.write(data[: len(data) // 2])
                    await asyncio.Event().wait()
                if to_server and weather.twice and data.startswith(b"POST"):
                    await self._again(data)
                if not to_server and weather.cut_after is not None:
                    data = data[: max(0, weather.cut_after - passed)]
                    if not data:
                        writer.transport.abort()
                        return
                passed += len(data)
                self.fetched += 0 if to_server else len(data)
                writer.write(data)
                await writer.drain()
            writer.write_eof()

    async def _again(self, data: bytes) -> None:
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._to)
            try:
                writer.write(data)
                await writer.drain()
                await asyncio.wait_for(reader.read(64 * 1024), 2)
            finally:
                writer.close()
