"""How far the clock is believed: the floor, jumps, and what a supervisor sets."""

import pytest

from gate.core.outcome import Outcome, Reason
from gate.errors import OperatorError
from gate.lane.lane import Lane
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from tests.conftest import MakeLane
from tests.support.lanes import BOSS, KIM, decided
from tests.support.venue import NOW_MS, FixedClock


def test_the_clock_floor(make_lane: MakeLane, clock: FixedClock) -> None:
    """A clock behind the tickets refuses nobody for the time until a supervisor sets it."""
    clock.jump_seconds(-3 * 3600)
    lane = make_lane()
    assert decided(lane, "EARLY1") == (Outcome.ATTENTION, Reason.CLOCK_NOT_TRUSTED)
    assert not lane.clock_is_trusted()
    with pytest.raises(OperatorError):
        lane.set_clock(NOW_MS, KIM)
    lane.set_clock(NOW_MS + 5000, BOSS)
    assert lane.clock_is_trusted()
    assert lane.now_ms() == NOW_MS + 5000
    assert decided(lane, "LATE1") == (Outcome.REFUSE, Reason.TOO_LATE)


def test_a_clock_that_is_set_while_the_lane_runs_is_believed(
    make_lane: MakeLane, clock: FixedClock, folder: Folder
) -> None:
    """A machine that has no clock of its own opens its lane at a day before its tickets."""
    clock.jump_seconds(-3 * 3600)
    lane = make_lane()
    lane.open()
    journal = JournalReader(folder.journal)
    assert [entry.trusted for entry in journal.newest(1)] == [False]
    journal.close()
    assert decided(lane, "EARLY1")[1] is Reason.CLOCK_NOT_TRUSTED
    clock.jump_seconds(3 * 3600)
    assert lane.clock_is_trusted()
    assert decided(lane, "LATE1")[1] is Reason.TOO_LATE


def test_an_unexplained_jump_is_not_believed(lane: Lane, clock: FixedClock) -> None:
    """Six minutes out of nowhere put time rules to sleep; a time server explains it."""
    assert decided(lane, "LATE1")[1] is Reason.TOO_LATE
    clock.jump_seconds(360)
    assert decided(lane, "LATE1")[1] is Reason.CLOCK_NOT_TRUSTED
    clock.synchronised = True
    clock.pass_seconds(20)
    assert decided(lane, "EARLY1")[1] is Reason.TOO_EARLY


def test_a_set_clock_survives_a_restart_in_the_same_boot(
    make_lane: MakeLane, clock: FixedClock
) -> None:
    """The supervisor's correction holds until the machine is started again."""
    clock.jump_seconds(-3 * 3600)
    first = make_lane()
    first.set_clock(NOW_MS, BOSS)
    first.close()
    again = make_lane()
    again.open()
    assert again.now_ms() == NOW_MS
    assert again.clock_is_trusted()
    again.close()
    clock.boot_id = "boot-2"
    rebooted = make_lane()
    rebooted.open()
    assert not rebooted.clock_is_trusted()
