"""An evening of some gates in one process, in a time of its own: how much "sure" was worth.

What is real: lanes, journals, peer stores, what gates say to each other and to the server, and what
a lane makes of it. What is false: the time, and everything that carries. Each gate's clocks are off
and drift; links are slow, stall, break and come back with all that was done meanwhile; workers are
stopped, killed, and lose their peer stores. Guests come with tickets that were used elsewhere a
moment ago. One seed is one evening::

    python -m tests.system.evening SEED [MUTATION]
"""

import heapq
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate.core.event_device import DeviceReport
from gate.core.hlc import Reading
from gate.core.intake import read_bodies
from gate.core.outcome import Basis
from gate.core.place import HouseRules, Place
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.storage import sync_status
from gate.storage.device_key import DeviceKey, verifier
from gate.storage.folder import Folder, write_durably
from gate.storage.peer_store import PeerStore
from gate.storage.sync_status import SyncStatus, SyncStatusReader
from gate.storage.ticket_feed import TicketFeed
from gate.storage.ticket_filling import MemberRow
from sync.server import device_cache, device_reports, events, intake, journals
from sync.server.database import in_transaction, open_database
from sync.server.device_cache import DeviceCache
from sync.server.devices import Device, State
from sync.server.head_cache import Memory
from sync.session.server_session import ServerSession
from sync.session.watermarks import ServerClock, Watermarks, Way
from sync.transport.lan_stream import Connected, Disconnected, Link, MessageReceived
from sync.wire import Heartbeat, PeerMessage, SyncRequest, SyncResponse, SyncResponseStamp
from sync.worker.device_directory import ENROLLED, DeviceDirectory
from sync.worker.peers import PeerSet
from tests.support.venue import fill
from tests.system.simulation import (
    EVENT,
    START_MS,
    AtOnce,
    central_template,
    join,
    scratch,
)

TICK_MS = 250
STAMP_TICKS, BEAT_TICKS, ASK_TICKS = 2, 4, 4
NOTICED_MS = 4000
"""How long a dead link is taken to live."""
GUESTS_A_S = 1.5
COPIES = 0.25
"""How many guests have a ticket that somebody else has just used."""
COPIED_WITHIN = 12
"""It is one of so many that were used last."""


@dataclass
class Clock:
    """A gate's clocks: off, and a little quick or slow."""

    evening: "Evening"
    off_ms: int
    rate: float

    def read(self) -> Reading:
        boot_ms = self.evening.now_ms * self.rate + self.off_ms
        return Reading(int(START_MS + boot_ms), int(boot_ms), "boot")

    def is_synchronised(self) -> bool:
        return False


@dataclass(eq=False)
class Gate:
    """One device, its lane, and its worker while that runs."""

    name: str
    folder: Folder
    clock: Clock
    lane: Lane
    runs: bool = False
    is_stopped: bool = False
    """By SIGSTOP: nothing is done, and nothing noticed."""
    is_home: bool = False
    """Its lane was closed and its machine taken away."""
    ticks: int = 0
    waiting: list[Callable[[], None]] = field(default_factory=list)
    """What has come while it was stopped."""

    def start(self, evening: "Evening") -> None:
        self.peer_store = PeerStore(self.folder)
        self.watermarks = Watermarks(self.peer_store.entries.lacking)
        self.feed = TicketFeed(self.folder)
        self.key = DeviceKey(self.folder)
        self.others = DeviceDirectory(self.peer_store, self.feed, self.watermarks)
        self.others._members = evening.members
        self.others.recall(SyncStatusReader(self.folder).read("boot").lanes)
        self.gates = PeerSet(
            self.peer_store, self.key, evening, self.clock,  # type: ignore[arg-type]
            lambda device: evening.keys.get(device, ""), watermarks=self.watermarks,
        )  # fmt: skip
        self.server_session = ServerSession(self.peer_store, self.key)
        self.server_clock = ServerClock()
        self.runs = True

    def stop(self) -> None:
        self.runs = False
        self.peer_store.close()
        self.feed.close()


