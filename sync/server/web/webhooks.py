"""Webhooks: programs that this server tells what happens in the event, and how that goes."""

from functools import partial
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.i18n import N_, _
from sync.server.server import Server
from sync.server.web.level import Level
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit
from sync.server.webhooks import registered
from sync.server.webhooks.payloads import CHOSEN
from sync.server.webhooks.signed import ping

PATH: Final = f"{PREFIX}/webhooks"
_URL_LENGTH: Final = 1024


class WebhookPages:
    """The event's webhooks listed with their state, made, tried and ended."""

    def __init__(self, pages: Pages, server: Server) -> None:
        self._pages = pages
        self._server = server
        pages.menu.append(MenuLine(PATH, N_("Webhooks"), Level.ORGANISER))

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        page, action, level = self._pages.page, self._pages.action, Level.ORGANISER
        return [
            page("/webhooks", level, self._list),
            action("/webhooks/make", level, self._make),
            action("/webhooks/ping", level, self._ping),
            action("/webhooks/end", level, self._end),
        ]

    async def _list(self, visit: Visit) -> Response:
        """What waits for each, and how the last try went."""
        found = await self._server.read(registered.lines, visit.visitor.event)
        return visit.render("webhooks.html", 200, webhooks=found, kinds=sorted(CHOSEN),
                            zone=visit.zone)  # fmt: skip

    async def _make(self, visit: Visit) -> Response:
        """Another, which is told what happens from now on; its secret is shown this once."""
        form, why = visit.form, visit.form.why()
        url = form.text("url", _URL_LENGTH)
        registered.check_url(url, self._server.settings.callback_to)
        make = partial(
            registered.make, event=visit.visitor.event, url=url, now_ms=read_wall_ms(),
            kinds=[kind for kind in sorted(CHOSEN) if form[f"kind-{kind}"]],
        )  # fmt: skip
        made = await visit.change(make, "webhook made", lambda made: made.text, why)
        return visit.render("webhook.html", 200, webhook=made)

    async def _ping(self, visit: Visit) -> Response:
        """Tell it something at once, and say what came of it."""
        id_ = visit.form.text("webhook", 64)
        need = partial(registered.need, event=visit.visitor.event, id_=id_)
        webhook = await self._server.read(need)
        why_not = await ping(self._server.deliveries.http, webhook)
        note = partial(registered.note_try, id_=id_, why_not=why_not, now_ms=read_wall_ms())
        await visit.change(note, "webhook tried", id_, why_not)
        notice = _("It took nothing: {why}").format(why=why_not) if why_not else _("It answered.")
        return visit.go(PATH, notice)

    async def _end(self, visit: Visit) -> Response:
        """It is told nothing any more."""
        id_, why = visit.form.text("webhook", 64), visit.form.why()
        job = partial(registered.remove, event=visit.visitor.event, id_=id_)
        await visit.change(job, "webhook ended", id_, why)
        return visit.go(PATH, _("ended: {id}").format(id=id_))
