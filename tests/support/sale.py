"""The peak of a sale: more buyers than tickets, at server processes behind a balancer, and a check.

What was sold, ordered and used is read from the database afterwards, not from the answers alone.
"""

import asyncio
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import Engine, func, select

from gate.core import entry_codec
from gate.core.entry import Act
from sync.cardapi import tables as of_cards
from sync.server import tables as t
from tests.support.cardapi import meeting
from tests.system.network import EVENT, Server, free_port, until

AT_ONCE: Final = 24
"""Requests that are under way at a time."""
_NGINX: Final = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    upstream gates {{ {servers} keepalive 64; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://gates;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
}}
"""


def nginx() -> str | None:
    """Where the balancer's program is."""
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


class Balancer:
    """An nginx that shares requests out in turn among ports of this machine."""

    def __init__(self, folder: Path, ports: Iterable[int]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder.mkdir()
        servers = " ".join(f"server 127.0.0.1:{port};" for port in ports)
        config = folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, servers=servers, port=self.port))
        program = nginx()
        assert program is not None
        # Its worker must reach the folder, whoever it runs as.
        folder.chmod(0o755)
        self.process = subprocess.Popen(
            [program, "-c", str(config), "-p", str(folder), "-g", "user root;"]
            if Path("/proc/self").stat().st_uid == 0
            else [program, "-c", str(config), "-p", str(folder)],
            stderr=subprocess.DEVNULL,
        )
        until(self._answers)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


@dataclass(slots=True)
class Shop:
    """Server processes behind a balancer, and an account of one event."""

    servers: list[Server]
    balancer: Balancer
    token: str

    @property
    def pids(self) -> list[int]:
        """Of the server processes."""
        return [one.process.pid for one in self.servers if one.process is not None]


@contextmanager
def shop(folder: Path, database: str, processes: int) -> Iterator[Shop]:
    """So many processes of ``gate serve`` on one database."""
    arguments = ("--database", database, "--proxy", "127.0.0.1")
    servers: list[Server] = []
    try:
        servers.extend(Server(folder / "server", *arguments) for _n in range(processes))
        balancer = Balancer(folder / "nginx", [one.port for one in servers])
        try:
            made = servers[0].admin("POST", "/accounts", {"event": EVENT})
            query = {"grant_type": "client_credential", **{k: made[k] for k in ("appid", "secret")}}
            granted = httpx.get(f"{balancer.url}/cgi-bin/token", params=query, trust_env=False)
            yield Shop(servers, balancer, str(granted.json()["access_token"]))
        finally:
            balancer.close()
    finally:
        for one in servers:
            one.close()


@dataclass(slots=True)
class Sold:
    """What was asked and what came of it."""

    claimed: list[str] = field(default_factory=list)
    """Codes that buyers were handed."""
    ordered: dict[str, list[list[str]]] = field(default_factory=dict)
    """For each order the codes of every answer."""
    used: Counter[str] = field(default_factory=Counter)
    """How often each code was answered to be used now."""
    refused: Counter[int] = field(default_factory=Counter)
    cards: dict[str, str] = field(default_factory=dict)
    """The cards by what they were for."""
    took_s: dict[str, float] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)


