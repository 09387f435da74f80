"""Ready replicas for new devices: a SQLite file with the device's schema only, packed once."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select
from sqlite_utils import Database

from gate.clock import read_wall_ms
from gate.core.ticket_feed import Cursor, Snapshot
from gate.storage import schema, snapshot_cache
from gate.storage.checksums import make_blocks, put_meta
from gate.storage.event import put_event
from gate.storage.event_keys import put_key
from gate.storage.folder import Folder, Lock
from gate.storage.sqlite import faults
from gate.storage.ticket_filling import put_member, put_ticket, put_type
from gate.storage.ticket_rows import TicketBody, bare_body
from sync.server import devices, events, feed, signing, ticket_store
from sync.server import tables as t
from sync.server.database import reading

log = logging.getLogger(__name__)
BUILD_S = 600.0
"""How long to wait for another process that builds the same."""
_STEP = 2000

Progress = Callable[[int, int], None]
"""Called now and then with the tickets written and the tickets there are."""


def silent(_done: int, _total: int) -> None:
    """Show no progress."""


def build(engine: Engine, event: str, directory: Path, progress: Progress = silent) -> Snapshot:
    """Write and pack a new snapshot of an event, all of it from one moment.

    Raises StoreError when the disk does not take it.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = directory / f"build.{os.getpid()}.part"
    with faults(part):
        try:
            with _one_moment(engine) as connection:
                head, count = _fill(connection, event, part, progress)
                vouch = feed.authority_of(connection, event).checkpoint
            checkpoint = partial(vouch, str(head.cursor), head.chain_hash, head.as_of_ms)
            return snapshot_cache.pack(part, directory, head.cursor, count, checkpoint)
        finally:
            for path in (part, Path(f"{part}-wal"), Path(f"{part}-shm")):
                with suppress(FileNotFoundError):
                    path.unlink()


def _one_moment(engine: Engine) -> Connection:
    if engine.dialect.name == "postgresql":
        return engine.connect().execution_options(isolation_level="REPEATABLE READ")
    return engine.connect().execution_options(reads_only=True)


class _Moment(NamedTuple):
    """What a snapshot shows."""

    cursor: Cursor
    chain_hash: bytes
    as_of_ms: int


def _fill(
    connection: Connection, event: str, part: Path, progress: Progress
) -> tuple[_Moment, int]:
    cursor = Cursor.parse(feed.cursor_of(connection, event))
    moment = _Moment(cursor, feed.chain_hash_of(connection, event), read_wall_ms())
    row, key = events.row_of(connection, event), events.key_of(connection, event).hex()
    total = _count(connection, event)
    with suppress(FileNotFoundError):
        part.unlink()
    with closing(sqlite3.connect(part, isolation_level=None)) as db:
        # Nobody sees this file before it is whole and synced, so a crash may have it.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
            db.execute(f"PRAGMA {pragma}")
        schema.tickets.apply(Database(db))
        db.execute("BEGIN")
        for id_, body in ticket_store.all_types(connection, event):
            put_type(db, id_, body)
        for member in devices.members(connection, event):
            put_member(db, member)
        for event_key in signing.public_keys(connection, event):
            put_key(db, event_key)
        for done, ticket in enumerate(ticket_store.all_tickets(connection, event), 1):
            kept = _bare(ticket) if row.dropped_ms else ticket
            put_ticket(db, None, kept, makes_blocks=True, is_found=False)
            if done % _STEP == 0:
                progress(done, total)
        meta = {"key": key, "epoch": cursor.epoch, "seq": cursor.seq, "cursor": cursor,
                "chain_hash": moment.chain_hash.hex(), "built_ms": moment.as_of_ms,
                "as_of_ms": moment.as_of_ms}  # fmt: skip
        put_event(db, row)
        put_meta(db, meta)
        make_blocks(db)
        db.execute("COMMIT")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA journal_mode = WAL")
    progress(total, total)
    return moment, total


def _bare(ticket: TicketBody) -> TicketBody:
    """What stays of it once its event is over: the server may be at it still."""
    return ticket._replace(body=bare_body(ticket.body), codes={})


def _count(connection: Connection, event: str) -> int:
    query = select(func.count()).select_from(t.ticket).where(t.ticket.c.event == event)
    return int(connection.execute(query).scalar_one())


class Snapshots:
    """The snapshots of every event, built when asked for, one build of an event at a time."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine = engine
        self._directory = directory
        self._building: dict[str, asyncio.Task[Snapshot]] = {}

    async def get(self, event: str, cursor: str, wait_s: float) -> Snapshot | None:
        """A snapshot to begin with; ``None`` while it takes longer than ``wait_s`` to build."""
        at = Cursor.parse(cursor)
        found = await asyncio.to_thread(self._find, event, at)
        if found is not None:
            return found
        task = self._building.get(event)
        if task is None:
            job = partial(self._build, event, at)
            task = self._building[event] = asyncio.create_task(asyncio.to_thread(job))
            task.add_done_callback(partial(self._built, event))
        await asyncio.wait((task,), timeout=wait_s)
        return task.result() if task.done() else None

    def _find(self, event: str, at: Cursor) -> Snapshot | None:
        found = snapshot_cache.find(self._directory / event, at)
        if found is not None:
            with reading(self._engine) as connection:
                # A database that was restored may have gone on differently since.
                if feed.may_begin(connection, event, Cursor.parse(found.cursor)):
                    return found
        return None

    def forget(self, event: str, erased: int) -> None:
        """Remove what was packed before that change: somebody was erased since."""
        with faults(self._directory):
            snapshot_cache.forget_before(self._directory / event, erased)

    def _built(self, event: str, task: "asyncio.Task[Snapshot]") -> None:
        del self._building[event]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("snapshot of event=%s: %s", event, error)

    def packed(self, event: str, name: str) -> tuple[Path, Snapshot] | None:
        """The packed file of that name and what it holds, if there is one."""
        return snapshot_cache.get(self._directory / event, name)

    async def stop(self) -> None:
        """Wait for what is being built."""
        await asyncio.gather(*self._building.values(), return_exceptions=True)

    def _build(self, event: str, cursor: Cursor) -> Snapshot:
        directory = self._directory / event
        with faults(directory):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Server processes that share the folder build one after the other, and find what is there.
        lock = Lock(Folder(directory), "build", BUILD_S)
        try:
            return self._find(event, cursor) or build(self._engine, event, directory)
        finally:
            lock.close()
