"""A venue that had no server becomes an event of one: its tickets, its gates, its authority.

Codes stay hashed by the venue's own key and certificates stay good, so that its gates notice
nothing. What they did they tell themselves, for each other too.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection as Replica
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, select, update

from gate.errors import UsageError
from gate.i18n import _
from gate.storage.certificates import Authority
from gate.storage.checksums import read_meta
from gate.storage.event import KEEP_DAYS, EventRow, event_of
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica
from gate.storage.signing_keys import SigningKey
from gate.storage.sqlite import faults, open_reader
from gate.storage.ticket_filling import members_of
from sync.server import devices, events, feed, issuing, signing
from sync.server import tables as t

PAGE: Final = 5000


class Host(NamedTuple):
    """The host of a venue without a server, or a copy of its data folder."""

    folder: Folder
    name: str
    """The venue's."""
    authority: Authority
    keys: tuple[SigningKey, ...] = ()
    """What its tickets are signed with."""


class Taken(NamedTuple):
    """What was taken over."""

    tickets: int
    devices: int


def take_over(
    connection: Connection, host: Host, *, event: str, time_zone: str = "", now_ms: int
) -> Taken:
    """Fill an event with what the venue's host has; it is made if it is not there.

    Its time zone is ``time_zone`` or else the venue's. Raises UsageError when nobody says one, or
    when the event has gates or tickets already, StoreError when the host has no tickets,
    Denied when one of its gates belongs to another event here.
    """
    live = live_replica(host.folder)
    known = _event_of(live)
    if event not in (str(one["id"]) for one in events.all_events(connection)):
        zone = time_zone or (known.time_zone if known else "")
        if not zone:
            raise UsageError(
                _("nobody has said in which time zone this venue is"),
                _("Say it: --time-zone Europe/Berlin"),
            )
        events.create_event(connection, event, host.name, zone, now_ms)
    feed.lock(connection, event)
    for table in (t.device, t.ticket, t.ticket_type):
        if connection.execute(select(table.c.id).where(table.c.event == event).limit(1)).first():
            raise UsageError(
                _("the event {id} has gates or tickets already").format(id=event),
                _("Name a new one with --event."),
            )
    with closing(open_reader(live)) as replica, faults(live):
        key = read_meta(replica)["key"]
        connection.execute(
            update(t.event)
            .where(t.event.c.id == event)
            .values(
                name=host.name,
                key=key,
                authority_key=host.authority.key,
                authority=host.authority.certificate,
                isolated_hours=known.isolated_hours if known else 0,
                ends_s=known.ends_s if known else 0,
                keep_days=known.keep_days if known else KEEP_DAYS,
                settings=msgspec.json.encode(known.settings).decode() if known else "{}",
            )
        )
        types = replica.execute("SELECT id, body FROM ticket_type ORDER BY id").fetchall()
        issuing.restate(connection, event, types, [])
        count = 0
        for page in _tickets(replica):
            issuing.restate(connection, event, [], page)
            count += len(page)
        members = members_of(replica)
    signing.state_keys(connection, event, feed.lock(connection, event), host.keys)
    devices.add_members(connection, event, list(members.values()), now_ms)
    return Taken(count, len(members))


def _event_of(live: Path) -> EventRow | None:
    with closing(open_reader(live)) as replica, faults(live):
        return event_of(replica)


def _tickets(replica: Replica) -> Iterator[list[issuing.Kept]]:
    after = 0
    while True:
        rows = replica.execute(
            "SELECT row, id, type_id, body FROM ticket WHERE row > ? ORDER BY row LIMIT ?",
            (after, PAGE),
        ).fetchall()
        if not rows:
            return
        codes: dict[int, dict[str, str]] = {row[0]: {} for row in rows}
        found = replica.execute(
            "SELECT ticket, hash, state FROM code WHERE ticket BETWEEN ? AND ?",
            (rows[0][0], rows[-1][0]),
        )
        for row, hashed, state in found:
            codes[row][hashed.hex()] = state
        yield [issuing.Kept(id_, type_id, body, codes[row]) for row, id_, type_id, body in rows]
        after = rows[-1][0]
