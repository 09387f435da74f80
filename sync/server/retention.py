"""What is personal goes by itself: after an event's end, and what is left of whom was erased.

What there is to do stands in tables, and each step may be done twice, so a restart forgets nothing
and several servers of one database may all run it.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from gate.clock import read_wall_ms
from gate.i18n import _
from gate.storage.event import EventRow
from sync.server import audit, erasing, events, feed, persons
from sync.server import tables as t
from sync.server.background_jobs import BackgroundJobs
from sync.server.database import scrub
from sync.server.http import Denied
from sync.server.part import Drop, Key, Part
from sync.server.server import Server

log = logging.getLogger(__name__)
EVERY_S: Final = 60.0
AT_ONCE: Final = "at_once"
"""An end that may be a slip of the pen: with the days that it is kept it is taken."""


class Retention:
    """The task of one server process."""

    def __init__(self, server: Server, parts: Sequence[Part]) -> None:
        self._server = server
        drops = (drop for part in parts for drop in part.personal.drops)
        self._steps: Sequence[Drop] = (erasing.drop_some, *drops, erasing.forget_some)
        self._jobs = BackgroundJobs("retention")
        self._erased: dict[str, int] = {}

    async def start(self) -> None:
        """Begin to look."""
        self._jobs.run(self._look_now, EVERY_S)

    async def stop(self) -> None:
        """Stop; what was begun goes on with the next server."""
        await self._jobs.stop()

    async def _look_now(self) -> bool:
        await self.look(read_wall_ms())
        return False

    async def look(self, now_ms: int) -> None:
        """Drop what is due, and finish what was begun."""
        for event in await self._server.read(due, now_ms):
            await self._server.write(partial(begin, event=event, now_ms=now_ms))
            self._server.publish_changes(event)
            log.info("event=%s is over: names, codes and orders are dropped", event)
        for event in await self._server.read(unfinished):
            await self._drop(event)
        await self.tidy()

    async def tidy(self) -> None:
        """Remove what is left of those who were erased: copies, old changes, SQLite's log."""
        server = self._server
        await asyncio.to_thread(self._keep_list)
        for event, erased in await server.read(_erased):
            if self._erased.get(event) != erased:
                await self._run(erasing.forget_some, event)
                await asyncio.to_thread(server.snapshots.forget, event, erased)
                await asyncio.to_thread(scrub, server.engine)
                self._erased[event] = erased

    async def _drop(self, event: str) -> None:
        for step in self._steps:
            await self._run(step, event)
        await self._server.write(partial(erasing.end_dropping, event=event))

    async def _run(self, step: Drop, event: str) -> None:
        after: Key = None
        while True:
            after = await self._server.write(partial(_take, step, event, after))
            if after is None:
                return

    def _keep_list(self) -> None:
        with self._server.engine.connect().execution_options(reads_only=True) as connection:
            persons.keep_list(connection, self._server.settings.folder)


def _take(step: Drop, event: str, after: Key, connection: Connection) -> Key:
    return step(connection, event, after)


def set_end(
    connection: Connection, event: str, now_ms: int, *, ends_s: int | None, keep_days: int | None
) -> EventRow:
    """Say when an event ends (Unix seconds, 0: not known) and how long after that it is kept.

    ``None`` leaves it as it is. Raises Denied where it was dropped already, and where an end alone
    would have it dropped at once: that may be a slip of the pen, and could not be taken back.
    """
    feed.lock(connection, event)
    row = events.row_of(connection, event)
    fields = {"ends_s": ends_s, "keep_days": keep_days}
    wanted = {name: value for name, value in fields.items() if value is not None}
    if row.dropped_ms and wanted:
        raise Denied(409, "over", _("The event is over: its names and codes were dropped."))
    until_ms = msgspec.structs.replace(row, **wanted).keeps_until_ms
    if until_ms and until_ms <= now_ms and keep_days is None and ends_s is not None:
        reason = _("By that end names and codes are dropped at once.")
        raise Denied(422, AT_ONCE, reason)
    return events.change_event(connection, event, **wanted)


def due(connection: Connection, now_ms: int) -> list[str]:
    """Events whose time is up and that still have what is personal."""
    c = t.event.c
    query = select(c.id, c.ends_s, c.keep_days).where(c.ends_s > 0, c.dropped_ms == 0)
    return [
        id_
        for id_, ends_s, keep_days in connection.execute(query)
        if EventRow(id_, "", "", ends_s, keep_days).keeps_until_ms <= now_ms
    ]


def unfinished(connection: Connection) -> list[str]:
    """Events that are being dropped."""
    c = t.event.c
    return list(connection.execute(select(c.id).where(c.dropped_ms > 0, c.is_bare == 0)).scalars())


def begin(connection: Connection, event: str, now_ms: int) -> None:
    """From now on the event has nothing personal to tell. Another server may have been first."""
    feed.lock(connection, event)
    if event in due(connection, now_ms):
        erasing.begin_to_drop(connection, event, now_ms)
        audit.note(connection, audit.SERVER, "drop", now_ms, event=event)


def _erased(connection: Connection) -> Iterable[tuple[str, int]]:
    s = t.stream.c
    return [(row[0], row[1]) for row in connection.execute(select(s.event, s.erased)) if row[1]]
