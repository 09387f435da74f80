"""Tokens: what programs of the organiser's ask this server with, for the event whose page it is."""

from functools import partial
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.i18n import N_, _
from sync.server import organisers
from sync.server.http import Denied
from sync.server.organisers import Organiser, Right
from sync.server.server import Server
from sync.server.web.level import Level
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit

PATH: Final = f"{PREFIX}/tokens"
DAYS: Final = (1, 7, 30, 90, 365)
"""For how long a token may be good."""
RIGHTS: Final = {
    Right.COUNTS: N_("read numbers and devices"),
    Right.NAMES: N_("read what names people"),
    Right.TICKETS: N_("state tickets, settle conflicts"),
    Right.ADMINISTER: N_("devices, settings, tokens, erasure"),
}


class TokenPages:
    """The event's tokens listed, made, rolled and ended."""

    def __init__(self, pages: Pages, server: Server) -> None:
        self._pages = pages
        self._server = server
        pages.menu.append(MenuLine(PATH, N_("Tokens"), Level.ORGANISER))

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        page, action, level = self._pages.page, self._pages.action, Level.ORGANISER
        return [
            page("/tokens", level, self._list),
            action("/tokens/make", level, self._make),
            action("/tokens/roll", level, self._roll),
            action("/tokens/end", level, self._end),
        ]

    async def _list(self, visit: Visit) -> Response:
        """Those that are good for this event alone; one for all events is no page's."""
        found = await self._server.read(organisers.good, read_wall_ms(), visit.visitor.event)
        return visit.render("tokens.html", 200, tokens=found, rights=RIGHTS, days=DAYS,
                            zone=visit.zone)  # fmt: skip

    async def _make(self, visit: Visit) -> Response:
        """A token, shown this once."""
        form, why = visit.form, visit.form.why()
        days = next((one for one in DAYS if form["days"] == str(one)), 0)
        if not days:
            raise Denied(422, "invalid", _("Say for how many days the token is good."))
        make = partial(
            organisers.make, name=form.text("name", 60), event=visit.visitor.event,
            rights=[right for right in Right if form[f"right-{right}"]], now_ms=read_wall_ms(),
            lifetime_s=days * 86_400,
        )  # fmt: skip
        made = await visit.change(make, "token made", lambda made: made[1].text, why)
        return self._shown(visit, *made)

    async def _roll(self, visit: Visit) -> Response:
        """Another in its place; the old one is good for a day beside it."""
        old, why = await self._mine(visit), visit.form.why()
        roll = partial(organisers.roll, id_=old.id, now_ms=read_wall_ms())
        made = await visit.change(
            roll, "token rolled", lambda made: f"{old.id} to {made[1].id}", why
        )
        return self._shown(visit, *made)

    async def _end(self, visit: Visit) -> Response:
        """Good for nothing from now on."""
        old, why = await self._mine(visit), visit.form.why()
        job = partial(organisers.end, id_=old.id, now_ms=read_wall_ms())
        await visit.change(job, "token ended", old.who, why)
        return visit.go(PATH, _("ended: {id}").format(id=old.id))

    async def _mine(self, visit: Visit) -> Organiser:
        """The token that the form names. Raises Denied for another event's."""
        id_, now_ms = visit.form.text("token", 64), read_wall_ms()
        found = await self._server.read(organisers.need, id_, now_ms)
        if found.event != visit.visitor.event:
            raise Denied(404, "no_token", _("There is no such token that is good."))
        return found

    def _shown(self, visit: Visit, secret: str, made: Organiser) -> Response:
        return visit.render("token.html", 200, secret=secret, made=made, zone=visit.zone)
