"""The numbers of an event from the server's tables, which all its processes share."""

import time
from collections.abc import Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Connection, func, select

from gate.clock import read_wall_ms
from gate.core import entry_codec
from gate.core.entry import Act, Entry
from gate.core.history import annulled
from gate.core.ticket import EXPECTED, Status
from gate.storage.event import EventRow
from sync.server import events, journals
from sync.server import tables as t
from sync.server.server import Server
from sync.server.web.numbers import SIDES, Numbers, Tallied

CENSUS_SHARE = 20
"""All tickets are counted again after so many times what that took at the earliest."""


class _Stated(msgspec.Struct):
    status: Status = Status.NORMAL


class _Titled(msgspec.Struct):
    title: str = ""


_stated = msgspec.json.Decoder(_Stated)
_titled = msgspec.json.Decoder(_Titled)


class UsedTickets:
    """Which tickets of an event have an admission that stands; reads only what came since."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._number = 0
        self._disowned: tuple[int, int] = (0, 0)
        self._used: set[str] = set()
        self._touched: set[str] = set()
        """Tickets that any annulment is about."""

    def count(self, connection: Connection) -> int:
        """How many there are now."""
        c = t.disowned.c
        query = select(func.count(), func.coalesce(func.sum(c.number), 0))
        row = connection.execute(query.where(c.event == self._event)).one()
        disowned = (int(row[0]), int(row[1]))
        if disowned != self._disowned:
            # Entries that counted count no more, or again.
            self._number, self._used, self._touched = 0, set(), set()
            self._disowned = disowned
        newest = journals.newest_number(connection, self._event)
        if newest > self._number:
            self._take(connection)
            self._number = newest
        return len(self._used)

    def _take(self, connection: Connection) -> None:
        c = t.entry.c
        new = (c.event == self._event, c.number > self._number, c.ticket != "", t.COUNTS)
        undone = select(c.ticket).where(*new, c.act == Act.ANNULMENT.value).distinct()
        fresh = set(connection.execute(undone).scalars())
        self._touched |= fresh
        again = set(fresh)
        admitted = select(c.ticket, c.body).where(*new, c.act == Act.ADMISSION.value)
        for ticket, body in connection.execute(admitted):
            if ticket in self._touched:
                again.add(ticket)
            elif ticket not in self._used and entry_codec.decode(body).uses:
                self._used.add(ticket)
        for ticket in again:
            is_used = _is_used(journals.facts_of(connection, self._event, ticket))
            (self._used.add if is_used else self._used.discard)(ticket)


def _is_used(facts: Sequence[Entry]) -> bool:
    gone = annulled(facts)
    return any(e.act is Act.ADMISSION and e.uses and e.name not in gone for e in facts)


class _Census:
    """How many tickets there are and how many are expected, counted again when they changed."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._cursor = ""
        self._not_before_s = 0.0
        self._found: tuple[int, int, dict[str, str]] = (0, 0, {})

    def read(self, connection: Connection, cursor: str) -> tuple[int, int, dict[str, str]]:
        """Issued, expected, and the titles of the types."""
        begun_s = time.monotonic()
        if cursor != self._cursor and begun_s >= self._not_before_s:
            self._found = self._count(connection)
            self._cursor = cursor
            self._not_before_s = begun_s + CENSUS_SHARE * (time.monotonic() - begun_s)
        return self._found

    def _count(self, connection: Connection) -> tuple[int, int, dict[str, str]]:
        issued = expected = 0
        c = t.ticket.c
        for body in connection.execute(select(c.body).where(c.event == self._event)).scalars():
            issued += 1
            expected += _stated.decode(body).status in EXPECTED
        k = t.ticket_type.c
        types = connection.execute(select(k.id, k.body).where(k.event == self._event))
        return issued, expected, {id_: _titled.decode(body).title for id_, body in types}


class ServerSource:
    """What the pages ask, from the tables."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._used: dict[str, UsedTickets] = {}
        self._census: dict[str, _Census] = {}

    async def event(self, event: str) -> EventRow | None:
        """What it says of itself; ``None``: there is none of that id."""
        return await self._server.read(_row_of, event)

    async def version(self, event: str) -> str:
        """How far its entries and its feed have come."""
        tips = await self._server.tip_cache.newest(event)
        upstream = self._server.upstream_state(event)
        stands = "" if upstream is None else f" {upstream.is_stuck} {upstream.error}"
        return f"{tips.number} {tips.cursor}{stands}"

    async def numbers(self, event: str) -> Numbers:
        """What was counted until now; one at a time for an event (``live``)."""
        tips = await self._server.tip_cache.newest(event)
        found = await self._server.read(self._read, event, tips.cursor)
        return replace(found, upstream=self._server.upstream_state(event))

    def _read(self, connection: Connection, event: str, cursor: str) -> Numbers:
        at_ms, tallied = read_wall_ms(), Tallied()
        c = t.tally.c
        sides = [c[name] for name in SIDES]
        sums = (func.sum(one) for one in (c.entries, c.admitted, c.exited, c.annulled))
        tallied.add(
            connection.execute(select(*sides, *sums).where(c.event == event).group_by(*sides))
        )
        tallied.add_minutes(
            connection.execute(
                select(c.minute, func.sum(c.admitted))
                .where(c.event == event, c.admitted != 0)
                .group_by(c.minute)
            )
        )
        used = self._used.setdefault(event, UsedTickets(event)).count(connection)
        census = self._census.setdefault(event, _Census(event)).read(connection, cursor)
        issued, expected, titles = census
        return tallied.numbers(at_ms, issued, expected, used, titles)


def _row_of(connection: Connection, event: str) -> EventRow | None:
    known = connection.execute(select(t.event.c.id).where(t.event.c.id == event)).first()
    return None if known is None else events.row_of(connection, event)
