"""The page of an event's upstream: how it stands, what it did not take, what people have to say."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.core.ticket import Ticket
from gate.core.upstream_state import UpstreamState
from gate.i18n import N_, _
from gate.text.act_words import act_word
from gate.text.ticket_words import describe
from gate.text.upstream_words import remedy, trouble_line, upstream_line
from sync.server.server import Server
from sync.server.web.level import Level
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit
from sync.server.web.review import address_of_ticket
from sync.upstream import gate_devices, left_out, missing, outbox, standing
from sync.upstream.left_out import LeftOut
from sync.upstream.outbox import NotTaken
from sync.upstream.standing import Standing

PATH: Final = f"{PREFIX}/upstream"


@dataclass(frozen=True, slots=True)
class _Seen:
    """All that the page shows."""

    standing: Standing | None
    state: UpstreamState | None
    failed: list[NotTaken]
    missing: list[Ticket]
    left_out: list[LeftOut]


class UpstreamPages:
    """What of pretix, or whatever the tickets live in, supervisors read and organisers settle."""

    def __init__(self, pages: Pages, server: Server) -> None:
        self._pages, self._server = pages, server
        pages.menu.append(MenuLine(PATH, N_("Upstream"), Level.SUPERVISOR))

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            self._pages.page("/upstream", Level.SUPERVISOR, self._show),
            self._pages.action("/upstream/retry", Level.SUPERVISOR, self._retry),
            self._pages.action("/upstream/void-missing", Level.ORGANISER, self._void),
        ]

    async def _show(self, visit: Visit) -> Response:
        """How it stands."""
        seen = await self._server.read(_look, visit.visitor.event)
        state = seen.state
        return visit.render(
            "upstream.html", 200, seen=seen, zone=visit.zone, describe=describe, act_word=act_word,
            address_of=address_of_ticket, line=upstream_line(state) if state else "",
            trouble=trouble_line(state) if state else "",
            remedy=remedy(state) if state else "",
        )  # fmt: skip

    async def _retry(self, visit: Visit) -> Response:
        """Ask it at once."""
        event, why = visit.visitor.event, visit.form.why()
        await visit.change(
            partial(gate_devices.try_now, event=event), "upstream tried again", "", why
        )
        return visit.go(PATH, _("It is asked now."))

    async def _void(self, visit: Visit) -> Response:
        """Void the tickets that it does not have any more, as many as the person saw."""
        event, why = visit.visitor.event, visit.form.why()
        seen = visit.form.text("seen", 20)
        void = partial(
            missing.void, event=event, seen=int(seen) if seen.isdecimal() else 0,
            now_ms=read_wall_ms(),
        )  # fmt: skip
        done = await visit.change(void, "missing tickets voided", str, why)
        self._server.publish_changes(event)
        return visit.go(PATH, _("{n} tickets were voided.").format(n=done))


def _look(connection: Connection, event: str) -> _Seen:
    found = standing.of_event(connection, event)
    if found is None:
        return _Seen(None, None, [], [], [])
    return _Seen(
        found,
        found.state(read_wall_ms()),
        outbox.not_taken(connection, event),
        missing.some(connection, event),
        left_out.some(connection, event),
    )
