"""Rules about time: they go by a span in which the true time is, and refuse at both its ends.

A clock is not right or wrong but off by so much (``gate.core.clock_error``). What is too early or
too late at one end of the span and not at the other refuses nobody, and is looked at.
"""

from gate.core.boarding import is_flight, legs_of_gate
from gate.core.clock_error import TrueTime
from gate.core.history import History
from gate.core.outcome import Reason
from gate.core.ticket import Status, Ticket
from gate.core.validity import Window, has_times, is_open, window, zone_of
from gate.core.verdict import Context, Scan

_FOR_TIME = frozenset(
    {Reason.TOO_EARLY, Reason.TOO_LATE, Reason.OUTSIDE_HOURS, Reason.WRONG_DAY, Reason.RULE}
)


def too_early(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether even the latest that it may be is before this gate lets in on the ticket."""
    opens, _ = _let_in(ticket, context)
    now = span_of_now(context)
    is_early = now is not None and opens is not None and now[1] < opens * 1000
    return Reason.TOO_EARLY if is_early else None


def too_late(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether even the earliest that it may be is after that, or the issuer says so."""
    if ticket.status is Status.EXPIRED:
        return Reason.TOO_LATE
    _, closes = _let_in(ticket, context)
    now = span_of_now(context)
    is_late = now is not None and closes is not None and now[0] >= (closes + 1) * 1000
    return Reason.TOO_LATE if is_late else None


def outside_hours(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether it is closed at both ends of now."""
    opened = _hours(ticket, context)
    return Reason.OUTSIDE_HOURS if opened and not any(opened) else None


def wrong_day(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether the boarding pass is for another day, at both ends of now."""
    days = _days(ticket, context)
    return Reason.WRONG_DAY if days and not any(days) else None


def clock_in_doubt(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether ticket or pass have times, and nobody knows the time well enough for them."""
    if span_of_now(context) is None:
        in_doubt = has_times(ticket) or bool(context.legs)
    else:
        in_doubt = has_times(ticket) and _is_at_an_edge(ticket, context)
        in_doubt = in_doubt or not all(_days(ticket, context))
    in_doubt = in_doubt or history.in_doubt
    return Reason.CLOCK_NOT_TRUSTED if in_doubt else None


def span_of_now(context: Context) -> tuple[int, int] | None:
    """Between which moments (ms) it is now, as far as rules go by it; ``None``: nobody knows."""
    return span_of(context.true_time, context.at_ms, is_trusted=context.clock_trusted)


def span_of(known: TrueTime | None, at_ms: int, *, is_trusted: bool) -> tuple[int, int] | None:
    """The same of a lane whose clock shows ``at_ms``, and of what the others know of the time."""
    if known is not None:
        return (known.earliest_ms, known.latest_ms) if known.is_telling else None
    return (at_ms, at_ms) if is_trusted else None


def _hours(ticket: Ticket, context: Context) -> tuple[bool, ...]:
    """Whether it is open at both ends of now; empty where nobody knows when that is."""
    rules = context.rules
    return tuple(
        is_open(ticket.type, at_ms // 1000, rules.early_s, rules.late_s)
        for at_ms in dict.fromkeys(span_of_now(context) or ())
    )


def _days(ticket: Ticket, context: Context) -> tuple[bool, ...]:
    """Whether the pass is for the day at both ends of now; empty without a pass or a time."""
    legs = [one for one in context.legs if is_flight(ticket.type.flight, one)]
    legs = legs or list(legs_of_gate(context.legs, context.place.flight))
    if not legs:
        return ()
    zone = zone_of(ticket.type)
    return tuple(
        any(leg.is_near(at_ms, zone) for leg in legs)
        for at_ms in dict.fromkeys(span_of_now(context) or ())
    )


def _is_at_an_edge(ticket: Ticket, context: Context) -> bool:
    """Whether the bound of the clock's error is all that lets it in."""
    now = span_of_now(context)
    if now is None or now[0] == now[1]:
        return False
    opens, closes = _let_in(ticket, context)
    is_early = opens is not None and now[0] < opens * 1000
    is_late = closes is not None and now[1] >= (closes + 1) * 1000
    return is_early or is_late or not all(_hours(ticket, context))


def _let_in(ticket: Ticket, context: Context) -> Window:
    """First and last second in which this gate lets in on the ticket, its tolerance included."""
    begin, end = window(ticket)
    return (
        None if begin is None else begin - context.rules.early_s,
        None if end is None else end + context.rules.late_s,
    )


def bound_of(reason: Reason, ticket: Ticket | None, context: Context) -> int | None:
    """For too early and too late: the first or last second in which this gate would let in."""
    if ticket is None or reason not in (Reason.TOO_EARLY, Reason.TOO_LATE):
        return None
    return _let_in(ticket, context)[0 if reason is Reason.TOO_EARLY else 1]


def told_ms(reason: Reason, context: Context) -> int:
    """The moment that is told: whoever is refused for the time is told the time that counted."""
    is_for_time = reason in _FOR_TIME
    if is_for_time and context.true_time is not None and not context.clock_trusted:
        return context.true_time.at_ms
    return context.at_ms
