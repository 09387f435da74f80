"""Moments and ages as people tell them: the time of day in a zone, and how long ago it was."""

from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gate.core.local_time import abbreviation, is_twice, moment_of
from gate.i18n import _, ngettext

OLD_MS = 366 * 86_400_000
"""From this age on a time is told as it is: the clocks may be the reason, not the years."""


def clock_time(
    at_ms: int,
    time_zone: ZoneInfo,
    *,
    near_ms: int | None = None,
    dated: bool = False,
    seconds: bool = False,
) -> str:
    """Hours and minutes, with the date where it is another day than ``near_ms``, or ``dated``.

    A time that the clocks show twice says which one it is: ``02:30 CET``.
    """
    day, shown = _shown(at_ms // 1000, time_zone, seconds=seconds)
    near_day = day if near_ms is None else _shown(near_ms // 1000, time_zone).day
    return f"{day} {shown}" if dated or day != near_day else shown


class _Shown(NamedTuple):
    day: str
    time: str


@lru_cache(maxsize=16_384)
def _shown(at: int, time_zone: ZoneInfo, *, seconds: bool = False) -> _Shown:
    """What clocks show; of a long list many rows are of the same second."""
    moment, day = moment_of(at, time_zone)
    shown = moment.strftime("%H:%M:%S" if seconds else "%H:%M")
    return _Shown(day, f"{shown} {abbreviation(moment)}" if is_twice(moment) else shown)


def age_or_time(at_ms: int, now_ms: int, time_zone: ZoneInfo, *, trusted: bool = True) -> str:
    """How long ago it was; the time itself, with its date, where clocks cannot tell an age."""
    if is_age(at_ms, now_ms, trusted=trusted):
        return ago(now_ms - at_ms)
    return clock_time(at_ms, time_zone, dated=True)


def is_age(at_ms: int, now_ms: int, *, trusted: bool = True) -> bool:
    """Whether the time between two readings of clocks is worth telling."""
    return trusted and -1000 <= now_ms - at_ms < OLD_MS


def ago(ms: int) -> str:
    """How long ago in the largest whole unit."""
    seconds = max(0, ms // 1000)
    if seconds < 60:
        return ngettext("{n} s ago", "{n} s ago", seconds).format(n=seconds)
    if seconds < 3600:
        return ngettext("{n} min ago", "{n} min ago", seconds // 60).format(n=seconds // 60)
    if seconds < 86400:
        return ngettext("{n} h ago", "{n} h ago", seconds // 3600).format(n=seconds // 3600)
    days = seconds // 86400
    return ngettext("{n} day ago", "{n} days ago", days).format(n=days)


def old(ms: int) -> str:
    """How old in the largest whole unit."""
    seconds = max(0, ms // 1000)
    if seconds < 60:
        return ngettext("{n} s old", "{n} s old", seconds).format(n=seconds)
    if seconds < 3600:
        return ngettext("{n} min old", "{n} min old", seconds // 60).format(n=seconds // 60)
    if seconds < 86400:
        return ngettext("{n} h old", "{n} h old", seconds // 3600).format(n=seconds // 3600)
    days = seconds // 86400
    return ngettext("{n} day old", "{n} days old", days).format(n=days)


def brief(ms: int) -> str:
    """How long, short enough for a status bar: tenths of a second while it is fresh."""
    if 0 <= ms < 10_000:
        return _("{seconds} s ago").format(seconds=f"{ms / 1000:.1f}")
    return ago(ms)
