"""The device's own journal: append-only, hash-chained, on disk before anybody is told.

One connection in one thread writes ``journal.db``. A transaction reads the ticket's history, lets
the caller decide, appends, and commits with a sync (WAL, ``synchronous=FULL``): what came back
from ``transaction()`` survives a power cut.
"""

import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlite_utils import Database

from gate import __version__
from gate.core import entry_codec
from gate.core import hlc as clock
from gate.core.history import counted, fold, movement_of
from gate.core.model import MOVEMENTS, Act, Entry, History, Movement, Outcome
from gate.core.tally import TALLY_COUNTS, TALLY_KEY, TallyCounts, TallyKey, tally_key, tally_rows
from gate.errors import UsageError
from gate.i18n import _
from gate.storage import schema
from gate.storage.checksums import WrongChecksum, ascending
from gate.storage.folder import sync_folder
from gate.storage.sqlite import Presence, checkpoint, faults, open_reader, open_writer, writing

MOVEMENT_WITHIN = 5000
"""Of how many newest entries the last movement is sought: more than a grace time brings."""

WITNESS_EVERY_S = 1.0
"""How often the newest entry is read back from the disk: that costs a fifth of a scan."""


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


class Link(NamedTuple):
    """What the journal itself puts into an entry: its name and its place in the chain."""

    origin: str
    seq: int
    prev: str
    follows: str
    boot_id: str
    version: str
    hlc: int


class Totals:
    """What a device has counted: the numbers that must be at hand without asking the disk."""

    def __init__(self) -> None:
        self.admitted = 0
        """People let in; the annulled ones are taken off again."""
        self.exited = 0
        self.refused = 0
        self.inside_by_zone: dict[str, int] = {}

    @property
    def inside(self) -> int:
        """People in, as far as this device has seen them go."""
        return self.admitted - self.exited

    def add(self, key: TallyKey, counts: TallyCounts) -> None:
        """Count one more line of the tally."""
        zone, outcome = key[2], key[4]
        scans, admitted, exited, _annulled = counts
        self.admitted += admitted
        self.exited += exited
        self.refused += scans if outcome == Outcome.REFUSE else 0
        self.inside_by_zone[zone] = self.inside_by_zone.get(zone, 0) + admitted - exited


