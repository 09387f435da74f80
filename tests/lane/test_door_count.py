"""People without a ticket: counted in and out, taken back, and inside as everybody is."""

import pytest

from gate.core import tally
from gate.core.entry import COUNTS, Act, Entry
from gate.core.outcome import Reason
from gate.core.place import Direction, HouseRules, Place
from gate.errors import OperatorError, UsageError
from gate.lane import door_count
from gate.lane.door_count import people_of
from gate.lane.lane import Lane
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder
from tests.conftest import MakeLane
from tests.support.lanes import BOSS, decided, journal_of
from tests.support.venue import FixedClock


def test_people_without_a_ticket_are_inside(lane: Lane, venue: Folder) -> None:
    """In and out, beside those with a ticket; the audit derives the same."""
    lane.count_people(4, Direction.IN)
    lane.count_people(1, Direction.OUT)
    decided(lane, "GOOD001")
    totals = lane.totals()
    assert (totals.admitted, totals.exited, totals.inside) == (5, 1, 4)
    acts = [(entry.act, entry.persons, entry.direction) for entry in journal_of(venue)]
    assert acts[:2] == [
        (Act.COUNT_IN, 4, Direction.IN),
        (Act.COUNT_OUT, 1, Direction.OUT),
    ]
    lane.close()
    assert audit_journal(venue.journal).findings == []


def test_a_count_is_undone_as_an_admission_is(lane: Lane, clock: FixedClock, venue: Folder) -> None:
    """It is named first, undone once, and late only by a supervisor with a reason."""
    count = lane.count_people(3, Direction.IN)
    found = lane.undoable()
    assert (found.target, found.ticket, found.needs_supervisor) == (count, None, False)
    assert lane.undo(found.target.name).target == count
    assert lane.totals().inside == 0
    with pytest.raises(UsageError, match="already"):
        lane.undoable()
    with pytest.raises(UsageError, match="already"):
        lane.undo(count.name)
    late = lane.count_people(2, Direction.OUT)
    clock.pass_seconds(121)
    assert lane.undoable().needs_supervisor
    with pytest.raises(OperatorError):
        lane.undo()
    lane.undo(late.name, BOSS, "counted twice")
    assert (lane.totals().admitted, lane.totals().exited) == (0, 0)
    undone = [entry for entry in journal_of(venue) if entry.act is Act.COUNT_UNDONE]
    assert [(e.target, e.persons, e.operator) for e in undone] == [
        (count.name, 3, ""),
        (late.name, 2, "boss"),
    ]
    lane.close()
    assert audit_journal(venue.journal).findings == []


def test_an_undo_that_forgets_is_noticed(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: where nobody looks whether a count stands, one count is taken back twice."""
    monkeypatch.setattr(door_count, "is_count_undone", lambda *_args: False)
    count = lane.count_people(3, Direction.IN)
    lane.undo(count.name)
    lane.undo(count.name)
    assert lane.totals().inside == -3


def test_a_zone_is_full_of_whoever_is_in_it(make_lane: MakeLane) -> None:
    """Crew take room too; what was undone does not."""
    lane = make_lane(place=Place(gate="North", zone="Pit"), rules=HouseRules(zone_capacity=2))
    lane.count_people(2, Direction.IN)
    assert decided(lane, "GOOD001")[1] is Reason.ZONE_FULL
    lane.undo()
    assert decided(lane, "GOOD002")[1] is Reason.ADMITTED


def test_counts_come_to_the_same_in_any_order() -> None:
    """An undo says itself what it takes back, so it may be known before its target is."""

    def made(act: Act, persons: int, way: Direction, target: str = "") -> Entry:
        return Entry(
            origin="d.1", seq=1, prev="", act=act, at_ms=0, boot_ms=0, hlc=1, persons=persons,
            direction=way, target=target,
        )  # fmt: skip

    def unknown(_name: str) -> None:
        return None

    def rows(*entries: Entry) -> tuple[int, int]:
        counts = [tally.scan_row(entry, unknown)[1] for entry in entries]
        return sum(c[1] for c in counts), sum(c[2] for c in counts)

    came = made(Act.COUNT_IN, 5, Direction.IN)
    slip = made(Act.COUNT_UNDONE, 5, Direction.IN, came.name)
    left = made(Act.COUNT_OUT, 2, Direction.OUT)
    assert rows(slip, left, came) == rows(came, slip, left) == (0, 2)
    assert {came.act, left.act} == COUNTS


@pytest.mark.parametrize(
    ("typed", "way", "found"),
    [
        ("", Direction.IN, (1, Direction.IN)),
        ("", Direction.OUT, (1, Direction.OUT)),
        ("12", Direction.IN, (12, Direction.IN)),
        ("-2", Direction.IN, (2, Direction.OUT)),
        ("+2", Direction.OUT, (2, Direction.IN)),
        ("-", Direction.IN, (1, Direction.OUT)),
    ],
)
def test_what_is_typed(typed: str, way: Direction, found: tuple[int, Direction]) -> None:
    """A sign says which way; without one it is the lane's."""
    assert people_of(typed, way) == found


@pytest.mark.parametrize("typed", ["0", "1000", "two", "--1", "1.5", "٣"])
def test_what_is_no_number(typed: str, lane: Lane) -> None:
    """Nothing is counted by a slip."""
    with pytest.raises(UsageError):
        people_of(typed, Direction.IN)
    with pytest.raises(UsageError):
        lane.count_people(0, Direction.IN)
