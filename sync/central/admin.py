"""What the organiser and supervisors ask of the server: events, devices, tickets, conflicts."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gate.domain.history import Conflict
from gate.domain.model import Entry, Status
from gate.errors import UsageError
from gate.language import _
from sync.central import devices, edge, journals, tickets
from sync.central import tables as t
from sync.central.devices import State, need_event
from sync.central.edge import Denied, reply
from sync.central.server import Server
from sync.protocol import (
    MAX_ROWS,
    PREFIX,
    AlarmLine,
    Clash,
    EventChange,
    EventLine,
    Evidence,
    IrregularLine,
    NewEvent,
    NewToken,
    Questionable,
    Resolve,
    Resolved,
    Stated,
    Token,
    Voided,
)

T = TypeVar("T")
SMALL = 16 * 1024
LARGE = 32 * 1024 * 1024
"""Longest body of a request that states tickets, in bytes."""
_new_event = msgspec.json.Decoder(NewEvent)
_event_change = msgspec.json.Decoder(EventChange)
_new_token = msgspec.json.Decoder(NewToken)
_stated = msgspec.json.Decoder(Stated)
_resolve = msgspec.json.Decoder(Resolve)


class Admin:
    """The routes that want the admin token."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def routes(self) -> list[BaseRoute]:
        """Everything below ``/events``."""
        events, event = f"{PREFIX}/events", f"{PREFIX}/events/{{event}}"
        device, conflict = f"{event}/devices/{{device}}", f"{event}/conflicts/{{ticket}}"
        return [
            Route(events, self.events),
            Route(events, self.new_event, methods=["POST"]),
            Route(event, self.change_event, methods=["PATCH"]),
            Route(f"{event}/tokens", self.new_token, methods=["POST"]),
            Route(f"{event}/tokens", self.links),
            Route(f"{event}/tokens/{{token}}/withdraw", self.withdraw, methods=["POST"]),
            Route(f"{event}/devices", self.devices),
            Route(f"{device}/retire", self.retire, methods=["POST"]),
            Route(f"{device}/unretire", self.unretire, methods=["POST"]),
            Route(f"{device}/revoke", self.revoke, methods=["POST"]),
            Route(f"{event}/tickets", self.tickets, methods=["POST"]),
            Route(f"{event}/counts", self.counts),
            Route(f"{event}/conflicts", self.conflicts),
            Route(f"{event}/irregular", self.irregular),
            Route(f"{conflict}/resolve", self.resolve, methods=["POST"]),
            Route(f"{event}/alarms", self.alarms),
        ]

    async def events(self, request: Request) -> Response:
        """Every event."""
        self._server.check_admin(request)
        found = await self._server.read(tickets.events)
        return reply([EventLine(**one) for one in found])

    async def new_event(self, request: Request) -> Response:
        """Begin an event."""
        asked = await self._body(request, _new_event, SMALL)
        _check_zone(asked.time_zone)
        if not asked.name.isprintable():
            raise Denied(422, "invalid", _("name: there are characters in it that nobody can see"))
        now_ms = _now_ms()
        await self._server.write(partial(_create, asked=asked, now_ms=now_ms))
        return reply(EventLine(asked.id, asked.name or asked.id, asked.time_zone, now_ms), 201)

    async def change_event(self, request: Request) -> Response:
        """Give an event another time zone, or another bound on gates that hear nobody."""
        server, event = self._server, request.path_params["event"]
        asked = await self._body(request, _event_change, SMALL)
        if asked.time_zone is not None:
            _check_zone(asked.time_zone)
        line = await server.write(partial(_change_event, event=event, asked=asked))
        server.tell_changes(event)
        return reply(line)

    async def new_token(self, request: Request) -> Response:
        """A one-time token with which a device enrols."""
        asked = await self._body(request, _new_token, SMALL)
        if not asked.name.isprintable():
            raise Denied(422, "invalid", _("name: there are characters in it that nobody can see"))
        mint = partial(
            devices.mint_token,
            event=request.path_params["event"],
            name=asked.name,
            now_ms=_now_ms(),
            lifetime_s=asked.lifetime_s,
        )
        token, expires_ms = await self._server.write(mint)
        return reply(Token(token, expires_ms), 201)

    async def links(self, request: Request) -> Response:
        """The tokens that a device can still enrol with."""
        now_ms = _now_ms()
        return reply(await self._read_of(request, lambda c, event: devices.links(c, event, now_ms)))

    async def withdraw(self, request: Request) -> Response:
        """Make a token that was not used yet good for nothing."""
        self._server.check_admin(request)
        withdraw = partial(
            devices.withdraw,
            event=request.path_params["event"],
            id_or_name=request.path_params["token"],
            now_ms=_now_ms(),
        )
        return reply(await self._server.write(withdraw))

    async def devices(self, request: Request) -> Response:
        """Every device of the event."""
        self._server.check_admin(request)
        event = request.path_params["event"]
        await self._server.read(need_event, event)
        await self._server.roster.refresh()
        return reply(self._server.roster.lines(event))

    async def retire(self, request: Request) -> Response:
        """A lane that is not at work any more: nobody waits to hear from it."""
        return await self._set_state(request, State.RETIRED)

    async def unretire(self, request: Request) -> Response:
        """A retired lane is at work again."""
        return await self._set_state(request, State.ENROLLED)

    async def revoke(self, request: Request) -> Response:
        """A stolen or lost device: its credential stops working at once."""
        return await self._set_state(request, State.REVOKED)

    async def tickets(self, request: Request) -> Response:
        """Create and change types and tickets, all or nothing."""
        server, event = self._server, request.path_params["event"]
        stated = await self._body(request, _stated, LARGE)
        of_tickets = len(stated.tickets) + len(stated.changes) + len(stated.voids)
        if len(stated.types) + of_tickets > MAX_ROWS:
            reason = _("At most {most} rows at once.").format(most=MAX_ROWS)
            raise Denied(413, "too_many", reason)
        voids = [
            {"id": void.id, "status": Status.REVOKED.value, "status_note": void.note}
            for void in stated.voids
        ]
        wanted = tickets.Issue(stated.types, stated.tickets, stated.changes, voids)
        issued = await server.write(partial(_issue, event=event, wanted=wanted))
        server.tell_changes(event)
        return reply(issued)

    async def counts(self, request: Request) -> Response:
        """How many were admitted, by device and gate, and how many tickets there are."""
        return reply(await self._read_of(request, _counts))

    async def conflicts(self, request: Request) -> Response:
        """Tickets on which more went in than they are good for, with both sides' evidence."""
        return reply(await self._read_of(request, _conflicts))

    async def irregular(self, request: Request) -> Response:
        """Tickets that were used and are, or were, void, with both sides' evidence."""
        return reply(await self._read_of(request, _irregular))

    async def resolve(self, request: Request) -> Response:
        """Settle a conflict, or irregular admissions, with a reason."""
        server, event = self._server, request.path_params["event"]
        asked = await self._body(request, _resolve, SMALL)
        if not (asked.note.strip() and asked.who.strip()):
            raise Denied(422, "invalid", _("A conflict is settled by somebody, with a reason."))
        settle = partial(_settle, event=event, ticket=request.path_params["ticket"], asked=asked)
        entry = await server.write(settle)
        server.streams.wake(event, {})
        return reply(Resolved(entry.note, entry.operator, entry.at_ms))

    async def alarms(self, request: Request) -> Response:
        """Devices that were cloned, restored or rolled back."""
        return reply(await self._read_of(request, _alarms))

    async def _body(self, request: Request, decoder: "msgspec.json.Decoder[T]", limit: int) -> T:
        self._server.check_admin(request)
        body = await edge.read_body(request, limit, self._server.settings.body_s)
        return edge.decode(decoder, body)

    async def _read_of(self, request: Request, job: Callable[[Connection, str], T]) -> T:
        self._server.check_admin(request)
        event = request.path_params["event"]

        def read(connection: Connection) -> T:
            need_event(connection, event)
            return job(connection, event)

        return await self._server.read(read)

    async def _set_state(self, request: Request, state: State) -> Response:
        server, event = self._server, request.path_params["event"]
        server.check_admin(request)
        device = request.path_params["device"]
        await server.write(partial(devices.set_state, event=event, device=device, state=state))
        await server.roster.refresh()
        server.streams.cut_revoked()
        server.tell_changes(event)
        found = [line for line in server.roster.lines(event) if line.id == device]
        return reply(found[0])


