"""The write side of the ticket replica: a snapshot is a new file, the feed goes on from it.

A page of changes and the cursor that says so are one transaction, so no change is ever skipped.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

import msgspec

from gate.domain.model import CodeState
from gate.errors import DamagedError
from gate.language import _
from gate.store.filling import put_ticket, put_type, row_of
from gate.store.folder import Folder, sync_folder, write_durably
from gate.store.rows import TicketBody
from gate.store.sqlite import checkpoint, faults, open_reader, open_writer, writing
from gate.store.tickets import FILE_NAME, live_replica
from sync.protocol import Change, Changes


class _Named(msgspec.Struct):
    type_id: str = ""
    holder: str = ""


_named = msgspec.json.Decoder(_Named)


class Feed:
    """The live replica, written by the sync worker only."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._connection: sqlite3.Connection | None = None
        self._path = folder.pointer

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with faults(self._path):
                self._connection.close()
        self._connection = None

    @property
    def cursor(self) -> str:
        """How far the replica has read the feed; empty when it needs a snapshot first."""
        connection = self._live()
        if connection is None:
            return ""
        with faults(self._path):
            row = connection.execute("SELECT value FROM meta WHERE key = 'cursor'").fetchone()
        return "" if row is None else str(row[0])

    def apply(self, page: Changes, server_ms: int) -> None:
        """Take in a page of changes and its cursor together."""
        connection = self._live()
        if connection is None:
            raise DamagedError(
                _("there is no ticket file to change"), _("It will be fetched again.")
            )
        with writing(connection, self._path):
            for change in page.changes:
                _apply(connection, change)
            connection.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                [("cursor", page.cursor), ("built_ms", str(server_ms))],
            )

    def install(self, part: Path, name: str) -> None:
        """Make a checked file the live replica. Raises DamagedError when it is no ticket file."""
        if not FILE_NAME.fullmatch(name):
            raise DamagedError(_("{name!r} is no name of a ticket file").format(name=name[:80]), "")
        _check(part)
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
        if self._connection is None and self._folder.pointer.exists():
            self._path = live_replica(self._folder)
            self._connection = open_writer(self._path, "NORMAL")
        return self._connection


def _unused(path: Path) -> Path:
    """A name that no file has: the lane may have the one of that name open."""
    while path.exists():
        stem, _dash, number = path.stem.rpartition("-")
        path = path.with_name(f"{stem}-{int(number) + 1}.db")
    return path


def _apply(connection: sqlite3.Connection, change: Change) -> None:
    body = bytes(change.body).decode()
    if change.kind == "type":
        put_type(connection, change.ref, body)
        return
    named = _named.decode(body)
    codes = {bytes.fromhex(hashed): CodeState(state) for hashed, state in change.codes.items()}
    ticket = TicketBody(change.ref, named.type_id, body, codes, named.holder)
    put_ticket(connection, row_of(connection, change.ref), ticket)


def _check(path: Path) -> None:
    connection = open_reader(path)
    try:
        with faults(path):
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            meta = dict(connection.execute("SELECT key, value FROM meta"))
    finally:
        connection.close()
    if found != "ok" or not {"key", "cursor", "built_ms"} <= set(meta):
        raise DamagedError(
            _("{file} is no ticket file").format(file=path.name), _("It will be fetched again.")
        )
