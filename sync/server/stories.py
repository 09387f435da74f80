"""What the server holds of one ticket, and of what all devices did.

Works in the transaction it is handed; nothing grows with how many tickets or entries there are.
"""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from gate.core import entry_codec
from gate.core.entry import Entry
from gate.core.story import MOST_ENTRIES, Statement, Story, story
from gate.core.ticket import Ticket
from sync.server import door, feed, journals
from sync.server import tables as t

MOST_STATEMENTS = 200
"""Changes of one ticket that are told: the newest."""
PAGE = 200
"""Entries in a page of the journal, at most."""
LOOKED_AT = 2000
"""Entries that one request decodes, at most: a page may be short, and say where to go on."""
WINDOW = 50_000
"""Numbers among which one request looks, where no ticket is named."""


def story_of(connection: Connection, event: str, id_: str) -> tuple[Ticket, Story]:
    """A ticket and all that is known of it. Raises Denied."""
    ticket = door.require_ticket(connection, event, id_)
    statements, knows_all = _statements(connection, event, id_)
    entries, disowned = _entries(connection, event, id_)
    return ticket, story(
        ticket, entries, statements, knows_all=knows_all, disowned=frozenset(disowned)
    )


def _statements(connection: Connection, event: str, id_: str) -> tuple[list[Statement], bool]:
    """How the feed still has a ticket, the first first; and whether that is all there was."""
    c = t.change.c
    query = (
        select(c.seq, c.kind, c.body, c.codes, c.at_ms)
        .where(c.event == event, c.ref == id_, c.kind.in_(("ticket", "erasure")))
        .order_by(c.seq.desc())
        .limit(MOST_STATEMENTS + 1)
    )
    rows = connection.execute(query).all()
    epoch, _head = feed.position_of(connection, event)
    base = connection.execute(select(t.stream.c.base).where(t.stream.c.event == event)).scalar_one()
    made = [
        Statement(
            position=f"{epoch}:{row.seq}",
            at_ms=row.at_ms,
            fields=msgspec.json.decode(row.body),
            codes=msgspec.json.decode(row.codes),
            is_erasure=row.kind == "erasure",
        )
        for row in reversed(rows[:MOST_STATEMENTS])
    ]
    # What stands before the place from which the feed can be read may have been removed.
    return made, not base and 0 < len(rows) <= MOST_STATEMENTS


def _entries(connection: Connection, event: str, id_: str) -> tuple[list[Entry], list[str]]:
    """The newest entries about a ticket, and the names of those that count no more."""
    c = t.entry.c
    query = (
        select(c.body, t.COUNTS.label("counts"))
        .where(c.event == event, c.ticket == id_)
        .order_by(c.number.desc())
        .limit(MOST_ENTRIES + 1)
    )
    entries, disowned = [], []
    for body, counts in connection.execute(query):
        entries.append(entry_codec.decode(body))
        if not counts:
            disowned.append(entries[-1].name)
    return entries, disowned


class Wanted(msgspec.Struct, frozen=True):
    """Which entries of a journal are wanted; empty: all."""

    device: str = ""
    ticket: str = ""
    outcome: str = ""
    reason: str = ""
    operator: str = ""
    from_ms: int | None = None
    until_ms: int | None = None

    def has(self, entry: Entry) -> bool:
        """Whether an entry is one of them."""
        fields = ("device", "ticket", "outcome", "reason", "operator")
        said = all(getattr(self, name) in ("", getattr(entry, name) or "") for name in fields)
        begins = self.from_ms is None or entry.at_ms >= self.from_ms
        return said and begins and (self.until_ms is None or entry.at_ms < self.until_ms)


class JournalPage(NamedTuple):
    """Some entries with their numbers, and where to go on."""

    entries: list[tuple[int, Entry]]
    after: int
    has_more: bool


def journal(connection: Connection, event: str, wanted: Wanted, after: int) -> JournalPage:
    """Entries after a number that are wanted, in the order in which they came in."""
    newest = journals.newest_number(connection, event)
    # A ticket's entries have an index; others are looked for among so many numbers.
    until = newest if wanted.ticket else min(newest, after + WINDOW)
    c = t.entry.c
    within = (c.number > after, c.number <= until)
    found, at, is_all = _looked(connection, event, wanted, *within, order=c.number)
    end = max(until, after) if is_all else at
    return JournalPage(found, end, end < newest)


def journal_back(connection: Connection, event: str, wanted: Wanted, before: int) -> JournalPage:
    """Entries before a number that are wanted, the newest first; ``after`` goes on before it.

    0 is before nothing: the newest of all are first.
    """
    newest = journals.newest_number(connection, event)
    before = min(before or newest + 1, newest + 1)
    first = 1 if wanted.ticket else max(1, before - WINDOW)
    c = t.entry.c
    within = (c.number < before, c.number >= first)
    found, at, is_all = _looked(connection, event, wanted, *within, order=c.number.desc())
    end = first if is_all else at
    return JournalPage(found, end, end > 1)


def _looked(
    connection: Connection,
    event: str,
    wanted: Wanted,
    *within: ColumnElement[bool],
    order: ColumnElement[Any],
) -> tuple[list[tuple[int, Entry]], int, bool]:
    """The first that are wanted, the last number that was looked at, and whether that was all."""
    c = t.entry.c
    query = select(c.number, c.body).where(c.event == event, *within, *_may_be(wanted))
    rows = connection.execute(query.order_by(order).limit(LOOKED_AT)).all()
    found: list[tuple[int, Entry]] = []
    for row in rows:
        entry = entry_codec.decode(row.body)
        if wanted.has(entry):
            found.append((row.number, entry))
        if len(found) == PAGE:
            return found, row.number, False
    return found, rows[-1].number if rows else 0, len(rows) < LOOKED_AT


def _may_be(wanted: Wanted) -> list[ColumnElement[bool]]:
    """What of it the database can say, so that it hands over little else."""
    c = t.entry.c
    found = [c.ticket == wanted.ticket] if wanted.ticket else []
    if wanted.device:
        found.append(c.origin.startswith(f"{wanted.device}.", autoescape=True))
    for name in ("outcome", "reason", "operator"):
        if value := getattr(wanted, name):
            # As an entry has it; no text of a stranger's in it can hold an unescaped quote.
            text = f'"{name}":{msgspec.json.encode(value).decode()}'
            found.append(c.body.contains(text, autoescape=True))
    return found
