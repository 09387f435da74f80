"""The read side of a journal file, page by page."""

from pathlib import Path

from gate.core import entry_codec
from gate.core.entry import Entry
from gate.core.history import History
from gate.storage.checksums import ascending
from gate.storage.entries import read_facts
from gate.storage.histories import read_history
from gate.storage.sqlite import faults, open_reader


class JournalReader:
    """The read side of a journal file, for reports, logs and screens.

    Reads go page by page: a long read transaction would keep the log file from being reset.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.connection = open_reader(path)

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def history(self, ticket: str) -> History | None:
        """The materialised history of a ticket; ``None`` when it was never here."""
        with faults(self._path):
            return read_history(self.connection, ticket)

    def bodies(self, after: int = 0, limit: int = 1000) -> list[tuple[int, str]]:
        """The next entries after a row number, oldest first, byte for byte as they are hashed."""
        with faults(self._path):
            rows = self.connection.execute(
                "SELECT id, body FROM entry WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
            ).fetchall()
            return ascending(rows, after)

    def hashes(self, after: int = 0, limit: int = 1000) -> list[tuple[int, bytes]]:
        """The next entries' hashes after a row number, oldest first."""
        with faults(self._path):
            rows = self.connection.execute(
                "SELECT id, hash FROM entry WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
            ).fetchall()
            return ascending(rows, after)

    def decode(self, body: str) -> Entry:
        """What a body of ``bodies`` says. Raises DamagedError."""
        with faults(self._path):
            return entry_codec.decode(body)

    def page(self, after: int = 0, limit: int = 1000) -> list[tuple[int, Entry]]:
        """The next entries after a row number, oldest first, with their row numbers."""
        with faults(self._path):
            return [(row, entry_codec.decode(body)) for row, body in self.bodies(after, limit)]

    def newest(self, limit: int) -> list[Entry]:
        """The newest entries, newest first."""
        with faults(self._path):
            rows = self.connection.execute(
                "SELECT body FROM entry ORDER BY id DESC LIMIT ?", (limit,)
            ).fetchall()
            return [entry_codec.decode(body) for (body,) in rows]

    def newest_row(self) -> int:
        """The row number of the newest entry; 0 for an empty journal."""
        with faults(self._path):
            row = self.connection.execute("SELECT max(id) FROM entry").fetchone()
        return int(row[0] or 0)

    def of_ticket(self, ticket: str) -> list[Entry]:
        """Every entry about a ticket that its history folds from, oldest first."""
        with faults(self._path):
            return read_facts(self.connection, ticket)

    def used_tickets(self) -> int:
        """How many tickets have an admission that stands."""
        with faults(self._path):
            row = self.connection.execute("SELECT count(*) FROM state WHERE used > 0").fetchone()
        return int(row[0])
