"""``peers.db`` as a file: its one writer, which store it is, and whether it is sound."""

from contextlib import AbstractContextManager, closing
from pathlib import Path

from sqlite_utils import Database

from gate.storage import schema
from gate.storage.entries import look_over
from gate.storage.peers import store_of
from gate.storage.sqlite import (
    UNREADABLE,
    Presence,
    cache_faults,
    checkpoint,
    faults,
    open_reader,
    open_writer,
    writing,
)

LOOKED_OVER = 5000
"""So many entries are read anew in an idle moment."""


class PeersFile:
    """The one connection that writes ``peers.db``; it belongs to the thread that made it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = open_writer(path, "NORMAL")
        self.presence = Presence(path)
        self._looked_over = 0
        try:
            with cache_faults(path):
                schema.peers.apply(Database(self.connection))
                self._store = store_of(self.connection, path)
                query = "SELECT is_complete FROM store"
                self.is_complete = bool(self.connection.execute(query).fetchone()[0])
                """Whether all that somebody else held was fetched since the file was made."""
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        with faults(self.path):
            self.connection.close()

    def writing(self) -> AbstractContextManager[None]:
        """Everything within happens together, or not at all."""
        return writing(self.connection, self.path)

    def reading(self) -> faults:
        """Errors within are faults that name the file, which can be had again."""
        return cache_faults(self.path)

    @property
    def store(self) -> str:
        """Which peer store this is, as ``store_of`` names it.

        Empty once the file is gone, or another is in its place: nobody reads then what is written.
        """
        try:
            is_there = store_of(self.connection, self.path) == self._store
        except (OSError, *UNREADABLE):
            return ""
        return self._store if is_there else ""

    def complete(self) -> None:
        """All that somebody else held has been fetched."""
        if not self.is_complete:
            with self.writing():
                self.connection.execute("UPDATE store SET is_complete = 1")
            self.is_complete = True

    def checkpoint(self) -> None:
        """Move the log into the database file, and look into that; for idle moments.

        Raises DamagedError when an entry is not there as it was written, or the file itself.
        """
        self.presence.require()
        checkpoint(self.connection, self.path)
        # One that was just opened has no page in memory: what the next start would meet.
        with cache_faults(self.path), closing(open_reader(self.path)) as anew:
            self._looked_over = look_over(anew, self._looked_over, LOOKED_OVER)
            if not self._looked_over:
                anew.execute("SELECT origin, seq FROM tip ORDER BY origin, seq").fetchall()
