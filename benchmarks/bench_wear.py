"""What a gate writes on its disk: in an hour without a guest, and for a scan.

    python benchmarks/bench_wear.py [--idle-s 120] [--scans 60]

As root on Linux: the data folder is on ext4 in a file, of which the kernel counts the sectors that
were written, those of its own journal too. A card is worn by these, whosever they are. Beside
them is what the processes themselves have handed over (``/proc/PID/io``).
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench_start import GATE, painted
from benchmarks.bench_verdict import code, make
from gate.storage.folder import Folder

TICKETS = 5000
PER_HOUR_LIMIT_MB = 20
"""A year of hours at this is a few rewrites of the smallest card, which bears hundreds."""
_SECTOR = 512
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes, by the disk's count and by that of the processes."""

    disk: int
    processes: int

    def __sub__(self, other: "Written") -> "Written":
        return Written(self.disk - other.disk, self.processes - other.processes)


class Disk:
    """A file system of its own, and what was written on it."""

    def __init__(self, mounted: Path) -> None:
        self.path = mounted
        source = subprocess.check_output(["findmnt", "-n", "-o", "SOURCE", str(mounted)], text=True)
        self._stat = Path("/sys/block", Path(source.strip()).name, "stat")

    def written(self) -> int:
        """So far, with what was waiting."""
        subprocess.run(["sync", "-f", str(self.path)], check=True)
        return int(self._stat.read_text().split()[6]) * _SECTOR


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """One of 512 MB as it is made for a card, while the block runs."""
    image, mounted = folder / "disk.img", folder / "mnt"
    with image.open("wb") as file:
        file.truncate(512 * _MIB)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    mounted.mkdir()
    subprocess.run(["mount", "-o", "loop,noatime", str(image), str(mounted)], check=True)
    try:
        yield Disk(mounted)
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


class Lane:
    """The lane in a pseudo-terminal, and its worker if it has one."""

    def __init__(self, folder: Folder, *, has_worker: bool) -> None:
        worker = f"sync.start_worker={str(has_worker).lower()}"
        self._process, self._master = painted(folder, "lan.port=0", "lan.announce=false", worker)
        self._drain = threading.Thread(target=self._read_on, daemon=True)
        self._drain.start()
        time.sleep(10)

    def written(self) -> int:
        """Bytes that lane and worker have handed over to be written."""
        found = 0
        for pid in (self._process.pid, *self._children()):
            lines = Path(f"/proc/{pid}/io").read_text().splitlines()
            counts = dict(line.split(": ") for line in lines)
            found += int(counts["write_bytes"]) - int(counts["cancelled_write_bytes"])
        return found

    def scan(self, text: str) -> None:
        """As a scanner that types."""
        os.write(self._master, f"{text}\r".encode())

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        os.close(self._master)

    def _children(self) -> list[int]:
        task = Path(f"/proc/{self._process.pid}/task")
        return [
            int(pid) for one in task.iterdir() for pid in (one / "children").read_text().split()
        ]

    def _read_on(self) -> None:
        try:
            while os.read(self._master, 65536):
                pass
        except OSError:
            return


def measured(
    where: Disk, folder: Folder, options: argparse.Namespace, *, has_worker: bool
) -> float:
    """Print the figures of a lane; the answer is MB an hour without a guest."""
    lane = Lane(folder, has_worker=has_worker)
    try:

        def now() -> Written:
            return Written(where.written(), lane.written())

        before = now()
        time.sleep(options.idle_s)
        idle = now() - before
        chance = random.Random(TICKETS)
        codes = [code(chance, n) for n in range(options.scans)]
        before, began_s = now(), time.monotonic()
        for one in codes:
            lane.scan(one)
            time.sleep(1.0)
        scans, took_s = now() - before, time.monotonic() - began_s
    finally:
        lane.close()
    hours = float(options.idle_s) / 3600
    per_scan = (scans.disk - idle.disk * took_s / options.idle_s) / len(codes)
    name = "lane and worker" if has_worker else "lane alone"
    name += ", this boot's files in memory" if folder.boot.is_dir() else ""
    print(
        f"{name}: idle {idle.disk / hours / _MIB:.1f} MB an hour,"
        f" of which by the processes' count {idle.processes / hours / _MIB:.1f};"
        f" a scan {per_scan / 1024:.0f} kB, {scans.processes / len(codes) / 1024:.0f} by theirs"
    )
    return idle.disk / hours / _MIB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--idle-s", type=float, default=120)
    parser.add_argument("--scans", type=int, default=60)
    options = parser.parse_args()
    least = 0.0
    for has_worker, in_memory in ((False, False), (True, False), (False, True), (True, True)):
        with tempfile.TemporaryDirectory() as path, disk(Path(path)) as where:
            folder = Folder(where.path / "data")
            make(folder, TICKETS)
            if has_worker:
                command = [*GATE, "venue", "create", "--name", "Bench", "--time-zone", "UTC"]
                subprocess.run(
                    [*command, "--data-dir", str(folder.path)], check=True, capture_output=True
                )
            if in_memory:
                memory = Path(path) / "memory"
                memory.mkdir()
                folder = Folder(folder.path)
                folder.boot.symlink_to(memory)
            least = measured(where, folder, options, has_worker=has_worker)
    print(f"as gate setup makes it: {least:.1f} MB an hour (limit {PER_HOUR_LIMIT_MB})")
    return 0 if least <= PER_HOUR_LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
