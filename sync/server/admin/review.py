"""What supervisors look into: counts, and what of the entries wants somebody's word."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gate.clock import read_wall_ms
from gate.core.entry import Entry
from gate.core.history import Conflict
from gate.i18n import _
from gate.text.anomaly_words import views
from sync.api.review import (
    AlarmLine,
    AnomalyLine,
    ClaimLine,
    ConflictLine,
    CountLine,
    Counts,
    Evidence,
    IrregularLine,
    OriginLine,
    Questionable,
    Resolve,
    Resolved,
    Undo,
    Voided,
)
from sync.server import conflicts, counts, devices, events
from sync.server.devices import need_event
from sync.server.http import Denied, reply
from sync.server.operation import Operation
from sync.server.organiser_requests import OrganiserRequests
from sync.server.organisers import Right
from sync.server.server import Server
from sync.wire import PREFIX

ORIGINS_NAMED = 20
"""Origins that are named in an alarm."""
_resolve = msgspec.json.Decoder(Resolve)


class ReviewRoutes:
    """Counts, conflicts, irregular admissions, claims, alarms: read, and settled by a person."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._requests = OrganiserRequests(server)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        route, event = self._requests.route, f"{PREFIX}/events/{{event}}"
        resolve, confirm = "conflicts/{ticket}/resolve", "claims/{undo}/confirm"
        return [
            self._reading(f"{event}/counts", Right.COUNTS, _counts, Counts),
            self._reading(f"{event}/conflicts", Right.NAMES, _conflicts, list[ConflictLine]),
            self._reading(f"{event}/irregular", Right.NAMES, _irregular, list[IrregularLine]),
            route("POST", f"{event}/{resolve}", Right.TICKETS, self._resolve,
                  Operation(Resolved, Resolve, problems={404: "no_conflict", 422: "too_large"})),
            self._reading(f"{event}/alarms", Right.COUNTS, _alarms, list[AlarmLine]),
            self._reading(f"{event}/claims", Right.NAMES, _claims, list[ClaimLine]),
            route("POST", f"{event}/{confirm}", Right.TICKETS, self._confirm,
                  Operation(Resolved, Resolve, problems={404: "no_claim", 422: "too_large"})),
            self._reading(f"{event}/origins", Right.COUNTS, _origins, list[OriginLine]),
            self._reading(
                f"{event}/anomalies", Right.NAMES, self._anomaly_lines, list[AnomalyLine]
            ),
        ]  # fmt: skip

    def _reading(
        self, path: str, right: Right, job: Callable[[Connection, str], Any], answers: Any
    ) -> Route:
        """A route whose answer is what is read of the event; the job's docstring says what."""

        async def answer(request: Request) -> Response:
            return reply(await self._requests.read(request, job))

        answer.__doc__ = job.__doc__
        return self._requests.route("GET", path, right, answer, Operation(answers))

    def _anomaly_lines(self, connection: Connection, event: str) -> list[AnomalyLine]:
        """What is unlike an honest evening, with the entries that it rests on."""
        found = self._server.anomalies.look(connection, event, read_wall_ms())
        zone = ZoneInfo(events.row_of(connection, event).time_zone)
        return [
            AnomalyLine(
                kind=one.kind.value,
                severity=one.severity.value,
                title=one.title,
                sentence=one.sentence,
                remedy=one.remedy,
                about=one.about,
                gates=one.gates,
                at_ms=one.at_ms,
                until_ms=one.until_ms,
                entries=one.entries,
            )
            for one in views(found, zone)
        ]

    async def _resolve(self, request: Request) -> Response:
        """Settle a conflict, or irregular admissions, with a reason."""
        nobody = _("A conflict is settled by somebody, with a reason.")
        ticket = request.path_params["ticket"]
        return await self._record(request, "resolve", ticket, _settle, nobody)

    async def _confirm(self, request: Request) -> Response:
        """Let an undo of what another device did count."""
        nobody = _("An undo is confirmed by somebody, with a reason.")
        return await self._record(
            request, "confirm", request.path_params["undo"], _confirm_undo, nobody
        )

    async def _record(
        self,
        request: Request,
        act: str,
        about: str,
        record: Callable[[Connection, str, str, Resolve], Entry],
        nobody: str,
    ) -> Response:
        """Record somebody's word on a ticket or an entry, as an entry of the server's."""
        event = request.path_params["event"]
        asked = await self._requests.body(request, _resolve)
        if not (asked.note.strip() and asked.who.strip()):
            raise Denied(422, "invalid", nobody)

        def job(connection: Connection) -> Entry:
            need_event(connection, event)
            return record(connection, event, about, asked)

        entry = await self._requests.write(request, job, act, event=event, about=about)
        self._server.streams.wake(event, {})
        return reply(Resolved(entry.note, entry.operator, entry.at_ms))


def _counts(connection: Connection, event: str) -> Counts:
    """How many went in and out, by device and gate."""
    names = devices.names_of(connection, event)
    lines = [
        CountLine(**asdict(line), device_name=names.get(line.device, line.device))
        for line in counts.by_gate(connection, event)
    ]
    return Counts(
        **counts.totals(connection, event),
        admitted=sum(line.admitted for line in lines),
        exited=sum(line.exited for line in lines),
        lines=lines,
    )


def _conflicts(connection: Connection, event: str) -> list[ConflictLine]:
    """Tickets on which more went in than they are good for."""
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
    """Tickets with undos that nobody has confirmed."""
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


def _confirm_undo(connection: Connection, event: str, undo: str, asked: Resolve) -> Entry:
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


def _origins(connection: Connection, event: str) -> list[OriginLine]:
    """What each start of a device has done."""
    names = devices.names_of(connection, event)
    return [
        OriginLine(
            **asdict(line),
            device=line.device,
            device_name=names.get(line.device, line.device),
            stands_out=line.stands_out,
        )
        for line in counts.of_origins(connection, event)
    ]


def _irregular(connection: Connection, event: str) -> list[IrregularLine]:
    """Tickets that were used and are, or were, void."""
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
                    Voided(**asdict(judged.void)),
                )
                for judged in one.admissions
            ],
            resolution=_resolved(one.resolution),
        )
        for one in conflicts.irregular_admissions(connection, event)
    ]


def _resolved(resolution: Entry | None) -> Resolved | None:
    return Resolved(resolution.note, resolution.operator, resolution.at_ms) if resolution else None


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
    """Devices that were cloned, restored or rolled back, that flood, or that two machines are."""
    names = devices.names_of(connection, event)
    return [
        AlarmLine(
            device=one.device,
            device_name=names.get(one.device, one.device),
            kind=kind,
            after=one.after,
            origins=list(one.origins[:ORIGINS_NAMED]),
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
