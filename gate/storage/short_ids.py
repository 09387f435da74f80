"""Short ids: the beginning of a ticket's id, as long as it takes to be no other's."""

from gate.core.ticket import Ticket
from gate.storage.tickets import Tickets

SHORT = 6
"""Characters of a short id, at least."""

_BESIDE = """
SELECT (SELECT max(id) FROM ticket WHERE id < :id), (SELECT min(id) FROM ticket WHERE id > :id)
"""
_BEGINS = "SELECT id FROM ticket WHERE id >= ? AND id < ? LIMIT 2"


def short_of(tickets: Tickets, ticket: str) -> str:
    """The beginning of a ticket's id, as long as it takes to be no other's."""
    with tickets.replica.reading():
        row = tickets.replica.connection().execute(_BESIDE, {"id": ticket}).fetchone()
    return ticket[: max(SHORT, *(_shared(ticket, one or "") + 1 for one in row))]


def by_short_id(tickets: Tickets, text: str) -> Ticket | None:
    """The one ticket whose id begins so; ``None`` for several, or for less than a short id."""
    if len(text) < SHORT:
        return None
    with tickets.replica.reading():
        bound = (text, f"{text}\U0010ffff")
        rows = tickets.replica.connection().execute(_BEGINS, bound).fetchall()
    return tickets.get(rows[0][0]) if len(rows) == 1 else None


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
