"""The organiser's routes about tokens of their own, and the log of what was done with them."""

from functools import partial
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.i18n import _
from sync.api.administration import NewOrganiser, OrganiserLine
from sync.api.review import AuditRow
from sync.server import audit, organisers
from sync.server.http import Denied, check_name, reply
from sync.server.operation import NOTHING, Body, Operation, Parameter
from sync.server.organiser_requests import OrganiserRequests, organiser
from sync.server.organisers import Organiser, Right, check_reach
from sync.server.server import Server
from sync.wire import PREFIX

_new_organiser = msgspec.json.Decoder(NewOrganiser)
CSV = "text/csv; charset=utf-8"
_AUDIT = Operation(
    list[AuditRow],
    forms=[Body(CSV, "The same as a table.")],
    query=(
        Parameter("after", Annotated[int, Meta(ge=0, lt=10**15)], "The number of a row."),
        Parameter("event", str, "Only of this event."),
        Parameter("format", Literal["json", "csv"], "csv: a table for a spreadsheet."),
    ),
    problems={422: "invalid"},
)


class TokenRoutes:
    """The tokens, none of which can give what it lacks itself, and the audit log."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._requests = OrganiserRequests(server)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        route, tokens = self._requests.route, f"{PREFIX}/organisers"
        token = f"{tokens}/{{organiser}}"
        return [
            route("GET", tokens, Right.ADMINISTER, self._list, Operation(list[OrganiserLine])),
            route("POST", tokens, Right.ADMINISTER, self._create,
                  Operation(OrganiserLine, NewOrganiser, status=201, problems={404: "no_event"})),
            route("POST", f"{token}/roll", Right.ADMINISTER, self._roll,
                  Operation(OrganiserLine, NOTHING, status=201, problems={404: "no_token"})),
            route("POST", f"{token}/end", Right.ADMINISTER, self._end,
                  Operation(OrganiserLine, NOTHING, problems={404: "no_token"})),
            route("GET", f"{PREFIX}/audit", Right.ADMINISTER, self._audit, _AUDIT),
        ]  # fmt: skip

    async def _list(self, request: Request) -> Response:
        """The tokens that are good, without their secrets."""
        event = organiser(request).event
        found = await self._server.read(organisers.good, read_wall_ms(), event)
        return reply([_line(one) for one in found])

    async def _create(self, request: Request) -> Response:
        """A token, for no more than whoever asks may do."""
        mine = organiser(request)
        asked = await self._requests.body(request, _new_organiser)
        check_name(asked.name)
        rights = _rights(asked.rights)
        if not rights <= mine.rights:
            raise Denied(403, "not_allowed", _("A token cannot give what it lacks itself."))
        check_reach(mine, asked.event)
        make = partial(
            organisers.make, name=asked.name, event=asked.event, rights=rights,
            now_ms=read_wall_ms(), lifetime_s=asked.lifetime_s,
        )  # fmt: skip
        token, made = await self._requests.write(
            request, make, "token made", event=asked.event, about=lambda made: made[1].text
        )
        return reply(_line(made, token), 201)

    async def _roll(self, request: Request) -> Response:
        """A new token in the place of one, which is good for a day beside it."""
        await self._requests.raw_body(request)
        old = await self._one_of_mine(request)
        token, made = await self._requests.write(
            request, partial(organisers.roll, id_=old.id, now_ms=read_wall_ms()), "token rolled",
            event=old.event, about=lambda made: f"{old.id} to {made[1].text}",
        )  # fmt: skip
        return reply(_line(made, token), 201)

    async def _end(self, request: Request) -> Response:
        """A token is good for nothing from now on."""
        await self._requests.raw_body(request)
        old = await self._one_of_mine(request)
        job = partial(organisers.end, id_=old.id, now_ms=read_wall_ms())
        await self._requests.write(request, job, "token ended", event=old.event, about=old.who)
        return reply(_line(old))

    async def _one_of_mine(self, request: Request) -> Organiser:
        """The token that is meant, which may do nothing that whoever asks may not."""
        id_ = request.path_params["organiser"]
        found = await self._server.read(organisers.need, id_, read_wall_ms())
        mine = organiser(request)
        if not found.rights <= mine.rights or not mine.reaches(found.event):
            raise Denied(404, "no_token", _("There is no such token that is good."))
        return found

    async def _audit(self, request: Request) -> Response:
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
            return Response(audit.as_csv(rows), media_type=CSV)
        return reply([AuditRow(**msgspec.structs.asdict(row), hash=hash_) for row, hash_ in rows])


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
