"""A bad night: gates and a server at work while everything around them fails.

``python -m tests.system.bad_night --seed 7 --seconds 300`` plays one; as root, on Linux, because
every machine gets a network namespace and a file system of its own. What must hold in the morning,
when the faults are over and nobody has done more than start again what had ended:

* no green that was shown is missing, unless no disk kept it;
* no ticket let more people in than it is good for without being in everybody's list of conflicts;
* no second green was called sure whose first was older than the age it was told with;
* all hold the same entries, and the gates the same position of the feed;
* no gate admitted against its own list; nothing printed a traceback; every journal verifies.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from gate.core.entry import Act, Entry
from gate.core.outcome import Basis, Reason
from gate.errors import GateError
from gate.storage.conflicts import find_conflicts
from gate.storage.fleet import Fleet
from tests.support.postgres import postgres
from tests.system.faults import FAULTS, Begin, End
from tests.system.hosts import Hosts, why_not
from tests.system.machines import (
    Gate,
    Machine,
    Server,
    admissions,
    boot_ms,
    of_device,
    until,
)
from tests.system.rogue import Rogue

TICKETS = 400
VOID_EVERY_S = 7.0
MORNING_S = 120.0
"""How long it may take until all is well again; what it took is printed."""
SURE = (Basis.CENTRAL, Basis.LAN)


@dataclass
class Loss:
    """What a machine's disk forgot, and who else held it just then."""

    gate: Gate
    from_ms: int
    to_ms: int
    holders: dict[str, set[str]]
    """By entry, the machines that held it when the disk forgot, and have not lost it since."""


