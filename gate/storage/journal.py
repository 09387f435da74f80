"""The device's own journal: append-only, hash-chained, on disk before anybody is told.

One connection in one thread writes ``journal.db``. A transaction reads the ticket's history, lets
the caller decide, appends, and commits with a sync (WAL, ``synchronous=FULL``): what came back
from ``transaction()`` survives a power cut.
"""

import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlite_utils import Database

from gate import __version__
from gate.core import entry_codec
from gate.core import hlc as clock
from gate.core.entry import MOVEMENTS, Act, Entry
from gate.core.history import History, counted, fold
from gate.core.tally import TALLY_KEY, TallyCounts, TallyKey, tally_key, tally_rows
from gate.errors import UsageError
from gate.i18n import _
from gate.storage import schema
from gate.storage.entries import JournalTip, Whole, read_entry, read_facts, sound
from gate.storage.folder import sync_folder
from gate.storage.histories import (
    extend,
    newest_code_ms,
    read_history,
    read_sound_history,
    remember,
)
from gate.storage.lost_entries import LostEntries
from gate.storage.sqlite import checkpoint, faults, open_writer, writing
from gate.storage.totals import read_totals, tally_upsert
from gate.storage.witness import Witness


class Link(NamedTuple):
    """What the journal itself puts into an entry: its name and its place in the chain."""

    origin: str
    seq: int
    prev: str
    follows: str
    boot_id: str
    version: str
    hlc: int


_TALLY_UPSERT = tally_upsert(len(TALLY_KEY))