class Journal:
    """The write side of ``journal.db``. Every method belongs to the thread that opened it."""

    def __init__(self, path: Path, device: str, boot_id: str = "") -> None:
        self._path = path
        self._device = device
        self._boot_id = boot_id
        is_new = not path.exists()
        self._connection = open_writer(path, "FULL")
        try:
            with faults(path):
                schema.journal.apply(Database(self._connection))
                if is_new:
                    sync_folder(path.parent)
                self._tip: tuple[int, bytes] = (0, b"")
                """Row and hash of the newest entry in this file."""
                self._head = self._read_head()
                self.totals = self._read_totals()
                self.missing = self._read_missing()
        except BaseException:
            self._connection.close()
            raise
        self._witnessed_s = float("-inf")
        self._witness: sqlite3.Connection | None = None
        self._presences: tuple[Presence, ...] = ()
        """Of the file and its log, once something was written."""
        self._looked_over = 0
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
        if self._witness is not None:
            self._witness.close()
        self._witness = None
        with faults(self._path):
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything within happens together and durably, or not at all."""
        before = (self._head, self._incarnation, self._tip)
        self._uncounted.clear()
        self._require_own_file()
        try:
            with writing(self._connection, self._path):
                self._follow_others()
                yield
        except BaseException:
            self._head, self._incarnation, self._tip = before
            raise
        if not self._presences:
            self._presences = (Presence(self._path), Presence(self._path, "-wal"))
        for key, counts in self._uncounted:
            self.totals.add(key, counts)

    def history(self, ticket: str) -> History | None:
        """What the ticket did at this device; ``None`` when it was never here."""
        return read_sound_history(self._connection, ticket)

    def facts(self, ticket: str) -> list[Entry]:
        """Every entry of this journal that the ticket's history folds from."""
        return read_facts(self._connection, ticket)

    def find(self, name: str) -> Entry | None:
        """The entry of that name, if this journal has it."""
        return read_entry(self._connection, name)

    def last_movement(self) -> Entry | None:
        """The newest admission or exit among the newest entries; older ones are not looked for."""
        row = self._connection.execute(
            "SELECT body FROM (SELECT id, act, body FROM entry ORDER BY id DESC LIMIT ?) "
            "WHERE act IN ('admission', 'exit') ORDER BY id DESC LIMIT 1",
            (MOVEMENT_WITHIN,),
        ).fetchone()
        return None if row is None else entry_codec.decode(row[0])

    def link(self, at_ms: int, heard_hlc: int = 0) -> Link:
        """The place in the chain for an entry made at a moment; inside ``transaction()``.

        ``heard_hlc`` is the greatest hybrid logical time known from other devices.
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
            hlc=clock.tick(max(head.hlc, heard_hlc), at_ms),
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
        run = self._connection.execute
        with self.transaction():
            for one in kept:
                self._keep(one, read_history(self._connection, one.entry.ticket))
            for one in orphans:
                at = (one.entry.origin, one.entry.seq, one.entry.ticket)
                run(_ORPHAN, (*at, one.hash, one.body.decode()))
            for span in missing:
                run("INSERT INTO missing VALUES (?, ?, ?)", span)
            if ended.seq:
                at_end = (ended.origin, ended.seq, ended.hash, ended.hlc)
                run("INSERT INTO ended VALUES (?, ?, ?, ?)", at_end)

    def orphans(self, ticket: str) -> list[Entry]:
        """What this device did on a ticket, in entries that follow a lost one."""
        if not self.missing:
            return []
        rows = self._connection.execute(
            "SELECT body, hash FROM orphan WHERE ticket = ?", (ticket,)
        ).fetchall()
        return [_sound(*row) for row in rows]

    def look_over(self, count: int = 250) -> None:
        """Read some entries as they are on disk, in turn; for idle moments.

        Raises DamagedError when one is not what was hashed.
        """
        # One that was just opened has no page in memory.
        with faults(self._path), closing(open_reader(self._path)) as connection:
            self._looked_over = look_over(connection, self._looked_over, count)
            if not self._looked_over:
                # Those that wait for a lost one are few.
                for row in connection.execute("SELECT body, hash FROM orphan"):
                    _sound(*row)

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
            self._connection.execute(_EXTEND, (entry.ticket, *now, first, row))
        elif entry.act is Act.ANNULMENT:
            remember(self._connection, entry.ticket, fold(self.facts(entry.ticket)))
        self._head = JournalTip(entry.origin, entry.seq, digest.hex(), entry.hlc, row or 0)
        self._tip = (row or 0, digest)

    def checkpoint(self) -> None:
        """Move the log into the database file; for idle moments."""
        checkpoint(self._connection, self._path)

    def _require_own_file(self) -> None:
        """Raise DamagedError unless what was written last is in the file that has this name."""
        for presence in self._presences[:1]:
            presence.require()
        row, hashed = self._tip
        now_s = time.monotonic()
        if not row or now_s - self._witnessed_s < WITNESS_EVERY_S:
            return
        self._witnessed_s = now_s
        for presence in self._presences[1:]:
            presence.require()
        # By another connection: this one has the pages in memory.
        with faults(self._path):
            found = self._reader().execute(_NEWEST_IS, (row,)).fetchone()
            if found is None or found[1] != hashed:
                msg = "the newest entry is not there"
                raise WrongChecksum(msg)
            _sound(*found)

    def _reader(self) -> sqlite3.Connection:
        if self._witness is None:
            self._witness = open_reader(self._path)
        return self._witness

    def _follow_others(self) -> None:
        # The folder's lock keeps others out; where a file system breaks locks, the chain holds.
        newest = self._connection.execute("SELECT max(id) FROM entry").fetchone()[0] or 0
        if newest != self._head.row:
            self._head, self.totals = self._read_head(), self._read_totals()
            self._incarnation = ""

    def last_trusted(self) -> Entry | None:
        """The newest entry whose clock was believed."""
        with faults(self._path):
            row = self._connection.execute(
                "SELECT body FROM entry WHERE coalesce(json_extract(body, '$.trusted'), 1) "
                "ORDER BY id DESC LIMIT 1"
            ).fetchone()
            return None if row is None else entry_codec.decode(row[0])

    def boot_of(self, origin: str) -> str:
        """The boot in which an incarnation of this device lived."""
        with faults(self._path):
            first = self.find(f"{origin}:1")
        return "" if first is None else first.boot_id

    def _read_totals(self) -> Totals:
        totals = Totals()
        for row in self._connection.execute(
            "SELECT 0, '', zone, '', outcome, '', '', "
            "sum(entries), sum(admitted), sum(exited), sum(annulled) "
            "FROM tally GROUP BY zone, outcome"
        ):
            totals.add(row[:7], row[7:])
        return totals

    def _read_head(self) -> JournalTip:
        row = self._connection.execute(
            "SELECT origin, seq, hash, body, id FROM entry ORDER BY id DESC LIMIT 1"
        ).fetchone()
        ended = self._connection.execute("SELECT origin, seq, hash, hlc FROM ended").fetchone()
        head, self._tip = JournalTip(), (0, b"")
        if row is not None:
            self._tip = (row[4], row[2])
            newest = _sound(row[3], row[2])
            head = JournalTip(newest.origin, newest.seq, row[2].hex(), newest.hlc, row[4])
        # The first entry after a journal that was damaged follows its last one, kept or lost.
        if ended is not None and ended[3] > head.hlc:
            return JournalTip(ended[0], ended[1], ended[2], ended[3], head.row)
        return head

    def _read_missing(self) -> list[tuple[str, int, int]]:
        """Which numbers are lost: origin, the first and the last of them."""
        return self._connection.execute("SELECT origin, first, last FROM missing").fetchall()


_ORPHAN = "INSERT OR IGNORE INTO orphan (origin, seq, ticket, hash, body) VALUES (?, ?, ?, ?, ?)"
_NEWEST_IS = "SELECT body, hash FROM entry WHERE id = ?"


def tally_upsert(keys: int) -> str:
    """The statement that adds counts to a row of a ``tally`` that has so many columns of key."""
    return (
        f"INSERT INTO tally VALUES ({', '.join('?' * (keys + len(TALLY_COUNTS)))}) "
        f"ON CONFLICT DO UPDATE SET {', '.join(f'{c} = {c} + excluded.{c}' for c in TALLY_COUNTS)}"
    )


_TALLY_UPSERT = tally_upsert(len(TALLY_KEY))


def remember(connection: sqlite3.Connection, ticket: str, history: History) -> None:
    """Materialise a ticket's history in the transaction that changed it."""
    connection.execute(
        _REMEMBER,
        {
            "ticket": ticket,
            "used": history.used,
            "inside": history.inside,
            "redemptions": history.redemptions,
            **_end("first", history.first),
            **_end("last", history.last),
        },
    )


