"""Keeps that everybody went out, at the time of day that an event has said: an exit each ticket.

What lanes decide by needs no entry (``gate.core.check_out``); counts, lists and reports are made
of entries, and of a venue one node writes them. It asks who is still inside, so doing it again, or
for what came late, writes nothing twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from gate.clock import read_wall_ms
from gate.core.check_out import inside_of, latest
from gate.core.entry import CHECK_OUT, FACTS, Act
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction
from sync.server import events, intake, journals, ticket_store
from sync.server import tables as t
from sync.server.background_jobs import BackgroundJobs

if TYPE_CHECKING:
    from sync.server.server import Server

EVERY_S: Final = 10.0
PAGE: Final = 100
"""Tickets in one transaction: gates that push meanwhile wait for it."""


class Look(NamedTuple):
    """Up to where tickets were looked at."""

    moments: tuple[int, ...] = ()
    """The check-outs that were looked for, one for each zone."""
    number: int = 0
    """Up to which entry."""


@dataclass(slots=True)
class CheckOuts:
    """The task of one server process; several of one database may all run it."""

    server: "Server"
    _jobs: BackgroundJobs = field(default_factory=lambda: BackgroundJobs("check-outs"))
    _looks: dict[str, Look] = field(default_factory=dict)

    async def start(self) -> None:
        """Begin to look, where this process does."""
        if self.server.settings.runs_jobs:
            self._jobs.run(self.look, EVERY_S)

    async def stop(self) -> None:
        """Stop; the next server goes on."""
        await self._jobs.stop()

    async def look(self) -> bool:
        """Write what is due in all events."""
        for event in await self.server.read(_checking_out):
            await self._look_at(event, read_wall_ms())
        return False

    async def _look_at(self, event: str, now_ms: int) -> None:
        moments = await self.server.read(moments_of, event, now_ms)
        if not moments:
            return
        had = self._looks.get(event, Look())
        after = had.number if had.moments == tuple(moments.values()) else 0
        upto = await self.server.read(journals.newest_number, event)
        if upto == after:
            return
        last = ""
        while tickets := await self.server.read(_moved, event, after, last):
            job = partial(write, event=event, tickets=tickets, moments=moments, now_ms=now_ms)
            await self.server.write(job)
            last = tickets[-1]
        self._looks[event] = Look(tuple(moments.values()), upto)


def moments_of(connection: Connection, event: str, now_ms: int) -> dict[str, int]:
    """When the last check-out was, by zone, the event's own first; none where there is none."""
    row = events.row_of(connection, event)
    at = row.settings.exit_all_at
    if not at:
        return {}
    bodies = (body for _id, body in ticket_store.all_types(connection, event))
    zones = dict.fromkeys((row.time_zone, *map(ticket_store.zone_of, bodies)))
    return {zone: latest(at, ZoneInfo(zone), now_ms) for zone in zones if zone}


def write(
    connection: Connection,
    event: str,
    tickets: Sequence[str],
    moments: dict[str, int],
    now_ms: int,
) -> int:
    """Keep of some tickets who went out at the last check-out; of how many anybody did."""
    journals.lock(connection, event)
    known = ticket_store.find_tickets(connection, event, tickets)
    own_zone = next(iter(moments), "")
    written = 0
    for ticket, facts in journals.facts_of_each(connection, event, tickets):
        kept = known.get(ticket)
        zone = kept.type.time_zone if kept is not None and kept.type.time_zone else own_zone
        at_ms = moments.get(zone)
        inside = inside_of(facts, at_ms) if at_ms is not None else None
        if inside is None:
            continue
        intake.record(
            connection, event, now_ms, [fact.hlc for fact in facts], at_ms=at_ms, act=Act.EXIT,
            direction=Direction.OUT, outcome=Outcome.EXIT, reason=Reason.EXITED, ticket=ticket,
            ticket_type=inside.ticket_type, zone=inside.zone, persons=inside.persons,
            source=CHECK_OUT,
        )  # fmt: skip
        written += 1
    return written


def _checking_out(connection: Connection) -> list[str]:
    """Events that have said a time of day; those that are over and dropped say nothing more."""
    c = t.event.c
    query = select(c.id).where(c.settings.contains('"exit_all_at"'), c.dropped_ms == 0)
    return list(connection.execute(query).scalars())


def _moved(connection: Connection, event: str, after: int, last: str) -> list[str]:
    """The next tickets that anybody went in on in an entry after one."""
    e = t.entry.c
    query = (
        select(e.ticket)
        .where(e.event == event, e.number > after, e.ticket > last)
        .where(e.act.in_([act.value for act in FACTS]))
        .distinct()
        .order_by(e.ticket)
        .limit(PAGE)
    )
    return list(connection.execute(query).scalars())
