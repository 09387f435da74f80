"""A rule of the organiser's, at a lane with its files: what it goes by is whatever is held."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.config import load
from gate.core.entry import Act, Entry
from gate.core.event_settings import EventSettings
from gate.core.history import fold, with_times
from gate.core.outcome import Flag, Outcome, Reason
from gate.core.place import HouseRules, Place
from gate.core.verdict import Scan
from gate.errors import ImportFault
from gate.lane import admission
from gate.lane.lane import Lane
from gate.reports.ticket_import import import_files
from gate.settings import settings_of
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder
from tests.conftest import MakeLane
from tests.support.lanes import BOSS, decided, journal_of, write_peer_entries
from tests.support.venue import NOW_MS, FixedClock, fill, write_rows

TWICE_A_DAY = {"<": [{"var": "entries_today"}, 2]}
AN_HOUR_APART = {
    "or": [
        {"==": [{"var": "minutes_since_last_entry"}, -1]},
        {">=": [{"var": "minutes_since_last_entry"}, 60]},
    ]
}
NORTH = {"inList": [{"var": "gate"}, {"objectList": [{"lookup": ["gate", "5", "North"]}]}]}
REFUSED = (Outcome.REFUSE, Reason.RULE)
IN = (Outcome.ADMIT, Reason.ADMITTED)


@pytest.fixture
def venue(venue: Folder) -> Folder:
    """The venue with passes whose types have rules."""
    rules: dict[str, Any] = {"DAILY": TWICE_A_DAY, "HOURLY": AN_HOUR_APART, "NORTHERN": NORTH}
    types = [
        {"id": id_, "kind": "scenic", "use_limit": 50, "party_size": 9, "rule": rule}
        for id_, rule in rules.items()
    ]
    newer = {"id": "NEWER", "kind": "meeting"}
    tickets = [{"code": f"{one['id']}1", "type": one["id"], "id": one["id"]} for one in types]
    fill(venue, [*types, newer, *tickets, {"code": "NEWER1", "type": "NEWER", "id": "NEWER"}])
    return venue


@pytest.fixture
def lane(make_lane: MakeLane) -> Lane:
    """A lane at which the same ticket may come again at once."""
    return make_lane(rules=HouseRules(rescan_s=0, reentry=False, pass_back_s=1))


def at_another_gate(seq: int, act: Act = Act.ADMISSION, **changes: Any) -> Entry:
    at_ms = NOW_MS - 60_000
    return Entry(
        origin="other.i", seq=seq, prev="", act=act, at_ms=at_ms, boot_ms=seq,
        hlc=(at_ms << 16) + seq, ticket="DAILY", ticket_type="DAILY",
        **{"persons": 1, "uses": 1, **changes},
    )  # fmt: skip


def test_who_was_let_in_counts(lane: Lane, clock: FixedClock) -> None:
    """Entry after entry, until the day of the ticket's zone is over."""
    assert decided(lane, "DAILY1") == IN
    clock.pass_seconds(10)
    assert decided(lane, "DAILY1") == IN
    clock.pass_seconds(10)
    assert decided(lane, "DAILY1") == REFUSED
    clock.pass_seconds(86_400)
    assert decided(lane, "DAILY1") == IN


