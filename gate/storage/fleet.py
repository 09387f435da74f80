"""The whole venue as this device knows it: its own journal and the peers' read together.

Reads go page by page, each in a transaction of its own.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from gate.core import entry_codec
from gate.core.entry import Entry
from gate.core.replication import Tip
from gate.core.verdict import PAPER
from gate.storage import schema
from gate.storage.entries import read_entry, read_facts
from gate.storage.folder import Folder
from gate.storage.peers import has_successor, is_half_made, read_resolutions
from gate.storage.sqlite import faults, open_readable, row_faults


class JournalFile:
    """A journal file to read from; one that is not there, or has no tables yet, is an empty one."""

    def __init__(self, path: Path, tables: Migrations) -> None:
        self._path = path
        connection, self.uri = open_readable(path) if path.exists() else (None, ":memory:")
        if connection is not None and not _has_tables(connection, path):
            connection.close()
            connection, self.uri = None, ":memory:"
        self.is_there = connection is not None
        if connection is None:
            connection = sqlite3.connect(":memory:", isolation_level=None)
            tables.apply(Database(connection))
        self._connection = connection

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def rows(self, query: str, bound: Mapping[str, object] | None = None) -> list[Any]:
        """What a query finds."""
        with faults(self._path):
            return self._connection.execute(query, bound or {}).fetchall()

    def entries(self, query: str, bound: Mapping[str, object] | None = None) -> list[Entry]:
        """What a query for bodies finds. Raises DamagedError where one is no entry."""
        with row_faults(self._path):
            found = self._connection.execute(query, bound or {})
            return [entry_codec.decode(body) for (body,) in found]

    def facts(self, ticket: str) -> list[Entry]:
        """What was done on a ticket."""
        with row_faults(self._path):
            return read_facts(self._connection, ticket)

    def resolutions(self, ticket: str) -> list[Entry]:
        """What supervisors wrote about a ticket."""
        with row_faults(self._path):
            return read_resolutions(self._connection, ticket)

    def find(self, name: str) -> Entry | None:
        """The entry of that name."""
        with row_faults(self._path):
            return read_entry(self._connection, name)

    def has_successor(self, origin: str, tip: Tip) -> bool:
        """Whether an entry follows a tip."""
        with row_faults(self._path):
            return has_successor(self._connection, origin, tip)


def _has_tables(connection: sqlite3.Connection, path: Path) -> bool:
    with faults(path):
        try:
            connection.execute("SELECT 1 FROM state LIMIT 1").fetchone()
        except sqlite3.OperationalError as error:
            if is_half_made(error):
                return False
            raise
    return True


class Fleet:
    """The journal and ``peers.db``, open to read; belongs to the thread that opened it."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.device = folder.device_id()
        self.own = JournalFile(folder.journal, schema.journal)
        try:
            self.peers = JournalFile(folder.peers, schema.peers)
        except BaseException:
            self.own.close()
            raise
        self.files = (self.own, self.peers)
        if self.peers.is_there:
            self.peers.rows("ATTACH :where AS own", {"where": self.own.uri})
        if self.peers.is_there and not self.own.is_there:
            self.peers.rows("CREATE TABLE own.state (ticket, used, inside, redemptions)")

    def __enter__(self) -> "Fleet":
        """Read on."""
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of both files."""
        for file in self.files:
            file.close()

    def facts(self, ticket: str) -> list[Entry]:
        """Everything anybody is known to have done on a ticket."""
        return [entry for file in self.files for entry in file.facts(ticket)]

    def resolutions(self, ticket: str) -> list[Entry]:
        """What supervisors wrote about a ticket's conflicts and irregular admissions."""
        return [entry for file in self.files for entry in file.resolutions(ticket)]

    def may_conflict(self, ticket: str) -> bool:
        """Whether more than this lane let in on a ticket: another device, or whoever had paper."""
        by_paper = any(fact.source == PAPER for fact in self.own.facts(ticket))
        return by_paper or bool(self.peers.facts(ticket))

    def taken_back(self) -> set[str]:
        """Tickets with a movement that somebody else than its maker may have annulled."""
        names = [name for (name,) in self.peers.rows("SELECT name FROM taken_back")]
        found = (file.find(name) for name in names for file in self.files)
        return {entry.ticket for entry in found if entry is not None}

    def disowned(self) -> dict[str, str]:
        """Disowned devices, and up to where what they did counts."""
        if not self.peers.is_there:
            return {}
        return dict(self.peers.rows("SELECT device, counts_until FROM disowning"))

    def newest_rows(self) -> tuple[int, int]:
        """Up to where the entries of both files go: this device's, and the others'."""
        own, peers = (file.rows("SELECT max(id) FROM entry")[0][0] or 0 for file in self.files)
        return own, peers

    def touched_since(self, rows: tuple[int, int]) -> set[str]:
        """Tickets that entries after some rows are about."""
        query = (
            "SELECT DISTINCT ticket FROM entry WHERE id > :after AND ticket IS NOT NULL "
            "AND act IN ('admission', 'exit', 'annulment', 'resolution')"
        )
        return {
            id_
            for file, after in zip(self.files, rows, strict=True)
            for (id_,) in file.rows(query, {"after": after})
        }
