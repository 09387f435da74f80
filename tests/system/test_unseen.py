"""An evening in which a third of the tickets is sold while the gates are cut off.

From server and from each other. Every guest comes in at once; some come twice, at the same gate, at
another, or lend their ticket; when all have heard each other, every use too many is a conflict at
every gate and at the server, no admission is lost, and the histories are those of the tickets.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.core.intake import read_bodies
from gate.core.outcome import GREEN, Basis, Outcome, Reason
from gate.core.place import HouseRules, Place
from gate.core.ticket import Ticket
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.storage.conflicts import find_conflicts
from gate.storage.fleet import Fleet
from gate.storage.signed_look_up import Proof, SignedLookUp
from sync.server import conflicts, events, intake, issuing, signing
from sync.server.database import in_transaction, open_database
from tests.support.follower import Follower
from tests.support.venue import FixedClock
from tests.system.neighbours import bodies, carry, known, say

EVENINGS = int(os.environ.get("GATE_TEST_UNSEEN", "2"))
EVENT = "show"
GATES, TICKETS = 4, 90


class Evening:
    """Some gates, a server, and what was really done on every ticket."""

    def __init__(self, root: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.engine = open_database(f"sqlite:///{root}/central.db")
        in_transaction(self.engine, lambda c: events.create_event(c, EVENT, "", "UTC", 1))
        in_transaction(self.engine, lambda c: signing.new_key(c, EVENT))
        self.clock = FixedClock()
        self.early = [f"t-{n}" for n in range(TICKETS * 2 // 3)]
        self.late = [f"t-{n}" for n in range(TICKETS * 2 // 3, TICKETS)]
        self.issue(self.early, types=[{"id": "A", "kind": "meeting"}])
        self.gates = [Follower(self.engine, EVENT, root / f"gate-{n}") for n in range(GATES)]
        self.issue(self.late)
        with self.engine.connect() as connection:
            codes = signing.codes(connection, EVENT, [*self.early, *self.late])
        self.code = dict(zip([*self.early, *self.late], codes, strict=True))
        self.green: Counter[str] = Counter()
        self.at: set[tuple[str, int]] = set()

    def issue(self, ids: list[str], types: list[dict[str, str]] | None = None) -> None:
        rows = [{"code": f"PLAIN-{id_}", "type": "A", "id": id_} for id_ in ids]
        stated = issuing.Issue(types or [], rows)
        in_transaction(self.engine, lambda c: issuing.issue(c, EVENT, stated))

    @contextmanager
    def lanes(self) -> Iterator[list[Lane]]:
        made = []
        for n, gate in enumerate(self.gates):
            lane = Lane(gate.folder, self.clock, Place(f"G{n}"), HouseRules())
            made.append(lane)
        try:
            yield made
        finally:
            for lane in made:
                lane.close()

    def cut_off(self) -> None:
        """Nobody has heard anybody for ten minutes."""
        for gate in self.gates:
            others = [
                known(other.folder.device_id(), self.clock, ago_s=600)
                for other in self.gates
                if other is not gate
            ]
            say(gate.folder, self.clock, *others, ago_s=600)

    def guests(self) -> list[tuple[int, str]]:
        """Everybody once, somewhere; and every fourth again, anywhere."""
        first = [(self.chance.randrange(GATES), id_) for id_ in self.code]
        again = [
            (self.chance.randrange(GATES), id_) for id_ in self.code if self.chance.random() < 0.25
        ]
        self.chance.shuffle(first)
        return [*first, *again]

    def scan(self, lane: Lane, gate: int, id_: str) -> None:
        """One guest: in at once, unless this very lane has let somebody in on the ticket."""
        self.clock.pass_seconds(20)
        is_plain = id_ in self.early and self.chance.random() < 0.5
        verdict = lane.admit(
            Scan(f"PLAIN-{id_}" if is_plain else self.code[id_], "QRCode", "camera")
        )
        if (id_, gate) in self.at:
            assert verdict.reason is Reason.ALREADY_USED, f"{id_}: {verdict}"
            return
        assert verdict.outcome in GREEN, f"{id_} was kept out: {verdict}"
        assert (verdict.basis is Basis.UNSEEN) == (id_ in self.late)
        self.at.add((id_, gate))
        self.green[id_] += 1

    def meet(self) -> None:
        """All hear each other and the server, and the tickets come."""
        for gate in self.gates:
            gate.follow()
            for other in self.gates:
                if other is not gate:
                    carry(other.folder, gate.folder)
            carried, rejected = read_bodies(bodies(gate.folder))
            assert rejected == []
            push = intake.Push(None, carried, ())
            in_transaction(self.engine, lambda c, push=push: intake.accept(c, EVENT, [push]))  # type: ignore[misc]

    def check(self) -> None:
        """Every use too many is a conflict, by the same admissions, wherever one looks."""
        expected = {id_: count - 1 for id_, count in self.green.items() if count > 1}
        assert set(self.green) == set(self.code), "somebody was lost"
        with self.engine.connect() as connection:
            at_server = conflicts.find_conflicts(connection, EVENT)
        assert {one.ticket: one.excess for one in at_server} == expected
        for gate in self.gates:
            with closing(Fleet(gate.folder)) as fleet:
                found = find_conflicts(fleet)
            assert {one.ticket: one.excess for one in found} == expected
            assert all(len(one.admissions) == self.green[one.ticket] for one in found)

    def check_histories(self) -> None:
        """By its plain code every ticket is used at every gate, as often as it was."""
        self.clock.pass_seconds(60)
        with self.lanes() as lanes:
            for gate, lane in zip(self.gates, lanes, strict=True):
                say(gate.folder, self.clock)
                for id_, count in self.green.items():
                    verdict = lane.check(f"PLAIN-{id_}", "camera")
                    assert (verdict.outcome, verdict.history.used) == (Outcome.REFUSE, count), id_

    def close(self) -> None:
        self.engine.dispose()


def live(root: Path, seed: int) -> Evening:
    """One evening from selling to the morning."""
    evening = Evening(root, seed)
    try:
        evening.cut_off()
        with evening.lanes() as lanes:
            for gate, id_ in evening.guests():
                evening.cut_off()
                evening.scan(lanes[gate], gate, id_)
        evening.meet()
        evening.check()
        evening.check_histories()
    finally:
        evening.close()
    return evening


@pytest.mark.system
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=[pytest.mark.long] if n else []) for n in range(EVENINGS)]
)
def test_an_evening_cut_off(tmp_path: Path, seed: int) -> None:
    """GATE_TEST_UNSEEN evenings; in each somebody came twice, on a late ticket too."""
    evening = live(tmp_path, seed)
    twice = {id_ for id_, count in evening.green.items() if count > 1}
    assert twice & set(evening.late)
    assert twice & set(evening.early)


@pytest.mark.system
@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_history_that_is_not_the_tickets_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: were what goes by a signature another ticket, its second use would be green."""
    unseen = SignedLookUp.unseen

    def another(self: SignedLookUp, *proved: Any) -> Ticket:
        found = unseen(self, *proved)
        return replace(found, id=f"{found.id}?")

    monkeypatch.setattr(SignedLookUp, "unseen", another)
    with pytest.raises(AssertionError):
        live(tmp_path, 0)


@pytest.mark.system
@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_gate_that_believes_no_signature_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: a third of the guests would stand outside."""

    def nothing(_self: SignedLookUp, _code: str) -> Proof | None:
        return None

    monkeypatch.setattr(SignedLookUp, "find", nothing)
    with pytest.raises(AssertionError, match="was kept out"):
        live(tmp_path, 0)
