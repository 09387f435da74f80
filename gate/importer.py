"""Tickets from files: CSV or JSON Lines into a new replica, all of them or none.

A row with a ``kind`` is a ticket type, a row with a ``code`` is a ticket. Known ids are updated,
new ones added, what a file does not name stays. The replica is built beside the live one and takes
its place at the very end.
"""

import csv
import io
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta
from sqlite_utils import Database

from gate.credential import KEY_BYTES, code_hash, parse
from gate.domain.model import CodeState, Kind, Status, Ticket, TicketType, WeeklyHours
from gate.errors import BusyError, ImportFault
from gate.language import _, ngettext
from gate.store import schema
from gate.store.folder import Folder, Lock, sync_folder, write_durably
from gate.store.sqlite import faults, open_reader
from gate.store.tickets import FILE_NAME, live_replica, searchable

ERRORS_SHOWN = 20
MAX_LINE = 1024 * 1024
MAX_TEXT = 3072
"""Longest text of a field, in UTF-8 bytes: the card API's longest."""
_ROWS_A_STEP = 2000
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([a-z]{3})[a-z]*(?:-([a-z]{3})[a-z]*)? (\d\d?):(\d\d)-(\d\d?):(\d\d)")
_KINDS = {kind.value.partition("_")[0].casefold(): kind for kind in Kind} | {
    kind.value.casefold(): kind for kind in Kind
}

Progress = Callable[[int, int], None]
"""Called now and then with the bytes read and the bytes there are."""

MAX_TIME = 253_402_300_799
"""The last second of the year 9999."""
_When = Annotated[int, Meta(ge=0, le=MAX_TIME)] | str | None
_Count = Annotated[int, Meta(ge=1, le=100_000)]
_Row = TypeVar("_Row", "TypeRow", "TicketRow")


class TypeRow(msgspec.Struct, forbid_unknown_fields=True):
    """A ticket type as a file states it; see ``docs/importing.md``."""

    id: str
    kind: str
    title: str = ""
    event: str = ""
    time_zone: str = ""
    begin: _When = None
    end: _When = None
    term_days: _Count | None = None
    term_starts_after_days: Annotated[int, Meta(ge=0, le=100_000)] = 0
    weekly: str = ""
    locations: str | list[str | int] = ""
    use_limit: _Count = 1
    party_size: _Count = 1
    attention: str = ""
    ticket_class: str = ""
    flight: str = ""
    origin: str = ""
    destination: str = ""
    departure_time: _When = None
    landing_time: _When = None
    gate: str = ""
    air_model: str = ""


class TicketRow(msgspec.Struct, forbid_unknown_fields=True):
    """A ticket as a file states it; see ``docs/importing.md``."""

    code: str
    type: str
    id: str = ""
    status: Status = Status.NORMAL
    status_note: str = ""
    claimed_at: _When = None
    begin_time: _When = None
    end_time: _When = None
    zone: str = ""
    entrance: str = ""
    seats: str | list[str] = ""
    ticket_class: str = ""
    show_time: _When = None
    duration: _Count | None = None
    screening_room: str = ""
    travel_class: str = ""
    checked_in: bool = False
    gate: str = ""
    boarding_time: _When = None
    holder: str = ""
    attention: str = ""
    uses: _Count | None = None
    party: _Count | None = None
    qrcode_data: str = ""
    other_codes: str | list[str] = ""
    old_codes: str | list[str] = ""


_TYPE_TIMES = ("begin", "end", "departure_time", "landing_time")
_TICKET_TIMES = ("claimed_at", "begin_time", "end_time", "show_time", "boarding_time")
_TYPE_FIELDS = tuple((f.name, f.default) for f in fields(TicketType))
_TICKET_FIELDS = tuple(
    (f.name, f.default) for f in fields(Ticket) if f.name not in ("type", "code_state")
)


class _BadRow(Exception):
    """What is wrong with one row."""


@dataclass(slots=True)
class Imported:
    """What an import did."""

    types: int = 0
    tickets: int = 0
    bad: int = 0
    errors: list[str] = field(default_factory=list)
    """The first errors, each with file and line."""


