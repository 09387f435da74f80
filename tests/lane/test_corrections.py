"""What a person changes: undo, override, admission by hand; each is an entry that names them."""

from zoneinfo import ZoneInfo

import pytest

from gate.core.entry import Act, Entry
from gate.core.history import fold
from gate.core.outcome import Flag, Outcome, Reason
from gate.core.place import HouseRules, Role
from gate.core.verdict import Scan
from gate.errors import OperatorError, UsageError
from gate.lane import admission, corrections
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder
from gate.text.verdict_words import explain
from tests.conftest import MakeLane
from tests.support.lanes import BOSS, KIM, decided, journal_of, write_peer_entries
from tests.support.venue import NOW_MS, FixedClock


def test_undo_within_the_grace_time(lane: Lane, clock: FixedClock, venue: Folder) -> None:
    """The lane's own last admission can be taken back, and the ticket is good again."""
    decided(lane, "GOOD001")
    decided(lane, "NOBODY")
    clock.pass_seconds(100)
    undone = lane.undo()
    assert undone.ticket is not None
    assert undone.ticket.id == "good-1"
    assert lane.totals().inside == 0
    assert decided(lane, "GOOD001") == (Outcome.ADMIT, Reason.ADMITTED)
    acts = [entry.act for entry in journal_of(venue)]
    assert acts == [Act.ADMISSION, Act.REFUSAL, Act.ANNULMENT, Act.ADMISSION]


def test_a_late_undo_takes_a_supervisor(lane: Lane, clock: FixedClock) -> None:
    """After the grace time only a supervisor may, with a reason."""
    entry = lane.admit(Scan("GOOD001")).entry
    clock.pass_seconds(121)
    with pytest.raises(OperatorError):
        lane.undo()
    with pytest.raises(OperatorError):
        lane.undo(entry, supervisor=KIM, note="wrong guest")
    with pytest.raises(UsageError):
        lane.undo(entry, supervisor=BOSS)
    assert lane.undo(entry, supervisor=BOSS, note="wrong guest").target.name == entry
    with pytest.raises(UsageError):
        lane.undo(entry, supervisor=BOSS, note="again")


def test_undo_after_a_restart(make_lane: MakeLane, clock: FixedClock) -> None:
    """The lane finds its last movement in its own journal, and the grace time goes on."""
    first = make_lane()
    decided(first, "GOOD001")
    decided(first, "NAMED1")
    decided(first, "NOBODY")
    first.close()
    clock.pass_seconds(100)
    second = make_lane()
    found = second.undoable()
    assert found.ticket is not None
    assert (found.ticket.id, found.target.at_ms, found.target.gate) == ("named-1", NOW_MS, "North")
    assert not found.needs_supervisor
    assert second.undo(found.target.name).target == found.target
    with pytest.raises(UsageError, match="already"):
        second.undoable()
    second.close()
    clock.pass_seconds(100)
    with pytest.raises(UsageError, match="already"):
        make_lane().undo()


def test_after_a_restart_the_grace_time_still_ends(make_lane: MakeLane, clock: FixedClock) -> None:
    """Starting the program again gives nobody more time."""
    first = make_lane()
    decided(first, "GOOD001")
    first.close()
    clock.pass_seconds(121)
    second = make_lane()
    assert second.undoable().needs_supervisor
    with pytest.raises(OperatorError):
        second.undo()


def test_a_refused_undo_leaves_an_entry(lane: Lane, clock: FixedClock, venue: Folder) -> None:
    """It names what was to be undone and who asked; the same again within a minute is no second."""
    lane.sign_in(KIM)
    admitted = lane.admit(Scan("GOOD001")).entry
    clock.pass_seconds(121)
    for _ in range(3):
        with pytest.raises(OperatorError):
            lane.undo()
    (entry,) = [e for e in journal_of(venue) if e.act is Act.UNDO_REFUSED]
    assert (entry.target, entry.operator, entry.gate) == (admitted, "kim", "North")
    with pytest.raises(OperatorError):
        lane.undo(admitted, supervisor=Operator("jo", Role.STAFF), note="wrong guest")
    refused = [e for e in journal_of(venue) if e.act is Act.UNDO_REFUSED][-1]
    assert (refused.target, refused.operator, refused.note) == (admitted, "jo", "wrong guest")
    lane.undo(admitted, supervisor=BOSS, note="wrong guest")
    with pytest.raises(UsageError):
        lane.undo(admitted, supervisor=BOSS, note="again")
    assert journal_of(venue)[-1].act is Act.UNDO_REFUSED
    assert lane.totals().inside == 0
    lane.close()
    assert audit_journal(venue.journal).findings == []


def test_a_refused_undo_takes_nothing_back(lane: Lane, clock: FixedClock, venue: Folder) -> None:
    """Whoever folds the ticket passes it over."""
    decided(lane, "GOOD001")
    clock.pass_seconds(121)
    with pytest.raises(OperatorError):
        lane.undo()
    assert fold(e for e in journal_of(venue) if e.ticket == "good-1").used == 1
    assert decided(lane, "GOOD001") == (Outcome.REFUSE, Reason.ALREADY_USED)
    assert lane.totals().admitted == 1


def test_a_key_for_another_guest_than_was_seen_does_nothing(lane: Lane, venue: Folder) -> None:
    """Law 14: whoever came meanwhile is neither counted nor admitted by a key meant for another."""
    decided(lane, "GROUP1")
    decided(lane, "PASS1")
    with pytest.raises(UsageError, match="another ticket"):
        lane.next_person(45, ticket="group-1")
    decided(lane, "EARLY1")
    with pytest.raises(UsageError, match="another ticket"):
        lane.override(BOSS, "paid", ticket="void-1")
    assert [e.act for e in journal_of(venue)] == [Act.ADMISSION, Act.ADMISSION, Act.REFUSAL]
    assert lane.override(BOSS, "paid", ticket="early-1").ticket is not None


