"""What the server costs, beside a bare route that runs the same SQL; and how many gates it carries.

    python benchmarks/bench_server.py [--postgres] [--gates 50,100,200] [--seconds 25] [--pages 50]

First: redemptions pushed one by one and by the hundred, from 1, 8 and 64 devices, durable before
the reply. The bare server is a Starlette route with group commit on raw sqlite3 and the very same
statements; the same on raw psycopg tells what PostgreSQL itself takes. CPU is that of the server's
processes (PostgreSQL's included, and told apart), per redemption; the limit is twice that of bare
sqlite3. Then: gates that each scan once a second and hear of all the others; a
number of gates is carried when the lag in the last 10 s is at most twice that of the first 10.
With ``--pages N`` only this: the most gates, without and with so many pages open that are told
news: how long pushes wait for their receipt, and verdicts of a lane on the same machine; the limit
is twice. And a page's first byte beside that of a bare Starlette route.
"""

import argparse
import asyncio
import contextlib
import hashlib
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import msgspec
from sqlalchemy import Engine

from benchmarks import open_pages
from benchmarks.open_pages import OpenPages
from tests.support import postgres
from tests.support.central import Maker, ask
from tests.system.network import free_port, until

EVENT, LIMIT = "bench", 2.0
CLIENTS = (1, 8, 64)
SINGLES = {1: 1600, 8: 3200, 64: 6400}
BATCHES = {1: 200, 8: 400, 64: 640}
BATCH = 100


PAGE = b"<!doctype html><title>bare</title>" + b"<p>nothing</p>" * 700
"""As large as one of ours."""
VERDICTS_PER_S = 4


# The servers, each a process of its own


def serve_ours(url: str, port: int, folder: str) -> None:
    import uvicorn

    from sync.server.app import create_app
    from sync.server.database import open_database
    from sync.server.settings import PagesBy, Settings

    settings = Settings(Path(folder), "", device_per_s=1e9, device_burst=1e9, pages=PagesBy.ANY)
    app = create_app(open_database(url), settings)
    uvicorn.run(app, port=port, log_level="error", access_log=False, ws_per_message_deflate=False)


BARE_TABLES = """
DROP TABLE IF EXISTS stream; DROP TABLE IF EXISTS entry; DROP TABLE IF EXISTS tip;
DROP TABLE IF EXISTS tally;
CREATE TABLE stream (event TEXT PRIMARY KEY, entries BIGINT);
CREATE TABLE entry (event TEXT, number BIGINT, origin TEXT, seq BIGINT, hash TEXT, act TEXT,
    ticket TEXT, body TEXT, PRIMARY KEY (event, number), UNIQUE (event, origin, seq, hash));
CREATE INDEX entry_ticket ON entry (event, ticket, act);
CREATE TABLE tip (event TEXT, origin TEXT, hash TEXT, seq BIGINT,
    PRIMARY KEY (event, origin, hash));
CREATE TABLE tally (event TEXT, device TEXT, minute BIGINT, gate TEXT, zone TEXT,
    ticket_type TEXT, outcome TEXT, reason TEXT, operator TEXT, entries BIGINT, admitted BIGINT,
    exited BIGINT, annulled BIGINT, PRIMARY KEY (event, device, minute, gate, zone, ticket_type,
    outcome, reason, operator));
INSERT INTO stream VALUES ('bench', 0)
"""