def import_files(
    folder: Folder,
    paths: list[Path],
    *,
    time_zone: str = "Asia/Shanghai",
    skip_bad: bool = False,
    replace: bool = False,
    progress: Progress | None = None,
    built_ms: int | None = None,
) -> Imported:
    """Bring ticket types and tickets into the folder's replica.

    Raises ImportFault when anything is wrong with any row (unless ``skip_bad``) or when a server
    owns this device's tickets; the live replica is then untouched.
    """
    if folder.enrolment.exists():
        raise ImportFault(
            _("this device gets its tickets from a server"),
            _("Import on the server instead, or use another folder with --data-dir."),
        )
    folder.create()
    lock = Lock(folder, "import")
    try:
        build = _Build(folder, time_zone, replace)
        try:
            imported = build.read(paths, progress or _silent)
            if imported.bad and not skip_bad:
                raise ImportFault(_report(imported), _("Nothing was imported. Mend the file."))
            build.publish(time.time_ns() // 1_000_000 if built_ms is None else built_ms)
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

    def __init__(self, folder: Folder, time_zone: str, replace: bool) -> None:
        self._folder = folder
        self._time_zone = time_zone
        self._part = folder.path / "import.part"
        self.discard()
        live = None if replace or not folder.pointer.exists() else live_replica(folder)
        with faults(self._part):
            self._db = sqlite3.connect(self._part, isolation_level=None)
            if live is not None:
                source = open_reader(live)
                source.backup(self._db)
                source.close()
            # Nobody sees this file before it is whole and synced, so a crash may have it.
            self._db.execute("PRAGMA journal_mode = OFF")
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute("PRAGMA cache_size = -65536")
            schema.tickets.apply(Database(self._db))
            meta = dict(self._db.execute("SELECT key, value FROM meta"))
        self._key = bytes.fromhex(meta["key"]) if "key" in meta else secrets.token_bytes(KEY_BYTES)
        self._epoch = meta.get("epoch") or secrets.token_hex(4)
        self._seq = int(meta.get("seq", 0)) + 1
        self._seen = _Rows()
        self._zones = {
            id_: msgspec.json.decode(body, type=TicketType).time_zone
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
                        if isinstance(row, _BadRow):
                            raise row
                        self._take(row, imported)
                    except _BadRow as bad:
                        imported.bad += 1
                        if len(imported.errors) < ERRORS_SHOWN:
                            imported.errors.append(f"{path.name}:{line}: {bad}")
                    if number % _ROWS_A_STEP == 0:
                        progress(done, total)
            self._db.execute("COMMIT")
        progress(total, total)
        return imported

    def publish(self, built_ms: int) -> None:
        """Make the replica whole on disk, then live."""
        name = f"tickets-{self._epoch}-{self._seq}.db"
        meta = {
            "key": self._key.hex(),
            "epoch": self._epoch,
            "seq": str(self._seq),
            "built_ms": str(built_ms),
        }
        with faults(self._part):
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
            self._db.execute("INSERT INTO holder(holder) VALUES ('optimize')")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.close()
            descriptor = os.open(self._part, os.O_RDWR)
            os.fsync(descriptor)
            os.close(descriptor)
            os.replace(self._part, self._folder.path / name)
            sync_folder(self._folder.path)
            write_durably(self._folder.pointer, (name + "\n").encode())

    def discard(self) -> None:
        """Remove what is left of an unfinished build."""
        if hasattr(self, "_db"):
            self._db.close()
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(f"{self._part}{suffix}")

    def _take(self, row: dict[str, Any], imported: Imported) -> None:
        if "kind" in row:
            self._put_type(_convert(row, TypeRow))
            imported.types += 1
        elif "code" in row:
            self._put_ticket(_convert(row, TicketRow))
            imported.tickets += 1
        else:
            raise _BadRow(_("neither a ticket type (kind) nor a ticket (code)"))

    def _put_type(self, row: TypeRow) -> None:
        said = msgspec.structs.asdict(row)
        zone = said["time_zone"] = row.time_zone or self._time_zone
        _check_id(row.id)
        _check_zone(zone)
        said["kind"] = _kind(row.kind)
        for name in _TYPE_TIMES:
            said[name] = _seconds(name, said[name], zone)
        said["weekly"] = _weekly(row.weekly)
        said["locations"] = _texts(row.locations)
        self._zones[row.id] = zone
        self._db.execute(
            "INSERT INTO ticket_type VALUES (?, ?) "
            "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (row.id, _body(said, _TYPE_FIELDS)),
        )

    def _put_ticket(self, row: TicketRow) -> None:
        zone = self._zones.get(row.type)
        if zone is None:
            raise _BadRow(_("there is no ticket type {type!r}").format(type=row.type))
        codes = dict.fromkeys(_texts(row.old_codes), CodeState.TRANSFERRED)
        for code in (row.code, row.qrcode_data, *_texts(row.other_codes)):
            if code:
                codes[code] = CodeState.LIVE
        hashes = {self._hash(code): state for code, state in codes.items()}
        said = msgspec.structs.asdict(row)
        id_ = said["id"] = row.id or self._hash(row.code).hex()
        _check_id(id_)
        for name in _TICKET_TIMES:
            said[name] = _seconds(name, said[name], zone)
        said["seats"] = _texts(row.seats)
        body = _body(said, _TICKET_FIELDS, type_id=row.type)
        number = self._row_of(id_)
        for hashed in hashes:
            owner = self._db.execute("SELECT ticket FROM code WHERE hash = ?", (hashed,)).fetchone()
            if owner is not None and owner[0] != number:
                raise _BadRow(_("this code belongs to another ticket already"))
        if number is None:
            cursor = self._db.execute("INSERT INTO ticket (id, body) VALUES (?, ?)", (id_, body))
            number = int(cursor.lastrowid or 0)
        elif self._seen.has(number):
            raise _BadRow(_("this ticket has been in these files before"))
        else:
            self._forget(number, body)
        self._seen.add(number)
        self._db.executemany(
            "INSERT INTO code VALUES (?, ?, ?) "
            "ON CONFLICT (hash) DO UPDATE SET state = excluded.state",
            [(hashed, number, state) for hashed, state in hashes.items()],
        )
        if row.holder:
            self._db.execute(
                "INSERT INTO holder (rowid, name) VALUES (?, ?)", (number, searchable(row.holder))
            )

    def _row_of(self, id_: str) -> int | None:
        found = self._db.execute("SELECT row FROM ticket WHERE id = ?", (id_,)).fetchone()
        return None if found is None else int(found[0])

    def _forget(self, number: int, body: str) -> None:
        self._db.execute("UPDATE ticket SET body = ? WHERE row = ?", (body, number))
        self._db.execute("DELETE FROM holder WHERE rowid = ?", (number,))
        # A code the new row does not name any more must not open the gate.
        self._db.execute(
            "UPDATE code SET state = ? WHERE ticket = ? AND state = ?",
            (CodeState.REPLACED, number, CodeState.LIVE),
        )

    def _hash(self, code: str) -> bytes:
        credential = parse(code)
        if credential.problem is not None:
            raise _BadRow(_("a code is empty, too long or not text"))
        return code_hash(self._key, credential.code)


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


def _rows(path: Path) -> Iterator[tuple[int, int, int, dict[str, Any] | _BadRow]]:
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


def _json_rows(lines: _Counted) -> Iterator[tuple[int, dict[str, Any] | _BadRow]]:
    for raw in lines:
        text = raw.removeprefix(b"\xef\xbb\xbf") if lines.line == 1 else raw
        if not text.strip():
            continue
        try:
            row = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield lines.line, _BadRow(_("not JSON: {detail}").format(detail=error))
            continue
        if isinstance(row, dict):
            yield lines.line, row
        else:
            yield lines.line, _BadRow(_("not a JSON object"))


def _csv_rows(lines: _Counted) -> Iterator[tuple[int, dict[str, Any] | _BadRow]]:
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
            yield lines.line, _BadRow(_("not CSV: {detail}").format(detail=error))
            continue
        if broken:
            yield lines.line, _BadRow(_("not UTF-8: {detail}").format(detail=broken[0]))
        elif not any(values):
            continue
        elif header is None:
            header = [name.strip() for name in values]
            if len(set(header)) < len(header):
                raise ImportFault(_("two columns have the same name"), "")
        elif len(values) != len(header):
            yield (
                lines.line,
                _BadRow(
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


def _convert(row: dict[str, Any], kind: type[_Row]) -> _Row:
    for name, value in row.items():
        if isinstance(value, str) and len(value.encode("utf-8", "replace")) > MAX_TEXT:
            raise _BadRow(
                _("{name} is longer than {limit} bytes").format(name=name, limit=MAX_TEXT)
            )
    try:
        return msgspec.convert(row, kind, strict=False)
    except msgspec.ValidationError as error:
        complaint, _at, path = str(error).replace("`", "").partition(" - at $.")
        raise _BadRow(f"{path}: {complaint}" if path else complaint) from error


def _body(said: dict[str, Any], known: tuple[tuple[str, Any], ...], **more: Any) -> str:
    kept = {name: said[name] for name, default in known if said[name] != default}
    return msgspec.json.encode({**kept, **more}).decode()


def _check_id(id_: str) -> None:
    if not id_ or not id_.isprintable() or len(id_) > 128:
        raise _BadRow(_("id must be 1 to 128 printable characters"))


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise _BadRow(_("{found!r} is no time zone").format(found=name)) from error


def _kind(name: str) -> Kind:
    kind = _KINDS.get(name.strip().casefold())
    if kind is None:
        raise _BadRow(
            _("kind {found!r} is none of {allowed}").format(
                found=name, allowed=", ".join(kind.value for kind in Kind)
            )
        )
    return kind


def _texts(said: str | list[str | int] | list[str]) -> tuple[str, ...]:
    parts = said.split("|") if isinstance(said, str) else said
    return tuple(text for part in parts if (text := str(part).strip()))


def _seconds(name: str, said: _When, time_zone: str) -> int | None:
    if said is None or isinstance(said, int):
        return said
    at = _epoch(said, time_zone)
    if at is None or not 0 <= at <= MAX_TIME:
        raise _BadRow(
            _("{name}: {found!r} is neither Unix seconds nor a time like 2026-12-31 19:30").format(
                name=name, found=said
            )
        )
    return at


def _epoch(said: str, time_zone: str) -> int | None:
    if said.isascii() and said.isdecimal():
        return int(said)
    try:
        moment = datetime.fromisoformat(said)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time_zone))
        return int(moment.timestamp())
    except (ValueError, OverflowError, OSError):
        return None


def _weekly(said: str) -> tuple[WeeklyHours, ...]:
    hours = []
    for part in said.casefold().split(";"):
        if not part.strip():
            continue
        match = _HOURS.fullmatch(" ".join(part.split()))
        if match is None:
            raise _BadRow(
                _("weekly: {found!r} is not like 'Mon-Fri 09:00-18:00; Sat 10:00-16:00'").format(
                    found=part.strip()
                )
            )
        first, last, *clock = match.groups()
        begin, end = (int(clock[i]) * 60 + int(clock[i + 1]) for i in (0, 2))
        days = [_DAYS.index(day) for day in (first, last or first) if day in _DAYS]
        if len(days) != 2 or begin > 1439 or end > 1439:
            raise _BadRow(_("weekly: {found!r} has no such day or hour").format(found=part.strip()))
        span = (days[1] - days[0]) % 7
        hours += [WeeklyHours((days[0] + i) % 7 + 1, begin, end) for i in range(span + 1)]
    return tuple(hours)


def _remove_old_replicas(folder: Folder) -> None:
    try:
        lock = Lock(folder)
    except BusyError:
        return  # a lane may have an older one open: it removes them at its next start
    remove_old_replicas(folder)
    lock.close()


def remove_old_replicas(folder: Folder) -> None:
    """Delete the replicas the pointer does not name; only for whoever holds the gate's lock."""
    live = live_replica(folder).name
    for path in folder.path.glob("tickets-*.db"):
        if path.name != live and FILE_NAME.fullmatch(path.name):
            for suffix in ("-wal", "-shm", ""):
                with suppress(FileNotFoundError):
                    os.unlink(f"{path}{suffix}")
