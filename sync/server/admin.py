"""What the organiser and supervisors ask of the server: events, devices, tickets, conflicts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gate.clock import read_wall_ms
from gate.core.disowning import Effect
from gate.core.history import Conflict
from gate.core.model import Entry, Status
from gate.errors import UsageError
from gate.i18n import _
from gate.settings import patched
from gate.storage.moments import BadMoment, Side, second_of
from sync.server import (
    audit,
    conflicts,
    counts,
    devices,
    events,
    feed,
    http,
    issuing,
    organisers,
    persons,
)
from sync.server import tables as t
from sync.server.devices import State, need_event
from sync.server.event_settings import change_settings
from sync.server.http import Denied, reply
from sync.server.organisers import Organiser, Right
from sync.server.part import Part, look_again
from sync.server.retention import Retention, set_end
from sync.server.server import Needs, Server, actor, check_reach, organiser
from sync.wire import (
    MAX_ROWS,
    PREFIX,
    AlarmLine,
    ClaimLine,
    ConflictLine,
    Disown,
    EventChange,
    EventLine,
    Evidence,
    IrregularLine,
    NewEvent,
    NewOrganiser,
    NewToken,
    OrganiserLine,
    Person,
    Questionable,
    Resolve,
    Resolved,
    Stated,
    Token,
    Undo,
    Voided,
)

T = TypeVar("T")
SMALL = 16 * 1024
LARGE = 32 * 1024 * 1024
ORIGINS_TOLD = 20
"""Origins that are named in an alarm."""
"""Longest body of a request that states tickets, in bytes."""
_new_event = msgspec.json.Decoder(NewEvent)
_event_change = msgspec.json.Decoder(EventChange)
_disown = msgspec.json.Decoder(Disown)
_new_token = msgspec.json.Decoder(NewToken)
_stated = msgspec.json.Decoder(Stated)
_resolve = msgspec.json.Decoder(Resolve)
_person = msgspec.json.Decoder(Person)
_new_organiser = msgspec.json.Decoder(NewOrganiser)


class Admin:
    """The routes that want a token of the organiser's, each with the right that it needs."""

    def __init__(self, server: Server, retention: Retention, parts: Sequence[Part]) -> None:
        self._server = server
        self._retention = retention
        self._parts = parts

    def routes(self) -> list[BaseRoute]:
        """Everything below ``/events``."""
        events, event = f"{PREFIX}/events", f"{PREFIX}/events/{{event}}"
        device, conflict = f"{event}/devices/{{device}}", f"{event}/conflicts/{{ticket}}"
        person, organisers_ = f"{event}/persons", f"{PREFIX}/organisers"
        organiser = f"{organisers_}/{{organiser}}"
        return [
            self._route("GET", events, Right.COUNTS, self.events),
            self._route("POST", events, Right.ADMINISTER, self.new_event),
            self._route("PATCH", event, Right.ADMINISTER, self.change_event),
            self._route("POST", f"{event}/tokens", Right.ADMINISTER, self.new_token),
            self._route("GET", f"{event}/tokens", Right.ADMINISTER, self.links),
            self._route(
                "POST", f"{event}/tokens/{{token}}/withdraw", Right.ADMINISTER, self.withdraw
            ),
            self._route("GET", f"{event}/devices", Right.COUNTS, self.devices),
            self._route("POST", f"{device}/retire", Right.ADMINISTER, self.retire),
            self._route("POST", f"{device}/unretire", Right.ADMINISTER, self.unretire),
            self._route("POST", f"{device}/revoke", Right.ADMINISTER, self.revoke),
            self._route("POST", f"{event}/tickets", Right.TICKETS, self.tickets),
            self._route("GET", f"{event}/counts", Right.COUNTS, self.counts),
            self._route("GET", f"{event}/conflicts", Right.NAMES, self.conflicts),
            self._route("GET", f"{event}/irregular", Right.NAMES, self.irregular),
            self._route("POST", f"{conflict}/resolve", Right.TICKETS, self.resolve),
            self._route("GET", f"{event}/alarms", Right.COUNTS, self.alarms),
            self._route("POST", f"{person}/export", Right.NAMES, self.export_person),
            self._route("POST", f"{person}/erase", Right.ADMINISTER, self.erase_person),
            self._route("GET", organisers_, Right.ADMINISTER, self.organisers),
            self._route("POST", organisers_, Right.ADMINISTER, self.new_organiser),
            self._route("POST", f"{organiser}/roll", Right.ADMINISTER, self.roll),
            self._route("POST", f"{organiser}/end", Right.ADMINISTER, self.end),
            self._route("GET", f"{PREFIX}/audit", Right.ADMINISTER, self.audit),
            self._route("GET", f"{device}/disown", Right.ADMINISTER, self.would_disown),
            self._route("POST", f"{device}/disown", Right.ADMINISTER, self.disown),
            self._route("GET", f"{event}/claims", Right.NAMES, self.claims),
            self._route("POST", f"{event}/claims/{{undo}}/confirm", Right.TICKETS, self.confirm),
            self._route("GET", f"{event}/origins", Right.COUNTS, self.origins),
        ]

    def _route(
        self,
        method: str,
        path: str,
        right: Right,
        handler: Callable[[Request], Awaitable[Response]],
    ) -> Route:
        return Route(path, Needs(self._server, right, handler).answer, methods=[method])

    async def events(self, request: Request) -> Response:
        """Every event that the token is for."""
        mine = organiser(request)
        found = await self._server.read(events.all_events)
        return reply([EventLine(**one) for one in found if mine.reaches(one["id"])])

    async def new_event(self, request: Request) -> Response:
        """Begin an event."""
        asked = await self._body(request, _new_event, SMALL)
        _check_zone(asked.time_zone)
        if not asked.name.isprintable():
            raise Denied(422, "invalid", _("name: there are characters in it that nobody can see"))
        check_reach(organiser(request), asked.id)
        now_ms = read_wall_ms()
        ends_s = _end(asked.ends, asked.time_zone)
        create = partial(_create, asked=asked, ends_s=ends_s, now_ms=now_ms)
        await self._write(request, create, "event made", event=asked.id)
        name = asked.name or asked.id
        line = EventLine(asked.id, name, asked.time_zone, now_ms, ends_s, asked.keep_days)
        return reply(line, 201)

    async def change_event(self, request: Request) -> Response:
        """Give an event another time zone or end, or another bound on gates that hear nobody."""
        event = request.path_params["event"]
        asked = await self._body(request, _event_change, SMALL)
        if asked.time_zone is not None:
            _check_zone(asked.time_zone)
        change = partial(_change_event, event=event, asked=asked)
        patch = msgspec.json.encode(asked.settings).decode() if asked.settings else ""

        def about(line: EventLine) -> str:
            return f"{events.tell_settings(line)} {patch}".rstrip()

        line = await self._write(request, change, "settings", event=event, about=about)
        self._server.tell_changes(event)
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
            now_ms=read_wall_ms(),
            lifetime_s=asked.lifetime_s,
        )
        event = request.path_params["event"]
        token, expires_ms = await self._write(
            request, mint, "invite", event=event, about=lambda made: devices.link_id(made[0])
        )
        return reply(Token(token, expires_ms), 201)

    async def links(self, request: Request) -> Response:
        """The tokens that a device can still enrol with."""
        now_ms = read_wall_ms()
        return reply(await self._read_of(request, lambda c, event: devices.links(c, event, now_ms)))

    async def withdraw(self, request: Request) -> Response:
        """Make a token that was not used yet good for nothing."""
        event = request.path_params["event"]
        withdraw = partial(
            devices.withdraw,
            event=event,
            id_or_name=request.path_params["token"],
            now_ms=read_wall_ms(),
        )
        about = lambda gone: " ".join(one.id for one in gone)  # noqa: E731
        return reply(
            await self._write(request, withdraw, "withdraw", event=event, about=about)
        )  # fmt: skip

    async def devices(self, request: Request) -> Response:
        """Every device of the event."""
        event = request.path_params["event"]
        await self._server.read(need_event, event)
        await self._server.device_cache.refresh()
        return reply(self._server.device_cache.lines(event))

    async def retire(self, request: Request) -> Response:
        """A lane that is not at work any more: nobody waits to hear from it."""
        return await self._set_state(request, State.RETIRED)

    async def unretire(self, request: Request) -> Response:
        """A retired lane is at work again."""
        return await self._set_state(request, State.ENROLLED)

    async def revoke(self, request: Request) -> Response:
        """A stolen or lost device: its credential stops working at once."""
        return await self._set_state(request, State.REVOKED)

    async def would_disown(self, request: Request) -> Response:
        """What would change if a revoked device were disowned, from ``from_ms`` on."""
        text = request.query_params.get("from_ms", "0")
        asked = http.decode(_disown, f'{{"from_ms":{text}}}'.encode())
        return reply(
            await self._server.read(
                partial(_disowned, request, asked, parts=self._parts, only_tell=True)
            )
        )

    async def disown(self, request: Request) -> Response:
        """What a revoked device did from ``from_ms`` on has no effect any more."""
        server, event = self._server, request.path_params["event"]
        asked = await self._body(request, _disown, SMALL)
        about = f"{request.path_params['device']} from {asked.from_ms}"
        job = partial(_disowned, request, asked, parts=self._parts)
        changes = await self._write(request, job, "disown", event=event, about=about)
        await server.device_cache.refresh()
        server.tell_changes(event)
        return reply(changes)

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
        wanted = issuing.Issue(stated.types, stated.tickets, stated.changes, voids)
        told = f"types {len(stated.types)} tickets {len(stated.tickets)} "
        told += f"changes {len(stated.changes)} voids {len(stated.voids)} "
        told += " ".join(void.id for void in stated.voids)
        issue = partial(_issue, event=event, wanted=wanted)
        act = "void" if stated.voids else "tickets"
        issued = await self._write(request, issue, act, event=event, about=told)
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
        told = _("A conflict is settled by somebody, with a reason.")
        return await self._word_on(request, "resolve", request.path_params["ticket"], _settle, told)

    async def claims(self, request: Request) -> Response:
        """Undos of what another device did that nobody who may has confirmed."""
        return reply(await self._read_of(request, _claims))

    async def confirm(self, request: Request) -> Response:
        """Let such an undo count."""
        told = _("An undo is confirmed by somebody, with a reason.")
        return await self._word_on(request, "confirm", request.path_params["undo"], _confirm, told)

    async def _word_on(
        self,
        request: Request,
        act: str,
        about: str,
        record: Callable[[Connection, str, str, Resolve], Entry],
        nobody: str,
    ) -> Response:
        """Record somebody's word on a ticket or an entry, as an entry of the server's."""
        event = request.path_params["event"]
        asked = await self._body(request, _resolve, SMALL)
        if not (asked.note.strip() and asked.who.strip()):
            raise Denied(422, "invalid", nobody)

        def job(connection: Connection) -> Entry:
            return record(connection, event, about, asked)

        entry = await self._write(request, job, act, event=event, about=about)
        self._server.streams.wake(event, {})
        return reply(Resolved(entry.note, entry.operator, entry.at_ms))

    async def origins(self, request: Request) -> Response:
        """What every device has done since each of its starts, and what of it stands out."""
        return reply(await self._read_of(request, _origins))

    async def alarms(self, request: Request) -> Response:
        """Devices that were cloned or restored, that are two machines, or that flood."""
        return reply(await self._read_of(request, _alarms))

    async def export_person(self, request: Request) -> Response:
        """Everything that is held of one person."""
        event = request.path_params["event"]
        asked = await self._body(request, _person, SMALL)
        tell = partial(persons.export, event=event, asked=asked.who, parts=self._parts)
        need = partial(need_event, event=event)
        # Written down before it is told.
        told = await self._write(
            request,
            lambda c: (need(c), tell(c))[1],
            "export",
            event=event,
            about=persons.tell_export,
        )
        return reply(told)

    async def erase_person(self, request: Request) -> Response:
        """Take a person's names, codes and orders away, at every gate too."""
        server, event = self._server, request.path_params["event"]
        asked = await self._body(request, _person, SMALL)
        await server.read(need_event, event)
        job = partial(
            persons.erase, event=event, asked=asked.who, folder=server.settings.folder,
            parts=self._parts,
        )  # fmt: skip
        erased = await self._write(request, job, "erase", event=event, about=persons.tell_erased)
        server.tell_changes(event)
        await self._retention.tidy()
        return reply(erased)

    async def organisers(self, request: Request) -> Response:
        """The tokens that are good, without their secrets."""
        event = organiser(request).event
        found = await self._server.read(organisers.good, read_wall_ms(), event)
        return reply([_line(one) for one in found])

    async def new_organiser(self, request: Request) -> Response:
        """A token, for no more than whoever asks may do."""
        mine = organiser(request)
        asked = await self._body(request, _new_organiser, SMALL)
        if not asked.name.isprintable():
            raise Denied(422, "invalid", _("name: there are characters in it that nobody can see"))
        rights = _rights(asked.rights)
        if not rights <= mine.rights:
            raise Denied(403, "not_allowed", _("A token cannot give what it lacks itself."))
        check_reach(mine, asked.event)
        make = partial(
            organisers.make, name=asked.name, event=asked.event, rights=rights,
            now_ms=read_wall_ms(), lifetime_s=asked.lifetime_s,
        )  # fmt: skip
        made = await self._write(
            request,
            make,
            "token made",
            event=asked.event,
            about=lambda made: organisers.tell(made[1]),
        )
        return reply(_line(made[1], made[0]), 201)

    async def roll(self, request: Request) -> Response:
        """A new token in the place of one, which is good for a day beside it."""
        await http.read_body(request, SMALL, self._server.settings.body_s)
        old = await self._of_mine(request)
        made = await self._write(
            request, partial(organisers.roll, id_=old.id, now_ms=read_wall_ms()), "token rolled",
            event=old.event, about=lambda made: f"{old.id} to {organisers.tell(made[1])}",
        )  # fmt: skip
        return reply(_line(made[1], made[0]), 201)

    async def end(self, request: Request) -> Response:
        """A token is good for nothing from now on."""
        await http.read_body(request, SMALL, self._server.settings.body_s)
        old = await self._of_mine(request)
        job = partial(organisers.end, id_=old.id, now_ms=read_wall_ms())
        await self._write(request, job, "token ended", event=old.event, about=old.who)
        return reply(_line(old))

    async def _of_mine(self, request: Request) -> Organiser:
        """The token that is meant, which may do nothing that whoever asks may not."""
        id_ = request.path_params["organiser"]
        found = await self._server.read(organisers.need, id_, read_wall_ms())
        mine = organiser(request)
        if not found.rights <= mine.rights or not mine.reaches(found.event):
            raise Denied(404, "no_token", _("There is no such token that is good."))
        return found

    async def audit(self, request: Request) -> Response:
        """Who did what: a page of rows, as JSON or as a table."""
        asked = request.query_params
        mine = organiser(request)
        event = asked.get("event", "") or mine.event
        check_reach(mine, event)
        after = asked.get("after", "0")
        if not (after.isascii() and after.isdecimal() and len(after) < 16):
            raise Denied(422, "invalid", _("after is the number of a row."))
        rows = await self._server.read(partial(audit.rows, after=int(after), event=event))
        if asked.get("format", "json") == "csv":
            return Response(audit.as_csv(rows), media_type="text/csv; charset=utf-8")
        return reply([{**msgspec.structs.asdict(row), "hash": hashed} for row, hashed in rows])

    async def _write(
        self,
        request: Request,
        job: Callable[[Connection], T],
        act: str,
        *,
        event: str,
        about: str | Callable[[T], str | None] = "",
    ) -> T:
        """Have something done, and with it in one transaction the row that says who did it."""
        who = actor(request)
        return await self._server.write(
            audit.noted(job, who, act, read_wall_ms(), event=event, about=about)
        )

    async def _body(self, request: Request, decoder: "msgspec.json.Decoder[T]", limit: int) -> T:
        body = await http.read_body(request, limit, self._server.settings.body_s)
        return http.decode(decoder, body)

    async def _read_of(self, request: Request, job: Callable[[Connection, str], T]) -> T:
        event = request.path_params["event"]

        def read(connection: Connection) -> T:
            need_event(connection, event)
            return job(connection, event)

        return await self._server.read(read)

    async def _set_state(self, request: Request, state: State) -> Response:
        server, event = self._server, request.path_params["event"]
        device = request.path_params["device"]
        job = partial(devices.set_state, event=event, device=device, state=state)
        await self._write(
            request,
            job,
            devices.ACTS[state],
            event=event,
            about=lambda is_new: device if is_new else None,
        )
        await server.device_cache.refresh()
        server.streams.cut_revoked()
        server.tell_changes(event)
        found = [line for line in server.device_cache.lines(event) if line.id == device]
        return reply(found[0])


