"""The way in: a link that pairs a browser, an operator's name and PIN, and the way out."""

import asyncio
from functools import partial
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.core.event_settings import OperatorRow
from gate.i18n import _, ngettext
from gate.operators import find, is_pin_of
from gate.storage.event import EventRow
from sync.server import audit
from sync.server.audit import Actor
from sync.server.http import Denied, address_of
from sync.server.limits import Buckets
from sync.server.web import guard, links, sessions
from sync.server.web.level import OF_ROLE, Level
from sync.server.web.links import Kind, WebLink
from sync.server.web.looks import keep, look_of
from sync.server.web.pages import PREFIX, SIGN_IN, Form, Pages, Visit, read_form, went
from sync.server.web.sessions import Browser

MIN_PIN: Final = 6
"""Characters of a PIN that opens pages: they can be tried from further away than a lane."""
HOME: Final = f"{PREFIX}/tonight"


class SignIn:
    """Links, PINs and looks."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        # Of all tries of an address, whatever browser they come from.
        self._tries = Buckets(0.5, 10.0)
        # A PIN takes a processor for 50 ms: one at a time, however many are tried.
        self._one = asyncio.Lock()

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            self._pages.open("/sign-in", self._ask),
            self._pages.open("/sign-in", self._sign_in, methods=["POST"]),
            self._pages.action("/sign-out", Level.COUNTS, self._sign_out),
            self._pages.open("/link/{secret}", self._link),
            self._pages.open("/link/{secret}", self._open_link, methods=["POST"]),
            self._pages.open("/look", self._look),
        ]

    async def _ask(self, request: Request) -> Response:
        """The form for name and PIN; without a browser that is known, how to get one paired."""
        self._pages.check_stranger(request)
        found = await self._browser(request)
        return self._form(request, found)

    def _form(
        self,
        request: Request,
        found: tuple[Browser, EventRow, str] | None,
        wrong: str = "",
        name: str = "",
        status: int = 200,
    ) -> Response:
        look = look_of(request)
        if found is None:
            return self._pages.render(request, look, "not_paired.html", 200)
        browser, event, secret = found
        to = request.query_params.get("to", "")
        context = {
            "browser": browser, "form_token": guard.form_token(secret), "wrong": wrong,
            "name": name, "to": to if _is_ours(to) else "", "at": event.name,
        }  # fmt: skip
        return self._pages.render(request, look, "sign_in.html", status, context)

    async def _sign_in(self, request: Request) -> Response:
        """A session for a name and its PIN; wrong ones cost this browser and address time."""
        self._pages.check_stranger(request)
        found, form = await self._browser(request), await read_form(request)
        if found is None:
            return self._form(request, None)
        browser, event, secret = found
        guard.check_form(request, secret, form["form"])
        name, pin = form.text("name", 40), form["pin"][:100]
        try:
            operator = await self._operator(request, browser, event, name, pin)
        except Denied as denied:
            reason = denied.problem.reason
            response = self._form(request, found, reason, name, denied.status)
            for header, value in denied.headers.items():
                response.headers[header] = value
            return response
        return await self._begin(request, browser, operator, form)

    async def _operator(
        self, request: Request, browser: Browser, event: EventRow, name: str, pin: str
    ) -> OperatorRow:
        """Whose name and PIN these are. Raises Denied."""
        if len(pin) < MIN_PIN:
            least = _("For the pages a PIN has {n} digits at least: gate operator add")
            raise Denied(422, "short_pin", least.format(n=MIN_PIN))
        if wait_s := self._tries.take(address_of(request)):
            raise _wait(wait_s)
        now_ms = read_wall_ms()
        count = partial(sessions.count_try, browser=browser.id, now_ms=now_ms)
        if wait_ms := await self._pages.access.write(count):
            raise _wait(wait_ms / 1000)
        operator = find(event.settings.operators or (), name)
        async with self._one:
            is_right = await asyncio.to_thread(is_pin_of, operator, pin)
        if operator is None or not is_right:
            actor = Actor(f"web {browser.id}", address_of(request))
            note = partial(
                audit.note, actor=actor, act="web sign-in failed", now_ms=now_ms, event=event.id
            )
            await self._pages.access.write(note)
            raise Denied(403, "wrong_pin", _("That is not a name with its PIN."))
        return operator

    async def _begin(
        self, request: Request, browser: Browser, operator: OperatorRow, form: Form
    ) -> Response:
        now_ms = read_wall_ms()

        def begin(connection: Connection) -> str:
            secret, visitor = sessions.begin(
                connection, browser.event, OF_ROLE[operator.role], operator.name, now_ms,
                browser=browser.id, proof=sessions.proof_of(operator),
            )  # fmt: skip
            actor = Actor(visitor.who, address_of(request))
            audit.note(connection, actor, "web sign-in", now_ms, event=browser.event)
            return secret

        secret = await self._pages.access.write(begin)
        to = form["to"]
        response = went(to if _is_ours(to) else HOME)
        guard.set_cookie(response, request, guard.SESSION, secret, sessions.ABSOLUTE_MS // 1000)
        return response

    async def _sign_out(self, visit: Visit) -> Response:
        """The session is gone, here and at every other server."""
        visitor = visit.visitor
        job = partial(sessions.end, event=visitor.event, session=visitor.session)
        await visit.change(job, "web sign-out")
        response = visit.go(SIGN_IN, _("You are signed out."))
        guard.drop_cookie(response, visit.request, guard.SESSION)
        return response

    async def _link(self, request: Request) -> Response:
        """What a link is for; nothing is done yet, as programs that only look open links too."""
        link = await self._good_link(request)
        event = await self._pages.source.event(link.event)
        context = {"link": link, "at": event.name if event else link.event}
        return self._pages.render(request, look_of(request), "link.html", 200, context)

    async def _open_link(self, request: Request) -> Response:
        """Pair the browser, or begin a session that shows counts."""
        guard.check_site(request)
        await self._good_link(request)
        now_ms, secret = read_wall_ms(), request.path_params["secret"][:400]
        agent = request.headers.get("user-agent", "")
        address = address_of(request)

        def open_(connection: Connection) -> tuple[WebLink, str, str]:
            link = links.use(connection, secret, now_ms)
            if link.kind is Kind.COUNTS:
                session, visitor = sessions.begin(
                    connection, link.event, Level.COUNTS, link.name, now_ms,
                    link=link.id, ends_ms=link.ends_ms,
                )  # fmt: skip
                actor = Actor(visitor.who, address)
                audit.note(connection, actor, "web link", now_ms, event=link.event, about=link.text)
                return link, "", session
            paired, browser = sessions.pair(connection, link, agent, now_ms)
            actor = Actor(f"web {browser.id}", address)
            audit.note(connection, actor, "web pair", now_ms, event=link.event, about=link.text)
            session = ""
            if link.kind is Kind.ORGANISER:
                session, _visitor = sessions.begin(
                    connection, link.event, Level.ORGANISER, link.name, now_ms, browser=browser.id
                )
            return link, paired, session

        link, paired, session = await self._pages.access.write(open_)
        response = went(HOME if session else SIGN_IN)
        if paired:
            guard.set_cookie(response, request, guard.BROWSER, paired, sessions.BROWSER_MS // 1000)
        if session:
            ends_ms = link.ends_ms if link.kind is Kind.COUNTS else now_ms + sessions.ABSOLUTE_MS
            for_s = max(1, (ends_ms - now_ms) // 1000)
            guard.set_cookie(response, request, guard.SESSION, session, for_s)
        return response

    async def _good_link(self, request: Request) -> WebLink:
        self._pages.check_stranger(request)
        secret = request.path_params["secret"][:400]
        found = await self._pages.access.read(links.find, secret)
        return links.check(found, read_wall_ms())

    async def _look(self, request: Request) -> Response:
        """Another language or contrast from now on."""
        self._pages.check_stranger(request)
        to = request.query_params.get("to", "")
        response = went(quote(to) if _is_ours(to) else HOME)
        keep(response, look_of(request), is_secure=guard.is_secure(request))
        return response

    async def _browser(self, request: Request) -> tuple[Browser, EventRow, str] | None:
        """The browser, its event, and the secret of its cookie."""
        secret = guard.cookie(request, guard.BROWSER)
        browser = await self._pages.access.read(sessions.browser_with, secret, read_wall_ms())
        event = await self._pages.source.event(browser.event) if browser else None
        return (browser, event, secret) if browser and event else None


def _is_ours(path: str) -> bool:
    """Whether a path leads to a page of ours, and nowhere else."""
    return path.startswith(f"{PREFIX}/") and "\\" not in path and path.isprintable()


def _wait(seconds: float) -> Denied:
    whole = int(seconds) + 1
    reason = ngettext(
        "Too many wrong PINs here. Try again in {n} s.",
        "Too many wrong PINs here. Try again in {n} s.",
        whole,
    ).format(n=whole)
    return Denied(429, "too_often", reason, {"Retry-After": str(whole)})
