"""Time as values: hybrid logical clock, and how far a device's own clock is to be believed.

Device clocks order nothing that matters: the hybrid logical clock (Kulkarni et al., 2014) does.
"""

from dataclasses import dataclass

COUNTER_BITS = 16
MAX_AHEAD_MS = 60_000
"""How far ahead of this clock another's may be and still be believed."""
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


def latest_believable(wall_ms: int) -> int:
    """The greatest hybrid logical time of others that this clock, at ``wall_ms``, believes.

    What is beyond it is by a clock too far ahead: it is kept, but nothing is ordered after it and
    nothing follows from it before time has caught up.
    """
    return ((wall_ms + MAX_AHEAD_MS + 1) << COUNTER_BITS) - 1


def wall_ms(hlc: int) -> int:
    """The millisecond part of a hybrid logical time."""
    return hlc >> COUNTER_BITS


def is_trusted(
    reading: Reading, *, offset_ms: int, floor_ms: int, anchor: Reading | None, confirmed: bool
) -> bool:
    """Whether rules about time may refuse anybody.

    ``floor_ms`` is the newest thing known to have happened; no true clock is below it. ``anchor``
    is the last reading that was believed; one that lay below the floor, as it is known by now, was
    wrong and ties nobody. ``confirmed`` means that a supervisor set the clock in this boot, which
    outranks the floor but not a later jump.
    """
    if confirmed:
        floor_ms = 0
    if reading.wall_ms + offset_ms < floor_ms:
        return False
    if anchor is None or anchor.boot_id != reading.boot_id:
        return True
    by_anchor_ms = anchor.wall_ms + reading.boot_ms - anchor.boot_ms
    was_wrong = by_anchor_ms + offset_ms < floor_ms
    return was_wrong or abs(reading.wall_ms - by_anchor_ms) <= JUMP_MS
