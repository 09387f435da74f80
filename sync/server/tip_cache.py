"""How far an event has come: its newest entry and ticket change, read now and then."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection

from sync.server import feed, journals

GOOD_FOR_S = 0.25


class EventTips(NamedTuple):
    """How far an event had come."""

    number: int
    """Of the newest entry."""
    cursor: str
    """Of the newest ticket change."""


def _read_tips(connection: Connection, event: str) -> EventTips:
    return EventTips(journals.newest_number(connection, event), feed.cursor_of(connection, event))


class TipCache:
    """The newest tips of every event that is asked for."""

    def __init__(self, read: Callable[..., Awaitable[Any]]) -> None:
        self._read = read
        self._newest: dict[str, tuple[EventTips, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def cursor(self, event: str) -> str:
        """The cursor of whoever has read all ticket changes, at most a quarter of a second old."""
        kept = self._newest.get(event)
        if kept is not None and time.monotonic() - kept[1] < GOOD_FOR_S:
            return kept[0].cursor
        return (await self.newest(event)).cursor

    async def newest(self, event: str) -> EventTips:
        """How far the event has come, read now unless that was a moment ago."""
        begun = time.monotonic()
        async with self._locks.setdefault(event, asyncio.Lock()):
            kept = self._newest.get(event)
            # Whoever waited for another's reading, begun after their question, takes that.
            if kept is not None and kept[1] >= begun:
                return kept[0]
            at = time.monotonic()
            tips: EventTips = await self._read(_read_tips, event)
            self._newest[event] = (tips, at)
            return tips

    def forget(self, event: str) -> None:
        """Tickets were changed here: what is kept of the event is old."""
        self._newest.pop(event, None)
