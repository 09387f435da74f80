"""Finding tickets by what a person types of them: the index in the replica, its writer and reader.

The index is made by the gate itself and never travels: whoever has another version of the program
folds names otherwise. A snapshot comes without, and is read in pieces while the lane works.
A term that the index lacks is a miss and no fault. What it finds is believed only once the ticket's
own row, which has a checksum, has the terms too.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeVar

import msgspec

from gate.storage.checksums import of_ticket, put_meta, read_meta, require
from gate.storage.name_folding import FOLDING, Sought, sought, terms
from gate.storage.schema import SEARCH

AT_ONCE: Final = 2000
"""Tickets whose names are read before a list is live: a small one is never without them."""
A_STEP: Final = 1000
"""Tickets whose names are read in one go beside other work: 0.05 s."""

_KEY = "search"
"""In ``meta``: the folding that the index is made by, and how many rows it still lacks."""

_Row = TypeVar("_Row")
_Key = TypeVar("_Key", int, str)
Read = Callable[[int], tuple[bytes, _Row] | None]


class Searched(msgspec.Struct):
    """The fields that a ticket is found by; a list without names has none of a person's."""

    holder: str = ""
    order: str = ""
    seats: tuple[str, ...] = ()

    def texts(self) -> Iterator[str]:
        """What stands in them."""
        yield from filter(None, (self.holder, self.order, *self.seats))


_searched = msgspec.json.Decoder(Searched)


def terms_of(body: str | bytes) -> set[str]:
    """What a ticket is found by, as its row has it. Raises msgspec.DecodeError."""
    return _terms(_searched.decode(body))


def _terms(fields: Searched) -> set[str]:
    return set().union(*map(terms, fields.texts()))


# The writer's side


def put_terms(connection: sqlite3.Connection, number: int, body: str, *, is_new: bool) -> None:
    """Have a ticket found by what its row says now, and by nothing else."""
    if not is_new:
        connection.execute("DELETE FROM search WHERE rowid = ?", (number,))
    found = terms_of(body)
    if found:
        row = (number, " ".join(sorted(found)))
        connection.execute("INSERT INTO search (rowid, terms) VALUES (?, ?)", row)


def read_on(connection: sqlite3.Connection, most: int) -> bool:
    """Take so many more tickets into an index that is not whole; whether that left some.

    In the caller's transaction. Newest first: what is added meanwhile is in it already. Raises
    WrongChecksum.
    """
    lacking = _lacking(connection)
    if lacking is None:
        drop_terms(connection)
        (lacking,) = connection.execute("SELECT coalesce(max(row), 0) FROM ticket").fetchone()
    elif not lacking:
        return False
    rows = connection.execute(
        "SELECT row, body, sum FROM ticket WHERE row <= ? ORDER BY row DESC LIMIT ?",
        (lacking, most),
    ).fetchall()
    # Ascending: the index writes a piece of its own wherever row numbers go back.
    for number, body, total in reversed(rows):
        require(total, of_ticket, number, body.encode())
        put_terms(connection, number, body, is_new=False)
    left = rows[-1][0] - 1 if len(rows) == most else 0
    put_meta(connection, {_KEY: f"{FOLDING} {left}"})
    return left > 0


def is_whole(connection: sqlite3.Connection) -> bool:
    """Whether every ticket is in the index. Raises WrongChecksum."""
    return _lacking(connection) == 0


def drop_terms(connection: sqlite3.Connection) -> None:
    """Let go of the whole index, at once and not row by row."""
    connection.execute("DROP TABLE search")
    connection.execute(SEARCH)


def merge_terms(connection: sqlite3.Connection) -> None:
    """Write the index anew: what was deleted from it stays in its pieces until then."""
    connection.execute("INSERT INTO search(search) VALUES ('optimize')")


def _lacking(connection: sqlite3.Connection) -> int | None:
    """Up to which row tickets are not in the index yet; ``None``: it is another version's."""
    folding, _space, left = read_meta(connection).get(_KEY, "").partition(" ")
    return int(left) if folding == str(FOLDING) else None


# The reader's side

_FIND = "SELECT rowid FROM search WHERE search MATCH ? LIMIT ?"


def share_read(connection: sqlite3.Connection) -> float:
    """How much of the list can be searched by names: 1 once the index is whole."""
    lacking = _lacking(connection)
    rows = int(connection.execute("SELECT coalesce(max(row), 0) FROM ticket").fetchone()[0])
    if lacking is None:
        return 0.0 if rows else 1.0
    return 1.0 - lacking / max(rows, lacking, 1)


def find(
    connection: sqlite3.Connection,
    typed: str,
    limit: int,
    read: Read[_Row],
) -> list[_Row]:
    """At most so many rows that a text finds: by whole words first, then by beginnings.

    ``read`` has the body of a ticket and what to answer with, by row number; ``None``: no such row.
    """
    found: dict[int, _Row] = {}
    if _lacking(connection) is None:
        return []
    for wanted in sought(typed):
        for mark in ("", "*"):
            if len(found) < limit:
                query = _query(wanted, mark)
                rows = connection.execute(_FIND, (query, limit)).fetchall()
                others = {number for (number,) in rows} - found.keys()
                found |= _read(others, wanted, read)
        if found:
            break
    return list(found.values())[:limit]


def _read(numbers: Iterable[int], wanted: Sought, read: Read[_Row]) -> dict[int, _Row]:
    """Those of some rows that are meant indeed, sorted by what they are found by."""
    rows = {number: row for number in numbers if (row := read(number)) is not None}
    bodies = {number: body for number, (body, _row) in rows.items()}
    return {number: rows[number][1] for number in meant(bodies, wanted)}


def meant(bodies: Mapping[_Key, str | bytes], wanted: Sought) -> list[_Key]:
    """Which of some tickets are meant indeed, by their rows, sorted by what they are found by."""
    kept: dict[_Key, Searched] = {key: _searched.decode(body) for key, body in bodies.items()}
    found = [key for key, fields in kept.items() if wanted.fits(_terms(fields))]
    return sorted(found, key=lambda key: [*map(_in_order, kept[key].texts())])


def _in_order(text: str) -> list[str | int]:
    """As people sort: without regard to case, and row 9 before row 10."""
    parts = re.split("([0-9]+)", text.casefold())
    return [int(part) if part.isdecimal() and part.isascii() else part for part in parts]


def _query(wanted: Sought, mark: str) -> str:
    def any_of(forms: tuple[str, ...]) -> str:
        return "(" + " OR ".join(f'"{form}"{mark}' for form in forms) + ")"

    every = " AND ".join(map(any_of, wanted.groups))
    return f"({every}) OR {any_of(wanted.joined)}" if wanted.joined else every
