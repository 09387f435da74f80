"""Two servers: one plays WeChat by its card API, the other lets people in on its tickets.

Between them is weather: calls that never arrive, answers that are lost, codes that are made up.
Nothing runs by itself.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from sqlalchemy import Connection, Engine, select

from gate.clock import read_wall_ms
from gate.core.entry import Act, Entry
from gate.core.ticket import CodeState, Ticket
from sync.cardapi import accounts as card_accounts
from sync.cardapi.part import card_part
from sync.server import journals, ticket_store
from sync.server import tables as central_tables
from sync.server.database import in_transaction, reading
from sync.upstream import links, outbox, standing, tables
from sync.upstream.links import Link
from sync.upstream.outbox import State
from sync.upstream.part import upstream_part
from sync.upstream.standing import Standing
from sync.upstream.wechat import accounts, codes
from sync.upstream.wechat.accounts import KIND, Account
from sync.upstream.wechat.client import WeChatClient
from sync.upstream.wechat.mapping import Code
from sync.upstream.wechat.pull import Target
from sync.upstream.wechat.wechat import WeChat
from sync.upstream.worker import UpstreamWorker
from tests.support.cardapi import Api, account
from tests.support.central import Central, Maker, ask, card_api_of, central
from tests.support.places import Place

URL = "http://wechat"
PARTS = (card_part(), WeChat().part, upstream_part(dict))
"""Whose tables our database has."""
PUSH_TOKEN, AES_KEY = "pushtoken", "a" * 43


class Weather(httpx.AsyncBaseTransport):
    """The way to WeChat: what is in ``ahead`` befalls the next calls of a path, in that order."""

    def __init__(self) -> None:
        self.app: Any = None
        self.ahead: dict[str, list[str | dict[str, Any]]] = {}
        """By path: ``unsent``, ``lost``, ``down``, or an answer in the place of WeChat's."""
        self.is_out = False
        """Nothing arrives at all."""
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        is_form = request.headers.get("content-type", "").startswith("multipart/")
        stated = {} if is_form else msgspec.json.decode(request.content or b"{}")
        self.asked.append((path, stated))
        fault = self.ahead[path].pop(0) if self.ahead.get(path) else ""
        if self.is_out or fault == "unsent":
            raise httpx.ConnectError("no way there")
        if isinstance(fault, dict):
            return httpx.Response(200, json=fault)
        if fault == "down":
            return httpx.Response(502)
        answer = await httpx.ASGITransport(self.app).handle_async_request(request)
        await answer.aread()
        if fault == "lost":
            raise httpx.ReadTimeout("no answer")
        return answer

    def calls(self, path: str) -> list[dict[str, Any]]:
        """What was asked there."""
        return [body for asked, body in self.asked if asked == path]


