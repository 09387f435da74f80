"""Automatic check-out at a lane: who was in before that time may come in, whoever saw them go."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gate.core.entry import Act
from gate.core.outcome import Outcome, Reason
from gate.core.place import HouseRules
from gate.lane.check_outs import AGAIN_MS, DueCheckOuts
from gate.lane.lane import Lane
from gate.storage.audit import audit_journal
from gate.storage.conflicts import find_conflicts
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.presence import with_any
from tests.conftest import MakeLane
from tests.support.lanes import decided, journal_of
from tests.support.venue import NOW_MS, FixedClock

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = "14:00"
"""An hour and a half after ``NOW``, in the zone of the venue's types."""
IN = (Outcome.ADMIT, Reason.ADMITTED)
AGAIN = (Outcome.ADMIT, Reason.REENTRY)
USED = (Outcome.REFUSE, Reason.ALREADY_USED)
RULES = HouseRules(rescan_s=0, exit_all_at=AT)


@pytest.fixture
def lane(make_lane: MakeLane) -> Lane:
    return make_lane(rules=RULES)


def due(folder: Folder, lane: Lane, zone: ZoneInfo = SHANGHAI) -> int:
    """Keep what is due; on how many tickets anybody went."""
    looked = DueCheckOuts(folder)
    return sum(lane.check_out(some) for some in looked.tickets(AT, zone, lane.now_ms()))


def test_who_is_inside_comes_in_again_once_everybody_counts_as_outside(
    lane: Lane, clock: FixedClock
) -> None:
    """At no new use, at a lane that hears nobody, and only after that time."""
    assert decided(lane, "GOOD001") == IN
    clock.pass_seconds(3600)
    assert decided(lane, "GOOD001") == USED
    clock.pass_seconds(3600)
    assert decided(lane, "GOOD001") == AGAIN
    clock.pass_seconds(60)
    assert decided(lane, "GOOD001") == USED


def test_a_pass_for_several_visits_spends_its_next_use(
    venue: Folder, lane: Lane, clock: FixedClock
) -> None:
    """Whether the exit is derived or kept: nobody has seen its holder go today."""
    for _day in range(2):
        assert decided(lane, "PASS1") == IN
        clock.pass_seconds(24 * 3600)
    assert decided(lane, "PASS1") == IN
    clock.pass_seconds(24 * 3600)
    assert due(venue, lane) == 1
    assert decided(lane, "PASS1") == IN


def test_mutation_a_lane_that_goes_by_its_entries_alone_refuses_them(
    lane: Lane, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the derived exit is for."""
    monkeypatch.setattr("gate.lane.files.checked_out", lambda history, _facts, _out: history)
    assert decided(lane, "GOOD001") == IN
    clock.pass_seconds(7200)
    assert decided(lane, "GOOD001") == USED


def test_a_clock_that_nobody_believes_lets_in_and_has_somebody_look(
    lane: Lane, clock: FixedClock
) -> None:
    """It may not have been that time yet."""
    assert decided(lane, "GOOD001") == IN
    clock.jump_seconds(7200)
    verdict = decided(lane, "GOOD001")
    assert verdict == (Outcome.ATTENTION, Reason.CLOCK_NOT_TRUSTED)


def test_what_the_lane_counts_as_inside_begins_anew(lane: Lane, clock: FixedClock) -> None:
    """In all and in its zone, from the next decision on."""
    assert decided(lane, "GOOD001") == decided(lane, "GOOD002") == IN
    assert lane.totals().inside == 2
    clock.pass_seconds(7200)
    assert decided(lane, "GOOD003") == IN
    assert lane.totals().inside == 1
    assert lane.totals().inside_zone("") == 1


def test_a_gate_on_its_own_keeps_that_everybody_went_once(
    venue: Folder, lane: Lane, clock: FixedClock
) -> None:
    """Lists, reports and conflicts are made of it; nothing is written twice."""
    assert decided(lane, "GOOD001") == decided(lane, "GROUP1") == IN
    clock.pass_seconds(7200)
    assert decided(lane, "GOOD001") == AGAIN
    assert due(venue, lane) == 2
    assert due(venue, lane) == 0
    kept = [one for one in journal_of(venue) if one.act is Act.EXIT]
    two = round(datetime(2026, 12, 23, 14, tzinfo=SHANGHAI).timestamp() * 1000)
    assert {(one.ticket, one.persons, one.at_ms, one.source) for one in kept} == {
        ("good-1", 1, two, "check-out"), ("group-1", 1, two, "check-out"),
    }  # fmt: skip
    with Fleet(venue) as fleet:
        assert [one.ticket for one in with_any(fleet, "inside")] == ["good-1"]
        assert not find_conflicts(fleet)
    lane.close()
    assert audit_journal(venue.journal).findings == []


def test_it_is_not_looked_for_all_the_time(venue: Folder, lane: Lane, clock: FixedClock) -> None:
    """Once a check-out, and every hour for what came late."""
    assert decided(lane, "GOOD001") == IN
    looked = DueCheckOuts(venue)
    assert [*looked.tickets(AT, SHANGHAI, NOW_MS)] == [["good-1"]]
    assert not [*looked.tickets(AT, SHANGHAI, NOW_MS + 1000)]
    assert [*looked.tickets(AT, SHANGHAI, NOW_MS + AGAIN_MS)] == [["good-1"]]
    assert not [*DueCheckOuts(venue).tickets("", SHANGHAI, NOW_MS)]


@pytest.mark.parametrize("file", ["enrolment", "membership"])
def test_where_another_node_keeps_it_this_one_does_not(
    venue: Folder, lane: Lane, file: str
) -> None:
    """A gate of a server's, or one that belongs to a venue of which it is not the host."""
    assert decided(lane, "GOOD001") == IN
    path: Path = getattr(venue, file)
    path.write_text("{}")
    assert not [*DueCheckOuts(venue).tickets(AT, SHANGHAI, NOW_MS)]


def test_nothing_is_kept_while_the_time_is_in_doubt(
    venue: Folder, lane: Lane, clock: FixedClock
) -> None:
    """An entry stays: it is written once it is sure."""
    assert decided(lane, "GOOD001") == IN
    clock.jump_seconds(7200)
    assert decided(lane, "GOOD002")[0] is not Outcome.REFUSE
    assert due(venue, lane) == 0
