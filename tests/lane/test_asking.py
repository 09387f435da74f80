"""Questions at the scan: nothing happens before the answer, and the answer decides anew."""

from pathlib import Path

import pytest

from gate.core import rules
from gate.core.entry import Act, Entry
from gate.core.history import History, fold
from gate.core.outcome import Flag, Outcome, Reason
from gate.core.place import Direction, HouseRules, Role, UnpaidPolicy
from gate.core.ticket import Status
from gate.core.verdict import Scan, Verdict
from gate.errors import UsageError
from gate.lane import admission
from gate.lane import entries as lane_entries
from gate.lane.admission import ASKED_FOR_S
from gate.lane.files import LaneFiles
from gate.lane.lane import Lane
from gate.reports.ticket_import import import_files
from gate.storage.folder import Folder
from tests.conftest import MakeLane
from tests.support.lanes import BOSS, KIM, decided, journal_of, write_peer_entries
from tests.support.venue import NOW_MS, FixedClock, fill, write_rows

ASKS = HouseRules(unpaid=UnpaidPolicy.ASK, find_admits=Role.STAFF)


@pytest.fixture
def venue(venue: Folder) -> Folder:
    """The venue with types that ask, and tickets that were not paid for."""
    fill(
        venue,
        [
            {"id": "ADULT", "kind": "meeting", "ask": "Over 18?"},
            {"id": "ADULTS", "kind": "meeting", "ask": "Over 18?", "use_limit": 5, "party_size": 5},
            {"code": "ADULT1", "type": "ADULT", "id": "adult-1"},
            {"code": "ADULT2", "type": "ADULT", "id": "adult-2"},
            {"code": "FAMILY1", "type": "ADULTS", "id": "family-1", "status": "unpaid"},
            {"code": "UNPAID1", "type": "SHOW", "id": "unpaid-1", "status": "unpaid"},
            {"code": "BOTH1", "type": "ADULT", "id": "both-1", "status": "unpaid"},
        ],
    )
    return venue


@pytest.fixture
def lane(make_lane: MakeLane) -> Lane:
    """A lane at which what was not paid for is asked about."""
    return make_lane(rules=ASKS)


def answered(lane: Lane, *, yes: bool) -> tuple[Outcome, Reason]:
    verdict = lane.answer(yes=yes)
    return verdict.outcome, verdict.reason


def asked_and_untouched(lane: Lane, folder: Folder, code: str) -> bool:
    """Whether a scan asks, and leaves nothing at all behind."""
    is_asked = lane.admit(Scan(code)).outcome is Outcome.ASK
    return is_asked and not journal_of(folder) and not lane.totals().admitted


@pytest.mark.parametrize("code", ["ADULT1", "FAMILY1", "UNPAID1", "BOTH1"])
def test_nothing_is_redeemed_before_the_answer(lane: Lane, venue: Folder, code: str) -> None:
    """No entry, no use, no count: whoever goes away now has not been here."""
    assert asked_and_untouched(lane, venue, code)


