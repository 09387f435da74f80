"""What is in the way of a ticket by the organiser's rule, in words."""

import json
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gate.core.history import History
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction, HouseRules, Place
from gate.core.rules import decide
from gate.core.ticket import Kind, Ticket, TicketType
from gate.core.validity import zone_of
from gate.core.verdict import Context, Scan
from gate.text.rule_words import rule_now
from gate.text.verdict_words import explain
from tests.support.venue import NOW, NOW_MS

KIND = TicketType(
    "T", Kind.SCENIC, title="Day pass", time_zone="Asia/Shanghai", use_limit=9, party_size=9,
    occasion_from=NOW + 3600, occasion_to=NOW + 86_400,
)  # fmt: skip
TICKET = Ticket("t", KIND)
BEEN = History(admitted_ms=(NOW_MS - 86_400_000, NOW_MS - 600_000))
GATES = [{"lookup": ["gate", "1", "North"]}, {"lookup": ["gate", "2", "East\x1b[2J"]}]
CUSTOM = {"buildTime": ["custom", "2026-12-23T10:00:00+08:00"]}
NUMBER = "entries_number"
CASES: list[tuple[dict[str, Any], str]] = [
    ({"isAfter": [{"var": "now"}, {"buildTime": ["date_from"]}, 15]}, "Only after 13:11; now it is 12:26."),
    ({"isBefore": [{"var": "now"}, {"buildTime": ["customtime", "09:00"]}]}, "Only before 09:00; now it is 12:26."),
    ({"isAfter": [{"var": "now"}, {"buildTime": ["date_to"]}]}, "Only after 2026-12-24 12:26; now it is 12:26."),
    ({"inList": [{"var": "gate"}, {"objectList": GATES}]}, "Only North, East\\x1b[2J; this is South."),
    ({"==": [{"var": "gate"}, GATES[0]]}, "Only North; this is South."),
    ({"!=": [{"var": "gate"}, "South"]}, "Not for South."),
    ({"inList": [{"var": "product"}, {"objectList": [{"lookup": ["product", "7", "VIP"]}]}]}, "Only VIP; this is Day pass."),
    ({"inList": [{"var": "product"}, ["VIP", 3]]}, "Only VIP, 3; this is Day pass."),
    ({"inList": [{"var": "variation"}, {"objectList": []}]}, "Only –; this is Day pass."),
    ({"==": [{"var": "entry_status"}, "present"]}, "Only for guests who are inside."),
    ({"==": [{"var": "now_isoweekday"}, 6]}, "Wanted: day of the week exactly Sat; now: Wed."),
    ({"<": [{"var": NUMBER}, 2]}, "Wanted: entries fewer than 2; now: 2."),
    ({"inList": [{"var": NUMBER}, [0, 1]]}, "Wanted: entries one of 0, 1; now: 2."),
    ({">=": [{"var": "minutes_since_last_entry"}, 60]}, "Wanted: minutes since the last entry at least 60; now: 10."),
    ({"<=": [{"entries_since": [CUSTOM]}, 0]}, "Wanted: entries since 10:00 at most 0; now: 1."),
    ({"and": [{"<": [{"var": NUMBER}, 2]}, {"!=": [{"var": "gate"}, "South"]}]},
     "Wanted: entries fewer than 2; now: 2. Not for South."),
    ({"<": [3, {"var": NUMBER}]}, ""),
    ({"and": [False]}, ""),
]  # fmt: skip


def context(rule: dict[str, Any] | str) -> Context:
    text = rule if isinstance(rule, str) else json.dumps(rule)
    return Context(NOW_MS, "d", Direction.IN, Place("South"), HouseRules(rule=text))


@pytest.mark.parametrize(("rule", "words"), CASES)
def test_what_is_in_the_way_is_told_with_what_it_is(rule: dict[str, Any], words: str) -> None:
    """Safe to put on a terminal, by the clock of the ticket's type, and the same on F4."""
    here = context(rule)
    verdict = decide(TICKET, BEEN, Scan("c"), here)
    assert (verdict.outcome, verdict.reason) == (Outcome.REFUSE, Reason.RULE)
    said = explain(verdict, here.place, zone_of(KIND))
    assert (said.rule, said.fact) == ("Not let in by the organiser's rule", words)
    line = f"organiser's rule: does not let in now. {words}".strip()
    assert rule_now(TICKET, BEEN, here, zone_of(KIND)) == line


def test_times_name_their_zone_where_the_clocks_here_show_others() -> None:
    """The rule's times are the event's; whoever stands here looks at another clock."""
    here = context({"isAfter": [{"var": "now"}, {"buildTime": ["customtime", "18:00"]}]})
    verdict = decide(TICKET, BEEN, Scan("c"), here)
    said = explain(verdict, here.place, ZoneInfo("Europe/Berlin"))
    assert said.fact == "Only after 18:00; now it is 12:26 in Asia/Shanghai, 05:26 here."


def test_none_yet_is_no_number_of_minutes() -> None:
    """Somebody who was never in is told so."""
    here = context({">=": [{"var": "minutes_since_last_entry"}, 0]})
    verdict = decide(TICKET, History(), Scan("c"), here)
    assert explain(verdict, here.place, zone_of(KIND)).fact.endswith("; now: none yet.")


def test_what_cannot_be_read_is_named() -> None:
    """With who mends it; on F4, too."""
    here = context('{"xor\\u001b": [1]}')
    said = explain(decide(TICKET, BEEN, Scan("c"), here), here.place, zone_of(KIND))
    assert said.rule == "This gate cannot read the organiser's rule"
    assert said.fact == "It does not know: xor\\x1b"
    assert "up to date" in said.remedy
    assert rule_now(TICKET, BEEN, here, zone_of(KIND)) == said.rule


def test_f4_says_nothing_where_there_is_no_rule() -> None:
    """And that it lets in where it does, also by the type's own."""
    assert rule_now(TICKET, BEEN, context(""), zone_of(KIND)) == ""
    assert (
        rule_now(TICKET, BEEN, context({"<": [1, 2]}), zone_of(KIND))
        == "organiser's rule: lets in now"
    )
    own = Ticket("t", replace(KIND, rule='{"<": [1, 2]}'))
    assert (
        rule_now(own, BEEN, context({"<": [2, 1]}), zone_of(KIND))
        == "organiser's rule: lets in now"
    )
