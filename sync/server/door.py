"""A ticket blocked at the door, freed again, or given a note of the venue's own.

Works in the transaction it is handed. Nothing of it goes to an upstream: it is a change of the
feed, and feeds are read by gates only.
"""

from typing import Final

from sqlalchemy import Connection

from gate.core.door import with_word
from gate.core.ticket import DoorAct, DoorWord, Ticket
from gate.i18n import _
from sync.server import erasing, events, feed, ticket_store, told_tickets
from sync.server.http import Denied

AUDITED: Final = {
    DoorAct.BLOCKED: "block",
    DoorAct.FREED: "free",
    DoorAct.NOTED: "door note",
}
"""What the audit log calls them; the reason stays with the ticket, for it may name people."""


def put_word(connection: Connection, event: str, ticket: str, word: DoorWord) -> bool:
    """Let the venue's word on a ticket stand, for all gates to hear; whether it changed anything.

    One that nobody has stated yet gets a row by it. Raises Denied where there is no such ticket, or
    nobody can come with it any more.
    """
    at = feed.lock(connection, event)
    before = ticket_store.bodies_of(connection, event, [{"id": ticket}]).get(ticket)
    if before is None:
        require_ticket(connection, event, ticket)
        before = told_tickets.body_of(connection, event, ticket)
        assert before is not None
    if events.row_of(connection, event).dropped_ms:
        reason = _("the event is over: its names and codes were dropped")
        raise Denied(409, "over", reason)
    if erasing.which_erased(connection, event, [ticket]):
        raise Denied(409, "erased", _("{ticket}: this ticket was erased").format(ticket=ticket))
    body = with_word(before, word, f"{at.epoch}:{at.seq + 1}")
    if body == before:
        return False
    ticket_store.put_tickets(connection, event, [(ticket, ticket_store.type_of(body), body)])
    states = ticket_store.codes_of(connection, event, [ticket])
    codes = {hashed.hex(): state for _ticket, hashed, state in states}
    feed.append(connection, event, at, [("ticket", ticket, body, codes)])
    return True


def require_ticket(connection: Connection, event: str, ticket: str) -> Ticket:
    """The ticket as gates see it, also if it is in no list yet. Raises Denied."""
    found = told_tickets.find(connection, event, ticket)
    if found is None:
        raise no_ticket()
    return found


def no_ticket() -> Denied:
    """What to answer about a ticket that is not there."""
    return Denied(404, "no_ticket", _("There is no ticket of that id."))
