"""The read side of ``peers.db``: what the other devices did, as far as it has been heard.

A file, or a table, that is not there yet holds nothing: the sync worker is still making it.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from gate.core import entry_codec
from gate.core.entry import Entry
from gate.core.event_device import EventDevice
from gate.core.history import History, fold
from gate.core.hlc import latest_believable
from gate.core.replication import Tip
from gate.errors import StoreError
from gate.storage.entries import OF_TICKET, read_entry, read_facts
from gate.storage.folder import Folder, is_there, successor
from gate.storage.histories import newest_code_ms, read_sound_history
from gate.storage.sqlite import UNREADABLE, cache_faults, open_reader

T = TypeVar("T")


_event_device = msgspec.json.Decoder(EventDevice)


class PeerStoreReader:
    """The other journals. Every method belongs to the thread that uses it first."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._path = folder.peers
        # Looked for before every scan.
        self._name, self._next = str(self._path), str(successor(self._path))
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._version = 0
        self._greatest_hlc = 0
        self._has_unbelievable = False
        self.store = ""
        """Which file is read, as ``store_of`` names it; empty while there is none, or another in
        its place."""

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._version = 0

    def refresh(self) -> None:
        """Read from the file that is there now; cheap enough before every scan.

        What is wrong with it, whoever reads it next is told. While there is no file, what was held
        is still read: it is better than nothing.
        """
        self._turn_to_newest()
        try:
            stat = os.stat(self._name)  # noqa: PTH116  before every scan, so the quick way
        except OSError:
            self._file, self.store = None, ""
            return
        if (stat.st_dev, stat.st_ino) == self._file:
            return
        self.close()
        self._file, self.store = None, ""
        with suppress(StoreError, *UNREADABLE):
            self._connection = open_reader(self._path)
            self.store = store_of(self._connection, self._path)
            if self.store:
                self._file = (stat.st_dev, stat.st_ino)

    def history(self, ticket: str) -> History | None:
        """What the ticket did at the other devices; ``None`` when nothing was heard of it."""
        return self._read(lambda connection: read_peer_history(connection, ticket), None)

    def newest_code_ms(self, ticket: str) -> int | None:
        """The newest rotating code that was shown of the ticket elsewhere, and passed."""
        return self._read(lambda connection: newest_code_ms(connection, ticket), None)

    def _turn_to_newest(self) -> None:
        if is_there(self._next):
            self.close()
            self._path = self._folder.peers
            self._name, self._next = str(self._path), str(successor(self._path))

    def facts(self, ticket: str) -> list[Entry]:
        """The other devices' entries that the ticket's history folds from."""
        return self._read(lambda connection: read_facts(connection, ticket), [])

    def find(self, name: str) -> Entry | None:
        """The entry of that name, if it has been heard."""
        return self._read(lambda connection: read_entry(connection, name), None)

    def tips_of(self, device: str) -> list[str]:
        """Names of a device's newest entries that were heard, one for each start and branch."""
        query = "SELECT origin, seq FROM tip WHERE origin > ? AND origin < ? ORDER BY hlc DESC"
        bound = (f"{device}.", f"{device}/")

        def read(connection: sqlite3.Connection) -> list[str]:
            return [f"{origin}:{seq}" for origin, seq in connection.execute(query, bound)]

        return self._read(read, [])

    def device(self, device: str) -> EventDevice | None:
        """What the server said of a device; ``None`` when it never named it."""
        query = "SELECT body FROM device WHERE id = ?"
        row = self._read(lambda connection: connection.execute(query, (device,)).fetchone(), None)
        return None if row is None else read_device(row[0])

    def greatest_hlc(self, now_ms: int) -> int:
        """The greatest hybrid logical time heard from clocks that may be believed; 0 for none."""
        return self._read(lambda connection: self._read_greatest(connection, now_ms), 0)

    def _read_greatest(self, connection: sqlite3.Connection, now_ms: int) -> int:
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        # What is too far ahead is believed once time has caught up, though no file changes then.
        if version != self._version or self._has_unbelievable:
            greatest, unbelievable = connection.execute(
                "SELECT max(CASE WHEN hlc <= :latest THEN hlc END), max(hlc > :latest) FROM tip",
                {"latest": latest_believable(now_ms)},
            ).fetchone()
            self._greatest_hlc = greatest or 0
            self._has_unbelievable = bool(unbelievable)
            self._version = version
        return self._greatest_hlc

    def _read(self, read: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        if self._connection is None:
            if not is_there(self._name):
                return nothing
            self._connection = open_reader(self._path)
        with cache_faults(self._path):
            try:
                return read(self._connection)
            except sqlite3.OperationalError as error:
                if is_half_made(error):
                    return nothing
                raise


def store_of(connection: sqlite3.Connection, path: Path) -> str:
    """Which peer store is open: its id, and the file that has its name now.

    Empty while its tables are being made. Two that say the same are one file with one content.
    """
    try:
        found = connection.execute("SELECT id FROM store").fetchone()
    except sqlite3.OperationalError as error:
        if is_half_made(error):
            return ""
        raise
    stat = path.stat()
    return f"{found[0]}:{stat.st_dev}:{stat.st_ino}"


def is_file_of(store: str, stat: os.stat_result) -> bool:
    """Whether a file is that of a store, as ``store_of`` named it."""
    return store.endswith(f":{stat.st_dev}:{stat.st_ino}")


# One statement for the most frequent answer: each locks the file for itself.
_IS_KNOWN = f"""
SELECT EXISTS (SELECT 1 FROM claimed WHERE ticket = ?)
    OR EXISTS (SELECT 1 FROM state WHERE ticket = ?) OR EXISTS (SELECT 1 {OF_TICKET})
"""


def read_peer_history(connection: sqlite3.Connection, ticket: str) -> History | None:
    """What a ticket did at the other devices; ``None`` when nothing was heard of it."""
    (is_known,) = connection.execute(_IS_KNOWN, (ticket,) * 3).fetchone()
    if not is_known:
        return None
    if connection.execute("SELECT 1 FROM claimed WHERE ticket = ?", (ticket,)).fetchone():
        return fold(read_facts(connection, ticket))
    return read_sound_history(connection, ticket)


def has_successor(connection: sqlite3.Connection, origin: str, tip: Tip) -> bool:
    """Whether the entry after one is there."""
    rows = connection.execute(
        "SELECT json_extract(body, '$.prev') FROM entry WHERE origin = ? AND seq = ?",
        (origin, tip.seq + 1),
    ).fetchall()
    return any(str(prev).startswith(tip.hash) for (prev,) in rows)


def is_half_made(error: sqlite3.Error) -> bool:
    """Whether a file's tables are not there yet."""
    return str(error).startswith("no such table")


def read_device(body: str) -> EventDevice:
    """What the server said of a device; what cannot be read says nothing."""
    try:
        return _event_device.decode(body)
    except (TypeError, ValueError):
        return EventDevice("")


def read_resolutions(connection: sqlite3.Connection, ticket: str) -> list[Entry]:
    """The supervisors' words on a ticket in a journal file."""
    rows = connection.execute(
        "SELECT body FROM counted WHERE ticket = ? AND act = 'resolution' ORDER BY id", (ticket,)
    )
    return [entry_codec.decode(body) for (body,) in rows]
