"""How fast and at what cost the gates of a venue inform each other.

    python benchmarks/bench_lan.py [--gates 2,10,30 | --hosts] [--scans 100] [--backlog 10000]

Every gate's sync worker is a process; all are on this machine's loopback, or with --hosts (as root)
each in a network namespace of its own, where bytes are not counted. The lanes run in this program.
Beside the way from a green at one gate to the knowledge of another stands what it cannot do
without: a TLS echo between two processes and a commit with FULL at the second.
"""

import argparse
import contextlib
import random
import socket
import sqlite3
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from gate.storage.certificates import Membership, client_context, load_membership, server_context
from gate.storage.folder import Folder
from tests.system.hosts import Hosts
from tests.system.lan import Member, Venue
from tests.system.network import free_port, until

KNOWN_WITHIN_S = 5.0
HOSTS = 4


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def loopback_bytes() -> int:
    for line in Path("/proc/net/dev").read_text().splitlines():
        if line.strip().startswith("lo:"):
            return int(line.split(":")[1].split()[0])
    return 0


def workers_cpu(venue: Venue) -> float:
    return sum(cpu_s(member.process.pid) for member in venue.gates if member.process)


def known(db: sqlite3.Connection, origin_seq: tuple[str, int]) -> bool:
    return (
        db.execute("SELECT 1 FROM entry WHERE origin = ? AND seq = ?", origin_seq).fetchone()
        is not None
    )


def propagate(venue: Venue, scans: int) -> list[float]:
    """Milliseconds from a green here to the row at another gate, scan by scan."""
    times = []
    here = venue.gates[0]
    others = {
        member: sqlite3.connect(f"{member.folder.peers.resolve().as_uri()}?mode=ro", uri=True)
        for member in venue.gates[1:]
    }
    lane = here.lane()
    for n in range(scans):
        member = random.choice(venue.gates[1:])
        here.scan(f"C{n:06d}")
        green = time.perf_counter()
        name = lane._do(lambda: lane._files.journal().head.name)
        origin, _colon, seq = name.partition(":")
        while not known(others[member], (origin, int(seq))):
            time.sleep(0.0005)
            assert time.perf_counter() - green < KNOWN_WITHIN_S
        times.append((time.perf_counter() - green) * 1000)
        time.sleep(0.02)
    for db in others.values():
        db.close()
    return times


def limit(venue: Venue, rounds: int, place: Path, hosts: Hosts | None) -> list[float]:
    """A TLS echo between two processes, the other of which commits with FULL before it answers."""
    port, address = free_port(), hosts.address(1) if hosts else "127.0.0.1"
    first, second = ([], []) if hosts is None else (hosts.at(0), hosts.at(1))
    mine, other = (str(member.folder.path) for member in venue.gates[:2])
    answers = subprocess.Popen(
        [*second, sys.executable, __file__, "--echo", address, str(port), other, str(place)]
    )
    asks = subprocess.run(
        [*first, sys.executable, __file__, "--ring", address, str(port), mine, str(rounds)],
        check=True,
        capture_output=True,
        text=True,
    )
    answers.wait(10)
    return [float(line) for line in asks.stdout.split()]


def ring(address: str, port: int, path: str, rounds: int) -> None:
    folder = Folder(Path(path))
    membership = load_membership(folder)
    assert membership is not None
    for _ in range(100):
        with contextlib.suppress(OSError):
            raw = socket.create_connection((address, port))
            break
        time.sleep(0.05)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with client_context(folder, membership).wrap_socket(raw) as link:
        for _ in range(rounds):
            began = time.perf_counter()
            link.sendall(b"x" * 600)
            link.recv(10)
            print((time.perf_counter() - began) * 1000)
            time.sleep(0.02)


def echo(address: str, port: int, path: str, place: str) -> None:
    folder = Folder(Path(path))
    membership = load_membership(folder)
    assert isinstance(membership, Membership)
    context = server_context(folder, membership)
    db = sqlite3.connect(Path(place) / "echo.db", isolation_level=None)
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (a)")
    with closing(socket.create_server((address, port))) as server:
        raw, _address = server.accept()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(raw, server_side=True) as link:
            while data := _some(link):
                db.execute("INSERT INTO t VALUES (?)", (data,))
                link.sendall(b"y")