@dataclass(eq=False)
class Wire:
    """What carries between two gates, one way and the other."""

    ends: tuple[Gate, Gate]
    bytes_a_ms: float
    way_ms: float
    links: tuple[Link, Link] | None = None
    is_cut: bool = False
    free_at_ms: list[float] = field(default_factory=lambda: [0.0, 0.0])
    stalled_until_ms: float = 0.0


@dataclass(frozen=True)
class Green:
    """Somebody was let in."""

    at_ms: float
    gate: str
    basis: Basis
    age_ms: int | None


class Evening:
    """Everything there is, driven by one random source and one heap of what happens when."""

    def __init__(self, seed: int, root: Path, seconds: int = 60) -> None:
        self.random = random.Random(seed)
        self.root, self.ends_ms = root, seconds * 1000.0
        self.now_ms = 1000.0
        self.counted: Counter[str] = Counter()
        self.greens: dict[str, list[Green]] = {}
        self.used: list[str] = []
        self.keys: dict[str, str] = {}
        self.members: dict[str, MemberRow] = {}
        self.by_server = seed % 3 == 2
        self._coming: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.gates = [self._make(n) for n in range(self.random.randint(2, 4))]
        for gate in self.gates:
            device = gate.folder.device_id()
            self.keys[device] = DeviceKey(gate.folder).public
            self.members[device] = MemberRow(device, gate.name, self.keys[device], ENROLLED)
        self.wires = [
            Wire((one, other), self.random.choice([20.0, 200.0, 2000.0]),
                 self.random.choice([1.0, 5.0, 60.0]))
            for n, one in enumerate(self.gates)
            for other in self.gates[n + 1 :]
        ]  # fmt: skip
        self.online = {gate.name: True for gate in self.gates}
        self.central = Central(self) if self.by_server else None

    def _make(self, n: int) -> Gate:
        folder = Folder(self.root / f"G{n}")
        shutil.copytree(filled(), folder.path)
        write_durably(folder.path / "device", f"{n + 1:016x}\n".encode())
        clock = Clock(self, self.random.randrange(10**9), 1 + self.random.uniform(-1e-4, 1e-4))
        folder.membership.write_text("{}")
        lane = Lane(folder, clock, Place(f"G{n}"), HouseRules(rescan_s=0))
        lane._thread = AtOnce()  # type: ignore[assignment]
        return Gate(f"G{n}", folder, clock, lane)

    # Time

    def after(self, ms: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._coming, (self.now_ms + ms, self._count, act))

    def run(self) -> None:
        for gate in self.gates:
            gate.lane.open()
            gate.start(self)
            self.after(self.random.uniform(0, TICK_MS), lambda gate=gate: self.tick(gate))  # type: ignore[misc]
        if self.central is None:
            for wire in self.wires:
                self.link(wire)
        self.after(3000, self.guest)
        self.after(4000, self.fault)
        while self._coming and self.now_ms < self.ends_ms:
            self.now_ms, _n, act = heapq.heappop(self._coming)
            act()
        self.check()

    def server_boot_ms(self) -> int:
        """What the server's boot clock shows."""
        return int(self.now_ms) + 77_000

    # What the sync worker does

    def tick(self, gate: Gate) -> None:
        self.after(TICK_MS, lambda: self.tick(gate))
        if not gate.runs or gate.is_stopped:
            return
        gate.ticks += 1
        gate.peer_store.follow_journal()
        if self.central is not None:
            if gate.ticks % ASK_TICKS == 0 and self.online[gate.name]:
                self.central.ask(gate)
        else:
            gate.gates.publish()
            if gate.ticks % BEAT_TICKS == 0:
                gate.gates.heartbeat(
                    Heartbeat(name=gate.name, is_open=True), is_central_connected=False
                )
            elif gate.ticks % STAMP_TICKS == 0:
                gate.gates.stamp()
        self.say(gate)

    def say(self, gate: Gate) -> None:
        now = gate.clock.read()
        sync_status.write(gate.folder, SyncStatus(
            boot_id=now.boot_id, boot_ms=now.boot_ms, server="central" if self.central else "",
            lanes=gate.others.lanes(gate.gates, now.wall_ms), knows_members=True,
            opened_boot_ms=gate.peer_store.journal.opened_boot_ms(now.boot_id),
            store=gate.peer_store.file.store, is_complete=gate.peer_store.file.is_complete,
        ))  # fmt: skip

    def at(self, gate: Gate, act: Callable[[], None]) -> None:
        """Have something come to a gate's worker, if it runs, and once it goes on."""
        if gate.is_stopped:
            gate.waiting.append(act)
        elif gate.runs:
            act()

    # What carries

    def send(self, words: Iterable[tuple[Link, bytes]]) -> None:
        """Stand where a gate's sockets are."""
        for link, data in words:
            for wire in self.wires:
                if wire.links and link in wire.links:
                    self.carry(wire, 1 - wire.links.index(link), data)

    def know(self, places: Mapping[str, str]) -> None:
        pass

    def carry(self, wire: Wire, to: int, data: bytes) -> None:
        links = wire.links
        begins = max(self.now_ms, wire.free_at_ms[to], wire.stalled_until_ms)
        wire.free_at_ms[to] = begins + len(data) / wire.bytes_a_ms
        way_ms = wire.way_ms * self.random.uniform(0.5, 1.5)

        def arrive() -> None:
            if wire.links is links and links is not None and not wire.is_cut:
                word = msgspec.json.decode(data, type=PeerMessage)
                gate = wire.ends[to]
                self.at(gate, lambda: gate.gates.receive(MessageReceived(links[to], word)))

        self.after(max(0.0, wire.free_at_ms[to] + way_ms - self.now_ms), arrive)

    def link(self, wire: Wire) -> None:
        one, other = wire.ends
        if wire.links is not None or wire.is_cut or not (one.runs and other.runs):
            return
        if one.is_stopped or other.is_stopped:
            return
        wire.links = self.end(other), self.end(one)
        wire.free_at_ms = [self.now_ms, self.now_ms]
        for gate, link in zip(wire.ends, wire.links, strict=True):
            gate.gates.receive(Connected(link))

    def end(self, other: Gate) -> Link:
        device = other.folder.device_id()
        return Link(device, self.keys[device], "", False, None, 0.0)  # type: ignore[arg-type]

    def unlink(self, wire: Wire) -> None:
        links, wire.links = wire.links, None
        if links is None:
            return
        for gate, link in zip(wire.ends, links, strict=True):
            self.at(gate, lambda gate=gate, link=link: gate.gates.receive(Disconnected(link, "")))  # type: ignore[misc]

    # What goes wrong

    def fault(self) -> None:
        self.after(self.random.uniform(1000, 6000), self.fault)
        faults = (self.cut, self.stall, self.halt, self.kill, self.lose, self.lose_under_it,
                  self.come_back, self.go_home)  # fmt: skip
        fault = self.random.choices(faults, (4, 4, 2, 2, 2, 0.5, 1, 0.7))[0]
        self.counted[fault.__name__] += 1
        fault(self.random.choice(self.at_work()))

    def at_work(self) -> list[Gate]:
        return [gate for gate in self.gates if not gate.is_home]

    def cut(self, gate: Gate, for_ms: float = 0.0) -> None:
        """Its cable is pulled; that is noticed later, and what was on its way is gone."""
        for_ms = for_ms or self.random.uniform(500, 9000)
        self.online[gate.name] = False
        for wire in [one for one in self.wires if gate in one.ends]:
            wire.is_cut = True
            self.after(NOTICED_MS, lambda wire=wire: self.unlink(wire))  # type: ignore[misc]
        self.after(max(for_ms, NOTICED_MS + 1), lambda: self.heal(gate))

    def heal(self, gate: Gate) -> None:
        self.online[gate.name] = True
        for wire in [one for one in self.wires if gate in one.ends]:
            wire.is_cut = False
            if self.central is None:
                self.link(wire)

    def stall(self, gate: Gate) -> None:
        """Nothing comes through for two seconds, and then everything."""
        for wire in self.wires:
            if gate in wire.ends:
                wire.stalled_until_ms = self.now_ms + 2000

    def halt(self, gate: Gate) -> None:
        """SIGSTOP, and on again."""
        gate.is_stopped = True
        self.after(self.random.uniform(1000, 20_000), lambda: self.go_on(gate))

    def go_on(self, gate: Gate) -> None:
        gate.is_stopped = False
        waiting, gate.waiting = gate.waiting, []
        for act in waiting:
            self.at(gate, act)

    def kill(self, gate: Gate, then: Callable[[], None] = lambda: None) -> None:
        if not gate.runs:
            return
        gate.is_stopped, gate.waiting = False, []
        for wire in [one for one in self.wires if gate in one.ends]:
            self.unlink(wire)
        gate.stop()
        then()
        self.after(self.random.uniform(100, 3000), lambda: self.start(gate))

    def start(self, gate: Gate) -> None:
        if gate.runs or gate.is_home:
            return
        gate.start(self)
        for wire in [one for one in self.wires if gate in one.ends]:
            if self.central is None:
                self.link(wire)

    def lose(self, gate: Gate) -> None:
        """Its peer store is gone, under a lane that goes on, and is fetched again."""
        self.kill(gate, lambda: remove_store(gate.folder))

    def lose_under_it(self, gate: Gate) -> None:
        """The same under a worker that goes on too, for a while."""
        remove_store(gate.folder)
        self.after(self.random.uniform(3000, 15_000), lambda: self.kill(gate))

    def go_home(self, gate: Gate) -> None:
        """Its lane is closed; a little later it is off, whether it has told everything or not."""
        if len(self.at_work()) < 3 or gate.is_stopped:
            return
        gate.is_home = True
        gate.lane.close()
        self.after(self.random.choice([500, 3000]), lambda: self.kill(gate))

    def come_back(self, gate: Gate) -> None:
        """It was away for long, with guests, and comes back on a slow link with all of that."""
        for wire in [one for one in self.wires if gate in one.ends]:
            wire.bytes_a_ms = 3.0
        for _ in range(self.random.randint(20, 80)):
            self.scan(gate, self.fresh())
        self.cut(gate, 4500)

    # Guests

    def guest(self) -> None:
        self.after(self.random.expovariate(GUESTS_A_S) * 1000, self.guest)
        is_copy = bool(self.used) and self.random.random() < COPIES
        ticket = self.random.choice(self.used[-COPIED_WITHIN:]) if is_copy else self.fresh()
        self.scan(self.random.choice(self.at_work()), ticket)

    def fresh(self) -> str:
        self._count += 1
        return f"X{(self._count * 7919) % MANY:05d}"

    def scan(self, gate: Gate, code: str) -> None:
        verdict = gate.lane.admit(Scan(code, "QRCode", "sim", deliberate=True))
        self.counted["scans"] += 1
        self.counted[f"scans {verdict.basis}"] += 1
        if verdict.is_green and verdict.uses:
            self.used.append(code)
            green = Green(self.now_ms, gate.name, verdict.basis, verdict.basis_age_ms)
            self.greens.setdefault(code, []).append(green)

    # The end

    def check(self) -> None:
        """No second green called sure whose first is older than the age it was told with."""
        for code, greens in self.greens.items():
            for n, second in enumerate(greens[1:], 1):
                self.counted["doubles"] += 1
                if second.basis not in (Basis.CENTRAL, Basis.LAN):
                    continue
                self.counted["sure doubles"] += 1
                assert second.age_ms is not None
                for first in greens[:n]:
                    apart_ms = second.at_ms - first.at_ms
                    assert apart_ms <= second.age_ms + 1, (
                        f"{code}: {second} was called sure, {apart_ms:.0f} ms after {first}"
                    )

    def close(self) -> None:
        for gate in self.gates:
            gate.lane.close()
            if gate.runs:
                gate.stop()
        if self.central is not None:
            self.central.engine.dispose()


