"""The feed of what changes in an event.

Every change has a number from the event's counter row, taken in the transaction that makes it: the
order of numbers is the order of commits, and whoever has read up to a number has missed nothing.
Every function works in the transaction it is handed.
"""

import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, update

from gate.clock import read_wall_ms
from gate.core.ticket_feed import Change, ChangeKind, Changes, Cursor, ResyncNeeded, chain_hash
from gate.storage.certificates import Authority
from sync.server import tables as t

PAGE = 1000
"""Changes that are told at a time, at most."""
HEAD: Final = (t.stream.c.epoch, t.stream.c.head, t.stream.c.link)
"""The columns of a ``FeedHead``."""


class FeedHead(NamedTuple):
    """How far an event's feed is."""

    epoch: str
    seq: int
    link: bytes


def lock(connection: Connection, event: str) -> FeedHead:
    """How far the event's feed is; nobody else takes a number until the commit."""
    query = select(*HEAD).where(t.stream.c.event == event)
    return FeedHead(*connection.execute(query.with_for_update()).one())


def append(
    connection: Connection,
    event: str,
    at: FeedHead,
    rows: Sequence[tuple[ChangeKind, str, str, dict[str, str]]],
) -> str:
    """Add rows (kind, ref, body, codes) to the feed; the answer is its cursor then.

    ``at`` is what ``lock`` answered in the same transaction.
    """
    made: list[dict[str, Any]] = []
    now_ms = read_wall_ms()
    chained = at.link
    for seq, (kind, ref, body, codes) in enumerate(rows, at.seq + 1):
        id_ = secrets.token_hex(8)
        chained = chain_hash(
            chained, Change(seq, id_, kind, ref, msgspec.Raw(body.encode()), codes)
        )
        made.append(
            {
                "event": event,
                "seq": seq,
                "id": id_,
                "kind": kind,
                "ref": ref,
                "body": body,
                "codes": msgspec.json.encode(codes).decode(),
                "link": chained,
                "at_ms": now_ms,
            }
        )
    if not made:
        return cursor_of(connection, event)
    connection.execute(_INSERT_CHANGES, made)
    head = {"b_event": event, "b_head": made[-1]["seq"], "b_link": chained}
    connection.execute(_SET_HEAD, head)
    return f"{at.epoch}:{made[-1]['seq']}:{made[-1]['id']}"


_INSERT_CHANGES = insert(t.change)
_SET_HEAD = (
    update(t.stream)
    .where(t.stream.c.event == bindparam("b_event"))
    .values(head=bindparam("b_head"), link=bindparam("b_link"))
)


def cursor_of(connection: Connection, event: str) -> str:
    """The cursor of whoever has read everything."""
    row = connection.execute(
        select(t.stream.c.epoch, t.stream.c.head, t.change.c.id)
        .join_from(
            t.stream,
            t.change,
            (t.change.c.event == t.stream.c.event) & (t.change.c.seq == t.stream.c.head),
            isouter=True,
        )
        .where(t.stream.c.event == event)
    ).one()
    return f"{row[0]}:{row[1]}:{row[2] or ''}"


def chain_hash_of(connection: Connection, event: str) -> bytes:
    """What the feed's next change will be linked to."""
    query = select(t.stream.c.link).where(t.stream.c.event == event)
    return bytes(connection.execute(query).scalar_one())


def position_of(connection: Connection, event: str) -> tuple[str, int]:
    """The epoch of the feed, and the number of its newest change."""
    epoch, head = connection.execute(_POSITION, {"event": event}).one()
    return epoch, head


_POSITION = select(t.stream.c.epoch, t.stream.c.head).where(t.stream.c.event == bindparam("event"))


def changes(
    connection: Connection, event: str, cursor: str, now_ms: int, limit: int = PAGE
) -> Changes:
    """The changes after a cursor, sealed by the event's authority.

    Raises ResyncNeeded when the cursor is not of this feed.
    """
    s = t.stream.c
    epoch, head, base = connection.execute(
        select(s.epoch, s.head, s.base).where(s.event == event)
    ).one()
    asked = Cursor.parse(cursor)
    if asked.epoch != epoch or not base <= asked.seq <= head:
        raise ResyncNeeded
    if not _is_known(connection, event, asked.seq, asked.id):
        raise ResyncNeeded
    c = t.change.c
    rows = connection.execute(
        select(c.seq, c.id, c.kind, c.ref, c.body, c.codes, c.link)
        .where(c.event == event, c.seq > asked.seq)
        .order_by(c.seq)
        .limit(limit)
    ).all()
    page = [
        Change(row[0], row[1], row[2], row[3], msgspec.Raw(row[4]), msgspec.json.decode(row[5]))
        for row in rows
    ]
    if not page:
        return Changes([], cursor)
    end, more = f"{epoch}:{page[-1].seq}:{page[-1].id}", page[-1].seq < head
    checkpoint = authority_of(connection, event).checkpoint(
        end, rows[-1].link, 0 if more else now_ms
    )
    return Changes(page, end, more, checkpoint)


def _is_known(connection: Connection, event: str, seq: int, id_: str) -> bool:
    s = t.stream.c
    base, base_id = connection.execute(select(s.base, s.base_id).where(s.event == event)).one()
    if seq == base:
        return bool(id_ == base_id)
    found = connection.execute(
        select(t.change.c.id).where(t.change.c.event == event, t.change.c.seq == seq)
    ).scalar()
    return bool(found == id_)


def may_begin(connection: Connection, event: str, cursor: Cursor) -> bool:
    """Whether a snapshot of that moment is one to begin with.

    It is not where its cursor names no change of this life of the feed, nor where anybody was
    erased since.
    """
    is_new = cursor.seq >= erased_at(connection, event)
    return is_new and _is_known(connection, event, cursor.seq, cursor.id)


def erased_at(connection: Connection, event: str) -> int:
    """Which change was the latest erasure: snapshots of before are not to be told; 0: none."""
    query = select(t.stream.c.erased).where(t.stream.c.event == event)
    return int(connection.execute(query).scalar_one())


def begin_at(connection: Connection, event: str, seq: int, id_: str) -> None:
    """Let the feed be read from a change on, and not from before it."""
    s = t.stream.c
    connection.execute(
        update(t.stream).where(s.event == event, s.base < seq).values(base=seq, base_id=id_)
    )


def forget_copies(connection: Connection, event: str) -> None:
    """No snapshot of before is good any more."""
    s = t.stream.c
    connection.execute(update(t.stream).where(s.event == event).values(erased=s.head))


def authority_of(connection: Connection, event: str) -> Authority:
    """The event's own, which seals what its feed says."""
    kept = select(t.event.c.authority_key, t.event.c.authority).where(t.event.c.id == event)
    return _authority(*connection.execute(kept).one())


_authority = lru_cache(maxsize=64)(Authority.from_pem)
