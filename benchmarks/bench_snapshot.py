"""What a device pays for a replica, beside unpacking, hashing and checking the same file alone.

    python benchmarks/bench_snapshot.py [--tickets 1000000]

Limits: client CPU at most 1.5 times that of zstd + SHA-256 + quick_check, peak memory at most
80 MB. A lane in this process goes on scanning while the replica is swapped.
"""

import argparse
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gate.core.verdict import Scan
from gate.storage.checksums import put_meta
from sync.server import issuing
from sync.server.database import in_transaction, open_database
from tests.system.network import EVENT, Device, Server

CPU_LIMIT, MEMORY_LIMIT_MB = 1.5, 80
ROWS = 5000

CLIENT = """
import json, resource, sys
from gate.cli.main import main
code = main(["sync", "--once", "--data-dir", sys.argv[1]])
used = resource.getrusage(resource.RUSAGE_SELF)
peak = [l for l in open("/proc/self/status") if l.startswith("VmHWM")][0].split()[1]
print(json.dumps([code, used.ru_utime + used.ru_stime, int(peak) / 1024]))
"""
IDLE = """
import json, resource
import gate.cli.main, gate.cli.sync_run, zstandard, hashlib, sqlite3
used = resource.getrusage(resource.RUSAGE_SELF)
peak = [l for l in open("/proc/self/status") if l.startswith("VmHWM")][0].split()[1]
print(json.dumps([used.ru_utime + used.ru_stime, int(peak) / 1024]))
"""
ALONE = """
import hashlib, json, resource, sqlite3, sys, zstandard
before = resource.getrusage(resource.RUSAGE_SELF)
digest = hashlib.sha256()
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as target:
    with zstandard.ZstdDecompressor().stream_reader(source) as reader:
        while chunk := reader.read(1 << 20):
            digest.update(chunk)
            target.write(chunk)
db = sqlite3.connect(sys.argv[2])
assert db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
db.close()
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps(used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        server = Server(path / "server")
        server.issue(1)
        device = Device(path / "gate", server, "gate")
        device.once()
        fill(path / "server", options.tickets)
        try:
            measure(path, device, options.runs)
        finally:
            device.close()
            server.close()


def fill(folder: Path, count: int) -> None:
    started = time.monotonic()
    engine = open_database(f"sqlite:///{folder}/central.db")
    for first in range(1, count, ROWS):
        rows = [
            {"code": f"C{n:06d}", "type": "A", "id": f"t{n}", "seats": [f"{n // 100}-{n % 100}"]}
            for n in range(first, min(first + ROWS, count))
        ]
        stated = issuing.Issue(tickets=rows)
        in_transaction(engine, partial(issuing.issue, event=EVENT, stated=stated))
    engine.dispose()
    print(f"{count} tickets issued in {time.monotonic() - started:.0f} s")


def measure(path: Path, device: Device, runs: int) -> None:
    device.open()
    started = time.monotonic()
    forget(device)
    first = fetch(device)
    print(f"first fetch, packing at the server included: {time.monotonic() - started:.0f} s")
    packed = max((path / "server").rglob("*.zst"), key=lambda one: one.stat().st_size)
    live = device.folder.path / device.folder.pointer.read_text().strip()
    print(f"{live.stat().st_size / 1e6:.0f} MB of replica, {packed.stat().st_size / 1e6:.0f} MB "
          "on the wire")  # fmt: skip
    clients, alones, worst = [first], [], 0.0
    for _ in range(runs):
        # Both write into a file that is not there yet: pages that are cached already cost less.
        (path / "alone.db").unlink(missing_ok=True)
        alones.append(run(ALONE, str(packed), str(path / "alone.db")))
        forget(device)
        scans: list[float] = []
        stop = threading.Event()
        thread = threading.Thread(target=scan_on, args=(device, scans, stop))
        thread.start()
        clients.append(fetch(device))
        stop.set()
        thread.join()
        worst = max(worst, *scans)
        print(f"swap: {len(scans)} scans meanwhile, median {statistics.median(scans):.2f} ms, "
              f"worst {max(scans):.0f} ms")  # fmt: skip
    idles = [run(IDLE) for _ in range(3)]
    idle = statistics.median(cpu for cpu, _peak in idles)
    print(f"before it has done anything the client takes {idles[0][1]:.0f} MB")
    alone = statistics.median(alones)
    client = statistics.median(cpu for _code, cpu, _peak in clients) - idle
    peak = max(peak for _code, _cpu, peak in clients)
    assert all(code == 0 for code, _cpu, _peak in clients)
    print(f"client {client:.2f} s of CPU (start-up of {idle:.2f} s taken off), alone {alone:.2f} s")
    print(f"ratio {client / alone:.2f} (limit {CPU_LIMIT}); "
          f"peak memory {peak:.0f} MB (limit {MEMORY_LIMIT_MB})")  # fmt: skip


def forget(device: Device) -> None:
    """Make the replica one of another life, so that it is fetched anew."""
    live = device.folder.path / device.folder.pointer.read_text().strip()
    with sqlite3.connect(live) as db:
        put_meta(db, {"cursor": "0:0:"})
    db.close()


def fetch(device: Device) -> tuple[int, float, float]:
    code, cpu, peak = run(CLIENT, str(device.folder.path))
    return int(code), float(cpu), float(peak)


def scan_on(device: Device, scans: list[float], stop: threading.Event) -> None:
    assert device.lane is not None
    while not stop.is_set():
        started = time.perf_counter()
        device.lane.admit(Scan(f"C{random.randrange(1, 1000):06d}", deliberate=True))
        scans.append((time.perf_counter() - started) * 1000)
        time.sleep(0.05)  # ``--once`` ends when all is told: not while one scans without a pause


def run(program: str, *arguments: str) -> Any:
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
