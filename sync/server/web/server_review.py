"""Tickets and what does not add up on them, from the server's tables."""

from collections.abc import Collection, Mapping
from functools import partial

from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.core.entry import Entry
from gate.core.history import fold
from gate.core.ticket import DoorWord
from gate.i18n import _
from sync.server import conflicts, devices, door, feed, journals, stories, ticket_search
from sync.server.http import Denied
from sync.server.server import Server
from sync.server.web.paced import Paced
from sync.server.web.pages import Visit
from sync.server.web.review import (
    Anomalies,
    Findings,
    Line,
    Matters,
    Past,
    mark_of_door,
    mark_of_matter,
    need_same,
)


class ServerReview:
    """Of every event of one server."""

    settles = True

    def __init__(self, server: Server) -> None:
        self._server = server
        self._matters = Paced(partial(server.read, _matters))
        self._anomalies = Paced(partial(server.read, self._look))

    async def matters(self, event: str) -> Matters:
        """What does not add up, as it was a moment ago."""
        return await self._matters.newest(event)

    async def anomalies(self, event: str) -> Anomalies:
        """What is unlike an honest evening, as it was a moment ago."""
        return await self._anomalies.newest(event)

    async def entries(
        self, event: str, names: Collection[str]
    ) -> tuple[list[Entry], Mapping[str, str]]:
        """Those of some entries that are held, and what the devices are called."""
        return await self._server.read(_entries, event, names)

    async def find(self, event: str, typed: str) -> Findings:
        """Tickets by code, id, name, order or seat; of what was stated a moment ago too."""
        await ticket_search.read_first(self._server.access, event)
        return await self._server.read(_find, event, typed)

    async def past(self, event: str, ticket: str) -> Past:
        """A ticket and all that came of it. Raises Denied."""
        return await self._server.read(_past, event, ticket)

    async def put_word(self, visit: Visit, ticket: str, word: DoorWord, seen: str) -> None:
        """Block a ticket at the door, free it, or note something on it. Raises Denied."""
        event = visit.visitor.event

        def job(connection: Connection) -> None:
            feed.lock(connection, event)
            need_same(mark_of_door(door.require_ticket(connection, event, ticket)), seen)
            door.put_word(connection, event, ticket, word)

        # The reason stays with the ticket, for it may name people.
        await visit.change(job, door.AUDITED[word.act], ticket)
        self._server.publish_changes(event)
        self._matters.forget(event)

    async def settle(self, visit: Visit, ticket: str, seen: str, why: str) -> None:
        """Record that somebody has looked into what is wrong about a ticket. Raises Denied."""
        event = visit.visitor.event

        def job(connection: Connection) -> None:
            journals.lock(connection, event)
            found = conflicts.matter_of(connection, event, ticket)
            need_same(mark_of_matter(found) if found else "", seen)
            conflicts.resolve(
                connection, event, ticket, note=why, who=visit.who, now_ms=read_wall_ms()
            )

        await visit.change(job, "resolve", ticket)
        self._recorded(event)

    async def confirm(self, visit: Visit, undo: str, why: str) -> None:
        """Let an undo of what another device did count. Raises Denied."""
        event = visit.visitor.event

        def job(connection: Connection) -> None:
            made = conflicts.confirm(
                connection, event, undo, note=why, who=visit.who, now_ms=read_wall_ms()
            )
            if made is None:
                reason = _("There is no undo of that name to be confirmed.")
                raise Denied(409, "no_claim", reason)

        await visit.change(job, "confirm", undo)
        self._recorded(event)

    def _recorded(self, event: str) -> None:
        self._server.streams.wake(event, {})
        self._matters.forget(event)

    def _look(self, connection: Connection, event: str) -> Anomalies:
        return Anomalies(self._server.anomalies.look(connection, event, read_wall_ms()), {})


def _matters(connection: Connection, event: str) -> Matters:
    alarms = [("branched", one.device) for one in conflicts.find_alarms(connection, event)]
    alarms += [
        ("twin", one.id)
        for one in devices.all_devices(connection)
        if one.event == event and one.twin_ms
    ]
    alarms += [("flood", one.device) for one in conflicts.find_floods(connection, event)]
    found = conflicts.matters(connection, event)
    return Matters(found, alarms, devices.names_of(connection, event))


def _entries(
    connection: Connection, event: str, names: Collection[str]
) -> tuple[list[Entry], Mapping[str, str]]:
    found = (journals.find(connection, event, name) for name in names)
    return [one for one in found if one is not None], devices.names_of(connection, event)


def _find(connection: Connection, event: str, typed: str) -> Findings:
    found = ticket_search.find(connection, event, typed)
    lines = [Line(one, fold(journals.facts_of(connection, event, one.id))) for one in found.tickets]
    return Findings(lines, found.has_more, unsearched=found.unsearched)


def _past(connection: Connection, event: str, ticket: str) -> Past:
    known, told = stories.story_of(connection, event, ticket)
    history = fold(journals.facts_of(connection, event, ticket))
    return Past(known, told, history, conflicts.matter_of(connection, event, ticket))
