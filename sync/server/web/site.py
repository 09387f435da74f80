"""All the pages of one server process, or of one host."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gate.i18n import _
from sync.server.access import Access
from sync.server.http import Denied
from sync.server.part import Part
from sync.server.server import Server
from sync.server.web.anomaly_pages import AnomalyPages
from sync.server.web.audit_log import LogPages
from sync.server.web.authority import Authority
from sync.server.web.browsers import BrowserPages
from sync.server.web.conflict_pages import ConflictPages
from sync.server.web.event_page import EventPage
from sync.server.web.gates import GatePages
from sync.server.web.lists import list_routes
from sync.server.web.live import Live
from sync.server.web.new_gates import NewGatePages
from sync.server.web.operators import OperatorPages
from sync.server.web.pages import PREFIX, Pages, went
from sync.server.web.review import Review
from sync.server.web.server_authority import ServerAuthority
from sync.server.web.server_lists import ServerLists
from sync.server.web.server_numbers import ServerSource
from sync.server.web.server_review import ServerReview
from sync.server.web.settings_pages import SettingsPages
from sync.server.web.sign_in import HOME, SignIn
from sync.server.web.source import Source
from sync.server.web.static_files import static_route
from sync.server.web.ticket_pages import TicketPages
from sync.server.web.tokens import TokenPages
from sync.server.web.tonight import TonightPages
from sync.server.web.webhooks import WebhookPages


class Site:
    """The pages that are there wherever the numbers come from; others may be added."""

    def __init__(self, access: Access, source: Source, *, needs_tls: bool) -> None:
        self.pages = Pages(access, source, needs_tls=needs_tls)
        self.live = Live(self.pages)
        self._routes: list[BaseRoute] = [
            *TonightPages(self.pages, self.live).routes(),
            *SignIn(self.pages).routes(),
            *self.live.routes(),
            static_route(),
        ]

    def add_changes(self, authority: Authority) -> None:
        """The pages on which whoever may says what goes on at the gates, and who may."""
        pages = self.pages
        for one in (
            GatePages(pages, authority),
            SettingsPages(pages, authority),
            EventPage(pages, authority),
            OperatorPages(pages, authority),
            BrowserPages(pages),
        ):
            self.add(one.routes())

    def add_log(self) -> None:
        """The page on which all that was done is; the last in the menu."""
        self.add(LogPages(self.pages).routes())

    def add(self, routes: Sequence[BaseRoute]) -> None:
        """More pages."""
        self._routes += routes

    def review(self, review: Review) -> None:
        """The pages about tickets, and what does not add up on them."""
        for made in (ConflictPages, AnomalyPages, TicketPages):
            self.add(made(self.pages, review).routes())

    def routes(self) -> list[BaseRoute]:
        """All of them, and a page for every address beneath that is none of theirs."""
        return [
            Route("/", _home),
            *self._routes,
            Route(PREFIX, _home),
            self.pages.open("/{rest:path}", self._nowhere, methods=["GET", "POST"]),
        ]

    async def _nowhere(self, request: Request) -> Response:
        if request.url.path == f"{PREFIX}/":
            return went(HOME)
        self.pages.check_stranger(request)
        raise Denied(404, "not_found", _("There is no such page."))


def server_site(server: Server, parts: Sequence[Part], *, needs_tls: bool) -> Site:
    """The pages of a server and its parts."""
    site = Site(server.access, ServerSource(server), needs_tls=needs_tls)
    site.review(ServerReview(server))
    site.add(NewGatePages(site.pages, server).routes())
    site.add_changes(ServerAuthority(server))
    site.add(TokenPages(site.pages, server).routes())
    site.add(WebhookPages(site.pages, server).routes())
    site.add(list_routes(site.pages, ServerLists(server)))
    for part in parts:
        site.add(part.pages(site.pages, server))
    site.add_log()
    server.metrics.watch("gate_pages", "Pages that are told news", lambda: site.live.open)
    return site


async def _home(_request: Request) -> Response:
    return went(HOME)
