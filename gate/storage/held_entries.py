"""Every entry that this device holds, read: its own journal's, and the others' in ``peers.db``."""

import sqlite3
from collections.abc import Iterable
from functools import partial

from gate.core import entry_codec
from gate.core.entry import Entry
from gate.core.intake import step_of
from gate.core.limits import FRAME_BYTES, MAX_ENTRIES
from gate.core.replication import (
    DIGITS,
    Have,
    HeldEntry,
    Intake,
    Span,
    Start,
    Step,
    Tip,
    frame_of,
    gather,
    joined,
    read_tip,
    tip_name,
)
from gate.storage.checksums import WrongChecksum, require
from gate.storage.entries import read_entry
from gate.storage.own_journal import OwnJournal
from gate.storage.peers import has_successor
from gate.storage.peers_file import PeersFile
from gate.storage.sqlite import cache_faults

_BEGINS = """
SELECT seq, json_extract(body, '$.prev') FROM entry AS e WHERE origin = ? AND seq > 1
AND NOT EXISTS (
    SELECT 1 FROM entry AS before WHERE before.origin = e.origin AND before.seq = e.seq - 1
    AND lower(hex(before.hash)) = json_extract(e.body, '$.prev')
)
"""
"""Of an origin, what follows an entry that is not in the same file."""


