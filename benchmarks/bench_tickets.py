"""What the card API costs: create, claim and consume from 1, 8 and 64 clients; a million codes.

    python benchmarks/bench_tickets.py [--postgres] [--codes 1000000]

Each call is durable before its answer. CPU is that of the server's processes (PostgreSQL's
included). The million is handed over by ``card/code/deposit``, a hundred codes a call, from four
clients, and then claimed by orders of a thousand; both with progress.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx

from benchmarks.bench_server import cpu_s, of_postgres, tree
from tests.support import postgres
from tests.support.cardapi import meeting
from tests.system.network import free_port, until

EVENT, ADMIN = "bench", "bench-admin"
CLIENTS = (1, 8, 64)
EACH = {1: 150, 8: 600, 64: 1280}
DEPOSIT = {"use_custom_code": True, "get_custom_code_mode": "GET_CUSTOM_CODE_MODE_DEPOSIT",
           "sku": {"quantity": 0}, "get_limit": 100_000_000}  # fmt: skip


def serve(url: str, port: int, folder: str) -> None:
    import uvicorn

    from sync.cardapi.part import card_part
    from sync.cardapi.settings import CardSettings
    from sync.server.app import create_app
    from sync.server.database import open_database
    from sync.server.devices import hash_of
    from sync.server.settings import Settings

    settings = Settings(Path(folder), hash_of(ADMIN), body_s=120)
    parts = (card_part(CardSettings(account_per_s=1e9, account_burst=1e9)),)
    app = create_app(open_database(url, parts), settings, parts)
    uvicorn.run(app, port=port, log_level="error", access_log=False)


class Server:
    """The server as a process, and one account at it."""

    def __init__(self, url: str, folder: Path) -> None:
        import subprocess

        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", url, str(self.port), str(folder)]
        )
        self.uses_postgres = url.startswith("postgresql")
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=120
        )
        until(self._answers)
        headers = {"Authorization": f"Bearer {ADMIN}"}
        self.http.post("/v1/events", json={"id": EVENT, "time_zone": "UTC"}, headers=headers)
        made = self.http.post("/v1/accounts", json={"event": EVENT}, headers=headers).json()
        asked = {"grant_type": "client_credential", "appid": made["appid"],
                 "secret": made["secret"]}  # fmt: skip
        self.token = self.http.get("/cgi-bin/token", params=asked).json()["access_token"]

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self.http.get("/readyz").is_success
        return False

    def ok(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.post(
            path, params={"access_token": self.token}, json=body
        ).json()
        assert answer["errcode"] == 0, answer
        return answer

    def request(self, path: str, body: dict[str, Any]) -> bytes:
        content = json.dumps(body, ensure_ascii=False).encode()
        head = (
            f"POST {path}?access_token={self.token} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {len(content)}\r\nContent-Type: application/json\r\n\r\n"
        )
        return head.encode() + content

    def cpu_s(self) -> float:
        return cpu_s(tree(self.process.pid) + (of_postgres() if self.uses_postgres else []))

    def close(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(20)


async def send_all(
    port: int, lists: list[list[bytes]], told: Callable[[], None] = lambda: None
) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []

    async def client(requests: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in requests:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            answer = json.loads(await reader.readexactly(length))
            assert answer["errcode"] == 0, answer
            answers.append(answer)
            told()
        writer.close()

    await asyncio.gather(*(client(requests) for requests in lists))
    return answers


def shared_out(requests: list[bytes], clients: int) -> list[list[bytes]]:
    return [requests[n::clients] for n in range(clients)]


def measure(name: str, server: Server, requests: list[bytes], clients: int) -> list[dict[str, Any]]:
    before, started = server.cpu_s(), time.monotonic()
    answers = asyncio.run(send_all(server.port, shared_out(requests, clients)))
    took, cpu = time.monotonic() - started, server.cpu_s() - before
    each_us = cpu / len(requests) * 1e6
    print(f"{name:>20} {clients:>3} clients {len(requests) / took:9.0f} /s {each_us:9.0f} us CPU")
    return answers


def calls(url: str, folder: Path) -> None:
    server = Server(url, folder)
    try:
        body = meeting(get_limit=100_000_000)
        card_id = server.ok("/card/create", body)["card_id"]
        for clients in CLIENTS:
            count = EACH[clients]
            measure("create", server, [server.request("/card/create", body)] * count, clients)
            claim = [
                server.request("/v1/claims", {"card_id": card_id, "openid": f"o{clients}-{n}"})
                for n in range(count)
            ]
            answers = measure("claim", server, claim, clients)
            consume = [
                server.request("/card/code/consume", {"code": answer["code"]}) for answer in answers
            ]
            measure("consume", server, consume, clients)
    finally:
        server.close()


class Progress:
    """A line that says how far it is."""

    def __init__(self, name: str, total: int, size: int) -> None:
        self.name, self.total, self.size = name, total, size
        self.done, self.started, self.told_at = 0, time.monotonic(), 0.0

    def __call__(self) -> None:
        self.done += self.size
        now = time.monotonic()
        if now - self.told_at > 10 or self.done >= self.total:
            self.told_at = now
            rate = self.done / (now - self.started)
            print(f"{self.name:>20} {self.done:>9} of {self.total} {rate:9.0f} /s", flush=True)


def bulk(url: str, folder: Path, codes: int) -> None:
    server = Server(url, folder)
    try:
        card_id = server.ok("/card/create", meeting(**DEPOSIT))["card_id"]
        before, started = server.cpu_s(), time.monotonic()
        deposits = [
            server.request("/card/code/deposit", {
                "card_id": card_id, "code": [f"K{n:09d}" for n in range(first, first + 100)]})
            for first in range(0, codes, 100)
        ]  # fmt: skip
        told = Progress("deposit", codes, 100)
        asyncio.run(send_all(server.port, shared_out(deposits, 4), told))
        server.ok("/card/modifystock", {"card_id": card_id, "increase_stock_value": codes})
        middle = time.monotonic()
        orders = [
            server.request("/v1/orders", {
                "order_id": str(n), "openid": f"o{n}", "paid_at": 1,
                "items": [{"card_id": card_id, "count": 1000}]})
            for n in range(codes // 1000)
        ]  # fmt: skip
        told = Progress("claim by order", codes, 1000)
        asyncio.run(send_all(server.port, shared_out(orders, 4), told))
        ended, cpu = time.monotonic(), server.cpu_s() - before
        print(
            f"{codes} codes: deposited in {middle - started:.0f} s, claimed in "
            f"{ended - middle:.0f} s, {cpu / codes * 1e6:.0f} us CPU each in all"
        )
    finally:
        server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        url, port, folder = options.serve
        serve(url, int(port), folder)
        return
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-tickets-")))
        url = f"sqlite:///{folder / 'c.db'}"
        if options.postgres:
            url = stack.enter_context(postgres.postgres(durable=True))
        calls(url, folder)
        if options.codes:
            bulk(url, folder, options.codes)


if __name__ == "__main__":
    main()