class Post(httpx.AsyncBaseTransport):
    """The way of pushes from WeChat to us, and from us to the organiser's backend."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.kept: list[httpx.Request] | None = None
        """Where this is a list, pushes are kept back in it, and count as taken."""
        self.passed: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if self.kept is not None and request.method == "POST":
            self.kept.append(request)
            return httpx.Response(200, text="success")
        self.passed.append(request)
        answer = await httpx.ASGITransport(self.app).handle_async_request(request)
        await answer.aread()
        return answer

    async def let(self, request: httpx.Request) -> int:
        """Let one through that was kept back, or send one again; the status of the answer."""
        again = httpx.Request(
            request.method, request.url, headers=request.headers, content=request.content
        )
        return (await httpx.ASGITransport(self.app).handle_async_request(again)).status_code


@dataclass(slots=True)
class Venue:
    """Our server, linked to an account of the one that plays WeChat."""

    wechat: Api
    ours: Central
    weather: Weather
    post: Post
    maker: Maker = field(default_factory=Maker)
    card: str = ""

    @property
    def worker(self) -> UpstreamWorker:
        found: UpstreamWorker = self.ours.app.state.mounted["upstreams"]
        return found

    async def pushes(self) -> None:
        """WeChat draws its consequences and pushes them."""
        jobs, deliveries = card_api_of(self.wechat.running.app).jobs, self.wechat.running.server
        while await jobs.follow():
            pass
        while await deliveries.deliveries.deliver():
            await deliveries.deliveries.settled()

    async def step(self) -> None:
        """Do all there is to do now, on both sides."""
        for _turn in range(3):
            await self.pushes()
            while await self.worker.follow():
                pass
            await self.worker.look()
            await self.worker.settled()
        await self.relayed()

    async def relayed(self) -> None:
        """Pass on what WeChat pushed."""
        while await self.ours.server.deliveries.deliver():
            await self.ours.server.deliveries.settled()

    async def again(self, *, later: bool = False) -> None:
        """Ask again at once what has to wait; ``later`` is also for what is told later."""
        self.write(lambda connection: links.start_again(connection, "show"))
        if later:
            update = tables.upstream_entry.update().values(due_ms=0)
            self.write(lambda connection: connection.execute(update))
        await self.step()

    async def admit(self, code: str, **fields: Any) -> str:
        """A gate lets somebody in on what the phone shows; the answer is the entry's name."""
        ticket, _state = self.shown(code)
        assert ticket is not None
        return await self.did(ticket=ticket.id, ticket_type=ticket.type.id, **fields)

    async def undo(self, ticket: str, target: str) -> str:
        """The gate takes an admission back."""
        return await self.did(Act.ANNULMENT, ticket=ticket, target=target)

    async def did(self, act: Act = Act.ADMISSION, **fields: Any) -> str:
        body = self.maker.make(act, **fields)
        await self.ours.exchange(self.maker, ask([body], [self.maker.head()]))
        return f"{self.maker.origin}:{self.maker.seq}"

    def shown(self, code: str) -> tuple[Ticket | None, CodeState | None]:
        """The ticket that gates know by a code, and how the code stands to it."""
        hashed = self.read(ticket_store.hashes_of, "show", [code])[code]
        c = central_tables.code.c
        query = select(c.ticket, c.state).where(c.event == "show", c.hash == hashed)
        row = self.read(lambda connection: connection.execute(query).first())
        if row is None:
            return None, None
        return self.read(ticket_store.find_ticket, "show", row.ticket), CodeState(row.state)

    def kept(self, code: str) -> Code:
        """What is kept of a code."""
        found: Code = self.read(codes.find, self.wechat.appid, self.card, code)
        return found

    def facts(self, ticket: str) -> list[Entry]:
        found: list[Entry] = self.read(journals.facts_of, "show", ticket)
        return sorted(found, key=lambda one: one.hlc)

    def state(self, name: str) -> tuple[State, str]:
        """How an entry stands with WeChat, and why."""
        c = tables.upstream_entry.c
        query = select(c.state, c.error).where(c.entry == name)
        row = self.read(lambda connection: connection.execute(query).one())
        return State(row.state), row.error

    def standing(self) -> Standing:
        found: list[Standing] = self.read(standing.every)
        (one,) = found
        return one

    def link(self) -> Link:
        found: Link = self.read(links.need, "show")
        return found

    def account(self) -> Account:
        found: Account = self.read(accounts.find, self.wechat.appid)
        return found

    def backlog(self) -> outbox.Backlog:
        found: outbox.Backlog = self.read(outbox.backlog, "show")
        return found

    def write(self, job: Callable[[Connection], Any]) -> Any:
        return in_transaction(self.ours.engine, job)

    def read(self, job: Callable[..., Any], *arguments: Any) -> Any:
        with reading(self.ours.engine) as connection:
            return job(connection, *arguments)


@asynccontextmanager
async def _closed(engine: Engine) -> AsyncIterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()


@asynccontextmanager
async def venue(
    place: Place,
    *,
    aes_key: str = AES_KEY,
    relay: str = "",
    backend: Any = None,
    card: Mapping[str, Any] | None = None,
    **target: Any,
) -> AsyncIterator[Venue]:
    """Both servers, with one card that is linked to the event ``show`` of ours."""
    weather = Weather()
    there = WeChat(lambda server: WeChatClient(server, weather))
    mounted = (card_part(upstream=there), there.part, upstream_part(lambda: {KIND: there}))
    async with (
        central(place.path / "wechat", runs_jobs=False) as running,
        _closed(place.engine()) as engine,
        central(place.path / "ours", engine=engine, mounted=mounted, runs_jobs=False) as ours,
    ):
        weather.app = running.app
        api = await account(running)
        card_id = await api.create(dict(card) if card else None)
        post = Post(ours.app)
        here = Venue(api, ours, weather, post, card=card_id)
        target = {"cards": [card_id], "grace_s": 0} | target

        def keep(connection: Connection) -> None:
            kept = Account(
                api.appid, URL, api.secret, push_token=PUSH_TOKEN, aes_key=aes_key, relay=relay
            )
            accounts.put(connection, kept)
            stated = msgspec.to_builtins(msgspec.convert(target, Target))
            links.make(connection, Link("show", KIND, URL, api.appid, target=stated))
            card_accounts.adopt(connection, api.appid, api.secret, "show", read_wall_ms())

        here.write(keep)
        for server, transport in (
            (running.server, post),
            (ours.server, httpx.ASGITransport(backend) if backend else post),
        ):
            await server.deliveries.http.aclose()
            server.deliveries.http = httpx.AsyncClient(transport=transport)
        mode = {"aes_key": aes_key, "mode": "safe"} if aes_key else {}
        answer = await api.set(
            callback=f"https://ours/wechat/push/{api.appid}", callback_token=PUSH_TOKEN, **mode
        )
        assert answer.status_code == 200, answer.text
        await here.step()
        await ours.enrol(here.maker)
        yield here
