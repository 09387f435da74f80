"""Every route of the pages, in one place: who may open it. Proofs of all pages read it.

A page that is added gets its line here: until then the tests of strangers fail.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

import sync.server.web
from sync.server.web.level import Level

SOURCES: Final = Path(sync.server.web.__file__).parent
ANYBODY: Final = None


@dataclass(frozen=True, slots=True)
class WebRoute:
    """One way to ask."""

    method: str
    path: str
    level: Level | None
    """The least that opens it; ``None``: anybody."""
    is_page: bool = True
    """Whether what it answers is a page that somebody looks at."""

    def address(self, known: Mapping[str, str]) -> str:
        """With something in the place of each parameter: what is known, else a word."""
        return re.sub(
            r"\{(\w+)[^}]*\}", lambda found: known.get(found[1], "nothing"), self.path
        )  # fmt: skip


ROUTES: Final = (
    WebRoute("GET", "/", ANYBODY, is_page=False),
    WebRoute("GET", "/web", ANYBODY, is_page=False),
    WebRoute("GET", "/web/tonight", Level.COUNTS),
    WebRoute("GET", "/web/wall", Level.COUNTS),
    WebRoute("GET", "/web/anomalies", Level.STAFF),
    WebRoute("GET", "/web/anomalies/{anomaly}", Level.STAFF),
    WebRoute("GET", "/web/conflicts", Level.STAFF),
    WebRoute("POST", "/web/conflicts/settle", Level.SUPERVISOR),
    WebRoute("POST", "/web/conflicts/confirm", Level.SUPERVISOR),
    WebRoute("GET", "/web/tickets", Level.STAFF),
    WebRoute("POST", "/web/tickets/find", Level.STAFF),
    WebRoute("POST", "/web/tickets/block", Level.SUPERVISOR),
    WebRoute("POST", "/web/tickets/free", Level.SUPERVISOR),
    WebRoute("POST", "/web/tickets/note", Level.SUPERVISOR),
    WebRoute("GET", "/web/tickets/of/{ticket:path}", Level.STAFF),
    WebRoute("GET", "/web/lists", Level.SUPERVISOR),
    WebRoute("GET", "/web/lists/people/{name}", Level.SUPERVISOR),
    WebRoute("GET", "/web/lists/people/{name}/{form}", Level.SUPERVISOR, is_page=False),
    WebRoute("POST", "/web/lists/upload", Level.SUPERVISOR),
    WebRoute("GET", "/web/lists/upload/{id}", Level.SUPERVISOR),
    WebRoute("POST", "/web/lists/upload/{id}/check", Level.SUPERVISOR),
    WebRoute("POST", "/web/lists/upload/{id}/take", Level.SUPERVISOR),
    WebRoute("POST", "/web/lists/upload/{id}/forget", Level.SUPERVISOR),
    WebRoute("GET", "/web/journal", Level.STAFF),
    WebRoute("GET", "/web/journal/csv", Level.STAFF, is_page=False),
    WebRoute("GET", "/web/journal/jsonl", Level.STAFF, is_page=False),
    WebRoute("GET", "/web/gates", Level.STAFF),
    WebRoute("POST", "/web/gates/message", Level.SUPERVISOR),
    WebRoute("GET", "/web/gates/{device}", Level.STAFF),
    WebRoute("POST", "/web/gates/{device}/profile", Level.SUPERVISOR),
    WebRoute("POST", "/web/gates/{device}/state", Level.SUPERVISOR),
    WebRoute("GET", "/web/gates/{device}/revoke", Level.SUPERVISOR),
    WebRoute("POST", "/web/gates/{device}/revoke", Level.SUPERVISOR),
    WebRoute("GET", "/web/new-gates", Level.SUPERVISOR),
    WebRoute("POST", "/web/new-gates/make", Level.SUPERVISOR),
    WebRoute("POST", "/web/new-gates/withdraw", Level.SUPERVISOR),
    WebRoute("GET", "/web/settings", Level.SUPERVISOR),
    WebRoute("GET", "/web/settings/change", Level.SUPERVISOR),
    WebRoute("POST", "/web/settings/change", Level.SUPERVISOR),
    WebRoute("POST", "/web/settings/remove", Level.SUPERVISOR),
    WebRoute("GET", "/web/settings/event", Level.ORGANISER),
    WebRoute("POST", "/web/settings/event", Level.ORGANISER),
    WebRoute("GET", "/web/operators", Level.ORGANISER),
    WebRoute("POST", "/web/operators/put", Level.ORGANISER),
    WebRoute("POST", "/web/operators/remove", Level.ORGANISER),
    WebRoute("GET", "/web/tokens", Level.ORGANISER),
    WebRoute("POST", "/web/tokens/make", Level.ORGANISER),
    WebRoute("POST", "/web/tokens/roll", Level.ORGANISER),
    WebRoute("POST", "/web/tokens/end", Level.ORGANISER),
    WebRoute("GET", "/web/webhooks", Level.ORGANISER),
    WebRoute("POST", "/web/webhooks/make", Level.ORGANISER),
    WebRoute("POST", "/web/webhooks/ping", Level.ORGANISER),
    WebRoute("POST", "/web/webhooks/end", Level.ORGANISER),
    WebRoute("GET", "/web/upstream", Level.SUPERVISOR),
    WebRoute("POST", "/web/upstream/retry", Level.SUPERVISOR),
    WebRoute("POST", "/web/upstream/void-missing", Level.ORGANISER),
    WebRoute("GET", "/web/browsers", Level.ORGANISER),
    WebRoute("POST", "/web/browsers/link", Level.ORGANISER),
    WebRoute("POST", "/web/browsers/end", Level.ORGANISER),
    WebRoute("GET", "/web/log", Level.ORGANISER),
    WebRoute("GET", "/web/live", Level.COUNTS, is_page=False),
    WebRoute("GET", "/web/sign-in", ANYBODY),
    WebRoute("POST", "/web/sign-in", ANYBODY),
    WebRoute("GET", "/web/link/{secret}", ANYBODY),
    WebRoute("POST", "/web/link/{secret}", ANYBODY),
    WebRoute("GET", "/web/look", ANYBODY, is_page=False),
    WebRoute("GET", "/web/static/{name}", ANYBODY, is_page=False),
    WebRoute("POST", "/web/sign-out", Level.COUNTS),
    WebRoute("GET", "/web/{rest:path}", ANYBODY),
    WebRoute("POST", "/web/{rest:path}", ANYBODY),
)


def pages() -> list[WebRoute]:
    """What somebody looks at."""
    return [one for one in ROUTES if one.is_page and one.method == "GET"]


def routes_of(app: Starlette) -> set[tuple[str, str]]:
    """Method and path of each route of the pages that an application has."""
    return set(_asked(app.routes))


def _asked(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, Route) and (route.path == "/" or route.path.startswith("/web")):
            for method in (route.methods or {"GET"}) - {"HEAD"}:
                yield method, route.path


def names_asked() -> set[str]:
    """Every parameter of an address and field of a form that the pages' source reads."""
    found: set[str] = set()
    for path in SOURCES.glob("**/*.py"):
        found |= set(
            re.findall(r"""(?:query_params|form)[\w.]*[(\[]["'](\w+)["']""", path.read_text())
        )
    for path in SOURCES.glob("templates/*.html"):
        found |= set(re.findall(r'<(?!meta)\w+[^>]*\sname="(\w+)"', path.read_text()))
    return found - {"form"}
