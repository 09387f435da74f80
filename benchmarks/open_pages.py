"""Browsers with Tonight open at a server that is measured, and how soon a page comes."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sqlalchemy import Engine

OF_SESSION = 8
"""Pages that one browser has open at the most (``sync.server.web.live``)."""


def sessions(engine: Engine, event: str, pages: int) -> list[str]:
    """Cookies of browsers that show counts, enough for so many pages."""
    from gate.clock import read_wall_ms
    from sync.server.web import sessions as of_web
    from sync.server.web.level import Level

    with engine.begin() as connection:
        return [
            of_web.begin(connection, event, Level.COUNTS, "bench", read_wall_ms(), link="bench",
                         ends_ms=read_wall_ms() + 3_600_000)[0]
            for _n in range(-(-pages // OF_SESSION))
        ]  # fmt: skip


def request(path: str, cookie: str) -> bytes:
    """As a browser asks."""
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: gate-session={cookie}\r\n\r\n"
    return head.encode()


@dataclass(slots=True)
class OpenPages:
    """Pages that are told news as long as this runs."""

    port: int
    cookies: Sequence[str]
    count: int
    parts: int = 0
    """How often any was sent its parts."""
    octets: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def open(self) -> None:
        """Open them all, and wait until each has been sent its first parts."""
        for number in range(self.count):
            cookie = self.cookies[number // OF_SESSION]
            self._tasks.append(asyncio.create_task(self._follow(cookie)))
        until_s = time.monotonic() + 60
        while self.parts < self.count:
            assert time.monotonic() < until_s, f"{self.parts} of {self.count} pages opened"
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Close them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, cookie: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request("/web/live?view=tonight", cookie))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.split(b"\r\n")[0], head
        try:
            while data := await reader.read(65536):
                self.octets += len(data)
                self.parts += data.count(b"event: parts")
        finally:
            writer.close()


async def first_bytes(url: str, cookie: str, times: int) -> list[float]:
    """How long each of so many requests, one after the other, waited for its first byte (s)."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    found = []
    for _n in range(times):
        begun_s = time.perf_counter()
        writer.write(request(place.path, cookie))
        head = await reader.readuntil(b"\r\n\r\n")
        found.append(time.perf_counter() - begun_s)
        assert b" 200 " in head.split(b"\r\n")[0], head
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        # As a person asks; more than so many a second are refused.
        await asyncio.sleep(0.11)
    writer.close()
    return found


def median_ms(times: Sequence[float]) -> float:
    """In milliseconds."""
    return statistics.median(times) * 1000
