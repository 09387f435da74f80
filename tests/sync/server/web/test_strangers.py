"""Who may open which page, and what strangers' texts do there: nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from jinja2 import Environment
from sqlalchemy import Connection
from starlette.responses import Response
from starlette.routing import Route

from gate.core.entry import Act
from gate.core.event_device import DeviceReport
from gate.core.outcome import Outcome, Reason
from gate.core.place import Role
from gate.storage.folder import Folder
from sync.host.folder_numbers import FolderSource
from sync.host.pages import create_pages, open_web
from sync.server import events
from sync.server import tables as t
from sync.server.web import guard
from sync.server.web import pages as pages_module
from sync.server.web.level import Level
from sync.server.web.links import Kind
from sync.server.web.pages import Visit
from sync.server.web.server_numbers import ServerSource
from sync.server.web.site import Site
from tests.support.central import Central, Maker, ask, central
from tests.support.inert import HOSTILE, live_parts
from tests.support.web import Browser, OpenPage, add_operators, browser, link, signed_in
from tests.support.web_routes import ANYBODY, ROUTES, WebRoute, names_asked, pages, routes_of

TEXTS = [
    pytest.param(text, id=str(n), marks=[pytest.mark.long] if n else [])
    for n, text in enumerate(HOSTILE)
]
"""The first is sent in every run."""

SIGN_OUT = "/web/sign-out"
KNOWN = {"name": "web.css"}


@pytest.fixture(autouse=True)
def _as_often_as_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.server.limits.Buckets.take", lambda _self, _who: 0.0)


@asynccontextmanager
async def visitor(running: Central, level: Level | None) -> AsyncIterator[Browser]:
    """A browser of somebody with that level; ``None``: of nobody."""
    if level in (Level.STAFF, Level.SUPERVISOR):
        role = Role.STAFF if level is Level.STAFF else Role.SUPERVISOR
        async with signed_in(running, role) as at:
            yield at
        return
    async with browser(running.app) as at:
        if level is not ANYBODY:
            kind = Kind.COUNTS if level is Level.COUNTS else Kind.ORGANISER
            await at.open_link(await link(running, kind))
        yield at


async def status(running: Central, at: Browser, route: WebRoute) -> int:
    """What a request by that route is answered with; a form is a page's of that browser."""
    path = route.address(KNOWN)
    if path == "/web/live":
        page = OpenPage(running.app, at)
        found = await page.begun()
        await page.close()
        return found
    if route.method == "GET":
        return (await at.http.get(path)).status_code
    secret = at.http.cookies.get("__Host-gate-session") or ""
    fields = {"form": guard.form_token(secret)}
    return (await at.http.post(path, data=fields)).status_code


async def wrongly_answered(running: Central, level: Level | None, at: Browser) -> list[str]:
    """Routes that let somebody in who may not, or keep somebody out who may."""
    at.http.follow_redirects = False
    found = []
    # Last what ends the session.
    for route in sorted(ROUTES, key=lambda one: one.path == SIGN_OUT):
        got = await status(running, at, route)
        if not _is_right(route, level, got):
            found.append(f"{route.method} {route.path}: {got}")
    return found


def _is_right(route: WebRoute, level: Level | None, got: int) -> bool:
    if route.level is ANYBODY:
        return got != 500
    if level is None:
        return got == (303 if route.method == "GET" else 401)
    if level < route.level:
        return got == 403
    return got not in (401, 403, 500)


async def test_every_route_is_in_the_table(tmp_path: Path, folder: Folder) -> None:
    """Whoever adds a page says who may open it; a host has none that a server has not."""
    async with central(tmp_path) as running:
        assert routes_of(running.app) == {(one.method, one.path) for one in ROUTES}
    engine, source = open_web(folder), FolderSource(folder, tuple)
    assert routes_of(create_pages(engine, source, needs_tls=True)) <= {
        (one.method, one.path) for one in ROUTES
    }
    source.close()
    engine.dispose()


