"""What forgetting costs: one person among many, all of an event, and the log of who did what.

    python benchmarks/bench_forgetting.py [--tickets 100000]

Each figure stands beside what it is compared with: an erasure at a gate beside a page of the feed
without one, an event that is dropped beside the import of it, a row of the audit log beside the
commit that it is in.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gate.storage.certificates import Membership, save_membership
from gate.storage.event_end import drop_personal
from gate.storage.folder import Folder
from gate.storage.ticket_feed import TicketFeed
from sync.server import audit, erasing, events, feed, issuing, persons, snapshot
from sync.server.audit import Actor
from sync.server.database import in_transaction, open_database, reading, scrub
from sync.worker.feed_follower import unpack

EVENT, PAGE, TIMES = "bench", 5000, 15


def timed(job: Callable[[], Any]) -> float:
    started = time.perf_counter()
    job()
    return (time.perf_counter() - started) * 1000


def tell(what: str, ms: float, beside: str, other_ms: float) -> None:
    print(f"{what:<44} {ms:>10.1f} ms   {beside:<28} {other_ms:>9.1f} ms   x {ms / other_ms:.2f}")


def fill(engine: Any, count: int) -> float:
    def job(connection: Any) -> None:
        events.create_event(connection, EVENT, "Bench", "UTC", 1)
        issuing.issue(connection, EVENT, issuing.Issue([{"id": "A", "kind": "meeting"}]))

    in_transaction(engine, job)
    total = 0.0
    for first in range(0, count, PAGE):
        rows = [
            {"code": f"BENCH{n:09d}", "type": "A", "id": f"t{n}", "holder": f"Given{n} Family{n}"}
            for n in range(first, min(first + PAGE, count))
        ]
        issue = partial(issuing.issue, event=EVENT, stated=issuing.Issue(tickets=rows))
        total += timed(partial(in_transaction, engine, issue))
        print(f"\rissued {first + len(rows)}", end="", flush=True)
    print("\r", end="")
    return total


def gate_of(engine: Any, folder: Path, directory: Path) -> TicketFeed:
    told = snapshot.build(engine, EVENT, directory)
    gate = Folder(folder)
    gate.create()
    with reading(engine) as connection:
        authority = feed.authority_of(connection, EVENT).certificate
    save_membership(gate, Membership(gate.device_id(), "", authority))
    part = folder / "fetched.part"
    unpack(directory / f"{told.name}.zst", part, told)
    gate_feed = TicketFeed(gate)
    gate_feed.install(part, told)
    return gate_feed


def follow(engine: Any, gate_feed: TicketFeed) -> float:
    with reading(engine) as connection:
        page = feed.changes(connection, EVENT, gate_feed.cursor, 1)
    return timed(lambda: gate_feed.apply(page))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tickets", type=int, default=100_000)
    count = parser.parse_args().tickets
    root = Path(tempfile.mkdtemp(prefix="bench-forgetting-"))
    try:
        run(root, count)
    finally:
        shutil.rmtree(root)


def run(root: Path, count: int) -> None:
    engine = open_database(f"sqlite:///{root / 'central.db'}")
    issued_ms = fill(engine, count)
    print(f"{count} tickets with names, SQLite; medians of {TIMES} but where it is done once")
    gate_feed = gate_of(engine, root / "gate", root / "snapshots")
    plain, erased, at_gate, plain_gate, scrubs = [], [], [], [], []
    for n in range(TIMES):
        change = issuing.Issue(changes=[{"id": f"t{n + 500}", "zone": "C"}])
        issue = partial(issuing.issue, event=EVENT, stated=change)
        plain.append(timed(partial(in_transaction, engine, issue)))
        plain_gate.append(follow(engine, gate_feed))
        job = partial(persons.erase, event=EVENT, asked=f"ticket:t{n * 7}", folder=root, parts=())
        erased.append(timed(partial(in_transaction, engine, job)))
        scrubs.append(timed(lambda: scrub(engine)))
        at_gate.append(follow(engine, gate_feed))
    middle = statistics.median
    tell("a person erased at the server", middle(erased), "a ticket changed", middle(plain))
    tell("  and its log emptied", middle(scrubs), "a ticket changed", middle(plain))
    tell("the same heard at a gate", middle(at_gate), "a change heard", middle(plain_gate))
    bare, noted = [], []
    for n in range(200):
        state = {"id": "t900", "zone": str(n)}
        issue = partial(issuing.issue, event=EVENT, stated=issuing.Issue(changes=[state]))
        bare.append(timed(partial(in_transaction, engine, issue)))
        with_note = audit.noted(issue, Actor("bench", "::1"), "tickets", n, event=EVENT)
        noted.append(timed(partial(in_transaction, engine, with_note)))
    tell("a change with its row of the audit log", middle(noted), "without", middle(bare))

    def drop() -> None:
        in_transaction(engine, lambda c: erasing.begin_to_drop(c, EVENT, 2))
        for step in (erasing.drop_some, erasing.forget_some):
            after = None
            while True:
                after = in_transaction(engine, partial(step, event=EVENT, after=after))
                if after is None:
                    break
        in_transaction(engine, partial(erasing.end_dropping, event=EVENT))
        scrub(engine)

    tell("the event dropped at the server, once", timed(drop), "issued", issued_ms)
    with closing(gate_feed):
        part = root / "copy.db"
        copied = timed(lambda: shutil.copy(gate_feed.file.path, part))
        tell(
            "and at a gate, once",
            timed(lambda: drop_personal(gate_feed.file, 3)),
            "its file copied",
            copied,
        )
    engine.dispose()


if __name__ == "__main__":
    main()
