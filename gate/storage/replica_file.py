"""The ticket replica as a file: which one is live, its one writer, and whether it is sound.

A new replica is a new file, and the pointer file names the live one: nobody who has a file open
sees it change its identity.
"""

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from gate.core.ticket_feed import FIRST_HASH
from gate.errors import DamagedError
from gate.i18n import _
from gate.storage import damage, schema
from gate.storage.folder import Folder, sync_folder, write_durably
from gate.storage.sqlite import (
    Presence,
    cache_faults,
    checkpoint,
    faults,
    open_reader,
    open_writer,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

FILE_NAME = re.compile(r"tickets-[0-9a-f]+-[0-9]+\.db")


class ReplicaFile:
    """The one connection that writes the live replica; it belongs to the thread that uses it."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.path = folder.pointer
        self.sound_cursor = ""
        """The cursor that was last read of a replica that was sound."""
        self._connection: sqlite3.Connection | None = None
        self._stamp: tuple[int, int] | None = None
        self._presence: Presence | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with faults(self.path):
                self._connection.close()
        self._connection = None

    def connection(self) -> sqlite3.Connection | None:
        """The file the pointer names, open to write: an import may have named another."""
        try:
            stat = self.folder.pointer.stat()
        except FileNotFoundError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if self._connection is None or stamp != self._stamp:
            self.close()
            self.path = live_replica(self.folder)
            self._connection, self._stamp = open_replica(self.path), stamp
            self._presence = Presence(self.path)
        elif self._presence is not None:
            self._presence.require()
        return self._connection

    def require(self) -> sqlite3.Connection:
        """The same. Raises DamagedError when there is none."""
        connection = self.connection()
        if connection is None:
            raise DamagedError(_("there is no ticket file to change"), fetched_again())
        return connection

    def read(self, read: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        """Read of the live replica; ``nothing`` where there is none, or it is damaged there."""
        try:
            connection = self.connection()
            if connection is None:
                return nothing
            with cache_faults(self.path):
                return read(connection)
        except DamagedError as fault:
            self.damaged(fault)
            return nothing

    def damaged(self, fault: DamagedError) -> None:
        """Take the replica for damaged: it is good to look into, and needs a snapshot."""
        if fault.file is not None:
            if damage.read(self.folder, damage.TICKETS) is None:
                log.error("tickets: %s", fault.message)
            damage.found(self.folder, damage.TICKETS, fault, self.sound_cursor)

    def checkpoint(self, look: Callable[[sqlite3.Connection], object]) -> None:
        """Move the log into the database file, and look into that; for idle moments."""
        if self._connection is not None:
            try:
                checkpoint(self._connection, self.path)
                # One that was just opened has no page in memory: what the next start would meet.
                with cache_faults(self.path), closing(open_reader(self.path)) as anew:
                    look(anew)
            except DamagedError as fault:
                self.damaged(fault)

    def go_live(self, part: Path, name: str) -> None:
        """Let a whole file take the place of the live one, durably."""
        self.close()
        with faults(part):
            descriptor = os.open(part, os.O_RDWR)
            os.fsync(descriptor)
            os.close(descriptor)
            lost = damage.read(self.folder, damage.TICKETS)
            path = _unused(self.folder.path / name, "" if lost is None else lost.file)
            for left in (f"{part}-wal", f"{part}-shm", f"{path}-wal", f"{path}-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(left)
            os.replace(part, path)
            sync_folder(self.folder.path)
            write_durably(self.folder.pointer, (path.name + "\n").encode())


def live_replica(folder: Folder) -> Path:
    """The file the pointer names. Raises DamagedError when it names none."""
    with faults(folder.pointer):
        name = folder.pointer.read_text("utf-8", errors="replace").strip()
    path = folder.path / name
    if not FILE_NAME.fullmatch(name) or not path.is_file():
        raise DamagedError(
            _("{file} names no ticket file").format(file=folder.pointer.name),
            _("Import the tickets again with: gate import FILE"),
            path if FILE_NAME.fullmatch(name) else folder.pointer,
        )
    return path


def open_replica(path: Path) -> sqlite3.Connection:
    """Open a replica to write, with the tables of this version."""
    connection = open_writer(path, "NORMAL")
    try:
        with faults(path):
            # What is erased is overwritten, not only unlinked.
            connection.execute("PRAGMA secure_delete = ON").fetchall()
            schema.tickets.apply(Database(connection))
    except BaseException:
        connection.close()
        raise
    return connection


def chain_hash_here(meta: Mapping[str, str]) -> bytes:
    """What the next change of a replica is linked to. Raises ValueError."""
    return bytes.fromhex(meta.get("chain_hash", FIRST_HASH.hex()))


def fetched_again() -> str:
    """The hint for a replica that is not to be used."""
    return _("It will be fetched again.")


def _unused(path: Path, lost: str) -> Path:
    """A name that no file has, nor had the one that was ``lost``: the lane may have it open."""
    while path.exists() or path.name == lost:
        stem, _dash, number = path.stem.rpartition("-")
        path = path.with_name(f"{stem}-{int(number) + 1}.db")
    return path
