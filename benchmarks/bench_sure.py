"""How old "sure" is, and what it costs: gates that only say that they are there.

    python benchmarks/bench_sure.py [--lan 2,5,10] [--server 2,5] [--seconds 20 | --disturbed 240]

Every sync worker is a process, the server another one, the lanes are in this program. The age is
what a verdict would be told with, by the lane that is known least. Beside it stands what it cannot
be less than on the average: half of the time between two words of one lane.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.bench_lan import cpu_s, percentile
from gate.clock import SystemClock
from gate.core.coverage import Hysteresis
from gate.core.outcome import Basis
from gate.lane.lane import Lane
from gate.storage.connectivity import ConnectivityReader
from sync.worker.lan_link import STAMP_EVERY_S
from sync.worker.server_link import HEARTBEAT_EVERY_S
from tests.support.programs import Program
from tests.system.hosts import Hosts
from tests.system.lan import Venue
from tests.system.network import Device, Server, until

SETTLED_S = 6.0
LOOK_S = 0.0731
"""Beside the beat of anything here."""


@contextmanager
def on_lan(root: Path, count: int) -> Iterator[tuple[list[Lane], Callable[[], float]]]:
    venue = Venue(root, count)
    try:
        lanes = [member.lane() for member in venue.gates]
        venue.start(60)
        yield lanes, lambda: sum(cpu_s(m.process.pid) for m in venue.gates if m.process)
    finally:
        venue.close()


@contextmanager
def by_server(root: Path, count: int) -> Iterator[tuple[list[Lane], Callable[[], float]]]:
    server = Server(root / "server")
    devices: list[Device] = []
    try:
        server.issue(10)
        for n in range(count):
            devices.append(Device(root / f"g{n}", server, f"G{n}", ""))
            assert devices[-1].once().returncode == 0
            devices[-1].open()
        for device in devices:
            device.worker = Program(
                "sync", "--data-dir", str(device.folder.path), "--set", "lan.enabled=false"
            )
        lanes = [device.lane for device in devices if device.lane is not None]
        yield lanes, lambda: sum(cpu_s(d.worker.pid) for d in devices if d.worker)
    finally:
        for device in devices:
            device.close()
        server.close()


def measure(lanes: list[Lane], cpu: Callable[[], float], seconds: float) -> tuple[list[int], float]:
    """Ages (ms) as the lanes would tell them, and the CPU of a worker, of a core."""
    until(lambda: all(lane.connectivity().age_ms is not None for lane in lanes), 60)
    time.sleep(SETTLED_S)
    ages: list[int] = []
    before, began = cpu(), time.monotonic()
    while time.monotonic() - began < seconds:
        time.sleep(LOOK_S)
        ages += [age for lane in lanes if (age := lane.connectivity().age_ms) is not None]
    return ages, (cpu() - before) / (time.monotonic() - began) / len(lanes)


def disturbed(seconds: float) -> None:
    """How much of the time lanes are alone, by how lately all must be held, on a bad network.

    Hosts are namespaces. Each is cut off now and then, for 2 s (a stall) or 4 s (a roaming phone or
    access point); what is sent meanwhile is lost, as nothing here can lose a part of it only.
    """
    chance, hosts = random.Random(1), Hosts(3)
    with tempfile.TemporaryDirectory() as place:
        venue = Venue(Path(place), 3, hosts=dict.fromkeys(range(3), "0.0.0.0"))
        try:
            for n, member in enumerate(venue.gates):
                member.configure([hosts.address(0)])
                member.lane()
                member.start(hosts.name(n))
            venue.wait_connected(60)
            time.sleep(SETTLED_S)
            readers = {
                within_s: [
                    ConnectivityReader(m.folder, within_s, Hysteresis()) for m in venue.gates
                ]
                for within_s in (3.0, 5.0, 10.0)
            }
            alone, times = dict.fromkeys(readers, 0), dict.fromkeys(readers, 0)
            was = {within_s: [False] * 3 for within_s in readers}
            looks, until_s, next_s, healed_s = 0, time.monotonic() + seconds, time.monotonic(), 0.0
            cut: int | None = None
            while (now_s := time.monotonic()) < until_s:
                if cut is not None and now_s > healed_s:
                    hosts.heal(cut)
                    cut, next_s = None, now_s + chance.uniform(3, 15)
                elif cut is None and now_s > next_s:
                    cut = chance.randrange(3)
                    hosts.cut(cut)
                    healed_s = now_s + chance.choice([2.0, 2.0, 4.0])
                looks += 3
                for within_s, found in readers.items():
                    for n, reader in enumerate(found):
                        connectivity = reader.read(SystemClock().read())
                        is_alone = connectivity.coverage.basis is Basis.ALONE
                        alone[within_s] += is_alone
                        times[within_s] += is_alone and not was[within_s][n]
                        was[within_s][n] = is_alone
                time.sleep(LOOK_S)
        finally:
            venue.close()
            hosts.close()
    print(f"{'within s':>8} {'alone':>7} {'times':>6}  of three lanes in {seconds:.0f} s")
    for within_s in readers:
        print(f"{within_s:8.0f} {alone[within_s] / looks:7.1%} {times[within_s]:6}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lan", default="2,5,10")
    parser.add_argument("--server", default="2,5")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--disturbed", type=float, default=0.0, help="as root: for so many seconds")
    options = parser.parse_args()
    if options.disturbed:
        disturbed(options.disturbed)
        return
    print(f"{'way':>7} {'gates':>5} {'mean':>7} {'p50':>7} {'p99':>7} {'most':>7} {'least':>7}",
          f"{'ratio':>5} {'idle CPU':>8}")  # fmt: skip
    for way, made, counts, every_s in (
        ("lan", on_lan, options.lan, STAMP_EVERY_S),
        ("server", by_server, options.server, HEARTBEAT_EVERY_S),
    ):
        for count in (int(n) for n in counts.split(",") if n):
            with tempfile.TemporaryDirectory() as place, made(Path(place), count) as (lanes, cpu):
                ages, idle = measure(lanes, cpu, options.seconds)
            mean, least = statistics.mean(ages), every_s * 1000 / 2
            print(
                f"{way:>7} {count:5} {mean:7.0f} {statistics.median(ages):7.0f}",
                f"{percentile(list(map(float, ages)), 0.99):7.0f} {max(ages):7} {least:7.0f}",
                f"{mean / least:5.1f} {idle:8.2%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
