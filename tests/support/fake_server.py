"""A server in the place of the client: it takes everything, or does what the test says."""

import threading
from collections.abc import Callable
from typing import Any

from gate.core.intake import read_bodies
from gate.core.ticket_feed import Changes
from sync.wire import Frame, SyncRequest, SyncResponse
from sync.worker.worker import Worker

CURSOR = "aa:0:"
"""Where its feed ends."""


class FakeStream:
    """A stream that keeps what is said on it."""

    def __init__(self) -> None:
        self.said: list[SyncRequest] = []

    def send(self, ask: SyncRequest) -> None:
        self.said.append(ask)
        assert len(self.said) < 1000, "it says the same again and again"

    def close(self) -> None:
        pass


class FakeServer:
    """Stands where the client stands: takes everything, or does what it is told."""

    def __init__(self) -> None:
        self.asks: list[SyncRequest] = []
        self.held: dict[str, str] = {}
        self.streams: list[FakeStream] = []
        self._compared_before = 0
        self.answers: Callable[[SyncRequest], SyncResponse] = self.take
        self.hear: Callable[[SyncResponse], None] = lambda _answer: None

    def exchange(self, ask: SyncRequest) -> SyncResponse:
        self.asks.append(ask)
        assert len(self.asks) < 1000, "it asks the same again and again"
        return self.answers(ask)

    def take(self, ask: SyncRequest) -> SyncResponse:
        """Hold it all."""
        for one in read_bodies(bytes(raw) for raw in ask.frame.entries)[0]:
            self.held[one.entry.origin] = f"{one.entry.seq}:{one.hash[:32]}"
        have = {origin: [tip] for origin, tip in self.held.items()}
        if ask.frame.compares:
            asked = ask.frame.have
            have = {o: have.get(o, []) for o in {*have, *asked} if have.get(o, []) != asked.get(o)}
        return SyncResponse(Frame(have=have), 1_798_000_001_000, CURSOR)

    def changes(self, cursor: str) -> Changes:
        return Changes([], cursor)

    def stream(
        self, hear: Callable[[SyncResponse], None], _gone: Callable[[str], None]
    ) -> FakeStream:
        self.hear = hear
        self._compared_before = self._compared()
        self.streams.append(FakeStream())
        return self.streams[-1]

    def _compared(self) -> int:
        return sum(ask.frame.compares for ask in self.asks)

    def is_followed(self) -> bool:
        """Whether all was compared since the stream was opened."""
        return bool(self.streams) and self._compared() > self._compared_before

    def close(self) -> None:
        pass


def run_while(worker: Worker, drive: Callable[[], None]) -> None:
    """Have a worker work while something is done beside it; it is stopped then."""

    def driven() -> None:
        try:
            drive()
        finally:
            worker.stop()

    thread = threading.Thread(target=driven)
    thread.start()
    worker.run()
    thread.join(10)


def wait(holds: Callable[[], Any]) -> None:
    """Until something holds, not too long."""
    for _ in range(1500):
        if holds():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it never came")
