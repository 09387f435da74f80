"""A browser at the pages of a server in this process."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
from starlette.applications import Starlette

from gate.clock import read_wall_ms
from gate.core.event_settings import EventSettings
from gate.core.place import Role
from gate.operators import make_operator
from sync.server.event_settings import change_settings
from sync.server.web import links
from sync.server.web.links import Kind
from tests.support.central import BOUND_S, Central

PIN = "730164"
_FORM = re.compile(r'name="form" value="([0-9a-f]{64})"')


class Browser:
    """Keeps cookies, follows ways, and fills forms as a person would."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.page = ""
        """The one that was opened last."""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Open a page, wherever it leads."""
        return self._seen(await self.http.get(path, headers=headers))

    async def send(self, path: str, **fields: str) -> httpx.Response:
        """Send the form of the page that is open."""
        found = _FORM.search(self.page)
        token = {"form": found[1]} if found else {}
        headers = {"Origin": str(self.http.base_url).rstrip("/")}
        return self._seen(await self.http.post(path, data=token | fields, headers=headers))

    async def open_link(self, secret: str) -> httpx.Response:
        """Open a link, and say that it is meant."""
        await self.get(f"/web/link/{secret}")
        return await self.send(f"/web/link/{secret}")

    async def sign_in(self, name: str, pin: str = PIN) -> httpx.Response:
        """Sign in at a browser that was paired."""
        await self.get("/web/sign-in")
        return await self.send("/web/sign-in", name=name, pin=pin)

    def _seen(self, answer: httpx.Response) -> httpx.Response:
        self.page = answer.text
        return answer


@asynccontextmanager
async def browser(app: Starlette, address: str = "10.0.0.9") -> AsyncIterator[Browser]:
    """A browser that nobody knows yet, at https://gate.example."""
    transport = httpx.ASGITransport(app, client=(address, 1))
    async with httpx.AsyncClient(
        transport=transport, base_url="https://gate.example", follow_redirects=True
    ) as http:
        yield Browser(http)


async def link(running: Central, kind: Kind, name: str = "Mia", event: str = "show") -> str:
    """The secret of a new link."""
    make = partial(
        links.make, event=event, kind=kind, name=name, made_by="console", now_ms=read_wall_ms()
    )
    secret, _made = await running.server.write(make)
    return secret


async def add_operators(running: Central, roles: Mapping[str, Role], pin: str = PIN) -> None:
    """State the operators of the event ``show``, all with one PIN."""
    rows = tuple(make_operator(name, role, pin, b"0" * 16) for name, role in roles.items())

    def state(before: EventSettings) -> EventSettings:
        return EventSettings(before.rules, before.types, before.profiles, before.assigned, rows)

    await running.server.write(partial(change_settings, event="show", change=state))


@asynccontextmanager
async def signed_in(
    running: Central, role: Role = Role.SUPERVISOR, name: str = "Ann"
) -> AsyncIterator[Browser]:
    """A browser at which an operator of the event ``show`` is signed in."""
    await add_operators(running, {name: role})
    async with browser(running.app) as at:
        await at.open_link(await link(running, Kind.BROWSER))
        answer = await at.sign_in(name)
        assert answer.url.path == "/web/tonight", answer.text
        yield at


class OpenPage:
    """What a page that is open is told: an answer without an end, from an app in this process."""

    def __init__(self, app: Starlette, at: Browser, view: str = "tonight") -> None:
        cookies = "; ".join(f"{one.name}={one.value}" for one in at.http.cookies.jar)
        headers = [(b"cookie", cookies.encode()), (b"host", b"gate.example")]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "scheme": "https", "path": "/web/live", "raw_path": b"/web/live",
            "query_string": f"view={view}".encode(), "headers": headers,
            "client": ("10.0.0.9", 1), "server": ("gate.example", 443), "state": {},
        }  # fmt: skip
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_us: asyncio.Queue[Any] = asyncio.Queue()
        self._to_app.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.status = 0
        self._text = ""
        self._task = asyncio.create_task(app(scope, self._to_app.get, self._receive))

    async def _receive(self, message: Any) -> None:
        self._to_us.put_nowait(message)

    async def begun(self) -> int:
        """The status."""
        self.status = (await asyncio.wait_for(self._to_us.get(), BOUND_S))["status"]
        return self.status

    async def next(self) -> tuple[str, str]:
        """The next event, kind and text; an empty kind at the end."""
        while True:
            block, found, rest = self._text.partition("\n\n")
            if found:
                self._text = rest
                lines = block.split("\n")
                kind = next((x[7:] for x in lines if x.startswith("event: ")), "")
                if kind:
                    return kind, "\n".join(x[6:] for x in lines if x.startswith("data: "))
                continue
            message = await asyncio.wait_for(self._to_us.get(), 3 * BOUND_S)
            if not message.get("more_body"):
                return "", ""
            self._text += message["body"].decode()

    async def close(self) -> None:
        """Go away."""
        self._to_app.put_nowait({"type": "http.disconnect"})
        await asyncio.wait_for(self._task, BOUND_S)
