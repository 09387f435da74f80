"""What the event says of itself: it comes with the tickets, from the server or the host."""

import sqlite3
from contextlib import closing

import msgspec

from gate.core.event_settings import EventSettings
from gate.storage.checksums import put_meta, read_meta
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica
from gate.storage.sqlite import faults, open_reader

KEEP_DAYS = 30
"""Where nobody says another number."""


class EventRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event as all its gates are told of it."""

    id: str
    name: str
    time_zone: str
    """IANA name of the zone in which its people read a clock."""
    ends_s: int = 0
    """Its last second, Unix; 0: nobody has said, and nothing is dropped."""
    keep_days: int = KEEP_DAYS
    """So many days after its end names, codes and orders are dropped."""
    dropped_ms: int = 0
    """When that was done, at the source of its tickets or here, Unix milliseconds; 0: not yet."""
    isolated_hours: int = 0
    """For how long a gate that hears nobody goes on by its ``alone`` policy; 0: without an end."""
    settings: EventSettings = EventSettings()

    @property
    def keeps_until_ms(self) -> int:
        """Until when what is personal is kept, Unix milliseconds; 0: no end is known."""
        return (self.ends_s + self.keep_days * 86_400) * 1000 if self.ends_s else 0


class _Enrolled(msgspec.Struct):
    """What is wanted of an enrolment."""

    time_zone: str = ""


_enrolled = msgspec.json.Decoder(_Enrolled)
_settings = msgspec.json.Decoder(EventSettings)


def put_event(connection: sqlite3.Connection, event: EventRow) -> None:
    """Keep what an event says of itself in a replica."""
    values: dict[str, str | int] = {
        "event": event.id,
        "event_name": event.name,
        "time_zone": event.time_zone,
        "ends_s": event.ends_s,
        "keep_days": event.keep_days,
        "dropped_ms": event.dropped_ms,
        "isolated_hours": event.isolated_hours,
        "settings": msgspec.json.encode(event.settings).decode(),
    }
    put_meta(connection, values)


def event_of(connection: sqlite3.Connection) -> EventRow | None:
    """What an event has said of itself, if it has."""
    meta = read_meta(connection)
    if "time_zone" not in meta:
        return None
    return EventRow(
        meta.get("event", ""),
        meta.get("event_name", ""),
        meta["time_zone"],
        int(meta.get("ends_s", 0)),
        int(meta.get("keep_days", KEEP_DAYS)),
        int(meta.get("dropped_ms", 0)) or int(meta.get("bare_ms", 0)),
        int(meta.get("isolated_hours", 0)),
        _settings.decode(meta.get("settings", "{}")),
    )


def event_row(folder: Folder) -> EventRow | None:
    """What the event that this gate belongs to says of itself, if it has said anything yet.

    Raises StoreError when the tickets cannot be read.
    """
    if not (folder.enrolment.exists() or folder.venue.exists()) or not folder.pointer.exists():
        return None
    live = live_replica(folder)
    with closing(open_reader(live)) as connection, faults(live):
        return event_of(connection)


def event_zone(folder: Folder) -> str:
    """The zone of the event that this gate belongs to; empty where it belongs to none.

    Raises StoreError when the tickets cannot be read.
    """
    if not (folder.enrolment.exists() or folder.venue.exists()):
        return ""
    event = event_row(folder)
    if event is not None:
        return event.time_zone
    # Until the first tickets come, what was answered at enrolment.
    try:
        return _enrolled.decode(folder.enrolment.read_bytes()).time_zone
    except (OSError, msgspec.DecodeError, UnicodeError):
        return ""
