"""What a first pull of a large pretix costs: memory, time, and going on after a kill.

    python benchmarks/bench_pretix.py [--orders 100000] [--few 10000]

A made-up pretix (``tests/support/fake_pretix.py``, a process of its own) has so many orders.
``gate serve`` is paired with it as an operator would, pulls all of them, and is killed in the
middle; its peak memory with many orders stands beside that with few. Beside the time stands
pretixSCAN's own way of asking in the same run: page after page with its parameters, whole orders,
each page kept as text in one transaction of a SQLite file. Limits: memory grows from the few to the
many by little more than the 64 MB that SQLite may keep of its pages, so it is bounded however many
orders there are; after the kill at most one page is asked for again.
"""

import argparse
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx

from tests.system.network import GATE, free_port

GROWTH_LIMIT_MB = 96.0
PAGE = 50
PRETIXSCAN = {
    "ordering": "datetime", "testmode": "false", "include_canceled_positions": "true",
    "exclude": ["downloads", "payment_date", "payment_provider", "fees", "positions.downloads",
                "payments", "refunds"],
}  # fmt: skip
"""How its apps ask for orders."""


class Pulled(NamedTuple):
    """What a first pull cost."""

    seconds: float
    """Of work; without what a killed process's lease still ran."""
    pause_s: float
    """From the kill until the next process had stored a page."""
    peak_mb: float
    asked: int
    """Pages of orders that pretix was asked for."""


@contextmanager
def fake(orders: int) -> Iterator[str]:
    """A made-up pretix of so many orders, until the end of the block."""
    port = free_port()
    command = [sys.executable, "-m", "tests.support.fake_pretix", str(port), str(orders)]
    process = subprocess.Popen(command, cwd=Path(__file__).resolve().parent.parent)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                httpx.get(f"{url}/-/", trust_env=False)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


def pull(url: str, room: Path, orders: int, *, kills: bool) -> Pulled:
    """Pair a new server and let it pull; ``kills`` it once half of all is there."""
    folder, port = room / "server", free_port()
    serve = [*GATE, "serve", "--server-dir", str(folder), "--listen", f"127.0.0.1:{port}",
             "--time-zone", "UTC"]  # fmt: skip
    code = room / "code.json"
    code.write_text(json.dumps({"handshake_version": 1, "url": url, "token": "x"}))
    server = _start(serve, port)
    subprocess.run(
        [*GATE, "pretix", "pair", "gala.Main", "--code-file", str(code),
         "--server-dir", str(folder)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    began, peak = time.monotonic(), 0.0
    try:
        has_killed, shown, pause_s, killed = not kills, -1, 0.0, (0.0, 0)
        while True:
            done, is_complete = _standing(folder)
            if done * 10 // orders != shown:
                shown = done * 10 // orders
                print(f"  {time.monotonic() - began:7.1f} s  {done:7} orders  "
                      f"{_peak_mb(server.pid):6.0f} MB")  # fmt: skip
            peak = max(peak, _peak_mb(server.pid))
            if is_complete:
                break
            if not has_killed and done >= orders // 2:
                server.kill()
                server.wait()
                killed = (time.monotonic(), _standing(folder)[0])
                print(f"  killed at {killed[1]} orders, and started again")
                server, has_killed = _start(serve, port), True
            elif killed[1] and not pause_s and done > killed[1]:
                pause_s = time.monotonic() - killed[0]
            time.sleep(0.2)
        seconds = time.monotonic() - began - pause_s
        with closing(sqlite3.connect(f"file:{folder}/central.db?mode=ro", uri=True)) as db:
            (tickets,) = db.execute("SELECT count(*) FROM ticket").fetchone()
        print(f"  {tickets} tickets")
    finally:
        server.kill()
        server.wait()
    asked = httpx.get(f"{url}/-/", trust_env=False).json()["pages"]
    return Pulled(seconds, pause_s, peak, asked)


def _start(command: list[str], port: int) -> "subprocess.Popen[bytes]":
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success:
                return server
        except httpx.HTTPError:
            time.sleep(0.1)


def _standing(folder: Path) -> tuple[int, bool]:
    """How many orders are stored, and whether those are all."""
    with closing(sqlite3.connect(f"file:{folder}/central.db?mode=ro", uri=True)) as db:
        row = db.execute("SELECT done, is_complete FROM upstream").fetchone()
    return (int(row[0]), bool(row[1])) if row else (0, False)


def _peak_mb(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def as_pretixscan(url: str, room: Path) -> float:
    """Seconds that its own way of downloading takes."""
    began = time.monotonic()
    orders = f"{url}/api/v1/organizers/demo/events/gala/orders/"
    with closing(sqlite3.connect(room / "scan.db")) as db, httpx.Client(trust_env=False) as http:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE orders (code TEXT PRIMARY KEY, status TEXT, json TEXT)")
        db.execute("CREATE TABLE position (id INTEGER PRIMARY KEY, secret TEXT, code TEXT)")
        db.execute("CREATE INDEX by_secret ON position (secret)")
        page = 1
        while True:
            got = http.get(orders, params=PRETIXSCAN | {"page": str(page)}).json()
            for one in got["results"]:
                row = (one["code"], one["status"], json.dumps(one))
                db.execute("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", row)
                db.executemany(
                    "INSERT OR REPLACE INTO position VALUES (?, ?, ?)",
                    [(p["id"], p["secret"], one["code"]) for p in one["positions"]],
                )
            db.commit()
            if got["next"] is None:
                return time.monotonic() - began
            page += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--few", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rooms = {what: Path(name, what) for what in ("few", "many", "scan")}
        for room in rooms.values():
            room.mkdir()
        print(f"{options.few} orders")
        with fake(options.few) as url:
            few = pull(url, rooms["few"], options.few, kills=False)
        print(f"{options.orders} orders")
        with fake(options.orders) as url:
            many = pull(url, rooms["many"], options.orders, kills=True)
            theirs = as_pretixscan(url, rooms["scan"])
    growth = many.peak_mb - few.peak_mb
    again = many.asked - -(-options.orders // (PAGE - 1)) - 5
    print(f"peak memory: {few.peak_mb:.0f} MB, {many.peak_mb:.0f} MB: grows by {growth:.0f} MB "
          f"(limit {GROWTH_LIMIT_MB:.0f})")  # fmt: skip
    print(f"pages asked for: {many.asked}, of {PAGE} orders at most")
    print(f"after the kill another process went on within {many.pause_s:.0f} s (a lease is 60 s)")
    print(f"ours {many.seconds:.1f} s; pretixSCAN's way of asking {theirs:.1f} s: "
          f"ratio {many.seconds / theirs:.2f}")  # fmt: skip
    return 0 if growth <= GROWTH_LIMIT_MB and again <= 0 else 1


if __name__ == "__main__":
    sys.exit(main())
