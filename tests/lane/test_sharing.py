"""One code for several tickets, at a lane with its files."""

from pathlib import Path

import pytest

from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction, HouseRules, Place
from gate.core.verdict import Scan
from gate.errors import UsageError
from gate.lane.lane import Lane
from gate.reports.ticket_import import import_files
from gate.storage.folder import Folder
from tests.conftest import MakeLane
from tests.support.lanes import decided
from tests.support.venue import NOW, FixedClock, fill, write_rows

BAND = "BAND-0001"
IN = (Outcome.ADMIT, Reason.ADMITTED)
CHOOSE = (Outcome.HOLD, Reason.SEVERAL)
TODAY = {"code": "DAY-A", "id": "today", "type": "SHOW", "end_time": NOW + 3600}
TOMORROW = {"code": "DAY-B", "id": "tomorrow", "type": "SHOW", "begin_time": NOW + 7200}
TWO = [{"code": f"TWO-{n}", "id": f"two-{n}", "type": "SHOW"} for n in "ab"]


@pytest.fixture
def venue(venue: Folder) -> Folder:
    tied = [{**one, "shared_codes": BAND} for one in (TODAY, TOMORROW)]
    fill(venue, [*tied, *({**one, "shared_codes": "BAND-2"} for one in TWO)])
    return venue


@pytest.fixture
def lane(make_lane: MakeLane) -> Lane:
    return make_lane(rules=HouseRules(rescan_s=0))


def test_the_ticket_that_is_good_now_is_used(lane: Lane, clock: FixedClock) -> None:
    """By its wristband or by its own code, it is used once."""
    verdict = lane.admit(Scan(BAND, source="camera"))
    assert verdict.ticket is not None
    assert (verdict.outcome, verdict.ticket.id) == (Outcome.ADMIT, "today")
    clock.pass_seconds(60)
    assert decided(lane, "DAY-A") == (Outcome.REFUSE, Reason.ALREADY_USED)
    clock.pass_seconds(7200)
    assert decided(lane, BAND) == IN
    clock.pass_seconds(60)
    assert decided(lane, "DAY-B") == (Outcome.REFUSE, Reason.ALREADY_USED)


def test_where_two_are_good_a_person_chooses_of_those_that_were_seen(
    lane: Lane, clock: FixedClock
) -> None:
    """Nothing is redeemed before; the choice is an ordinary admission."""
    assert decided(lane, "BAND-2") == CHOOSE
    with pytest.raises(UsageError):
        lane.choose("today")
    assert [one.id for one in lane.sharing()] == ["two-a", "two-b"]
    verdict = lane.choose("two-b")
    assert verdict.ticket is not None
    assert (verdict.outcome, verdict.ticket.id) == (Outcome.ADMIT, "two-b")
    with pytest.raises(UsageError):
        lane.choose("two-a")
    clock.pass_seconds(60)
    assert decided(lane, "BAND-2") == CHOOSE
    assert (lane.choose("two-b").reason, decided(lane, "TWO-a")) == (Reason.ALREADY_USED, IN)


def test_who_is_inside_goes_out_by_the_wristband(lane: Lane, clock: FixedClock) -> None:
    """Nobody is asked which."""
    assert decided(lane, "TWO-b") == IN
    clock.pass_seconds(60)
    lane.direction = Direction.OUT
    verdict = lane.admit(Scan("BAND-2", source="camera"))
    assert verdict.ticket is not None
    assert (verdict.outcome, verdict.ticket.id) == (Outcome.EXIT, "two-b")


def test_checking_only_says_the_same(lane: Lane) -> None:
    """And redeems nothing."""
    assert lane.check(BAND, "keyboard").outcome is Outcome.VALID
    assert lane.check("BAND-2", "keyboard").reason is Reason.SEVERAL
    assert lane.knows("BAND-2")


def test_a_ticket_that_is_stated_without_it_is_not_meant_any_more(
    venue: Folder, lane: Lane, tmp_path: Path
) -> None:
    """With the next list; what nobody is tied to is unknown."""
    import_files(venue, [write_rows(tmp_path / "rows.jsonl", [TWO[0]])])
    assert decided(lane, "BAND-2") == IN
    import_files(venue, [write_rows(tmp_path / "rows.jsonl", TWO)])
    assert decided(lane, "BAND-2") == (Outcome.REFUSE, Reason.UNKNOWN)


def test_by_kind_a_gate_takes_its_own(make_lane: MakeLane, venue: Folder, tmp_path: Path) -> None:
    """A wristband for the hall and the park, at the gate of the park."""
    park = {"code": "P", "id": "park", "type": "PARK", "shared_codes": "BAND-3", "claimed_at": NOW}
    hall = {"code": "H", "id": "hall", "type": "SHOW", "shared_codes": "BAND-3"}
    import_files(venue, [write_rows(tmp_path / "rows.jsonl", [park, hall])])
    lane = make_lane(place=Place(gate="Park", accepted_types=("PARK",)))
    verdict = lane.admit(Scan("BAND-3", source="camera"))
    assert verdict.ticket is not None
    assert (verdict.outcome, verdict.ticket.id) == (Outcome.ADMIT, "park")
