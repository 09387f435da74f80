"""A ticket in one line, and the zone in which its times are told."""

from zoneinfo import ZoneInfo

from gate.core.ticket import Kind, Ticket
from gate.i18n import _, ngettext
from gate.text.printable import printable
from gate.text.times import clock_time


def describe(ticket: Ticket) -> str:
    """The ticket in one line: what it is for, where it sits, and when that begins."""
    kind = ticket.type
    is_flight = kind.kind is Kind.BOARDING
    title = kind.title or kind.id
    parts = [
        title,
        ticket.ticket_class or kind.ticket_class or ticket.travel_class,
        # Many a flight is its card's whole title.
        "" if kind.flight in title else kind.flight,
        _("gate {gate}").format(gate=ticket.way_in) if is_flight and ticket.way_in else "",
        ticket.zone,
        ticket.screening_room,
        ", ".join(ticket.seats),
        f"{kind.origin}-{kind.destination}" if kind.origin and kind.destination else "",
        _begins_at(ticket),
    ]
    return " · ".join(printable(part) for part in parts if part)


def _begins_at(ticket: Ticket) -> str:
    """When the film begins or boarding does, on the clock of its place."""
    at = ticket.show_time if ticket.type.kind is Kind.MOVIE else None
    if ticket.type.kind is Kind.BOARDING:
        at = ticket.boarding_time or ticket.type.boarding_time
    return "" if at is None else clock_time(at * 1000, type_zone(ticket, ZoneInfo("UTC")))


def type_zone(ticket: Ticket, here: ZoneInfo) -> ZoneInfo:
    """The zone of the ticket's type; ``here`` where it names none that is known on this machine."""
    try:
        return ZoneInfo(ticket.type.time_zone) if ticket.type.time_zone else here
    except (ValueError, KeyError, OSError):
        return here


def times_used(used: int) -> str:
    """How often a ticket was used that may be used without a limit."""
    return ngettext("used {n} time", "used {n} times", used).format(n=used)
