"""Evenings with a real pretix: our server, two gates, everything that goes wrong; all processes.

Each ends with the same question: what pretix has of our check-ins is what we have, entry for entry.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gate.clock import read_wall_ms
from gate.core.entry import Entry
from gate.core.outcome import Outcome
from gate.core.place import Direction, Role
from gate.lane.post import Operator
from sync.server import journals
from sync.server.database import reading
from tests.support.pretix import python
from tests.support.programs import Program
from tests.system.pretix.paired import Gate, PairedServer, until
from tests.system.pretix.pretixscan import PretixScan
from tests.system.pretix.starting import RealPretix

pytestmark = [
    pytest.mark.system,
    pytest.mark.pretix,
    pytest.mark.long,
    pytest.mark.timeout(240),
    pytest.mark.skipif(python() is None, reason="no pretix: tests/system/pretix/make_venv.sh"),
]
IN, NO, OUT = Outcome.ADMIT, Outcome.REFUSE, Outcome.EXIT
BOSS = Operator("boss", Role.SUPERVISOR)


class Evening:
    """A paired server with two gates, and tickets that nobody else uses."""

    def __init__(self, path: Path, pretix: RealPretix, prefix: str, tickets: int = 6) -> None:
        self.pretix, self.path, self.prefix = pretix, path, prefix
        pretix.do("sell", count=tickets, prefix=prefix)
        self.codes = [self.secrets(n)[0] for n in range(tickets)]
        self.server = PairedServer(path / "server", pretix)
        self.gates = [Gate(path / name, self.server, name) for name in ("north", "south")]

    def order(self, n: int) -> str:
        return f"{self.prefix}{n:05}"

    def secrets(self, n: int) -> list[str]:
        found: list[str] = self.pretix.do("secrets")[self.order(n)]
        return found

    def facts(self, code: str) -> list[Entry]:
        """What the server has of a ticket."""
        with reading(self.server.engine) as connection:
            ticket = self.server.ticket(code).id
            return list(journals.facts_of(connection, self.server.event, ticket))

    def agrees(self) -> None:
        self.server.agrees(self.gates)

    def close(self) -> None:
        for gate in self.gates:
            gate.close()
        self.server.close()


@pytest.fixture
def evening(
    tmp_path: Path, pretix: RealPretix, request: pytest.FixtureRequest
) -> Iterator[Evening]:
    """An evening at its beginning."""
    number = sum(map(ord, request.node.name)) % 26
    prefix = f"{chr(65 + number)}{request.node.name[5:9].upper().replace('_', 'X')}"
    made = Evening(tmp_path, pretix, prefix)
    yield made
    made.close()


def test_two_gates_of_one_server(evening: Evening) -> None:
    """Entries, exits, undos and refusals of two gates, as a lane and its staff make them."""
    north, south = evening.gates
    one, two, three, *_more = evening.codes
    assert north.scan(one) is IN
    until(lambda: north.own() <= south.heard(), "south has not heard of north")
    assert south.scan(one) is NO
    assert south.scan(one, Direction.OUT) is OUT
    assert south.scan(two) is IN
    south.at.undo()
    assert south.scan(three) is IN
    evening.agrees()
    south.at.undo()
    evening.agrees()


def test_lanes_that_are_programs(evening: Evening) -> None:
    """``gate scan`` as anybody starts it, each with a sync worker of its own."""
    north, south = evening.gates
    for gate in evening.gates:
        gate.close()
    lanes = [
        Program("scan", "--plain", "--camera", "off", "--data-dir", str(gate.folder.path),
                "--set", "sync.poll_s=0.2")
        for gate in (north, south)
    ]  # fmt: skip
    try:
        for lane, codes in zip(lanes, (evening.codes[:2], evening.codes[2:4]), strict=True):
            for code in codes:
                os.write(lane.stdin.fileno(), f"{code}\n".encode())
        sold = {evening.server.ticket(code).id for code in evening.codes}

        def told() -> int:
            rows = evening.pretix.do("checkins")
            return sum(one["ok"] and f"p{one['position']}" in sold for one in rows)

        until(lambda: told() == 4, "four people are in, and pretix does not know")
    finally:
        for lane in lanes:
            lane.stdin.close()
            lane.wait(30)
    evening.agrees()


def test_split_cancel_and_a_new_code(evening: Evening) -> None:
    """What changes in pretix while people come in: the gate goes by it, and the past stays."""
    north, south = evening.gates
    for n in range(2):
        assert north.scan(evening.codes[n]) is IN
    evening.agrees()
    evening.pretix.do("change", order=evening.order(0), position=1, act="regenerate_secret")
    evening.pretix.do("cancel", order=evening.order(2))
    evening.pretix.do("change", order=evening.order(3), position=1, act="regenerate_secret")
    evening.pretix.do("add", order=evening.order(4))
    until(lambda: len(evening.secrets(4)) == 2, "a second position")
    second = evening.secrets(4)[1]
    until(lambda: evening.server.ticket(second) is not None, "the second position is not here")
    evening.pretix.do("change", order=evening.order(4), position=2, act="split")
    new_of_used, new = evening.secrets(0)[0], evening.secrets(3)[0]
    until(lambda: evening.server.has_opened(new, "normal"), "the new code")
    until(lambda: evening.server.has_opened(evening.codes[2], "revoked"), "cancelled")
    assert south.scan(evening.codes[1]) is NO

    def knows(code: str, outcome: Outcome) -> Callable[[], bool]:
        return lambda: south.would(code) is outcome

    until(knows(evening.codes[2], NO), "south lets a cancelled ticket in")
    until(lambda: south.at.knows(new), "the new code has not come to south")
    assert south.scan(evening.codes[3]) is NO
    assert south.scan(new) is IN
    assert south.scan(new_of_used) is NO
    # Split off it is another order's, and the same ticket.
    assert south.scan(second) is IN
    evening.agrees()


def test_answers_that_are_lost(evening: Evening) -> None:
    """Pretix has done it and nobody heard so: asked again it is done once; undone it is undone."""
    north, south = evening.gates
    evening.server.between.loses_answers = 3
    assert north.scan(evening.codes[0]) is IN
    assert south.scan(evening.codes[1]) is IN
    south.at.undo()
    evening.agrees()
    evening.server.between.loses_answers = 2
    assert north.scan(evening.codes[0], Direction.OUT) is OUT
    assert south.scan(evening.codes[1]) is IN
    evening.agrees()
    south.at.undo()
    evening.server.between.loses_answers = 2
    evening.agrees()
    assert not evening.server.standing().failed


def test_too_often(evening: Evening) -> None:
    """Told to wait, it waits as long as it was told, and nothing is lost or doubled."""
    between = evening.server.between
    evening.agrees()
    between.retry_after_s, between.limits = 3, 1
    until(lambda: any(one[2] == 429 for one in between.asked), "nobody was told to wait")
    limited = next(n for n, one in enumerate(between.asked) if one[2] == 429)
    began = time.monotonic()
    assert evening.gates[0].scan(evening.codes[0]) is IN
    after = [one for one in between.asked[limited + 1 :] if one[0] == "GET"]
    until(
        lambda: len([one for one in between.asked[limited + 1 :] if one[0] == "GET"]) > len(after),
        "it was not asked again",
    )
    assert time.monotonic() - began > 1.5
    between.retry_after_s, between.limits = 1, 4
    for n in range(1, 5):
        assert evening.gates[n % 2].scan(evening.codes[n]) is IN
    until(lambda: between.limits == 0, "nobody was told to wait")
    evening.agrees()
    assert not evening.server.standing().failed


def test_an_evening_without_network_and_back(evening: Evening) -> None:
    """Gates and server go on; pretix sells on; afterwards all of it is where it belongs."""
    north, south = evening.gates
    assert north.scan(evening.codes[0]) is IN
    evening.agrees()
    evening.server.between.is_down = True
    until(lambda: bool(evening.server.standing().error), "that pretix is away is not shown")
    assert north.scan(evening.codes[0], Direction.OUT) is OUT
    assert south.scan(evening.codes[1]) is IN
    assert north.scan(evening.codes[2]) is IN
    north.at.undo()
    until(lambda: south.own() <= north.heard(), "north has not heard of south")
    assert north.scan(evening.codes[1]) is NO
    evening.pretix.do("cancel", order=evening.order(3))
    evening.pretix.do("sell", count=1, prefix=f"Z{evening.prefix[1:]}")
    # Nobody here knows yet, so that one is let in; pretix takes it as a fact.
    assert south.scan(evening.codes[3]) is IN
    late = evening.pretix.do("secrets")[f"Z{evening.prefix[1:]}00000"][0]
    assert south.scan(late) is NO
    evening.server.between.is_down = False
    evening.agrees()
    until(lambda: south.at.knows(late), "what was sold meanwhile has not come")
    assert south.scan(late) is IN
    evening.agrees()


def test_a_position_cancelled_by_itself(evening: Evening) -> None:
    """Pretix takes no check-in on it: it is told once, counted and shown."""
    north = evening.gates[0]
    evening.server.between.is_down = True
    assert north.scan(evening.codes[0]) is IN
    evening.pretix.do("cancel_position", order=evening.order(0))
    evening.server.between.is_down = False
    evening.agrees()
    assert evening.server.standing().failed == 1
    assert "cancelled" in evening.server.standing().why_failed


def test_an_undo_that_comes_too_late(evening: Evening) -> None:
    """After a quarter of an hour pretix takes none: it still says inside, and that is shown."""
    north = evening.gates[0]
    assert north.scan(evening.codes[0]) is IN
    evening.agrees()
    evening.pretix.do("age", device=evening.server.device)
    (entry,) = evening.facts(evening.codes[0])
    north.at.undo(entry.name, BOSS, "late")
    until(lambda: evening.server.standing().failed == 1, "the late undo is not shown")
    assert "too late" in evening.server.standing().why_failed


def test_a_device_that_was_revoked(evening: Evening) -> None:
    """Nothing is asked any more until it is paired anew; then nothing is told twice."""
    north, south = evening.gates
    assert north.scan(evening.codes[0]) is IN
    assert north.scan(evening.codes[1]) is IN
    evening.agrees()
    evening.pretix.do("revoke", name=evening.server.device)
    until(lambda: evening.server.standing().is_stopped, "that it was revoked is not shown")
    assert south.scan(evening.codes[2]) is IN
    assert north.scan(evening.codes[0], Direction.OUT) is OUT
    asked = len(evening.server.between.asked)
    time.sleep(2)
    assert len(evening.server.between.asked) == asked
    evening.server.pair_as(f"gala.{evening.server.event[5:]}", f"{evening.server.device} again")
    evening.agrees()
    assert not evening.server.conflicts()
    # The first fleet's check-ins are still ours when pretix states them again.
    evening.pretix.do("touch", order=evening.order(0))
    time.sleep(1.5)
    evening.agrees()


def test_our_server_comes_back_from_a_backup(evening: Evening) -> None:
    """What it has forgotten the gates bring again; pretix is told nothing twice."""
    north, south = evening.gates
    scan = PretixScan(evening.pretix, f"scan {evening.prefix}", int(evening.server.event[5:]))
    assert north.scan(evening.codes[0]) is IN
    evening.agrees()
    copy = evening.path / "copy.db"
    with (
        closing(sqlite3.connect(evening.server.folder / "central.db")) as here,
        closing(sqlite3.connect(copy)) as there,
    ):
        here.backup(there)
    assert north.scan(evening.codes[1]) is IN
    evening.agrees()
    assert south.scan(evening.codes[2]) is IN
    evening.agrees()
    south.at.undo()
    evening.agrees()
    assert scan.scan(evening.codes[3])[0] == 201
    evening.agrees()
    until(lambda: north.would(evening.codes[3]) is NO, "north has not heard of pretixSCAN")
    evening.agrees()
    evening.server.kill()
    evening.server.engine.dispose()
    for path in evening.server.folder.glob("central.db*"):
        path.unlink()
    shutil.copy(copy, evening.server.folder / "central.db")
    evening.server.start("--restored")
    evening.agrees()
    assert north.scan(evening.codes[4]) is IN
    evening.agrees()
    assert not evening.server.conflicts()
    scan.close()


def test_pretix_comes_back_from_a_backup(evening: Evening) -> None:
    """Paired anew, for it may have forgotten us, it is told again what it has lost, and no more."""
    north, south = evening.gates
    assert north.scan(evening.codes[0]) is IN
    assert south.scan(evening.codes[1]) is IN
    evening.agrees()
    copy = evening.path / "pretix.db"
    evening.pretix.do("backup", path=str(copy))
    south.at.undo()
    assert north.scan(evening.codes[0], Direction.OUT) is OUT
    assert north.scan(evening.codes[2]) is IN
    assert south.scan(evening.codes[3]) is IN
    south.at.undo()
    evening.agrees()
    evening.pretix.do("restore", path=str(copy))
    evening.server.may_forget = True
    assert evening.server.differences()
    evening.server.pair_as(f"gala.{evening.server.event[5:]}", f"{evening.server.device} again")
    until(lambda: not evening.server.differences(), evening.server.differences)
    evening.agrees()


def test_a_mixed_fleet(evening: Evening) -> None:
    """PretixSCAN at one door and we at the next: each sees the other's, conflicts are ours."""
    north, south = evening.gates
    scan = PretixScan(evening.pretix, f"scan {evening.prefix}", int(evening.server.event[5:]))
    a, b, c, d, e, _f = evening.codes
    assert scan.scan(a, nonce=f"{evening.prefix}-a") == (201, "")
    until(lambda: south.would(a) is NO, "south has not heard of pretixSCAN")
    assert north.scan(b) is IN
    evening.agrees()
    assert scan.scan(b) == (400, "already_redeemed")
    # Both let one ticket in while they could not hear each other.
    evening.server.between.is_down = True
    assert scan.scan(c)[0] == 201
    assert north.scan(c) is IN
    # A pretixSCAN without network brings later what it did before.
    assert south.scan(d) is IN
    assert scan.upload(d, read_wall_ms() - 60_000, f"{evening.prefix}-d")[0] == 201
    evening.server.between.is_down = False
    until(lambda: evening.server.conflicts() == 2, evening.server.raw_conflicts)
    evening.agrees()
    assert evening.server.conflicts() == 2
    # What the other fleet takes back is free again at every gate of ours.
    assert scan.undo(f"{evening.prefix}-a") == 200
    until(lambda: north.would(a) is not NO, "what pretixSCAN took back stays used")
    assert north.scan(a) is IN
    assert scan.scan(e)[0] == 201
    assert scan.scan(e, "exit")[0] == 201
    until(lambda: len(evening.facts(e)) == 2, "its exit is not here")
    evening.agrees()
    scan.close()
