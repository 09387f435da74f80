"""What a boarding pass says of its flights, for the person at the door; never whose it is."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from gate.core.boarding import Leg, is_flight, legs_of_gate
from gate.core.place import Place
from gate.core.ticket import Ticket
from gate.i18n import _


def flights(legs: Iterable[Leg]) -> str:
    """The flights of some legs, such as ``AC834 YUL-FRA``."""
    return " + ".join(f"{leg.flight} {leg.origin}-{leg.destination}" for leg in legs)


def dated_flights(legs: Iterable[Leg], at_ms: int, zone: ZoneInfo) -> str:
    """The same with their days, in the years that bring them nearest to a moment."""
    today = _today(at_ms, zone)
    return " + ".join(
        f"{leg.flight} {leg.origin}-{leg.destination} {leg.date_near(today).isoformat()}"
        for leg in legs
    )


def day_of(at_ms: int, zone: ZoneInfo) -> str:
    """The day of a moment (Unix milliseconds)."""
    return _today(at_ms, zone).isoformat()


def seat_of(legs: tuple[Leg, ...], ticket: Ticket, place: Place) -> str:
    """The seat that a pass has for a ticket's flight; empty where it has none, or several."""
    of_ticket = tuple(leg for leg in legs if is_flight(ticket.type.flight, leg))
    seats = {leg.seat for leg in of_ticket or legs_of_gate(legs, place.flight)}
    return _("seat {seat}").format(seat=seats.pop()) if len(seats) == 1 and all(seats) else ""


def _today(at_ms: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()
