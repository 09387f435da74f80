"""What strangers cost: a gate's requests beside idle connections and floods, with TLS.

``python benchmarks/bench_strangers.py``: each request is on a connection of its own, as after a
restart; beside it stands the same without strangers. With ``--lan`` how long gates look for each
other while somebody announces gates that there are not.
"""

import argparse
import multiprocessing
import socket
import ssl
import statistics
import tempfile
import time
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import httpx

from gate.storage.certificates import load_membership, venue_id
from gate.storage.enrolment_link import parse_link
from sync.server.serve import OF_EACH, STRANGERS
from tests.support.central import Maker
from tests.sync.server.test_serve import serving
from tests.sync.transport import test_lan_strangers as strangers
from tests.system.hosts import Hosts
from tests.system.lan import Member, Venue
from tests.system.network import until


def idle(at: tuple[str, int], count: int, stack: ExitStack) -> None:
    for _n in range(count):
        with suppress(OSError):
            stack.enter_context(socket.create_connection(at, 5))


def flood(at: tuple[str, int], source: str, per_s: float, made: Synchronized[int]) -> None:
    """Connect and say nothing, again and again."""
    held: list[socket.socket] = []
    begun = time.monotonic()
    while True:
        with suppress(OSError):
            held.append(socket.create_connection(at, 5, source_address=(source, 0)))
        made.value += 1
        if len(held) > 500:
            held.pop(0).close()
        time.sleep(max(0.0, begun + made.value / per_s - time.monotonic()))


def ask(url: str, context: ssl.SSLContext, credential: str, count: int) -> tuple[list[float], int]:
    """How long each took (ms), and how often it had to be tried again."""
    took, again = [], 0
    for _n in range(count):
        begun = time.perf_counter()
        while True:
            try:
                with httpx.Client(verify=context, trust_env=False) as http:
                    answer = http.get(
                        f"{url}/v1/changes", headers={"Authorization": f"Bearer {credential}"}
                    )
                    assert answer.status_code in (200, 409), answer.text
                    break
            except httpx.TransportError:
                again += 1
        took.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.02)
    return took, again


def files_of(folder: Path) -> int:
    """How many files the server that writes this log has open."""
    for process in Path("/proc").glob("[0-9]*"):
        open_ = []
        with suppress(OSError):
            for fd in (process / "fd").iterdir():
                with suppress(OSError):
                    open_.append(fd.readlink())
        if folder / "server.log" in open_:
            return len(open_)
    return 0


def tells(gate: Member) -> bool:
    return bool(gate.told())


def is_connected(gate: Member) -> bool:
    return gate.connected() == 1


def finding() -> None:
    """How long a gate that starts looks for another that is there, by multicast DNS."""
    hosts = Hosts(strangers.ELSEWHERE + 1)
    print(f"{'a gate finds another beside':44} {'first':>8} {'second':>8}")
    for beside, gates in (
        ("nobody", None),
        ("1,200 made-up addresses of six names", strangers.few_names_with_many_addresses),
        ("1,000 made-up names a second", strangers.names_without_end),
    ):
        took = []
        for _n in range(2):
            with tempfile.TemporaryDirectory() as root, ExitStack() as stack:
                there = {n: hosts.address(n) for n in range(2)}
                venue = Venue(Path(root), 2, hosts=there)
                stack.callback(venue.close)
                first, second = venue.gates
                for member in venue.gates:
                    member.configure([], announce=True)
                first.start(hosts.name(0))
                until(partial(tells, first))
                if gates is not None:
                    membership = load_membership(first.folder)
                    assert membership is not None
                    stack.enter_context(strangers.spoofing(hosts, venue_id(membership), gates))
                time.sleep(3)
                second.start(hosts.name(1))
                took.append(until(partial(is_connected, second), 60))
        print(f"{beside:44} {took[0]:6.1f} s {took[1]:6.1f} s")
    hosts.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lan", action="store_true", help="gates on hosts of their own (root)")
    parser.add_argument("--requests", type=int, default=150)
    asked = parser.parse_args()
    if asked.lan:
        finding()
        return
    with tempfile.TemporaryDirectory() as root, ExitStack() as stack:
        server = stack.enter_context(serving(Path(root) / "server", "--self-signed"))
        url = httpx.URL(server.url)
        at = (url.host, url.port or 443)
        context = ssl.create_default_context(cafile=str(server.folder / "server.crt"))
        context.check_hostname = False
        maker = Maker("ab" * 8)
        link = parse_link(server.link())
        told = httpx.post(
            f"{server.url}/v1/enrol", verify=context, trust_env=False,
            json={"token": link.token, "device": maker.device, "key": maker.public},
        ).json()  # fmt: skip
        limit = f"{OF_EACH} of each address, {STRANGERS} in all"
        print(f"strangers may hold {limit}; {asked.requests} requests each")
        print(f"{'beside':44} {'p50':>8} {'p99':>8} {'ratio':>6} {'again':>6} {'files':>6}")
        base = 0.0

        def line(beside: str) -> None:
            nonlocal base
            took, again = ask(server.url, context, told["credential"], asked.requests)
            p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
            base = base or p50
            print(
                f"{beside:44} {p50:6.1f}ms {p99:6.1f}ms {p50 / base:5.2f}x {again:6d} "
                f"{files_of(server.folder):6d}"
            )

        line("nobody")
        with ExitStack() as held:
            idle(at, 1200, held)
            line("1,200 idle connections of its address")
        for source, whose in (("127.0.0.2", "another address"), ("127.0.0.1", "its address")):
            for per_s in (100, 1000):
                made = multiprocessing.Value("i", 0)
                process = multiprocessing.Process(target=flood, args=(at, source, per_s, made))
                process.start()
                begun = time.monotonic()
                line(f"{per_s} new ones a second of {whose}")
                process.terminate()
                process.join()
                print(f"    {made.value / (time.monotonic() - begun):.0f} a second came about")
        log = sum(path.stat().st_size for path in server.folder.glob("server.log*"))
        print(f"the log has {log / 1000:.1f} kB, and rotates at 2,000 kB")


if __name__ == "__main__":
    main()
