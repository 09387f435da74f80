"""Whether what was written is on the disk, in the file that has the journal's name."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from gate.storage.checksums import WrongChecksum
from gate.storage.entries import look_over, sound
from gate.storage.lost_entries import LostEntries
from gate.storage.sqlite import Presence, faults, open_reader

WITNESS_EVERY_S = 1.0
"""How often the newest entry is read back from the disk: that costs a fifth of a scan."""

_NEWEST_IS = "SELECT body, hash FROM entry WHERE id = ?"


class Witness:
    """Reads the journal by other connections than its writer's, which has the pages in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._read_s = float("-inf")
        self._presences: tuple[Presence, ...] = ()
        """Of the file and its log, once something was written."""
        self._looked_over = 0

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def written(self) -> None:
        """Something was committed: from now on the file and its log have to stay."""
        if not self._presences:
            self._presences = (Presence(self._path), Presence(self._path, "-wal"))

    def require(self, row: int, hashed: bytes) -> None:
        """Raise DamagedError unless the newest entry is in the file that has this name."""
        for presence in self._presences[:1]:
            presence.require()
        now_s = time.monotonic()
        if not row or now_s - self._read_s < WITNESS_EVERY_S:
            return
        self._read_s = now_s
        for presence in self._presences[1:]:
            presence.require()
        if self._connection is None:
            self._connection = open_reader(self._path)
        with faults(self._path):
            found = self._connection.execute(_NEWEST_IS, (row,)).fetchone()
            if found is None or found[1] != hashed:
                msg = "the newest entry is not there"
                raise WrongChecksum(msg)
            sound(*found)

    def look_over(self, count: int) -> None:
        """Read some entries as they are on disk, in turn. Raises DamagedError."""
        # One that was just opened has no page in memory.
        with faults(self._path), closing(open_reader(self._path)) as connection:
            self._looked_over = look_over(connection, self._looked_over, count)
            if not self._looked_over:
                LostEntries(connection).require_sound()
