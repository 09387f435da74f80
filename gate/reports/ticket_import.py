"""Tickets from lists into a new replica, all of them or none.

Known ids are updated, new ones added, what a list does not name stays. The replica is built beside
the live one and takes its place at the very end, if anything is different in it.
"""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
from sqlite_utils import Database

from gate.clock import read_wall_ms
from gate.core.door import with_door
from gate.core.signed_ticket import EventKey
from gate.core.ticket import VOID, CodeState, Status, TicketType
from gate.core.voids import with_voids
from gate.credential import KEY_BYTES, code_hash, pretix_signed
from gate.errors import BusyError, DamagedError, ImportFault
from gate.i18n import _
from gate.lists.guests import PREFIX
from gate.lists.intake import ERRORS_SHOWN, Completion, Imported, Wanted, bad_rows_fault
from gate.lists.rows import ListRow, open_lists
from gate.storage import damage, schema
from gate.storage.checksums import make_blocks, put_meta, read_meta
from gate.storage.folder import Folder, Lock, sync_folder, write_durably
from gate.storage.replica_file import FILE_NAME, live_replica
from gate.storage.revocation import require_not_revoked
from gate.storage.row_values import BadRow
from gate.storage.sqlite import faults, open_reader
from gate.storage.ticket_filling import put_ticket, put_type, row_of
from gate.storage.ticket_rows import (
    TicketBody,
    changed_body,
    lost_a_code,
    ticket_body,
    times_of,
    type_body,
    with_issue,
)
from gate.storage.ticket_search import A_STEP, drop_terms, merge_terms, read_on
from gate.text.zones import machine_zone

_ROWS_A_STEP = 2000
_OWNER = "SELECT k.row, k.id, k.body FROM code c JOIN ticket k ON k.row = c.ticket WHERE c.hash = ?"

Progress = Callable[[int, int], None]
"""Called now and then with the bytes read and the bytes there are."""


def import_files(
    folder: Folder,
    paths: Sequence[Path],
    wanted: Wanted | None = None,
    *,
    progress: Progress | None = None,
    built_ms: int | None = None,
) -> Imported:
    """Bring ticket types and tickets into the folder's replica.

    Raises ImportFault when anything is wrong with any row (unless bad ones are to be skipped) or
    when a server owns this device's tickets; the live replica is then untouched.
    """
    return _import(
        folder, wanted or Wanted(), lambda build: build.read(paths, progress or _silent), built_ms
    )


def bar_codes(folder: Folder, states: Mapping[str, Status], keys: Sequence[EventKey]) -> int:
    """State what pretix has revoked or blocked, as tickets that go by their code; how many.

    A code of a ticket with an id of its own is that ticket's business. Raises ImportFault, as
    where a type is missing.
    """
    barred = 0

    def bar(build: _Build) -> Imported:
        nonlocal barred
        imported = Imported()
        barred = build.bar(states, keys, imported)
        return imported

    _import(folder, Wanted(), bar, None)
    return barred


def _import(
    folder: Folder, wanted: Wanted, take_in: "Callable[[_Build], Imported]", built_ms: int | None
) -> Imported:
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
        build = _Build(folder, wanted, built_ms)
        try:
            imported = take_in(build)
            if imported.bad and not wanted.skip_bad and not wanted.dry_run:
                raise bad_rows_fault(imported)
            is_published = not wanted.dry_run and (imported.is_change or build.is_new)
            if is_published:
                build.publish()
        finally:
            build.discard()
        if is_published:
            _remove_old_replicas(folder)
        return imported
    finally:
        lock.close()


def _silent(_done: int, _total: int) -> None:
    pass


