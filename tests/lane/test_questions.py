"""The event's questions at a lane: an admission and its answers are one entry."""

import json
import logging
from dataclasses import replace

import pytest

from gate.core.entry import Act, Entry
from gate.core.outcome import Flag, Outcome, Reason
from gate.core.place import HouseRules, Role
from gate.core.verdict import Scan
from gate.credential.sealed_answers import open_answers
from gate.errors import UsageError
from gate.lane.lane import Lane
from gate.storage import event_end
from gate.storage.folder import Folder
from gate.storage.replica_file import ReplicaFile
from gate.storage.replica_reader import ReplicaReader
from tests.conftest import MakeLane
from tests.support.lanes import BOSS, KIM, decided, journal_of, write_peer_entries
from tests.support.venue import NOW_MS, FixedClock, fill

QUESTIONS = json.dumps([
    {"id": "meal", "text": "Which meal?", "kind": "choice",
     "options": [{"id": "soup", "text": "Soup"}, {"id": "fish", "text": "Fish"}]},
    {"id": "bones", "text": "Bones?", "kind": "yes_no", "required": False,
     "depends_on": "meal", "depends_values": ["fish"]},
    {"id": "plate", "text": "Number plate?", "required": False, "types": ["SHOW"], "show": True},
])  # fmt: skip
ASKS = HouseRules(questions=QUESTIONS, find_admits=Role.STAFF)


@pytest.fixture
def venue(venue: Folder) -> Folder:
    """The venue with tickets of which some have answered before, and one for a group."""
    fill(
        venue,
        [
            {"id": "GROUP", "kind": "meeting", "use_limit": 3, "party_size": 3},
            {"code": "Q1", "type": "SHOW", "id": "q-1"},
            {"code": "Q2", "type": "SHOW", "id": "q-2", "answers": "meal=soup|plate=B-X 1"},
            {"code": "Q3", "type": "GROUP", "id": "q-3", "answers": {"meal": "fish"}},
            {"code": "Q4", "type": "GROUP", "id": "q-4"},
        ],
    )
    return venue


@pytest.fixture
def lane(make_lane: MakeLane) -> Lane:
    """A lane at which the event's questions are asked."""
    return make_lane(rules=ASKS)


def asked(lane: Lane, code: str) -> str:
    """Which question a scan asks."""
    verdict = lane.admit(Scan(code))
    assert verdict.outcome is Outcome.ASK
    return verdict.asked.id if verdict.asked else ""


def said(folder: Folder) -> dict[str, str]:
    """What the newest entry says was answered."""
    entry = journal_of(folder)[-1]
    return open_answers(key_of(folder), entry.ticket, entry.answers)


def key_of(folder: Folder) -> bytes:
    reader = ReplicaReader(folder)
    reader.refresh()
    reader.close()
    return reader.key


def test_an_admission_comes_with_its_answers(lane: Lane, venue: Folder) -> None:
    """One question after the other, and nothing in the journal before the last."""
    assert asked(lane, "Q1") == "meal"
    following = lane.fill_in("2", ticket="q-1", question="meal")
    assert following.asked is not None
    assert (following.outcome, following.asked.id) == (Outcome.ASK, "bones")
    assert lane.fill_in("n").asked is not None
    assert journal_of(venue) == []
    assert lane.totals().admitted == 0
    verdict = lane.fill_in("")
    assert (verdict.outcome, verdict.reason) == (Outcome.ADMIT, Reason.ADMITTED)
    (entry,) = journal_of(venue)
    assert (entry.act, entry.uses) == (Act.ADMISSION, 1)
    assert entry.answered == ("meal", "bones", "plate")
    assert said(venue) == {"meal": "fish", "bones": "false"}


def test_what_was_answered_before_is_not_asked_and_may_be_shown(lane: Lane) -> None:
    """As the organiser's list has it."""
    verdict = lane.admit(Scan("Q2"))
    assert verdict.outcome is Outcome.ADMIT
    assert verdict.shown == (("Number plate?", "B-X 1"),)


def test_a_group_is_asked_once(lane: Lane, venue: Folder) -> None:
    """Its answers are the ticket's: who comes next on it is not asked, here or elsewhere."""
    assert asked(lane, "Q3") == "bones"
    assert lane.fill_in("y").is_green
    assert lane.next_person(2, ticket="q-3").is_green
    assert said(venue) == {}


def test_another_gates_answers_count(lane: Lane, venue: Folder, make_lane: MakeLane) -> None:
    """An entry of a peer says which questions were put, and not what was answered."""
    assert asked(lane, "Q4") == "meal"
    lane.fill_in("1")
    (entry,) = journal_of(venue)
    lane.close()
    venue.journal.unlink()
    write_peer_entries(venue, [replace(entry, origin="other.1")])
    other = make_lane(rules=ASKS)
    assert other.admit(Scan("Q4")).is_green


@pytest.mark.parametrize("typed", ["", "3", "Meat", "-"])
def test_what_is_no_answer_leaves_the_question_open(lane: Lane, venue: Folder, typed: str) -> None:
    """It says so and goes on asking; skipping is not for staff to decide."""
    assert asked(lane, "Q1") == "meal"
    with pytest.raises(UsageError):
        lane.fill_in(typed, ticket="q-1", question="meal")
    assert journal_of(venue) == []
    assert lane.fill_in("1", ticket="q-1", question="meal").outcome is Outcome.ASK


def test_where_the_event_allows_it_staff_may_skip(make_lane: MakeLane, venue: Folder) -> None:
    """The entry says so, and has what was answered until then; next time it asks again."""
    lane = make_lane(rules=HouseRules(questions=QUESTIONS, skip_questions=True))
    assert asked(lane, "Q4") == "meal"
    lane.fill_in("2")
    assert lane.fill_in("-").is_green
    (entry,) = journal_of(venue)
    assert (entry.answered, entry.flags) == (("meal",), (Flag.QUESTIONS_SKIPPED,))
    assert said(venue) == {"meal": "fish"}