def _line(one: Organiser, token: str = "") -> OrganiserLine:
    return OrganiserLine(
        one.id, one.name, one.event, sorted(one.rights), one.made_ms, one.ends_ms, one.used_ms,
        token,
    )  # fmt: skip


def _rights(stated: list[str]) -> frozenset[Right]:
    try:
        return frozenset(Right(one) for one in stated)
    except ValueError as error:
        reason = _("Rights are: counts, names, tickets, administer.")
        raise Denied(422, "invalid", reason) from error


def _disowned(
    request: Request,
    asked: Disown,
    connection: Connection,
    *,
    parts: Sequence[Part],
    only_tell: bool = False,
) -> Effect:
    event, device = request.path_params["event"], request.path_params["device"]
    changes = devices.disown(connection, event, device, asked.from_ms, only_tell=only_tell)
    if not only_tell:
        look_again(parts, connection, event, changes)
    return changes


def _create(connection: Connection, asked: NewEvent, ends_s: int, now_ms: int) -> None:
    if connection.execute(select(t.event.c.id).where(t.event.c.id == asked.id)).first():
        raise Denied(409, "exists", _("There is an event of that id already."))
    try:
        events.create_event(
            connection, asked.id, asked.name, asked.time_zone, now_ms,
            ends_s=ends_s, keep_days=asked.keep_days,
        )  # fmt: skip
    except UsageError as error:
        raise Denied(422, "invalid", f"{error.message}. {error.hint}") from error


