"""Tickets and what does not add up on them, from a host's folder: as far as the host knows."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import closing
from typing import Final

from gate.clock import SystemClock, read_wall_ms
from gate.config import Config
from gate.core.entry import Entry
from gate.core.history import fold
from gate.core.story import story
from gate.core.ticket import DoorWord
from gate.errors import StoreError, UsageError
from gate.i18n import _
from gate.storage import venue_host
from gate.storage.anomalies import AnomalyReader, stated_limits
from gate.storage.conflicts import conflict_of, irregular_of, unconfirmed_undos_of
from gate.storage.connectivity import Connectivity, ConnectivityReader
from gate.storage.finding import find_tickets
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import alarms_of, all_devices
from gate.storage.matters import Matter, matters
from gate.storage.short_ids import short_of
from gate.storage.tickets import Tickets
from gate.text.fleet_words import device_name
from gate.text.zones import zone_of
from sync.host.folder_numbers import FolderSource
from sync.server import door
from sync.server.http import Denied
from sync.server.web.paced import Paced
from sync.server.web.pages import Visit
from sync.server.web.review import (
    Anomalies,
    Findings,
    Line,
    Matters,
    Past,
    mark_of_door,
    need_same,
)

STATED_WITHIN_S: Final = 3
MOST_FOUND: Final = 50
"""More than these nobody reads through."""


class FolderReview:
    """Of the one event of a venue without a server."""

    settles = False

    def __init__(self, source: FolderSource, config: Config) -> None:
        self._source = source
        self._folder = folder = source.folder
        self._clock = SystemClock()
        self._connectivity = ConnectivityReader(folder, config.sync.heard_within_s)
        self._reader, self._config = AnomalyReader(), config
        self._matters = Paced(lambda _event: source.beside(self._read_matters))
        self._anomalies = Paced(lambda _event: source.beside(self._look))

    async def matters(self, event: str) -> Matters:
        """What does not add up, as it was a moment ago."""
        return await self._matters.newest(event)

    async def anomalies(self, event: str) -> Anomalies:
        """What is unlike an honest evening, as it was a moment ago."""
        return await self._anomalies.newest(event)

    async def entries(
        self,
        event: str,  # noqa: ARG002  there is but one
        names: Collection[str],
    ) -> tuple[list[Entry], Mapping[str, str]]:
        """Those of some entries that are held, and what the devices are called."""
        return await self._source.beside(lambda: self._entries(names))

    async def find(self, event: str, typed: str) -> Findings:  # noqa: ARG002  there is but one
        """Tickets by code, id, name, order or seat."""
        return await self._source.beside(lambda: self._find(typed))

    async def past(self, event: str, ticket: str) -> Past:  # noqa: ARG002  there is but one
        """A ticket and all that came of it. Raises Denied."""
        return await self._source.beside(lambda: self._past(ticket))

    async def put_word(self, visit: Visit, ticket: str, word: DoorWord, seen: str) -> None:
        """Block a ticket at the door, free it, or note something on it. Raises Denied."""
        need_same(mark_of_door((await self.past("", ticket)).ticket), seen)
        try:
            await self._source.beside(lambda: venue_host.put_word(self._folder, ticket, word))
        except UsageError as error:
            raise Denied(409, "invalid", error.message) from error
        await visit.change(lambda _connection: None, door.AUDITED[word.act], ticket)
        await self._wait(ticket, seen)

    async def _wait(self, ticket: str, seen: str) -> None:
        """Until the worker has stated the word, if it does soon: then its author sees it."""
        for _try in range(STATED_WITHIN_S * 5):
            if mark_of_door((await self.past("", ticket)).ticket) != seen:
                return
            await asyncio.sleep(0.2)

    async def settle(self, visit: Visit, ticket: str, seen: str, why: str) -> None:  # noqa: ARG002
        """Only a lane writes entries here. Raises Denied."""
        raise _at_a_lane()

    async def confirm(self, visit: Visit, undo: str, why: str) -> None:  # noqa: ARG002
        """Only a lane writes entries here. Raises Denied."""
        raise _at_a_lane()

    def _now(self) -> Connectivity:
        return self._connectivity.read(self._clock.read())

    def _read_matters(self) -> Matters:
        with Fleet(self._folder) as venue:
            devices = all_devices(venue, read_wall_ms(), self._now())
            alarms = [(kind, one.id) for kind, one in alarms_of(devices)]
            names = {one.id: device_name(one) for one in devices}
            return Matters(matters(self._folder, venue), alarms, names)

    def _look(self) -> Anomalies:
        zone = zone_of(self._config, self._folder).name
        limits = stated_limits(self._config, self._folder, zone)
        return Anomalies(*self._reader.look_at(self._folder, limits, self._now(), read_wall_ms()))

    def _entries(self, names: Collection[str]) -> tuple[list[Entry], Mapping[str, str]]:
        with Fleet(self._folder) as venue:
            held = [found for name in names for one in venue.files if (found := one.find(name))]
            devices = all_devices(venue, read_wall_ms(), self._now())
        return held, {one.id: device_name(one) for one in devices}

    def _find(self, typed: str) -> Findings:
        if not self._folder.pointer.exists():
            return Findings([])
        try:
            return self._search(typed)
        except StoreError as fault:
            # Such as: there are none yet, or the event is over.
            raise Denied(409, "no_tickets", f"{fault.message}. {fault.hint}") from fault

    def _search(self, typed: str) -> Findings:
        with closing(Tickets(self._folder)) as tickets, Fleet(self._folder) as venue:
            tickets.refresh()
            found = find_tickets(tickets, typed, MOST_FOUND + 1, venue.facts(typed))
            lines = [Line(one, fold(venue.facts(one.id))) for one in found[:MOST_FOUND]]
            return Findings(lines, len(found) > MOST_FOUND, tickets.share_searched())

    def _past(self, ticket: str) -> Past:
        if not self._folder.pointer.exists():
            raise door.no_ticket()
        with closing(Tickets(self._folder)) as tickets, Fleet(self._folder) as venue:
            tickets.refresh()
            facts = venue.facts(ticket)
            known = tickets.get(ticket) or tickets.told(facts)
            if known is None:
                raise door.no_ticket()
            told = story(known, [*facts, *venue.resolutions(ticket)])
            found = Matter(
                ticket,
                conflict_of(venue, tickets, ticket),
                irregular_of(venue, tickets, ticket),
                short_of(tickets, ticket),
                known,
                unconfirmed_undos_of(venue, ticket),
            )
            has_any = found.conflict or found.irregular or found.claimed
            return Past(known, told, fold(facts), found if has_any else None)


def _at_a_lane() -> Denied:
    reason = _("In a venue without a server this is settled at a lane: F3.")
    return Denied(409, "at_a_lane", reason)
