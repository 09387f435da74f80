"""How a page comes to be: who asks is looked up, then it is shown or something is done.

``Pages.page`` is a route that shows, ``Pages.action`` one that changes something. Both check TLS,
rate, session and level before what they were given is called; an action checks the form too.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from gate import i18n
from gate.clock import read_wall_ms
from gate.config import Config
from gate.errors import StoreError
from gate.i18n import _
from gate.settings import settings_of
from gate.storage.event import EventRow
from gate.text.printable import printable
from gate.text.times import clock_time
from sync.server import audit
from sync.server.access import Access
from sync.server.audit import Actor
from sync.server.callers import prove
from sync.server.http import Denied, address_of, read_body, unavailable, unstorable
from sync.server.limits import Buckets
from sync.server.web import guard, sessions
from sync.server.web.level import Level, Visitor
from sync.server.web.looks import CONTRASTS, Look, look_of, offered
from sync.server.web.source import Source
from sync.server.web.spooled import spooled
from sync.server.web.static_files import static_address

log = logging.getLogger(__name__)
T = TypeVar("T")
PREFIX: Final = "/web"
SIGN_IN: Final = f"{PREFIX}/sign-in"
_FORM_BYTES, _FORM_S, _FORM_FIELDS = 256 * 1024, 20.0, 500
_NOTICE: Final = "gate-notice"
_CONNECTIONS: Final = 40
"""Of one session."""
_LONG: Final = 2
"""Lists and journals that are read at the same time: work of others goes on beside them."""
_TEMPLATES: Final = Path(__file__).parent / "templates"


class Form(dict[str, str]):
    """What a form says; a field that is not there is empty."""

    def __missing__(self, _name: str) -> str:
        return ""

    def text(self, name: str, most: int = 200) -> str:
        """A field without what nobody can see, and no longer than that."""
        return "".join(c if c.isprintable() else " " for c in self[name]).strip()[:most]

    def why(self) -> str:
        """The reason that somebody gave. Raises Denied when nobody did."""
        reason = self.text("why", 120)
        if not reason:
            raise Denied(422, "invalid", _("Say why: it is kept with what you do."))
        return reason


@dataclass(frozen=True, slots=True)
class MenuLine:
    """A page that others lead to."""

    path: str
    label: str
    """As it is to be translated (``N_``)."""
    level: Level


@dataclass(slots=True)
class Visit:
    """One request of somebody who is signed in, and the ways to answer it."""

    pages: "Pages"
    request: Request
    look: Look
    visitor: Visitor
    event: EventRow
    form_token: str
    form: Form = field(default_factory=Form)

    @property
    def actor(self) -> Actor:
        """Who it is, for the audit log."""
        return Actor(self.visitor.who, address_of(self.request))

    @property
    def who(self) -> str:
        """Who it is, for entries and what the venue says of a ticket."""
        return self.visitor.name or _("organiser")

    @property
    def shows_names(self) -> bool:
        """Whether the event shows the names of its guests."""
        stated = settings_of(Config(), self.event.settings, "", "")
        return stated.config.screen.show_names

    @property
    def zone(self) -> ZoneInfo:
        """In which times are told."""
        return ZoneInfo(self.event.time_zone or "UTC")

    @property
    def as_of(self) -> str:
        """The time now, for a page that says how old it is."""
        return clock_time(read_wall_ms(), self.zone, seconds=True)

    def render(self, template: str, status: int = 200, /, **context: Any) -> Response:
        """The page that a template makes of what it is given."""
        context |= {"visitor": self.visitor, "event": self.event, "form_token": self.form_token}
        return self.pages.render(self.request, self.look, template, status, context)

    async def render_long(self, template: str, /, **context: Any) -> Response:
        """The same for a page of any length, made beside the event loop."""
        context |= {"visitor": self.visitor, "event": self.event, "form_token": self.form_token}
        pieces = partial(self.pages.pieces, self.request.url.path, self.look, template, context)
        return await self.send_long(pieces, "text/html; charset=utf-8")

    async def send_long(
        self, pieces: Callable[[], Iterable[str]], media_type: str, file_name: str = ""
    ) -> Response:
        """A text of any length, made beside the event loop; with a name, as a file to keep."""
        async with self.pages.reading_long:
            return await spooled(pieces, media_type, file_name=file_name)

    async def read_long(self, job: Callable[..., T], *arguments: Any) -> T:
        """Have something read that may take long, beside the event loop."""
        async with self.pages.reading_long:
            return await asyncio.to_thread(job, *arguments)

    async def change(
        self,
        job: Callable[[Connection], T],
        act: str,
        about: str | Callable[[T], str] = "",
        why: str = "",
    ) -> T:
        """Have something changed, and in the same transaction its row in the audit log.

        ``about`` may be called with what the job answered.
        """

        def text(done: T) -> str:
            what = about if isinstance(about, str) else about(done)
            return f"{what}: {why}" if what and why else what or why

        noted = audit.noted(
            job, self.actor, act, read_wall_ms(), event=self.visitor.event, about=text
        )
        return await self.pages.access.write(noted)

    def go(self, path: str, notice: str = "") -> Response:
        """To a page of ours, which says at its top what was done."""
        return went(path, notice)


Answer = Callable[[Visit], Awaitable[Response]]


class Pages:
    """What all pages of one server process, or of one host, share."""

    def __init__(self, access: Access, source: Source, *, needs_tls: bool) -> None:
        self.access = access
        self.source = source
        self.menu: list[MenuLine] = []
        self.reading_long = asyncio.Semaphore(_LONG)
        self._needs_tls = needs_tls
        self._strangers = Buckets(5.0, 40.0)
        self._visitors = Buckets(10.0, 60.0)
        self._templates = _environment()

    def page(self, path: str, level: Level, answer: Answer) -> Route:
        """A page, for whoever is signed in with that level or a higher one."""

        async def show(request: Request) -> Response:
            return await answer(await self.visit(request, level))

        return self.open(path, show, name=answer.__name__)

    def action(self, path: str, level: Level, answer: Answer) -> Route:
        """What a form does; the answer is a page, or the way to one (``Visit.go``)."""

        async def act(request: Request) -> Response:
            visit = await self.visit(request, level)
            visit.form = await read_form(request)
            guard.check_form(request, guard.cookie(request, guard.SESSION), visit.form["form"])
            return await answer(visit)

        return self.open(path, act, methods=["POST"], name=answer.__name__)

    def open(
        self,
        path: str,
        answer: Callable[[Request], Awaitable[Response]],
        *,
        methods: list[str] | None = None,
        name: str = "",
    ) -> Route:
        """A route that looks for itself who asks; what it denies becomes a page."""

        async def guarded(request: Request) -> Response:
            look = look_of(request)
            with i18n.speaking(look.language):
                try:
                    self.check_tls(request)
                    response = await answer(request)
                except Denied as denied:
                    response = self._denial(request, look, denied)
                except DataError:
                    response = self._denial(request, look, unstorable())
                except (SQLAlchemyError, StoreError) as error:
                    log.error("page: %s", type(error).__name__)
                    response = self._denial(request, look, unavailable())
            return guard.guarded(response)

        guarded.__name__ = f"web_{(name or answer.__name__).strip('_')}"
        return Route(f"{PREFIX}{path}", guarded, methods=methods or ["GET"])

    async def visit(self, request: Request, level: Level, *, touches: bool = True) -> Visit:
        """Who asks, if they may. Raises Denied, with the way to sign in for who is not."""
        secret = guard.cookie(request, guard.SESSION)
        if not secret:
            self.check_stranger(request)
            raise _signed_out(request)
        found = await self.visitor(secret, touches=touches)
        if found is None:
            self.check_stranger(request)
            raise _signed_out(request)
        visitor, event = found
        _not_before(self._visitors.take(visitor.session))
        prove(request, f"web {visitor.session}", _CONNECTIONS)
        if visitor.level < level:
            raise Denied(403, "not_allowed", _("You may not do this with what you came by."))
        return Visit(self, request, look_of(request), visitor, event, guard.form_token(secret))

    async def visitor(
        self, secret: str, *, touches: bool = False
    ) -> tuple[Visitor, EventRow] | None:
        """Whose session that is now, and of which event; ``None`` when it has come to an end."""
        now_ms = read_wall_ms()
        found = await self.access.read(sessions.visitor_with, secret, now_ms)
        event = await self.source.event(found[0].event) if found else None
        if found is None or event is None:
            return None
        visitor, proof, seen_ms = found
        level = sessions.level_now(visitor, proof, event.settings.operators)
        if level is None:
            return None
        if touches and now_ms - seen_ms > sessions.SEEN_EVERY_MS:
            await self.access.write(lambda c: sessions.note_seen(c, visitor.session, now_ms))
        now = Visitor(
            visitor.session, visitor.event, level, visitor.name, visitor.ends_ms, visitor.browser
        )
        return now, event

    def check_tls(self, request: Request) -> None:
        """Raises Denied where what is shown could be read on the way."""
        if self._needs_tls and not guard.is_secure(request):
            raise Denied(403, "no_tls", _("These pages are shown by https only."))

    def check_stranger(self, request: Request) -> None:
        """Raises Denied when an address asks too often without being signed in."""
        _not_before(self._strangers.take(address_of(request)))

    def render(
        self,
        request: Request,
        look: Look,
        template: str,
        status: int = 200,
        context: Mapping[str, Any] | None = None,
    ) -> Response:
        """The page that a template makes, in a language."""
        notice = unquote(request.cookies.get(_NOTICE, "")[:600])
        context = {"notice": notice} | dict(context or {})
        response = HTMLResponse(self.text(request.url.path, look, template, context), status)
        if notice:
            response.delete_cookie(_NOTICE, path=PREFIX)
        return response

    def text(
        self, path: str, look: Look, template: str, context: Mapping[str, Any] | None = None
    ) -> str:
        """What a template makes."""
        return "".join(self.pieces(path, look, template, context))

    def pieces(
        self, path: str, look: Look, template: str, context: Mapping[str, Any] | None = None
    ) -> Iterator[str]:
        """The same piece by piece, for what is long; to be read to its end in one place."""
        known = {
            "event": None, "visitor": None, "notice": "", "form_token": "", "path": path,
            "look": look, "menu": self.menu, "languages": offered(), "contrasts": CONTRASTS,
        } | dict(context or {})  # fmt: skip
        with i18n.speaking(look.language):
            yield from self._templates.get_template(template).generate(known)

    def _denial(self, request: Request, look: Look, denied: Denied) -> Response:
        """A page that says what was not done and why; for who is signed out, the way in."""
        if denied.problem.error == "signed_out" and request.method == "GET":
            to = quote(request.url.path, safe="/")
            return went(f"{SIGN_IN}?to={to}" if to != PREFIX + "/" else SIGN_IN)
        told = {"reason": denied.problem.reason, "back": _came_from(request)}
        response = self.render(request, look, "denied.html", denied.status, told)
        for name, value in denied.headers.items():
            response.headers[name] = value
        if denied.status == 503:
            response.headers["Refresh"] = "5"
        return response


def went(path: str, notice: str = "") -> Response:
    """To a page of ours, which says at its top what was done."""
    response = RedirectResponse(path, 303)
    if notice:
        response.set_cookie(
            _NOTICE, quote(notice[:200]), 60, path=PREFIX, httponly=True, samesite="lax"
        )
    return response


async def read_form(request: Request) -> Form:
    """The fields of a form. Raises Denied when it is none, or too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind != "application/x-www-form-urlencoded":
        raise Denied(415, "no_form", _("A form was expected."))
    body = await read_body(request, _FORM_BYTES, _FORM_S)
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_FORM_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise Denied(400, "malformed", _("The form cannot be read.")) from error
    return Form(pairs)


def _came_from(request: Request) -> str:
    """The page of ours whose form this was; empty where there is none."""
    path = urlsplit(request.headers.get("referer", "")).path
    return path if request.method == "POST" and path.startswith(f"{PREFIX}/") else ""


def _signed_out(request: Request) -> Denied:
    if guard.cookie(request, guard.SESSION):
        return Denied(401, "signed_out", _("You were signed out. Sign in again."))
    return Denied(401, "signed_out", _("Sign in first."))


def _not_before(wait_s: float) -> None:
    if wait_s:
        reason = _("Too many requests. Try again in {seconds} s.").format(seconds=int(wait_s) + 1)
        raise Denied(429, "too_often", reason, {"Retry-After": str(int(wait_s) + 1)})


@cache
def _environment() -> Environment:
    """Every text is escaped; what a template asks for and is not given is a fault."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Our own, which speak to whoever reads the page; not Jinja's, which would load one language.
    made.globals |= {
        "_": i18n._, "ngettext": i18n.ngettext, "Level": Level, "clock_time": clock_time,
    }  # fmt: skip
    made.filters |= {"shown": printable, "static": static_address}
    return made