class HeldEntries:
    """The entries by their names, and where each origin ends.

    More than ten methods, for both sides of an exchange ask them of one thing: what is held.
    """

    def __init__(self, file: PeersFile, journal: OwnJournal) -> None:
        self._file = file
        self._journal = journal
        with file.reading():
            run = file.connection.execute
            self.tips: Have = gather(run("SELECT origin, seq, hash FROM tip"))
            """The ends of what is in ``peers.db``."""
            rows = run("SELECT origin, follows FROM origin")
            self._starts = {row[0]: Start(*row) for row in rows}
        self.version = 0
        """Goes up when entries of others were taken."""
        self._steps: list[Step] = []
        self._steps_as_of: tuple[object, ...] = ()
        self._rooted: set[str] = set()
        """Origins before which nothing of their device is lacking."""

    def have(self) -> Have:
        """What is held, as far as the journal was followed."""
        return joined(self.tips, self._journal.tips, self._has_successor)

    def starts(self) -> Iterable[Start]:
        """How each origin began of which the first entry is held."""
        return (self._starts | self._journal.starts).values()

    def note(self, intake: Intake) -> None:
        """Entries of others were taken; their rows are committed."""
        self.tips.update({o: intake.tips[o] for o in {one.entry.origin for one in intake.taken}})
        for one in intake.taken:
            if one.entry.seq == 1:
                self._starts[one.entry.origin] = Start(one.entry.origin, one.entry.follows)
        self.version += bool(intake.taken)

    def lacking(self, tip: str) -> int:
        """How many entries of a device are not held, up to the one that a tip names; 0 for none.

        More may be lacking than is counted, but never when it is 0: an entry is held with its
        origin before it, and each origin's first names what the device had done before it.
        """
        passed = []
        while tip:
            origin, newest = read_tip(tip)
            tips = self.tips.get(origin, frozenset())
            if newest not in tips and newest.hash not in self.hashes_at(origin, newest.seq):
                held = max((one.seq for one in tips if one.seq < newest.seq), default=0)
                return max(1, newest.seq - held)
            if origin in self._rooted:
                break
            passed.append(origin)
            tip = self._before(origin)
        self._rooted.update(passed)
        return 0

    def hashes_at(self, origin: str, seq: int) -> frozenset[str]:
        """Hashes of the entries held under a name, as tips name them."""
        return frozenset(hash_[:DIGITS] for hash_ in self.whole_hashes(origin, seq))

    def whole_hashes(self, origin: str, seq: int) -> set[str]:
        """Hashes of the entries held under a name, hex."""

        def read(connection: sqlite3.Connection) -> set[object]:
            query = "SELECT hash FROM entry WHERE origin = ? AND seq = ?"
            return {row[0] for row in connection.execute(query, (origin, seq))}

        with self._file.reading():
            found = read(self._file.connection)
        if self._journal.has_made(origin):
            found |= self._journal.read(read, set())
        return {hash_.hex() for hash_ in found if isinstance(hash_, bytes)}

    def steps(self, origin: str) -> list[Step]:
        """Every entry held of an origin, by number: to be asked only where it has branches."""
        as_of = (origin, self.version, self._journal.file, self._journal.row)
        if as_of != self._steps_as_of:
            with self._file.reading():
                found = _steps(self._file.connection, origin)
            if self._journal.has_made(origin):
                found += self._journal.read(partial(_steps, origin=origin), [])
            self._steps = sorted(found)
            self._steps_as_of = as_of
        return self._steps

    def frame(self, spans: Iterable[Span]) -> tuple[list[HeldEntry], bool]:
        """The entries of the spans, as many as fit into a frame, and whether there are more."""
        return frame_of(spans, self.span, most=MAX_ENTRIES, most_bytes=FRAME_BYTES)

    def span(self, span: Span, limit: int) -> list[HeldEntry]:
        """The first ``limit`` entries of a span, or a few more.

        Raises DamagedError when those that are said to be in ``peers.db`` are not found there.
        """
        with cache_faults(self._file.path):
            rows = _whole(self._file.connection, span, limit)
            said = max((tip.seq for tip in self.tips.get(span.origin, ())), default=0)
            read_to = rows[-1].seq if rows else span.after
            if len(rows) < limit and said > read_to:
                msg = "entries are missing that others were told of"
                raise WrongChecksum(msg)
        if self._journal.has_made(span.origin):
            rows += self._journal.read(partial(_whole, span=span, limit=limit), [])
        return sorted(set(rows))

    def find(self, name: str) -> Entry | None:
        """The entry of that name, from wherever it is held."""
        with cache_faults(self._file.path):
            found = read_entry(self._file.connection, name)
        return found or self._journal.read(partial(read_entry, name=name), None)

    def pulled_back(self) -> bool:
        """Whether others held entries of this device that its journal lacks.

        Then it was restored from a backup, or has a clone.
        """
        device = self._journal.device
        with self._file.reading():
            row = self._file.connection.execute(
                "SELECT 1 FROM entry WHERE origin >= ? AND origin < ? LIMIT 1",
                (device + ".", device + "/"),
            ).fetchone()
        return row is not None

    def is_torn(self) -> bool:
        """Whether what came back of this device's own entries hangs on some that are lost.

        Others would be told its end, and take what is before that for held.
        """
        for origin in filter(self._journal.has_made, self.tips):
            with self._file.reading():
                begins = self._file.connection.execute(_BEGINS, (origin,)).fetchall()
            if any(prev not in self.whole_hashes(origin, seq - 1) for seq, prev in begins):
                return True
        return False

    def _before(self, origin: str) -> str:
        """The tip of the incarnation before an origin; empty: it is the device's first."""
        query = "SELECT follows, prev FROM origin WHERE origin = ?"
        with self._file.reading():
            row = self._file.connection.execute(query, (origin,)).fetchone()
        if row is None or not row[0]:
            return ""
        before, _colon, seq = row[0].partition(":")
        is_number = seq.isascii() and seq.isdecimal() and len(seq) < 16
        return tip_name(before, Tip(int(seq) if is_number else 0, row[1][:DIGITS]))

    def _has_successor(self, origin: str, tip: Tip) -> bool:
        with self._file.reading():
            return has_successor(self._file.connection, origin, tip)


def _steps(connection: sqlite3.Connection, origin: str) -> list[Step]:
    query = "SELECT seq, lower(hex(hash)), body FROM entry WHERE origin = ?"
    return [step_of(*row) for row in connection.execute(query, (origin,))]


def _whole(connection: sqlite3.Connection, span: Span, limit: int) -> list[HeldEntry]:
    """Entries in their order. Raises WrongChecksum when one is not what was hashed."""
    found = []
    for seq, body, hashed in connection.execute(
        "SELECT seq, body, hash FROM entry WHERE origin = ? AND seq > ? ORDER BY seq LIMIT ?",
        (span.origin, span.after, limit),
    ):
        raw = body.encode()
        require(hashed, entry_codec.digest, raw)
        prev = entry_codec.prev_of(raw)
        found.append(HeldEntry(span.origin, seq, hashed.hex(), prev, raw))
    return found
