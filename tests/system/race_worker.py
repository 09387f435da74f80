"""A process that wants the same tickets as its siblings; it tells the greens and holds it gave.

Modes: ``locked`` takes the folder's lock for a few scans at a time, as gates do; ``unlocked`` goes
without, as on a file system that breaks locks; the others break something more on purpose.
"""

import random
from time import sleep

from gate.clock import SystemClock
from gate.core.history import History
from gate.core.outcome import Outcome
from gate.core.place import HouseRules, Place
from gate.core.ticket import Ticket
from gate.core.verdict import Scan, Verdict
from gate.errors import BusyError
from gate.lane.admission import Admission
from gate.lane.files import LaneFiles
from gate.lane.lane import Lane
from gate.storage.folder import Folder, Lock
from gate.storage.journal import Journal

TICKETS = 300


def fight(folder: Folder, seed: int, mode: str) -> tuple[list[str], list[str]]:
    chance = random.Random(seed)
    codes = [f"RACE{n:03d}" for n in range(TICKETS)]
    chance.shuffle(codes)
    if mode in ("decide-outside", "no-unique"):
        decide_outside_the_transaction()
    greens: list[str] = []
    holds: list[str] = []
    for start in range(0, TICKETS, 20):
        lock = wait_for_lock(folder, chance) if mode == "locked" else None
        lane = Lane(folder, SystemClock(), Place("Race"), HouseRules(rescan_s=0))
        for code in codes[start : start + 20]:
            verdict = lane.admit(Scan(code))
            if verdict.is_green:
                greens.append(code)
            if verdict.outcome is Outcome.HOLD:
                holds.append(verdict.hint)
        lane.close()
        if lock:
            lock.close()
    return greens, holds


def wait_for_lock(folder: Folder, chance: random.Random) -> Lock:
    while True:
        try:
            return Lock(folder)
        except BusyError:
            sleep(chance.uniform(0.001, 0.01))


def decide_outside_the_transaction() -> None:
    """Mutation: the history is read before the transaction begins, as so many systems do."""
    decide, read = Admission._decide, Journal.history
    past: dict[str, History] = {}

    def early(self: Admission, scan: Scan, started_ns: int) -> tuple[Scan, Verdict]:
        self.files.refresh()
        ticket = self.files.tickets.codes.match(scan.text).ticket
        assert ticket is not None
        past[ticket.id] = read(self.files.journal(), ticket.id) or History()
        return decide(self, scan, started_ns)

    def stale(_self: LaneFiles, ticket: Ticket, **_timed: bool) -> tuple[History, History]:
        return past[ticket.id], past[ticket.id]

    setattr(Admission, "_decide", early)  # noqa: B010
    setattr(LaneFiles, "histories", stale)  # noqa: B010