def _create(connection: Connection, asked: NewEvent, now_ms: int) -> None:
    if connection.execute(select(t.event.c.id).where(t.event.c.id == asked.id)).first():
        raise Denied(409, "exists", _("There is an event of that id already."))
    try:
        tickets.create_event(connection, asked.id, asked.name, asked.time_zone, now_ms)
    except UsageError as error:
        raise Denied(422, "invalid", f"{error.message}. {error.hint}") from error


def _change_event(connection: Connection, event: str, asked: EventChange) -> EventLine:
    need_event(connection, event)
    elsewhere = 0
    if asked.time_zone is not None:
        elsewhere = tickets.set_zone(connection, event, asked.time_zone)
    if asked.isolated_hours is not None:
        tickets.set_isolated_hours(connection, event, asked.isolated_hours)
    found = next(one for one in tickets.events(connection) if one["id"] == event)
    return EventLine(**found, types_elsewhere=elsewhere)


def _issue(connection: Connection, event: str, wanted: tickets.Issue) -> tickets.Issued:
    need_event(connection, event)
    try:
        return tickets.issue(connection, event, wanted)
    except tickets.Bad as bad:
        raise Denied(422, "bad_rows", "\n".join(bad.errors)) from bad


def _counts(connection: Connection, event: str) -> dict[str, Any]:
    names = devices.names_of(connection, event)
    lines = [
        {**msgspec.to_builtins(line), "device_name": names.get(line.device, line.device)}
        for line in journals.counts(connection, event)
    ]
    totals = tickets.totals(connection, event)
    admitted = sum(line["admitted"] for line in lines)
    exited = sum(line["exited"] for line in lines)
    return {**totals, "admitted": admitted, "exited": exited, "lines": lines}