def _end(which: str, movement: Movement | None) -> dict[str, object]:
    if movement is None:
        return dict.fromkeys(
            f"{which}_{name}" for name in ("origin", "seq", "hlc", "at_ms", "gate")
        )
    return {
        f"{which}_origin": movement.origin,
        f"{which}_seq": movement.seq,
        f"{which}_hlc": movement.hlc,
        f"{which}_at_ms": movement.at_ms,
        f"{which}_gate": movement.gate,
    }


_EXTEND = """
INSERT INTO state VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (ticket) DO UPDATE SET
    used = excluded.used, inside = excluded.inside, redemptions = excluded.redemptions,
    first = coalesce(first, excluded.first), last = excluded.last
"""

# By value, not by name: a cloned or lying machine can give one name to two entries.
_ENTRY_AT = """
    (SELECT id FROM entry WHERE origin = :{0}_origin AND seq = :{0}_seq AND ticket = :ticket
        AND json_extract(body, '$.hlc') = :{0}_hlc AND json_extract(body, '$.at_ms') = :{0}_at_ms
        AND coalesce(json_extract(body, '$.gate'), '') = :{0}_gate LIMIT 1)"""
_REMEMBER = f"""
INSERT INTO state VALUES (
    :ticket, :used, :inside, :redemptions,{_ENTRY_AT.format("first")},{_ENTRY_AT.format("last")}
)
ON CONFLICT (ticket) DO UPDATE SET
    used = excluded.used, inside = excluded.inside, redemptions = excluded.redemptions,
    first = excluded.first, last = excluded.last
"""


def read_history(connection: sqlite3.Connection, ticket: str) -> History | None:
    """The materialised history of a ticket in a journal file; ``None`` when it knows nothing."""
    row = connection.execute(
        "SELECT used, inside, redemptions, first, last FROM state WHERE ticket = ?", (ticket,)
    ).fetchone()
    if row is None:
        return None
    used, inside, redemptions, first, last = row
    ends = {}
    for row_number in {first, last} - {None}:
        found = connection.execute(
            "SELECT body, hash FROM entry WHERE id = ?", (row_number,)
        ).fetchone()
        ends[row_number] = movement_of(_sound(*(found or ("", b""))))
    return History(used, inside, redemptions, ends.get(first), ends.get(last))


