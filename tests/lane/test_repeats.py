"""Law 12: a flood of one unknown code is one entry and a count."""

import pytest

from gate.core.entry import Act
from gate.core.outcome import Outcome, Reason
from gate.lane.lane import Lane
from gate.lane.repeats import Repeat, Repeats
from gate.storage.folder import Folder
from tests.support.lanes import decided, journal_of
from tests.support.venue import FixedClock


def test_a_flood_of_one_code_is_one_entry_and_a_count(
    lane: Lane, clock: FixedClock, venue: Folder
) -> None:
    """Law 12: a thousand readings of one unknown code cost two entries."""
    for _ in range(1000):
        assert decided(lane, "NOBODY") == (Outcome.REFUSE, Reason.UNKNOWN)
        clock.pass_seconds(0.05)
    clock.pass_seconds(60)
    decided(lane, "GOOD001")
    acts = [(entry.act, entry.count) for entry in journal_of(venue)]
    assert acts == [(Act.REFUSAL, 0), (Act.REPEAT, 999), (Act.ADMISSION, 0)]
    assert lane.totals().refused == 1000


def test_counts_of_repeats_are_written_at_the_end(lane: Lane, venue: Folder) -> None:
    """Closing the lane forgets nothing."""
    decided(lane, "NOBODY")
    decided(lane, "NOBODY")
    lane.close()
    acts = [entry.act for entry in journal_of(venue)]
    assert acts == [Act.REFUSAL, Act.REPEAT, Act.LANE_CLOSED]


def test_without_counting_a_flood_fills_the_journal(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside the tests above: every reading is an entry."""
    monkeypatch.setattr(Repeats, "count", lambda *_: False)
    for _ in range(10):
        decided(lane, "NOBODY")
    assert [entry.act for entry in journal_of(venue)] == [Act.REFUSAL] * 10


def test_what_is_over_is_taken_once_and_only_if_it_came_again() -> None:
    """Oldest first, each by its own minute; of more than fit nothing is lost."""
    repeats = Repeats()
    for n in range(3):
        repeats.add(Repeat(f"{n}", f"a:{n}", Outcome.REFUSE, Reason.UNKNOWN, n * 1000))
    assert repeats.count("0", 59_999)
    assert repeats.count("2", 60_500)
    assert not repeats.count("0", 60_000)
    assert not repeats.count("3", 0)
    assert [(one.code, one.count) for one in repeats.take(61_000)] == [("0", 1)]
    assert "1" not in repeats
    assert "2" in repeats
    assert [(one.code, one.count) for one in repeats.take(0, everything=True)] == [("2", 1)]
    assert repeats.take(0, everything=True) == []
