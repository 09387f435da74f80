"""Tickets that nobody has stated yet, as their codes told the gates that let somebody in on them.

Every function works in the transaction it is handed.
"""

from sqlalchemy import Connection

from gate.core.door import told_body
from gate.core.ticket import Ticket
from sync.server import journals, ticket_store


def body_of(connection: Connection, event: str, ticket: str) -> str | None:
    """The row that such a ticket would have; ``None`` where no entry tells of it."""
    facts = journals.facts_of(connection, event, ticket)
    told = (entry.signed for entry in facts if entry.signed is not None)
    said = next((one for one in told if one.ticket == ticket), None)
    return None if said is None else told_body(said)


def id_of(connection: Connection, event: str, named: str) -> str:
    """The id of the ticket that an entry is about, where one is named; else what is named."""
    entry = journals.find(connection, event, named)
    return named if entry is None else entry.ticket


def find(connection: Connection, event: str, ticket: str) -> Ticket | None:
    """A ticket as the gate's rules see it, listed or only told of, if its type is known."""
    found = ticket_store.find_ticket(connection, event, ticket)
    body = None if found else body_of(connection, event, ticket)
    return found if body is None else ticket_store.ticket_of(connection, event, body)
