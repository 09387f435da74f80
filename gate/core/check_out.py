"""Everybody counts as outside from a time of day on, whoever has seen them go or not.

It is derived from what a ticket has done and from the clock, so a lane that hears nobody lets
people come back the next day. What counts and lists are made of are entries: the one node of a
venue that writes them asks the same function.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from gate.core.entry import MOVEMENTS, Act, Entry
from gate.core.history import History, annulled, claims, entry_order

PATTERN = r"^(?:(?:[01]\d|2[0-3]):[0-5]\d)?$"
"""A time of day such as ``04:00``; empty: nobody is checked out by it."""
_DAY = timedelta(days=1)


def latest(at: str, zone: ZoneInfo, now_ms: int) -> int:
    """The last moment (ms) up to ``now_ms`` at which clocks of the zone came to a time of day.

    A time that clocks show twice is the second of both, one that they leave out is as much later:
    as pretix has it.
    """
    wall = time.fromisoformat(at)
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    days = (today + _DAY, today, today - _DAY)
    moments = (_moment(datetime.combine(day, wall, zone)) for day in days)
    return next(moment for moment in moments if moment <= now_ms)


def _moment(wall: datetime) -> int:
    return max(round(wall.replace(fold=fold).timestamp() * 1000) for fold in (0, 1))


@dataclass(frozen=True, slots=True)
class CheckOut:
    """The last time that everybody counted as outside."""

    at_ms: int
    in_doubt: bool = False
    """Whether it may not have come yet."""


def last_one(at: str, zone: ZoneInfo, context_ms: int, span: tuple[int, int] | None) -> CheckOut:
    """The last check-out at a lane whose clock shows ``context_ms``, and where it is ``span``.

    At both ends of what the time may be, for nobody is turned away whom one end lets in; a span of
    ``None`` is a clock that nobody believes.
    """
    if span is None:
        return CheckOut(latest(at, zone, context_ms), in_doubt=True)
    first, last = (latest(at, zone, at_ms) for at_ms in span)
    return CheckOut(last, in_doubt=first != last)


def still_inside(entries: Iterable[Entry], at_ms: int, taken_back: Iterable[str] = ()) -> int:
    """How many of those who went in before a moment have not been seen going out, by now either.

    ``taken_back`` are names of movements that are not to count beside those that do not anyhow.
    """
    known = set(entries)
    gone = annulled(known) | set(taken_back)
    inside = 0
    standing = (entry for entry in known if entry.act in MOVEMENTS and entry.name not in gone)
    # A party may go in before the moment and out after it: what is taken off is never below nobody.
    for entry in sorted(standing, key=lambda one: (one.at_ms > at_ms, entry_order(one))):
        if entry.act is Act.EXIT:
            inside = max(0, inside - entry.persons)
        elif entry.at_ms <= at_ms:
            inside += entry.persons
    return inside


@dataclass(frozen=True, slots=True)
class Inside:
    """Who is still to be kept as gone by a ticket."""

    persons: int
    ticket_type: str
    zone: str
    """Where the last of them went in."""


def inside_of(entries: Iterable[Entry], at_ms: int) -> Inside | None:
    """Who of a ticket was inside at a check-out and has not gone since; ``None``: nobody."""
    known = list(entries)
    persons = still_inside(known, at_ms)
    before = [one for one in known if one.act is Act.ADMISSION and one.at_ms <= at_ms]
    if not persons or not before:
        return None
    last = max(before, key=entry_order)
    return Inside(persons, last.ticket_type, last.zone)


def checked_out(history: History, entries: Iterable[Entry], out: CheckOut) -> History:
    """A ticket's history once everybody who was in before a check-out counts as outside."""
    known = list(entries)
    otherwise = history.if_claimed
    if otherwise is not None:
        targets = [claim.target for claim in claims(known)]
        otherwise = _without(otherwise, still_inside(known, out.at_ms, targets), out)
    changed = _without(history, still_inside(known, out.at_ms), out)
    return replace(changed, if_claimed=otherwise)


def _without(history: History, persons: int, out: CheckOut) -> History:
    if not persons or history.last is None:
        return history
    last = history.last
    if last.at_ms <= out.at_ms:
        last = replace(
            last,
            at_ms=out.at_ms,
            act=Act.EXIT,
            gate="",
            operator="",
            persons=persons,
            is_check_out=True,
        )
    inside = max(0, history.inside - persons)
    return replace(history, inside=inside, last=last, in_doubt=out.in_doubt)