@pytest.mark.examples(3)
@pytest.mark.parametrize("level", [ANYBODY, *Level], ids=lambda one: one.name if one else "NOBODY")
async def test_each_sees_what_is_for_them(tmp_path: Path, level: Level | None) -> None:
    """Nobody is led to the way in; who is signed in may what their level may, and no more."""
    async with central(tmp_path) as running, visitor(running, level) as at:
        assert await wrongly_answered(running, level, at) == []


@pytest.mark.examples(1)
@pytest.mark.parametrize("level", list(Level), ids=lambda one: one.name)
async def test_a_lapsed_session_is_none(tmp_path: Path, level: Level) -> None:
    """By its end, by not being used, or by being ended: as if it had never been."""
    async with central(tmp_path) as running:
        for lapse in (_end, _leave, _revoke):
            async with visitor(running, level) as at:
                await running.server.write(lapse)
                if lapse is _leave and level is Level.COUNTS:
                    continue  # a read-only link is good until its end
                assert await wrongly_answered(running, None, at) == [], lapse.__name__


def _end(connection: Connection) -> None:
    connection.execute(t.web_session.update().values(ends_ms=1))


def _leave(connection: Connection) -> None:
    connection.execute(t.web_session.update().values(seen_ms=1))


def _revoke(connection: Connection) -> None:
    connection.execute(t.web_session.delete())


