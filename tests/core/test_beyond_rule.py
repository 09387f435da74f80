"""Admissions too many by an organiser's rule, made by gates that did not hear each other."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gate.core.beyond_rule import beyond_rule
from gate.core.entry import Act, Entry
from gate.core.history import conflict
from gate.core.outcome import Reason
from gate.core.ticket import UNLIMITED, Kind, Ticket, TicketType
from tests.support.venue import NOW_MS

ONCE = json.dumps({"<": [{"var": "entries_number"}, 1]})
TICKET = Ticket("t", TicketType("PASS", Kind.SCENIC, time_zone="UTC", use_limit=UNLIMITED))


def came(device: str, seq: int, at_ms: int, act: Act = Act.ADMISSION, **more: Any) -> Entry:
    said: dict[str, Any] = {"persons": 1, "uses": 1} | more
    return Entry(
        origin=f"{device}.1", seq=seq, prev="", act=act, at_ms=NOW_MS + at_ms, boot_ms=0,
        hlc=(NOW_MS + at_ms) << 16, ticket="t", ticket_type="PASS", gate=device, **said,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "many"),
    [
        ([came("a", 1, 0)], 0),
        ([came("a", 1, 0), came("b", 1, 5)], 1),
        ([came("a", 1, 0), came("b", 1, 5), came("c", 1, 9, persons=2)], 3),
        # One gate, which knew: the rule was another then.
        ([came("a", 1, 0), came("a", 2, 5)], 0),
        ([came("a", 1, 0), came("b", 1, 5, overruled=Reason.RULE)], 0),
        ([came("a", 1, 0), came("b", 1, 5),
          came("b", 2, 6, Act.ANNULMENT, target="b.1:1", persons=0, uses=0)], 0),
    ],
)  # fmt: skip
def test_what_no_gate_could_know_is_too_many(facts: list[Entry], many: int) -> None:
    """In whatever order they came; and that is a conflict on a ticket that is good without end."""
    assert beyond_rule(facts, TICKET, ONCE) == beyond_rule(facts[::-1], TICKET, ONCE) == many
    found = conflict(facts, UNLIMITED, 1_000, many)
    assert (found.excess if found else 0) == many


def test_without_a_rule_nothing_is() -> None:
    """Nor without a ticket, or with a rule that nobody can read."""
    facts = [came("a", 1, 0), came("b", 1, 5)]
    assert beyond_rule(facts, TICKET, "") == 0
    assert beyond_rule(facts, None, ONCE) == 0
    assert beyond_rule(facts, TICKET, '{"moonPhase": []}') == 0


def test_the_types_own_rule_comes_first() -> None:
    """As at the lane."""
    own = replace(TICKET, type=replace(TICKET.type, rule=ONCE))
    assert beyond_rule([came("a", 1, 0), came("b", 1, 5)], own, "") == 1


def test_mutation_by_its_own_gate_alone_nothing_is_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What all entries are asked for."""
    monkeypatch.setattr("gate.core.beyond_rule._lets_in", lambda *_asked: True)
    assert beyond_rule([came("a", 1, 0), came("b", 1, 5)], TICKET, ONCE) == 0