@dataclass
class Night:
    """One night, from its seed."""

    root: Path
    hosts: Hosts
    server: Server
    gates: list[Gate]
    random: random.Random
    rogue: Rogue | None = None
    losses: list[Loss] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    typed: int = 0
    wrong: list[str] = field(default_factory=list)
    doubles: int = 0
    """Tickets on which more went in than they are good for, all of them listed."""
    told: str = ""
    """What became of it, for people."""
    _at_fault: dict[str, tuple[float, End]] = field(default_factory=dict)

    @property
    def machines(self) -> list[Machine]:
        return [self.server, *self.gates]

    def prepare(self) -> None:
        """Begin everything, and wait until every gate has tickets."""
        self.server.start()
        until(self.server.is_ready, 30, "the server does not answer")
        ticket_type = {"id": "A", "kind": "MEETING_TICKET", "title": "Gala"}
        self.server.admin("POST", "/tickets", {"types": [ticket_type]})
        rows = [{"code": f"C{n:06d}", "type": "A", "id": f"t{n}"} for n in range(TICKETS)]
        self.server.admin("POST", "/tickets", {"tickets": rows})
        for gate in self.gates:
            gate.enrol(self.server.link(gate.name))
            gate.start()
        if self.rogue is not None:
            self.rogue.enrol(self.server.link("Rogue"))
        until(lambda: all(self._has_tickets(gate) for gate in self.gates), 60, "no tickets came")

    @staticmethod
    def _has_tickets(gate: Gate) -> bool:
        return gate.folder.pointer.exists()

    def play(self, seconds: float, scans_per_s: float, faults: dict[str, Begin]) -> None:
        """Scan, while one fault after the other begins and ends."""
        ends_s = time.monotonic() + seconds
        next_fault = next_void = time.monotonic() + 1
        while (now := time.monotonic()) < ends_s:
            self._end_faults(now)
            if now >= next_fault:
                self._begin_fault(now, faults)
                next_fault = now + self.random.uniform(0.5, 3.0)
            if now >= next_void:
                self._void()
                next_void = now + VOID_EVERY_S
            for machine in self.machines:
                machine.look_after()
            self._scan()
            time.sleep(self.random.expovariate(scans_per_s))
        self._end_faults(float("inf"))

    def morning(self) -> float:
        """Wait until all is well, starting again what has ended and nothing else."""
        for gate in self.gates:
            gate.signal(signal.SIGCONT)

        def is_well() -> bool:
            for machine in self.machines:
                machine.look_after()
            return not self.differences()

        try:
            return until(is_well, MORNING_S, "not well")
        except TimeoutError:
            self.wrong += self.differences() or ["not well within the time"]
            return MORNING_S

    def differences(self) -> list[str]:
        """What the machines do not agree about."""
        if not self.server.is_ready():
            return ["the server does not answer"]
        held = set(self._counted(self.server))
        found = []
        for gate in self.gates:
            own = set(self._counted(gate))
            if own != held:
                found.append(f"{gate.name}: {len(held - own)} entries lacking, "
                             f"{len(own - held)} that the server lacks")  # fmt: skip
        cursors = {gate.name: gate.cursor() for gate in self.gates}
        if len(set(cursors.values())) > 1:
            found.append(f"positions of the feed: {cursors}")
        return found

    def check(self) -> None:
        """Say what did not hold."""
        held = self._counted(self.server)
        self._check_greens(held)
        self._check_sure(held)
        self._check_journals()
        for gate in self.gates:
            gate.close()
        for machine in self.machines:
            if any(code < 0 for code in machine.ended):
                self.wrong.append(f"{machine.name} crashed: {machine.ended}")
        self._check_conflicts(held)
        self._check_words()

    def _counted(self, machine: Gate | Server) -> dict[str, Entry]:
        """What it holds, without the rogue's: not everybody takes all of that."""
        held = machine.held()
        if self.rogue is None:
            return held
        return {h: e for h, e in held.items() if e.device != self.rogue.device}

    def _check_greens(self, held: dict[str, Entry]) -> None:
        for loss in self.losses:
            for hash_, holders in loss.holders.items():
                if holders and hash_ not in held:
                    self.wrong.append(f"{loss.gate.name}: an entry that {sorted(holders)} held"
                                      " is nowhere any more")  # fmt: skip
        for gate in self.gates:
            recorded = Counter(
                e.ticket for e in of_device(held.values(), gate.device) if e.act is Act.ADMISSION
            )
            shown = defaultdict(list)
            for verdict in gate.shown:
                if verdict.word in ("ADMIT", "ATTENTION"):
                    shown[verdict.ticket].append(verdict.at_ms)
            for ticket, times in shown.items():
                missing = len(times) - recorded[ticket]
                excused = sum(1 for at_ms in times if self._is_excused(gate, at_ms))
                if missing > excused:
                    self.wrong.append(f"{gate.name}: {missing} greens of {ticket} are not recorded")

    def _is_excused(self, gate: Gate, at_ms: int) -> bool:
        return any(
            loss.gate is gate and loss.from_ms <= at_ms <= loss.to_ms for loss in self.losses
        )

    def _check_sure(self, held: dict[str, Entry]) -> None:
        greens = [
            (gate, shown) for gate in self.gates for shown in gate.shown if shown.word == "ADMIT"
        ]
        first: dict[str, list[tuple[Gate, int]]] = defaultdict(list)
        for gate, shown in greens:
            if not self._is_excused(gate, shown.at_ms):
                first[shown.ticket].append((gate, shown.at_ms))
        for entry in held.values():
            if entry.act is not Act.ADMISSION or entry.basis not in SURE or entry.overruled:
                continue
            # The first green was known: an exit, or an undo that is only claimed, followed it.
            if not entry.uses or entry.reason is Reason.UNDO_CLAIMED:
                continue
            for gate, at_ms in first[entry.ticket]:
                other = gate.device != entry.device
                age_ms = entry.basis_age_ms or 0
                if other and at_ms < entry.boot_ms - age_ms:
                    self.wrong.append(
                        f"{entry.name}: {entry.ticket} was called sure ({entry.basis.value}, "
                        f"{age_ms} ms), {gate.name} had shown it "
                        f"green {entry.boot_ms - at_ms} ms before"
                    )

    def _check_conflicts(self, held: dict[str, Entry]) -> None:
        counted: Counter[str] = Counter()
        for entry in admissions(held.values()):
            counted[entry.ticket] += entry.uses
        twice = {ticket for ticket, count in counted.items() if count > 1}
        listed = {row["ticket"] for row in self.server.admin("GET", "/conflicts")}
        if not twice <= listed:
            self.wrong.append(f"the server lists no conflict of {sorted(twice - listed)}")
        for gate in self.gates:
            try:
                with Fleet(gate.folder) as venue:
                    listed = {conflict.ticket for conflict in find_conflicts(venue)}
            except GateError as fault:
                self.wrong.append(f"{gate.name}: {fault.message}")
                continue
            if not twice <= listed:
                self.wrong.append(f"{gate.name} lists no conflict of {sorted(twice - listed)}")
        irregular = self.server.admin("GET", "/irregular")
        against = [row["ticket"] for row in irregular if row["kind"] == "against_list"]
        if against:
            self.wrong.append(f"admitted against the list: {against}")
        self.doubles = len(twice)

    def _check_journals(self) -> None:
        """A lane that is at work finds what is damaged in idle moments, if not before."""
        said: dict[str, str] = {}

        def all_verify() -> bool:
            for gate in self.gates:
                gate.look_after()
                ran = subprocess.run(
                    [sys.executable, "-m", "gate", "verify", "--data-dir", str(gate.folder.path)],
                    capture_output=True, text=True, check=False, timeout=120,
                )  # fmt: skip
                said[gate.name] = (ran.stdout + ran.stderr).strip() if ran.returncode else ""
            return not any(said.values())

        with suppress(TimeoutError):
            until(all_verify, MORNING_S, "a journal does not verify")
        for name, words in said.items():
            if words:
                self.wrong.append(f"{name}: its journal does not verify: {words}")

    def _check_words(self) -> None:
        logs = [*self.root.rglob("*.log*"), *self.root.glob("*.err")]
        for path in logs:
            text = path.read_text("utf-8", "replace")
            for word in ("Traceback", "unlocked lock"):
                if word in text:
                    at = text.index(word)
                    self.wrong.append(
                        f"{path.relative_to(self.root)} has “{word}”: {text[at - 200 : at + 3000]}"
                    )
        for gate in self.gates:
            if any("Traceback" in line for line in gate.lines):
                self.wrong.append(f"{gate.name} printed a traceback")

    def _scan(self) -> None:
        gate = self.random.choice(self.gates)
        # Most are scanned once or twice, soon after one another, so that doubles are tried.
        newest = min(TICKETS, 20 + self.typed // 4)
        n = self.random.randrange(max(0, newest - 40), newest)
        gate.type(f"C{n:06d}" if self.random.random() < 0.97 else "NO-SUCH-CODE")
        self.typed += 1

    def _void(self) -> None:
        ticket = f"t{self.random.randrange(TICKETS)}"
        n = ticket[1:]
        row = {"code": f"C{int(n):06d}", "type": "A", "id": ticket, "status": "REVOKED"}
        with suppress(httpx.HTTPError, OSError):
            self.server.admin("POST", "/tickets", {"tickets": [row]}, timeout_s=2)

    def _begin_fault(self, now: float, faults: dict[str, Begin]) -> None:
        free = [m for m in self.machines if m.name not in self._at_fault]
        if not free or not faults:
            return
        machine = self.random.choice(free)
        kind = "server" if isinstance(machine, Server) else "gate"
        names = [name for name in faults if name.split()[0] == kind]
        if not names:
            return
        name = self.random.choice(names)
        self.faults[name] += 1
        end = faults[name](self, machine)
        self._at_fault[machine.name] = (now + self.random.expovariate(1 / 4), end)

    def _end_faults(self, now: float) -> None:
        for name, (until_s, end) in list(self._at_fault.items()):
            if now >= until_s:
                del self._at_fault[name]
                end()

    def forget(self, gate: Gate, from_ms: int) -> None:
        """Note that a gate's disk no longer has what was shown since then."""
        self.forgets_others(gate)
        holders: dict[str, set[str]] = defaultdict(set)
        others: list[Gate | Server] = [self.server, *self.gates]
        for other in others:
            if other is not gate:
                for hash_, entry in other.held().items():
                    if entry.device == gate.device:
                        holders[hash_].add(other.name)
        self.losses.append(Loss(gate, from_ms, boot_ms() + 2000, dict(holders)))

    def forgets_others(self, machine: Machine) -> None:
        """A machine that lost what it had heard of others keeps nothing for them."""
        for loss in self.losses:
            for holders in loss.holders.values():
                holders.discard(machine.name)


def night(
    root: Path,
    *,
    seed: int,
    seconds: float,
    gates: int = 4,
    scans_per_s: float = 5.0,
    faults: Sequence[str] = tuple(FAULTS),
    with_postgres: bool = False,
    with_rogue: bool = False,
) -> Night:
    """Play a night and look at it in the morning; what did not hold is in ``wrong``."""
    names = [name for name in faults if not (with_postgres and name == "server: restored")]
    chosen = {name.replace(":", "", 1): FAULTS[name] for name in names}
    with ExitStack() as stack:
        database = stack.enter_context(postgres(on_socket=True)) if with_postgres else ""
        hosts = Hosts(gates + 1 + with_rogue)
        stack.callback(hosts.close)
        server = Server(root, hosts, 0, database)
        found = [Gate(root, f"G{n}", hosts, n) for n in range(1, gates + 1)]
        rogue = Rogue(root, hosts, gates + 1) if with_rogue else None
        played = Night(root, hosts, server, found, random.Random(seed), rogue)
        for machine in played.machines:
            stack.callback(machine.disk.close)
            stack.callback(machine.close)
        played.prepare()
        if rogue is not None:
            stack.callback(rogue.close)
            rogue.start(seed)
        played.play(seconds, scans_per_s, chosen)
        if rogue is not None:
            rogue.close()
        took_s = played.morning()
        played.check()
        played.told = _report(played, seed, took_s)
        if played.wrong:
            for machine in played.machines:
                machine.close()
                machine.disk.copy("left")
    return played


def _report(played: Night, seed: int, took_s: float) -> str:
    shown = Counter(s.word for gate in played.gates for s in gate.shown)
    faults = ", ".join(f"{name} {count}" for name, count in sorted(played.faults.items()))
    lines = [
        f"seed {seed}: {played.typed} codes typed, "
        + ", ".join(f"{word} {count}" for word, count in sorted(shown.items())),
        f"faults: {faults}",
        *([f"the rogue: {played.rogue.said}"] if played.rogue else []),
        f"well again after {took_s:.1f} s; {played.doubles} doubles, all listed"
        if not played.wrong
        else "NOT WELL:",
        *played.wrong[:40],
    ]
    return "\n".join(lines)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="one bad night, or several")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nights", type=int, default=1, help="seeds from --seed on")
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--gates", type=int, default=4)
    parser.add_argument("--scans-per-s", type=float, default=5)
    parser.add_argument("--faults", default="", help=f"some of: {', '.join(FAULTS)}")
    parser.add_argument("--without", default="", help="some faults not to play")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--rogue", action="store_true", help="a member that lies and floods")
    options = parser.parse_args()
    if reason := why_not():
        parser.error(reason)
    left_out = {name.strip() for name in options.without.split(",")}
    chosen = [name.strip() for name in options.faults.split(",") if name.strip()] or list(FAULTS)
    code = 0
    for seed in range(options.seed, options.seed + options.nights):
        root = Path(tempfile.mkdtemp(prefix="bad-night-"))
        played = night(
            root, seed=seed, seconds=options.seconds, gates=options.gates,
            scans_per_s=options.scans_per_s, faults=[n for n in chosen if n not in left_out],
            with_postgres=options.postgres, with_rogue=options.rogue,
        )  # fmt: skip
        print(played.told, flush=True)
        if played.wrong:
            code = 1
            print(f"what is left of it: {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