class Sale:
    """A sale with a rush of buyers. Counts are bounded by what it is begun with."""

    def __init__(self, shop_: Shop, *, stock: int, orders: int) -> None:
        self._shop, self._stock, self._orders = shop_, stock, orders
        self.sold = Sold()

    async def run(self) -> Sold:
        """A quarter more buyers than tickets; each order, and each use of a ticket, asked twice."""
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        async with httpx.AsyncClient(
            base_url=self._shop.balancer.url, timeout=60, limits=limits, trust_env=False
        ) as http:
            self._http = http
            for use, stock in (("claims", self._stock), ("orders", 2 * self._orders)):
                body = meeting(sku={"quantity": stock}, get_limit=2)
                self.sold.cards[use] = (await self._ask("/card/create", body))["card_id"]
            buyers = range(self._stock + self._stock // 4)
            await self._rush("claims", [self._claim(n) for n in buyers])
            twice = [n for n in range(self._orders) for _again in "12"]
            await self._rush("orders", [self._order(n) for n in twice])
            uses = [code for code in self.sold.claimed for _again in "12"]
            await self._rush("consumes", [self._use(code) for code in uses])
        return self.sold

    async def _rush(self, name: str, asked: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """All of it, so many at once, and how long that took."""
        left = iter(asked)

        async def work() -> None:
            for one in left:
                await one()

        began = time.perf_counter()
        await asyncio.gather(*(work() for _n in range(AT_ONCE)))
        self.sold.took_s[name] = time.perf_counter() - began
        self.sold.asked[name] = len(asked)

    async def _ask(self, path: str, body: Any) -> Any:
        query = {"access_token": self._shop.token}
        return (await self._http.post(path, params=query, json=body)).json()

    def _claim(self, n: int) -> Callable[[], Awaitable[None]]:
        async def ask() -> None:
            body = {"card_id": self.sold.cards["claims"], "openid": f"oBuyer{n}"}
            answer = await self._ask("/v1/claims", body)
            if answer["errcode"]:
                self.sold.refused[answer["errcode"]] += 1
            else:
                self.sold.claimed.append(answer["code"])

        return ask

    def _order(self, n: int) -> Callable[[], Awaitable[None]]:
        async def ask() -> None:
            items = [{"card_id": self.sold.cards["orders"], "count": 2}]
            body = {"order_id": f"o{n}", "openid": f"oOrder{n}", "paid_at": 1, "items": items}
            answer = await self._ask("/v1/orders", body)
            assert answer["errcode"] == 0, answer
            self.sold.ordered.setdefault(f"o{n}", []).append(answer["codes"])

        return ask

    def _use(self, code: str) -> Callable[[], Awaitable[None]]:
        async def ask() -> None:
            answer = await self._ask("/card/code/consume", {"code": code})
            if answer["errcode"]:
                self.sold.refused[answer["errcode"]] += 1
            else:
                self.sold.used[code] += 1

        return ask


def mistakes(engine: Engine, sold: Sold, *, stock: int, orders: int) -> list[str]:
    """What is wrong with a sale, by the database; nothing when it is well."""
    h, c, e = of_cards.issued_code.c, of_cards.card.c, t.entry.c
    with engine.connect() as connection:
        issued = {
            use: list(connection.execute(select(h.code).where(h.card_id == card)).scalars())
            for use, card in sold.cards.items()
        }
        tickets = connection.execute(select(func.count(h.ticket.distinct()))).scalar_one()
        left = set(connection.execute(select(c.quantity)).scalars())
        bodies = connection.execute(select(e.body).where(e.act == Act.ADMISSION.value)).scalars()
        admitted = Counter(entry_codec.decode(body).ticket for body in bodies)
    found = {
        "claimed": (len(sold.claimed), stock),
        "claimed, different": (len(set(sold.claimed)), stock),
        "claimed, in the table": (sorted(issued["claims"]), sorted(sold.claimed)),
        "sold out": (sold.refused[45031], stock // 4),
        "orders": (len(sold.ordered), orders),
        "an order's answers": (
            [one for one in sold.ordered.values() if len(one) != 2 or one[0] != one[1]], [],
        ),
        "ordered, in the table": (
            sorted(issued["orders"]),
            sorted(code for answers in sold.ordered.values() for code in answers[0]),
        ),
        "tickets": (tickets, stock + 2 * orders),
        "left of each card": (left, {0}),
        "used now, of each code": (sold.used, Counter(issued["claims"])),
        "already used": (sold.refused[40099], stock),
        "admissions": (sum(admitted.values()), stock),
        "admissions of one ticket": (max(admitted.values(), default=0), min(1, stock)),
    }  # fmt: skip
    return [f"{what}: {is_!r}, not {want!r}" for what, (is_, want) in found.items() if is_ != want]