def test_the_refusal_is_an_entry_and_says_what_is_in_the_way(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """With what it is and what it should be; a supervisor may admit, and that counts too."""
    assert decided(lane, "HOURLY1") == IN
    clock.pass_seconds(25 * 60)
    verdict = lane.admit(Scan("HOURLY1"))
    (term,) = verdict.unmet
    assert (term.variable, term.operator) == ("minutes_since_last_entry", ">=")
    assert (term.wanted, term.found) == (60, 25)
    assert (journal_of(venue)[-1].act, journal_of(venue)[-1].reason) == (Act.REFUSAL, Reason.RULE)
    assert lane.override(BOSS, "late band").overruled is Reason.RULE
    clock.pass_seconds(40 * 60)
    assert decided(lane, "HOURLY1") == REFUSED


def test_what_was_undone_does_not_count(lane: Lane, clock: FixedClock) -> None:
    """As if nobody had come in on it."""
    for _ in range(2):
        assert decided(lane, "DAILY1") == IN
        clock.pass_seconds(10)
    lane.undo()
    assert decided(lane, "DAILY1") == IN


def test_what_another_gate_did_counts(lane: Lane, venue: Folder) -> None:
    """Its people one by one."""
    write_peer_entries(venue, [at_another_gate(1, persons=2, uses=2)])
    assert decided(lane, "DAILY1") == REFUSED


def test_an_undo_that_is_only_claimed_lets_in_with_a_look(lane: Lane, venue: Folder) -> None:
    """Whether two have been in today depends on it."""
    undo = at_another_gate(1, Act.ANNULMENT, persons=0, uses=0, target="other.i:1")
    write_peer_entries(
        venue, [at_another_gate(1, persons=2, uses=2), replace(undo, origin="third.i")]
    )
    connection = sqlite3.connect(venue.peers)
    connection.execute("INSERT OR IGNORE INTO claimed VALUES ('DAILY')")
    connection.commit()
    connection.close()
    assert decided(lane, "DAILY1") == (Outcome.ATTENTION, Reason.UNDO_CLAIMED)


def test_a_gate_without_a_name_is_not_the_one_that_is_meant(make_lane: MakeLane) -> None:
    """Nor is another; the event may say what its rules call a gate."""
    assert decided(make_lane(place=Place()), "NORTHERN1") == REFUSED
    assert decided(make_lane(place=Place("South")), "NORTHERN1") == REFUSED
    assert decided(make_lane(place=Place("Left", rule_gate="5")), "NORTHERN1") == IN


def test_a_rule_of_the_events_reaches_a_gate_with_its_settings(make_lane: MakeLane) -> None:
    """Of a type before that of all; and the profile says what rules call the gate."""
    stated = EventSettings(
        rules={"rule": json.dumps(NORTH)},
        types={"SHOW": {"rule": "{}"}},
        profiles={"Left": {"rule_gate": "5"}},
    )
    for name, said in (("South", REFUSED), ("Left", IN)):
        found = settings_of(load(environment={}), stated, "device", name)
        lane = make_lane(place=found.place, rules=found.rules)
        assert decided(lane, "NEWER1") == said
        lane.close()
        assert found.rules.of("SHOW").rule == "{}"


def test_a_rule_that_a_newer_program_knows_waits(make_lane: MakeLane, venue: Folder) -> None:
    """Never green, never red, and it names the word."""
    rules = HouseRules(rule='{"and": [{"moonPhase": ["full", 3]}]}')
    verdict = make_lane(rules=rules).admit(Scan("NEWER1"))
    assert (verdict.outcome, verdict.reason) == (Outcome.HOLD, Reason.RULE_UNREADABLE)
    assert verdict.unreadable == "moonPhase"
    assert not [e for e in journal_of(venue) if e.act is Act.ADMISSION]


def test_a_doubtful_clock_refuses_nobody(lane: Lane, clock: FixedClock) -> None:
    """Rules that ask what time it is are a CHECK then."""
    for _ in range(2):
        assert decided(lane, "DAILY1") == IN
        clock.pass_seconds(10)
    clock.jump_seconds(-3 * 86_400)
    verdict = lane.admit(Scan("DAILY1"))
    assert (verdict.outcome, verdict.reason) == (Outcome.ATTENTION, Reason.CLOCK_NOT_TRUSTED)
    assert Flag.CLOCK_NOT_TRUSTED in verdict.flags


def test_the_kept_state_stays_what_follows_from_the_entries(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Times are folded where a rule asks, and kept nowhere: ``gate verify`` finds nothing."""
    for _ in range(3):
        decided(lane, "DAILY1")
        clock.pass_seconds(10)
    lane.close()
    assert audit_journal(venue.journal).findings == []
    facts = [entry for entry in journal_of(venue) if entry.ticket == "DAILY"]
    assert len(with_times(fold(facts), facts).admitted_ms) == 2


def test_mutation_a_lane_that_does_not_ask_when_lets_in_too_often(
    lane: Lane, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the times of its admissions a ticket seems never to have been in."""
    monkeypatch.setattr(admission, "rule_of", lambda _ticket, _rules: "")
    for _ in range(3):
        assert decided(lane, "DAILY1") == IN
        clock.pass_seconds(10)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('{"xor": [1, 2]}', "'xor' is no word of rules here"),
        ("after six", "'after six' is no rule; like this"),
        ({"<": [1]}, "is no rule"),
        ("[" * 17_000, "at most 16 KiB"),
    ],
    ids=["unknown word", "no JSON", "no rule", "too long"],
)
def test_a_bad_rule_is_not_taken_in(venue: Folder, tmp_path: Path, rule: Any, told: str) -> None:
    """One line says what is wrong with it."""
    rows = write_rows(tmp_path / "more.jsonl", [{"id": "X", "kind": "meeting", "rule": rule}])
    with pytest.raises(ImportFault) as fault:
        import_files(venue, [rows], built_ms=NOW_MS)
    assert told in fault.value.hint + fault.value.message
