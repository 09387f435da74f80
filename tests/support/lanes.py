"""A lane that is asked, and what its journal has of it."""

import sqlite3

from sqlite_utils import Database

from gate.core import entry_codec
from gate.core.entry import Entry
from gate.core.history import fold
from gate.core.outcome import Outcome, Reason
from gate.core.place import Role
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.storage import schema
from gate.storage.folder import Folder
from gate.storage.histories import remember
from gate.storage.journal_reader import JournalReader

BOSS = Operator("boss", Role.SUPERVISOR)
KIM = Operator("kim", Role.STAFF)


def decided(lane: Lane, code: str) -> tuple[Outcome, Reason]:
    """What the lane answers to a code before its camera."""
    verdict = lane.admit(Scan(code, "QRCode", "camera"))
    return verdict.outcome, verdict.reason


def typed(lane: Lane, text: str, source: str = "keyboard") -> tuple[Outcome, Reason]:
    """What the lane answers to a text that a scanner types."""
    verdict = lane.admit(Scan(text, source=source))
    return verdict.outcome, verdict.reason


def journal_of(folder: Folder) -> list[Entry]:
    """Every entry of the folder's own journal."""
    reader = JournalReader(folder.journal)
    try:
        return [entry for _row, entry in reader.page(limit=100_000)]
    finally:
        reader.close()


def write_peer_entries(folder: Folder, made: list[Entry]) -> None:
    """Have the folder hold what others did."""
    connection = sqlite3.connect(folder.peers)
    schema.peers.apply(Database(connection))
    for entry in made:
        body = entry_codec.encode(entry)
        connection.execute(
            "INSERT INTO entry (origin, seq, hash, body) VALUES (?, ?, ?, ?)",
            (entry.origin, entry.seq, entry_codec.digest(body), body.decode()),
        )
        remember(connection, entry.ticket, fold([entry]))
    connection.commit()
    connection.close()
