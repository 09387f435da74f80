"""For which places there are tickets: what a gate that was told of none has to know."""

import sqlite3
from contextlib import closing
from typing import NamedTuple

from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica
from gate.storage.sqlite import faults, open_reader

MOST = 20
"""Of a kind of place so many are named."""


class TicketPlaces(NamedTuple):
    """The places that tickets are for, each kind sorted; empty where every ticket is for any."""

    entrances: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    halls: tuple[str, ...] = ()
    flights: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()


def ticket_places(folder: Folder) -> TicketPlaces:
    """Read them: a look at every ticket, half a second for a million. Raises StoreError."""
    live = live_replica(folder)
    with closing(open_reader(live)) as connection, faults(live):
        return TicketPlaces(
            _named(connection, ("ticket", "entrance"), ("ticket", "gate"), ("ticket_type", "gate")),
            _named(connection, ("ticket", "zone")),
            _named(connection, ("ticket", "screening_room")),
            _named(connection, ("ticket_type", "flight")),
            _locations(connection),
        )


def _named(connection: sqlite3.Connection, *fields: tuple[str, str]) -> tuple[str, ...]:
    found: set[str] = set()
    for table, field in fields:
        rows = connection.execute(
            f"SELECT DISTINCT json_extract(body, '$.{field}') FROM {table} LIMIT {MOST + 1}"
        )
        found |= {str(one) for (one,) in rows if one}
    return tuple(sorted(found)[:MOST])


def _locations(connection: sqlite3.Connection) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT DISTINCT one.value FROM ticket_type, json_each(ticket_type.body, '$.locations') one"
        f" LIMIT {MOST}"
    )
    return tuple(sorted(str(value) for (value,) in rows))
