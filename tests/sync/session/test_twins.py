"""Two machines with one device's credential are an alarm; one that comes back is none."""

import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from gate.clock import SystemClock
from gate.storage.certificates import client_context, load_membership
from gate.storage.connectivity import ConnectivityReader
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import all_devices
from gate.storage.sync_status import SyncStatusReader
from sync.session import twins
from sync.session.twins import RUN_HEADER, TOGETHER_S, Twins
from sync.transport.guard import Guard
from sync.transport.lan_stream import STREAM
from tests.support.central import Central, Maker, ask, central
from tests.system.lan import Member
from tests.system.lan import Venue as Lan
from tests.system.network import until


def heard(*said: tuple[str, float]) -> list[bool]:
    """Which of some words of one device, each by a run at a time, raise the alarm."""
    watch = Twins()
    return [watch.seen("d", run, at_s) for run, at_s in said]


def test_runs_that_end_before_the_next_begins_are_one_machine() -> None:
    """However often it starts anew, and though the last word of the old run comes late."""
    assert not any(heard(("a", 0), ("a", 100), ("b", 101), ("a", 103), ("b", 200), ("c", 200.1)))


def test_two_runs_at_the_same_time_are_two_machines() -> None:
    """Whoever began, and whatever one of them leaves out."""
    assert heard(("a", 0), ("b", 1), ("a", 3), ("b", 6.5), ("a", 7))[-1]
    assert heard(("", 0), ("b", 1), ("", 3), ("b", 6.5), ("", 9))[-1]
    assert not any(heard(("a", 0), ("b", 1), ("a", 1 + TOGETHER_S)))


def test_a_visit_is_no_machine() -> None:
    """Another program on the same machine asks something once."""
    assert not any(heard(*[("a", n) for n in range(20)], ("visit", 20), ("a", 90)))


def test_many_runs_take_no_room() -> None:
    """A copy that gives itself a new name every time is one that is heard beside the owner."""
    watch = Twins()
    for n in range(100):
        watch.seen("d", f"run{n}", n)
    assert len(watch._runs["d"]) <= twins.MOST_RUNS


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    async with central(tmp_path / "server") as made:
        yield made


async def alarms(running: Central) -> list[tuple[str, str]]:
    found = (await running.admin("GET", "/events/show/alarms")).json()
    return [(one["device"], one["kind"]) for one in found]


async def test_the_server_tells_everybody(
    running: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Owner and copy both ask: alarm at the server, told to the gates; enrolling anew ends it."""
    monkeypatch.setattr(twins, "TOGETHER_S", -1.0)
    maker, other = Maker(), Maker("1" * 16)
    await running.enrol(maker)
    await running.enrol(other, "South")

    async def asks(run: str) -> None:
        headers = running.bearer(maker) | {RUN_HEADER: run}
        answer = await running.http.post("/v1/exchange", content=ask(whole=True), headers=headers)
        assert answer.status_code == 200

    await asks("a")
    await running.server.keep()
    assert await alarms(running) == []
    await asks("b")
    await running.server.keep()
    await running.server.device_cache.refresh()
    assert await alarms(running) == [(maker.device, "twin")]
    told = await running.exchange(other, ask(whole=True))
    assert [lane.device for lane in told.lanes or [] if lane.has_twin] == [maker.device]
    await running.enrol(maker)
    await asks("c")
    await running.server.keep()
    assert await alarms(running) == []


async def test_who_only_listens_is_seen(running: Central, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two streams that stay open, of which one says nothing."""
    maker = Maker()
    await running.enrol(maker)
    device = running.server.device_cache.get(maker.device)
    assert device is not None

    class Silent:
        """A stream that is open."""

        is_cut = False

        def __init__(self, run: str, opened_s: float) -> None:
            self.device, self.run_name, self.opened_s = device, run, opened_s

    open_: list[Silent] = [Silent("a", 0.0)]
    monkeypatch.setattr(running.server.streams, "_clients", lambda: open_)
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    running.server.streams.note_twins()
    assert not running.server.twins.to_keep
    open_.append(Silent("b", 99.0))
    running.server.streams.note_twins()
    assert not running.server.twins.to_keep, "a dead connection is not known to be dead so soon"
    open_[1].opened_s = 60.0
    running.server.streams.note_twins()
    assert running.server.twins.to_keep == {maker.device}


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Lan]:
    made = Lan(tmp_path, 2)
    yield made
    made.close()


@pytest.mark.long
def test_gates_see_a_copy_of_another(gates: Lan) -> None:
    """Somebody with a copy of a gate's folder calls: alarm there, and at the owner's own screen."""
    gates.start()
    owner, other = gates.gates
    owner.scan("C000001")
    until(lambda: other.held() >= 1)
    membership = load_membership(owner.folder)
    assert membership is not None
    context = client_context(owner.folder, membership)
    call(owner, context)
    until(lambda: twins_of(owner) == (owner.device,))
    with Fleet(owner.folder) as seen:
        reading = SystemClock().read()
        connectivity = ConnectivityReader(owner.folder, 10).read(reading)
        (own,) = [one for one in all_devices(seen, reading.wall_ms, connectivity) if one.is_own]
    assert own.has_twin


def test_a_gate_sees_a_copy_beside_the_owner() -> None:
    """Both call: alarm. The owner alone, after a cut or a new start: none."""
    now = [0.0]
    guard = Guard("e" * 16, lambda: now[0], why_not=lambda *_member: "", run="mine")

    def heard(*runs: str) -> set[str]:
        for run in runs:
            now[0] += 2.0
            guard.note_run("d" * 16, run)
        return guard.twins

    assert heard("a", "a", "a", "b", "b", "b", "b") == set()
    assert heard("copy", "b", "copy", "b", "copy") == {"d" * 16}
    guard.note_run("e" * 16, "mine")
    assert "e" * 16 not in guard.twins
    guard.note_run("e" * 16, "copy")
    assert "e" * 16 in guard.twins


def twins_of(member: Member) -> tuple[str, ...]:
    return SyncStatusReader(member.folder).read(SystemClock().read().boot_id).twins


def call(member: Member, context: ssl.SSLContext) -> None:
    """Open a stream to a gate, and see it closed."""
    with suppress(WebSocketException, OSError, TimeoutError), connect(
        f"wss://{member.place}{STREAM}", ssl=context, proxy=None, compression=None,
        additional_headers={RUN_HEADER: "copy"}, open_timeout=30,
    ) as socket:  # fmt: skip
        socket.recv(0.5)
