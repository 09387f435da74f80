"""What the server lets go of: persons who are erased, and what is personal of events that are over.

Every function works in the transaction it is handed.
"""

import secrets
from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, select, update

from gate.credential import KEY_BYTES
from gate.storage.ticket_rows import bare_body
from sync.server import events, feed, rotating, ticket_search, ticket_store
from sync.server import tables as t
from sync.server.part import Key
from sync.server.prepared import in_parts, put

_DROPPED = 2000
"""Rows that are dropped in one transaction: gates that push meanwhile wait for it."""


def which_erased(connection: Connection, event: str, ids: Iterable[str]) -> list[str]:
    """Which of the tickets were erased."""
    c = t.erased.c
    found: list[str] = []
    for some in in_parts(sorted(ids)):
        query = select(c.what).where(c.event == event, c.what.in_(some))
        found += connection.execute(query).scalars()
    return found


def erase(connection: Connection, event: str, ids: Iterable[str]) -> list[str]:
    """Take from tickets their codes and whatever may tell of a person, for all gates to hear.

    What the feed has told of them goes too: whoever has not read that far takes a new snapshot.
    The answer is which tickets there were.
    """
    at = feed.lock(connection, event)
    bodies = ticket_store.bodies_of(connection, event, [{"id": id_} for id_ in sorted(set(ids))])
    if not bodies:
        return []
    bare = {id_: bare_body(body) for id_, body in bodies.items()}
    ticket_store.put_tickets(
        connection, event, [(id_, ticket_store.type_of(body), body) for id_, body in bare.items()]
    )
    ticket_search.drop_terms(connection, event, list(bare))
    put(connection, t.erased, [(event, id_) for id_ in bare])
    rotating.forget(connection, event, bare)
    gone: list[tuple[int, str]] = []
    c, k = t.change.c, t.code.c
    for some in in_parts(list(bare)):
        connection.execute(delete(t.code).where(k.event == event, k.ticket.in_(some)))
        of = (c.event == event, c.ref.in_(some), c.kind == "ticket")
        gone += [(row[0], row[1]) for row in connection.execute(select(c.seq, c.id).where(*of))]
        connection.execute(delete(t.change).where(*of))
    if gone:
        feed.begin_at(connection, event, *max(gone))
    feed.append(connection, event, at, [("erasure", id_, body, {}) for id_, body in bare.items()])
    feed.forget_copies(connection, event)
    return list(bare)


def begin_to_drop(connection: Connection, event: str, now_ms: int) -> None:
    """Say to all that the event's names and codes are dropped, and tell of no ticket any more."""
    feed.lock(connection, event)
    events.change_event(connection, event, dropped_ms=now_ms)
    c = t.change.c
    query = select(c.seq, c.id).where(c.event == event, c.kind == "ticket")
    last = connection.execute(query.order_by(c.seq.desc()).limit(1)).first()
    if last is not None:
        feed.begin_at(connection, event, *last)
    feed.forget_copies(connection, event)


def drop_some(connection: Connection, event: str, after: Key) -> Key:
    """Drop codes and what is personal of the tickets after an id; the answer is the last."""
    c, k = t.ticket.c, t.code.c
    query = select(c.id, c.type_id, c.body).where(c.event == event)
    if after is not None:
        query = query.where(c.id > after[0])
    rows = connection.execute(query.order_by(c.id).limit(_DROPPED)).all()
    if not rows:
        return None
    last = str(rows[-1].id)
    ticket_store.put_tickets(
        connection, event, [(row[0], row[1], bare_body(row[2])) for row in rows]
    )
    of = (k.event == event, k.ticket.between(rows[0].id, last))
    connection.execute(delete(t.code).where(*of))
    ticket_search.drop_terms(connection, event, [row[0] for row in rows])
    rotating.forget(connection, event, [row[0] for row in rows])
    return (last,)


def end_dropping(connection: Connection, event: str) -> None:
    """All is gone; without the key no hash that an entry has of a code can be tried either."""
    fields = {"is_bare": 1, "key": secrets.token_hex(KEY_BYTES)}
    connection.execute(update(t.event).where(t.event.c.id == event).values(**fields))


def forget_some(connection: Connection, event: str, after: Key) -> Key:  # noqa: ARG001  as every step
    """Remove some of the changes that nobody can be told any more, while there are any."""
    base = select(t.stream.c.base).where(t.stream.c.event == event).scalar_subquery()
    c = t.change.c
    query = select(func.min(c.seq)).where(c.event == event, c.seq <= base)
    first = connection.execute(query).scalar()
    if first is None:
        return None
    where = (c.event == event, c.seq <= base, c.seq < first + _DROPPED)
    connection.execute(delete(t.change).where(*where))
    return (first,)
