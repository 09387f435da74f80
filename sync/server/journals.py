"""The event's journals as they are held: their lock, what is asked of them and told of them.

Every function works in the transaction it is handed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, select

from gate.core import entry_codec
from gate.core.entry import FACTS, Act, Entry
from gate.core.history import History, fold
from gate.core.intake import signed_tips_for, step_of
from gate.core.limits import FRAME_BYTES, MAX_ENTRIES
from gate.core.replication import (
    DIGITS,
    MAX_BRANCHES,
    Have,
    HeldEntry,
    Page,
    Span,
    Step,
    changed,
    frame_of,
    gather,
    missing,
    tips_from_text,
    tips_to_text,
)
from gate.core.signed_tip import SignedTip
from sync.server import tables as t
from sync.server.prepared import Prepared
from sync.wire import PAGE_ORIGINS, Frame

_LOCK = Prepared(
    select(t.stream.c.entries, t.stream.c.head)
    .where(t.stream.c.event == bindparam("event"))
    .with_for_update(),
    ["event"],
)


def lock(connection: Connection, event: str) -> tuple[int, int]:
    """Wait until nobody else writes to the event, until the transaction ends.

    The answer is how far its entries and its feed are.
    """
    row: Any = _LOCK.run(connection, [(event,)]).one()
    return int(row[0]), int(row[1])


def newest_number(connection: Connection, event: str) -> int:
    """The number of the newest entry."""
    query = select(t.stream.c.entries).where(t.stream.c.event == event)
    return int(connection.execute(query).scalar() or 0)


def find(connection: Connection, event: str, name: str) -> Entry | None:
    """The entry of that name."""
    origin, _colon, seq = name.partition(":")
    if not (seq.isascii() and seq.isdecimal() and len(seq) < 16):
        return None
    body = connection.execute(
        select(t.entry.c.body).where(
            t.entry.c.event == event, t.entry.c.origin == origin, t.entry.c.seq == int(seq)
        )
    ).scalar()
    return None if body is None else entry_codec.decode(body)


def facts_of(
    connection: Connection, event: str, ticket: str, acts: Iterable[Act] = FACTS
) -> list[Entry]:
    """Every entry of an event that counts and that a ticket's history folds from."""
    bound = {"event": event, "ticket": ticket, "acts": [act.value for act in acts]}
    return [entry_codec.decode(body) for body in connection.execute(_FACTS_OF, bound).scalars()]


def facts_of_each(
    connection: Connection, event: str, tickets: Sequence[str]
) -> Iterator[tuple[str, list[Entry]]]:
    """The same of each of some tickets that have any, in their order; few enough for one query."""
    rows = connection.execute(_FACTS_OF_EACH, {"event": event, "tickets": list(tickets)})
    for ticket, some in groupby(rows, lambda row: str(row.ticket)):
        yield ticket, [entry_codec.decode(row.body) for row in some]


_FACTS_OF_EACH = (
    select(t.entry.c.ticket, t.entry.c.body)
    .where(
        t.entry.c.event == bindparam("event"),
        t.entry.c.ticket.in_(bindparam("tickets", expanding=True)),
        t.entry.c.act.in_([act.value for act in FACTS]),
        t.COUNTS,
    )
    .order_by(t.entry.c.ticket)
)

_FACTS_OF = select(t.entry.c.body).where(
    t.entry.c.event == bindparam("event"),
    t.entry.c.ticket == bindparam("ticket"),
    t.entry.c.act.in_(bindparam("acts", expanding=True)),
    t.COUNTS,
)


def history(connection: Connection, event: str, ticket: str) -> History:
    """What a ticket has done, anywhere."""
    return fold(facts_of(connection, event, ticket))


def have(connection: Connection, event: str, origins: Iterable[str] | None = None) -> Have:
    """The tips of an event's origins, or of some of them."""
    query = select(t.tip.c.origin, t.tip.c.seq, t.tip.c.hash).where(t.tip.c.event == event)
    if origins is not None:
        query = query.where(t.tip.c.origin.in_(list(origins)))
    return gather(connection.execute(query))


def _have_within(connection: Connection, event: str, page: Page, most: int) -> tuple[Have, Page]:
    """The tips of a page's origins; of more than so many the first, and then a shorter page."""
    c = t.tip.c
    # In the order of the characters' numbers, whatever language the database is in.
    origin = c.origin.collate("C") if connection.dialect.name == "postgresql" else c.origin
    query = select(c.origin, c.seq, c.hash).where(c.event == event, origin > page.after)
    if page.to:
        query = query.where(origin <= page.to)
    rows = connection.execute(query.order_by(origin).limit(most + MAX_BRANCHES)).all()
    if len(rows) < most + MAX_BRANCHES:
        return gather(rows), page
    # The last one may have more branches.
    rows = [row for row in rows if row.origin != rows[-1].origin]
    return gather(rows), page._replace(to=rows[-1].origin)