class Central:
    """The server, as far as journals and watermarks go: asked by POST, over slow lines."""

    def __init__(self, evening: Evening) -> None:
        self.evening = evening
        path = evening.root / "central.db"
        shutil.copy(central_template(), path)
        self.engine = open_database(f"sqlite:///{path}")
        self.memory = Memory(self.engine)
        self.device_cache = DeviceCache(None)  # type: ignore[arg-type]
        with self.engine.begin() as connection:
            events.create_event(connection, EVENT, "Show", "UTC", START_MS)
            for gate in evening.gates:
                join(connection, gate.folder)
        self.device_cache._by_event[EVENT] = [
            Device(id=row.id, event=EVENT, name=row.name, public_key=row.key, credential=row.id,
                   state=State.ENROLLED, enrolled_ms=0, heard_ms=0, lane_open=True, report="{}",
                   is_disowned=False, twin_ms=0)
            for row in evening.members.values()
        ]  # fmt: skip
        self.verify = verifier(lambda device: evening.keys.get(device, ""))

    def ask(self, gate: Gate) -> None:
        now_ms = gate.clock.read().boot_ms
        gate.server_session.needs_whole = True
        server_session = gate.server_session
        ask = msgspec.structs.replace(
            server_session.next_request(DeviceReport()),
            stamp=gate.server_clock.stamp(now_ms, gate.peer_store.journal.tip),
        )
        self.evening.after(self.way(ask), lambda: self.answer(gate, server_session, ask))

    def answer(self, gate: Gate, server_session: ServerSession, ask: SyncRequest) -> None:
        if not self.evening.online[gate.name]:
            return
        device = gate.folder.device_id()
        self.device_cache.reports.note(device, ask.report, ask.stamp)
        carried, _rejected = read_bodies(bytes(raw) for raw in ask.frame.entries)
        push = intake.Push(device, carried, (), ask.frame.signed_tips)

        def job(connection: Any) -> Any:
            taken = intake.accept(connection, EVENT, [push], self.memory)
            return journals.answer(connection, EVENT, ask.frame, taken.tips)

        frame = in_transaction(self.engine, job)
        assert ask.stamp is not None
        stamp = SyncResponseStamp(
            device_reports.CLOCK,
            self.evening.server_boot_ms(),
            ask.stamp.at_ms,
            self.device_cache.watermarks(EVENT),
        )
        answer = SyncResponse(frame, START_MS, lanes=self.device_cache.lanes(EVENT), stamp=stamp)
        self.evening.after(
            self.way(answer),
            lambda: self.evening.at(gate, lambda: self.hear(gate, server_session, answer)),
        )

    def hear(self, gate: Gate, server_session: ServerSession, answer: SyncResponse) -> None:
        if gate.server_session is not server_session or not self.evening.online[gate.name]:
            return
        now = gate.clock.read()
        heard = server_session.receive(answer, now.wall_ms, to_whole=True)
        assert answer.stamp is not None
        for device, mark in gate.server_clock.receive(answer.stamp, now.boot_ms).items():
            gate.watermarks.note(device, Way.CENTRAL, mark)
        assert answer.lanes is not None
        gate.others.learn_from_server(answer.lanes, now.boot_ms)
        if not heard.more:
            gate.peer_store.file.complete()
        self.evening.say(gate)

    def way(self, message: Any) -> float:
        size = len(msgspec.json.encode(message))
        return self.evening.random.choice([5.0, 40.0, 300.0]) + size / 50


MANY = 2000


def filled() -> Path:
    """A folder with tickets, to be copied."""
    path = scratch() / "filled"
    if not path.exists():
        folder = Folder(path)
        folder.create()
        fill(folder, [{"code": f"X{n:05d}", "type": "SHOW", "id": f"x{n}"} for n in range(MANY)])
    return path


def remove_store(folder: Folder) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{folder.peers}{suffix}").unlink(missing_ok=True)


def live(seed: int, seconds: int = 60) -> Counter[str]:
    """Live one evening and check it. Raises AssertionError when the promise was broken."""
    root = Path(tempfile.mkdtemp(dir=scratch()))
    evening = Evening(seed, root, seconds)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for module in (device_cache, device_reports):
                patch.setattr(module, "boot_ms", evening.server_boot_ms)
            evening.run()
            return evening.counted
    finally:
        with suppress(Exception):
            evening.close()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    print(live(int(sys.argv[1])))