def test_mutation_a_question_that_is_a_notice_redeems(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a question were but something to look at: in before anybody has answered."""
    monkeypatch.setattr(rules, "_is_asked", lambda *_all: False)
    monkeypatch.setattr(rules, "_NOTICES", rules._NOTICES | {Reason.QUESTION})
    assert not asked_and_untouched(lane, venue, "ADULT1")
    assert [entry.act for entry in journal_of(venue)] == [Act.ADMISSION]


def test_mutation_a_question_that_is_an_act_is_kept(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if everything that is decided were an entry."""
    monkeypatch.setattr(lane_entries, "_ACTS", {**lane_entries._ACTS, Outcome.ASK: Act.ADMISSION})
    assert not asked_and_untouched(lane, venue, "ADULT1")


def test_yes_lets_in_and_is_in_the_entry(lane: Lane, venue: Folder) -> None:
    """With the flag, and by whoever stands there."""
    lane.sign_in(KIM)
    shown = lane.admit(Scan("ADULT1", "QRCode", "camera"))
    assert (shown.question, shown.entry, shown.is_green) == ("Over 18?", "", False)
    verdict = lane.answer(yes=True, ticket="adult-1", question=Reason.QUESTION)
    assert (verdict.outcome, verdict.reason) == (Outcome.ADMIT, Reason.ADMITTED)
    entry = journal_of(venue)[-1]
    assert (entry.name, entry.uses, entry.flags) == (verdict.entry, 1, (Flag.YES,))
    assert (entry.operator, entry.source, entry.symbology) == ("kim", "camera", "QRCode")


def test_no_is_a_refusal_with_the_question_as_its_reason(lane: Lane, venue: Folder) -> None:
    """And in the journal; scanned again, the ticket asks anew."""
    lane.admit(Scan("ADULT1"))
    assert answered(lane, yes=False) == (Outcome.REFUSE, Reason.QUESTION)
    (entry,) = journal_of(venue)
    assert (entry.act, entry.uses, entry.flags) == (Act.REFUSAL, 0, (Flag.NO,))
    assert lane.admit(Scan("ADULT1")).outcome is Outcome.ASK


def test_a_supervisor_may_overrule_a_no(lane: Lane) -> None:
    """As any refusal; but not a question, for nothing was refused."""
    lane.admit(Scan("ADULT1"))
    with pytest.raises(UsageError):
        lane.override(BOSS, "knows her")
    lane.answer(yes=False)
    assert lane.override(BOSS, "knows her").overruled is Reason.QUESTION


def test_a_second_question_follows_the_first(lane: Lane, venue: Folder) -> None:
    """First the money, then the age; both are in the one entry."""
    assert decided(lane, "BOTH1") == (Outcome.ASK, Reason.UNPAID)
    assert answered(lane, yes=True) == (Outcome.ASK, Reason.QUESTION)
    assert not journal_of(venue)
    assert answered(lane, yes=True) == (Outcome.ADMIT, Reason.ADMITTED)
    (entry,) = journal_of(venue)
    assert entry.flags == (Flag.PAID_HERE, Flag.YES)


def test_a_second_reading_asks_the_same(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """The guest holds the code up again while the second question waits: money is taken once."""
    decided(lane, "BOTH1")
    lane.answer(yes=True)
    clock.pass_seconds(5)
    assert decided(lane, "BOTH1") == (Outcome.ASK, Reason.QUESTION)
    assert answered(lane, yes=True)[0] is Outcome.ADMIT
    assert [entry.flags for entry in journal_of(venue)] == [(Flag.PAID_HERE, Flag.YES)]


def nothing_happens(lane: Lane, folder: Folder, before: int = 0) -> None:
    for yes in (True, False):
        with pytest.raises(UsageError, match="no question"):
            lane.answer(yes=yes)
    assert len(journal_of(folder)) == before


def test_after_a_minute_nothing_has_happened(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """An answer after that is to a guest who may be gone."""
    lane.admit(Scan("ADULT1"))
    clock.pass_seconds(ASKED_FOR_S + 1)
    nothing_happens(lane, venue)
    lane.admit(Scan("ADULT1"))
    clock.pass_seconds(ASKED_FOR_S - 1)
    clock.jump_seconds(3600)
    assert lane.answer(yes=True).is_green, "a minute of the boot clock, whatever the time of day"


def test_another_scan_ends_a_question(lane: Lane, venue: Folder) -> None:
    """It is decided, and nothing happened to the first; nor does a key reach it any more."""
    lane.admit(Scan("ADULT1"))
    assert decided(lane, "GOOD001")[0] is Outcome.ADMIT
    nothing_happens(lane, venue, before=1)
    lane.admit(Scan("ADULT1"))
    lane.admit(Scan("ADULT2"))
    with pytest.raises(UsageError, match="another ticket"):
        lane.answer(yes=True, ticket="adult-1")
    assert lane.answer(yes=True, ticket="adult-2").is_green


def test_mutation_a_key_without_its_ticket_answers_for_another(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside law 14: the yes meant for one guest lets the next one in."""
    monkeypatch.setattr(admission, "require_same", lambda *_all: None)
    lane.admit(Scan("ADULT1"))
    lane.admit(Scan("ADULT2"))
    verdict = lane.answer(yes=True, ticket="adult-1")
    assert verdict.ticket is not None
    assert (verdict.ticket.id, verdict.is_green) == ("adult-2", True)


def test_a_key_answers_the_question_that_was_seen(lane: Lane, venue: Folder) -> None:
    """A second yes that comes before the second question was shown answers nothing."""
    lane.admit(Scan("BOTH1"))
    lane.answer(yes=True, ticket="both-1", question=Reason.UNPAID)
    with pytest.raises(UsageError):
        lane.answer(yes=True, ticket="both-1", question=Reason.UNPAID)
    assert not journal_of(venue)
    assert lane.answer(yes=True, ticket="both-1", question=Reason.QUESTION).is_green


def test_a_question_that_is_dropped_is_asked_from_the_start(lane: Lane, venue: Folder) -> None:
    """Escape: no answer, no entry, and no money that was said to be taken before."""
    lane.admit(Scan("BOTH1"))
    lane.answer(yes=True)
    lane.drop_question()
    nothing_happens(lane, venue)
    assert decided(lane, "BOTH1") == (Outcome.ASK, Reason.UNPAID)


def test_a_lane_that_was_turned_answers_nothing(lane: Lane, venue: Folder) -> None:
    """A yes to who wanted in is no exit."""
    lane.admit(Scan("ADULT1"))
    lane.direction = Direction.OUT
    nothing_happens(lane, venue)


def other_gate(ticket: str) -> Entry:
    return Entry(
        origin="ffffffffffffffff.1", seq=1, prev="", act=Act.ADMISSION, at_ms=NOW_MS,
        boot_ms=1, hlc=NOW_MS << 16, ticket=ticket, uses=1, persons=1,
    )  # fmt: skip


@pytest.mark.parametrize("direction", [Direction.IN, Direction.BOTH])
@pytest.mark.parametrize("by_hand", [False, True])
def test_whoever_was_let_in_elsewhere_meanwhile_is_refused(
    lane: Lane, venue: Folder, direction: Direction, by_hand: bool
) -> None:
    """Between question and answer another gate admits on it: decided anew, so refused."""
    lane.direction = direction
    if by_hand:
        lane.admit_by_hand("adult-1", KIM, "phone is dead")
    else:
        lane.admit(Scan("ADULT1"))
    write_peer_entries(venue, [other_gate("adult-1")])
    assert answered(lane, yes=True) == (Outcome.REFUSE, Reason.ALREADY_USED)
    assert fold(journal_of(venue)).used == 0


def test_mutation_an_answer_to_what_was_known_then_lets_a_used_ticket_in(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the answer finished the first decision, instead of deciding anew."""
    lane.admit(Scan("ADULT1"))
    write_peer_entries(venue, [other_gate("adult-1")])
    monkeypatch.setattr(LaneFiles, "histories", lambda *_all, **_timed: (History(), History()))
    assert lane.answer(yes=True).is_green


def test_a_ticket_that_was_cancelled_meanwhile_is_refused(
    lane: Lane, venue: Folder, tmp_path: Path
) -> None:
    """By hand as by its code: the ticket is looked up anew for the answer."""
    lane.admit_by_hand("adult-1", KIM, "phone is dead")
    row = {"code": "ADULT1", "type": "ADULT", "id": "adult-1", "status": Status.REVOKED.value}
    import_files(venue, [write_rows(tmp_path / "more.jsonl", [dict(row)])])
    assert answered(lane, yes=True) == (Outcome.REFUSE, Reason.REVOKED)


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_fault_on_the_answer_is_a_hold(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch, by_hand: bool
) -> None:
    """Never green, and the question is over."""
    if by_hand:
        lane.admit_by_hand("adult-1", KIM, "phone is dead")
    else:
        lane.admit(Scan("ADULT1"))
    pointer = venue.pointer.read_bytes()
    venue.pointer.unlink()
    assert answered(lane, yes=True) == (Outcome.HOLD, Reason.FAULT)
    venue.pointer.write_bytes(pointer)
    nothing_happens(lane, venue)


def test_an_admission_by_hand_asks_too(lane: Lane, venue: Folder) -> None:
    """And its entry has both flags, the reason and who did it."""
    verdict = lane.admit_by_hand("adult-1", KIM, "phone is dead")
    assert verdict.outcome is Outcome.ASK
    assert not journal_of(venue)
    assert lane.answer(yes=True).is_green
    (entry,) = journal_of(venue)
    assert entry.flags == (Flag.YES, Flag.MANUAL)
    assert (entry.operator, entry.note) == ("kim", "phone is dead")


def test_every_next_person_is_asked_and_money_is_taken_once(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Of a family that pays at the gate."""
    assert decided(lane, "FAMILY1") == (Outcome.ASK, Reason.UNPAID)
    assert answered(lane, yes=True) == (Outcome.ASK, Reason.QUESTION)
    assert answered(lane, yes=True)[0] is Outcome.ADMIT
    following: Verdict = lane.next_person()
    assert (following.outcome, following.reason) == (Outcome.ASK, Reason.QUESTION)
    assert lane.answer(yes=True).used == 2
    assert lane.next_person(2).outcome is Outcome.ASK
    clock.pass_seconds(2)
    assert decided(lane, "FAMILY1") == (Outcome.ASK, Reason.QUESTION), "still about the two"
    assert lane.answer(yes=True).used == 4
    assert [(e.persons, e.flags) for e in journal_of(venue)] == [
        (1, (Flag.PAID_HERE, Flag.YES)),
        (1, (Flag.YES,)),
        (2, (Flag.YES,)),
    ]


def test_checking_and_leaving_ask_nobody(lane: Lane, venue: Folder) -> None:
    """VALID tells the question; an exit is an exit."""
    assert lane.check("ADULT1", "keyboard").question == "Over 18?"
    lane.direction = Direction.CHECK
    assert decided(lane, "ADULT1") == (Outcome.VALID, Reason.QUESTION)
    assert decided(lane, "UNPAID1") == (Outcome.VALID, Reason.UNPAID)
    lane.direction = Direction.OUT
    assert decided(lane, "ADULT1") == (Outcome.EXIT, Reason.EXITED)
    nothing_happens(lane, venue, before=3)
