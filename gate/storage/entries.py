"""The entries of a journal file, this device's or the others': by name, by ticket, in turn.

None is believed that is not what was hashed.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gate.core import entry_codec
from gate.core.entry import WATCHES, Entry
from gate.storage.checksums import WrongChecksum, ascending
from gate.storage.sqlite import faults

MOVEMENT_WITHIN = 5000
"""Of how many newest entries the last movement is sought: more than a grace time brings."""

OF_TICKET = "FROM counted WHERE ticket = ? AND act IN ('admission', 'exit', 'annulment')"
_FACTS = f"SELECT body, hash {OF_TICKET} ORDER BY id"


@dataclass(frozen=True, slots=True)
class JournalTip:
    """Where the journal ends."""

    origin: str = ""
    seq: int = 0
    hash: str = ""
    hlc: int = 0
    row: int = 0

    @property
    def name(self) -> str:
        """``origin:seq`` of the newest entry; empty for a new journal."""
        return f"{self.origin}:{self.seq}" if self.seq else ""


class Whole(NamedTuple):
    """An entry that is what was hashed, with its bytes and their hash."""

    entry: Entry
    body: bytes
    hash: bytes


class Trusted(NamedTuple):
    """The newest entry whose clock was believed."""

    entry: Entry
    boot_id: str
    """The boot in which its incarnation lived."""


def sound(body: object, hashed: object) -> Entry:
    """An entry that is what was hashed. Raises WrongChecksum, NoEntryError."""
    # Damage to a row's header gives its columns other types.
    if not isinstance(body, str) or entry_codec.digest(body.encode()) != hashed:
        msg = "an entry is not what was hashed"
        raise WrongChecksum(msg)
    return entry_codec.decode(body)


def read_entry(connection: sqlite3.Connection, name: str) -> Entry | None:
    """The entry of that name in a journal file."""
    origin, _colon, seq = name.partition(":")
    if not (seq.isascii() and seq.isdecimal() and len(seq) < 19):
        return None
    row = connection.execute(
        "SELECT body, hash FROM entry WHERE origin = ? AND seq = ?", (origin, int(seq))
    ).fetchone()
    return None if row is None else sound(*row)


def read_facts(connection: sqlite3.Connection, ticket: str) -> list[Entry]:
    """The entries of a journal file that count and that a ticket's history folds from."""
    return [sound(*row) for row in connection.execute(_FACTS, (ticket,))]


def newest_movement(connection: sqlite3.Connection) -> Entry | None:
    """The newest entry that moved people among the newest entries; older ones are not sought."""
    row = connection.execute(
        "SELECT body FROM (SELECT id, act, body FROM entry ORDER BY id DESC LIMIT ?) "
        "WHERE act IN ('admission', 'exit', 'count_in', 'count_out') ORDER BY id DESC LIMIT 1",
        (MOVEMENT_WITHIN,),
    ).fetchone()
    return None if row is None else entry_codec.decode(row[0])


def is_count_undone(connection: sqlite3.Connection, count: Entry) -> bool:
    """Whether a count of people without a ticket was taken back, in this device's journal."""
    row = connection.execute(
        "SELECT 1 FROM entry WHERE id > (SELECT id FROM entry WHERE origin = ? AND seq = ?) "
        "AND act = 'count_undone' AND json_extract(body, '$.target') = ? LIMIT 1",
        (count.origin, count.seq, count.name),
    ).fetchone()
    return row is not None


def is_watching(connection: sqlite3.Connection) -> bool:
    """Whether a journal's newest word on its lane is that its device only watches."""
    row = connection.execute(
        "SELECT body FROM entry WHERE act IN ('lane_opened', 'lane_closed') "
        "ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return row is not None and WATCHES in entry_codec.decode(row[0]).flags


def newest_trusted(connection: sqlite3.Connection, path: Path) -> Trusted | None:
    """The newest entry of this device's journal whose clock was believed."""
    with faults(path):
        row = connection.execute(
            "SELECT body FROM entry WHERE coalesce(json_extract(body, '$.trusted'), 1) "
            "ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        newest = entry_codec.decode(row[0])
        first = read_entry(connection, f"{newest.origin}:1")
        return Trusted(newest, "" if first is None else first.boot_id)


def look_over(connection: sqlite3.Connection, after: int, count: int) -> int:
    """Read some entries of a journal file after a row; the answer is where to go on, in turn.

    Raises WrongChecksum, NoEntryError when one is not what was hashed, or has another name.
    """
    rows = connection.execute(
        "SELECT id, body, hash, origin, seq FROM entry WHERE id > ? ORDER BY id LIMIT ?",
        (after, count),
    ).fetchall()
    for _row, body, hashed, *place in ascending(rows, after):
        entry = sound(body, hashed)
        if [entry.origin, entry.seq] != place:
            msg = "an entry is kept under another name"
            raise WrongChecksum(msg)
    return rows[-1][0] if len(rows) == count else 0
