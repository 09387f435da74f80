"""What the limits cost where entries are taken in, and what a flood costs that is over them.

    python benchmarks/bench_intake.py [--entries 20000] [--rounds 5]

The same frames of 100 entries at a gate and at the server, with limits beside without, in turns;
limit: 1.10 of the time without. Then frames of a device whose allowance is spent: what is left
where it is must cost less than what is taken.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import Engine

from gate.core.allowance import Allowance
from gate.core.intake import read_bodies
from gate.core.signed_tip import SignedTip
from gate.storage.device_key import verifier
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from sync.server import events, intake, tables
from sync.server.database import in_transaction, open_database
from sync.server.head_cache import Memory
from tests.support.central import Maker
from tests.support.venue import NOW_MS

FRAME, EVENT, RATIO_LIMIT = 100, "show", 1.10
Frame = tuple[list[bytes], SignedTip]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        compare("gate", lambda n, now_ms: at_gate(root / f"gate-{n}", options.entries, now_ms),
                options.rounds)  # fmt: skip
        compare("server", lambda n, now_ms: at_server(root / f"{n}.db", options.entries, now_ms),
                options.rounds)  # fmt: skip
        refused = at_gate(root / "spent", options.entries, NOW_MS, is_spent=True)
        print(f"gate, over the allowance: {refused * 1e6 / options.entries:.0f} µs an entry")


def compare(where: str, run: Callable[[str, int | None], float], rounds: int) -> None:
    """In turns, so that what else the machine does is the same for both."""
    times: dict[int | None, list[float]] = {None: [], NOW_MS: []}
    for n in range(rounds):
        for now_ms, took in times.items():
            took.append(run(f"{n}-{now_ms}", now_ms))
    without, with_limits = statistics.median(times[None]), statistics.median(times[NOW_MS])
    print(
        f"{where}: without {without:.2f} s, with {with_limits:.2f} s, "
        f"ratio {with_limits / without:.3f} (limit {RATIO_LIMIT:.2f})"
    )


def frames(maker: Maker, entries: int) -> list[Frame]:
    """What a device tells, each frame with its signed head."""
    return [
        ([maker.make(ticket=f"t{n + m}") for m in range(FRAME)], maker.head())
        for n in range(0, entries, FRAME)
    ]


def at_gate(path: Path, entries: int, now_ms: int | None, *, is_spent: bool = False) -> float:
    """Seconds for all of it at a gate."""
    folder, maker = Folder(path), Maker()
    folder.create()
    told, verify = frames(maker, entries), verifier(lambda _device: maker.public)
    with closing(PeerStore(folder)) as peer_store:
        if is_spent:
            peer_store.intake._allowances[maker.device] = Allowance(-(10**12), NOW_MS, 0)
        started = time.perf_counter()
        for bodies, head in told:
            peer_store.intake.accept(bodies, "", [head], verify, by=maker.device, now_ms=now_ms)
        took = time.perf_counter() - started
        assert (maker.origin in peer_store.have()) != is_spent
    return took


def at_server(path: Path, entries: int, now_ms: int | None) -> float:
    """Seconds for all of it at a server, one transaction a frame."""
    maker = Maker()
    told = [(read_bodies(bodies)[0], head) for bodies, head in frames(maker, entries)]
    engine: Engine = open_database(f"sqlite:///{path}")
    memory = Memory(engine)
    in_transaction(engine, lambda c: events.create_event(c, EVENT, "", "UTC", NOW_MS))
    started = time.perf_counter()
    for carried, head in told:
        push = intake.Push(maker.device, carried, {(head.origin, head.seq, head.hash)}, [head])
        in_transaction(
            engine,
            lambda c, push=push: intake.accept(c, EVENT, [push], memory, now_ms=now_ms),  # type: ignore[misc]
        )
    took = time.perf_counter() - started
    with engine.connect() as connection:
        assert len(connection.execute(tables.entry.select()).all()) == entries
    engine.dispose()
    return took


if __name__ == "__main__":
    main()