def test_who_goes_away_has_not_been_here(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """By Escape, by another guest's scan, or in a minute; the answers so far are forgotten."""
    for go_away in (
        lane.drop_question,
        lambda: lane.admit(Scan("Q2")),
        lambda: clock.pass_seconds(61),
    ):
        assert asked(lane, "Q1") == "meal"
        assert lane.fill_in("2").outcome is Outcome.ASK
        go_away()
        with pytest.raises(UsageError):
            lane.fill_in("y", ticket="q-1")
    assert {entry.ticket for entry in journal_of(venue)} == {"q-2"}


def test_the_same_code_again_goes_on_asking(lane: Lane) -> None:
    """What was answered stays answered."""
    assert asked(lane, "Q1") == "meal"
    lane.fill_in("2")
    assert asked(lane, "Q1") == "bones"


def test_a_key_answers_none_of_them(lane: Lane) -> None:
    """And nothing is answered to a question that is not the one that was seen."""
    assert asked(lane, "Q1") == "meal"
    with pytest.raises(UsageError):
        lane.fill_in("1", ticket="q-1", question="bones")
    with pytest.raises(UsageError):
        lane.fill_in("1", ticket="q-2", question="meal")
    with pytest.raises(UsageError):
        lane.answer(yes=True, question=Reason.QUESTION)


def test_another_lane_was_quicker(lane: Lane, venue: Folder) -> None:
    """The ticket is decided anew with the last answer: used by now, it is refused."""
    assert asked(lane, "Q1") == "meal"
    lane.fill_in("1")
    write_peer_entries(venue, [of_another_gate(lane)])
    verdict = lane.fill_in("")
    assert (verdict.outcome, verdict.reason) == (Outcome.REFUSE, Reason.ALREADY_USED)
    (entry,) = journal_of(venue)
    assert (entry.act, entry.answered, entry.answers) == (Act.REFUSAL, (), "")


def of_another_gate(lane: Lane) -> Entry:
    """Another gate lets the guest in while the question is open."""
    made = lane._entries.make(Act.ADMISSION)
    return replace(made, origin="other.1", ticket="q-1", uses=1, persons=1, at_ms=NOW_MS - 9000)


def test_by_hand_it_asks_too(lane: Lane, venue: Folder) -> None:
    """A guest found by name answers the same, and nothing was refused that could be overruled."""
    verdict = lane.admit_by_hand("q-4", KIM, "no phone")
    assert verdict.outcome is Outcome.ASK
    with pytest.raises(UsageError):
        lane.override(BOSS, "hurry")
    assert lane.fill_in("1").is_green
    (entry,) = journal_of(venue)
    assert (entry.note, said(venue)) == ("no phone", {"meal": "soup"})


def test_a_file_is_for_the_desk_or_a_supervisor(make_lane: MakeLane, venue: Folder) -> None:
    """Before anything else is asked: WAIT, which a supervisor may overrule."""
    photo = [{"id": "name", "text": "Name?"}, {"id": "photo", "text": "Photo", "kind": "file"}]
    lane = make_lane(rules=HouseRules(questions=json.dumps(photo)))
    assert decided(lane, "Q1") == (Outcome.HOLD, Reason.ANSWERS)
    with pytest.raises(UsageError):
        lane.fill_in("me.png")
    assert lane.override(BOSS, "photo seen").overruled is Reason.ANSWERS
    assert [entry.act for entry in journal_of(venue)] == [Act.HOLD, Act.ADMISSION]


def test_all_answers_fit_into_their_entry(make_lane: MakeLane, venue: Folder) -> None:
    """What would not is said while it is asked, and never a fault when it is kept."""
    texts = [{"id": str(n), "text": "?", "kind": "long_text"} for n in range(20)]
    lane = make_lane(rules=HouseRules(questions=json.dumps(texts)))
    assert asked(lane, "Q4") == "0"
    taken = 0
    with pytest.raises(UsageError, match="too long"):
        while True:
            lane.fill_in("\u00df" * 500)
            taken += 1
    assert taken == 5
    for _rest in range(14):
        assert lane.fill_in("x").outcome is Outcome.ASK
    assert lane.fill_in("x").is_green
    assert len(said(venue)) == 20


def test_no_answer_is_in_a_log(lane: Lane, caplog: pytest.LogCaptureFixture) -> None:
    """Nor in the journal, but sealed."""
    caplog.set_level(logging.DEBUG)
    assert asked(lane, "Q4") == "meal"
    lane.fill_in("2")
    lane.fill_in("y")
    assert "verdict" in caplog.text
    assert "fish" not in caplog.text


def test_after_the_event_nobody_reads_them(lane: Lane, venue: Folder) -> None:
    """The key goes with names and codes; the entry stays as it was hashed."""
    assert asked(lane, "Q4") == "meal"
    assert lane.fill_in("1").is_green
    assert said(venue) == {"meal": "soup"}
    lane.close()
    before = journal_of(venue)
    file = ReplicaFile(venue)
    event_end.drop_personal(file, NOW_MS)
    file.close()
    assert said(venue) == {}
    assert journal_of(venue) == before


def test_mutation_a_question_that_nobody_puts(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if they were never asked: in without an answer."""
    monkeypatch.setattr("gate.core.questions_rule.next_asked", lambda *_all: None)
    assert decided(lane, "Q1") == (Outcome.ADMIT, Reason.ADMITTED)
    assert said(venue) == {}
