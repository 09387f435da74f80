"""What is read for many pages at once: one reading at a time, and none sooner than it is worth."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")
FRESH_S: Final = 0.5
"""Nothing is read again sooner, nor before five times what reading it took has passed."""
_PAUSE: Final = 5


class Paced(Generic[T]):
    """The newest reading of each event."""

    def __init__(self, read: Callable[[str], Awaitable[T]]) -> None:
        self._read = read
        self._kept: dict[str, T] = {}
        self._good_until_s: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def newest(self, event: str) -> T:
        """How it is now, or was a moment ago. Raises what reading raises."""
        async with self._locks.setdefault(event, asyncio.Lock()):
            begun_s = time.monotonic()
            if begun_s < self._good_until_s.get(event, float("-inf")):
                return self._kept[event]
            self._kept[event] = found = await self._read(event)
            ended_s = time.monotonic()
            self._good_until_s[event] = ended_s + max(FRESH_S, _PAUSE * (ended_s - begun_s))
            return found

    def wait_s(self, event: str) -> float:
        """How long until a reading is another one."""
        return max(0.0, self._good_until_s.get(event, 0.0) - time.monotonic())

    def forget(self, event: str) -> None:
        """Something was changed here: whoever did it sees it at once."""
        self._good_until_s.pop(event, None)