def _conflicts(connection: Connection, event: str) -> list[Clash]:
    names = devices.names_of(connection, event)
    return [_clash(one, names) for one in journals.conflicts(connection, event)]


def _clash(one: Conflict, names: dict[str, str]) -> Clash:
    return Clash(
        ticket=one.ticket,
        ticket_type=one.ticket_type,
        excess=one.excess,
        admissions=[_evidence(entry, names) for entry in one.admissions],
        resolution=_resolved(one.resolution),
    )


def _irregular(connection: Connection, event: str) -> list[IrregularLine]:
    names = devices.names_of(connection, event)
    return [
        IrregularLine(
            ticket=one.ticket,
            ticket_type=one.ticket_type,
            kind=one.kind.value,
            is_open=one.is_open,
            admissions=[
                Questionable(
                    judged.kind.value,
                    _evidence(judged.entry, names),
                    Voided(
                        judged.void.at, judged.void.at_ms, judged.void.until, judged.void.until_ms
                    ),
                )
                for judged in one.admissions
            ],
            resolution=_resolved(one.resolution),
        )
        for one in journals.irregular_admissions(connection, event)
    ]


def _resolved(word: Entry | None) -> Resolved | None:
    return Resolved(word.note, word.operator, word.at_ms) if word else None


def _evidence(entry: Entry, names: dict[str, str]) -> Evidence:
    return Evidence(
        entry=entry.name,
        device=entry.device,
        device_name=devices.name_of(names, entry.origin),
        gate=entry.gate,
        operator=entry.operator,
        at_ms=entry.at_ms,
        persons=entry.persons,
        uses=entry.uses,
        basis=entry.basis,
        trusted=entry.trusted,
        server_ahead_ms=entry.server_ahead_ms,
        server_error_ms=entry.server_error_ms,
        overruled=entry.overruled or "",
        position=entry.position,
    )


def _alarms(connection: Connection, event: str) -> list[AlarmLine]:
    names = devices.names_of(connection, event)
    return [
        AlarmLine(one.device, names.get(one.device, one.device), one.after, list(one.origins))
        for one in journals.find_alarms(connection, event)
    ]


def _settle(connection: Connection, event: str, ticket: str, asked: Resolve) -> Entry:
    need_event(connection, event)
    made = journals.resolve(
        connection, event, ticket, note=asked.note.strip(), who=asked.who.strip(), now_ms=_now_ms()
    )
    if made is None:
        raise Denied(404, "no_conflict", _("There is no conflict on that ticket."))
    return made


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise Denied(422, "invalid", _("{found!r} is no time zone").format(found=name)) from error


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
