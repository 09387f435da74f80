"""Time as values: hybrid logical clock, and how far a device's own clock is to be believed.

Device clocks order nothing that matters: the hybrid logical clock (Kulkarni et al., 2014) does.
"""

from dataclasses import dataclass

COUNTER_BITS = 16
MAX_AHEAD_MS = 60_000
"""A remote clock further ahead than this is not merged: its device is flagged instead."""
JUMP_MS = 5 * 60_000
"""A change of the wall clock against the boot clock that needs an explanation."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The device's clocks at one instant."""

    wall_ms: int
    """Unix milliseconds of the system clock, as found."""
    boot_ms: int
    """Milliseconds since boot, sleep included."""
    boot_id: str
    """Names the boot: equal ids make two ``boot_ms`` comparable."""


def tick(last: int, wall_ms: int) -> int:
    """The next hybrid logical time: 48 bits of milliseconds, 16 of counter, always greater."""
    return max(last + 1, wall_ms << COUNTER_BITS)


def merge(last: int, remote: int, wall_ms: int) -> int | None:
    """``last`` having heard ``remote``, or ``None`` when the remote clock is too far ahead."""
    if (remote >> COUNTER_BITS) - wall_ms > MAX_AHEAD_MS:
        return None
    return max(last, remote)


def wall_ms(hlc: int) -> int:
    """The millisecond part of a hybrid logical time."""
    return hlc >> COUNTER_BITS


def is_trusted(
    reading: Reading, *, offset_ms: int, floor_ms: int, anchor: Reading | None, confirmed: bool
) -> bool:
    """Whether rules about time may refuse anybody.

    ``floor_ms`` is the newest thing known to have happened; no true clock is below it. ``anchor``
    is the last reading that was believed. ``confirmed`` means that a supervisor set the clock in
    this boot, which outranks the floor but not a later jump.
    """
    if not confirmed and reading.wall_ms + offset_ms < floor_ms:
        return False
    if anchor is None or anchor.boot_id != reading.boot_id:
        return True
    drift = (reading.wall_ms - reading.boot_ms) - (anchor.wall_ms - anchor.boot_ms)
    return abs(drift) <= JUMP_MS
