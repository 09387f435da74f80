"""When a ticket is good: fixed ranges, whole-day terms, show times, flights, weekly hours."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from gate.core.local_time import first_at, last_at, moment_of
from gate.core.ticket import Kind, Ticket, TicketType

Window = tuple[int | None, int | None]
"""First and last good second; ``None`` where there is no bound."""
_SECOND = timedelta(seconds=1)


def zone_of(kind: TicketType) -> ZoneInfo:
    """The zone in which the type's days and hours are counted."""
    return ZoneInfo(kind.time_zone or "UTC")


def window(ticket: Ticket) -> Window:
    """The span in which the ticket opens the gate: where all that is said of it overlaps."""
    return _overlap(
        type_window(ticket.type, ticket.claimed_at),
        (ticket.begin_time, ticket.end_time),
        _occasion(ticket),
    )


def _overlap(*windows: Window) -> Window:
    begin = end = None
    for first, last in windows:
        if first is not None and (begin is None or first > begin):
            begin = first
        if last is not None and (end is None or last < end):
            end = last
    return begin, end


def type_window(kind: TicketType, claimed_at: int | None) -> Window:
    """The span that the ticket's type allows, by a fixed range or from the day of claim."""
    if kind.term_days is None:
        return (kind.begin, kind.end)
    if claimed_at is None:
        return (None, kind.end)
    return _overlap((None, kind.end), term(kind, claimed_at))


def term(kind: TicketType, claimed_at: int) -> tuple[int, int]:
    """The fixed term as whole days of the type's zone, the day of claim being day 1.

    A claim on 1 October with 90 days is good from 1 October 00:00:00 to 29 December 23:59:59
    (WeChat card API, redeeming a card).
    """
    zone = zone_of(kind)
    claimed = datetime.fromtimestamp(claimed_at, zone).date()
    first = datetime.combine(claimed, time()) + timedelta(days=kind.term_starts_after_days)
    after = first + timedelta(days=kind.term_days or 0)
    return (first_at(first, zone), last_at(after - _SECOND, zone))


def _occasion(ticket: Ticket) -> Window:
    if ticket.type.kind is Kind.MOVIE and ticket.show_time is not None:
        return (ticket.show_time, ticket.show_time + 60 * (ticket.duration or 0))
    if ticket.type.kind is Kind.BOARDING:
        boarding = ticket.boarding_time or ticket.type.boarding_time
        return (boarding, ticket.type.departure_time)
    return (None, None)


def is_open(kind: TicketType, at: int, early_s: int = 0, late_s: int = 0) -> bool:
    """Whether the type's weekly hours, widened by the gate's tolerance, cover the second ``at``."""
    if not kind.weekly:
        return True
    zone = zone_of(kind)
    local = datetime.fromtimestamp(at, zone)
    for days_back in (-1, 0, 1):
        midnight = datetime.combine(local.date(), time()) - timedelta(days=days_back)
        for hours in kind.weekly:
            if hours.day != midnight.isoweekday():
                continue
            over = 1 if hours.end < hours.begin else 0
            opens = midnight + timedelta(minutes=hours.begin)
            closes = midnight + timedelta(days=over, minutes=hours.end + 1) - _SECOND
            if first_at(opens, zone) - early_s <= at <= last_at(closes, zone) + late_s:
                return True
    return False


def same_day(kind: TicketType, one: int, other: int) -> bool:
    """Whether two seconds fall on one calendar day of the type's zone."""
    zone = zone_of(kind)
    return moment_of(one, zone).day == moment_of(other, zone).day


def has_times(ticket: Ticket) -> bool:
    """Whether any rule about time can apply to the ticket."""
    return window(ticket) != (None, None) or bool(ticket.type.weekly)
