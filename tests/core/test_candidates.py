"""Which of several tickets a code means that they share."""

from dataclasses import replace
from typing import Any

import pytest

from gate.core.candidates import meant
from gate.core.history import History
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction, HouseRules, Place
from gate.core.rules import HERE_AND_NOW, decide
from gate.core.ticket import Kind, Status, Ticket, TicketType
from gate.core.verdict import Context, Scan
from tests.support.venue import NOW, NOW_MS

DAY = TicketType("DAY", Kind.MEETING)
PARKING = TicketType("PARKING", Kind.MEETING)
FIRST = Ticket("first", DAY, begin_time=NOW - 100, end_time=NOW + 100)
SECOND = Ticket("second", DAY, begin_time=NOW + 1000, end_time=NOW + 1100)
THIRD = Ticket("third", DAY, begin_time=NOW + 2000, end_time=NOW + 2100)
CAR = Ticket("car", PARKING)
HERE = Context(NOW_MS, "a", Direction.IN, Place(accepted_types=("DAY",)), HouseRules())


def ids(*candidates: Ticket, at: int = NOW, **more: Any) -> list[str]:
    context = replace(HERE, at_ms=at * 1000, **more)
    return [one.id for one in meant(candidates, {}, Scan("BAND"), context)]


@pytest.mark.parametrize(
    ("candidates", "at", "chosen"),
    [
        ((CAR,), NOW, ["car"]),
        # By product.
        ((CAR, FIRST), NOW, ["first"]),
        # By validity.
        ((FIRST, SECOND), NOW, ["first"]),
        ((FIRST, SECOND), NOW + 1000, ["second"]),
        # None: what becomes good next, else what ended last, else what is at least the right kind.
        ((FIRST, THIRD, SECOND), NOW + 500, ["second"]),
        ((FIRST, SECOND), NOW + 5000, ["second"]),
        ((CAR, replace(FIRST, status=Status.REVOKED)), NOW, ["first"]),
        # A cancelled one is passed over.
        ((replace(FIRST, status=Status.REVOKED), replace(FIRST, id="b")), NOW, ["b"]),
        # Two remain: a person says.
        ((FIRST, replace(FIRST, id="b"), CAR), NOW, ["first", "b"]),
    ],
)  # fmt: skip
def test_it_is_the_one_that_is_good_here_and_now(
    candidates: tuple[Ticket, ...], at: int, chosen: list[str]
) -> None:
    """By what the list and the tickets say, never by what they have done."""
    assert ids(*candidates, at=at) == chosen


def test_a_person_chooses_and_an_exit_asks_nobody() -> None:
    """Whoever is inside goes out; nobody is kept from going."""
    both = (FIRST, replace(FIRST, id="b"))
    assert [one.id for one in meant(both, {}, Scan("BAND", chosen="b"), HERE)] == ["b"]
    out = replace(HERE, direction=Direction.OUT)
    assert [one.id for one in meant(both, {"b": 1}, Scan("BAND"), out)] == ["b"]
    assert [one.id for one in meant(both, {}, Scan("BAND"), out)] == ["first"]


def test_a_choice_that_is_to_be_made_is_a_wait() -> None:
    """Never green, and never a red for a guest who has two good tickets."""
    verdict = decide(None, History(), Scan("BAND"), replace(HERE, problem=Reason.SEVERAL))
    assert (verdict.outcome, verdict.reason) == (Outcome.HOLD, Reason.SEVERAL)


def test_mutation_without_the_rules_every_wristband_is_a_choice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What they are asked for."""
    assert HERE_AND_NOW
    monkeypatch.setattr("gate.core.candidates.HERE_AND_NOW", ())
    assert ids(CAR, FIRST) == ["car", "first"]