def _some(link: ssl.SSLSocket) -> bytes:
    try:
        return link.recv(1000)
    except OSError:
        return b""


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def at_work(venue: Venue, seconds: float) -> tuple[float, float, float, float]:
    """Idle CPU (of a core) and bytes a second of a gate; then bytes and CPU (ms) for an entry."""
    cpu, size = workers_cpu(venue), loopback_bytes()
    time.sleep(seconds)
    idle_cpu, idle_bytes = workers_cpu(venue) - cpu, loopback_bytes() - size
    cpu, size, made = workers_cpu(venue), loopback_bytes(), 0
    until_s, began = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < until_s:
        venue.gates[made % len(venue.gates)].scan(f"X{made}")
        made += 1
        time.sleep(max(0.0, began + made * (seconds / (10 * seconds)) - time.monotonic()))
    time.sleep(1.0)
    spent = time.monotonic() - began
    cpu = workers_cpu(venue) - cpu - idle_cpu * spent / seconds
    size = loopback_bytes() - size - int(idle_bytes * spent / seconds)
    count = len(venue.gates)
    return idle_cpu / seconds / count, idle_bytes / seconds / count, size / made, cpu / made * 1000


def catch_up(root: Path, entries: int) -> float:
    """Seconds until a gate that comes late holds what another did."""
    venue = Venue(root, 2, tickets=10)
    late: Member = venue.gates[1]
    try:
        for n in range(entries):
            venue.gates[0].scan(f"N{n}")
        venue.gates[0].start()
        until(lambda: bool(venue.gates[0].told()))
        late.start()
        until(lambda: late.connected() == 1)
        began = time.monotonic()
        until(lambda: late.held() >= entries, 120)
        return time.monotonic() - began
    finally:
        venue.close()


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] == "--echo":
        echo(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
        return
    if len(sys.argv) > 1 and sys.argv[1] == "--ring":
        ring(sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gates", default="2,10,30")
    parser.add_argument("--scans", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--backlog", type=int, default=10_000)
    parser.add_argument("--hosts", action="store_true", help="4 gates on hosts of their own")
    options = parser.parse_args()
    print(
        f"{'gates':>6} {'connected s':>11} {'known p50':>9} {'p99 ms':>8}",
        f"{'echo p50':>9} {'p99 ms':>8}",
        f"{'idle CPU':>8} {'idle B/s':>9} {'B/entry':>9} {'CPU ms':>7}",
    )
    counts = [HOSTS] if options.hosts else [int(n) for n in options.gates.split(",") if n]
    for count in counts:
        with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
            hosts = Hosts(count) if options.hosts else None
            if hosts is not None:
                stack.callback(hosts.close)
            where = dict.fromkeys(range(count), "0.0.0.0") if hosts else None
            venue = Venue(Path(place), count, tickets=options.scans, hosts=where)
            try:
                for n, member in enumerate(venue.gates):
                    if hosts is not None:
                        member.configure([], announce=True)
                    member.start(hosts.name(n) if hosts else "")
                connected = venue.wait_connected(120)
                times = propagate(venue, options.scans)
                bare = limit(venue, options.scans, Path(place), hosts)
                idle, quiet, size, cpu = at_work(venue, options.seconds)
            finally:
                venue.close()
        line = (
            f"{count:6} {connected:11.1f}",
            f"{statistics.median(times):9.1f} {percentile(times, 0.99):8.1f}",
            f"{statistics.median(bare):9.1f} {percentile(bare, 0.99):8.1f}",
            f"{idle:8.2%} {quiet:9.0f} {size:9.0f} {cpu:7.1f}",
        )
        print(*line, flush=True)
    if options.backlog:
        with tempfile.TemporaryDirectory() as place:
            took = catch_up(Path(place), options.backlog)
        print(f"{options.backlog} entries caught up in {took:.1f} s")


if __name__ == "__main__":
    main()
