"""What became of tickets, by type and day: issued, claimed, gifted, redeemed, expired, no-show.

Days are those of the type's own zone. Pure counting over what the replica and the journals say.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gate.core.local_time import moment_of
from gate.core.ticket import Status, Ticket, TicketType
from gate.core.validity import type_window, window

_EXPECTED = frozenset({Status.NORMAL, Status.GIFTING, Status.LIMITED, Status.EXPIRED})


@dataclass(slots=True)
class DayCount:
    """What one day counts for one type of ticket."""

    issued: int = 0
    claimed: int = 0
    gifted: int = 0
    """Given to a friend, who has the ticket since then."""
    redeemed: int = 0
    expired: int = 0
    """Good until that day and never used."""
    no_show: int = 0
    """For something on that day, which is over, and never used."""


class Line(NamedTuple):
    """What a line of counts is about."""

    title: str
    card: str
    """The type's id: several may have one title."""
    day: str
    """Empty where nobody said it."""


DayCounts = Mapping[Line, DayCount]
"""In the order of the lines."""


def count_days(tickets: Iterable[Ticket], used_s: Mapping[str, int], now_s: int) -> DayCounts:
    """Count tickets, given when each was first used."""
    days: dict[Line, DayCount] = defaultdict(DayCount)
    for ticket in tickets:
        kind = ticket.type

        def on(at_s: int | None, kind: TicketType = kind) -> DayCount:
            day = "" if at_s is None else _day(at_s, kind.time_zone)
            return days[Line(kind.title or kind.id, kind.id, day)]

        on(ticket.issued_at or ticket.claimed_at).issued += 1
        if ticket.claimed_at is not None:
            on(ticket.claimed_at).claimed += 1
        if ticket.gifted_at is not None:
            on(ticket.gifted_at).gifted += 1
        if ticket.id in used_s:
            on(used_s[ticket.id]).redeemed += 1
        elif ticket.status in _EXPECTED:
            last_good = type_window(kind, ticket.claimed_at)[1]
            if last_good is not None and last_good < now_s:
                on(last_good).expired += 1
            over = window(ticket)[1]
            if over is not None and over < now_s:
                on(_occasion(ticket) or over).no_show += 1
    return {line: days[line] for line in sorted(days)}


def _occasion(ticket: Ticket) -> int | None:
    return ticket.begin_time or ticket.show_time or ticket.type.departure_time


def _day(at_s: int, zone: str) -> str:
    return moment_of(at_s, _zone(zone)).day


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name or "UTC")
