"""What the event says of itself: it comes with the tickets, from the server or the host."""

import sqlite3
from contextlib import closing

import msgspec

from gate.store.folder import Folder
from gate.store.sqlite import faults, open_reader
from gate.store.tickets import live_replica


class EventRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event as all its gates are told of it."""

    id: str
    name: str
    time_zone: str
    """IANA name of the zone in which its people read a clock."""
    isolated_hours: int = 0
    """For how long a gate that hears nobody goes on by its ``alone`` policy; 0: without an end."""


class _Enrolled(msgspec.Struct):
    """What is wanted of an enrolment."""

    time_zone: str = ""


_enrolled = msgspec.json.Decoder(_Enrolled)


def put_event(connection: sqlite3.Connection, event: EventRow) -> None:
    """Keep what an event says of itself in a replica."""
    said = {
        "event": event.id, "event_name": event.name, "time_zone": event.time_zone,
        "isolated_hours": str(event.isolated_hours),
    }  # fmt: skip
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", said.items())


def event_of(connection: sqlite3.Connection) -> EventRow | None:
    """What an event has said of itself, if it has."""
    said = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    if "time_zone" not in said:
        return None
    return EventRow(
        said.get("event", ""),
        said.get("event_name", ""),
        said["time_zone"],
        int(said.get("isolated_hours", 0)),
    )


def event_zone(folder: Folder) -> str:
    """The zone of the event that this gate belongs to; empty where it belongs to none.

    Raises StoreError when the tickets cannot be read.
    """
    if not (folder.enrolment.exists() or folder.venue.exists()):
        return ""
    if folder.pointer.exists():
        live = live_replica(folder)
        with closing(open_reader(live)) as connection, faults(live):
            event = event_of(connection)
        if event is not None:
            return event.time_zone
    # Until the first tickets come, what was answered at enrolment.
    try:
        return _enrolled.decode(folder.enrolment.read_bytes()).time_zone
    except (OSError, msgspec.DecodeError, UnicodeError):
        return ""
