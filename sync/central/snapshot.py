"""Ready replicas for new devices: a SQLite file with the device's schema only, packed once."""

import asyncio
import hashlib
import logging
import os
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import msgspec
import zstandard
from sqlalchemy import Connection, Engine, func, select
from sqlite_utils import Database

from gate.store import schema
from gate.store.filling import put_ticket, put_type
from gate.store.folder import Folder, Lock, sync_folder, write_durably
from gate.store.sqlite import faults
from gate.store.tickets import FILE_NAME
from sync.central import tables as t
from sync.central import tickets
from sync.protocol import Snapshot

log = logging.getLogger(__name__)
KEPT = 2
"""Snapshots of an event that stay, so that a download begun on the older one can go on."""
LATE_CHANGES, LATE_SHARE = 1000, 0.05
"""A snapshot is good while fewer changes than this, or than this share of tickets, came since."""
CHUNK = 1024 * 1024
BUILD_S = 600.0
"""How long to wait for another process that builds the same."""
_STEP = 2000
_NAME = re.compile(r"tickets-([0-9a-f]+)-([0-9]+)\.db")

Progress = Callable[[int, int], None]
"""Called now and then with the tickets written and the tickets there are."""


class Kept(msgspec.Struct, frozen=True):
    """A snapshot on disk, and how many tickets it has."""

    snapshot: Snapshot
    tickets: int


_kept = msgspec.json.Decoder(Kept)


def silent(_done: int, _total: int) -> None:
    """Show no progress."""