def answer(connection: Connection, event: str, asked: Frame, touched: Have) -> Frame:
    """What to say to a device after what it brought was taken in."""
    if asked.page is None:
        return Frame(have=tips_to_text(touched))
    page, theirs = Page(*asked.page), tips_from_text(asked.have)
    # However many of them are known there already, a page of others is among these.
    mine, page = _have_within(connection, event, page, len(theirs) + PAGE_ORIGINS)
    # What differs may not fit: then less of the range is answered, and asked for the rest anew.
    page = page.cut(changed(mine, theirs), PAGE_ORIGINS)
    mine, theirs = page.within(mine), page.within(theirs)
    held = _Journals(connection, event)
    spans = missing(mine, theirs, held)
    entries, more = frame_of(
        spans, partial(_span, connection, event), most=MAX_ENTRIES, most_bytes=FRAME_BYTES
    )
    answered = changed(mine, theirs)
    # Of what the device holds and we do not, it must hear that we do not.
    answered |= {origin: frozenset() for origin in theirs if origin not in mine}
    return Frame(
        have=tips_to_text(touched | answered),
        page=page,
        entries=[msgspec.Raw(one.body) for one in entries],
        signed_tips=signed_tips_for(entries, held.signed_tips),
        more=more,
    )


@dataclass(frozen=True, slots=True)
class _Journals:
    """What is held of an event."""

    connection: Connection
    event: str

    def hashes_at(self, origin: str, seq: int) -> frozenset[str]:
        query = select(t.entry.c.hash).where(*self._of(origin), t.entry.c.seq == seq)
        return frozenset(hash_[:DIGITS] for (hash_,) in self.connection.execute(query))

    def steps(self, origin: str) -> list[Step]:
        c = t.entry.c
        query = select(c.seq, c.hash, c.body).where(*self._of(origin)).order_by(c.seq)
        return [step_of(*row) for row in self.connection.execute(query)]

    def signed_tips(self, origin: str, first: int, last: int) -> list[SignedTip]:
        found = _HEADS.run(self.connection, [(self.event, origin, first, last)])
        return [SignedTip(*list(row)) for row in found]

    def _of(self, origin: str) -> tuple[ColumnElement[bool], ...]:
        return t.entry.c.event == self.event, t.entry.c.origin == origin


_HEADS = Prepared(
    select(
        t.signed_tip.c.origin, t.signed_tip.c.seq, t.signed_tip.c.hash, t.signed_tip.c.signature
    ).where(
        t.signed_tip.c.event == bindparam("event"),
        t.signed_tip.c.origin == bindparam("origin"),
        t.signed_tip.c.seq.between(bindparam("first"), bindparam("last")),
    ),
    ["event", "origin", "first", "last"],
)


def _span(connection: Connection, event: str, span: Span, most: int) -> Iterator[HeldEntry]:
    """The first entries of a span: as many numbers, whatever the branches."""
    rows = _SPAN.run(connection, [(event, span.origin, span.after, span.after + most)])
    return (
        HeldEntry(span.origin, row.seq, row.hash, entry_codec.prev_of(row.body), row.body.encode())
        for row in rows
    )


_SPAN = Prepared(
    select(t.entry.c.seq, t.entry.c.hash, t.entry.c.body)
    .where(
        t.entry.c.event == bindparam("event"),
        t.entry.c.origin == bindparam("origin"),
        t.entry.c.seq > bindparam("after"),
        t.entry.c.seq <= bindparam("last"),
    )
    .order_by(t.entry.c.seq, t.entry.c.hash),
    ["event", "origin", "after", "last"],
)


@dataclass(frozen=True, slots=True)
class News:
    """Entries after a number, for the stream."""

    number: int
    bodies: list[bytes]
    tips: Have
    signed_tips: list[SignedTip]


def news(connection: Connection, event: str, after: int, limit: int = MAX_ENTRIES) -> News:
    """What came in after a number, in the order it was committed."""
    rows = connection.execute(
        select(t.entry.c.number, t.entry.c.body, t.entry.c.origin)
        .where(t.entry.c.event == event, t.entry.c.number > after)
        .order_by(t.entry.c.number)
        .limit(limit)
    ).all()
    if not rows:
        return News(after, [], {}, [])
    newest = rows[-1][0]
    c = t.signed_tip.c
    signed_tips = connection.execute(
        select(c.origin, c.seq, c.hash, c.signature).where(
            c.event == event, c.number.between(after + 1, newest)
        )
    )
    tips = have(connection, event, {row[2] for row in rows})
    return News(
        newest, [row[1].encode() for row in rows], tips, [SignedTip(*row) for row in signed_tips]
    )
