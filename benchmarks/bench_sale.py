"""The peak of a sale on several server processes over one PostgreSQL, behind nginx.

    python benchmarks/bench_sale.py [--processes 1,2,4] [--stock 400] [--orders 200]

A quarter more buyers than tickets, then orders and uses of tickets that are each asked for twice:
claims, orders and consumes answered a second by the number of processes, 24 under way at a time;
and who had the processor meanwhile, in all and for a call: server processes, PostgreSQL, nginx, and
the buyers, who are one more process. What was sold is checked from the database: nothing twice.
One process on SQLite stands beside it, as the peer. Loopback only. Last: what of a claim stands in
line, because an event's row is locked: that and no number of processes is one event's limit.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import Engine, create_engine, make_url

from benchmarks.bench_server import cpu_s, tree
from sync.cardapi import accounts, cards, claims
from sync.cardapi.part import card_part
from sync.server import events
from sync.server.database import in_transaction, open_database
from tests.support import postgres
from tests.support.cardapi import meeting
from tests.support.sale import Sale, Shop, Sold, mistakes, shop

NOW_MS = int(time.time() * 1000)

KINDS = ("claims", "orders", "consumes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", default="1,2,4", help="so many at a time")
    parser.add_argument("--stock", type=int, default=400, help="tickets that are claimed")
    parser.add_argument("--orders", type=int, default=200, help="orders of two tickets")
    asked = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, load {os.getloadavg()[0]:.1f} before\n")
    heads = "".join(f"{kind}/s".rjust(12) for kind in KINDS)
    print(f"{'':22}{heads}   processor, of all that was had")
    with sqlite() as url:
        measure("SQLite, 1 process", url, 1, asked.stock, asked.orders)
    for processes in map(int, asked.processes.split(",")):
        with postgres.postgres(durable=True) as url:
            measure(f"PostgreSQL, {processes}", url, processes, asked.stock, asked.orders)
    with postgres.postgres(durable=True) as url:
        in_line(url, asked.stock)


def in_line(url: str, claimed: int) -> None:
    """What of a claim only one at a time can do in an event, by the processor that it takes."""
    engine = open_database(url, [card_part()])
    in_transaction(engine, lambda c: events.create_event(c, "sale", "Sale", "UTC", NOW_MS))
    account, _secret = in_transaction(engine, lambda c: accounts.create(c, "sale", NOW_MS))
    stated = meeting(sku={"quantity": claimed}, get_limit=1)
    card = in_transaction(engine, lambda c: cards.create(c, account, stated, NOW_MS))["card_id"]
    before = {"ours": time.process_time(), "PostgreSQL": cpu_s(of_database(url))}
    for n in range(claimed):
        one = {"card_id": card, "openid": f"oBuyer{n}"}
        in_transaction(engine, partial(claims.claim, account=account, params=one, now_ms=NOW_MS))
    after = {"ours": time.process_time(), "PostgreSQL": cpu_s(of_database(url))}
    engine.dispose()
    ms = {name: 1000 * (after[name] - before[name]) / claimed for name in before}
    each = ", ".join(f"{name} {ms[name]:.1f} ms" for name in ms)
    print(
        f"\nof a claim in line: {each}: at most {1000 / sum(ms.values()):.0f} a second in an event"
    )


@contextmanager
def sqlite() -> Iterator[str]:
    """A database in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="venue-gate-sale-") as folder:
        yield f"sqlite:///{folder}/central.db"


def measure(name: str, url: str, processes: int, stock: int, orders: int) -> None:
    """One sale, told in one line; ends the program when anything was sold or used twice."""
    with tempfile.TemporaryDirectory(prefix="venue-gate-sale-") as folder:
        with shop(Path(folder), url, processes) as running:
            before, began = processor(running, url), time.perf_counter()
            sold = asyncio.run(Sale(running, stock=stock, orders=orders).run())
            took_s = time.perf_counter() - began
            after = processor(running, url)
        engine = create_engine(url)
        stuck = deadlocks(engine)
        wrong = mistakes(engine, sold, stock=stock, orders=orders)
        engine.dispose()
    told = shares(before, after, took_s, sold.asked.total())
    print(f"{name:22}{rates(sold)}   {told}; {stuck} deadlocks", flush=True)
    if wrong:
        sys.exit("\n".join(wrong))


def deadlocks(engine: Engine) -> int:
    """How often PostgreSQL ended a transaction because two waited for each other; it is redone."""
    if engine.dialect.name != "postgresql":
        return 0
    with engine.connect() as connection:
        query = "SELECT sum(deadlocks) FROM pg_stat_database"
        return int(connection.exec_driver_sql(query).scalar_one())


def rates(sold: Sold) -> str:
    """Calls answered a second, of each kind."""
    return "".join(f"{sold.asked[kind] / sold.took_s[kind]:>12.0f}" for kind in KINDS)


def processor(running: Shop, url: str) -> Mapping[str, float]:
    """Seconds of the processor that each had so far."""
    return {
        "servers": cpu_s([pid for one in running.pids for pid in tree(one)]),
        "PostgreSQL": cpu_s(of_database(url)),
        "nginx": cpu_s(tree(running.balancer.process.pid)),
        "buyers": time.process_time(),
    }


def of_database(url: str) -> list[int]:
    """The processes of the PostgreSQL that listens at that address, and of no other one."""
    port = str(make_url(url).port or 0).encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            is_one = words[0].endswith(b"postgres") and b"-p" in words
            if is_one and words[words.index(b"-p") + 1] == port:
                return tree(int(path.parent.name))
    return []


def shares(
    before: Mapping[str, float], after: Mapping[str, float], took_s: float, calls: int
) -> str:
    """Who had which share of what all had together, and how much of it a call took."""
    had = {name: after[name] - before[name] for name in before}
    total = sum(had.values())
    told = ", ".join(
        f"{name} {had[name] / total:.0%} ({1000 * had[name] / calls:.1f} ms a call)"
        for name in had
        if had[name] > 0
    )
    return f"{told}; {total / took_s:.1f} cores for {took_s:.0f} s"


if __name__ == "__main__":
    main()
