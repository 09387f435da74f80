"""What a verdict costs, against the number of tickets and beside a bare durable commit.

    python benchmarks/bench_verdict.py [--sizes 1000,100000,1000000] [--entries 100000]
    python benchmarks/bench_verdict.py --signed      (what a signature adds to it)
    python benchmarks/bench_verdict.py --rotating    (what a code that moves adds to it)

The last two can go together, and end with an estimate for a Raspberry Pi 4.

CPU is read from the clocks of the two threads a scan runs through: the lane's own while it decides
and writes, and that of whoever waits for it. Rounds of the sizes and of the bare commit (BEGIN
IMMEDIATE; INSERT of one row; COMMIT in WAL mode with synchronous=FULL) alternate, so that a noisy
machine is noisy to all. ``--rotating`` compares rotating codes with plain ones instead, at the
first size: with their time in them, and without, where it has to be found.
"""

import argparse
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.pi4 import PI_4_S, slower_here
from gate.clock import SystemClock
from gate.core.entry import Act
from gate.core.place import HouseRules, Place, Policy
from gate.core.signed_ticket import EventKey, Scheme, Signed
from gate.core.verdict import Scan, Verdict
from gate.credential import parse, signed
from gate.credential.rotating import Pattern, current
from gate.lane.lane import Lane
from gate.reports.ticket_import import import_files
from gate.storage.code_look_up import Match
from gate.storage.event_keys import put_key
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica, open_replica

LIMIT_OVER_US = 200.0
"""CPU of a verdict over that of a bare commit."""
LIMIT_WALL = 2.0
"""Time to a verdict, in bare commits."""
LIMIT_UNKNOWN = 5.0
"""CPU of an unknown code, in known ones."""
LIMIT_GROWTH = 1.3
LIMIT_SIGNED = 1.5
"""CPU of a verdict on a signed code, in plain ones."""
LIMIT_ROTATING = 1.5
"""CPU of a rotating code, in plain ones."""
KEY = b"12345678901234567890"
STAMPED = Pattern("{code}-{totp_timestamp_seconds}-{totp_value_0}")
BARE = Pattern("{code}-{totp_value_0}")
LIMIT_RULE = 1.5
"""CPU of a verdict by an organiser's rule, in verdicts without one."""
ROUND = 100


def make(folder: Folder, tickets: int, pattern: Pattern | None = None) -> None:
    """Import that many tickets with random codes, which rotate by a pattern if there is one."""
    chance = random.Random(tickets)
    folder.create()
    types = folder.path / "types.csv"
    shown = pattern.text if pattern else ""
    types.write_text(
        f"id,kind,title,begin,end,rotating\nA,meeting,Gala,2020-01-01,2090-01-01,{shown}\n"
    )
    key = KEY.hex() if pattern else ""
    rows = folder.path / "rows.csv"
    with rows.open("w") as file:
        file.write("code,type,holder,seats,rotating_keys\n")
        for n in range(tickets):
            file.write(f"{code(chance, n)},A,Guest {n % 997},{n % 40}-{n % 23},{key}\n")
    import_files(folder, [types, rows], built_ms=0)
    rows.unlink()


def code(chance: random.Random, n: int) -> str:
    return f"{chance.getrandbits(80):020x}-{n}"


