"""What a thief of a gate can guess, and what looking codes up costs.

    python benchmarks/bench_guess.py [--tickets 1000000]

Whoever has a gate's disk has the key by which codes are hashed and the hashes of all codes, and can
try texts until one fits. The rate is measured here with one core and Python; the columns beside it
are that of a hundred such cores, and of ten thousand million a second, which is what a few graphics
cards do. Then: an import of so many short codes, the hashing in it, and a typed code that is
nobody's, in its worst case, beside its limit.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gate.clock import SystemClock
from gate.core.place import HouseRules, Place
from gate.core.verdict import Scan
from gate.credential import code_hash
from gate.lane.lane import Lane
from gate.reports.ticket_import import import_files
from gate.storage.code_look_up import MOST_LOOK_UPS
from gate.storage.folder import Folder
from sync.cardapi.issued_codes import CODE_LENGTH, CODE_LETTERS, CODE_SIGNS

UNKNOWN_P99_MS = 50.0
CARDS_PER_S = 10e9
KINDS = {
    "8 digits": 10**8,
    "10 digits": 10**10,
    "12 digits": 10**12,
    "8 capitals and digits": 36**8,
    "12 capitals and digits": 36**12,
    f"made here ({CODE_LENGTH})": len(CODE_LETTERS) * len(CODE_SIGNS) ** (CODE_LENGTH - 1),
}


def guesses_per_s(tries: int = 1_000_000) -> float:
    """How many texts are hashed and looked for in a second, by one core."""
    key, known = bytes(32), {bytes(16)}
    begin = time.perf_counter()
    for n in range(tries):
        if code_hash(key, f"{n:012}") in known:
            raise AssertionError
    return tries / (time.perf_counter() - begin)


def told(seconds: float) -> str:
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:,.3g} s"


def guessing(tickets: int) -> None:
    rate = guesses_per_s()
    print(f"guesses: {rate:,.0f} a second (one core, Python); {tickets:,} tickets")
    print(f"{'code, drawn at random':26} {'one core':>14} {'100 cores':>14} {'cards':>14}")
    for name, space in KINDS.items():
        tries = space / tickets
        times = (tries / rate, tries / rate / 100, tries / CARDS_PER_S)
        print(f"{name:26} " + " ".join(f"{told(time_):>14}" for time_ in times))
    print("(until one valid code of anybody's is found, on average)")


def importing(folder: Folder, tickets: int) -> list[str]:
    chance = random.Random(1)
    codes = [f"{number:012}" for number in chance.sample(range(10**12), tickets)]
    types, rows = folder.path / "types.csv", folder.path / "rows.csv"
    types.write_text("id,kind,title\nA,meeting,Gala\n")
    rows.write_text("code,type\n" + "".join(f"{code},A\n" for code in codes))
    begin = time.perf_counter()
    import_files(folder, [types, rows], built_ms=0)
    took_s = time.perf_counter() - begin
    begin = time.perf_counter()
    for code in codes:
        code_hash(bytes(32), code)
    hashing_s = time.perf_counter() - begin
    print(
        f"import of {tickets:,} codes of 12 digits: {took_s:.0f} s, hashing {hashing_s:.1f} s of it"
    )
    print(f"  with a hash of 2 ms instead it would be {(took_s + tickets * 0.002) / 60:.0f} min")
    return codes


def unknown(folder: Folder, codes: list[str], tries: int = 400) -> None:
    lane = Lane(folder, SystemClock(), Place("Bench"), HouseRules())
    for code in codes[:8]:
        lane.admit(Scan(code, source="keyboard"))
    chance, cost_ms, cpu_ms = random.Random(2), [], 0.0
    for n in range(tries):
        text = (
            f"{chance.randrange(10**12):012}",
            f"{chance.randrange(10**13):013}",
            f"AÈ{chance.randrange(10**10)}(-",
            f"01{chance.randrange(10**38):038}",
        )[n % 4]
        begin, cpu = time.perf_counter(), time.process_time()
        lane.admit(Scan(text, source="keyboard"))
        cpu_ms += (time.process_time() - cpu) * 1000
        cost_ms.append((time.perf_counter() - begin) * 1000)
    lane.close()
    cost_ms.sort()
    p50, p99 = cost_ms[tries // 2], cost_ms[tries * 99 // 100]
    ratio, each_ms = p99 / UNKNOWN_P99_MS, cpu_ms / tries
    print(
        f"unknown typed code, at most {MOST_LOOK_UPS} look-ups: p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    )
    print(f"  {each_ms:.1f} ms of CPU on average")
    word = "ok" if ratio <= 1 else "TOO SLOW"
    print(f"  p99 / limit of {UNKNOWN_P99_MS:.0f} ms = {ratio:.2f} {word}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000_000)
    tickets = parser.parse_args().tickets
    guessing(100_000)
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(Path(path) / "data")
        folder.create()
        unknown(folder, importing(folder, tickets))


if __name__ == "__main__":
    main()