class BareSqlite:
    """A connection of sqlite3's own."""

    def __init__(self, url: str) -> None:
        import sqlite3

        self.db = sqlite3.connect(url, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536"):
            self.db.execute(f"PRAGMA {pragma}")
        self.run, self.commit = self.db.execute, lambda: self.db.execute("COMMIT")
        self.run_many = self.db.executemany

    def begin(self) -> int:
        self.run("BEGIN IMMEDIATE")
        query = "SELECT entries FROM stream WHERE event = 'bench'"
        return int(self.run(query).fetchone()[0])


class BarePostgres:
    """A connection of psycopg's own."""

    def __init__(self, url: str) -> None:
        import psycopg

        self.db = psycopg.connect(url.replace("+psycopg", ""))
        self.commit = self.db.commit

    def run(self, sql: str, bound: Sequence[Any] = ()) -> Any:
        return self.db.execute(sql.replace("?", "%s"), bound)

    def run_many(self, sql: str, rows: list[Any]) -> None:
        if rows:
            self.db.cursor().executemany(sql.replace("?", "%s"), rows)

    def begin(self) -> int:
        query = "SELECT entries FROM stream WHERE event = 'bench' FOR UPDATE"
        return int(self.run(query).fetchone()[0])


def serve_bare(url: str, port: int) -> None:
    """The same statements with nothing around them."""
    import queue
    import threading

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    decoder = msgspec.json.Decoder(dict)

    def commit() -> None:
        db = BarePostgres(url) if url.startswith("postgres") else BareSqlite(url)
        for statement in BARE_TABLES.split(";"):
            db.run(statement)
        if isinstance(db, BarePostgres):
            db.commit()
        while True:
            batch = [waiting.get()]
            while not waiting.empty() and len(batch) < 128:
                batch.append(waiting.get())
            rows = [row for one in batch for row in one[0]]
            number = db.begin()
            marks = ",".join("?" * len({r[0] for r in rows}))
            tips = dict(
                db.run(
                    f"SELECT origin, hash FROM tip WHERE event = 'bench' AND origin IN ({marks})",
                    list({r[0] for r in rows}),
                ).fetchall()
            )
            db.run_many(
                "INSERT INTO entry VALUES ('bench', ?, ?, ?, ?, ?, ?, ?)",
                [(number + n, *row[:6]) for n, row in enumerate(rows, 1)],
            )
            db.run("UPDATE stream SET entries = ? WHERE event = 'bench'", [number + len(rows)])
            newest = {row[0]: row for row in rows}
            db.run_many(
                "UPDATE tip SET hash = ?, seq = ? WHERE event = 'bench' AND origin = ? "
                "AND hash = ?",
                [(r[2], r[1], o, tips[o]) for o, r in newest.items() if o in tips],
            )
            db.run_many(
                "INSERT INTO tip VALUES ('bench', ?, ?, ?)",
                [(o, r[2], r[1]) for o, r in newest.items() if o not in tips],
            )
            db.run(
                "SELECT number FROM entry WHERE event = 'bench' AND act = 'annulment' AND ticket "
                f"IN ({','.join('?' * len(rows))}) LIMIT 1", [row[4] for row in rows],
            ).fetchone()  # fmt: skip
            counts: dict[Any, int] = {}
            for row in rows:
                counts[row[6]] = counts.get(row[6], 0) + 1
            db.run_many(
                "INSERT INTO tally VALUES ('bench', ?, ?, ?, '', '', 'admit', '', '', ?, ?, 0, 0) "
                "ON CONFLICT (event, device, minute, gate, zone, ticket_type, outcome, reason, "
                "operator) DO UPDATE SET entries = tally.entries + excluded.entries, "
                "admitted = tally.admitted + excluded.admitted",
                [(*key, n, n) for key, n in counts.items()],
            )
            db.commit()
            for _rows, loop, done in batch:
                loop.call_soon_threadsafe(done.set_result, None)

    threading.Thread(target=commit, daemon=True).start()

    async def push(request: Request) -> Response:
        body = await request.body()
        loop = asyncio.get_running_loop()
        rows = []
        for raw in msgspec.json.decode(body, type=BareAsk).frame.entries:
            said = decoder.decode(raw)
            text = bytes(raw)
            key = (said["origin"].partition(".")[0], said["at_ms"] // 60_000, said["gate"])
            rows.append(
                (said["origin"], said["seq"], hashlib.sha256(text).hexdigest(), said["act"],
                 said.get("ticket", ""), text.decode(), key)
            )  # fmt: skip
        done = loop.create_future()
        waiting.put((rows, loop, done))
        await done
        return Response(b'{"frame":{}}', media_type="application/json")

    async def ready(_request: Request) -> Response:
        return Response(b"{}")

    async def page(_request: Request) -> Response:
        return Response(PAGE, media_type="text/html")

    app = Starlette(routes=[Route("/v1/exchange", push, methods=["POST"]),
                            Route("/readyz", ready), Route("/page", page)])  # fmt: skip
    uvicorn.run(app, port=port, log_level="error", access_log=False)


class BareFrame(msgspec.Struct):
    entries: list[msgspec.Raw] = []


class BareAsk(msgspec.Struct):
    frame: BareFrame


# The load


class Gate:
    """A device that pushes its chain."""

    def __init__(self, number: int) -> None:
        self.maker = Maker(f"{number:016x}", "bb")
        self.credential = secrets.token_urlsafe(32)
        self.made = 0

    def push(self, count: int) -> bytes:
        bodies = []
        for _ in range(count):
            self.made += 1
            bodies.append(self.maker.make(ticket=f"{self.maker.device[-4:]}-{self.made}"))
        # A device signs its chain every two seconds, which at this pace is hardly ever.
        return ask(bodies)

    def request(self, count: int) -> bytes:
        body = self.push(count)
        head = (
            f"POST /v1/exchange HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            f"Content-Type: application/json\r\nAuthorization: Bearer {self.credential}\r\n\r\n"
        )
        return head.encode() + body


async def send_all(port: int, lists: list[list[bytes]]) -> None:
    async def client(requests: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in requests:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.split(b"\r\n")[0], head
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(client(requests) for requests in lists))


def cpu_s(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            # Own time and that of children that have ended.
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    pids = [pid]
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                pids += tree(int(path.parent.name))
    return pids


def of_postgres() -> list[int]:
    pids = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text().startswith("postgres"):
                pids.append(int(path.parent.name))
    return pids


class Running:
    """A server as a process."""

    def __init__(self, kind: str, url: str, folder: Path) -> None:
        self.port, self.kind = free_port(), kind
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", kind, url, str(self.port), str(folder)],
        )
        until(self._answers)

    def _answers(self) -> bool:
        import httpx

        with contextlib.suppress(httpx.HTTPError):
            url = f"http://127.0.0.1:{self.port}/readyz"
            return httpx.get(url, trust_env=False).is_success
        return False

    def cpu(self) -> tuple[float, float]:
        """Of the server's own processes, and of PostgreSQL's (s)."""
        own = cpu_s(tree(self.process.pid))
        return own, cpu_s(of_postgres()) if "postgres" in self.kind else 0.0

    def memory_mb(self) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)


def prepare(url: str, gates: list[Gate]) -> Engine:
    from sqlalchemy import insert

    from sync.server import events
    from sync.server import tables as t
    from sync.server.database import open_database
    from sync.server.devices import hash_of

    engine = open_database(url)
    with engine.begin() as connection:
        for table in reversed(t.metadata.sorted_tables):
            if table is not t.meta:
                connection.execute(table.delete())
        events.create_event(connection, EVENT, "Bench", "UTC", 1)
        connection.execute(
            insert(t.device),
            [
                {"id": g.maker.device, "event": EVENT, "name": g.maker.device[-4:],
                 "public_key": g.maker.public, "credential": hash_of(g.credential),
                 "state": "enrolled", "enrolled_ms": 1, "heard_ms": 0, "lane_open": 1,
                 "report": "{}", "stamp": "", "counts_until": "", "twin_ms": 0}
                for g in gates
            ],
        )  # fmt: skip
    return engine


def redemptions(kinds: dict[str, str], folder: Path) -> None:
    print(f"{'':>24} {'CPU us each':>12} {'database':>9} {'each/s':>8} {'to bare':>8}")
    for size, counts in ((1, SINGLES), (BATCH, BATCHES)):
        for clients in CLIENTS:
            bare = 0.0
            for kind, url in kinds.items():
                place = Path(tempfile.mkdtemp(dir=folder))
                gates = [Gate(n) for n in range(clients)]
                if not kind.startswith("bare"):
                    prepare(url.format(folder=place), gates).dispose()
                server = Running(kind, url.format(folder=place), place)
                each = counts[clients] // clients
                # The first of each client is not counted: connections, caches, first pages.
                warm = [[g.request(size)] for g in gates]
                lists = [[g.request(size) for _ in range(each)] for g in gates]
                asyncio.run(send_all(server.port, warm))
                before, started = server.cpu(), time.monotonic()
                asyncio.run(send_all(server.port, lists))
                took = time.monotonic() - started
                done = each * clients * size
                after = server.cpu()
                database = (after[1] - before[1]) / done * 1e6
                cpu = (sum(after) - sum(before)) / done * 1e6
                server.close()
                bare = bare or cpu
                name = f"{kind}, {clients} x {size}"
                print(
                    f"{name:>24} {cpu:12.0f} {database:9.0f} {done / took:8.0f} {cpu / bare:8.2f}"
                )
    print(f"limit: {LIMIT}; what PostgreSQL costs with nothing around it: bare postgres")


async def fan_out(server: Running, gates: list[Gate], seconds: float) -> tuple[float, float, int]:
    """Median lag (s) of the first and the last 10 s, and the frames that came."""
    from websockets.asyncio.client import connect

    lags: list[tuple[float, float]] = []
    frames = 0
    began = time.monotonic()

    async def gate(one: Gate, number: int) -> None:
        nonlocal frames
        sent: dict[bytes, float] = {}
        url = f"ws://127.0.0.1:{server.port}/v1/stream"
        headers = {"Authorization": f"Bearer {one.credential}"}
        async with connect(url, additional_headers=headers, compression=None, proxy=None,
                           max_size=None, open_timeout=60) as socket:  # fmt: skip

            async def listen() -> None:
                nonlocal frames
                async for data in socket:
                    frames += 1
                    if number % 10 == 0:
                        now = time.monotonic()
                        heard = [mark for mark in sent if mark in data]
                        lags.extend((now - began, now - sent.pop(mark)) for mark in heard)

            listening = asyncio.create_task(listen())
            await asyncio.sleep(secrets.randbelow(1000) / 1000)
            while time.monotonic() - began < seconds:
                data = one.push(1)
                sent[f'"{one.maker.seq}:{one.maker.prev[:32]}"'.encode()] = time.monotonic()
                await socket.send(data)
                await asyncio.sleep(1)
            listening.cancel()

    await asyncio.gather(*(gate(one, n) for n, one in enumerate(gates)))
    first = [lag for at, lag in lags if 1 <= at < 11]
    last = [lag for at, lag in lags if at >= seconds - 10]
    return statistics.median(first), statistics.median(last), frames


def gates_carried(numbers: list[int], seconds: float, folder: Path) -> None:
    print(f"\n{'gates':>6} {'lag first 10 s':>15} {'lag last 10 s':>14} {'ratio':>6} "
          f"{'frames/s each':>14} {'CPU':>6} {'memory':>8}")  # fmt: skip
    for number in numbers:
        place = Path(tempfile.mkdtemp(dir=folder))
        url = f"sqlite:///{place}/central.db"
        gates = [Gate(n) for n in range(number)]
        prepare(url, gates).dispose()
        server = Running("sqlite", url, place)
        before, started = sum(server.cpu()), time.monotonic()
        first, last, frames = asyncio.run(fan_out(server, gates, seconds))
        took = time.monotonic() - started
        cpu = (sum(server.cpu()) - before) / took
        each = frames / took / number
        print(
            f"{number:6} {first * 1000:12.0f} ms {last * 1000:11.0f} ms {last / first:6.2f} "
            f"{each:14.1f} {cpu:6.0%} {server.memory_mb():5.0f} MB"
        )
        server.close()


# Open pages


def scan_for(seconds: float, folder: Path) -> None:
    """A lane that admits guest after guest; prints the median verdict (ms)."""
    from gate.clock import SystemClock
    from gate.core.outcome import Outcome
    from gate.core.place import HouseRules, Place
    from gate.core.verdict import Scan
    from gate.lane.lane import Lane
    from gate.reports.ticket_import import import_files
    from gate.storage.folder import Folder
    from tests.support.venue import write_rows

    data, count = Folder(folder / "lane"), int(seconds * VERDICTS_PER_S)
    data.create()
    tickets = [{"code": f"C{n:06d}", "type": "A", "id": f"t{n}"} for n in range(count)]
    types = [{"id": "A", "kind": "MEETING_TICKET"}]
    files = [write_rows(folder / "types.jsonl", types), write_rows(folder / "t.jsonl", tickets)]
    import_files(data, files)
    lane = Lane(data, SystemClock(), Place("North"), HouseRules())
    lane.open()
    times = []
    for ticket in tickets:
        begun = time.perf_counter()
        verdict = lane.admit(Scan(str(ticket["code"]), deliberate=True))
        times.append(time.perf_counter() - begun)
        assert verdict.outcome is Outcome.ADMIT, verdict
        time.sleep(1 / VERDICTS_PER_S)
    lane.close()
    print(open_pages.median_ms(times))


async def with_pages(server: Running, gates: list[Gate], seconds: float, pages: OpenPages) -> float:
    """Median time (ms) from a push to its receipt, with these pages open meanwhile."""
    await pages.open()
    first, last, _frames = await fan_out(server, gates, seconds)
    await pages.close()
    return max(first, last) * 1000


def pages_open(number: int, count: int, seconds: float, folder: Path) -> None:
    """What open pages cost those who stand at a lane; the better of two, as others may be busy."""
    print(f"{'pages':>6} {'push':>10} {'verdict':>10} {'CPU':>6} {'parts/s each':>13} {'kB/s':>7}")
    pushes: dict[int, list[float]] = {0: [], count: []}
    verdicts: dict[int, list[float]] = {0: [], count: []}
    for pages in (0, count, 0, count):
        place = Path(tempfile.mkdtemp(dir=folder))
        url = f"sqlite:///{place}/central.db"
        gates = [Gate(n) for n in range(number)]
        engine = prepare(url, gates)
        cookies = open_pages.sessions(engine, EVENT, pages)
        engine.dispose()
        server = Running("sqlite", url, place)
        lane = subprocess.Popen(
            [sys.executable, __file__, "--lane", str(seconds), str(place)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        opened = OpenPages(server.port, cookies, pages)
        before, started = sum(server.cpu()), time.monotonic()
        push = asyncio.run(with_pages(server, gates, seconds, opened))
        took = time.monotonic() - started
        cpu = (sum(server.cpu()) - before) / took
        verdict = float(lane.communicate(timeout=60)[0])
        pushes[pages].append(push)
        verdicts[pages].append(verdict)
        each = opened.parts / took / max(1, pages)
        print(
            f"{pages:6} {push:7.1f} ms {verdict:7.2f} ms {cpu:6.0%} {each:13.2f} "
            f"{opened.octets / took / 1000:7.0f}"
        )
        server.close()
    push, verdict = (min(each[count]) / min(each[0]) for each in (pushes, verdicts))
    print(f"ratio: pushes {push:.2f}, verdicts {verdict:.2f}; limit 2")


def first_byte(folder: Path) -> None:
    """How soon a page begins to come, beside a bare route and nobody else asking."""
    place = Path(tempfile.mkdtemp(dir=folder))
    url = f"sqlite:///{place}/central.db"
    gates = [Gate(n) for n in range(8)]
    engine = prepare(url, gates)
    (cookie,) = open_pages.sessions(engine, EVENT, 1)
    engine.dispose()
    medians = {}
    for kind, at, path in (
        ("bare", f"{place}/bare.db", "/page"),
        ("sqlite", url, "/web/tonight"),
        ("sqlite", url, "/web/wall"),
    ):
        server = Running(kind, at, place)
        if kind == "sqlite":
            # An evening's worth of entries is behind the numbers.
            asyncio.run(
                send_all(server.port, [[g.request(BATCH) for _ in range(5)] for g in gates])
            )
        asked = open_pages.first_bytes(f"http://127.0.0.1:{server.port}{path}", cookie, 60)
        medians[path] = open_pages.median_ms(asyncio.run(asked))
        server.close()
        ratio = medians[path] / medians["/page"]
        print(f"first byte of {path:>14}: {medians[path]:6.2f} ms, {ratio:5.1f} times a bare route")


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] == "--lane":
        scan_for(float(sys.argv[2]), Path(sys.argv[3]))
        return
    if len(sys.argv) > 1 and sys.argv[1] == "--serve":
        kind, url, port, served = sys.argv[2:6]
        with contextlib.suppress(KeyboardInterrupt):
            if kind.startswith("bare"):
                serve_bare(url, int(port))
            else:
                serve_ours(url, int(port), served)
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--postgres", action="store_true", help="PostgreSQL as well")
    parser.add_argument("--gates", default="50,100,200")
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--pages", type=int, default=0, help="only what so many open pages cost")
    options = parser.parse_args()
    numbers = [int(n) for n in options.gates.split(",") if n]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.pages:
            pages_open(max(numbers), options.pages, options.seconds, folder)
            first_byte(folder)
            return
        kinds = {"bare": "{folder}/bare.db", "sqlite": "sqlite:///{folder}/central.db"}
        if options.postgres:
            import psycopg

            url = stack.enter_context(postgres.postgres(durable=True))
            # Two databases, for their tables have the same names.
            with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as db:
                db.execute("CREATE DATABASE bare")
            kinds |= {"bare postgres": f"{url.rpartition('/')[0]}/bare", "postgres": url}
        redemptions(kinds, folder)
        if numbers:
            gates_carried(numbers, options.seconds, folder)


if __name__ == "__main__":
    main()