def _change_event(connection: Connection, event: str, asked: EventChange) -> EventLine:
    need_event(connection, event)
    feed.lock(connection, event)
    _key, said = events.said_of(connection, event)
    elsewhere = events.set_zone(connection, event, asked.time_zone or said.time_zone)
    ends_s = None
    if asked.ends is not None:
        ends_s = _end(asked.ends, asked.time_zone or said.time_zone)
    if ends_s is not None or asked.keep_days is not None:
        set_end(connection, event, read_wall_ms(), ends_s=ends_s, keep_days=asked.keep_days)
    if asked.isolated_hours is not None:
        events.say_event(connection, event, isolated_hours=asked.isolated_hours)
    if asked.settings is not None:
        _patch_settings(connection, event, asked.settings)
    found = next(one for one in events.all_events(connection) if one["id"] == event)
    return EventLine(**found, types_elsewhere=elsewhere)


def _patch_settings(connection: Connection, event: str, patch: Mapping[str, Any]) -> None:
    try:
        change_settings(connection, event, partial(patched, patch=patch))
    except UsageError as error:
        raise Denied(422, "invalid", error.message) from error


def _issue(connection: Connection, event: str, wanted: issuing.Issue) -> issuing.Issued:
    need_event(connection, event)
    try:
        return issuing.issue(connection, event, wanted)
    except issuing.Bad as bad:
        raise Denied(422, "bad_rows", "\n".join(bad.errors)) from bad


