"""A ticket in one line; how it stands, by its issuer and at the door; the zone of its times."""

from zoneinfo import ZoneInfo

from gate.core.history import History
from gate.core.ticket import UNLIMITED, Kind, Status, Ticket
from gate.i18n import N_, _, ngettext
from gate.text.printable import printable
from gate.text.times import clock_time

STATUS_WORDS = {
    Status.NORMAL: N_("good"),
    Status.CONSUMED: N_("used elsewhere"),
    Status.REVOKED: N_("cancelled"),
    Status.DELETED: N_("deleted"),
    Status.GIFTING: N_("being given away"),
    Status.TRANSFERRED: N_("given away"),
    Status.UNCLAIMED: N_("not claimed"),
    Status.EXPIRED: N_("expired"),
    Status.LIMITED: N_("its holder has used as many as one may"),
    Status.UNPAID: N_("not paid"),
    Status.UNAPPROVED: N_("waits for the organiser's yes"),
    Status.BLOCKED: N_("blocked by the organiser"),
}


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


def uses_of(ticket: Ticket, history: History) -> str:
    """How often it was used, of how often it may be, in a word."""
    if ticket.use_limit == UNLIMITED:
        return str(history.used)
    return f"{history.used}/{ticket.use_limit}"


def standing(ticket: Ticket) -> str:
    """How it stands, in a word: at the door, or else by its issuer."""
    return _("blocked at the door") if ticket.block else _(STATUS_WORDS[ticket.status])


def block_words(ticket: Ticket, time_zone: ZoneInfo) -> str:
    """Why, by whom and when it was blocked at the door, and what its issuer says beside that.

    Empty where it is not blocked.
    """
    block = ticket.block
    if block is None:
        return ""
    sentence = _("{reason} ({who}, {when})").format(
        reason=printable(block.text),
        who=printable(block.who),
        when=clock_time(block.at_ms, time_zone, dated=True),
    )
    issuer = _("its issuer: {status}").format(status=_(STATUS_WORDS[ticket.status]))
    return f"{sentence} · {issuer}"


def door_note(ticket: Ticket) -> str:
    """The venue's own note on it."""
    note = ticket.door_note
    return _("door: {note}").format(note=printable(note.text)) if note else ""