class Journal:
    """The write side of ``journal.db``. Every method belongs to the thread that opened it."""

    def __init__(self, path: Path, device: str, boot_id: str = "") -> None:
        self._path = path
        self._device = device
        self._boot_id = boot_id
        is_new = not path.exists()
        self._connection = open_writer(path, "FULL")
        try:
            # Not as damage: it may be another program that makes the tables just now.
            with faults(path):
                schema.journal.apply(Database(self._connection))
                if is_new:
                    sync_folder(path.parent)
                self._tip: tuple[int, bytes] = (0, b"")
                """Row and hash of the newest entry in this file."""
                self.lost = LostEntries(self._connection)
                self._head = self._read_head()
                self.totals = read_totals(self._connection)
        except BaseException:
            self._connection.close()
            raise
        self._witness = Witness(path)
        self._incarnation = ""
        self._uncounted: list[tuple[TallyKey, TallyCounts]] = []

    @property
    def head(self) -> JournalTip:
        """Where the journal ends now."""
        return self._head

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def connection(self) -> sqlite3.Connection:
        """The file as it is open, be it without a name by now: to salvage what it holds."""
        return self._connection

    def close(self) -> None:
        """Fold the log file into the database file and let go."""
        self._witness.close()
        with faults(self._path):
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything within happens together and durably, or not at all."""
        before = (self._head, self._incarnation, self._tip)
        self._uncounted.clear()
        self._witness.require(*self._tip)
        try:
            with writing(self._connection, self._path):
                self._follow_others()
                yield
        except BaseException:
            self._head, self._incarnation, self._tip = before
            raise
        self._witness.written()
        for key, counts in self._uncounted:
            self.totals.add(key, counts)

    def history(self, ticket: str) -> History | None:
        """What the ticket did at this device; ``None`` when it was never here."""
        return read_sound_history(self._connection, ticket)

    def newest_code_ms(self, ticket: str) -> int | None:
        """The newest rotating code that was shown of the ticket at this device, and passed."""
        return newest_code_ms(self._connection, ticket)

    def facts(self, ticket: str) -> list[Entry]:
        """Every entry of this journal that the ticket's history folds from."""
        return read_facts(self._connection, ticket)

    def find(self, name: str) -> Entry | None:
        """The entry of that name, if this journal has it."""
        return read_entry(self._connection, name)

    def link(self, at_ms: int, known_hlc: int = 0) -> Link:
        """The place in the chain for an entry made at a moment; inside ``transaction()``.

        ``known_hlc`` is the greatest hybrid logical time known from other devices.
        """
        head = self._head
        begins = not self._incarnation
        if begins:
            self._incarnation = f"{self._device}.{secrets.token_hex(8)}"
        return Link(
            origin=self._incarnation,
            seq=1 if begins else head.seq + 1,
            prev=head.hash,
            follows=head.name if begins else "",
            boot_id=self._boot_id if begins else "",
            version=__version__ if begins else "",
            hlc=clock.tick(max(head.hlc, known_hlc), at_ms),
        )

    def append(self, entry: Entry, past: History | None = None) -> Entry:
        """Keep an entry that has its link; inside ``transaction()``. What is kept is returned.

        For a movement, ``past`` is this device's history of the ticket, on which it was decided: an
        admission decided on anything but the present history collides with another and fails.
        Raises UsageError for what nobody else would take.
        """
        try:
            body = entry_codec.encode(entry)
        except UnicodeEncodeError:
            entry = entry_codec.clean(entry)
            body = entry_codec.encode(entry)
        if len(body) > entry_codec.MAX_ENTRY or len(entry.note.encode()) > entry_codec.MAX_NOTE:
            raise UsageError(
                _("this is too long for an entry"), _("A shorter note; of many admissions, fewer.")
            )
        self._keep(Whole(entry, body, entry_codec.digest(body)), past)
        return entry

    def adopt(
        self,
        kept: Iterable[Whole],
        orphans: Iterable[Whole],
        missing: Iterable[tuple[str, int, int]],
        ended: JournalTip,
    ) -> None:
        """Begin with what was salvaged of a damaged journal: everything, or nothing."""
        with self.transaction():
            for one in kept:
                self._keep(one, read_history(self._connection, one.entry.ticket))
            self.lost.keep(orphans, missing, ended)

    def look_over(self, count: int = 250) -> None:
        """Read some entries as they are on disk, in turn; for idle moments.

        Raises DamagedError when one is not what was hashed.
        """
        self._witness.look_over(count)

    def _keep(self, one: Whole, past: History | None) -> None:
        entry, body, digest = one
        row = self._connection.execute(
            "INSERT INTO entry (origin, seq, hash, body) VALUES (?, ?, ?, ?)",
            (entry.origin, entry.seq, digest, body.decode()),
        ).lastrowid
        for at, counts in tally_rows(entry, self.find):
            key = tally_key(at)
            self._connection.execute(_TALLY_UPSERT, key + counts)
            self._uncounted.append((key, counts))
        if entry.act in MOVEMENTS:
            now = counted(past or History(), entry)
            first = row if entry.act is Act.ADMISSION else None
            extend(self._connection, entry.ticket, now, first, row)
        elif entry.act is Act.ANNULMENT:
            remember(self._connection, entry.ticket, fold(self.facts(entry.ticket)))
        self._head = JournalTip(entry.origin, entry.seq, digest.hex(), entry.hlc, row or 0)
        self._tip = (row or 0, digest)

    def checkpoint(self) -> None:
        """Move the log into the database file; for idle moments."""
        checkpoint(self._connection, self._path)

    def _follow_others(self) -> None:
        # The folder's lock keeps others out; where a file system breaks locks, the chain holds.
        newest = self._connection.execute("SELECT max(id) FROM entry").fetchone()[0] or 0
        if newest != self._head.row:
            self._head, self.totals = self._read_head(), read_totals(self._connection)
            self._incarnation = ""

    def _read_head(self) -> JournalTip:
        row = self._connection.execute(
            "SELECT origin, seq, hash, body, id FROM entry ORDER BY id DESC LIMIT 1"
        ).fetchone()
        head, self._tip = JournalTip(), (0, b"")
        if row is not None:
            self._tip = (row[4], row[2])
            newest = sound(row[3], row[2])
            head = JournalTip(newest.origin, newest.seq, row[2].hex(), newest.hlc, row[4])
        return self.lost.tip_after(head)
