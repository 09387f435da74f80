"""The write side of the ticket replica: a snapshot is a new file, the feed goes on from it.

A page of changes and the cursor that says so are one transaction, so no change is ever skipped.
What was applied is remembered by number, so that others can follow the feed here.
"""

import os
import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from sqlite_utils import Database

from gate.credential import KEY_BYTES
from gate.domain.model import CodeState
from gate.errors import DamagedError
from gate.language import _
from gate.store import schema
from gate.store.filling import (
    MemberRow,
    members_of,
    put_member,
    put_ticket,
    put_type,
    row_of,
)
from gate.store.folder import Folder, Lock, sync_folder, write_durably
from gate.store.rows import TicketBody
from gate.store.sqlite import checkpoint, faults, open_reader, open_writer, writing
from gate.store.tickets import FILE_NAME, live_replica
from sync.cursor import Cursor, ResyncNeeded
from sync.protocol import Change, ChangeKind, Changes

REMEMBERED: Final = 50_000
"""Changes that others can follow; whoever is further behind is quicker with a snapshot."""

OWN_CHANGES: Final = "FULL"
"""What others said is fetched again after a power cut; what the host says nobody else can say."""


class Position(NamedTuple):
    """How far a replica is."""

    cursor: str
    """Empty when it needs a snapshot first."""
    as_of_ms: int
    """As of which moment of its source's clock it is complete; 0: it is of no venue's source."""


class _Named(msgspec.Struct):
    type_id: str = ""
    holder: str = ""


_named = msgspec.json.Decoder(_Named)
_member = msgspec.json.Decoder(MemberRow)


