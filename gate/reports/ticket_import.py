"""Tickets from files: CSV or JSON Lines into a new replica, all of them or none.

A row with a ``kind`` is a ticket type, a row with a ``code`` is a ticket. Known ids are updated,
new ones added, what a file does not name stays. The replica is built beside the live one and takes
its place at the very end.
"""

import csv
import io
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from sqlite_utils import Database

from gate.clock import read_wall_ms
from gate.core.ticket import TicketType
from gate.core.voids import with_voids
from gate.credential import KEY_BYTES
from gate.errors import BusyError, DamagedError, ImportFault
from gate.i18n import _, ngettext
from gate.storage import damage, schema
from gate.storage.checksums import make_blocks, put_meta, read_meta
from gate.storage.folder import Folder, Lock, sync_folder, write_durably
from gate.storage.replica_file import FILE_NAME, live_replica
from gate.storage.revocation import require_not_revoked
from gate.storage.sqlite import faults, open_reader
from gate.storage.ticket_filling import put_ticket, put_type, row_of
from gate.storage.ticket_rows import BadRow, TicketBody, TypeBody, ticket_body, times_of, type_body
from gate.storage.ticket_search import A_STEP, drop_terms, merge_terms, read_on
from gate.text.zones import machine_zone

ERRORS_SHOWN = 20
MAX_LINE = 1024 * 1024
_ROWS_A_STEP = 2000

Progress = Callable[[int, int], None]
"""Called now and then with the bytes read and the bytes there are."""


@dataclass(slots=True)
class Imported:
    """What an import did."""

    types: int = 0
    tickets: int = 0
    bad: int = 0
    errors: list[str] = field(default_factory=list)
    """The first errors, each with file and line."""
    notes: list[str] = field(default_factory=list)
    """The first rows that were taken but may be meant otherwise, each with file and line."""
    zones: dict[str, int] = field(default_factory=dict)
    """How many types were taken in each time zone, by its name."""


def import_files(
    folder: Folder,
    paths: list[Path],
    *,
    time_zone: str = "",
    skip_bad: bool = False,
    replace: bool = False,
    progress: Progress | None = None,
    built_ms: int | None = None,
) -> Imported:
    """Bring ticket types and tickets into the folder's replica.

    ``time_zone`` is for types that name none; empty: this machine's own.
    Raises ImportFault when anything is wrong with any row (unless ``skip_bad``) or when a server
    owns this device's tickets; the live replica is then untouched.
    """
    require_not_revoked(folder)
    if folder.enrolment.exists():
        raise ImportFault(
            _("this device gets its tickets from a server"),
            _("Import on the server instead, or use another folder with --data-dir."),
        )
    folder.create()
    lock = Lock(folder, "import")
    try:
        built_ms = read_wall_ms() if built_ms is None else built_ms
        build = _Build(folder, time_zone or machine_zone().name, replace, built_ms)
        try:
            imported = build.read(paths, progress or _silent)
            if imported.bad and not skip_bad:
                raise ImportFault(_report(imported), _("Nothing was imported. Mend the file."))
            build.publish()
        finally:
            build.discard()
        _remove_old_replicas(folder)
        return imported
    finally:
        lock.close()


def _silent(_done: int, _total: int) -> None:
    pass


def _report(imported: Imported) -> str:
    lines = list(imported.errors)
    if imported.bad > len(lines):
        lines.append(_("… and {count} more").format(count=imported.bad - len(lines)))
    head = ngettext("{count} bad row", "{count} bad rows", imported.bad)
    return "\n".join([head.format(count=imported.bad), *lines])


