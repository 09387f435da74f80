"""What the rules about anomalies find on made-up evenings, without fraud and with it; their cost.

    python benchmarks/bench_anomalies.py [--evenings 10000] [--frauds 300] [--entries 150000]

Evenings are those of ``tests/support/evenings.py``, one seed each. A false alarm is whatever a rule
finds on an evening without fraud; beside it stands how many evenings have any.
"""

import argparse
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from gate.core.anomalies.anomaly import Anomaly, Kind, Limits
from gate.core.anomalies.evening import Evening
from tests.support.evenings import FRAUDS, Night

NAMED = {fraud.__name__: fraud for fraud in FRAUDS}


def honest(seed: int) -> tuple[Counter[Kind], int]:
    """What is found on an evening without fraud, and how many entries it has."""
    night = Night(seed)
    return Counter(one.kind for one in night.found().find(night)), len(night.sights)


def is_caught(case: tuple[int, str, bool]) -> bool:
    """Whether the rule for a fraud finds it."""
    seed, name, with_walks = case
    night = Night(seed)
    fraud = NAMED[name]
    fraud(night)
    found: Iterable[Anomaly] = night.found(with_walks=with_walks).find(night)
    return any(one.kind is FRAUDS[fraud] for one in found)


def false_alarms(pool: ProcessPoolExecutor, evenings: int) -> None:
    alarms: Counter[Kind] = Counter()
    disturbed: Counter[Kind] = Counter()
    any_, entries = 0, 0
    for number, (found, count) in enumerate(pool.map(honest, range(evenings), chunksize=20), 1):
        alarms += found
        disturbed.update(found.keys())
        any_ += bool(found)
        entries += count
        if number % 500 == 0:
            print(f"{number}: {alarms.total()}", file=sys.stderr, flush=True)
    print(f"{evenings} evenings without fraud, {entries / evenings:.0f} entries each")
    print(f"{'rule':>20} {'false alarms':>12} {'an evening':>10} {'evenings':>9}")
    for kind in Kind:
        rate = alarms[kind] / evenings
        print(f"{kind:>20} {alarms[kind]:12} {rate:10.4f} {disturbed[kind] / evenings:9.2%}")
    total = alarms.total()
    print(f"{'all':>20} {total:12} {total / evenings:10.4f} {any_ / evenings:9.2%}")


def catches(pool: ProcessPoolExecutor, evenings: int) -> None:
    print(f"\n{'fraud':>20} {'rule':>20} {'caught':>7}  of {evenings} evenings each")
    for name, fraud in NAMED.items():
        for with_walks in (True, False) if FRAUDS[fraud] is Kind.TOO_FAST else (True,):
            cases = [(10_000_000 + n, name, with_walks) for n in range(evenings)]
            caught = sum(pool.map(is_caught, cases, chunksize=10))
            note = "" if with_walks else "  (walks not stated)"
            print(f"{name:>20} {FRAUDS[fraud]:>20} {caught / evenings:7.1%}{note}")


def cost(entries: int) -> None:
    """Of so many entries at once, and of one more entry."""
    night, seed = Night(0), 0
    while len(night.sights) < entries:
        seed += 1
        more = Night(seed)
        for sight in more.sights:
            sight.origin, sight.ticket = f"{seed}{sight.origin}", f"{seed}{sight.ticket}"
        night.sights += more.sights
    evening = Evening(Limits())
    began = time.perf_counter()
    evening.add(night.sights[:entries])
    evening.find(night)
    all_s = time.perf_counter() - began
    began = time.perf_counter()
    evening.add(night.sights[entries : entries + 1])
    evening.find(night)
    print(f"\n{entries} entries: {all_s:.2f} s; one more: {time.perf_counter() - began:.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evenings", type=int, default=10_000)
    parser.add_argument("--frauds", type=int, default=300)
    parser.add_argument("--entries", type=int, default=150_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    # There are no cycles to be found, and looking for them takes a third of the time.
    with ProcessPoolExecutor(options.jobs, initializer=gc.disable) as pool:
        false_alarms(pool, options.evenings)
        catches(pool, options.frauds)
    cost(options.entries)


if __name__ == "__main__":
    main()
