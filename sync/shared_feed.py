"""The reading side of the ticket replica for other gates: its changes by number, and a copy of it.

A page has the newest state of what was changed, which may be newer than its number says: whoever
reads on comes to the same. It ends at its cursor, and nothing before that is left out.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from gate.store.filling import members_of
from gate.store.folder import Folder, Lock
from gate.store.sqlite import faults, open_reader
from gate.store.tickets import live_replica
from sync import packed
from sync.cursor import Cursor, ResyncNeeded
from sync.protocol import Change, ChangeKind, Changes, Snapshot

__all__ = ["ResyncNeeded", "SharedFeed", "shared_file", "shared_snapshot"]

PAGE: Final = 1000
BUILD_S: Final = 600.0
"""How long to wait for another thread that packs the same."""


class SharedFeed:
    """The live replica, read by the thread that opened this."""

    def __init__(self, folder: Folder) -> None:
        self._path = live_replica(folder)
        self._connection = open_reader(self._path)

    def __enter__(self) -> "SharedFeed":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def page(self, cursor: str, limit: int = PAGE) -> Changes:
        """The changes after a cursor. Raises ResyncNeeded when they cannot be told from there."""
        asked = Cursor.parse(cursor)
        with _one_moment(self._connection, self._path):
            head = self._follow(asked)
            run = self._connection.execute
            rows = run(
                "SELECT seq, id, kind, ref FROM change WHERE seq > ? AND seq <= ? "
                "ORDER BY seq LIMIT ?",
                (asked.seq, head.seq, limit),
            ).fetchall()
            if not rows:
                return Changes([], cursor)
            end = head._replace(seq=rows[-1][0], id=rows[-1][1])
            changes = self._changes(rows)
            return Changes([*self._ahead(changes, end, head), *changes], str(end), end != head)

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

    def _changes(self, rows: list[tuple[int, str, ChangeKind, str]]) -> list[Change]:
        members = members_of(self._connection)
        changes = []
        for seq, id_, kind, ref in rows:
            codes: dict[str, str] = {}
            if kind == "device":
                body = msgspec.json.encode(members[ref]) if ref in members else b""
            elif kind == "type":
                found = self._one("SELECT body FROM ticket_type WHERE id = ?", ref)
                body = found[0].encode() if found else b""
            else:
                found = self._one("SELECT body, row FROM ticket WHERE id = ?", ref)
                body = found[0].encode() if found else b""
                of = "SELECT hash, state FROM code WHERE ticket = ?"
                kept = self._connection.execute(of, found[1:]) if found else ()
                codes = {hashed.hex(): state for hashed, state in kept}
            if not body:
                raise ResyncNeeded
            changes.append(Change(seq, id_, kind, ref, msgspec.Raw(body), codes))
        return changes

    def _ahead(self, changes: list[Change], end: Cursor, head: Cursor) -> list[Change]:
        """Types that were changed after the page and that its tickets, newer than it, may be of."""
        newer = self._connection.execute(
            "SELECT max(seq), id, kind, ref FROM change "
            "WHERE kind = 'type' AND seq > ? AND seq <= ? GROUP BY ref",
            (end.seq, head.seq),
        ).fetchall()
        wanted = {_type_of.decode(one.body).type_id for one in changes if one.kind == "ticket"}
        # A type that came ahead of its own number here has none to be told by yet.
        told = self._connection.execute("SELECT ref FROM change WHERE kind = 'type'").fetchall()
        unnumbered: list[tuple[int, str, ChangeKind, str]] = [
            (head.seq + n, "", "type", ref)
            for n, ref in enumerate(sorted(wanted - {row[0] for row in told}), 1)
        ]
        return self._changes([*(row for row in newer if row[3] in wanted), *unnumbered])

    def _meta(self, key: str) -> str:
        found = self._one("SELECT value FROM meta WHERE key = ?", key)
        return found[0] if found else ""

    def _one(self, query: str, wanted: str | int) -> tuple[str, ...] | None:
        found: tuple[str, ...] | None = self._connection.execute(query, (wanted,)).fetchone()
        return found


class _Typed(msgspec.Struct):
    type_id: str = ""


_type_of = msgspec.json.Decoder(_Typed)


def shared_snapshot(folder: Folder) -> tuple[Snapshot, Path]:
    """A packed copy of the live replica for another gate to begin with; made if it is not there.

    Raises StoreError when there are no tickets or no room, ResyncNeeded when they are of no feed.
    """
    with faults(folder.shared):
        folder.shared.mkdir(mode=0o700, exist_ok=True)
    # One at a time, and whoever has waited finds what the other has made.
    lock = Lock(Folder(folder.shared), "build", BUILD_S)
    try:
        snapshot = _good_one(folder)
        if snapshot is None:
            snapshot = _build(folder)
        found = packed.get(folder.shared, snapshot.name)
        assert found is not None
        return snapshot, found[0]
    finally:
        lock.close()


def shared_file(folder: Folder, name: str) -> Path | None:
    """The packed copy of that name, while it is kept: a download begun on it can go on."""
    found = packed.get(folder.shared, name)
    return found[0] if found else None


def _good_one(folder: Folder) -> Snapshot | None:
    with SharedFeed(folder) as feed:
        found = packed.find(folder.shared, feed.head())
        if found is None or not feed.goes_on_from(Cursor.parse(found.cursor)):
            return None
        return found


def _build(folder: Folder) -> Snapshot:
    part = folder.shared / "build.part"
    with faults(part):
        for left in folder.shared.glob("*.part*"):
            left.unlink(missing_ok=True)
        try:
            cursor, tickets = _copy(live_replica(folder), part)
            return packed.pack(part, folder.shared, cursor, tickets)
        finally:
            for path in (part, Path(f"{part}-wal"), Path(f"{part}-shm")):
                path.unlink(missing_ok=True)


def _copy(live: Path, part: Path) -> tuple[Cursor, int]:
    """All of it from one moment, as a replica that begins there."""
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        with closing(open_reader(live)) as source:
            source.backup(copy)
        # Nobody sees this file before it is packed and synced, so a crash may have it.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        (cursor,) = copy.execute("SELECT value FROM meta WHERE key = 'cursor'").fetchone()
        (tickets,) = copy.execute("SELECT count(*) FROM ticket").fetchone()
        copy.execute("INSERT OR REPLACE INTO meta VALUES ('base', ?)", (cursor,))
        copy.execute("DELETE FROM change")
        copy.execute("PRAGMA journal_mode = WAL")
    return Cursor.parse(cursor), tickets


@contextmanager
def _one_moment(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Everything within is read from one state of the file."""
    with faults(path):
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("COMMIT")
