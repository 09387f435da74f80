"""New gates: a link for one, as a code that its camera reads off a phone, and those still open."""

import base64
from collections.abc import Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.i18n import _
from gate.storage.enrolment_link import is_believable, link_to
from gate.text import square_code
from sync.server import address, enrolment
from sync.server.address import Address
from sync.server.enrolment import Link
from sync.server.http import Denied
from sync.server.server import Server
from sync.server.web.level import Level
from sync.server.web.pages import PREFIX, Pages, Visit

PATH: Final = f"{PREFIX}/new-gates"
LIFETIMES_MIN: Final = (15, 60, 1440)
"""For how long a link may be good."""


def code_of(link: str) -> str:
    """A link as a picture that a page can hold itself."""
    return "data:image/png;base64," + base64.b64encode(square_code.picture(link)).decode()


class NewGatePages:
    """Links by which devices enrol at this server."""

    def __init__(self, pages: Pages, server: Server) -> None:
        self._pages = pages
        self._server = server

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        page, action, level = self._pages.page, self._pages.action, Level.SUPERVISOR
        return [
            page("/new-gates", level, self._list),
            action("/new-gates/make", level, self._make),
            action("/new-gates/withdraw", level, self._withdraw),
        ]

    async def _list(self, visit: Visit) -> Response:
        """What can still be used."""
        return visit.render("new_gates.html", 200, links=await self._links(visit),
                            now_ms=read_wall_ms(), lifetimes=LIFETIMES_MIN)  # fmt: skip

    async def _links(self, visit: Visit) -> Sequence[Link]:
        open_links = partial(enrolment.links, event=visit.visitor.event, now_ms=read_wall_ms())
        return await self._server.read(open_links)

    async def _make(self, visit: Visit) -> Response:
        """A link, shown this once."""
        form, why = visit.form, visit.form.why()
        name = form.text("name", 60)
        minutes = next((one for one in LIFETIMES_MIN if form["minutes"] == str(one)), 0)
        if not minutes:
            raise Denied(422, "invalid", _("Say for how long the link is good."))
        leads_to = await self._server.read(_address)
        mint = partial(
            enrolment.mint_token, event=visit.visitor.event, name=name, now_ms=read_wall_ms(),
            lifetime_s=minutes * 60,
        )  # fmt: skip
        token, _ends_ms = await visit.change(
            mint, "invite", lambda made: enrolment.link_id(made[0]), why
        )
        link = link_to(leads_to.url, token, leads_to.fingerprint)
        return visit.render(
            "new_gate.html", 200, name=name, minutes=minutes, link=link, code=code_of(link)
        )

    async def _withdraw(self, visit: Visit) -> Response:
        """Good for nothing any more."""
        id_, why = visit.form.text("link", 64), visit.form.why()
        job = partial(
            enrolment.withdraw, event=visit.visitor.event, id_or_name=id_, now_ms=read_wall_ms()
        )
        await visit.change(job, "withdraw", id_, why)
        return visit.go(PATH, _("Withdrawn."))


def _address(connection: Connection) -> Address:
    """Where gates reach the server. Raises Denied where none would go."""
    found = address.kept(connection)
    if found is None or not is_believable(found.url):
        reason = _("Nobody knows where gates reach this server: start it with --url https://…")
        raise Denied(409, "no_address", reason)
    return found