def read_facts(connection: sqlite3.Connection, ticket: str) -> list[Entry]:
    """The entries of a journal file that count and that a ticket's history folds from."""
    return [_sound(*row) for row in connection.execute(_FACTS, (ticket,))]


OF_TICKET = "FROM counted WHERE ticket = ? AND act IN ('admission', 'exit', 'annulment')"
_FACTS = f"SELECT body, hash {OF_TICKET} ORDER BY id"
_ANY_FACT = f"SELECT 1 {OF_TICKET} LIMIT 1"
FEW = 8
"""So many redemptions are counted again when they are read."""


def read_sound_history(connection: sqlite3.Connection, ticket: str) -> History | None:
    """As ``read_history``, and looked at twice: the entries have to say the same.

    Raises WrongChecksum where they do not, or are not what was hashed.
    """
    history = read_history(connection, ticket)
    if history is None:
        is_sound = connection.execute(_ANY_FACT, (ticket,)).fetchone() is None
    else:
        is_few = history.redemptions <= FEW
        is_sound = not is_few or fold(read_facts(connection, ticket)) == history
    if not is_sound:
        msg = "a history does not follow from its entries"
        raise WrongChecksum(msg)
    return history


def look_over(connection: sqlite3.Connection, after: int, count: int) -> int:
    """Read some entries of a journal file after a row; the answer is where to go on, in turn.

    Raises WrongChecksum, NoEntryError when one is not what was hashed, or has another name.
    """
    rows = connection.execute(
        "SELECT id, body, hash, origin, seq FROM entry WHERE id > ? ORDER BY id LIMIT ?",
        (after, count),
    ).fetchall()
    for _row, body, hashed, *place in ascending(rows, after):
        entry = _sound(body, hashed)
        if [entry.origin, entry.seq] != place:
            msg = "an entry is kept under another name"
            raise WrongChecksum(msg)
    return rows[-1][0] if len(rows) == count else 0


def _sound(body: object, hashed: object) -> Entry:
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
    return None if row is None else _sound(*row)


class JournalReader:
    """The read side of a journal file, for reports, logs and screens.

    Reads go page by page: a long read transaction would keep the log file from being reset.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.connection = open_reader(path)

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def history(self, ticket: str) -> History | None:
        """The materialised history of a ticket; ``None`` when it was never here."""
        with faults(self._path):
            return read_history(self.connection, ticket)

    def bodies(self, after: int = 0, limit: int = 1000) -> list[tuple[int, str]]:
        """The next entries after a row number, oldest first, byte for byte as they are hashed."""
        with faults(self._path):
            rows = self.connection.execute(
                "SELECT id, body FROM entry WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
            ).fetchall()
            return ascending(rows, after)

    def hashes(self, after: int = 0, limit: int = 1000) -> list[tuple[int, bytes]]:
        """The next entries' hashes after a row number, oldest first."""
        with faults(self._path):
            rows = self.connection.execute(
                "SELECT id, hash FROM entry WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
            ).fetchall()
            return ascending(rows, after)

    def page(self, after: int = 0, limit: int = 1000) -> list[tuple[int, Entry]]:
        """The next entries after a row number, oldest first, with their row numbers."""
        with faults(self._path):
            return [(row, entry_codec.decode(body)) for row, body in self.bodies(after, limit)]

    def newest(self, limit: int) -> list[Entry]:
        """The newest entries, newest first."""
        with faults(self._path):
            rows = self.connection.execute(
                "SELECT body FROM entry ORDER BY id DESC LIMIT ?", (limit,)
            ).fetchall()
            return [entry_codec.decode(body) for (body,) in rows]

    def newest_row(self) -> int:
        """The row number of the newest entry; 0 for an empty journal."""
        with faults(self._path):
            row = self.connection.execute("SELECT max(id) FROM entry").fetchone()
        return int(row[0] or 0)

    def of_ticket(self, ticket: str) -> list[Entry]:
        """Every entry about a ticket that its history folds from, oldest first."""
        with faults(self._path):
            return read_facts(self.connection, ticket)

    def used_tickets(self) -> int:
        """How many tickets have an admission that stands."""
        with faults(self._path):
            row = self.connection.execute("SELECT count(*) FROM state WHERE used > 0").fetchone()
        return int(row[0])
