"""What the clocks of a time zone show: also when they show it twice, or never.

A wall time is good from the first second whose clock shows it until the last one, so an hour that
comes twice holds until its second end, and one that the clocks leave out neither lengthens nor
empties anything.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

UTC_NAMES = frozenset({
    "UTC", "UCT", "GMT", "Universal", "Zulu", "Greenwich", "GMT0", "GMT+0", "GMT-0", "Etc/UTC",
    "Etc/UCT", "Etc/GMT", "Etc/Universal", "Etc/Zulu", "Etc/Greenwich", "Etc/GMT0", "Etc/GMT+0",
    "Etc/GMT-0",
})  # fmt: skip
"""Names of the zone that machines are in when nobody has set them."""

_MONTHS = 13
_CYCLE_S = 146_097 * 86_400
"""400 Gregorian years."""
_TOLD = (0, 8000 * 31_556_952)
"""From 1970 on and for 8,000 years."""


@lru_cache(maxsize=1024)  # the same few hours before every scan
def first_at(wall: datetime, zone: ZoneInfo) -> int:
    """The first second (Unix) whose clock shows ``wall``, or later where that never is shown.

    Raises OverflowError outside the years that can be told.
    """
    early, late = _both(wall, zone)
    if early <= late:
        return early
    return _change(wall, zone, late, early)


@lru_cache(maxsize=1024)
def last_at(wall: datetime, zone: ZoneInfo) -> int:
    """The last second (Unix) whose clock shows ``wall``, or earlier where that never is shown.

    Raises OverflowError outside the years that can be told.
    """
    early, late = _both(wall, zone)
    if early <= late:
        return late
    return _change(wall, zone, late, early) - 1


class Moment(NamedTuple):
    """What the clocks of a zone show, in whatever year."""

    shown: datetime
    """In a year that can be told: the Gregorian calendar is the same again after 400 years."""
    day: str
    """The true date, such as ``2026-12-31``; ``287396-10-12`` where a clock was mad."""


def moment_of(at: int, zone: ZoneInfo) -> Moment:
    """What clocks show at any second (Unix), before and after the years that can be told."""
    cycles = 0 if _TOLD[0] <= at < _TOLD[1] else (at - _TOLD[0]) // _CYCLE_S
    shown = datetime.fromtimestamp(at - cycles * _CYCLE_S, zone)
    return Moment(shown, f"{shown.year + 400 * cycles:04}-{shown:%m-%d}")


def is_twice(moment: datetime) -> bool:
    """Whether the clocks show this moment's wall time twice, now or at another time."""
    first, second = moment.replace(fold=0), moment.replace(fold=1)
    return (first.utcoffset() or timedelta()) > (second.utcoffset() or timedelta())


def abbreviation(moment: datetime) -> str:
    """What tells a wall time from its double: ``CEST``, or the offset where both have one name."""
    name = moment.tzname() or ""
    twin = moment.replace(fold=1 - moment.fold)
    if name.isalpha() and name != twin.tzname():
        return name
    return "UTC" + moment.strftime("%z")


def same_clock(one: ZoneInfo, other: ZoneInfo, at: int) -> bool:
    """Whether clocks of two zones show the same, from the second ``at`` on and for a year."""
    if one.key == other.key:
        return True
    start = datetime.fromtimestamp(at, UTC)
    moments = [start + timedelta(days=30 * n) for n in range(_MONTHS)]
    return all(m.astimezone(one).utcoffset() == m.astimezone(other).utcoffset() for m in moments)


def _both(wall: datetime, zone: ZoneInfo) -> tuple[int, int]:
    first = wall.replace(tzinfo=zone, fold=0, microsecond=0)
    return int(first.timestamp()), int(first.replace(fold=1).timestamp())


def _change(wall: datetime, zone: ZoneInfo, low: int, high: int) -> int:
    """The first second after the clocks were put forward over ``wall``."""
    while low < high:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).replace(tzinfo=None) < wall:
            low = middle + 1
        else:
            high = middle
    return low