class _Build:
    """A replica in the making, beside the live one."""

    def __init__(self, folder: Folder, time_zone: str, replace: bool, built_ms: int) -> None:
        self._folder = folder
        self._built_ms = built_ms
        self._time_zone = time_zone
        self._part = folder.path / "import.part"
        self.discard()
        # The devices of a venue stay whatever becomes of its tickets.
        is_wanted = folder.pointer.exists() and (folder.venue.exists() or not replace)
        live = live_replica(folder) if is_wanted else None
        with faults(self._part):
            self._db = sqlite3.connect(self._part, isolation_level=None)
            if live is not None:
                with closing(open_reader(live)) as source:
                    source.backup(self._db)
            # Nobody sees this file before it is whole and synced, so a crash may have it.
            self._db.execute("PRAGMA journal_mode = OFF")
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute("PRAGMA cache_size = -65536")
            schema.tickets.apply(Database(self._db))
            if replace:
                _forget_tickets(self._db)
            while read_on(self._db, A_STEP):
                pass
            meta = read_meta(self._db)
        self._key = bytes.fromhex(meta["key"]) if "key" in meta else secrets.token_bytes(KEY_BYTES)
        # Whoever has followed the feed here sees that this is newer, and takes it as a whole.
        epoch, _colon, rest = meta.get("cursor", "").partition(":")
        self._epoch = epoch or secrets.token_hex(4)
        self._seq = int(rest.partition(":")[0] or 0) + 1
        self._seen = _Rows()
        self._times = {
            id_: times_of(msgspec.json.decode(body, type=TicketType))
            for id_, body in self._db.execute("SELECT id, body FROM ticket_type")
        }

    def read(self, paths: list[Path], progress: Progress) -> Imported:
        """Take in every row; bad ones are told in the answer."""
        imported = Imported()
        total = 0
        for path in paths:
            try:
                total += path.stat().st_size
            except OSError as error:
                raise ImportFault(
                    _("cannot read {file}: {detail}").format(file=path, detail=error.strerror), ""
                ) from error
        done = 0
        with faults(self._part):
            self._db.execute("BEGIN")
            # Types first: tickets name them, whatever the order of the files.
            for path in sorted(paths, key=lambda path: not _holds_types(path)):
                for number, line, size, row in _rows(path):
                    done += size
                    try:
                        if isinstance(row, BadRow):
                            raise row
                        for note in self._take(row, imported):
                            if len(imported.notes) < ERRORS_SHOWN:
                                imported.notes.append(f"{path.name}:{line}: {note}")
                    except BadRow as bad:
                        imported.bad += 1
                        if len(imported.errors) < ERRORS_SHOWN:
                            imported.errors.append(f"{path.name}:{line}: {bad}")
                    if number % _ROWS_A_STEP == 0:
                        progress(done, total)
            self._db.execute("COMMIT")
        progress(total, total)
        return imported

    def publish(self) -> None:
        """Make the replica whole on disk, then live."""
        built_ms = self._built_ms
        name = f"tickets-{self._epoch}-{self._seq}.db"
        cursor = f"{self._epoch}:{self._seq}:{secrets.token_hex(8)}"
        meta = {
            "key": self._key.hex(),
            "epoch": self._epoch,
            "seq": str(self._seq),
            "cursor": cursor,
            "base": cursor,
            "built_ms": str(built_ms),
            # Only what is imported at the host is what all gates of the venue go by.
            "as_of_ms": str(built_ms if self._folder.venue.exists() else 0),
        }
        with faults(self._part):
            self._db.execute("DELETE FROM change")
            put_meta(self._db, meta)
            make_blocks(self._db)
            merge_terms(self._db)
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.close()
            descriptor = os.open(self._part, os.O_RDWR)
            os.fsync(descriptor)
            os.close(descriptor)
            os.replace(self._part, self._folder.path / name)
            sync_folder(self._folder.path)
            write_durably(self._folder.pointer, (name + "\n").encode())
            damage.mended(self._folder, damage.TICKETS)

    def discard(self) -> None:
        """Remove what is left of an unfinished build."""
        if hasattr(self, "_db"):
            self._db.close()
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(f"{self._part}{suffix}")

    def _take(self, row: dict[str, Any], imported: Imported) -> tuple[str, ...]:
        if "kind" in row:
            kind = self._put_type(row)
            imported.types += 1
            imported.zones[kind.times.zone] = imported.zones.get(kind.times.zone, 0) + 1
            return kind.notes
        if "code" in row:
            notes = self._put_ticket(row)
            imported.tickets += 1
            return notes
        raise BadRow(_("neither a ticket type (kind) nor a ticket (code)"))

    def _put_type(self, row: dict[str, Any]) -> TypeBody:
        kept = type_body(row, self._time_zone)
        self._times[kept.id] = kept.times
        put_type(self._db, kept.id, kept.body)
        return kept

    def _put_ticket(self, row: dict[str, Any]) -> tuple[str, ...]:
        kept = ticket_body(row, self._times.get, self._key)
        number = row_of(self._db, kept.id)
        position = f"{self._epoch}:{self._seq}"
        body = with_voids(self._before(number), kept.body, position, self._built_ms)
        for hashed in kept.codes:
            owner = self._db.execute("SELECT ticket FROM code WHERE hash = ?", (hashed,)).fetchone()
            if owner is not None and owner[0] != number:
                raise BadRow(_("this code belongs to another ticket already"))
        if number is not None and self._seen.has(number):
            raise BadRow(_("this ticket has been in these files before"))
        self._seen.add(self._kept_in(number, kept._replace(body=body)))
        return kept.notes

    def _kept_in(self, number: int | None, ticket: TicketBody) -> int:
        return put_ticket(self._db, number, ticket, makes_blocks=True)

    def _before(self, number: int | None) -> str | None:
        if number is None:
            return None
        found = self._db.execute("SELECT body FROM ticket WHERE row = ?", (number,)).fetchone()
        return None if found is None else str(found[0])


def _forget_tickets(db: sqlite3.Connection) -> None:
    for table in ("code", "ticket", "ticket_type", "census", "shape"):
        db.execute(f"DELETE FROM {table}")
    drop_terms(db)
    db.execute("DELETE FROM meta WHERE key = 'key'")


