"""Gates and server as processes: who is behind, lost its peer store or stands still is not sure."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.clock import SystemClock
from gate.core.outcome import Basis, Outcome
from gate.core.place import HouseRules, Place
from gate.core.verdict import Scan, Verdict
from gate.lane.lane import Lane
from tests.support.programs import Program
from tests.system.lan import Member, Venue
from tests.system.network import Device, Server, until
from tests.system.proxy import Proxy

BACKLOG = int(os.environ.get("GATE_TEST_BACKLOG", "1100"))
WITHIN_S = 2.0
COUNT = 3
SURE = (Basis.CENTRAL, Basis.LAN)

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    venue = Venue(tmp_path, COUNT)
    for n, member in enumerate(venue.gates):
        member.configure([venue.gates[0].place] if n else [], heard_within_s=WITHIN_S)
    yield venue
    venue.close()


def is_sure(lane: Lane) -> bool:
    return lane.connectivity().coverage.basis in SURE


def scan(lane: Lane, code: str) -> Verdict:
    return lane.admit(Scan(code, "QRCode", "test", deliberate=True))


def start(device: Device) -> None:
    """By the server only: gates on one machine would else hear each other."""
    device.worker = Program(
        "sync", "--data-dir", str(device.folder.path), "--set", "lan.enabled=false"
    )


@pytest.mark.timeout(400)
@pytest.mark.long
def test_who_comes_back_with_much_to_tell_is_behind_until_all_is_here(tmp_path: Path) -> None:
    """On a slow link: heard at once, and nothing is sure before the last entry is held."""
    server = Server(tmp_path / "server")
    proxy = Proxy(server.port)
    devices: list[Device] = []
    try:
        server.issue(BACKLOG + 10)
        north = Device(tmp_path / "north", server, "north", "")
        south = Device(tmp_path / "south", server, "south", proxy.url)
        devices += [north, south]
        for device in devices:
            assert device.once().returncode == 0
            device.lane = Lane(
                device.folder, SystemClock(), Place(device.name), HouseRules(rescan_s=0),
                heard_within_s=WITHIN_S,
            )  # fmt: skip
            device.lane.open()
            start(device)
        here, there = north.lane, south.lane
        assert here is not None
        assert there is not None
        until(lambda: is_sure(here) and is_sure(there))
        proxy.down()
        for n in range(BACKLOG):
            assert scan(there, f"C{n:06d}").outcome is Outcome.ADMIT
        until(lambda: not is_sure(here))
        proxy.change(lambda weather: setattr(weather, "delay_s", 0.2))
        proxy.change(lambda weather: setattr(weather, "is_down", False))
        behind, n, greens = 0, BACKLOG, 0
        while not is_sure(here):
            n = (n - 1) % BACKLOG
            verdict = scan(here, f"C{n:06d}")
            assert verdict.outcome is Outcome.REFUSE or verdict.basis is Basis.ALONE
            greens += verdict.is_green
            behind = max([behind, *(one.behind for one in here.connectivity().coverage.unheard)])
            time.sleep(0.1)
        assert behind > 1
        assert all(scan(here, f"C{n:06d}").outcome is Outcome.REFUSE for n in range(BACKLOG))
        print(f"{behind} behind; {greens} let in again while it was told, all of them alone")
    finally:
        for device in devices:
            device.close()
        proxy.close()
        server.close()


@pytest.mark.timeout(120)
@pytest.mark.long
def test_a_peer_store_that_is_fetched_again_makes_nothing_sure_before_it_is_whole(
    venue: Venue,
) -> None:
    """Under a lane that goes on; also what a gate did that has gone home is waited for."""
    here, _second, gone = venue.gates
    lane = here.lane()
    for member in venue.gates:
        member.lane()
    venue.start()
    for n in range(20):
        assert gone.scan(f"C{n:06d}").is_green
    until(venue.all_know)
    gone.close()
    until(lambda: is_sure(lane))
    assert here.scan("C000000").outcome is Outcome.REFUSE

    here.kill()
    remove_store(here)
    verdict = here.scan("C000000")
    assert (verdict.outcome, verdict.basis) == (Outcome.REFUSE, Basis.ALONE)
    assert lane.connectivity().coverage.is_refetching
    here.start()
    until(here.folder.peers.exists)
    n = 0
    while not is_sure(lane):
        verdict = here.scan(f"C{(n := n + 1) % 20:06d}")
        assert verdict.outcome is Outcome.REFUSE or verdict.basis is Basis.ALONE
        time.sleep(0.02)
    assert all(here.scan(f"C{n:06d}").outcome is Outcome.REFUSE for n in range(20))


@pytest.mark.timeout(120)
@pytest.mark.long
def test_a_peer_store_that_is_gone_or_a_worker_that_stands_still_is_noticed(venue: Venue) -> None:
    """The lane tells at once which file is not there, and by its own clock how old it all is."""
    here, second, third = venue.gates
    lanes = [member.lane() for member in venue.gates]
    venue.start()
    until(lambda: all(map(is_sure, lanes)))
    assert here.scan("C000001").basis is Basis.LAN

    # At work it might have fetched all again before the lane is asked.
    assert here.process is not None
    here.process.send_signal(signal.SIGSTOP)
    try:
        remove_store(here)
        assert second.scan("C000002").is_green
        verdict = here.scan("C000003")
        assert (verdict.basis, verdict.basis_age_ms) == (Basis.ALONE, None)
        assert lanes[0].connectivity().coverage.is_refetching
    finally:
        here.process.send_signal(signal.SIGCONT)

    assert third.process is not None
    third.process.send_signal(signal.SIGSTOP)
    try:
        ages = []
        while (age := lanes[2].connectivity().age_ms) is not None:
            ages.append(age)
            time.sleep(0.2)
        assert ages == sorted(ages)
        assert third.scan("C000004").basis is Basis.ALONE
    finally:
        third.process.send_signal(signal.SIGCONT)
    until(lambda: is_sure(lanes[2]))


def remove_store(member: Member) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{member.folder.peers}{suffix}").unlink(missing_ok=True)
