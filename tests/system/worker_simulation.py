"""Sync workers in one process, in a time of their own: the real loop among false sockets.

What is real: the worker with its stores, sessions, follower and the clients' reading of answers;
lanes; the server's tables and queries. What is false: time, threads, and everything that carries:
a server that goes, is busy, falls silent or packs; streams that are reset or half-open; gates that
come, go, are stopped and die at any statement; files that are lost; disks that fill. While it goes
on, and once it is over, whatever the worker says has to be so. One seed is one history::

    python -m tests.system.worker_simulation SEED [MUTATION]
"""

import logging
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from gate import config_tables
from gate.core.place import HouseRules, Place
from gate.core.ticket_feed import Cursor
from gate.core.verdict import Scan
from gate.errors import DamagedError
from gate.lane.lane import Lane
from gate.storage import device_key, journal, sync_status
from gate.storage import sqlite as store_sqlite
from gate.storage.certificates import load_membership
from gate.storage.device_key import DeviceKey
from gate.storage.enrolment import Enrolment
from gate.storage.folder import Folder, write_durably
from gate.storage.mending import mend
from gate.storage.nudge import try_now
from gate.storage.replica_file import live_replica
from gate.storage.sqlite import open_reader
from gate.storage.sync_status import SyncStatus, SyncStatusReader
from sync.server import device_cache, device_reports, events, feed
from sync.server.devices import hash_of
from sync.transport.http_client import Revoked
from sync.transport.lan_stream import Connected, Disconnected, Expelled, Link, MessageReceived
from sync.wire import PeerMessage
from sync.worker import server_link
from sync.worker import worker as loop
from sync.worker.server_contact import SILENCE_S
from sync.worker.server_link import AWAY_S, BACK_OFF_S
from tests.system.fibers import Crash, Kernel, mortal
from tests.system.simulation import START_MS, AtOnce, scratch
from tests.system.worker_carriers import (
    AGAIN_S,
    TIMEOUT_S,
    Around,
    Clock,
    FalseClient,
    FalseStream,
    Gate,
    Wire,
)
from tests.system.worker_server import Central, server_boot_ms

FAULTS_S, SETTLE_S, QUIET_S = 50.0, 140.0, 60.0
"""How long what lasts: faults; peace, in which all is to become well, at the most; a server that is
away while nobody gives a reason to try it."""
GUEST_S, ISSUE_S = 1.5, 4.0
FROZEN_S = 20.0
"""How long a worker is stopped at the most."""
NOTICED_S = 4.0
"""How long a link between gates is taken to live after it is dead."""
BEHIND_S = 6.0
"""How old the server's word may be by which tickets are told to be current."""
DATED_S = 0.01
"""How much later than it was the server may be said to have been heard."""
SILENT_S = SILENCE_S + TIMEOUT_S + 2.0
"""How long after the last answer it may be said that there is a connection."""
HEARD_S = 2.0
"""How soon a gate has what another one did that it hears."""
LOOKED_AT = 3
"""Of so many words one is held against the tickets: a file is to be opened for it."""
EMPTIES = 14
"""In a second the loop waits in vain so often at the most."""
ASKED = 60
"""And so often in ten seconds it asks the server for something."""
TIDY_S = 1.0
"""How often files are looked over here: often, for what is lost may first be missed by that."""
END_S = 2 * TIMEOUT_S + 5.0
"""How long it may take to end, with two last words to a server that does not answer."""
CAPS_S = {"down": AWAY_S, "away": AWAY_S, "busy": BACK_OFF_S[1], "silent": AWAY_S}
MOST_TRIES = {"down": 34, "away": 34, "busy": 16, "silent": 6}
"""So often a server is tried meanwhile at the most: more often where no wait is longer than the
last."""


