"""Routes that read what was done: by devices, and by people at the server."""

from functools import partial
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from msgspec import Meta
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.core.entry import Entry
from gate.i18n import _
from gate.storage.moments import BadMoment, Side, second_of
from sync.api.review import AuditLine, AuditLines, EntryLine, JournalLines
from sync.server import audit, devices, events, stories
from sync.server.answers import answers_of
from sync.server.http import Denied, reply
from sync.server.operation import Operation, Parameter
from sync.server.organiser_requests import OrganiserRequests
from sync.server.organisers import Right
from sync.server.server import Server
from sync.server.stories import Wanted
from sync.wire import PREFIX

CODE_DIGITS: Final = 8
"""Of a code's keyed hash: enough to see that it came again."""
AUDIT_PAGE: Final = 200
_FIELDS: Final = ("device", "ticket", "outcome", "reason", "operator")
_AFTER = Parameter(
    "after", Annotated[int, Meta(ge=0, lt=10**15)], "The number that the page before ended with."
)
_JOURNAL = Operation(
    JournalLines,
    query=[
        *(Parameter(name, str, "Only entries that have this.") for name in _FIELDS),
        Parameter("from", str, "From this day or moment on, in the event's zone."),
        Parameter("to", str, "To the end of this day or moment."),
        _AFTER,
    ],
    problems={422: "invalid"},
)
_AUDIT = Operation(AuditLines, query=[_AFTER], problems={422: "invalid"})


class JournalRoutes:
    """The journal of all devices, filtered; and the log of who did what at the server."""

    def __init__(self, server: Server) -> None:
        self._requests = OrganiserRequests(server)

    def routes(self) -> list[BaseRoute]:
        """Both of them."""
        route, event = self._requests.route, f"{PREFIX}/events/{{event}}"
        return [
            route("GET", f"{event}/journal", Right.NAMES, self._journal, _JOURNAL),
            route("GET", f"{event}/audit", Right.ADMINISTER, self._audit, _AUDIT),
        ]

    async def _journal(self, request: Request) -> Response:
        """A page of entries, in the order in which the server took them in."""
        query = dict(request.query_params)
        return reply(await self._requests.read(request, partial(_page, query=query)))

    async def _audit(self, request: Request) -> Response:
        """A page of the log, in order."""
        after = _number(dict(request.query_params))
        return reply(await self._requests.read(request, partial(_audit_page, after=after)))


def _page(connection: Connection, event: str, query: dict[str, str]) -> JournalLines:
    zone = ZoneInfo(events.row_of(connection, event).time_zone)

    def moment(name: str, side: Side) -> int | None:
        try:
            return second_of(query[name], zone, side) * 1000 if query.get(name) else None
        except BadMoment as bad:
            raise Denied(422, "invalid", f"{name}: {bad}") from bad

    until_ms = moment("to", Side.END)
    wanted = Wanted(
        **{name: query.get(name, "") for name in _FIELDS},
        from_ms=moment("from", Side.BEGIN),
        # An end is meant to its last millisecond.
        until_ms=None if until_ms is None else until_ms + 1000,
    )
    page = stories.journal(connection, event, wanted, _number(query))
    names = devices.names_of(connection, event)
    given = answers_of(connection, event, (entry for _number, entry in page.entries))
    lines = [
        entry_line(entry, names, number, given.get(entry.name)) for number, entry in page.entries
    ]
    return JournalLines(lines, page.after, page.has_more)


def _audit_page(connection: Connection, event: str, after: int) -> AuditLines:
    found = audit.rows(connection, after, event=event, limit=AUDIT_PAGE + 1)
    lines = [
        AuditLine(row.seq, row.at_ms, row.who, row.address, row.act, row.about, hashed)
        for row, hashed in found[:AUDIT_PAGE]
    ]
    return AuditLines(lines, lines[-1].seq if lines else after, len(found) > AUDIT_PAGE)


def _number(query: dict[str, str]) -> int:
    """The number that a page comes after. Raises Denied."""
    stated = query.get("after", "0")
    if not (stated.isascii() and stated.isdecimal() and len(stated) < 16):
        raise Denied(422, "invalid", _("after is the number that the page before ended with."))
    return int(stated)


def entry_line(
    entry: Entry,
    names: dict[str, str],
    number: int = 0,
    answers: dict[str, str] | None = None,
) -> EntryLine:
    """An entry for whoever may know who did it; no code is in it, nor enough of its hash to try."""
    return EntryLine(
        name=entry.name,
        device=entry.device,
        device_name=devices.name_of(names, entry.origin),
        act=entry.act,
        at_ms=entry.at_ms,
        trusted=entry.trusted,
        basis=entry.basis,
        number=number,
        gate=entry.gate,
        zone=entry.zone,
        operator=entry.operator,
        ticket=entry.ticket,
        ticket_type=entry.ticket_type,
        code=entry.code[:CODE_DIGITS],
        outcome=entry.outcome or "",
        reason=entry.reason or "",
        overruled=entry.overruled or "",
        persons=entry.persons,
        uses=entry.uses,
        basis_age_ms=entry.basis_age_ms,
        flags=entry.flags,
        target=entry.target,
        count=entry.count,
        note=entry.note,
        answered=entry.answered,
        answers=answers or {},
    )