def _counts(connection: Connection, event: str) -> dict[str, Any]:
    names = devices.names_of(connection, event)
    lines = [
        {**msgspec.to_builtins(line), "device_name": names.get(line.device, line.device)}
        for line in counts.by_gate(connection, event)
    ]
    totals = counts.totals(connection, event)
    admitted = sum(line["admitted"] for line in lines)
    exited = sum(line["exited"] for line in lines)
    return {**totals, "admitted": admitted, "exited": exited, "lines": lines}


def _conflicts(connection: Connection, event: str) -> list[ConflictLine]:
    names = devices.names_of(connection, event)
    return [_clash(one, names) for one in conflicts.find_conflicts(connection, event)]


def _clash(one: Conflict, names: dict[str, str]) -> ConflictLine:
    return ConflictLine(
        ticket=one.ticket,
        ticket_type=one.ticket_type,
        excess=one.excess,
        admissions=[_evidence(entry, names) for entry in one.admissions],
        resolution=_resolved(one.resolution),
    )


def _claims(connection: Connection, event: str) -> list[ClaimLine]:
    names = devices.names_of(connection, event)
    return [
        ClaimLine(
            ticket=one.ticket,
            ticket_type=one.ticket_type,
            undos=[Undo(undo.target, undo.note, _evidence(undo, names)) for undo in one.undos],
            targets=[_evidence(entry, names) for entry in one.targets],
            resolution=_resolved(one.resolution),
        )
        for one in conflicts.open_claims(connection, event)
    ]


