"""The reading side of the ticket replica for other gates: its changes by number, and a copy of it.

A gate hands on what it was told, byte by byte, with the authority's seals: the changes, and the
packed snapshot it began with. Only the host of a venue, which is the authority, packs its own.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from gate.core.ticket_feed import Change, Changes, Checkpoint, Cursor, ResyncNeeded, Snapshot
from gate.storage import snapshot_cache
from gate.storage.certificates import Authority
from gate.storage.checksums import put_meta, read_meta
from gate.storage.folder import Folder, Lock
from gate.storage.replica_file import live_replica
from gate.storage.sqlite import faults, open_reader
from gate.storage.venue_host import authority_of, is_host

__all__ = ["PeerFeed", "ResyncNeeded", "shared_file", "shared_snapshot"]

PAGE: Final = 1000
BUILD_S: Final = 600.0
"""How long to wait for another thread that packs the same."""


class PeerFeed:
    """The live replica, read by the thread that opened this."""

    def __init__(self, folder: Folder) -> None:
        self._path = live_replica(folder)
        self._connection = open_reader(self._path)

    def __enter__(self) -> "PeerFeed":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def page(self, cursor: str, limit: int = PAGE) -> Changes:
        """The changes after a cursor, as they were told here; up to a checkpoint of the authority.

        Raises ResyncNeeded when they cannot be told from there.
        """
        asked = Cursor.parse(cursor)
        with _one_moment(self._connection, self._path):
            head = self._follow(asked)
            end = self._sealed(asked.seq, limit)
            if end is None:
                return Changes([], cursor)
            rows = self._connection.execute(
                "SELECT seq, id, kind, ref, body, codes, checkpoint FROM change "
                "WHERE seq > ? AND seq <= ? ORDER BY seq",
                (asked.seq, end),
            ).fetchall()
        changes = [
            Change(seq, id_, kind, ref, msgspec.Raw(body.encode()), _codes.decode(codes))
            for seq, id_, kind, ref, body, codes, _seal_there in rows
        ]
        checkpoint = _checkpoint.decode(rows[-1][6])
        return Changes(changes, checkpoint.cursor, end != head.seq, checkpoint)

    def _sealed(self, after: int, limit: int) -> int | None:
        """The last sealed change of so many; the next one when none of them is."""
        sealed = "SELECT {}(seq) FROM change WHERE checkpoint IS NOT NULL AND seq > ?"
        run = self._connection.execute
        found = run(f"{sealed.format('max')} AND seq <= ?", (after, after + limit)).fetchone()
        if found[0] is None:
            found = run(sealed.format("min"), (after,)).fetchone()
        return None if found[0] is None else int(found[0])

    def head(self) -> Cursor:
        """The cursor of whoever has read everything. Raises ResyncNeeded when there is none."""
        return Cursor.parse(self._meta("cursor"))

    def goes_on_from(self, cursor: Cursor) -> bool:
        """Whether whoever has read so far finds the rest here."""
        try:
            with _one_moment(self._connection, self._path):
                self._follow(cursor)
        except ResyncNeeded:
            return False
        return True

    def _follow(self, asked: Cursor) -> Cursor:
        """How far there is to read from there. Raises ResyncNeeded."""
        head, base = self.head(), Cursor.parse(self._meta("base"))
        if asked.epoch != head.epoch or not base.seq <= asked.seq <= head.seq:
            raise ResyncNeeded
        if not self._is_known(asked, base):
            raise ResyncNeeded
        return head

    def _is_known(self, asked: Cursor, base: Cursor) -> bool:
        if asked.seq == base.seq:
            return asked == base
        found = self._one("SELECT id FROM change WHERE seq = ?", asked.seq)
        return found is not None and found[0] == asked.id

    def _meta(self, key: str) -> str:
        found = self._one("SELECT value FROM meta WHERE key = ?", key)
        return found[0] if found else ""

    def _one(self, query: str, wanted: str | int) -> tuple[str, ...] | None:
        found: tuple[str, ...] | None = self._connection.execute(query, (wanted,)).fetchone()
        return found


_checkpoint = msgspec.json.Decoder(Checkpoint)
_codes = msgspec.json.Decoder(dict[str, str])


def shared_snapshot(folder: Folder) -> tuple[Snapshot, Path]:
    """The packed copy for another gate to begin with; the host makes one if there is none.

    Raises StoreError when there are no tickets or no room, ResyncNeeded when there is no copy from
    which the changes that are remembered here go on.
    """
    with faults(folder.shared):
        folder.shared.mkdir(mode=0o700, exist_ok=True)
    # One at a time, and whoever has waited finds what the other has made.
    lock = Lock(Folder(folder.shared), "build", BUILD_S)
    try:
        snapshot = _good_one(folder)
        if snapshot is None:
            authority = authority_of(folder)
            if authority is None:
                raise ResyncNeeded
            snapshot = _build(folder, authority)
        found = snapshot_cache.get(folder.shared, snapshot.name)
        assert found is not None
        return snapshot, found[0]
    finally:
        lock.close()


def shared_file(folder: Folder, name: str) -> Path | None:
    """The packed copy of that name, while it is kept: a download begun on it can go on."""
    found = snapshot_cache.get(folder.shared, name)
    return found[0] if found else None


def _good_one(folder: Folder) -> Snapshot | None:
    with PeerFeed(folder) as feed:
        found = snapshot_cache.find(folder.shared, feed.head(), any_age=not is_host(folder))
        if found is None or not feed.goes_on_from(Cursor.parse(found.cursor)):
            return None
        return found


def _build(folder: Folder, authority: Authority) -> Snapshot:
    part = folder.shared / "build.part"
    with faults(part):
        for left in folder.shared.glob("*.part*"):
            left.unlink(missing_ok=True)
        try:
            meta, tickets = _copy(live_replica(folder), part)
            cursor, chained = Cursor.parse(meta["cursor"]), bytes.fromhex(meta["chain_hash"])
            checkpoint = partial(authority.checkpoint, str(cursor), chained, int(meta["as_of_ms"]))
            return snapshot_cache.pack(part, folder.shared, cursor, tickets, checkpoint)
        finally:
            for path in (part, Path(f"{part}-wal"), Path(f"{part}-shm")):
                path.unlink(missing_ok=True)


def _copy(live: Path, part: Path) -> tuple[dict[str, str], int]:
    """All of it from one moment, as a replica that begins there; what it says of itself."""
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        with closing(open_reader(live)) as source:
            source.backup(copy)
        # Nobody sees this file before it is packed and synced, so a crash may have it.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        meta = read_meta(copy)
        (tickets,) = copy.execute("SELECT count(*) FROM ticket").fetchone()
        put_meta(copy, {"base": meta["cursor"]})
        copy.execute("DELETE FROM change")
        copy.execute("PRAGMA journal_mode = WAL")
    return meta, tickets


@contextmanager
def _one_moment(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Everything within is read from one state of the file."""
    with faults(path):
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("COMMIT")
