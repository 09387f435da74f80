"""What backends are to hear: kept in the transaction of what it tells of, told in order.

A *channel* is a way of telling (the card API's callbacks, the webhooks of the organiser's), a
*recipient* whoever is told by it. A *line* is what keeps order: a ticket, a card. Of a line only
the first that waits may be told. A lease makes sure that of several servers one tells it; a lease
that ran out with its server is taken by another, so an event may come twice.

Every function works in the transaction it is handed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from sync.server import tables as t

LEASE_MS: Final = 30_000
KEPT_MS: Final = 7 * 86_400_000
"""How long events that nobody took are kept, to be looked at."""


class State(StrEnum):
    """How an event stands that was not delivered yet."""

    WAITING = "waiting"
    FAILED = "failed"
    """It was given up."""


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """One event that is to be delivered now."""

    id: int
    channel: str
    recipient: str
    tries: int
    """This one included."""
    body: str


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event that is to be told, at once or when it is due."""

    recipient: str
    line: str
    due_ms: int
    body: str
    entry: str = ""
    """Name of the entry that it is about, where an undo takes it back."""


def put(connection: Connection, channel: str, events: Iterable[NewEvent]) -> None:
    """Have events told."""
    rows = [
        {
            "channel": channel,
            "recipient": one.recipient,
            "line": one.line,
            "state": State.WAITING.value,
            "due_ms": one.due_ms,
            "leased_ms": 0,
            "tries": 0,
            "entry": one.entry,
            "body": one.body,
        }
        for one in events
    ]
    if rows:
        connection.execute(insert(t.outbox), rows)


def take_back(connection: Connection, channel: str, entries: Collection[str]) -> bool:
    """Forget what waits to be told of entries that were undone; whether anything waited."""
    c = t.outbox.c
    of = (c.channel == channel, c.entry.in_(entries))
    where = (c.state == State.WAITING.value, c.tries == 0, *of)
    return bool(connection.execute(delete(t.outbox).where(*where)).rowcount)


def forget_line(connection: Connection, line: str) -> bool:
    """Nothing that waits in a line is wanted any more; whether there was anything."""
    c = t.outbox.c
    where = (c.line == line, c.state == State.WAITING.value)
    return bool(connection.execute(delete(t.outbox).where(*where)).rowcount)


def due(
    connection: Connection,
    channels: Collection[str],
    now_ms: int,
    most: int = 32,
    busy: Sequence[str] = (),
) -> list[int]:
    """Ids of what may be told now, the oldest first, but to ``busy`` recipients."""
    c = t.outbox.c
    earlier = t.outbox.alias()
    before = (
        select(earlier.c.id)
        .where(earlier.c.line == c.line, earlier.c.state == State.WAITING.value)
        .where(earlier.c.id < c.id)
        .exists()
    )
    query = (
        select(c.id)
        .where(c.state == State.WAITING.value, c.due_ms <= now_ms, c.leased_ms <= now_ms, ~before)
        .where(c.channel.in_(channels), c.recipient.not_in(busy))
        .order_by(c.id)
        .limit(most)
    )
    return [int(id_) for id_ in connection.execute(query).scalars()]


def lease(connection: Connection, ids: Iterable[int], now_ms: int) -> list[OutboxEvent]:
    """Take events to tell them; those that another server took first are left out."""
    c = t.outbox.c
    found = []
    for id_ in ids:
        done = connection.execute(
            update(t.outbox)
            .where(c.id == id_, c.state == State.WAITING.value, c.leased_ms <= now_ms)
            .values(leased_ms=now_ms + LEASE_MS, tries=c.tries + 1)
        )
        if done.rowcount:
            query = select(c.channel, c.recipient, c.tries, c.body).where(c.id == id_)
            found.append(OutboxEvent(id_, *connection.execute(query).one()))
    return found


def settle(
    connection: Connection,
    event: OutboxEvent,
    now_ms: int,
    *,
    was_delivered: bool,
    again_ms: Sequence[int],
) -> None:
    """Note how delivery went; ``again_ms`` is how long after each failed try the next may be."""
    here = t.outbox.c.id == event.id
    if was_delivered:
        connection.execute(delete(t.outbox).where(here))
        return
    fields: dict[str, Any] = {"leased_ms": 0, "state": State.FAILED.value, "due_ms": now_ms}
    if event.tries <= len(again_ms):
        due_ms = now_ms + again_ms[event.tries - 1]
        fields |= {"state": State.WAITING.value, "due_ms": due_ms}
    connection.execute(update(t.outbox).where(here).values(**fields))


def forget_failed(connection: Connection, now_ms: int) -> None:
    """Remove what nobody took and nobody looked at for a week."""
    c = t.outbox.c
    old = (c.state == State.FAILED.value, c.due_ms < now_ms - KEPT_MS)
    connection.execute(delete(t.outbox).where(*old))


def forget_recipient(connection: Connection, recipient: str) -> None:
    """Remove all that somebody was to be told."""
    connection.execute(delete(t.outbox).where(t.outbox.c.recipient == recipient))
