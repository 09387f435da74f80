"""Events: what each says of itself, for all its gates.

Every function works in the transaction it is handed.
"""

import re
import secrets
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, insert, select, update

from gate.core.event_settings import EventSettings
from gate.core.ticket_feed import FIRST_HASH
from gate.credential import KEY_BYTES
from gate.errors import UsageError
from gate.i18n import _
from gate.storage.certificates import Authority
from gate.storage.event import KEEP_DAYS, EventRow
from sync.server import feed, ticket_store
from sync.server import tables as t

_settings = msgspec.json.Decoder(EventSettings)
_EVENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def create_event(
    connection: Connection,
    id_: str,
    name: str,
    time_zone: str,
    now_ms: int,
    *,
    ends_s: int = 0,
    keep_days: int = KEEP_DAYS,
) -> None:
    """Begin an event. Raises UsageError when the id cannot be used or is taken.

    So many days after its end, Unix seconds, what is personal is dropped; 0: no end is known.
    """
    if not _EVENT_ID.fullmatch(id_):
        raise UsageError(
            _("{id!r} cannot be an event's id").format(id=id_),
            _("Letters, digits, '_', '.' and '-', at most 64."),
        )
    if connection.execute(select(t.event.c.id).where(t.event.c.id == id_)).first():
        raise UsageError(_("there is an event {id} already").format(id=id_), "")
    authority = Authority.mint()
    connection.execute(
        insert(t.event).values(
            id=id_,
            name=name or id_,
            time_zone=time_zone,
            isolated_hours=0,
            key=secrets.token_hex(KEY_BYTES),
            created_ms=now_ms,
            authority_key=authority.key,
            authority=authority.certificate,
            ends_s=ends_s,
            keep_days=keep_days,
            dropped_ms=0,
            is_bare=0,
            settings="{}",
        )
    )
    connection.execute(
        insert(t.stream).values(
            event=id_,
            epoch=secrets.token_hex(8),
            head=0,
            entries=0,
            link=FIRST_HASH,
            base=0,
            base_id="",
            erased=0,
        )
    )


def all_events(connection: Connection) -> list[dict[str, Any]]:
    """Every event."""
    c = t.event.c
    columns = (
        c.id, c.name, c.time_zone, c.created_ms, c.ends_s, c.keep_days, c.dropped_ms,
        c.isolated_hours, c.settings,
    )  # fmt: skip
    rows = connection.execute(select(*columns).order_by(c.id)).mappings()
    return [dict(row) | {"settings": _without_pins(row["settings"])} for row in rows]


def _without_pins(settings: str) -> dict[str, Any]:
    """An event's settings for whoever may not know its operators' PINs, not even as hashes."""
    stated: dict[str, Any] = msgspec.json.decode(settings)
    if "operators" in stated:
        stated["operators"] = [{"name": o["name"], "role": o["role"]} for o in stated["operators"]]
    return stated


def key_of(connection: Connection, event: str) -> bytes:
    """The key of an event's codes."""
    query = select(t.event.c.key).where(t.event.c.id == event)
    return bytes.fromhex(connection.execute(query).scalar_one())


def row_of(connection: Connection, event: str) -> EventRow:
    """What an event says of itself, as its gates have it."""
    c = t.event.c
    columns = (
        c.name, c.time_zone, c.ends_s, c.keep_days, c.dropped_ms, c.isolated_hours, c.settings,
    )  # fmt: skip
    *fields, settings = connection.execute(select(*columns).where(c.id == event)).one()
    row = EventRow(event, *fields)
    return msgspec.structs.replace(row, settings=_settings.decode(settings))


def change_event(
    connection: Connection, event: str, **fields: str | int | EventSettings
) -> EventRow:
    """State some of what an event says of itself anew, for all gates."""
    at = feed.lock(connection, event)
    before = row_of(connection, event)
    row = msgspec.structs.replace(before, **fields)
    if row != before:
        values = {
            key: msgspec.json.encode(value).decode() if isinstance(value, EventSettings) else value
            for key, value in fields.items()
        }
        connection.execute(update(t.event).where(t.event.c.id == event).values(**values))
        feed.append(
            connection, event, at, [("event", event, msgspec.json.encode(row).decode(), {})]
        )
    return row


def types_elsewhere(connection: Connection, event: str) -> int:
    """How many ticket types are in another zone: a change of the event's does not change theirs."""
    zone = row_of(connection, event).time_zone
    types = ticket_store.all_types(connection, event)
    return sum(ticket_store.zone_of(body) != zone for _id, body in types)


class _Settings(Protocol):
    """What the event says of itself, in any of its forms."""

    @property
    def time_zone(self) -> str: ...
    @property
    def ends_s(self) -> int: ...
    @property
    def keep_days(self) -> int: ...
    @property
    def isolated_hours(self) -> int: ...


def settings_text(settings: _Settings) -> str:
    """What the event says of itself now, as the audit log has it."""
    return (
        f"time_zone {settings.time_zone} ends_s {settings.ends_s} keep_days {settings.keep_days} "
        f"isolated_hours {settings.isolated_hours}"
    )


def new_epochs(connection: Connection) -> int:
    """After a restored backup: every device is to take a new snapshot. Answers how many events."""
    events = connection.execute(select(t.stream.c.event)).scalars().all()
    for event in events:
        connection.execute(
            update(t.stream).where(t.stream.c.event == event).values(epoch=secrets.token_hex(8))
        )
    return len(events)
