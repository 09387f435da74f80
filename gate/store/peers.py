"""The read side of ``peers.db``: what the other devices did, as far as it has been heard."""

import sqlite3

from gate.domain.model import Entry, History
from gate.store.folder import Folder
from gate.store.journal import read_entry, read_facts, read_history
from gate.store.sqlite import faults, open_reader


class Peers:
    """The other journals. A file that is not there yet is an empty one."""

    def __init__(self, folder: Folder) -> None:
        self._path = folder.peers
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def history(self, ticket: str) -> History | None:
        """What the ticket did at the other devices; ``None`` when nothing was heard of it."""
        connection = self._live()
        if connection is None:
            return None
        with faults(self._path):
            return read_history(connection, ticket)

    def facts(self, ticket: str) -> list[Entry]:
        """The other devices' entries that the ticket's history folds from."""
        connection = self._live()
        if connection is None:
            return []
        with faults(self._path):
            return read_facts(connection, ticket)

    def find(self, name: str) -> Entry | None:
        """The entry of that name, if it has been heard."""
        connection = self._live()
        if connection is None:
            return None
        with faults(self._path):
            return read_entry(connection, name)

    def _live(self) -> sqlite3.Connection | None:
        if self._connection is None and self._path.exists():
            self._connection = open_reader(self._path)
        return self._connection
