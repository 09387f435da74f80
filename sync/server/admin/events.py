"""The organiser's routes about events: made, changed, and what is stated of their tickets."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.core.event_settings import EventFields
from gate.core.ticket import Status
from gate.errors import UsageError
from gate.i18n import _, sentences
from gate.settings import patched
from gate.storage.moments import BadMoment, Side, second_of
from sync.api.administration import EventChange, EventLine, NewEvent, Stated
from sync.server import events, feed, issuing
from sync.server import tables as t
from sync.server.devices import need_event
from sync.server.event_settings import change_fields, change_settings
from sync.server.http import Denied, check_name, reply
from sync.server.list_upload import UPLOAD, ListUpload
from sync.server.operation import Operation
from sync.server.organiser_requests import OrganiserRequests, organiser
from sync.server.organisers import Right, check_reach
from sync.server.server import Server
from sync.wire import MAX_ROWS, PREFIX

MEDIUM = 256 * 1024
"""Longest body of a change of an event: all its settings and more."""
LARGE = 32 * 1024 * 1024
"""Longest body of a request that states tickets, in bytes."""
_new_event = msgspec.json.Decoder(NewEvent)
_event_change = msgspec.json.Decoder(EventChange)
_stated = msgspec.json.Decoder(Stated)


class EventRoutes:
    """Events, and the types and tickets that are stated for them."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._requests = OrganiserRequests(server)
        self._lists = ListUpload(server)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        route, all_events = self._requests.route, f"{PREFIX}/events"
        event = f"{all_events}/{{event}}"
        return [
            route("GET", all_events, Right.COUNTS, self._list, Operation(list[EventLine])),
            route("POST", all_events, Right.ADMINISTER, self._create,
                  Operation(EventLine, NewEvent, status=201, problems={409: "exists"})),
            route("PATCH", event, Right.ADMINISTER, self._change,
                  Operation(EventLine, EventChange, problems={409: "over", 422: "at_once"})),
            route("POST", f"{event}/tickets", Right.TICKETS, self._tickets,
                  Operation(issuing.Issued, Stated,
                            problems={413: "too_many", 422: "bad_rows"})),
            route("POST", f"{event}/list", Right.TICKETS, self._lists.answer, UPLOAD),
        ]  # fmt: skip

    async def _list(self, request: Request) -> Response:
        """Every event that the token is for."""
        mine = organiser(request)
        found = await self._server.read(events.all_events)
        return reply([EventLine(**one) for one in found if mine.reaches(one["id"])])

    async def _create(self, request: Request) -> Response:
        """Begin an event."""
        asked = await self._requests.body(request, _new_event)
        _check_zone(asked.time_zone)
        check_name(asked.name)
        check_reach(organiser(request), asked.id)
        now_ms = read_wall_ms()
        ends_s = _end(asked.ends, asked.time_zone)
        create = partial(_create_event, asked=asked, ends_s=ends_s, now_ms=now_ms)
        await self._requests.write(request, create, "event made", event=asked.id)
        name = asked.name or asked.id
        line = EventLine(asked.id, name, asked.time_zone, now_ms, ends_s, asked.keep_days)
        return reply(line, 201)

    async def _change(self, request: Request) -> Response:
        """Give an event another time zone or end, or another bound on gates that hear nobody."""
        event = request.path_params["event"]
        asked = await self._requests.body(request, _event_change, MEDIUM)
        if asked.time_zone is not None:
            _check_zone(asked.time_zone)
        change = partial(_change_event, event=event, asked=asked)
        patch = msgspec.json.encode(asked.settings).decode() if asked.settings else ""

        def about(line: EventLine) -> str:
            return f"{events.settings_text(line)} {patch}".rstrip()

        line = await self._requests.write(request, change, "settings", event=event, about=about)
        self._server.publish_changes(event)
        return reply(line)

    async def _tickets(self, request: Request) -> Response:
        """Create and change types and tickets, all or nothing."""
        event = request.path_params["event"]
        stated = await self._requests.body(request, _stated, LARGE)
        of_tickets = len(stated.tickets) + len(stated.changes) + len(stated.voids)
        if len(stated.types) + of_tickets > MAX_ROWS:
            reason = _("At most {most} rows at once.").format(most=MAX_ROWS)
            raise Denied(413, "too_many", reason)
        issued = await self._requests.write(
            request,
            partial(_issue, event=event, stated=stated),
            "void" if stated.voids else "tickets",
            event=event,
            about=_stated_text(stated),
        )
        self._server.publish_changes(event)
        return reply(issued)


def _create_event(connection: Connection, asked: NewEvent, ends_s: int, now_ms: int) -> None:
    if connection.execute(select(t.event.c.id).where(t.event.c.id == asked.id)).first():
        raise Denied(409, "exists", _("There is an event of that id already."))
    try:
        events.create_event(
            connection, asked.id, asked.name, asked.time_zone, now_ms,
            ends_s=ends_s, keep_days=asked.keep_days,
        )  # fmt: skip
    except UsageError as error:
        raise Denied(422, "invalid", sentences(error.message, error.hint)) from error


def _change_event(connection: Connection, event: str, asked: EventChange) -> EventLine:
    need_event(connection, event)
    feed.lock(connection, event)
    time_zone = asked.time_zone or events.row_of(connection, event).time_zone
    ends_s = None if asked.ends is None else _end(asked.ends, time_zone)
    fields = EventFields(asked.time_zone, ends_s, asked.keep_days, asked.isolated_hours)
    change_fields(connection, event, fields)
    elsewhere = events.types_elsewhere(connection, event)
    if asked.settings is not None:
        _patch_settings(connection, event, asked.settings)
    found = next(one for one in events.all_events(connection) if one["id"] == event)
    return EventLine(**found, types_elsewhere=elsewhere)


def _patch_settings(connection: Connection, event: str, patch: Mapping[str, Any]) -> None:
    try:
        change_settings(connection, event, partial(patched, patch=patch))
    except UsageError as error:
        raise Denied(422, "invalid", error.message) from error


def _issue(connection: Connection, event: str, stated: Stated) -> issuing.Issued:
    need_event(connection, event)
    voids = [
        {"id": void.id, "status": Status.REVOKED.value, "status_note": void.note}
        for void in stated.voids
    ]
    wanted = issuing.Issue(stated.types, stated.tickets, stated.changes, voids)
    try:
        return issuing.issue(connection, event, wanted)
    except issuing.Bad as bad:
        raise Denied(422, "bad_rows", "\n".join(bad.errors)) from bad


def _stated_text(stated: Stated) -> str:
    """What was stated, as the audit log has it."""
    counts = (
        f"types {len(stated.types)} tickets {len(stated.tickets)} "
        f"changes {len(stated.changes)} voids {len(stated.voids)} "
    )
    return counts + " ".join(void.id for void in stated.voids)


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise Denied(422, "invalid", _("{found!r} is no time zone").format(found=name)) from error


def _end(stated: int | str, time_zone: str) -> int:
    """The last second of an event; 0: not known."""
    if stated in (0, ""):
        return 0
    try:
        return second_of(stated, ZoneInfo(time_zone), Side.END)
    except BadMoment as bad:
        raise Denied(422, "invalid", f"ends: {bad}") from bad
