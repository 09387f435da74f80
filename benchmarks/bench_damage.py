"""What the checksums of the ticket replica cost: beside look-ups without them, and on disk.

    python benchmarks/bench_damage.py [--sizes 1000,1000000]

Look-ups with and without checksums take turns, one by one. The limits are of the CPU of one look-up
among the 400 us that a verdict may take, and of the size of the file.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.bench_verdict import code, make
from gate.storage import code_look_up, replica_reader
from gate.storage.code_look_up import CodeLookUp
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica
from gate.storage.sqlite import open_reader
from gate.storage.tickets import Tickets

LIMITS_US = {"known": 10.0, "unknown": 40.0}
LIMIT_DISK = 1.1
LOOKS = 6000


def unchecked(*_row: object) -> None:
    """Take any row as it is."""


def cost_us(tickets: Tickets, codes: list[str]) -> tuple[float, float]:
    """CPU of a look-up with and without checksums."""
    took: dict[bool, list[int]] = {True: [], False: []}
    for n in range(LOOKS):
        is_checked = n % 2 == 0
        with pytest.MonkeyPatch.context() as patch:
            if not is_checked:
                for module in (code_look_up, replica_reader):
                    patch.setattr(module, "require", unchecked)
                patch.setattr(CodeLookUp, "_require_unknown", unchecked)
            started = time.thread_time_ns()
            tickets.codes.match(codes[n // 2 % len(codes)])
            took[is_checked].append(time.thread_time_ns() - started)
    with_them, without = (statistics.median(took[is_checked]) / 1e3 for is_checked in (True, False))
    return with_them, without


def disk_ratio(folder: Folder) -> tuple[float, float]:
    """The size of the file in MB, and to what it would be without checksums and blocks."""
    path = live_replica(folder)
    with closing(open_reader(path)) as connection:
        (rows,) = connection.execute(
            "SELECT (SELECT count(*) FROM code) + (SELECT count(*) FROM ticket)"
        ).fetchone()
        (blocks,) = connection.execute(
            "SELECT coalesce(sum(length(tails) + 12), 0) FROM code_block"
        ).fetchone()
    size = path.stat().st_size
    # A checksum is five bytes of a row: four, and one in its header.
    return size / 1e6, size / (size - 5 * rows - blocks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default="1000,1000000")
    sizes = [int(size) for size in parser.parse_args().sizes.split(",")]
    is_good = True
    for size in sizes:
        with tempfile.TemporaryDirectory() as path:
            folder = Folder(Path(path))
            make(folder, size)
            chance = random.Random(size)
            known = [code(chance, n) for n in range(size)][: LOOKS // 2]
            unknown = [f"unknown-{n}" for n in range(LOOKS // 2)]
            with closing(Tickets(folder)) as tickets:
                tickets.codes.match(known[0])
                for name, codes in (("known", known), ("unknown", unknown)):
                    with_them, without = cost_us(tickets, codes)
                    limit_us = LIMITS_US[name]
                    is_good = is_good and with_them - without <= limit_us
                    print(
                        f"{size:>9} tickets, {name:>7}: {with_them:6.1f} us, {without:6.1f} without"
                        f", {with_them / without:.2f} times, {with_them - without:+.1f} us"
                        f" (limit {limit_us:+.0f})"
                    )
            megabytes, ratio = disk_ratio(folder)
            is_good = is_good and ratio <= LIMIT_DISK
            print(f"{size:>9} tickets: {megabytes:.1f} MB, {ratio:.3f} times (limit {LIMIT_DISK})")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
