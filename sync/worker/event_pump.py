"""Where the worker's one thread waits: what happens elsewhere comes to it through one queue.

Whatever it waits for, the other gates are served meanwhile, and what else happens is kept.
"""

import queue
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gate.storage.feed_signatures import is_revocation
from sync.transport.lan_stream import Event
from sync.wire import SyncResponse
from sync.worker.surroundings import Surroundings

LOOK_EVERY_S = 0.25
"""How often the journal is looked at even if nobody nudges."""

T = TypeVar("T")


class Signal(Enum):
    """What needs no more than to be known."""

    NUDGE = "nudge"
    """There is something new."""
    STOP = "stop"
    DONE = "done"
    """What was given to the other thread is done."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """The server has sent something on its stream."""

    response: SyncResponse
    came_ms: int
    """When it came, by this device's boot clock: it may wait here for long."""


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """There is no stream from the server any more."""

    why: str


Awaited = Signal | Streamed | StreamEnded
Happened = Awaited | Event


class StopSignal:
    """Whether the worker is to end, and whether because its device was revoked."""

    def __init__(self, device: str, authority: Ed25519PublicKey | None) -> None:
        self._device = device
        self._authority = authority
        self.is_set = self.is_revoked = False

    def believe(self, proof: str) -> None:
        """Set for good, if it is the authority's word that this device was revoked."""
        if self._authority is not None and is_revocation(proof, self._device, self._authority):
            self.is_revoked = self.is_set = True


class EventPump:
    """The queue, and the ways to wait at it; but for ``put``, for the worker's thread only."""

    def __init__(
        self,
        around: Surroundings,
        stop: StopSignal,
        at_rest: Callable[[], None],
        sign: Callable[[], None] = lambda: None,
    ) -> None:
        """``at_rest`` is called wherever nothing is under way that waits for an answer.

        ``sign`` is called every time that the thread has come here.
        """
        self._now_s = around.now_s
        self._queue: queue.SimpleQueue[Happened] = around.queue()
        self._elsewhere = around.elsewhere()
        self._kept: deque[Awaited] = deque()
        self._at_rest, self._sign = at_rest, sign
        self.stop = stop
        self.put = self._queue.put
        """Say what has happened; from any thread."""
        self.serve: Callable[[Event | None], None] | None = None
        """Does what the other gates need done, where there may be any."""

    def close(self) -> None:
        """Wait for what is still being done elsewhere."""
        self._elsewhere.shutdown()

    def next(self, at_most_s: float = LOOK_EVERY_S) -> Awaited | None:
        """What happens next, but on the LAN; ``None``: nothing did for so long, or a moment."""
        if not self._kept:
            until = self._now_s() + min(at_most_s, LOOK_EVERY_S)
            self._at_rest()
            while (left := until - self._now_s()) > 0 and self._come(left) and not self._kept:
                pass
        return self._kept.popleft() if self._kept else None

    def call(self, work: Callable[[], T]) -> T:
        """Have something done that waits for a network, and answer with what came of it."""
        self._sign()
        if self.serve is None:
            return work()
        future = self._elsewhere.submit(work)
        future.add_done_callback(lambda _done: self._queue.put(Signal.DONE))
        while not future.done():
            self._come(LOOK_EVERY_S)
        return future.result()

    def pause(self, wait_s: float) -> None:
        """Wait so long, or until stopped; what happens meanwhile is kept for later."""
        until = self._now_s() + wait_s
        while not self.stop.is_set and (left := until - self._now_s()) > 0:
            self._come(left)

    def _come(self, wait_s: float) -> bool:
        """Wait for one thing to happen, and do what the other gates need done about it.

        Whether anything has; what did elsewhere than on the LAN is kept.
        """
        self._sign()
        try:
            happened = self._queue.get(timeout=min(wait_s, LOOK_EVERY_S))
        except queue.Empty:
            happened = None
        if happened is Signal.STOP:
            self.stop.is_set = True
        if self.serve is not None:
            self.serve(happened if isinstance(happened, Event) else None)
        if not isinstance(happened, Event | None) and happened is not Signal.DONE:
            self._kept.append(happened)
        return happened is not None
