"""The audit: every entry follows the last, and what is counted follows from the entries."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from gate.core import entry_codec
from gate.core.entry import Entry
from gate.core.history import fold
from gate.core.tally import TALLY_COUNTS, TALLY_KEY, TallyCounts, TallyKey, tally_key, tally_rows
from gate.i18n import _
from gate.storage.checksums import WrongChecksum, ascending
from gate.storage.entries import read_entry, read_facts
from gate.storage.histories import read_history
from gate.storage.sqlite import faults, open_reader

PAGE = 1000
FINDINGS_KEPT = 20

Progress = Callable[[int, int], None]
"""Called now and then with the entries checked and the entries there are."""


@dataclass(slots=True)
class Audit:
    """What an audit found."""

    entries: int = 0
    origins: int = 0
    tickets: int = 0
    problems: int = 0
    findings: list[str] = field(default_factory=list)
    """The first problems, in words."""

    def found(self, finding: str) -> None:
        """Note a problem."""
        self.problems += 1
        if len(self.findings) < FINDINGS_KEPT:
            self.findings.append(finding)


def audit_journal(path: Path, progress: Progress | None = None) -> Audit:
    """Check a journal file whole: SQLite's integrity, the chain, the counts and the histories.

    Raises DamagedError when the file cannot be read at all.
    """
    audit = Audit()
    connection = open_reader(path)
    try:
        with faults(path):
            for (finding,) in connection.execute("PRAGMA integrity_check(20)").fetchall():
                if finding != "ok":
                    audit.found(_("file: {finding}").format(finding=finding))
            tally = _audit_chain(connection, audit, progress)
            _audit_orphans(connection, audit)
            _audit_tally(connection, audit, tally)
            _audit_states(connection, audit)
    finally:
        connection.close()
    return audit


_Tally = dict[TallyKey, list[int]]


def _audit_chain(connection: sqlite3.Connection, audit: Audit, progress: Progress | None) -> _Tally:
    """Walk the entries in order; answer with the tally they make."""
    total = connection.execute("SELECT count(*) FROM entry").fetchone()[0]
    tally: _Tally = {}
    gaps = _Gaps(connection)
    previous: Entry | None = None
    previous_hash = ""
    for body, kept_hash, origin, seq in _pages(connection):
        name = f"{origin}:{seq}"
        audit.entries += 1
        try:
            entry = entry_codec.decode(body)
        except ValueError as error:
            audit.found(_("{entry} cannot be read: {detail}").format(entry=name, detail=error))
            previous, previous_hash = None, kept_hash.hex()
            continue
        if entry_codec.digest(body.encode()) != kept_hash:
            audit.found(_("{entry} is not what was hashed").format(entry=name))
        if entry.name != name:
            audit.found(_("{entry} calls itself {name}").format(entry=name, name=entry.name))
        if not (_follows(entry, previous, previous_hash) or gaps.has_before(entry)):
            audit.found(_("{entry} does not follow the entry before it").format(entry=name))
        if entry.seq == 1:
            audit.origins += 1
        for at, counts in tally_rows(entry, partial(_find, connection)):
            _add(tally, tally_key(at), counts)
        previous, previous_hash = entry, kept_hash.hex()
        if progress and audit.entries % PAGE == 0:
            progress(audit.entries, total)
    if progress:
        progress(audit.entries, total)
    return tally


def _audit_orphans(connection: sqlite3.Connection, audit: Audit) -> None:
    query = "SELECT origin, seq, coalesce(CAST(body AS TEXT), ''), hash FROM orphan"
    for origin, seq, body, kept_hash in connection.execute(query):
        if entry_codec.digest(body.encode()) != kept_hash:
            name = f"{origin}:{seq}"
            audit.found(_("{entry} is not what was hashed").format(entry=name))


class _Gaps:
    """What is not among the entries because the journal before this one was damaged."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        query = "SELECT hash FROM ended UNION SELECT lower(hex(hash)) FROM orphan"
        self._hashes = {hash_ for (hash_,) in connection.execute(query)}
        self._missing = connection.execute("SELECT origin, first, last FROM missing").fetchall()

    def has_before(self, entry: Entry) -> bool:
        """Whether a start of the lane follows one of these."""
        origin, _colon, seq = entry.follows.rpartition(":")
        is_missing = seq.isdecimal() and any(
            origin == lost and first <= int(seq) <= last for lost, first, last in self._missing
        )
        return entry.seq == 1 and (entry.prev in self._hashes or is_missing)


def _find(connection: sqlite3.Connection, name: str) -> Entry | None:
    try:
        return read_entry(connection, name)
    except (entry_codec.NoEntryError, WrongChecksum):
        return None  # has been told of when its turn came


def _follows(entry: Entry, previous: Entry | None, previous_hash: str) -> bool:
    if entry.prev != previous_hash:
        return False
    if previous is None:
        return True
    if entry.origin == previous.origin:
        return entry.seq == previous.seq + 1 and not entry.follows and entry.hlc > previous.hlc
    return entry.seq == 1 and entry.follows == previous.name and entry.hlc > previous.hlc


def _audit_tally(connection: sqlite3.Connection, audit: Audit, rebuilt: _Tally) -> None:
    columns = ", ".join(TALLY_KEY + TALLY_COUNTS)
    for row in connection.execute(f"SELECT {columns} FROM tally"):
        key, counts = row[: len(TALLY_KEY)], list(row[len(TALLY_KEY) :])
        if rebuilt.pop(key, None) != counts:
            audit.found(_("the count of {key} does not follow from the entries").format(key=key))
    for key in rebuilt:
        audit.found(_("the count of {key} is missing").format(key=key))


def _audit_states(connection: sqlite3.Connection, audit: Audit) -> None:
    after = ""
    while True:
        tickets = connection.execute(
            "SELECT DISTINCT ticket FROM entry WHERE act IN ('admission', 'exit', 'annulment') "
            "AND ticket > ? ORDER BY ticket LIMIT ?",
            (after, PAGE),
        ).fetchall()
        if not ascending(tickets, after):
            break
        for (ticket,) in tickets:
            audit.tickets += 1
            try:
                follows = read_history(connection, ticket) == fold(read_facts(connection, ticket))
            except (entry_codec.NoEntryError, WrongChecksum):
                follows = False
            if not follows:
                audit.found(
                    _("the history of ticket {ticket} does not follow from its entries").format(
                        ticket=ticket
                    )
                )
        after = tickets[-1][0]
    kept = connection.execute("SELECT count(*) FROM state").fetchone()[0]
    if kept != audit.tickets:
        audit.found(_("there are histories of tickets nobody scanned"))


def _pages(connection: sqlite3.Connection) -> Iterator[tuple[str, bytes, str, int]]:
    after = 0
    while True:
        page = connection.execute(
            "SELECT id, coalesce(CAST(body AS TEXT), ''), coalesce(CAST(hash AS BLOB), x''), "
            "origin, seq FROM entry WHERE id > ? ORDER BY id LIMIT ?",
            (after, PAGE),
        ).fetchall()
        if not page:
            return
        rows = ascending(page, after)
        for row in rows:
            yield row[1], row[2], row[3], row[4]
        after = rows[-1][0]


def _add(tally: _Tally, key: TallyKey, counts: TallyCounts) -> None:
    line = tally.setdefault(key, [0, 0, 0, 0])
    for position, count in enumerate(counts):
        line[position] += count