class World:
    """Everything there is, driven by one random source."""

    def __init__(self, seed: int, root: Path, kernel: Kernel) -> None:
        self.seed, self.root, self.kernel = seed, root, kernel
        self.random = random.Random(seed)
        self.counted: Counter[str] = Counter()
        self.words = 0
        self.streams: list[FalseStream] = []
        self.wires: list[Wire] = []
        self.gates: list[Gate] = []
        self.is_quiet = self.is_over = False
        self.has_lan = seed % 4 != 3
        self.has_central = not self.has_lan or seed % 5 != 4
        self.central = Central(self)
        for n in range(self.random.randint(2, 3)):
            self.add_gate(n)

    def wall_ms(self) -> int:
        return START_MS + round(self.kernel.now_s * 1000)

    def add_gate(self, n: int) -> None:
        folder = Folder(self.root / f"G{n}")
        folder.create()
        write_durably(folder.path / "device", f"{n + 1:016x}\n".encode())
        enrolment = self.central.enrol(folder, f"G{n}")
        clock = Clock(self.kernel, self.random.randrange(10**7))
        lane = lane_of(folder, clock, f"G{n}")
        gate = Gate(f"G{n}", folder, clock, lane, enrolment, DeviceKey(folder).public,
                    hash_of(enrolment.credential))  # fmt: skip
        gate.way_s = self.random.choice([0.002, 0.02, 0.3])
        if not self.has_central:
            self.central.bring_tickets(folder)
        self.gates.append(gate)

    # The history

    def run(self) -> None:
        for gate in self.gates:
            self.begin(gate)
        self.kernel.after(0, self.central.tick)
        self.kernel.after(1, self.meet)
        # All there is is fetched first: without any tickets nobody is let in.
        self.kernel.run(6)
        for gate in self.gates:
            gate.lane.open()
        for act in (self.guest, self.change, self.fault):
            self.kernel.after(self.random.uniform(0, 3), act)
        self.kernel.run(FAULTS_S)
        self.heal()
        self.settle(SETTLE_S)
        if self.has_central:
            self.fall_silent()
        self.end()

    def begin(self, gate: Gate) -> None:
        """Start a gate's worker, unless one is at work or may not be any more."""
        if gate.ended is not None or self.is_alive(gate):
            return
        gate.runs += 1
        gate.stopped_s = None
        self.kernel.spawn(lambda: self.live(gate), gate)

    def is_alive(self, gate: Gate) -> bool:
        return any(fiber.owner is gate for fiber in self.kernel.fibers)

    def live(self, gate: Gate) -> None:
        """What ``gate sync`` does between its start and its end, wherever it dies."""
        try:
            self.work(gate)
        except Crash:
            self.kernel.after(0, lambda: self.die(gate))
            raise

    def work(self, gate: Gate) -> None:
        while True:
            made: loop.Worker | None = None
            try:
                gate.worker = made = self.make(gate)
                made.run()
            except DamagedError as fault:
                damaged = fault
            except Revoked as fault:
                gate.ended = fault
                return
            except Crash:
                if made is not None:
                    abandon(made)
                made = None
                raise
            else:
                return
            finally:
                gate.worker = None
                if made is not None:
                    made.close()
            self.counted["mended"] += 1
            if not mend(gate.folder, damaged):
                raise damaged

    def make(self, gate: Gate) -> loop.Worker:
        membership = load_membership(gate.folder)
        # Nobody knows what an earlier one has told.
        gate.warnings = 0
        return loop.Worker(
            gate.folder,
            gate.enrolment if self.has_central else Enrolment("", "", ""),
            FalseClient(self, gate) if self.has_central else None,
            gate.clock,
            gate=gate.name,
            membership=membership if self.has_lan else None,
            lan=config_tables.Lan() if self.has_lan else None,
            notify=lambda told: gate.told_errors.append(told.last_error),
            around=Around(self, gate),
        )

    def die(self, gate: Gate) -> None:
        """The process is gone, with all its threads and connections."""
        self.kernel.doom(gate)
        gate.worker = None
        gate.frozen_until_s = 0.0
        self.hang_up(gate)
        for stream in [one for one in self.streams if one.gate is gate]:
            stream.is_open = False
            self.streams.remove(stream)
        self.kernel.after(self.random.uniform(0.1, 4), lambda: self.begin(gate))

    # Guests, and the organiser

    def guest(self) -> None:
        if self.is_quiet:
            return
        self.kernel.after(self.random.expovariate(1 / GUEST_S), self.guest)
        gate = self.random.choice(self.gates)
        self.scan(gate, f"C{self.random.randrange(self.central.made):04d}")

    def scan(self, gate: Gate, code: str) -> None:
        if gate.lane._is_closed:
            return
        gate.lane.admit(Scan(code, "QRCode", "sim", deliberate=True))
        self.counted["scans"] += 1
        self.note(gate)
        if gate.worker is not None and self.random.random() < 0.7:
            gate.worker.nudge()

    def note(self, gate: Gate) -> None:
        """Know what is in a gate's journal, and since when."""
        known = {hash_: since_s for since_s, hash_ in gate.made}
        now_s = self.kernel.now_s
        gate.made = [(known.get(hash_, now_s), hash_) for hash_ in hashes(gate.folder.journal)]

    def change(self) -> None:
        if self.is_quiet or not self.has_central:
            return
        self.kernel.after(self.random.expovariate(1 / ISSUE_S), self.change)
        note = {"id": f"t{self.random.randrange(self.central.made)}",
                "status_note": f"note {self.random.random()}"}  # fmt: skip
        self.central.issue(1, self.random.choice([None, note]))

    # What goes wrong

    def fault(self) -> None:
        if self.is_over:
            return
        self.kernel.after(self.random.uniform(0.5, 4), self.fault)
        faults = [
            (4, self.do_cut), (3, self.do_mute), (3, self.do_reset), (4, self.do_kill),
            (3, self.do_die), (2, self.do_restart), (2, self.do_freeze), (1, self.do_clock),
            (1, self.do_fill), (1, self.do_lose_peers), (1, self.do_lose_journal),
            (1, self.do_lose_closed_journal),
            (2, self.do_nudge), (1, self.do_network), (0.4, self.do_revoke),
            (3, self.do_unlink), (3, self.do_mute_wire), (4, self.do_mood), (1, self.do_pack),
            (1, self.do_forget_changes), (1, self.do_lose_snapshots), (1, self.do_no_streams),
            (1, self.do_slow),
        ]  # fmt: skip
        weights, acts = zip(*faults, strict=True)
        act = self.random.choices(acts, weights)[0]
        self.counted[act.__name__] += 1
        act(self.random.choice(self.gates))

    def for_a_while(self, over: Callable[[], object], most_s: float = 20.0) -> None:
        self.kernel.after(self.random.uniform(0.5, most_s), over)

    def do_cut(self, gate: Gate) -> None:
        """Its way to the server is cut, and it is told so."""
        self.cut(gate)
        gate.online = False
        self.for_a_while(partial(setattr, gate, "online", True))

    def cut(self, gate: Gate) -> None:
        gate.cuts += 1
        for stream in [one for one in self.streams if one.gate is gate]:
            stream.reset("reset")

    def do_reset(self, gate: Gate) -> None:
        self.cut(gate)

    def do_mute(self, gate: Gate) -> None:
        """What it says to the server gets lost, and nobody is told."""
        gate.is_mute = True
        for stream in self.streams:
            stream.is_mute = stream.is_mute or stream.gate is gate
        self.for_a_while(partial(setattr, gate, "is_mute", False), 30)

    def do_slow(self, gate: Gate) -> None:
        gate.way_s = self.random.choice([0.002, 0.02, 0.3, 1.0])

    def do_mood(self, _gate: Gate) -> None:
        """The server goes, is busy, or falls silent."""
        self.turn(self.random.choice(list(CAPS_S)))

        def recover() -> None:
            if not self.is_over:
                self.turn("up")

        self.for_a_while(recover, 25)

    def turn(self, mood: str) -> None:
        self.central.mood = mood
        if mood == "up":
            return
        for stream in list(self.streams):
            if mood == "silent":
                stream.is_mute = True
            else:
                stream.reset("going")
        for gate in self.gates:
            gate.cuts += mood != "silent"

    def do_pack(self, gate: Gate) -> None:
        self.central.is_packing = True
        self.do_forget_changes(gate)
        self.for_a_while(partial(setattr, self.central, "is_packing", False))

    def do_forget_changes(self, _gate: Gate) -> None:
        self.central.forget_changes()

    def do_lose_snapshots(self, gate: Gate) -> None:
        self.central.lost_snapshots = self.random.randint(1, 4)
        self.do_forget_changes(gate)

    def do_no_streams(self, _gate: Gate) -> None:
        """A proxy lets no streams through."""
        self.central.has_no_streams = True
        for stream in list(self.streams):
            stream.reset("no streams")
        self.for_a_while(partial(setattr, self.central, "has_no_streams", False))

    def do_kill(self, gate: Gate) -> None:
        if gate.worker is not None:
            self.die(gate)

    def do_die(self, gate: Gate) -> None:
        """It dies at some statement to come."""
        for fiber in self.kernel.fibers:
            if fiber.owner is gate:
                fiber.fuse = self.random.randint(0, 150)

    def do_restart(self, gate: Gate) -> None:
        if gate.worker is not None and gate.stopped_s is None:
            self.stop(gate)
            self.start_again(gate, gate.runs)

    def stop(self, gate: Gate) -> None:
        if gate.worker is not None:
            gate.worker.stop(self.random.choice([0.0, 0.0, 1.5]))
            gate.stopped_s = max(self.kernel.now_s, gate.frozen_until_s) + 1.5
            run = gate.runs
            self.kernel.after(gate.stopped_s + END_S - self.kernel.now_s,
                              lambda: self.require_end(gate, run))  # fmt: skip

    def require_end(self, gate: Gate, run: int) -> None:
        if gate.frozen_until_s > self.kernel.now_s:
            self.kernel.after(END_S, lambda: self.require_end(gate, run))
        elif gate.runs == run:
            assert gate.worker is None, f"{gate.name}: asked to end, it goes on"

    def start_again(self, gate: Gate, run: int) -> None:
        """Once it has ended, unless it died of something else and began again before."""
        if gate.runs == run and self.is_alive(gate):
            self.kernel.after(1, lambda: self.start_again(gate, run))
        elif gate.runs == run:
            self.begin(gate)

    def do_freeze(self, gate: Gate) -> None:
        """SIGSTOP, and on again."""
        if gate.frozen_until_s < self.kernel.now_s:
            gate.frozen_until_s = self.kernel.now_s + self.random.uniform(1, FROZEN_S)

    def do_clock(self, gate: Gate) -> None:
        gate.clock.wall_ms += self.random.choice([-10_800_000, 5_000, 3_600_000, -400_000])

    def do_fill(self, gate: Gate) -> None:
        """Its disk has no room but what is the lane's."""
        gate.is_full = True
        self.for_a_while(partial(setattr, gate, "is_full", False))

    def do_lose_peers(self, gate: Gate) -> None:
        gate.folder.peers.unlink(missing_ok=True)

    def do_lose_journal(self, gate: Gate) -> None:
        """The lane goes on in a numbered successor."""
        # What nobody has open is gone for good.
        is_open = gate.lane._files.is_open
        if is_open and len(list(gate.folder.path.glob("journal*.db"))) < 4:
            gate.folder.journal.unlink(missing_ok=True)
            self.scan(gate, "NOBODYS")
            assert gate.folder.journal.exists()
            self.note(gate)

    def do_lose_closed_journal(self, gate: Gate) -> None:
        """It is lost while no lane has it open, and the next lane begins one of its own."""
        if gate.lane._is_closed:
            return
        gate.lane.close()
        for lost in gate.folder.path.glob("journal*.db*"):
            lost.unlink()
        # What was not told of it yet may be told, or not: nobody has it any more.
        self.note(gate)
        self.kernel.after(self.random.uniform(0, 3), partial(self.reopen, gate))

    def reopen(self, gate: Gate) -> None:
        gate.lane = lane_of(gate.folder, gate.clock, gate.name)
        gate.lane.open()
        self.note(gate)

    def do_nudge(self, gate: Gate) -> None:
        try_now(gate.folder)

    def do_network(self, gate: Gate) -> None:
        gate.network += b"+"

    def do_revoke(self, gate: Gate) -> None:
        if self.has_central and len(self.gates) > 2 and not any(g.is_revoked for g in self.gates):
            self.central.revoke(gate)

    def do_unlink(self, _gate: Gate) -> None:
        if self.wires:
            self.unlink(self.random.choice(self.wires))

    def do_mute_wire(self, _gate: Gate) -> None:
        if self.wires:
            wire = self.random.choice(self.wires)
            wire.is_mute = True
            self.kernel.after(NOTICED_S, lambda: self.unlink(wire))

    def heal(self) -> None:
        """Nothing more goes wrong, and what did is over, but for workers that are still stopped."""
        self.is_over = self.is_quiet = True
        central = self.central
        central.mood, central.is_packing, central.has_no_streams = "up", False, False
        central.lost_snapshots = 0
        for gate in self.gates:
            gate.online, gate.is_mute, gate.is_full = True, False, False
            gate.way_s = min(gate.way_s, 0.3)
        for fiber in self.kernel.fibers:
            fiber.fuse = -1

    # Between gates

    def meet(self) -> None:
        """Every two gates that could hear each other do, after a while."""
        self.kernel.after(1.0, self.meet)
        for n, one in enumerate(self.gates):
            for other in self.gates[n + 1 :]:
                self.link(one, other)

    def link(self, one: Gate, other: Gate) -> None:
        a, b, now_s = one.lan, other.lan, self.kernel.now_s
        if a is None or b is None or self.wire_of(one, other) is not None:
            return
        if max(one.frozen_until_s, other.frozen_until_s) > now_s or self.random.random() < 0.3:
            return
        for lan, from_ in ((a, other), (b, one)):
            if lan.guard.turns_away((from_.device, from_.key), "lan"):
                proof = lan.guard.proof_of(from_.device)
                if proof and from_.lan is not None:
                    from_.lan.tell(Expelled(proof))
                return
        wire = Wire((one, other), (self.end_of(other), self.end_of(one)))
        wire.free_s = [now_s, now_s]
        self.wires.append(wire)
        a.tell(Connected(wire.links[0]))
        b.tell(Connected(wire.links[1]))

    def end_of(self, other: Gate) -> Link:
        place: Any = None
        return Link(other.device, other.key, "lan", False, place, 0.0)

    def wire_of(self, one: Gate, other: Gate) -> Wire | None:
        return next((w for w in self.wires if one in w.ends and other in w.ends), None)

    def carry(self, wire: Wire, to: int, data: bytes) -> None:
        now_s = self.kernel.now_s
        wire.free_s[to] = max(wire.free_s[to], now_s + self.random.choice([0.001, 0.01, 0.1]))

        def arrive() -> None:
            lan = wire.ends[to].lan
            if wire in self.wires and not wire.is_mute and lan is not None:
                lan.tell(
                    MessageReceived(wire.links[to], msgspec.json.decode(data, type=PeerMessage))
                )

        self.kernel.after(wire.free_s[to] - now_s, arrive)

    def unlink(self, wire: Wire) -> None:
        if wire in self.wires:
            self.wires.remove(wire)
            for gate, link in zip(wire.ends, wire.links, strict=True):
                if gate.lan is not None:
                    gate.lan.tell(Disconnected(link, ""))

    def hang_up(self, gate: Gate) -> None:
        gate.lan = None
        for wire in [one for one in self.wires if gate in one.ends]:
            self.unlink(wire)

    def way(self, gate: Gate) -> float:
        return gate.way_s * self.random.uniform(0.5, 1.5)

    # What has to be so at any time

    def note_question(self, gate: Gate) -> None:
        """The server is asked for something: not too often."""
        now_s = self.kernel.now_s
        gate.asked.append(now_s)
        while gate.asked[0] < now_s - 10:
            gate.asked.popleft()
        self.counted["most asked"] = max(self.counted["most asked"], len(gate.asked))
        assert len(gate.asked) <= ASKED, f"{gate.name} asks the server without a pause"

    def check_word(self, gate: Gate, told: SyncStatus) -> None:
        """Whatever is written of how things stand is so."""
        now_s = self.kernel.now_s
        assert gate.queue is not None
        empties = len(gate.queue.empties)
        self.counted["most empties"] = max(self.counted["most empties"], empties)
        assert empties <= EMPTIES, f"{gate.name}: a busy loop"
        if told.server_boot_ms is not None:
            at_s = self.moment(gate, told.server_boot_ms)
            late_s = at_s - max(gate.heard_s, gate.answered_s)
            assert late_s <= DATED_S, (
                f"{gate.name}: says that the server was heard {late_s:.1f} s after it was"
            )
        if told.link:
            age_s = now_s - max(gate.heard_s, gate.answered_s)
            assert age_s <= SILENT_S, (
                f"{gate.name}: {told.link}, and nothing came for {age_s:.1f} s"
            )
        if told.unacked == 0 and self.has_central:
            by_s = self.moment(gate, told.boot_ms) - 0.01
            lacking = [h for s, h in gate.made if s < by_s and h not in self.central.held]
            assert not lacking, f"{gate.name}: nothing unsent, and {len(lacking)} are"
        self.words += 1
        if told.tickets_boot_ms is not None and self.words % LOOKED_AT == 0:
            at_s = self.moment(gate, told.tickets_boot_ms)
            seq = position(gate.folder)
            assert seq >= self.central.seq_at(at_s - BEHIND_S), (
                f"{gate.name}: tickets current at {at_s:.1f}, and they are those of {seq}"
            )

    def moment(self, gate: Gate, boot_ms: int) -> float:
        """By the kernel's time."""
        return (boot_ms - gate.clock.off_ms) / 1000

    def warned(self, told: str) -> None:
        """A line of the log: of one outage there is one."""
        fiber = self.kernel.current
        if fiber is not None and told.startswith("server:"):
            gate: Gate = fiber.owner
            gate.warnings += 1
            self.counted["outages"] += 1
            assert gate.warnings <= 1, f"{gate.name}: told twice that the server is away"

    # The end

    def working(self) -> list[Gate]:
        return [gate for gate in self.gates if not gate.is_revoked]

    def settle(self, within_s: float) -> None:
        """Let time go by until all is well, so long at the most, and see that it stays so."""
        until_s = self.kernel.now_s + within_s
        while self.kernel.now_s < until_s:
            self.kernel.run(2)
            if any(stream.is_mute for stream in self.streams):
                continue  # it only seems to be
            with suppress(AssertionError):
                self.check()
                break
        self.kernel.run(2)
        self.check()

    def check(self) -> None:
        """Everything told has arrived, and what is said of it is true."""
        working = self.working()
        for gate in self.gates:
            if gate.is_revoked:
                assert gate.ended is not None, f"{gate.name} was revoked and goes on"
                self.check_fatal(gate)
            else:
                assert gate.worker is not None, f"{gate.name} has no worker"
        held = {gate.name: self.held_by(gate) for gate in working}
        everything = set().union(*held.values())
        if self.has_central:
            everything |= self.central.held
            assert self.central.held == everything, (
                f"the server lacks {len(everything - self.central.held)} entries"
            )
        for name, found in held.items():
            assert found == everything, f"{name} lacks {len(everything - found)} entries"
        for gate in working:
            self.check_status(gate)

    def check_status(self, gate: Gate) -> None:
        told = SyncStatusReader(gate.folder).read("boot")
        now_ms = gate.clock.read().boot_ms
        assert told.unacked == 0, f"{gate.name}: {told.unacked} unsent"
        assert not told.last_error, f"{gate.name}: {told.last_error}"
        assert now_ms - told.boot_ms < 2_000, f"{gate.name} tells nothing"
        if not self.has_central:
            return
        assert told.link == "stream", f"{gate.name}: no stream but '{told.link}'"
        assert told.server_boot_ms is not None
        assert now_ms - told.server_boot_ms < 5_000, f"{gate.name} hears no server"
        assert told.tickets_boot_ms is not None
        assert now_ms - told.tickets_boot_ms < 5_000, f"{gate.name}: tickets are not current"
        assert position(gate.folder) == Cursor.parse(self.central.head).seq, (
            f"{gate.name} has tickets of another position"
        )

    def check_fatal(self, gate: Gate) -> None:
        """The file says why it has ended, and whoever started it is told by the fault itself."""
        assert gate.ended is not None
        told = SyncStatusReader(gate.folder).read("boot").last_error
        assert told == str(gate.ended), f"{gate.name} ended and says '{told}'"
        assert told not in gate.told_errors, f"{gate.name}: its end is told twice"

    def held_by(self, gate: Gate) -> set[str]:
        return set(hashes(gate.folder.journal)) | set(hashes(gate.folder.peers))

    def fall_silent(self) -> None:
        """The server goes while nobody gives a reason to try it, and is back after long."""
        mood = self.random.choice(list(CAPS_S))
        for gate in self.working():
            gate.tries.clear()
        self.turn(mood)
        self.kernel.run(QUIET_S)
        self.counted[f"quiet {mood}"] += 1
        for gate in self.working():
            told = SyncStatusReader(gate.folder).read("boot")
            assert not told.link, f"{gate.name}: {told.link}, and the server is {mood}"
            assert told.last_error, f"{gate.name} does not say that the server is {mood}"
            self.check_back_off(gate, mood)
        self.check_gates()
        self.turn("up")
        self.settle(CAPS_S[mood] + TIMEOUT_S + 5)

    def check_gates(self) -> None:
        """A server that does not answer delays no gate."""
        wires = [wire for wire in self.wires if not any(end.is_revoked for end in wire.ends)]
        for gate in self.working():
            self.scan(gate, "NOBODYS")
        self.kernel.run(HEARD_S)
        for one, other in [ends for wire in wires for ends in (wire.ends, wire.ends[::-1])]:
            lacking = set(hashes(one.folder.journal)) - self.held_by(other)
            assert not lacking, f"{other.name} has not heard {one.name} within {HEARD_S} s"

    def check_back_off(self, gate: Gate, mood: str) -> None:
        """Ever longer, between its bounds, and from the beginning after a good time."""
        # One that was on its way has failed in another way.
        tries = [one for one in gate.tries if one[0] >= self.kernel.now_s - QUIET_S]
        failed = 2 + len(gate.tries) - len(tries)
        pauses = [begin_s - end_s for (_b, end_s), (begin_s, _e) in pairwise(tries)]
        cap_s, least_s = CAPS_S[mood], AGAIN_S if mood == "busy" else BACK_OFF_S[0]
        assert pauses, f"{gate.name} does not try again"
        for n, pause_s in enumerate(pauses):
            # The first failure was the stream's end, or a question's.
            most_s = max(least_s, min(cap_s, 2.0 ** (n + failed))) + 0.6
            assert least_s - 0.01 <= pause_s <= most_s, (
                f"{gate.name}: waited {pause_s:.2f} s after {n + 1} tries ({mood})"
            )
        most = MOST_TRIES[mood]
        assert len(pauses) < most, f"{gate.name}: {len(pauses)} tries in {QUIET_S} s ({mood})"

    def end(self) -> None:
        """All are asked to end, and do."""
        for gate in self.working():
            self.stop(gate)
        self.kernel.run(END_S + 3)
        for gate in self.working():
            assert gate.worker is None, f"{gate.name}: asked to end, it goes on"
            told = SyncStatusReader(gate.folder).read("boot")
            assert not told.link, f"{gate.name} has ended and says '{told.link}'"
            assert not told.last_error, f"{gate.name} has ended with {told.last_error}"
        assert not any(map(self.is_alive, self.gates)), "a thread is left"

    def close(self) -> None:
        for gate in self.gates:
            self.kernel.doom(gate)
            gate.lane.close()
        self.central.engine.dispose()


