"""The silence after keys by which it is known that no more of them belong together."""

import time
from collections.abc import Awaitable, Callable

from textual.timer import Timer
from textual.widget import Widget

LATE_S = 0.05
"""A silence that is heard so much later than it was due may have keys in it, not heard yet."""


class Silence:
    """Waits for one after each key; what a busy machine hears late it listens to once more."""

    def __init__(
        self, widget: Widget, length_s: float, then: Callable[[], Awaitable[None] | None]
    ) -> None:
        """``then`` is called, as the widget's timers are, when nothing came for so long."""
        self._widget, self._length_s, self._then = widget, length_s, then
        self._timer: Timer | None = None
        self._due_s = 0.0

    @property
    def is_awaited(self) -> bool:
        """Whether it has begun and was not heard yet."""
        return self._timer is not None

    def begin(self) -> None:
        """Another key has come: it is waited for anew."""
        self.stop()
        self._due_s = time.monotonic() + self._length_s
        self._timer = self._widget.set_timer(self._length_s, self._is_over)

    def stop(self) -> None:
        """It does not matter any more."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = None

    async def _is_over(self) -> None:
        if time.monotonic() - self._due_s > LATE_S:
            # Once: a machine may be late for ever.
            self._timer = self._widget.set_timer(self._length_s, self._end)
        else:
            await self._end()

    async def _end(self) -> None:
        self._timer = None
        ended = self._then()
        if ended is not None:
            await ended
