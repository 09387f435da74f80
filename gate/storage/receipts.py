"""What the server has acked of this device's own journal."""

from gate.core.entry import device_of
from gate.core.replication import Have, gather
from gate.storage.peers_file import PeersFile


class Receipts:
    """What the server said it holds; the journal itself is the outbox."""

    def __init__(self, file: PeersFile, device: str) -> None:
        self._file = file
        self._device = device

    def acked(self) -> Have:
        """What the server said it holds of this device's own origins."""
        with self._file.reading():
            return gather(self._file.connection.execute("SELECT origin, seq, hash FROM receipt"))

    def put(self, receipts: Have) -> None:
        """Keep what the server says it holds; it may be less than before, after its restore."""
        with self._file.writing():
            for origin, tips in receipts.items():
                if device_of(origin) != self._device:
                    continue
                self._file.connection.execute("DELETE FROM receipt WHERE origin = ?", (origin,))
                self._file.connection.executemany(
                    "INSERT INTO receipt VALUES (?, ?, ?)",
                    [(origin, tip.hash, tip.seq) for tip in tips],
                )
