"""Who did what at the server: rows that are only added, each linked to the one before by its hash.

A row is JSON, kept as the bytes that are hashed. It names tokens, devices and tickets by their ids:
no person, no code. Every function works in the transaction it is handed, so that what was done and
that it was done are kept together or not at all.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, insert, select, update

from gate.i18n import _
from gate.text import spreadsheet
from sync.server import tables as t

T = TypeVar("T")
PAGE: Final = 1000
_TIP: Final = "audit"
"""Key in ``meta`` of the newest row's number and hash; its row is the lock."""
_FIRST: Final = ""
_LONGEST: Final = 200
COLUMNS: Final = ("seq", "at_ms", "event", "who", "address", "act", "about", "hash")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something."""

    who: str
    """Id and name of an organiser's token; ``console`` for a command at the server's machine."""
    address: str = ""
    """From where; empty at the machine itself."""


CONSOLE: Final = Actor("console")
SERVER: Final = Actor("server")


class Row(msgspec.Struct, frozen=True):
    """One row."""

    seq: int
    prev: str
    """Hash of the row before, hex."""
    at_ms: int
    event: str
    """Empty: of no one event."""
    who: str
    address: str
    act: str
    """What was done: ``revoke``, ``erase``, ``token made``…"""
    about: str
    """To what: ids and numbers."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Row).decode


def note(
    connection: Connection, actor: Actor, act: str, now_ms: int, *, event: str = "", about: str = ""
) -> None:
    """Add a row. Take other locks before: this one everybody wants."""
    seq, prev = _tip(connection, locks=True)
    row = Row(
        seq + 1, prev, now_ms, event, _short(actor.who), _short(actor.address), act, _short(about)
    )
    body = _encode(row)
    hashed = hashlib.sha256(body).hexdigest()
    connection.execute(
        insert(t.audit).values(seq=row.seq, event=event, body=body.decode(), hash=hashed)
    )
    newest = f"{row.seq}:{hashed}"
    connection.execute(update(t.meta).where(t.meta.c.key == _TIP).values(value=newest))


def noted(
    job: Callable[[Connection], T],
    actor: Actor,
    act: str,
    now_ms: int,
    *,
    event: str = "",
    about: str | Callable[[T], str | None] = "",
) -> Callable[[Connection], T]:
    """The job, and in its transaction the row that tells of it; none where nothing was changed.

    ``about`` is called with what the job answered; ``None`` says that it changed nothing.
    """

    def do(connection: Connection) -> T:
        done = job(connection)
        text = about if isinstance(about, str) else about(done)
        if text is not None:
            note(connection, actor, act, now_ms, event=event, about=text)
        return done

    return do


def tip(connection: Connection) -> str:
    """Number and hash of the newest row: whoever keeps it elsewhere sees if rows were cut off."""
    return ":".join(map(str, _tip(connection)))


def rows(
    connection: Connection, after: int = 0, *, event: str = "", limit: int = PAGE
) -> list[tuple[Row, str]]:
    """Rows with their hashes, in order, after a number; of one event if it is named."""
    c = t.audit.c
    query = select(c.body, c.hash).where(c.seq > after).order_by(c.seq).limit(limit)
    if event:
        query = query.where(c.event == event)
    return [(_decode(body), hashed) for body, hashed in connection.execute(query)]


def newest(connection: Connection, event: str, limit: int, before: int = 0) -> list[Row]:
    """An event's rows, the newest first; before a number, where one is named."""
    c = t.audit.c
    query = select(c.body).where(c.event == event).order_by(c.seq.desc()).limit(limit)
    if before:
        query = query.where(c.seq < before)
    return [_decode(body) for body in connection.execute(query).scalars()]


def findings(connection: Connection) -> Iterator[str]:
    """Every place where the chain does not hold, in words for whoever looks after the server."""
    c = t.audit.c
    seq, prev = 0, _FIRST
    while True:
        found = connection.execute(
            select(c.seq, c.event, c.body, c.hash).where(c.seq > seq).order_by(c.seq).limit(PAGE)
        ).all()
        if not found:
            break
        for number, event, body, hashed in found:
            if number != seq + 1:
                yield _("row {n} is missing").format(n=seq + 1)
            elif hashlib.sha256(body.encode()).hexdigest() != hashed:
                yield _("row {n} was altered").format(n=number)
            elif (row := _decode(body)) and (row.seq, row.event, row.prev) != (number, event, prev):
                yield _("row {n} does not go on from the one before").format(n=number)
            seq, prev = number, hashed
    if _tip(connection) != (seq, prev):
        yield _("from row {n} on the log was cut off").format(n=seq + 1)


def as_csv(some: Sequence[tuple[Row, str]]) -> str:
    """Rows for a spreadsheet, which takes none of it for a formula."""
    lines = [COLUMNS, *((*_cells(row), hashed) for row, hashed in some)]
    return "".join(f"{spreadsheet.row(cells)}\n" for cells in lines)


def _cells(row: Row) -> tuple[Any, ...]:
    return (row.seq, row.at_ms, row.event, row.who, row.address, row.act, row.about)


def _short(text: str) -> str:
    return text[:_LONGEST]


def _tip(connection: Connection, *, locks: bool = False) -> tuple[int, str]:
    query = select(t.meta.c.value).where(t.meta.c.key == _TIP)
    value = connection.execute(query.with_for_update() if locks else query).scalar_one()
    seq, _colon, hashed = value.partition(":")
    return int(seq), hashed
