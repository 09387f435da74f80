"""Up to when all that another device did is held here: pure, without a clock or a socket.

To be heard is not to be caught up with. So every device says, with its newest entry (its tip), at
which moment it looked: a *watermark*, before which it had done nothing beyond that tip. Where the
tip is held, everything before the moment is. It may come by any way, late and from any hand.

The moment is by another clock. It is brought to ours by what must be so, and by no guess at how
long anything was on its way: whatever bears a stamp of ours was made after we stamped it.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from sync.wire import SyncRequestStamp, SyncResponseStamp

SAMPLE_MS = 30_000
"""How long the best comparison of two clocks counts at the most: a virtual machine may be paused
without its clock's knowing."""
DRIFT = 1000
"""Two clocks are taken to drift by one part in so many: twice what a kernel may slew them."""
WAITING = 8
"""Watermarks of one device that wait for their tips. Of more the newest replaces the last, so that
the next to be reached stays."""


class Way(StrEnum):
    """How a watermark has come."""

    CENTRAL = "central"
    LAN = "lan"


class Watermark(NamedTuple):
    """All that a device had done by a moment is its tip and what was before that."""

    tip: str
    """As ``gate.core.replication.tip_name`` names it; empty: nothing."""
    boot_ms: int
    """The moment, by this device's boot clock."""


@dataclass(slots=True)
class ClockBound:
    """How far one clock is ahead of another, at the least; both count milliseconds.

    The boot clocks of two machines: they run through sleep, and are never set.
    """

    _ahead_ms: int | None = None
    _learnt_ms: int = 0

    def learn(self, ahead_ms: int, then_ms: int, now_ms: int) -> None:
        """The first clock had shown ``ahead_ms`` before the second showed ``then_ms``."""
        # Of the second only whole milliseconds are known.
        found = ahead_ms - then_ms - 1
        best = self._best(now_ms)
        if best is None or found >= best:
            self._ahead_ms, self._learnt_ms = found, now_ms

    def first(self, second_ms: int, now_ms: int) -> int | None:
        """What the first clock shows at the least when the second shows that; ``None``: unknown."""
        best = self._best(now_ms)
        return None if best is None else second_ms + best

    def _best(self, now_ms: int) -> int | None:
        age_ms = now_ms - self._learnt_ms
        if self._ahead_ms is None or age_ms > SAMPLE_MS:
            return None
        return self._ahead_ms - age_ms // DRIFT - 1


@dataclass(slots=True)
class ServerClock:
    """The server's clock against this device's boot clock, both ways."""

    name: str = ""
    """Which clock it is; empty while none is known."""
    _theirs: ClockBound = field(default_factory=ClockBound)
    _ours: ClockBound = field(default_factory=ClockBound)

    def stamp(self, now_ms: int, tip: str) -> SyncRequestStamp:
        """What goes with a message to it; the journal was looked through, to ``tip``, since now."""
        theirs_ms = self._theirs.first(now_ms, now_ms)
        if theirs_ms is None:
            return SyncRequestStamp(now_ms, tip)
        return SyncRequestStamp(now_ms, tip, self.name, theirs_ms)

    def receive(self, stamp: SyncResponseStamp, now_ms: int) -> dict[str, Watermark]:
        """Take in what the server's clock shows; the answer is what it tells of the devices."""
        if stamp.clock != self.name:
            self.name, self._theirs, self._ours = stamp.clock, ClockBound(), ClockBound()
        self._theirs.learn(stamp.at_ms, now_ms, now_ms)
        if stamp.got_ms is not None:
            self._ours.learn(min(stamp.got_ms, now_ms), stamp.at_ms, now_ms)
        return {
            device: Watermark(mark.tip, min(boot_ms, now_ms))
            for device, mark in stamp.devices.items()
            if (boot_ms := self._ours.first(mark.at_ms, now_ms)) is not None
        }


@dataclass(slots=True)
class _Known:
    """What is known of a device by one way."""

    held: Watermark | None = None
    newest: Watermark | None = None
    waiting: list[Watermark] = field(default_factory=list)


class Watermarks:
    """The watermarks of the other devices, held against the entries that are."""

    def __init__(self, lacking: Callable[[str], int]) -> None:
        """``lacking`` says how many entries are not held up to a tip; 0: none."""
        self._lacking = lacking
        self._known: dict[str, dict[Way, _Known]] = defaultdict(dict)
        self.version = 0
        """Goes up when more is known to be held."""

    def note(self, device: str, way: Way, mark: Watermark) -> None:
        """A watermark of a device has come."""
        known = self._known[device].setdefault(way, _Known())
        if known.newest is None or mark.boot_ms >= known.newest.boot_ms:
            known.newest = mark
        waiting = [
            one for one in known.waiting if one.tip != mark.tip or one.boot_ms > mark.boot_ms
        ]
        known.waiting = [*waiting[: WAITING - 1], mark]
        self._look(known)

    def look_again(self) -> None:
        """More entries are held."""
        for ways in self._known.values():
            for known in ways.values():
                self._look(known)

    def held_boot_ms(self, device: str, way: Way) -> int | None:
        """The latest moment by which all that a device had done is held here."""
        held = self.held(device, way)
        return held.boot_ms if held else None

    def held(self, device: str, way: Way) -> Watermark | None:
        """The watermark that this is known by."""
        known = self._known[device].get(way) if device in self._known else None
        return known.held if known else None

    def newest(self, device: str) -> Watermark | None:
        """The newest watermark of a device, whether its tip is held or not."""
        marks = [known.newest for known in self._known.get(device, {}).values() if known.newest]
        return max(marks, key=lambda mark: mark.boot_ms, default=None)

    def behind(self, device: str) -> int:
        """How many entries of a device are known of and not held, at the least."""
        newest = self.newest(device)
        return self._lacking(newest.tip) if newest else 0

    def devices(self) -> list[str]:
        """Every device of which anything has come."""
        return list(self._known)

    def _look(self, known: _Known) -> None:
        for mark in known.waiting:
            if known.held is not None and mark.boot_ms <= known.held.boot_ms:
                continue
            if not self._lacking(mark.tip):
                known.held = mark
                self.version += 1
        held = known.held
        if held is not None:
            known.waiting = [mark for mark in known.waiting if mark.boot_ms > held.boot_ms]
