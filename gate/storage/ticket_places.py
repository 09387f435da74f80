"""For which places there are tickets: what a gate that was told of none has to know."""

import json
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
    """Read them: one pass over the tickets, 0.5 s of CPU for a million. Raises StoreError."""
    live = live_replica(folder)
    with closing(open_reader(live)) as connection, faults(live):
        entrances, gates, zones, halls = _named(
            connection, "ticket", "entrance", "gate", "zone", "screening_room"
        )
        gates_of_types, flights = _named(connection, "ticket_type", "gate", "flight")
        return TicketPlaces(
            _few(entrances | gates | gates_of_types),
            _few(zones),
            _few(halls),
            _few(flights),
            _locations(connection),
        )


def _named(connection: sqlite3.Connection, table: str, *fields: str) -> list[set[str]]:
    """What rows of a table name in each of some fields."""
    paths = ", ".join(f"'$.{field}'" for field in fields)
    rows = connection.execute(f"SELECT DISTINCT json_extract(body, {paths}) FROM {table}")
    named: list[set[str]] = [set() for _field in fields]
    for (row,) in rows:
        for found, one in zip(named, json.loads(row), strict=True):
            if one:
                found.add(str(one))
    return named


def _few(named: set[str]) -> tuple[str, ...]:
    return tuple(sorted(named)[:MOST])


def _locations(connection: sqlite3.Connection) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT DISTINCT one.value FROM ticket_type, json_each(ticket_type.body, '$.locations') one"
        f" LIMIT {MOST}"
    )
    return tuple(sorted(str(value) for (value,) in rows))
