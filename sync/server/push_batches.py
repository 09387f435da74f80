"""What devices bring at the same time goes into the database together: one statement for many."""

import asyncio
import logging
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

import msgspec
from sqlalchemy import Connection, func, select

from gate.clock import read_wall_ms
from gate.core.entry import device_of
from gate.core.entry_codec import MAX_ENTRY, digest
from gate.core.intake import read_bodies
from gate.core.replication import Carried
from gate.core.signed_tip import Rejected
from sync.server import intake
from sync.server import tables as t
from sync.server.access import UNSTORABLE, pass_on
from sync.server.database import GroupCommit
from sync.server.head_cache import Memory
from sync.server.http import unstorable
from sync.server.intake import Push, Taken
from sync.server.prepared import insert_into

log = logging.getLogger(__name__)
ENTRIES_TOGETHER = 1000
QUARANTINE_ROWS = 1000
"""Refused entries kept of one device; a flood of them must not fill the disk."""


@dataclass(slots=True)
class _Batch:
    """Pushes of one event that wait for the same commit."""

    event: str
    entries: int = 0
    waiting: list[tuple[Push, "asyncio.Future[Taken]"]] = field(default_factory=list)


class PushBatches:
    """Takes pushes in; those of one event that wait together are one piece of work."""

    def __init__(self, commit: GroupCommit, memory: Memory) -> None:
        self._commit = commit
        self._memory = memory
        self._lock = threading.Lock()
        self._open: dict[str, _Batch] = {}

    async def take(self, event: str, push: Push) -> Taken:
        """Take in a push; the answer is what is then held of the origins it touched."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Taken] = loop.create_future()
        with self._lock:
            batch = self._open.get(event)
            is_new = batch is None or batch.entries > ENTRIES_TOGETHER
            if batch is None or is_new:
                batch = self._open[event] = _Batch(event)
            batch.waiting.append((push, done))
            batch.entries += len(push.carried)
        if is_new:
            self._commit.submit(partial(self._accept, batch)).add_done_callback(
                lambda future: loop.call_soon_threadsafe(self._deliver, batch, future)
            )
        try:
            taken = await done
        except UNSTORABLE as error:
            raise unstorable() from error
        origins = {one.entry.origin for one in push.carried}
        return Taken(
            {origin: taken.tips[origin] for origin in origins if origin in taken.tips},
            taken.later.intersection(map(device_of, origins)),
        )

    def _accept(self, batch: _Batch, connection: Connection) -> Taken:
        with self._lock:
            # From here on nothing joins it; it may be done again, should the commit fail.
            if self._open.get(batch.event) is batch:
                del self._open[batch.event]
        pushes = [push for push, _done in batch.waiting]
        return _take_now(connection, batch.event, pushes, self._memory)

    def _deliver(self, batch: _Batch, future: "Future[Taken]") -> None:
        error = future.exception()
        if error is not None and len(batch.waiting) > 1:
            log.warning("%d pushes failed together: %s", len(batch.waiting), type(error).__name__)
            # One bad push must not take the others down.
            for push, done in batch.waiting:
                alone = partial(_take_now, event=batch.event, pushes=[push], memory=self._memory)
                self._commit.submit(alone).add_done_callback(partial(_call_soon, done))
            return
        for _push, done in batch.waiting:
            pass_on(future, done)


def _take_now(connection: Connection, event: str, pushes: list[Push], memory: Memory) -> Taken:
    now_ms = read_wall_ms()
    return intake.accept(connection, event, pushes, memory, now_ms=now_ms)


def _call_soon(done: "asyncio.Future[Taken]", future: "Future[Taken]") -> None:
    done.get_loop().call_soon_threadsafe(pass_on, future, done)


def read_entries(
    raw: Iterable[msgspec.Raw],
) -> tuple[list[Carried], list[Rejected], dict[str, bytes]]:
    """The entries of a frame, those that are none, and the bytes of these by their hash."""
    bodies = [bytes(one) for one in raw]
    carried, rejected = read_bodies(bodies)
    if not rejected:
        return carried, [], {}
    read = {one.body for one in carried}
    return carried, rejected, {digest(body).hex(): body for body in bodies if body not in read}


def quarantine(
    connection: Connection,
    device: str,
    rejected: Iterable[Rejected],
    bodies: Mapping[str, bytes],
    now_ms: int,
) -> None:
    """Keep what was refused, for people to see."""
    q = t.quarantine
    counted = select(func.count()).select_from(q).where(q.c.device == device)
    if connection.execute(counted).scalar_one() >= QUARANTINE_ROWS:
        return
    rows = [
        {"device": device, "digest": one.hash, "at_ms": now_ms, "reason": one.reason,
         "body": bodies[one.hash][:MAX_ENTRY]}
        for one in rejected
    ]  # fmt: skip
    connection.execute(insert_into(connection, q).on_conflict_do_nothing(), rows)