def abandon(made: loop.Worker) -> None:
    """Let go of a worker's files as the death of its process does."""
    files = made._files
    files.peer_store.file.connection.close()
    files.peer_store.journal.close()
    if files.feed.file._connection is not None:
        files.feed.file._connection.close()


def lane_of(folder: Folder, clock: Clock, name: str) -> Lane:
    """A gate's lane, without a thread of its own."""
    lane = Lane(folder, clock, Place(name), HouseRules(rescan_s=0))
    lane._thread = AtOnce()  # type: ignore[assignment]
    return lane


def hashes(path: Path) -> list[str]:
    """What a journal or peer store holds."""
    if not path.exists():
        return []
    connection = open_reader(path)
    try:
        return [row[0].hex() for row in connection.execute("SELECT hash FROM entry")]
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()


def position(folder: Folder) -> int:
    """How far the tickets are that a lane would read."""
    if not folder.pointer.exists():
        return 0
    connection = open_reader(live_replica(folder))
    try:
        query = "SELECT value FROM meta WHERE key = 'cursor'"
        found = connection.execute(query).fetchone()
        return Cursor.parse(found[0]).seq if found else 0
    finally:
        connection.close()


class _Lines(logging.Handler):
    """What the workers log, at once."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.WARNING)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        self._world.warned(record.getMessage())


@contextmanager
def false_world(kernel: Kernel, root: Path, seed: int) -> Iterator[World]:
    """A world, and what of this process is its own while it is there."""
    shim = SimpleNamespace(**{n: getattr(sqlite3, n) for n in dir(sqlite3) if n[0] != "_"})
    mortals = mortal(kernel)
    shim.connect = partial(_connect, mortals)
    worlds: list[World] = []
    said = sync_status.write

    def write(folder: Folder, told: SyncStatus) -> None:
        said(folder, told)
        gate = next(one for one in worlds[0].gates if one.folder.path == folder.path)
        worlds[0].check_word(gate, told)

    def usage(path: Path) -> Any:
        full = any(one.is_full and path.is_relative_to(one.folder.path) for one in worlds[0].gates)
        return SimpleNamespace(free=0 if full else 10**12)

    numbers = count(1)
    minted = SimpleNamespace(token_hex=lambda size: f"{next(numbers):0{2 * size}x}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_sqlite, "sqlite3", shim)
        patch.setattr(journal, "secrets", minted)
        patch.setattr(events, "secrets", minted)
        patch.setattr(feed, "secrets", minted)
        patch.setattr(device_key, "is_good", cache(device_key.is_good))
        for module in (device_cache, device_reports):
            patch.setattr(module, "boot_ms", partial(server_boot_ms, kernel))
            patch.setattr(module, "read_wall_ms", lambda: START_MS + round(kernel.now_s * 1000))
        patch.setattr(device_cache, "time", SimpleNamespace(monotonic=lambda: kernel.now_s))
        patch.setattr(sync_status, "write", write)
        patch.setattr(shutil, "disk_usage", usage)
        patch.setattr(loop, "TIDY_EVERY_S", TIDY_S)
        random.seed(seed)
        world = World(seed, root, kernel)
        worlds.append(world)
        lines = _Lines(world)
        logging.getLogger(server_link.__name__).addHandler(lines)
        try:
            yield world
        finally:
            logging.getLogger(server_link.__name__).removeHandler(lines)
            world.close()


def _connect(
    kind: type[sqlite3.Connection], database: str | Path, **more: Any
) -> sqlite3.Connection:
    more |= {"factory": kind, "check_same_thread": False}
    made: sqlite3.Connection = sqlite3.connect(database, **more)
    return made


def run_history(seed: int) -> Counter[str]:
    """Live one history and check it. Raises AssertionError when a worker did not do its part."""
    root, state = Path(tempfile.mkdtemp(dir=scratch())), random.getstate()
    try:
        with ExitStack() as stack, suppress(Crash):
            world = stack.enter_context(false_world(Kernel(), root, seed))
            world.run()
        return world.counted
    finally:
        random.setstate(state)
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    from tests.system.worker_mutations import mutated

    with mutated(sys.argv[2] if len(sys.argv) > 2 else ""):
        print(run_history(int(sys.argv[1])))