class _Build:
    """A replica in the making, beside the live one."""

    def __init__(self, folder: Folder, wanted: Wanted, built_ms: int) -> None:
        self._folder = folder
        self._wanted = wanted
        self._built_ms = built_ms
        self._time_zone = wanted.time_zone or machine_zone().name
        self._part = folder.path / "import.part"
        self.discard()
        # The devices of a venue stay whatever becomes of its tickets.
        is_wanted = folder.pointer.exists() and (folder.venue.exists() or not wanted.replace)
        self.is_new = wanted.replace or not folder.pointer.exists()
        """Whether it takes the place of the live one whatever is in it."""
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
            if wanted.replace:
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
        kinds = {
            id_: msgspec.json.decode(body, type=TicketType)
            for id_, body in self._db.execute("SELECT id, body FROM ticket_type")
        }
        self._times = {id_: times_of(kind) for id_, kind in kinds.items()}
        titles = ((id_, kind.title) for id_, kind in kinds.items())
        self._completion = Completion(wanted, titles, folder.path, lambda: guest_tickets(self._db))

    def read(self, paths: Sequence[Path], progress: Progress) -> Imported:
        """Take in every row; bad ones are told in the answer."""
        total = sum(_size(path) for path in paths)
        lists = open_lists(paths, self._wanted.reading)
        imported = Imported(lists=lists)
        done = 0
        with faults(self._part):
            self._db.execute("BEGIN")
            for one in lists:
                for number, row in enumerate(one.rows, 1):
                    imported.show(row)
                    self._take_row(row, imported)
                    if number % _ROWS_A_STEP == 0:
                        progress(min(done + one.bytes_read(), total), total)
                done += one.bytes_read()
                for note in one.notes:
                    imported.note(note)
            if imported.tickets:
                self._look_for_missing(imported)
            self._db.execute("COMMIT")
        progress(total, total)
        return imported

    def _take_row(self, row: ListRow, imported: Imported) -> None:
        try:
            if isinstance(row.fields, BadRow):
                raise row.fields
            notes = (
                self._put_type(row.fields, imported)
                if row.is_type
                else self._put_ticket(row.fields, imported)
            )
            for note in notes:
                imported.note(f"{row.where}: {note}")
        except BadRow as bad:
            imported.complain(f"{row.where}: {bad}", bad)

    def bar(
        self, states: Mapping[str, Status], keys: Sequence[EventKey], imported: Imported
    ) -> int:
        """State codes that one of some keys has signed; answers how many."""
        barred = 0
        with faults(self._part):
            self._db.execute("BEGIN")
            for text, status in states.items():
                hashed = code_hash(self._key, text)
                owner = self._db.execute(_OWNER, (hashed,)).fetchone()
                proof = pretix_signed.proved(text, keys) if owner is None else None
                if proof is not None:
                    row = {"code": text, "type": proof[0].type_id, "status": status.value}
                    where = f"{text[:8]}…"
                    self._take_row(ListRow(where, is_type=False, fields=row), imported)
                elif owner is not None and owner[1] == hashed.hex():
                    number, id_, body = owner
                    self._put_status(number, id_, body, status)
                    imported.changed += 1
                else:
                    continue
                barred += 1
            self._db.execute("COMMIT")
        return barred

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

    def _put_type(self, row: dict[str, Any], imported: Imported) -> tuple[str, ...]:
        kept = type_body(row, self._time_zone)
        self._times[kept.id] = kept.times
        self._completion.add_type(kept.id, str(row.get("title", "")))
        found = self._db.execute("SELECT body FROM ticket_type WHERE id = ?", (kept.id,)).fetchone()
        if found is None or found[0] != kept.body:
            put_type(self._db, kept.id, kept.body)
            imported.types_changed += 1
        imported.types += 1
        imported.zones[kept.times.zone] = imported.zones.get(kept.times.zone, 0) + 1
        return kept.notes

    def _put_ticket(self, row: dict[str, Any], imported: Imported) -> tuple[str, ...]:
        row, made = self._completion.whole(row, imported)
        if made is not None:
            self._put_type(made, imported)
        kept = ticket_body(row, self._times.get, self._key)
        number = row_of(self._db, kept.id)
        if number is not None and self._seen.has(number):
            raise BadRow(_("this ticket has been in these files before"))
        before = self._before(number)
        position = f"{self._epoch}:{self._seq}"
        lost = number is not None and lost_a_code(self._codes_of(number), kept.codes)
        body = with_door(before, with_issue(before, kept.body, lost_a_code=lost))
        kept = kept._replace(body=with_voids(before, body, position, self._built_ms))
        for hashed in kept.codes:
            owner = self._db.execute("SELECT ticket FROM code WHERE hash = ?", (hashed,)).fetchone()
            if owner is not None and owner[0] != number:
                raise BadRow(_("this code belongs to another ticket already"))
        is_same = number is not None and before == kept.body and self._has_codes(number, kept.codes)
        if number is None or not is_same:
            imported.new += number is None
            imported.changed += number is not None
            number = put_ticket(self._db, number, kept, makes_blocks=True)
        self._seen.add(number)
        imported.count(kept.type_id)
        return kept.notes

    def _has_codes(self, number: int, codes: dict[bytes, CodeState]) -> bool:
        """Whether a ticket's codes are kept as they are stated; none opens a gate beside them."""
        kept = self._codes_of(number)
        return all(
            codes[hashed] == state if hashed in codes else state != CodeState.LIVE
            for hashed, state in kept.items()
        ) and not (codes.keys() - kept.keys())

    def _codes_of(self, number: int) -> dict[bytes, CodeState]:
        rows = self._db.execute("SELECT hash, state FROM code WHERE ticket = ?", (number,))
        return {hashed: CodeState(state) for hashed, state in rows}

    def _look_for_missing(self, imported: Imported) -> None:
        """Name, and cancel if that is wanted, the good tickets that no list has."""
        after = 0
        while rows := self._db.execute(
            "SELECT row, id, body, status FROM ticket WHERE row > ? ORDER BY row LIMIT ?",
            (after, _ROWS_A_STEP),
        ).fetchall():
            after = rows[-1][0]
            for number, id_, body, status in rows:
                if self._seen.has(number) or status in VOID:
                    continue
                imported.missing += 1
                holder = msgspec.json.decode(body).get("holder", "")
                if len(imported.named_missing) < ERRORS_SHOWN:
                    imported.named_missing.append(f"{id_}  {holder}".rstrip())
                if self._wanted.cancel_missing:
                    self._put_status(number, id_, body, Status.REVOKED)
                    imported.cancelled += 1

    def _put_status(self, number: int, id_: str, body: str, status: Status) -> None:
        changed = changed_body(body, {"status": status.value}, self._times.get)
        position = f"{self._epoch}:{self._seq}"
        changed = with_voids(body, with_door(body, changed), position, self._built_ms)
        type_id = msgspec.json.decode(changed)["type_id"]
        ticket = TicketBody(id_, type_id, changed, self._codes_of(number))
        put_ticket(self._db, number, ticket, makes_blocks=True)

    def _before(self, number: int | None) -> str | None:
        if number is None:
            return None
        found = self._db.execute("SELECT body FROM ticket WHERE row = ?", (number,)).fetchone()
        return None if found is None else str(found[0])


def guest_tickets(replica: sqlite3.Connection) -> list[tuple[str, str]]:
    """The tickets of guests without a code in a replica: id and name."""
    rows = replica.execute(
        "SELECT id, json_extract(body, '$.holder') FROM ticket WHERE id >= ? AND id < ?",
        (PREFIX, PREFIX[:-1] + chr(ord(PREFIX[-1]) + 1)),
    )
    return [(id_, holder) for id_, holder in rows if holder]


def known_guests(folder: Folder) -> list[tuple[str, str]]:
    """The same of a folder's live replica. Raises StoreError."""
    live = live_replica(folder)
    with faults(live), closing(open_reader(live)) as replica:
        return guest_tickets(replica)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise ImportFault(
            _("cannot read {file}: {detail}").format(file=path, detail=error.strerror), ""
        ) from error


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
