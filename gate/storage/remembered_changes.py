"""The changes that a replica remembers as it got them, so that others can follow the feed here."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from gate.core.ticket_feed import Change, Checkpoint, Cursor
from gate.storage.checksums import put_meta, read_meta
from gate.storage.replica_file import ReplicaFile
from gate.storage.replica_reader import ReplicaReader
from gate.storage.sqlite import faults, writing

REMEMBERED: Final = 50_000
"""Changes that are worth remembering for others, at least; twice as many are too many."""

_encode = msgspec.json.Encoder().encode


class RememberedChanges:
    """What the live replica remembers, and when that is forgotten."""

    def __init__(self, file: ReplicaFile) -> None:
        self._file = file

    def holds(self, cursor: str) -> bool:
        """Whether the change that a cursor names can still be passed on."""
        connection, at = self._file.connection(), Cursor.parse(cursor)
        if connection is None:
            return False
        query = "SELECT 1 FROM change WHERE seq = ? AND id = ?"
        with faults(self._file.path):
            return connection.execute(query, (at.seq, at.id)).fetchone() is not None

    def is_much(self) -> bool:
        """Whether a new snapshot would be worth its while: so much came since the last."""
        meta = self._file.read(read_meta, None)
        return meta is not None and _is_much(meta)

    def forget(self, cursor: str) -> None:
        """Remember no changes up to a cursor: who needs them takes a snapshot."""
        connection = self._file.require()
        with writing(connection, self._file.path):
            forget_to(connection, Cursor.parse(cursor))

    def forget_older(self) -> None:
        """Keep within bounds; who is behind takes a new snapshot."""
        connection = self._file.require()
        with writing(connection, self._file.path):
            meta = read_meta(connection)
            if _is_much(meta):
                end = Cursor.parse(meta["cursor"])
                found = "SELECT seq, id FROM change WHERE seq = ?"
                seq, id_ = connection.execute(found, (end.seq - REMEMBERED,)).fetchone()
                forget_to(connection, Cursor(end.epoch, seq, id_))


def remember_changes(
    connection: sqlite3.Connection, changes: Sequence[Change], end: Checkpoint
) -> None:
    """Remember a page, its last change with the checkpoint; in the transaction that takes it."""
    signed = [None] * (len(changes) - 1) + [_encode(end).decode()]
    rows = [
        (one.seq, one.id, one.kind, one.ref, bytes(one.body).decode(),
         _encode(one.codes).decode(), checkpoint)
        for one, checkpoint in zip(changes, signed, strict=True)
    ]  # fmt: skip
    connection.executemany("INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def forget_named(connection: sqlite3.Connection, tickets: Collection[str]) -> None:
    """Remember nothing up to the last change of some tickets while they had names."""
    marks = ", ".join("?" * len(tickets))
    found = connection.execute(
        f"SELECT seq, id FROM change WHERE kind = 'ticket' AND ref IN ({marks}) "
        "ORDER BY seq DESC LIMIT 1",
        tuple(tickets),
    ).fetchone()
    if found is not None:
        epoch = Cursor.parse(read_meta(connection)["cursor"]).epoch
        forget_to(connection, Cursor(epoch, *found))


def forget_to(connection: sqlite3.Connection, base: Cursor) -> None:
    """Remember no changes up to a cursor."""
    connection.execute("DELETE FROM change WHERE seq <= ?", (base.seq,))
    put_meta(connection, {"base": str(base)})


def changed_since(replica: ReplicaReader, seq: int) -> tuple[int, set[str] | None]:
    """How far the feed is here, and the tickets changed after a position.

    ``None`` for the tickets when that is not remembered: look at all of them.
    """
    with replica.reading():
        connection = replica.connection()
        meta = read_meta(connection)
        at, base = (int(meta.get(k, "::").split(":")[1] or 0) for k in ("cursor", "base"))
        if seq < base or seq > at:
            return at, None
        query = "SELECT ref FROM change WHERE seq > ? AND kind = 'ticket'"
        return at, {ref for (ref,) in connection.execute(query, (seq,))}


def _is_much(meta: Mapping[str, str]) -> bool:
    return Cursor.parse(meta["cursor"]).seq - Cursor.parse(meta["base"]).seq > 2 * REMEMBERED
