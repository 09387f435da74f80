"""What guests answered at the door, opened for whoever may read it.

It is sealed in entries under the event's key. Whoever was erased has not answered any more, and
after the event's end, with another key, nobody has. Functions work in the transaction they are
handed.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from gate.core.entry import Entry
from gate.credential.sealed_answers import open_answers
from sync.server import erasing, events


def answers_of(
    connection: Connection, event: str, entries: Iterable[Entry]
) -> dict[str, dict[str, str]]:
    """By the names of entries that have any: the answers by the ids of the questions."""
    sealed = [entry for entry in entries if entry.answers]
    if not sealed:
        return {}
    gone = set(erasing.which_erased(connection, event, {one.ticket for one in sealed}))
    key = events.key_of(connection, event)
    return {
        one.name: open_answers(key, one.ticket, one.answers)
        for one in sealed
        if one.ticket not in gone
    }
