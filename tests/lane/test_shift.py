"""From opening to closing, and what the next start remembers."""

from pathlib import Path

from gate.core.outcome import Outcome, Reason
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder
from tests.conftest import MakeLane
from tests.support.lanes import KIM, decided
from tests.support.venue import NOW_MS, FixedClock, fill


def test_a_restart_remembers_everything(make_lane: MakeLane, clock: FixedClock) -> None:
    """Used tickets, counts and the chain outlive the process."""
    first = make_lane()
    decided(first, "GOOD001")
    first.close()
    clock.pass_seconds(60)
    second = make_lane()
    assert decided(second, "GOOD001") == (Outcome.REFUSE, Reason.ALREADY_USED)
    assert second.totals().admitted == 1


def test_everything_above_leaves_a_sound_journal(lane: Lane, venue: Folder) -> None:
    """The audit has nothing to say about a lane's ordinary work."""
    lane.open()
    for code in ("GOOD001", "NOBODY", "VOID1", "GROUP1", "FLY1", "NOBODY"):
        decided(lane, code)
    lane.undo()
    lane.sign_in(KIM)
    lane.note_failed_sign_in("boss")
    lane.sign_out()
    lane.close()
    assert audit_journal(venue.journal).findings == []


def test_a_quiet_moment_opens_new_tickets(tmp_path: Path, make_lane: MakeLane) -> None:
    """They came while nobody scanned: the screen tells how old they are before anybody does."""
    late = Folder(tmp_path / "late")
    late.create()
    lane = make_lane(folder=late)
    lane.admit(Scan("GOOD001"))
    lane.idle()
    assert lane.tickets_built_ms() == 0
    fill(late)
    lane.idle()
    assert lane.tickets_built_ms() == NOW_MS - 3_600_000
