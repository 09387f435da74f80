"""What the true time is, and how far that may be wrong: with a bound, and by whose word.

A yes or no to "is the clock right" says too little where seconds count, and too much where minutes
do. So whoever knows the time is measured against the boot clock, which is never set and runs on
through sleep; a measurement is worth less the older it is, by as much as a clock may drift.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

DRIFT = 5000
"""A boot clock is taken to drift by one part in so many, 200 ppm: four times a usual quartz."""
WATCH_ERROR_MS = 60_000
"""A supervisor's watch is read to the minute."""
TIME_SERVER_ERROR_MS = 1000
"""What a system that keeps its clock by a time server is believed to, either way."""
WIDEST_MS = 10 * 60_000
"""A bound beyond this tells nothing: those who know the time contradict each other."""
TOLD_MS = 10_000
"""So much off is told: before it is as long as the shortest thing that a rule counts."""


class Source(StrEnum):
    """Who knows the time."""

    SERVER = "server"
    TIME_SERVER = "time_server"
    """The machine's own, which keeps its clock right."""
    WATCH = "watch"
    """A supervisor has set the clock."""
    RELAYED = "relayed"
    """Another gate has measured the server's clock, and this one that gate's."""
    PEERS = "peers"
    """The other gates' clocks and this one's, in the middle."""


FIRST_HAND = frozenset({Source.SERVER, Source.TIME_SERVER, Source.WATCH})
"""Beside one of these no other gate is asked: a member may lie."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement of the true time against this device's boot clock."""

    source: Source
    zero_ms: int
    """The time, Unix milliseconds, when the boot clock showed 0."""
    error_ms: int
    """How far that may have been wrong when it was measured, either way."""
    boot_ms: int
    """When it was measured, by the boot clock."""

    def error_at(self, boot_ms: int) -> int:
        """How far it may be wrong at a moment of the boot clock, milliseconds either way."""
        return self.error_ms + abs(boot_ms - self.boot_ms) // DRIFT


@dataclass(frozen=True, slots=True)
class TrueTime:
    """Between which two moments the true time is, Unix milliseconds."""

    earliest_ms: int
    latest_ms: int
    sources: tuple[Source, ...]
    agrees: bool = True
    """Whether they can all be right."""

    @property
    def at_ms(self) -> int:
        """The middle of it."""
        return (self.earliest_ms + self.latest_ms) // 2

    @property
    def error_ms(self) -> int:
        """How far the middle may be wrong, either way."""
        return (self.latest_ms - self.earliest_ms + 1) // 2

    @property
    def is_telling(self) -> bool:
        """Whether rules about time can go by it."""
        return self.error_ms <= WIDEST_MS

    def is_off(self, at_ms: int) -> bool:
        """Whether a clock that shows ``at_ms`` is off by more than can be left untold."""
        return not self.earliest_ms - TOLD_MS <= at_ms <= self.latest_ms + TOLD_MS


def true_time(measured: Iterable[Measured], boot_ms: int) -> TrueTime | None:
    """What the time is by all of some measurements; ``None`` without any.

    What all of them allow; where they contradict each other, all that any of them allows: so a
    wrong one can make a rule sleep, and never have it refuse wrongly.
    """
    known = list(measured)
    known = [one for one in known if one.source in FIRST_HAND] or known
    if not known:
        return None
    spans = []
    for one in known:
        now_ms, error_ms = one.zero_ms + boot_ms, one.error_at(boot_ms)
        spans.append((now_ms - error_ms, now_ms + error_ms))
    sources = tuple(one.source for one in known)
    earliest, latest = max(span[0] for span in spans), min(span[1] for span in spans)
    if earliest <= latest:
        return TrueTime(earliest, latest, sources)
    widest = min(span[0] for span in spans), max(span[1] for span in spans)
    return TrueTime(*widest, sources, agrees=False)


def among_peers(ahead: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
    """How far the middle of all clocks is ahead of ours, and how far any is from it.

    ``ahead`` has, of each other clock, how far it is ahead of ours and how far that may be wrong.
    """
    others = list(ahead)
    if not others:
        return None
    clocks = sorted([0, *(ms for ms, _error in others)])
    middle = (clocks[(len(clocks) - 1) // 2] + clocks[len(clocks) // 2]) // 2
    spread = max(abs(ms - middle) for ms in clocks)
    return middle, spread + max(error for _ms, error in others)


class ClockState(StrEnum):
    """What there is to tell of a lane's clock."""

    RIGHT = "right"
    OFF = "off"
    UNSURE = "unsure"
    """It was measured so long ago that it may be off."""


class ClockWatch:
    """Follows a lane's clock, and tells when it begins to be off, and when it is right again."""

    def __init__(self) -> None:
        self._told = ClockState.RIGHT

    def look(self, known: TrueTime | None, at_ms: int) -> ClockState | None:
        """What is new of a clock that shows ``at_ms``; ``None``: nothing is."""
        state = self._state(known, at_ms)
        if state is self._told:
            return None
        self._told = state
        return state

    def _state(self, known: TrueTime | None, at_ms: int) -> ClockState:
        if known is None:
            # Nobody who knows: what was told stays so.
            return self._told
        # What is right again is so by half, or a clock at the edge would be told of for ever.
        slack_ms = TOLD_MS if self._told is ClockState.RIGHT else TOLD_MS // 2
        if not known.earliest_ms - slack_ms <= at_ms <= known.latest_ms + slack_ms:
            return ClockState.OFF
        return ClockState.RIGHT if known.error_ms <= slack_ms else ClockState.UNSURE