def _confirm(connection: Connection, event: str, undo: str, asked: Resolve) -> Entry:
    need_event(connection, event)
    made = conflicts.confirm(
        connection,
        event,
        undo,
        note=asked.note.strip(),
        who=asked.who.strip(),
        now_ms=read_wall_ms(),
    )
    if made is None:
        raise Denied(404, "no_claim", _("There is no undo of that name to be confirmed."))
    return made


def _origins(connection: Connection, event: str) -> list[dict[str, Any]]:
    names = devices.names_of(connection, event)
    return [
        {
            **msgspec.to_builtins(line),
            "device": line.device,
            "device_name": names.get(line.device, line.device),
            "stands_out": line.stands_out,
        }
        for line in counts.of_origins(connection, event)
    ]


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
        for one in conflicts.irregular_admissions(connection, event)
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
        basis_age_ms=entry.basis_age_ms,
        trusted=entry.trusted,
        server_ahead_ms=entry.server_ahead_ms,
        server_error_ms=entry.server_error_ms,
        overruled=entry.overruled or "",
        position=entry.position,
    )


def _alarms(connection: Connection, event: str) -> list[AlarmLine]:
    names = devices.names_of(connection, event)
    return [
        AlarmLine(
            device=one.device,
            device_name=names.get(one.device, one.device),
            kind=kind,
            after=one.after,
            origins=list(one.origins[:ORIGINS_TOLD]),
            count=len(one.origins),
        )
        for kind, find in (
            ("branched", conflicts.find_alarms),
            ("flood", conflicts.find_floods),
        )
        for one in find(connection, event)
    ] + [
        AlarmLine(one.id, one.name, "twin", "", [], 0)
        for one in devices.all_devices(connection)
        if one.event == event and one.twin_ms
    ]


def _settle(connection: Connection, event: str, ticket: str, asked: Resolve) -> Entry:
    need_event(connection, event)
    made = conflicts.resolve(
        connection,
        event,
        ticket,
        note=asked.note.strip(),
        who=asked.who.strip(),
        now_ms=read_wall_ms(),
    )
    if made is None:
        raise Denied(404, "no_conflict", _("There is no conflict on that ticket."))
    return made


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