class _Rows:
    """A set of row numbers, a bit each: a million tickets take 125 kB."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> None:
        byte = number >> 3
        if byte >= len(self._bits):
            self._bits.extend(bytes(max(4096, byte + 1 - len(self._bits))))
        self._bits[byte] |= 1 << (number & 7)

    def has(self, number: int) -> bool:
        byte = number >> 3
        return byte < len(self._bits) and bool(self._bits[byte] & 1 << (number & 7))


def _rows(path: Path) -> Iterator[tuple[int, int, int, dict[str, Any] | BadRow]]:
    """Rows of a file as (row number, line, bytes read since the last, fields or what is wrong)."""
    reader = _csv_rows if _is_csv(path) else _json_rows
    with faults(path), path.open("rb") as file:
        counted = _Counted(file)
        for number, (line, row) in enumerate(reader(counted), 1):
            yield number, line, counted.take(), row


class _Counted:
    """Lines of a file, bounded in length, with the bytes they took."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._bytes = 0
        self.line = 0

    def take(self) -> int:
        """Bytes read since the last call."""
        taken, self._bytes = self._bytes, 0
        return taken

    def __iter__(self) -> Iterator[bytes]:
        while line := self._file.readline(MAX_LINE + 1):
            self._bytes += len(line)
            self.line += 1
            if len(line) > MAX_LINE:
                raise ImportFault(
                    _("line {line} is longer than {limit} bytes").format(
                        line=self.line, limit=MAX_LINE
                    ),
                    _("Is this a CSV or JSON Lines file?"),
                )
            yield line


def _json_rows(lines: _Counted) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    for raw in lines:
        text = raw.removeprefix(b"\xef\xbb\xbf") if lines.line == 1 else raw
        if not text.strip():
            continue
        try:
            row = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield lines.line, BadRow(_("not JSON: {detail}").format(detail=error))
            continue
        if isinstance(row, dict):
            yield lines.line, row
        else:
            yield lines.line, BadRow(_("not a JSON object"))


def _csv_rows(lines: _Counted) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    broken: list[str] = []

    def text() -> Iterator[str]:
        for raw in lines:
            try:
                yield raw.decode("utf-8-sig" if lines.line == 1 else "utf-8")
            except UnicodeDecodeError as error:
                broken.append(str(error))
                yield raw.decode("utf-8", "replace")

    reader = csv.reader(text(), strict=True)
    header: list[str] | None = None
    while True:
        broken.clear()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield lines.line, BadRow(_("not CSV: {detail}").format(detail=error))
            continue
        if broken:
            yield lines.line, BadRow(_("not UTF-8: {detail}").format(detail=broken[0]))
        elif not any(values):
            continue
        elif header is None:
            header = [name.strip() for name in values]
            if len(set(header)) < len(header):
                raise ImportFault(_("two columns have the same name"), "")
        elif len(values) != len(header):
            yield (
                lines.line,
                BadRow(
                    _("{found} columns where the first line has {wanted}").format(
                        found=len(values), wanted=len(header)
                    )
                ),
            )
        else:
            yield lines.line, {k: v for k, v in zip(header, values, strict=True) if v}


def _holds_types(path: Path) -> bool:
    if not _is_csv(path):
        return False
    with faults(path), path.open("rb") as file:
        return "kind" in file.readline(MAX_LINE).decode("utf-8", "replace")


def _is_csv(path: Path) -> bool:
    suffix = path.suffix.casefold()
    if suffix not in (".csv", ".jsonl", ".ndjson", ".json"):
        raise ImportFault(
            _("{file}: not a kind of file that can be imported").format(file=path.name),
            _("Name it .csv or .jsonl for what it holds."),
        )
    return suffix == ".csv"


def _remove_old_replicas(folder: Folder) -> None:
    try:
        lock = Lock(folder)
    except BusyError:
        return  # a lane may have an older one open: it removes them at its next start
    remove_old_replicas(folder)
    lock.close()


def remove_old_replicas(folder: Folder) -> None:
    """Delete the replicas the pointer does not name; only for whoever holds the gate's lock."""
    try:
        lock = Lock(folder, "sync")
    except BusyError:
        return  # the sync worker may be about to name another one
    try:
        _remove_unnamed(folder)
    finally:
        lock.close()


def _remove_unnamed(folder: Folder) -> None:
    with suppress(DamagedError):  # the sync worker fetches others
        live = {live_replica(folder).name}
        tickets = {path.name for path in folder.path.glob("tickets-*.db")}
        _unlink(folder, {name for name in tickets - live if FILE_NAME.fullmatch(name)})
    # Those that were damaged, and that a newer one has taken the place of.
    peers = {path.name for path in folder.path.glob("peers*.db")}
    _unlink(folder, peers - {folder.peers.name})


def _unlink(folder: Folder, names: Iterable[str]) -> None:
    for name in names:
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                (folder.path / f"{name}{suffix}").unlink()