class Measured:
    """A lane on a folder of some size, and what its scans cost."""

    def __init__(
        self, path: Path, tickets: int, entries: int, pattern: Pattern | None = None
    ) -> None:
        self.tickets = tickets
        self._pattern = pattern
        self.folder = Folder(path)
        make(self.folder, tickets, pattern)
        chance = random.Random(tickets)
        self.codes = [code(chance, n) for n in range(tickets)]
        self._chance = chance
        random.Random(1).shuffle(self.codes)
        self.lane = Lane(self.folder, SystemClock(), Place("Bench"), HouseRules(rescan_s=0))
        self.cpu_us: list[float] = []
        self.wall_us: list[float] = []
        self.unknown_us: list[float] = []
        self._next = self._codes()
        self._lane_ns = 0
        self._admit = self.lane._admission.admit
        setattr(self.lane._admission, "admit", self._timed)  # noqa: B010
        self._age(entries)

    def _codes(self) -> Iterator[str]:
        while True:
            yield from self.codes

    def _age(self, entries: int) -> None:
        """Fill the journal, quickly: many entries in one transaction."""

        def fill() -> None:
            for start in range(0, entries, 5000):
                with self.lane._entries.transaction() as journal:
                    for n in range(start, min(entries, start + 5000)):
                        made = self.lane._entries.make(Act.ADMISSION, ordinal=0)
                        journal.append(replace(made, ticket=f"old-{n}", uses=1, persons=1))

        self.lane._do(fill)

    def round(self) -> None:
        """A hundred scans of random codes, and a tenth as many of codes that are nobody's."""
        for _ in range(ROUND):
            cpu_us, wall_us = self._scan(next(self._next))
            self.cpu_us.append(cpu_us)
            self.wall_us.append(wall_us)
        for _ in range(ROUND // 10):
            self.unknown_us.append(self._scan(code(self._chance, self.tickets))[0])
        self.lane.idle()

    def _scan(self, text: str) -> tuple[float, float]:
        """CPU and time of one scan."""
        if self._pattern is not None:
            text = current(self._pattern, text, [KEY], time.time_ns() // 1_000_000).text
        scan = Scan(text, "QRCode", "camera")
        ours, wall = time.thread_time_ns(), time.perf_counter_ns()
        verdict = self.lane.admit(scan)
        wall, ours = time.perf_counter_ns() - wall, time.thread_time_ns() - ours
        assert verdict.entry, verdict
        return (ours + self._lane_ns) / 1e3, wall / 1e3

    def _timed(self, scan: Scan) -> Verdict:
        started = time.thread_time_ns()
        verdict = self._admit(scan)
        self._lane_ns = time.thread_time_ns() - started
        return verdict


def spellings_cost(measured: Measured, rounds: int) -> float:
    """CPU of a verdict with all spellings looked up, to one where only the text as it stands is.

    The two take turns scan by scan.
    """
    tickets = measured.lane._files.tickets
    every = tickets.codes.match

    def bare(text: str, *_more: object) -> Match:
        credential = parse(text)
        hashed = tickets.codes.hash_of(credential.code)
        found = tickets.codes._by_code(hashed)
        return Match(credential, hashed, (found,) if found else ())

    cost: dict[bool, list[float]] = {True: [], False: []}
    for n in range(rounds * ROUND):
        is_bare = n % 2 == 0
        setattr(tickets.codes, "match", bare if is_bare else every)  # noqa: B010
        measured.lane.admit(Scan(next(measured._next), "QRCode", "camera"))
        cost[is_bare].append(measured._lane_ns)
    setattr(tickets.codes, "match", every)  # noqa: B010
    return statistics.median(cost[False]) / statistics.median(cost[True])


def signed_cost(measured: Measured, rounds: int) -> dict[str, float]:
    """CPU of the verdict on a signed code, in verdicts on a plain one; scan by scan in turn.

    Of a ticket in the list, and of one that is not; with that of checking a signature alone.
    """
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    key = EventKey(signed.key_id(public), Scheme.COSE, public.hex())
    with closing(open_replica(live_replica(measured.folder))) as connection:
        put_key(connection, key)
    setattr(measured.lane._post, "rules", HouseRules(rescan_s=0, unseen_current=Policy.FLAG))  # noqa: B010
    used = measured._codes()

    def listed(n: int) -> str:
        found = measured.lane.look_up(Scan(next(used), source="camera")).result()
        assert found is not None, n
        return signed.sign(private, Signed(found.id, "A", "bench", seats=found.seats))

    def unlisted(n: int) -> str:
        return signed.sign(private, Signed(f"sold-since-{n}", "A", "bench", seats=("12-34",)))

    kinds: dict[str, Callable[[int], str]] = {
        "plain": lambda _n: next(used), "in the list": listed, "not in it": unlisted
    }  # fmt: skip
    cost: dict[str, list[float]] = {kind: [] for kind in kinds}
    for n in range(rounds * ROUND // 2):
        for kind, make_code in kinds.items():
            measured._scan(make_code(n))
            cost[kind].append(measured._lane_ns)
    plain = statistics.median(cost.pop("plain"))
    ratios = {kind: statistics.median(found) / plain for kind, found in cost.items()}
    code, began = unlisted(0), time.thread_time_ns()
    for _ in range(1000):
        assert signed.proved(code, [key])
    alone_us = (time.thread_time_ns() - began) / 1e6
    return ratios | {"a signature alone, us": alone_us, "a plain verdict, us": plain / 1e3}


RULE = (
    '{"and": [{"inList": [{"var": "gate"}, {"objectList": [{"lookup": ["gate", "1", "Bench"]}]}]},'
    ' {"<": [{"var": "entries_today"}, 1000]}, {"isAfter": [{"var": "now"}, '
    '{"buildTime": ["date_admission"]}, 30]}]}'
)
"""As organisers write them: about a gate, entries and a time."""


def rule_cost(measured: Measured, rounds: int) -> float:
    """CPU of a verdict by an organiser's rule, to one without; the two take turns.

    Of a list of few tickets most were let in before, so the times of that are read, too.
    """
    post = measured.lane._post
    rules = {True: HouseRules(rescan_s=0, rule=RULE), False: post.rules}
    cost: dict[bool, list[float]] = {True: [], False: []}
    for n in range(rounds * ROUND):
        has_rule = n % 2 == 1
        post.rules = rules[has_rule]
        measured.lane.admit(Scan(next(measured._next), "QRCode", "camera"))
        cost[has_rule].append(measured._lane_ns)
    post.rules = rules[False]
    return statistics.median(cost[True]) / statistics.median(cost[False])


class Bare:
    """The peer: one row, durably committed, and nothing else."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        self.cpu_us: list[float] = []
        self.wall_us: list[float] = []

    def round(self) -> None:
        """As many bare commits as a lane has scans."""
        for _ in range(ROUND):
            cpu, wall = time.thread_time_ns(), time.perf_counter_ns()
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("INSERT INTO t (b) VALUES (?)", ("x" * 80,))
            self._connection.execute("COMMIT")
            self.wall_us.append((time.perf_counter_ns() - wall) / 1e3)
            self.cpu_us.append((time.thread_time_ns() - cpu) / 1e3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default="1000,100000,1000000")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--signed", action="store_true", help="only what a signature adds")
    parser.add_argument("--rotating", action="store_true", help="rotating codes beside plain ones")
    parser.add_argument("--dir", help="where to work; default a temporary folder")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory(dir=options.dir) as path:
        where, size = Path(path), sizes[0]
        if not (options.signed or options.rotating):
            return run(where, sizes, options.entries, options.rounds)
        cost_us: dict[str, float] = {}
        is_too_slow = False
        if options.signed:
            is_too_slow |= run_signed(where, size, options.entries, options.rounds, cost_us)
        if options.rotating:
            is_too_slow |= run_rotating(where, size, options.entries, options.rounds, cost_us)
        on_a_pi_4(cost_us)
        return int(is_too_slow)


def on_a_pi_4(cost_us: dict[str, float]) -> None:
    """What was measured here, and what that would be there."""
    here_s, slower = slower_here()
    print(f"\nn-body, 5,000,000 steps: {here_s:.0f} s here, {PI_4_S:.0f} s on a Pi 4, as published")
    print(f"{'CPU':>24}{'measured here':>16}{'estimated there':>17}")
    for name, cost in cost_us.items():
        print(f"{name:>24}{cost / 1e3:>13.2f} ms{cost * slower / 1e3:>14.1f} ms")


def run_signed(path: Path, size: int, entries: int, rounds: int, cost_us: dict[str, float]) -> bool:
    """Whether signed codes cost too much more than plain ones; what they cost goes into a table."""
    measured = Measured(path / "signed", size, entries)
    found = signed_cost(measured, rounds)
    measured.lane.close()
    ratios = [found["in the list"], found["not in it"]]
    for name, value in found.items():
        print(f"{name:>24}{value:>10.2f}")
    print(f"CPU of a signed code, in plain ones: {max(ratios):.2f} (limit {LIMIT_SIGNED})")
    plain = found["a plain verdict, us"]
    cost_us["plain"] = plain
    cost_us["signed, in the list"] = found["in the list"] * plain
    cost_us["signed, not in it"] = found["not in it"] * plain
    cost_us["a signature alone"] = found["a signature alone, us"]
    return max(ratios) > LIMIT_SIGNED


def run(path: Path, sizes: list[int], entries: int, rounds: int) -> int:
    lanes = []
    for size in sizes:
        started = time.perf_counter()
        lanes.append(Measured(path / str(size), size, entries))
        print(f"{size} tickets, {entries} entries ready in {time.perf_counter() - started:.0f} s")
    bare = Bare(path / "bare.db")
    every: list[Measured | Bare] = [*lanes, bare]
    for measured in every:
        measured.round()
        measured.cpu_us.clear()
        measured.wall_us.clear()
    for _ in range(rounds):
        for measured in every:
            measured.round()
    print(f"\n{'':>22}{'CPU p50 us':>12}{'wall p50 us':>13}{'wall p99 us':>13}")
    names = [*(f"{lane.tickets} tickets" for lane in lanes), "bare commit"]
    for name, measured in zip(names, every, strict=True):
        p99 = statistics.quantiles(measured.wall_us, n=100)[98]
        print(
            f"{name:>22}{statistics.median(measured.cpu_us):>12.0f}"
            f"{statistics.median(measured.wall_us):>13.0f}{p99:>13.0f}"
        )
    largest = lanes[-1]
    costs = [statistics.median(m.cpu_us) for m in lanes]
    growth = costs[-1] / costs[0]
    over_us = costs[-1] - statistics.median(bare.cpu_us)
    beside = statistics.median(largest.wall_us) / statistics.median(bare.wall_us)
    unknown = statistics.median(largest.unknown_us) / costs[-1]
    print(f"\nCPU, largest to smallest: {growth:.2f} (limit {LIMIT_GROWTH})")
    print(f"CPU at the largest over a bare commit: {over_us:.0f} us (limit {LIMIT_OVER_US:.0f})")
    print(f"time at the largest: {beside:.2f} bare commits (limit {LIMIT_WALL})")
    print(f"CPU of an unknown code: {unknown:.2f} known ones (limit {LIMIT_UNKNOWN})")
    ratio = spellings_cost(lanes[0], rounds)
    print(f"CPU with all spellings, to the text as it stands alone: {ratio:.3f} (limit 1.03)")
    ratio = rule_cost(lanes[0], rounds)
    print(f"CPU by an organiser's rule, to a verdict without: {ratio:.3f} (limit {LIMIT_RULE})")
    for measured in lanes:
        measured.lane.close()
    memory = ", ".join(f"{m.tickets}: {resident_mb(m.folder):.0f} MB" for m in lanes)
    print(f"peak memory of a process that scans: {memory}")
    is_within = growth <= LIMIT_GROWTH and over_us <= LIMIT_OVER_US
    is_within = is_within and beside <= LIMIT_WALL and unknown <= LIMIT_UNKNOWN
    return 0 if is_within else 1


def run_rotating(
    path: Path, size: int, entries: int, rounds: int, cost_us: dict[str, float]
) -> bool:
    """Rotating codes and plain ones by turns; whether they cost too much more."""
    lanes = {
        name: Measured(path / str(n), size, entries, pattern)
        for n, (name, pattern) in enumerate(
            [("plain", None), ("rotating, stamped", STAMPED), ("rotating, bare", BARE)]
        )
    }
    for measured in lanes.values():
        measured.round()
        measured.cpu_us.clear()
    for _ in range(rounds):
        for measured in lanes.values():
            measured.round()
    plain = statistics.median(lanes["plain"].cpu_us)
    worst = 0.0
    for name, measured in lanes.items():
        cost = statistics.median(measured.cpu_us)
        worst = max(worst, cost / plain)
        if name != "plain":
            cost_us[name] = cost
        print(f"{name:>22}{cost:>8.0f} us{cost / plain:>8.2f} plain ones (limit {LIMIT_ROTATING})")
        measured.lane.close()
    return worst > LIMIT_ROTATING


def resident_mb(folder: Folder) -> float:
    """The peak memory of a fresh process that opens the folder and scans a hundred codes."""
    script = (
        "import sys; from pathlib import Path;"
        "from gate.storage.folder import Folder; from gate.lane.lane import Lane;"
        "from gate.clock import SystemClock; from gate.core.place import HouseRules, Place;"
        " from gate.core.verdict import Scan;"
        "lane = Lane(Folder(Path(sys.argv[1])), SystemClock(), Place('B'), HouseRules());"
        "[lane.admit(Scan(f'unknown-{n}')) for n in range(100)]; lane.close();"
        "print(next(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(folder.path)], capture_output=True, text=True, check=True
    )
    return float(ran.stdout) / 1024


if __name__ == "__main__":
    sys.exit(main())
