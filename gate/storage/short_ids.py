"""Short ids: the beginning of a ticket's id, as long as it takes to be no other's."""

from collections.abc import Sequence

import msgspec

from gate.core.ticket import Ticket
from gate.storage.tickets import Tickets

SHORT = 6
"""Characters of a short id, at least."""

_BESIDE = """
SELECT value, (SELECT max(id) FROM ticket WHERE id < value),
    (SELECT min(id) FROM ticket WHERE id > value)
FROM json_each(?)
"""
_BEGINS = "SELECT id FROM ticket WHERE id >= ? AND id < ? LIMIT 2"


def short_of(tickets: Tickets, ticket: str) -> str:
    """The beginning of a ticket's id, as long as it takes to be no other's."""
    return shorts_of(tickets, [ticket])[ticket]


def shorts_of(tickets: Tickets, ids: Sequence[str]) -> dict[str, str]:
    """The same of a few hundred tickets, by one statement."""
    with tickets.replica.reading():
        bound = (msgspec.json.encode(ids).decode(),)
        rows = tickets.replica.connection().execute(_BESIDE, bound).fetchall()
    return {
        id_: id_[: max(_needed(id_, before), _needed(id_, after))] for id_, before, after in rows
    }


def by_short_id(tickets: Tickets, text: str) -> Ticket | None:
    """The one ticket whose id begins so; ``None`` for several, or for less than a short id."""
    if len(text) < SHORT:
        return None
    with tickets.replica.reading():
        bound = (text, f"{text}\U0010ffff")
        rows = tickets.replica.connection().execute(_BEGINS, bound).fetchall()
    return tickets.get(rows[0][0]) if len(rows) == 1 else None


def _needed(one: str, other: str | None) -> int:
    """How many characters of an id tell it from another one, at least those of a short id."""
    length = SHORT
    while other is not None and length <= len(one) and one[:length] == other[:length]:
        length += 1
    return length
