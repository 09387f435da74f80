"""A central server in this process for tests, devices that talk to it, and a plain WebSocket."""

import asyncio
import atexit
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, func, select
from starlette.applications import Starlette

from gate.core import entry_codec
from gate.core.entry import Act, Entry
from gate.core.event_device import DeviceReport
from gate.core.outcome import Outcome
from gate.core.signed_tip import SignedTip, signed_tip_message
from sync.cardapi import tables as of_cards
from sync.cardapi.part import card_part
from sync.cardapi.routes import CardApi
from sync.cardapi.settings import CardSettings
from sync.server import tables as t
from sync.server.app import create_app
from sync.server.database import open_database, reading
from sync.server.devices import hash_of
from sync.server.part import Part
from sync.server.server import Server
from sync.server.settings import Settings
from sync.upstream import tables as of_upstreams
from sync.upstream.part import upstream_part
from sync.wire import Frame, SyncRequest, SyncResponse
from tests.support.venue import NOW_MS

ADMIN = "the-admin-token-of-the-tests"
BOUND_S = 30.0
TABLES = (
    *t.metadata.sorted_tables,
    *of_cards.metadata.sorted_tables,
    *of_upstreams.metadata.sorted_tables,
)
"""All of the server's database."""
_OF_CARDS = {field.name for field in fields(CardSettings)}


class Maker:
    """A device: its key, and a chain of entries."""

    def __init__(self, device: str = "0" * 16, incarnation: str = "aa") -> None:
        self.device = device
        self.origin = f"{device}.{incarnation}"
        self.key = Ed25519PrivateKey.generate()
        self.seq, self.prev = 0, ""

    @property
    def public(self) -> str:
        return self.key.public_key().public_bytes_raw().hex()

    def make(self, act: Act = Act.ADMISSION, ticket: str = "", **said: Any) -> bytes:
        """The next entry of the chain, as bytes."""
        self.seq += 1
        admits: dict[str, Any] = {"outcome": Outcome.ADMIT, "uses": 1, "persons": 1, "ordinal": 0}
        times: dict[str, Any] = {"at_ms": NOW_MS + self.seq, "hlc": (NOW_MS << 16) + self.seq}
        said = {"gate": "North"} | times | (admits if act is Act.ADMISSION else {}) | said
        entry = Entry(
            origin=self.origin, seq=self.seq, prev=self.prev, act=act,
            boot_ms=self.seq, ticket=ticket, **said,
        )  # fmt: skip
        body = entry_codec.encode(entry)
        self.prev = entry_codec.digest(body).hex()
        return body

    def run(self, count: int) -> list[bytes]:
        """So many admissions."""
        return [self.make(ticket=f"{self.device[:4]}-{n}") for n in range(count)]

    def head(self) -> SignedTip:
        """The device's signed word on its newest entry."""
        signature = self.key.sign(signed_tip_message(self.origin, self.seq, self.prev))
        return SignedTip(self.origin, self.seq, self.prev, signature.hex())


def ask(
    bodies: Iterable[bytes] = (),
    signed_tips: Iterable[SignedTip] = (),
    have: Mapping[str, list[str]] | None = None,
    *,
    whole: bool = False,
    report: DeviceReport | None = None,
) -> bytes:
    """The bytes of a message to the server."""
    raw = [msgspec.Raw(body) for body in bodies]
    page = ("", "") if whole else None
    frame = Frame(have=dict(have or {}), page=page, entries=raw, signed_tips=list(signed_tips))
    return msgspec.json.encode(SyncRequest(frame, report))


def said(answer: bytes) -> SyncResponse:
    """What the server said."""
    return msgspec.json.decode(answer, type=SyncResponse)