def test_who_may_find_and_admit_is_the_venues_decision(make_lane: MakeLane) -> None:
    """A supervisor, unless the venue lets staff."""
    with pytest.raises(OperatorError):
        make_lane().admit_by_hand("named-1", KIM, "phone is dead")
    lane = make_lane(rules=HouseRules(find_admits=Role.STAFF))
    assert lane.admit_by_hand("named-1", KIM, "phone is dead").outcome is Outcome.ADMIT


def test_nothing_to_undo(lane: Lane) -> None:
    """Refusals are not undone, and an undo is undone only by a new scan."""
    with pytest.raises(UsageError):
        lane.undo()
    refused = lane.admit(Scan("NOBODY"))
    with pytest.raises(UsageError):
        lane.undo(refused.entry)


def test_an_override_is_signed_and_reasoned(lane: Lane, venue: Folder) -> None:
    """A supervisor admits what the rules refuse; the entry says who, why and against what."""
    decided(lane, "VOID1")
    with pytest.raises(OperatorError):
        lane.override(KIM, "please")
    with pytest.raises(UsageError):
        lane.override(BOSS, "  ")
    verdict = lane.override(BOSS, "paid again at the desk")
    assert (verdict.outcome, verdict.reason) == (Outcome.ADMIT, Reason.OVERRIDE)
    entry = journal_of(venue)[-1]
    assert (entry.operator, entry.note, entry.overruled) == (
        "boss",
        "paid again at the desk",
        Reason.REVOKED,
    )


def test_nobody_is_admitted_on_a_code_nobody_issued(lane: Lane) -> None:
    """There is no override without a ticket, and none without a refusal."""
    decided(lane, "NOBODY")
    with pytest.raises(UsageError):
        lane.override(BOSS, "I know her")
    decided(lane, "GOOD001")
    with pytest.raises(UsageError):
        lane.override(BOSS, "again")


def test_admission_by_hand_obeys_the_same_rules(lane: Lane, venue: Folder) -> None:
    """A ticket found by name goes through the same decision, flagged and signed."""
    verdict = lane.admit_by_hand("named-1", BOSS, "phone is dead")
    assert verdict.outcome is Outcome.ADMIT
    assert Flag.MANUAL in verdict.flags
    assert lane.admit_by_hand("named-1", BOSS, "again").reason is Reason.ALREADY_USED
    assert journal_of(venue)[0].operator == "boss"
    assert lane.admit_by_hand("no-such", BOSS, "x").reason is Reason.UNKNOWN


def test_an_undo_elsewhere_waits_for_this_gate(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Admitted here, undone by a supervisor elsewhere: CHECK, and told by whom, until confirmed."""
    here = lane.admit(Scan("GOOD001"))
    annulment = Entry(
        origin="ffffffffffffffff.1", seq=1, prev="", act=Act.ANNULMENT, at_ms=NOW_MS + 1000,
        boot_ms=1, hlc=(NOW_MS + 1000) << 16, ticket="good-1", target=here.entry, gate="South",
        operator="Kim",
    )  # fmt: skip
    write_peer_entries(venue, [annulment])
    clock.pass_seconds(60)
    looked_at = lane.admit(Scan("GOOD001"))
    assert (looked_at.outcome, looked_at.reason) == (Outcome.ATTENTION, Reason.UNDO_CLAIMED)
    told = explain(looked_at, lane.place, ZoneInfo("Asia/Shanghai"))
    assert told.fact == "Undone at South, 12:26 (59 s ago), operator Kim; not confirmed yet"
    clock.pass_seconds(60)
    assert decided(lane, "GOOD001") == (Outcome.REFUSE, Reason.ALREADY_USED)
    undone = lane.undo(here.entry, supervisor=BOSS, note="Kim is right")
    assert not undone.is_claim
    assert lane._do(lambda: lane._files.histories(looked_at.ticket)[1].used) == 1
    with pytest.raises(UsageError, match="already"):
        lane.undo(here.entry, supervisor=BOSS, note="Kim is right")


def test_an_undo_of_what_another_gate_did_is_said_once(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """It is a claim, and the ticket is no sure green here either."""
    other = Entry(
        origin="ffffffffffffffff.1", seq=1, prev="", act=Act.ADMISSION, at_ms=NOW_MS - 90_000,
        boot_ms=1, hlc=(NOW_MS - 90_000) << 16, ticket="good-1", uses=1, persons=1, gate="South",
    )  # fmt: skip
    write_peer_entries(venue, [other])
    assert lane.undo(other.name, supervisor=BOSS, note="wrong guest").is_claim
    with pytest.raises(UsageError, match="undone it already"):
        lane.undo(other.name, supervisor=BOSS, note="wrong guest")
    assert decided(lane, "GOOD001") == (Outcome.ATTENTION, Reason.UNDO_CLAIMED)


def test_without_looking_who_was_seen_a_key_lets_in_another(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside the test of law 14: the key acts on whoever came last."""
    for module in (admission, corrections):
        monkeypatch.setattr(module, "require_same", lambda *_: None)
    decided(lane, "EARLY1")
    admitted = lane.override(BOSS, "paid", ticket="void-1").ticket
    assert admitted is not None
    assert admitted.id == "early-1"
    decided(lane, "GROUP1")
    assert lane.next_person(1, ticket="pass-1").used == 2
