"""The devices' signed words on their chains, kept beside the entries in ``peers.db``."""

from collections.abc import Iterable

from gate.core.limits import HEAD_EVERY
from gate.core.replication import Have
from gate.core.signed_tip import SignedTip
from gate.storage.held_entries import HeldEntries
from gate.storage.peers_file import PeersFile


class SignedTips:
    """What others need to believe entries that their makers do not bring themselves."""

    def __init__(self, file: PeersFile, entries: HeldEntries) -> None:
        self._file = file
        self._entries = entries

    def of(self, origin: str, first: int, last: int) -> list[SignedTip]:
        """The signed tips held of an origin's entries from ``first`` to ``last``."""
        with self._file.reading():
            rows = self._file.connection.execute(
                "SELECT origin, seq, hash, signature FROM signed_tip "
                "WHERE origin = ? AND seq BETWEEN ? AND ?",
                (origin, first, last),
            )
            return [SignedTip(*row) for row in rows]

    def put(self, signed_tips: Iterable[SignedTip]) -> None:
        """Keep signed tips: this device's own, or those of entries that are held."""
        with self._file.writing():
            self.put_within(list(signed_tips), self._entries.tips)

    def put_within(self, signed_tips: list[SignedTip], tips: Have) -> None:
        """The same within a transaction, after which ``peers.db`` ends with ``tips``."""
        run = self._file.connection.executemany
        run(
            "INSERT OR IGNORE INTO signed_tip VALUES (?, ?, ?, ?)",
            [(one.origin, one.seq, one.hash, one.signature) for one in signed_tips],
        )
        # A newer one vouches for what an older one did, unless that is of another branch; and
        # every so often one is kept to end a frame.
        run(
            "DELETE FROM signed_tip WHERE origin = ? AND seq < ? AND seq % ? != 0",
            [
                (one.origin, one.seq, HEAD_EVERY)
                for one in signed_tips
                if len(tips.get(one.origin, ())) <= 1
            ],
        )
