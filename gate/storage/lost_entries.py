"""What a damaged journal did not hand down to the one in its place."""

import sqlite3
from collections.abc import Iterable

from gate.core.entry import Entry
from gate.storage.entries import JournalTip, Whole, sound

_ORPHAN = "INSERT OR IGNORE INTO orphan (origin, seq, ticket, hash, body) VALUES (?, ?, ?, ?, ?)"


class LostEntries:
    """Numbers that are lost, orphans (whole entries that follow one of these), and the old tip."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.missing: list[tuple[str, int, int]] = connection.execute(
            "SELECT origin, first, last FROM missing"
        ).fetchall()
        """Which numbers are lost: origin, the first and the last of them."""

    def keep(
        self,
        orphans: Iterable[Whole],
        missing: Iterable[tuple[str, int, int]],
        ended: JournalTip,
    ) -> None:
        """Note what was salvaged and what was not; in the transaction that begins a journal."""
        run = self._connection.execute
        for one in orphans:
            at = (one.entry.origin, one.entry.seq, one.entry.ticket)
            run(_ORPHAN, (*at, one.hash, one.body.decode()))
        for span in missing:
            run("INSERT INTO missing VALUES (?, ?, ?)", span)
        if ended.seq:
            at_end = (ended.origin, ended.seq, ended.hash, ended.hlc)
            run("INSERT INTO ended VALUES (?, ?, ?, ?)", at_end)

    def orphans(self, ticket: str) -> list[Entry]:
        """What this device did on a ticket, in entries that follow a lost one."""
        if not self.missing:
            return []
        query = "SELECT body, hash FROM orphan WHERE ticket = ?"
        return [sound(*row) for row in self._connection.execute(query, (ticket,))]

    def require_sound(self) -> None:
        """Raise WrongChecksum, NoEntryError when an orphan is not what was hashed: they are few."""
        for row in self._connection.execute("SELECT body, hash FROM orphan"):
            sound(*row)

    def tip_after(self, head: JournalTip) -> JournalTip:
        """What the next entry follows: the first one the old journal's last, kept or lost."""
        query = "SELECT origin, seq, hash, hlc FROM ended"
        ended = self._connection.execute(query).fetchone()
        if ended is not None and ended[3] > head.hlc:
            return JournalTip(ended[0], ended[1], ended[2], ended[3], head.row)
        return head
