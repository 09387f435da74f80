"""The log: who did what about the event at its server or host, the newest first."""

from functools import partial
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.i18n import N_
from sync.server import audit
from sync.server.web.level import Level
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit

PATH: Final = f"{PREFIX}/log"
PAGE: Final = 50


class LogPages:
    """The audit log, a page at a time."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        pages.menu.append(MenuLine(PATH, N_("Log"), Level.ORGANISER))

    def routes(self) -> list[BaseRoute]:
        """The one."""
        return [self._pages.page("/log", Level.ORGANISER, self._show)]

    async def _show(self, visit: Visit) -> Response:
        """Rows of this event alone, before a number where one is named."""
        text = visit.request.query_params.get("before", "")
        before = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0
        read = partial(audit.newest, event=visit.visitor.event, before=before, limit=PAGE + 1)
        rows = await self._pages.access.read(read)
        older = rows[PAGE - 1].seq if len(rows) > PAGE else 0
        return visit.render("log.html", 200, rows=rows[:PAGE], before=before, older=older,
                            zone=visit.zone)  # fmt: skip