@dataclass(slots=True)
class Central:
    """A running server, and ways to ask it."""

    app: Starlette
    engine: Engine
    http: httpx.AsyncClient
    folder: Path
    credentials: dict[str, str] = field(default_factory=dict)

    @property
    def server(self) -> Server:
        server: Server = self.app.state.server
        return server

    async def admin(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask as the organiser."""
        headers = {"Authorization": f"Bearer {ADMIN}"}
        return await self.http.request(method, f"/v1{path}", headers=headers, **more)

    async def token(self, name: str = "North", event: str = "show") -> str:
        """A fresh one-time token."""
        answer = await self.admin("POST", f"/events/{event}/tokens", json={"name": name})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def enrol(self, maker: Maker, name: str = "North", event: str = "show") -> str:
        """Enrol a device; the answer is its credential."""
        asked = {
            "token": await self.token(name, event), "device": maker.device, "key": maker.public,
        }  # fmt: skip
        answer = await self.http.post("/v1/enrol", json=asked)
        assert answer.status_code == 200, answer.text
        self.credentials[maker.device] = answer.json()["credential"]
        return self.credentials[maker.device]

    def bearer(self, maker: Maker) -> dict[str, str]:
        """The header a device sends."""
        return {"Authorization": f"Bearer {self.credentials[maker.device]}"}

    async def get(self, maker: Maker, path: str, **headers: str) -> httpx.Response:
        """Ask as a device."""
        return await self.http.get(f"/v1{path}", headers=self.bearer(maker) | headers)

    async def exchange(self, maker: Maker, body: bytes) -> SyncResponse:
        """Exchange by POST."""
        answer = await self.http.post("/v1/exchange", content=body, headers=self.bearer(maker))
        assert answer.status_code == 200, answer.text
        return said(answer.content)

    def count(self, table: Any) -> int:
        """How many rows a table has."""
        with reading(self.engine) as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    def entries(self) -> int:
        """How many entries the server holds."""
        return self.count(t.entry)


def parts(**cards: Any) -> tuple[Part, ...]:
    """What the command line mounts on the server."""
    return (card_part(CardSettings(**cards)), upstream_part(dict))


def open_central(url: str) -> Engine:
    """A server's database with the tables of its parts."""
    return open_database(url, parts())


def create_central(
    engine: Engine, folder: Path, mounted: Sequence[Part] | None = None, **settings: Any
) -> Starlette:
    """The server with its parts; ``settings`` are of the one or the others."""
    cards = {one: settings.pop(one) for one in _OF_CARDS if one in settings}
    said = {"admin_hash": hash_of(ADMIN)} | settings
    mounted = parts(**cards) if mounted is None else _one_of_each(mounted)
    return create_app(engine, Settings(folder=folder, **said), mounted)


def stop_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nobody may ask once more for having waited: slow machines are not let off."""
    now_s = time.monotonic()
    monkeypatch.setattr("sync.server.limits.time", SimpleNamespace(monotonic=lambda: now_s))


def card_api_of(app: Starlette) -> CardApi:
    """The card API that is mounted on a server."""
    found: CardApi = app.state.mounted["cards"]
    return found


@cache
def _migrated() -> Path:
    """A database with all tables and nothing in them, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="venue-gate-central-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    open_central(f"sqlite:///{folder / 'central.db'}").dispose()
    return folder / "central.db"


def _open(path: Path, mounted: Sequence[Part] | None) -> Engine:
    if mounted is not None:
        return open_database(f"sqlite:///{path}", _one_of_each(mounted))
    if not path.exists():
        shutil.copy(_migrated(), path)
    return open_central(f"sqlite:///{path}")


def _one_of_each(mounted: Sequence[Part]) -> list[Part]:
    """Of parts of one name the last: one that is made for a test takes the place of the usual."""
    return list({part.name: part for part in mounted}.values())


@asynccontextmanager
async def central(
    path: Path,
    *,
    engine: Engine | None = None,
    mounted: Sequence[Part] | None = None,
    **settings: Any,
) -> AsyncIterator[Central]:
    """A server with one event, ``show``; with its own parts where none are named.

    An ``engine`` has its event already, and stays its caller's to close.
    """
    path.mkdir(parents=True, exist_ok=True)
    opened = engine or _open(path / "central.db", mounted)
    app = create_central(opened, path, mounted, **settings)
    try:
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gate") as http:
                running = Central(app, opened, http, path)
                if engine is None:
                    event = {"id": "show", "time_zone": "Asia/Shanghai"}
                    made = await running.admin("POST", "/events", json=event)
                    assert made.status_code == 201, made.text
                yield running
    finally:
        if engine is None:
            opened.dispose()


class Closed(Exception):
    """The server closed the WebSocket, or never opened it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Socket:
    """A WebSocket to an application in this process."""

    def __init__(self, app: Starlette, headers: Mapping[str, str]) -> None:
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_us: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.may_send = asyncio.Event()
        self.may_send.set()
        scope = {
            "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1",
            "scheme": "ws", "path": "/v1/stream", "raw_path": b"/v1/stream", "query_string": b"",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "client": ("127.0.0.1", 1), "server": ("gate", 80), "subprotocols": [],
            "extensions": {"websocket.http.response": {}}, "state": {},
        }  # fmt: skip
        self._to_app.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(app(scope, self._to_app.get, self._receive))

    async def _receive(self, message: Any) -> None:
        await self.may_send.wait()
        self._to_us.put_nowait(message)

    async def opened(self) -> "Socket":
        """Wait for the handshake. Raises Closed when it is refused."""
        first = await self._next()
        if first["type"] == "websocket.http.response.start":
            body = await self._next()
            raise Closed(first["status"], body["body"].decode())
        assert first["type"] == "websocket.accept", first
        return self

    def send(self, body: bytes) -> None:
        self._to_app.put_nowait({"type": "websocket.receive", "bytes": body})

    async def read(self) -> SyncResponse:
        """The next frame. Raises Closed."""
        message = await self._next()
        if message["type"] == "websocket.close":
            raise Closed(message["code"], message.get("reason") or "")
        return said(message["bytes"])

    async def close(self) -> None:
        """Go away."""
        self.may_send.set()
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self._task, BOUND_S)

    async def _next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._to_us.get(), BOUND_S)


@asynccontextmanager
async def stream(running: Central, maker: Maker) -> AsyncIterator[Socket]:
    """A device's connected stream."""
    socket = await Socket(running.app, running.bearer(maker)).opened()
    try:
        yield socket
    finally:
        await socket.close()