@pytest.mark.long
async def test_the_table_finds_a_door_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mutation: a page for supervisors that was made for anybody, one that nobody wrote down."""
    async with central(tmp_path) as running:
        site = Site(running.server.access, ServerSource(running.server), needs_tls=True)

        async def show(visit: Visit) -> Response:
            return visit.render("tonight.html", 200)

        site.add([site.pages.page("/safe", Level.COUNTS, _nothing), site.pages.open("/open", _ok)])
        running.app.router.routes[:0] = [
            one
            for one in site.routes()
            if isinstance(one, Route) and one.path in ("/web/safe", "/web/open")
        ]
        unknown = routes_of(running.app) - {(one.method, one.path) for one in ROUTES}
        assert unknown == {("GET", "/web/safe"), ("GET", "/web/open")}
        meant = tuple(
            WebRoute("GET", path, Level.SUPERVISOR) for path in ("/web/safe", "/web/open")
        )
        monkeypatch.setattr("tests.sync.server.web.test_strangers.ROUTES", meant)
        is_open, is_too_open = "GET /web/open: 200", "GET /web/safe: 200"
        for level, found in ((ANYBODY, [is_open]), (Level.COUNTS, [is_too_open, is_open])):
            async with visitor(running, level) as at:
                assert await wrongly_answered(running, level, at) == found


async def _nothing(visit: Visit) -> Response:
    return Response("")


async def _ok(_request: object) -> Response:
    return Response("")


async def hostile_evening(running: Central, text: str) -> None:
    """All that strangers write is that text: of tickets, lists, gates, zones, devices."""
    seen = "".join(c for c in text if c.isprintable())
    event, tickets = "/events/show", "/events/show/tickets"
    await running.server.write(partial(events.change_event, event="show", name=text[:80]))
    kind = {"id": "A", "kind": "meeting", "title": text[:60]}
    rows = [
        {"id": f"t{n}", "type": "A", "code": f"{seen[:60]} {n}", "holder": text, "note": text,
         "seats": text, "order": text, "zone": text, "attention": text, "status_note": text}
        for n in range(3)
    ]  # fmt: skip
    settings = {"profiles": {seen[:40]: {"zone": seen[:40], "zone_capacity": 9}}}
    for method, path, body in (
        ("POST", tickets, {"types": [kind], "tickets": rows}),
        ("PATCH", event, {"settings": settings}),
        ("PUT", f"{tickets}/t2/block", {"reason": seen[:100], "who": seen[:40]}),
        ("PUT", f"{tickets}/t1/note", {"note": seen[:100], "who": seen[:40]}),
    ):
        answer = await running.admin(method, path, json=body)
        assert answer.is_success, answer.text
    maker = Maker()
    await running.enrol(maker, name=seen[:40])
    fields = ("gate", "zone", "operator", "note", "source", "version")
    said: dict[str, Any] = dict.fromkeys(fields, text)
    refused: dict[str, Any] = {"outcome": Outcome.REFUSE, "reason": Reason.UNKNOWN}
    entries = [
        maker.make(ticket="t1", **said),
        maker.make(ticket="t1", **said),
        maker.make(ticket=text, ticket_type=text, **said),
        maker.make(Act.REFUSAL, ticket="t2", **refused, **said),
        maker.make(Act.REFUSAL, code="ab" * 16, flags=(text,), **refused, **said),
    ]
    report = DeviceReport(version=text[:40], gate=text[:40], unacked=1)
    await running.exchange(maker, ask(entries, report=report))


@pytest.mark.examples(2)
@pytest.mark.parametrize("text", TEXTS)
async def test_what_strangers_write_is_text(tmp_path: Path, text: str) -> None:
    """On every page, for whoever sees most and least, and in what makes pages live."""
    read = 0
    async with central(tmp_path) as running:
        await hostile_evening(running, text)
        secret = await link(running, Kind.BROWSER, text[:40])
        async with browser(running.app) as at:
            at.http.headers["User-Agent"] = "".join(
                c for c in text if c.isprintable() and c.isascii()
            )
            assert live_parts((await at.get(f"/web/link/{secret}")).text) == []
            assert live_parts((await at.open_link(secret)).text) == []
        for level in (Level.ORGANISER, Level.COUNTS):
            async with visitor(running, level) as at:
                for route in pages():
                    if route.level is not ANYBODY and level >= route.level:
                        found = await at.get(route.address({"ticket": "t1"}))
                        assert live_parts(found.text) == [], route.path
                        read += text[:10] in unescape(found.text)
                page = OpenPage(running.app, at)
                await page.begun()
                _kind, parts = await page.next()
                assert live_parts(parts) == []
                await page.close()
    assert read > 1, "it stands there to be read"


@pytest.mark.examples(2)
@pytest.mark.parametrize("text", TEXTS)
async def test_what_is_sent_along_is_text(tmp_path: Path, text: str) -> None:
    """In an address, each of its parameters, each field of a form, each of our cookies."""
    names = names_asked()
    assert names >= {"to", "name", "pin", "language", "view"}
    async with central(tmp_path) as running, visitor(running, Level.ORGANISER) as at:
        await add_operators(running, {"Ann": Role.SUPERVISOR})
        at.http.cookies.set("gate-notice", quote(text), path="/web")
        for route in sorted(ROUTES, key=lambda one: one.path == SIGN_OUT):
            if route.path == "/web/live":
                continue
            path = route.address({one: quote(text, safe="") for one in ("rest", "secret", "name")})
            fields = dict.fromkeys(names, text)
            if route.method == "GET":
                answer = await at.http.get(path, params=fields)
            else:
                secret = at.http.cookies.get("__Host-gate-session") or ""
                sent = fields | {"form": guard.form_token(secret)}
                answer = await at.http.post(path, data=sent)
            assert answer.status_code < 500, route
            assert live_parts(answer.text) == [], route
            assert answer.url.host == "gate.example", route


@pytest.mark.long
async def test_text_that_is_not_escaped_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mutation: templates that put texts in as they are."""

    def careless() -> Environment:
        made = environment()
        made.autoescape = False
        return made

    environment = pages_module._environment.__wrapped__
    monkeypatch.setattr(pages_module, "_environment", careless)
    async with central(tmp_path) as running:
        await hostile_evening(running, HOSTILE[0])
        async with visitor(running, Level.COUNTS) as at:
            assert "script" in live_parts((await at.get("/web/tonight")).text)


def test_what_is_live_is_found() -> None:
    """Each text, not escaped, is found where it stands: in a text, in a value, in a title."""
    for text in HOSTILE:
        places = (f"<p>{text}</p>", f'<input value="{text}">', f"<input value='{text}'>",
                  f"<a href='{text}'>x</a>", f"<title>{text}</title>")  # fmt: skip
        assert any(live_parts(place) for place in places), text
    assert live_parts('<a href="/web/x">{{7*7}}</a><img src="data:image/png;base64,AA">') == []