def build(engine: Engine, event: str, directory: Path, progress: Progress = silent) -> Snapshot:
    """Write and pack a new snapshot of an event, all of it from one moment.

    Raises StoreError when the disk does not take it.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = directory / f"build.{os.getpid()}.part"
    packed = part.with_suffix(".zst.part")
    with faults(part):
        try:
            with _one_moment(engine) as connection:
                name, cursor, count = _fill(connection, event, part, progress)
            size, digest = _pack(part, packed)
            snapshot = Snapshot(name, cursor, size, digest, packed.stat().st_size)
            os.replace(packed, _packed(directory, name))
            sync_folder(directory)
            # Last: whoever finds this finds the whole file too.
            write_durably(directory / f"{name}.json", msgspec.json.encode(Kept(snapshot, count)))
        finally:
            for path in (part, Path(f"{part}-wal"), Path(f"{part}-shm"), packed):
                with suppress(FileNotFoundError):
                    path.unlink()
    _forget_older(directory)
    return snapshot


def _one_moment(engine: Engine) -> Connection:
    if engine.dialect.name == "postgresql":
        return engine.connect().execution_options(isolation_level="REPEATABLE READ")
    return engine.connect().execution_options(reads_only=True)


def _fill(
    connection: Connection, event: str, part: Path, progress: Progress
) -> tuple[str, str, int]:
    cursor = tickets.cursor_of(connection, event)
    epoch, seq, _id = cursor.split(":")
    key = connection.execute(select(t.event.c.key).where(t.event.c.id == event)).scalar_one()
    total = _count(connection, event)
    with suppress(FileNotFoundError):
        part.unlink()
    with closing(sqlite3.connect(part, isolation_level=None)) as db:
        # Nobody sees this file before it is whole and synced, so a crash may have it.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
            db.execute(f"PRAGMA {pragma}")
        schema.tickets.apply(Database(db))
        db.execute("BEGIN")
        for id_, body in tickets.all_types(connection, event):
            put_type(db, id_, body)
        for done, ticket in enumerate(tickets.all_tickets(connection, event), 1):
            put_ticket(db, None, ticket)
            if done % _STEP == 0:
                progress(done, total)
        meta = {"key": key, "epoch": epoch, "seq": seq, "cursor": cursor,
                "built_ms": str(time.time_ns() // 1_000_000)}  # fmt: skip
        db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
        db.execute("COMMIT")
        db.execute("INSERT INTO holder(holder) VALUES ('optimize')")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA journal_mode = WAL")
    progress(total, total)
    return f"tickets-{epoch}-{seq}.db", cursor, total


def _count(connection: Connection, event: str) -> int:
    query = select(func.count()).select_from(t.ticket).where(t.ticket.c.event == event)
    return int(connection.execute(query).scalar_one())


def _pack(source: Path, target: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), source.stat().st_size
    packer = zstandard.ZstdCompressor(level=3).compressobj(size=size)
    with source.open("rb") as file, target.open("wb") as out:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            out.write(packer.compress(chunk))
        out.write(packer.flush())
        out.flush()
        os.fsync(out.fileno())
    return size, digest.hexdigest()


def _packed(directory: Path, name: str) -> Path:
    return directory / f"{name}.zst"


def _order(path: Path) -> tuple[int, int]:
    match = _NAME.match(path.name)
    return (path.stat().st_mtime_ns, int(match[2]) if match else 0)


def _forget_older(directory: Path) -> None:
    sides = sorted(directory.glob("tickets-*.db.json"), key=_order, reverse=True)
    for side in sides[KEPT:]:
        side.unlink(missing_ok=True)
        _packed(directory, side.name.removesuffix(".json")).unlink(missing_ok=True)


def find(directory: Path, cursor: str) -> Snapshot | None:
    """The newest kept snapshot that is still good enough to begin with at ``cursor``."""
    epoch, seq, _id = cursor.split(":")
    best: tuple[int, Snapshot] | None = None
    for side in directory.glob("tickets-*.db.json"):
        match = _NAME.match(side.name)
        if match is None or match[1] != epoch or not int(match[2]) <= int(seq):
            continue
        kept = _read_kept(side)
        if kept is None:
            continue
        late = int(seq) - int(match[2])
        is_good = late <= max(LATE_CHANGES, LATE_SHARE * kept.tickets)
        if is_good and _packed(directory, kept.snapshot.name).exists():
            best = max(best or (-1, kept.snapshot), (int(match[2]), kept.snapshot), key=_first)
    return best[1] if best else None


def _read_kept(side: Path) -> Kept | None:
    try:
        return _kept.decode(side.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


def _first(one: tuple[int, Snapshot]) -> int:
    return one[0]


class Snapshots:
    """The snapshots of every event, built when asked for, one build of an event at a time."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine = engine
        self._directory = directory
        self._building: dict[str, asyncio.Task[Snapshot]] = {}

    async def get(self, event: str, cursor: str, wait_s: float) -> Snapshot | None:
        """A snapshot to begin with; ``None`` while it takes longer than ``wait_s`` to build."""
        found = await asyncio.to_thread(find, self._directory / event, cursor)
        if found is not None:
            return found
        task = self._building.get(event)
        if task is None:
            job = partial(self._build, event, cursor)
            task = self._building[event] = asyncio.create_task(asyncio.to_thread(job))
            task.add_done_callback(partial(self._built, event))
        await asyncio.wait((task,), timeout=wait_s)
        return task.result() if task.done() else None

    def _built(self, event: str, task: "asyncio.Task[Snapshot]") -> None:
        del self._building[event]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("snapshot of event=%s: %s", event, error)

    def packed(self, event: str, name: str) -> tuple[Path, Snapshot] | None:
        """The packed file of that name and what it holds, if there is one."""
        directory = self._directory / event
        path = _packed(directory, name)
        if not FILE_NAME.fullmatch(name) or not path.is_file():
            return None
        kept = _read_kept(directory / f"{name}.json")
        return (path, kept.snapshot) if kept else None

    async def stop(self) -> None:
        """Wait for what is being built."""
        await asyncio.gather(*self._building.values(), return_exceptions=True)

    def _build(self, event: str, cursor: str) -> Snapshot:
        directory = self._directory / event
        with faults(directory):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Server processes that share the folder build one after the other, and find what is there.
        lock = Lock(Folder(directory), "build", BUILD_S)
        try:
            return find(directory, cursor) or build(self._engine, event, directory)
        finally:
            lock.close()