class Feed:
    """The live replica, written by the sync worker only."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._connection: sqlite3.Connection | None = None
        self._path = folder.pointer
        self._stamp: tuple[int, int] | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with faults(self._path):
                self._connection.close()
        self._connection = None

    @property
    def cursor(self) -> str:
        """How far the replica has read the feed; empty when it needs a snapshot first."""
        return self.position().cursor

    def position(self) -> Position:
        """How far the replica is, and as of when."""
        connection = self._live()
        if connection is None:
            return Position("", 0)
        with faults(self._path):
            meta = _meta(connection)
        return Position(meta.get("cursor", ""), int(meta.get("as_of_ms", 0)))

    def members(self) -> dict[str, MemberRow]:
        """Every device of the venue that the feed has told of, by id."""
        connection = self._live()
        if connection is None:
            return {}
        with faults(self._path):
            return members_of(connection)

    def apply(self, page: Changes, server_ms: int) -> None:
        """Take in a page of changes and its cursor together.

        ``server_ms`` is the moment, by its source's clock, as of which the last page is complete.
        Raises DamagedError when the page does not go on from here or cannot be read.
        """
        connection = self._live()
        if connection is None:
            raise _no_file()
        with writing(connection, self._path):
            cursor = _check_follows(connection, page)
            try:
                for change in page.changes:
                    _apply(connection, change)
            except (msgspec.DecodeError, UnicodeError, ValueError) as error:
                told = _("a change of tickets cannot be read: {detail}")
                raise DamagedError(told.format(detail=error), _again()) from error
            connection.executemany(
                "INSERT OR REPLACE INTO change VALUES (?, ?, ?, ?)",
                [
                    (one.seq, one.id, one.kind, one.ref)
                    for one in page.changes
                    if one.seq <= cursor.seq
                ],
            )
            _put_meta(connection, cursor=page.cursor, built_ms=server_ms)
            if not page.more:
                _put_meta(connection, as_of_ms=server_ms)
            _forget_older(connection, cursor)

    def append(self, kind: ChangeKind, ref: str, body: bytes, now_ms: int) -> None:
        """Make a change of this gate's own; only for the host of a venue without a server.

        It is on disk when this returns. Raises BusyError while tickets are imported: what is
        changed meanwhile would be lost.
        """
        lock = Lock(self._folder, "import")
        try:
            connection = self._live()
            if connection is None:
                raise _no_file()
            with faults(self._path):
                connection.execute(f"PRAGMA synchronous = {OWN_CHANGES}")
            here = Cursor.parse(self.cursor)
            made = here._replace(seq=here.seq + 1, id=secrets.token_hex(8))
            change = Change(made.seq, made.id, kind, ref, msgspec.Raw(body))
            self.apply(Changes([change], str(made)), now_ms)
        finally:
            lock.close()

    def begin(self, now_ms: int) -> None:
        """See to it that there is a replica, be it without tickets, for the host to change."""
        if self._live() is not None:
            return
        cursor = Cursor(secrets.token_hex(8), 0, "")
        part = self._folder.path / "begin.part"
        with faults(part):
            part.unlink(missing_ok=True)
        with closing(open_writer(part, "NORMAL")) as connection, faults(part):
            schema.tickets.apply(Database(connection))
            _put_meta(
                connection,
                key=secrets.token_hex(KEY_BYTES),
                epoch=cursor.epoch,
                seq=cursor.seq,
                cursor=str(cursor),
                built_ms=now_ms,
            )
        self.install(part, f"tickets-{cursor.epoch}-{cursor.seq}.db")

    def install(self, part: Path, name: str) -> None:
        """Make a checked file the live replica. Raises DamagedError when it is no ticket file."""
        if not FILE_NAME.fullmatch(name):
            raise DamagedError(_("{name!r} is no name of a ticket file").format(name=name[:80]), "")
        _check(part)
        _begin_here(part)
        self.close()
        with faults(part):
            descriptor = os.open(part, os.O_RDWR)
            os.fsync(descriptor)
            os.close(descriptor)
            path = _unused(self._folder.path / name)
            for left in (f"{part}-wal", f"{part}-shm", f"{path}-wal", f"{path}-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(left)
            os.replace(part, path)
            sync_folder(self._folder.path)
            write_durably(self._folder.pointer, (path.name + "\n").encode())

    def checkpoint(self) -> None:
        """Move the log into the database file; for idle moments."""
        if self._connection is not None:
            checkpoint(self._connection, self._path)

    def _live(self) -> sqlite3.Connection | None:
        """The file the pointer names: an import may have named another."""
        try:
            stat = self._folder.pointer.stat()
        except FileNotFoundError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if self._connection is None or stamp != self._stamp:
            self.close()
            self._path = live_replica(self._folder)
            self._connection, self._stamp = _open(self._path), stamp
        return self._connection


def _open(path: Path) -> sqlite3.Connection:
    connection = open_writer(path, "NORMAL")
    try:
        with faults(path):
            schema.tickets.apply(Database(connection))
    except BaseException:
        connection.close()
        raise
    return connection


def _unused(path: Path) -> Path:
    """A name that no file has: the lane may have the one of that name open."""
    while path.exists():
        stem, _dash, number = path.stem.rpartition("-")
        path = path.with_name(f"{stem}-{int(number) + 1}.db")
    return path


def _check_follows(connection: sqlite3.Connection, page: Changes) -> Cursor:
    """Where the page ends. Raises DamagedError unless it has every change from here to there.

    Beyond its end it may state types of which tickets in it need the newest state.
    """
    try:
        here, end = Cursor.parse(_meta(connection)["cursor"]), Cursor.parse(page.cursor)
    except (ResyncNeeded, KeyError) as error:
        raise _not_next() from error
    ids = {one.seq: one.id for one in page.changes if one.seq <= end.seq}
    is_next = sorted(ids) == list(range(here.seq + 1, end.seq + 1))
    if end.epoch != here.epoch or not is_next or end.id != ids.get(end.seq, here.id):
        raise _not_next()
    return end


def _no_file() -> DamagedError:
    return DamagedError(_("there is no ticket file to change"), _again())


def _not_next() -> DamagedError:
    return DamagedError(_("the changes do not go on from the tickets that are here"), _again())


def _apply(connection: sqlite3.Connection, change: Change) -> None:
    body = bytes(change.body).decode()
    if change.kind == "type":
        put_type(connection, change.ref, body)
    elif change.kind == "device":
        put_member(connection, _member.decode(body))
    else:
        named = _named.decode(body)
        codes = {bytes.fromhex(hashed): CodeState(state) for hashed, state in change.codes.items()}
        ticket = TicketBody(change.ref, named.type_id, body, codes, named.holder)
        put_ticket(connection, row_of(connection, change.ref), ticket)


def _forget_older(connection: sqlite3.Connection, end: Cursor) -> None:
    """Keep what is remembered within its bound, now and then; who is behind takes a snapshot."""
    base = Cursor.parse(_meta(connection)["base"])
    if end.seq - base.seq <= 2 * REMEMBERED:
        return
    found = "SELECT seq, id FROM change WHERE seq = ?"
    seq, id_ = connection.execute(found, (end.seq - REMEMBERED,)).fetchone()
    connection.execute("DELETE FROM change WHERE seq <= ?", (seq,))
    _put_meta(connection, base=str(Cursor(end.epoch, seq, id_)))


def _meta(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT key, value FROM meta"))


def _put_meta(connection: sqlite3.Connection, **said: str | int) -> None:
    rows = [(key, str(value)) for key, value in said.items()]
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)


def _check(path: Path) -> None:
    connection = open_reader(path)
    try:
        with faults(path):
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            meta = dict(connection.execute("SELECT key, value FROM meta"))
    finally:
        connection.close()
    try:
        bytes.fromhex(meta["key"])
        int(meta["built_ms"]), int(meta.get("as_of_ms", 0))
        Cursor.parse(meta["cursor"])
    except (KeyError, ValueError, ResyncNeeded):
        found = "no meta"
    if found != "ok":
        raise DamagedError(_("{file} is no ticket file").format(file=path.name), _again())


def _begin_here(path: Path) -> None:
    """A fetched replica can be followed from where it was made on, not from before."""
    with closing(_open(path)) as connection, writing(connection, path):
        meta = _meta(connection)
        as_of_ms = meta.get("as_of_ms", meta["built_ms"])
        _put_meta(connection, base=meta["cursor"], as_of_ms=as_of_ms)
        connection.execute("DELETE FROM change")


def _again() -> str:
    return _("It will be fetched again.")
