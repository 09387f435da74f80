"""Entries that were refused, by the server or here, kept for people to see."""

from collections.abc import Iterable

from gate.core.signed_tip import Rejected
from gate.storage.peers_file import PeersFile

QUARANTINED_OF_ONE = 1000
"""Refused entries kept of what one other has brought; a flood of them must not fill the disk."""
QUARANTINED = 5000
"""And of what all have."""


class Quarantine:
    """What was refused: of what somebody brought, or by the server of what is held here."""

    def __init__(self, file: PeersFile) -> None:
        self._file = file
        self._counts = self._read_counts()

    def put(self, rejected: Iterable[Rejected], at_ms: int, by: str = "") -> None:
        """Keep what was refused of what ``by`` has brought; without a name, by the server."""
        rows = [(at_ms, by, r.origin, r.seq, r.reason, r.hash) for r in rejected]
        room = QUARANTINED - self.count()
        room = min(room, QUARANTINED_OF_ONE - self._counts.get(by, 0))
        if room <= 0:
            return
        with self._file.writing():
            self._file.connection.executemany(
                "INSERT OR IGNORE INTO quarantine (at_ms, bringer, origin, seq, reason, hash) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                rows[:room],
            )
        self._counts = self._read_counts()

    def count(self) -> int:
        """How many entries were refused, by the server or by us."""
        return sum(self._counts.values())

    def by_server(self) -> list[Rejected]:
        """What the server will not have of what is held here."""
        with self._file.reading():
            rows = self._file.connection.execute(
                "SELECT origin, seq, reason, hash FROM quarantine WHERE bringer = '' ORDER BY id"
            )
            return [Rejected(*row) for row in rows]

    def _read_counts(self) -> dict[str, int]:
        query = "SELECT bringer, count(*) FROM quarantine GROUP BY bringer"
        with self._file.reading():
            return dict(self._file.connection.execute(query))
