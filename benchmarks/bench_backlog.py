"""What a backlog costs the lane: scans while the sync worker tells it, beside scans without one.

    python benchmarks/bench_backlog.py [--entries 10000] [--windows 5]

A gate is cut off, collects entries, and is joined again while it goes on scanning. Windows with
and without a backlog alternate; limits: median at most doubled, no scan over 250 ms.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gate.core.verdict import Scan
from tests.system.network import Device, Server, until
from tests.system.proxy import Proxy

RATIO_LIMIT, WORST_LIMIT_MS = 2.0, 250.0
PACE_S = 0.004


def has_more(server: Server, before: int) -> bool:
    return count(server) > before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--windows", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as path:
        server = Server(Path(path) / "server")
        server.issue(10_000)
        proxy = Proxy(server.port)
        device = Device(Path(path) / "gate", server, "gate", proxy.url)
        device.once()
        device.open()
        device.start()
        try:
            measure(server, proxy, device, options.entries // options.windows, options.windows)
        finally:
            device.close()
            proxy.close()
            server.close()


def measure(server: Server, proxy: Proxy, device: Device, entries: int, windows: int) -> None:
    calm: list[float] = []
    busy: list[float] = []
    told_s = 0.0
    until(lambda: count(server) >= len(device.own()))
    for window in range(windows):
        proxy.down()
        for _ in range(entries):
            scan(device)
        calm_end = time.monotonic() + 1.5
        while time.monotonic() < calm_end:
            calm.append(scan(device))
            time.sleep(PACE_S)
        waiting = len(device.own()) - count(server)
        proxy.up()
        # The worker waits for its back-off first; what counts begins when it tells.
        before = count(server)
        until(partial(has_more, server, before), 90)
        started = time.monotonic()
        target = before + waiting
        while count(server) < target:
            for _ in range(10):
                busy.append(scan(device))
                time.sleep(PACE_S)
        told_s += time.monotonic() - started
        print(f"window {window + 1}: {waiting} entries told, {len(busy)} scans meanwhile")
    until(lambda: count(server) >= len(device.own()), 60)
    lost = device.own() - set(server.entries())
    ratio = statistics.median(busy) / statistics.median(calm)
    print(f"without backlog: median {statistics.median(calm):.2f} ms, worst {max(calm):.0f} ms")
    print(f"with backlog:    median {statistics.median(busy):.2f} ms, worst {max(busy):.0f} ms")
    print(f"ratio {ratio:.2f} (limit {RATIO_LIMIT}), worst {max(busy):.0f} ms "
          f"(limit {WORST_LIMIT_MS:.0f})")  # fmt: skip
    print(f"{entries * windows} entries told in {told_s:.1f} s, {len(lost)} lost")


def scan(device: Device) -> float:
    assert device.lane is not None
    code = f"C{random.randrange(10_000):06d}"
    started = time.perf_counter()
    device.lane.admit(Scan(code, deliberate=True))
    return (time.perf_counter() - started) * 1000


def count(server: Server) -> int:
    return len(server.entries())


if __name__ == "__main__":
    main()
