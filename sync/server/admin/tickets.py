"""Routes about one ticket: found, its story told, blocked at the door, given a note."""

from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.core.history import fold
from gate.core.story import Chapter
from gate.core.ticket import DoorAct, DoorWord, Ticket
from gate.i18n import _
from gate.text.story_words import sentence
from sync.api.review import (
    ChangedField,
    ChapterLine,
    DoorLine,
    SetBlock,
    SetNote,
    TicketLine,
    TicketsFound,
    TicketStory,
)
from sync.server import devices, door, events, stories, ticket_search
from sync.server.admin.journal import entry_line
from sync.server.answers import answers_of
from sync.server.devices import need_event
from sync.server.http import Denied, reply
from sync.server.operation import Operation, Parameter
from sync.server.organiser_requests import OrganiserRequests
from sync.server.organisers import Right
from sync.server.server import Server
from sync.wire import PREFIX

LONGEST: Final = 500
"""Characters of a text that is looked for."""
_block = msgspec.json.Decoder(SetBlock)
_note = msgspec.json.Decoder(SetNote)
_ONE = {404: "no_ticket", 409: "erased, over", 422: "invalid"}
_BLOCK = Operation(TicketLine, SetBlock, problems=_ONE)
_NOTE = Operation(TicketLine, SetNote, problems=_ONE)
_STORY = Operation(TicketStory, problems=_ONE)
_FIND = Operation(
    TicketsFound,
    query=[Parameter("find", str, "A name, order, seat or code, or a part of one.")],
    problems={422: "invalid"},
)


class TicketRoutes:
    """Tickets, one at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._requests = OrganiserRequests(server)

    def routes(self) -> list[BaseRoute]:
        """All of them; an id may have any character that can be seen, strokes too."""
        route, tickets = self._requests.route, f"{PREFIX}/events/{{event}}/tickets"
        one = f"{tickets}/{{ticket:path}}"
        return [
            route("GET", tickets, Right.NAMES, self._find, _FIND),
            route("PUT", f"{one}/block", Right.TICKETS, self._blocked, _BLOCK),
            route("DELETE", f"{one}/block", Right.TICKETS, self._freed, _BLOCK),
            route("PUT", f"{one}/note", Right.TICKETS, self._noted, _NOTE),
            route("GET", one, Right.NAMES, self._story, _STORY),
        ]

    async def _find(self, request: Request) -> Response:
        """Tickets by code, id, name, order or seat."""
        event = request.path_params["event"]
        typed = request.query_params.get("find", "").strip()
        if not 0 < len(typed) <= LONGEST:
            reason = _("find: 1 to {most} characters of a name, order, seat or code")
            raise Denied(422, "invalid", reason.format(most=LONGEST))
        await self._requests.read(request, need_event)
        await ticket_search.read_first(self._server.access, event)

        def find(connection: Connection, event: str) -> TicketsFound:
            found = ticket_search.find(connection, event, typed)
            lines = [ticket_line(ticket) for ticket in found.tickets]
            return TicketsFound(lines, found.has_more, found.unsearched)

        return reply(await self._requests.read(request, find))

    async def _story(self, request: Request) -> Response:
        """A ticket and all that came of it."""
        id_ = request.path_params["ticket"]
        return reply(await self._requests.read(request, partial(_told, id_=id_)))

    async def _blocked(self, request: Request) -> Response:
        """Let nobody in on a ticket, whatever its issuer says."""
        return await self._set_block(request, DoorAct.BLOCKED)

    async def _freed(self, request: Request) -> Response:
        """Take a block back."""
        return await self._set_block(request, DoorAct.FREED)

    async def _set_block(self, request: Request, act: DoorAct) -> Response:
        asked = await self._requests.body(request, _block)
        return await self._say(request, act, asked.reason, asked.who)

    async def _noted(self, request: Request) -> Response:
        """Set the venue's own note, or take it away."""
        asked = await self._requests.body(request, _note)
        return await self._say(request, DoorAct.NOTED, asked.note, asked.who)

    async def _say(self, request: Request, act: DoorAct, text: str, who: str) -> Response:
        event, id_ = request.path_params["event"], request.path_params["ticket"]
        word = DoorWord(act, text.strip(), who.strip(), read_wall_ms())
        if not word.who or not (word.text or act is DoorAct.NOTED):
            reason = _("A ticket is blocked and freed by somebody, with a reason.")
            raise Denied(422, "invalid", reason)

        def say(connection: Connection) -> tuple[Ticket, bool]:
            need_event(connection, event)
            is_new = door.put_word(connection, event, id_, word)
            return door.require_ticket(connection, event, id_), is_new

        def about(done: tuple[Ticket, bool]) -> str | None:
            return id_ if done[1] else None

        ticket, is_new = await self._requests.write(
            request, say, door.AUDITED[act], event=event, about=about
        )
        if is_new:
            self._server.publish_changes(event)
        return reply(ticket_line(ticket))


def _told(connection: Connection, event: str, id_: str) -> TicketStory:
    ticket, told = stories.story_of(connection, event, id_)
    names = devices.names_of(connection, event)
    zone = ZoneInfo(events.row_of(connection, event).time_zone)
    counted = [one.entry for one in told.chapters if one.entry and not one.has_no_effect]
    history = fold(counted)
    given = answers_of(connection, event, (one.entry for one in told.chapters if one.entry))
    return TicketStory(
        ticket=ticket_line(ticket),
        used=history.used,
        inside=history.inside,
        story=[_chapter(one, names, zone, given) for one in told.chapters],
        has_all_statements=told.has_all_statements,
        has_all_entries=told.has_all_entries,
    )


def _chapter(
    one: Chapter, names: dict[str, str], zone: ZoneInfo, given: dict[str, dict[str, str]]
) -> ChapterLine:
    entry = one.entry
    return ChapterLine(
        kind=one.kind.value,
        at_ms=one.at_ms,
        sentence=sentence(one, zone),
        position=one.position,
        changes=[ChangedField(c.name, c.before, c.after) for c in one.changes],
        word=_door_line(one.word),
        entry=entry_line(entry, names, answers=given.get(entry.name)) if entry else None,
        has_no_effect=one.has_no_effect,
    )


def ticket_line(ticket: Ticket) -> TicketLine:
    """A ticket as its issuer has it, and beside that what the venue says of it."""
    return TicketLine(
        id=ticket.id,
        type=ticket.type.id,
        title=ticket.type.title,
        status=ticket.status.value,
        status_note=ticket.status_note,
        holder=ticket.holder,
        order=ticket.order,
        seats=ticket.seats,
        zone=ticket.zone,
        entrance=ticket.way_in,
        note=ticket.note,
        block=_door_line(ticket.block),
        door_note=_door_line(ticket.door_note),
    )


def _door_line(word: DoorWord | None) -> DoorLine | None:
    return DoorLine(word.act.value, word.text, word.who, word.at_ms) if word else None
