"""Links: which event lives in which upstream, how that stands, and which process is at work on it.

A link is worked on by one process at a time, the one that holds its lease. What that process
writes it writes only while the lease is still its own, so one that slept too long changes nothing.
Every function works in the transaction it is handed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update

from gate.i18n import _
from sync.server import tables as central
from sync.server.devices import need_event
from sync.server.http import Denied
from sync.server.prepared import put
from sync.upstream import tables as t

LEASE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Link:
    """An event and where it lives."""

    event: str
    kind: str
    url: str
    """Without a slash at its end."""
    account: str
    """Whose tickets they are, as the upstream calls them."""
    device: str = ""
    """What we are called there."""
    token: str = field(default="", repr=False)
    """By which we are known there: a secret."""
    target: Mapping[str, Any] = field(default_factory=dict)
    cursor: Mapping[str, Any] = field(default_factory=dict)
    is_complete: bool = False
    """Whether every ticket that there was is here: gates may enrol."""
    done: int = 0
    total: int = 0
    """How much of the first pull is stored, and how much it is, in what the upstream counts."""
    pull_ms: int = 0
    """When it is to be asked next."""
    push_ms: int = 0
    heard_ms: int = 0
    """When it last answered; 0: never."""
    pull_failures: int = 0
    """How many times in a row pulling had no answer."""
    pull_error: str = ""
    """What is wrong with pulling now, in words; empty: nothing."""
    push_failures: int = 0
    push_error: str = ""
    """The same of telling: where one of the two goes well the other may not."""
    is_stopped: bool = False
    """Whether a person has to do something before it is asked again."""

    @property
    def error(self) -> str:
        """What is wrong now, in words; empty: nothing."""
        return "; ".join(dict.fromkeys(filter(None, (self.pull_error, self.push_error))))


_FIELDS: Final = tuple(Link.__dataclass_fields__)
_JSON: Final = frozenset({"target", "cursor"})


def make(connection: Connection, link: Link) -> None:
    """Link an event. Raises Denied where it is linked already, or is not there."""
    need_event(connection, link.event)
    if find(connection, link.event) is not None:
        reason = _("The event {event} has an upstream already.")
        raise Denied(409, "linked", reason.format(event=link.event))
    # What happened before is not the upstream's: it never knew these tickets.
    s = central.stream.c
    followed = connection.execute(select(s.entries).where(s.event == link.event)).scalar_one()
    values = _values({name: getattr(link, name) for name in _FIELDS})
    connection.execute(
        insert(t.upstream).values(**values, followed=followed, lease="", leased_ms=0)
    )
    keep_device(connection, link)


def remove(connection: Connection, event: str) -> Link:
    """End a link: its tickets stay as they are. Raises Denied where there is none."""
    gone = need(connection, event)
    for table in t.metadata.sorted_tables:
        if "event" in table.c:
            connection.execute(delete(table).where(table.c.event == event))
    return gone


def find(connection: Connection, event: str) -> Link | None:
    """The link of an event."""
    found = _select(connection, t.upstream.c.event == event)
    return found[0] if found else None


def need(connection: Connection, event: str) -> Link:
    """The link of an event. Raises Denied where there is none."""
    found = find(connection, event)
    if found is None:
        reason = _("The event {event} has no upstream.")
        raise Denied(404, "no_upstream", reason.format(event=event))
    return found


def every(connection: Connection) -> list[Link]:
    """All links, by event."""
    return _select(connection)


def why_not_enrol(connection: Connection, event: str) -> str:
    """Why gates cannot enrol yet, in words; empty: they can."""
    link = find(connection, event)
    if link is None or link.is_complete:
        return ""
    reason = _("The tickets are still on their way from {url}: {done} of {total}.")
    return reason.format(url=link.url, done=link.done, total=link.total or "?")


def lease(connection: Connection, event: str, holder: str, now_ms: int) -> Link | None:
    """Take the work on a link, or keep it; ``None`` while another process has it."""
    c = t.upstream.c
    free = or_(c.lease == holder, c.leased_ms <= now_ms)
    done = connection.execute(
        update(t.upstream)
        .where(c.event == event, free)
        .values(lease=holder, leased_ms=now_ms + LEASE_MS)
    )
    return find(connection, event) if done.rowcount else None


def lock(connection: Connection, event: str) -> None:
    """Until the transaction ends nobody else changes what is kept beside a link."""
    c = t.upstream.c
    connection.execute(select(c.event).where(c.event == event).with_for_update())


def release(connection: Connection, holder: str) -> None:
    """Let another process go on at once with what this one worked on."""
    c = t.upstream.c
    connection.execute(update(t.upstream).where(c.lease == holder).values(lease="", leased_ms=0))


def note(connection: Connection, event: str, holder: str, **fields: Any) -> bool:
    """Keep how a link stands; nothing is kept, and the answer is no, if the lease was lost."""
    c = t.upstream.c
    done = connection.execute(
        update(t.upstream).where(c.event == event, c.lease == holder).values(**_values(fields))
    )
    return bool(done.rowcount)


def wake(connection: Connection, event: str) -> None:
    """It has something to state: it is asked at once, unless it has to be waited for."""
    c = t.upstream.c
    connection.execute(
        update(t.upstream).where(c.event == event, c.pull_failures == 0).values(pull_ms=0)
    )


def move(connection: Connection, link: Link, holder: str, **fields: Any) -> bool:
    """Keep how a link stands after a page that was asked for as it stood in ``link``.

    Nothing is kept, and the answer is no, if the lease was lost, or if somebody has said meanwhile
    where to go on from.
    """
    c = t.upstream.c
    (was,) = _values({"cursor": link.cursor}).values()
    done = connection.execute(
        update(t.upstream)
        .where(c.event == link.event, c.lease == holder, c.cursor == was)
        .values(**_values(fields))
    )
    return bool(done.rowcount)


def start_again(connection: Connection, event: str, **fields: Any) -> Link:
    """After a person has done something: it is asked again, at once. Raises Denied."""
    need(connection, event)
    anew: dict[str, Any] = {"is_stopped": False}
    for what in ("pull", "push"):
        anew |= {f"{what}_ms": 0, f"{what}_failures": 0, f"{what}_error": ""}
    values = _values(anew | fields)
    connection.execute(update(t.upstream).where(t.upstream.c.event == event).values(**values))
    link = need(connection, event)
    keep_device(connection, link)
    return link


def keep_device(connection: Connection, link: Link) -> None:
    """Remember what we are called, for as long as the database is there."""
    put(connection, t.upstream_device, [(link.url, link.account, link.device)])


def _select(connection: Connection, *where: Any) -> list[Link]:
    columns = [t.upstream.c[name] for name in _FIELDS]
    rows = connection.execute(select(*columns).where(*where).order_by(t.upstream.c.event))
    return [Link(**_read(row)) for row in rows.mappings()]


def _read(row: RowMapping) -> dict[str, Any]:
    read = {name: msgspec.json.decode(row[name]) if name in _JSON else row[name] for name in row}
    return read | {name: bool(read[name]) for name in ("is_complete", "is_stopped")}


def _values(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: msgspec.json.encode(value).decode() if name in _JSON
        else int(value) if isinstance(value, bool)
        else value
        for name, value in fields.items()
    }  # fmt: skip


def devices_of(connection: Connection, link: Link) -> frozenset[str]:
    """What all of us are called where one link leads to, and were before somebody paired anew."""
    c = t.upstream_device.c
    query = select(c.device).where(c.url == link.url, c.account == link.account)
    return frozenset(connection.execute(query).scalars())
