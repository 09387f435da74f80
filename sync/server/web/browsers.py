"""Browsers: links that open the pages, browsers that were paired, and who is signed in at them."""

from functools import partial
from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.i18n import N_, _
from sync.server.http import Denied
from sync.server.web import links, sessions
from sync.server.web.level import Level
from sync.server.web.links import HOUR_MS, Kind, WebLink
from sync.server.web.links import PATH as LINK_PATH
from sync.server.web.new_gates import code_of
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit
from sync.server.web.sessions import Browser, Session

PATH: Final = f"{PREFIX}/browsers"
HOURS: Final = (1, 6, 24, 72)
"""For how long a link may be good."""
KINDS: Final = {
    Kind.COUNTS: N_("read-only: counts, no names"),
    Kind.BROWSER: N_("pairs a browser, once"),
    Kind.ORGANISER: N_("makes an organiser, once"),
}
MADE: Final = (Kind.COUNTS, Kind.BROWSER)
"""Kinds that a page makes: an organiser's is made at the server's own machine."""
LEVELS: Final = {
    Level.COUNTS.name: N_("counts only"),
    Level.STAFF.name: N_("staff"),
    Level.SUPERVISOR.name: N_("supervisor"),
    Level.ORGANISER.name: N_("organiser"),
}
_Known = tuple[list[WebLink], list[Browser], list[Session]]


class BrowserPages:
    """Who may see the event's pages: listed, let in, shut out."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        pages.menu.append(MenuLine(PATH, N_("Browsers"), Level.ORGANISER))

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        page, action, level = self._pages.page, self._pages.action, Level.ORGANISER
        return [
            page("/browsers", level, self._list),
            action("/browsers/link", level, self._make),
            action("/browsers/end", level, self._end),
        ]

    async def _list(self, visit: Visit) -> Response:
        """Everything that opens a page of the event."""
        found = await self._pages.access.read(_known, visit.visitor.event, read_wall_ms())
        return visit.render(
            "browsers.html", 200, links=found[0], browsers=found[1], sessions=found[2],
            kinds=KINDS, made=MADE, hours=HOURS, levels=LEVELS, zone=visit.zone,
            now_ms=read_wall_ms(),
        )  # fmt: skip

    async def _make(self, visit: Visit) -> Response:
        """A link for somebody, shown this once."""
        form, why = visit.form, visit.form.why()
        kind = next((one for one in MADE if one == form["kind"]), None)
        hours = next((one for one in HOURS if form["hours"] == str(one)), 0)
        if kind is None or not hours:
            raise Denied(422, "invalid", _("Say what the link is for, and for how long."))
        make = partial(
            links.make, event=visit.visitor.event, kind=kind, name=form.text("name", 40),
            made_by=visit.visitor.who, now_ms=read_wall_ms(), hours=hours,
        )  # fmt: skip
        secret, made = await visit.change(make, "web link made", lambda made: made[1].text, why)
        link = f"{str(visit.request.base_url).rstrip('/')}{LINK_PATH}{secret}"
        return visit.render(
            "browser_link.html", 200, made=made, kind=_(KINDS[kind]), link=link, code=code_of(link),
            hours=(made.ends_ms - made.made_ms) // HOUR_MS,
        )  # fmt: skip

    async def _end(self, visit: Visit) -> Response:
        """Whatever has that id opens nothing any more."""
        id_, why = visit.form.text("id", 64), visit.form.why()
        job = partial(end, event=visit.visitor.event, id_=id_, now_ms=read_wall_ms())
        await visit.change(job, "web end", id_, why)
        return visit.go(PATH, _("ended: {id}").format(id=id_))


def end(connection: Connection, event: str, id_: str, now_ms: int) -> None:
    """End the link, browser or session of an id. Raises Denied when there is none."""
    if sessions.end(connection, event, id_) or sessions.end_browser(connection, event, id_):
        return
    try:
        links.end(connection, event, id_, now_ms)
    except Denied as denied:
        reason = _("There is no such link, browser or session.")
        raise Denied(404, "not_found", reason) from denied


def _known(connection: Connection, event: str, now_ms: int) -> _Known:
    return (
        links.good(connection, event, now_ms),
        sessions.browsers(connection, event, now_ms),
        sessions.sessions(connection, event, now_ms),
    )
