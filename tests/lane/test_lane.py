"""The lane: one scan in, one durable verdict out, and a fault is a HOLD."""

import logging
import shutil
import sqlite3
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlite_utils import Database

from gate.core import entry_codec
from gate.core.history import fold
from gate.core.model import (
    HAND,
    Act,
    Direction,
    Entry,
    Flag,
    HouseRules,
    Outcome,
    Place,
    Reason,
    Role,
    Scan,
    ScannerProof,
)
from gate.credential import scanners
from gate.credential.layouts import retyped
from gate.credential.repair import read_flaw
from gate.errors import OperatorError, UsageError
from gate.lane import admission, files
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.reports.ticket_import import import_files
from gate.storage import schema
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder
from gate.storage.journal import JournalReader, remember
from gate.text.words import explain
from tests.conftest import MakeLane
from tests.support.venue import NOW_MS, FixedClock, fill, write_rows

BOSS = Operator("boss", Role.SUPERVISOR)
KIM = Operator("kim", Role.STAFF)


def said(lane: Lane, code: str) -> tuple[Outcome, Reason]:
    verdict = lane.admit(Scan(code, "QRCode", "camera"))
    return verdict.outcome, verdict.reason


def journal_of(folder: Folder) -> list[Entry]:
    reader = JournalReader(folder.journal)
    try:
        return [entry for _row, entry in reader.page(limit=100_000)]
    finally:
        reader.close()


def test_a_good_ticket_goes_in_once(lane: Lane, clock: FixedClock) -> None:
    """Admitted, then neutral within seconds, then a second use."""
    assert said(lane, "GOOD001") == (Outcome.ADMIT, Reason.ADMITTED)
    clock.pass_seconds(3)
    assert said(lane, "GOOD001") == (Outcome.RESCAN, Reason.SAME_TICKET)
    clock.pass_seconds(20)
    assert said(lane, "GOOD001") == (Outcome.REFUSE, Reason.ALREADY_USED)


def test_what_was_shown_is_in_the_journal(lane: Lane, venue: Folder) -> None:
    """The verdict names its entry, and the entry is there for another reader to see."""
    verdict = lane.admit(Scan("GOOD001", "QRCode", "camera"))
    (entry,) = journal_of(venue)
    assert entry.name == verdict.entry
    assert (entry.act, entry.ticket, entry.outcome) == (Act.ADMISSION, "good-1", Outcome.ADMIT)
    assert (entry.source, entry.symbology, entry.gate) == ("camera", "QRCode", "North")


def test_a_duplicate_says_when_where_and_by_whom(lane: Lane, clock: FixedClock) -> None:
    """The verdict carries the first admission for the screen to tell."""
    lane.sign_in(KIM)
    lane.admit(Scan("GOOD001"))
    clock.pass_seconds(60)
    first = lane.admit(Scan("GOOD001")).history.first
    assert first is not None
    assert (first.at_ms, first.gate, first.operator) == (NOW_MS, "North", "kim")


def test_aliases_are_one_ticket(lane: Lane, clock: FixedClock) -> None:
    """A boarding pass used by its code is used by its QR data too."""
    assert said(lane, "FLY1")[0] is Outcome.ADMIT
    clock.pass_seconds(60)
    assert said(lane, "M1QR DATA") == (Outcome.REFUSE, Reason.ALREADY_USED)


def test_the_old_code_of_a_transferred_ticket_is_dead(lane: Lane) -> None:
    """The giver is refused, the receiver goes in, on one ticket."""
    assert said(lane, "OLD1") == (Outcome.REFUSE, Reason.TRANSFERRED)
    assert said(lane, "NEW1") == (Outcome.ADMIT, Reason.ADMITTED)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("NOBODY", Reason.UNKNOWN),
        ("", Reason.UNREADABLE),
        ("x" * 5000, Reason.UNREADABLE),
        ("VOID1", Reason.REVOKED),
        ("EARLY1", Reason.TOO_EARLY),
        ("LATE1", Reason.TOO_LATE),
        ("FLY2", Reason.NOT_CHECKED_IN),
    ],
)
def test_refusals_are_recorded_too(lane: Lane, venue: Folder, code: str, reason: Reason) -> None:
    """Every refusal is an entry: it is what arguments at the door are settled with."""
    assert said(lane, code) == (Outcome.REFUSE, reason)
    (entry,) = journal_of(venue)
    assert (entry.act, entry.reason) == (Act.REFUSAL, reason)


def typed(lane: Lane, text: str, source: str = "keyboard") -> tuple[Outcome, Reason]:
    verdict = lane.admit(Scan(text, source=source))
    return verdict.outcome, verdict.reason


LONG = "K7QX-2026-YZAW;MQ/9"


def at_keyboard(layout: str, code: str) -> str:
    """What a US scanner types at a computer with another keyboard."""
    text = retyped(code, "us", layout)
    assert text is not None
    return text


@pytest.fixture
def long_lane(make_lane: MakeLane, clock: FixedClock, folder: Folder) -> Lane:
    """A lane whose tickets have codes as long as most."""
    rows: list[dict[str, object]] = [
        {"code": LONG, "type": "SHOW", "id": "long-1"},
        {"code": LONG.lower(), "type": "SHOW", "id": "long-2"},
        {"code": "K7QX-2026-VOID", "type": "SHOW", "id": "long-3", "status": "revoked"},
        {"code": "K7QX-2026-MORE", "type": "SHOW", "id": "long-4"},
        {"code": "12345678", "type": "SHOW", "id": "short-1"},
    ]
    fill(folder, rows)
    return make_lane()


def test_what_a_scanner_typed_wrongly_is_unknown_until_it_is_believed(
    long_lane: Lane, folder: Folder
) -> None:
    """A wrong layout lets nobody in; the verdict says what would explain it, a key believes it."""
    typed_text = at_keyboard("de", LONG)
    verdict = long_lane.admit(Scan(typed_text, source="keyboard"))
    assert (verdict.reason, verdict.ticket) == (Reason.UNKNOWN, None)
    assert (verdict.scanner_flaws, verdict.scanner_proof) == (("layout:de>us",), ScannerProof.KEY)
    proposed = long_lane.scanner_proposal()
    assert (proposed.text, proposed.meant, proposed.ticket.id) == (typed_text, LONG, "long-1")
    long_lane.believe(proposed)
    verdict = long_lane.admit(Scan(typed_text, source="keyboard"))
    assert (verdict.outcome, verdict.ticket and verdict.ticket.id) == (Outcome.ADMIT, "long-1")
    assert verdict.scanner_flaws == ()
    entry = journal_of(folder)[-1]
    assert (entry.ticket, entry.flags) == ("long-1", (Flag.REPAIRED,))
    # Another input's scanner is another one.
    assert typed(long_lane, at_keyboard("de", "K7QX-2026-VOID"), "evdev")[1] is Reason.UNKNOWN


def test_a_camera_is_not_repaired(long_lane: Lane) -> None:
    """What a camera reads has error correction; a wrong layout is a scanner's."""
    assert typed(long_lane, at_keyboard("de", LONG), "camera")[1] is Reason.UNKNOWN
    with pytest.raises(UsageError):
        long_lane.scanner_proposal()


def test_what_does_not_show_itself_takes_a_supervisor(long_lane: Lane) -> None:
    """A character too many may be somebody else's number: staff cannot believe it away."""
    assert typed(long_lane, "912345678")[1] is Reason.UNKNOWN
    proposed = long_lane.scanner_proposal()
    assert (proposed.ticket.id, proposed.proof) == ("short-1", ScannerProof.SUPERVISOR)
    for nobody in (None, KIM):
        with pytest.raises(OperatorError):
            long_lane.believe(proposed, nobody)
    assert typed(long_lane, "912345678")[1] is Reason.UNKNOWN
    long_lane.believe(proposed, BOSS)
    assert typed(long_lane, "912345678")[0] is Outcome.ADMIT


def test_what_was_counted_ends_with_the_process_and_what_was_saved_does_not(
    long_lane: Lane, make_lane: MakeLane, clock: FixedClock
) -> None:
    """Three guests establish a layout for the evening's process; a person's word is kept."""
    texts = [at_keyboard("de", code) for code in (LONG, "K7QX-2026-VOID", "K7QX-2026-MORE")]
    assert [typed(long_lane, text)[1] for text in texts] == [
        Reason.UNKNOWN, Reason.UNKNOWN, Reason.ADMITTED,
    ]  # fmt: skip
    assert long_lane.scanner_fixes() == {}
    long_lane.close()
    lane = make_lane()
    assert typed(lane, texts[0])[1] is Reason.UNKNOWN
    lane.believe(lane.scanner_proposal())
    lane.close()
    lane = make_lane()
    assert list(lane.scanner_fixes()) == ["keyboard"]
    assert typed(lane, texts[0])[1] is Reason.ADMITTED
    # A scanner that has been set right in the meantime goes on working.
    clock.pass_seconds(60)
    assert typed(lane, LONG)[1] is Reason.ALREADY_USED


def test_two_tickets_by_a_believed_flaw_wait(long_lane: Lane, folder: Folder) -> None:
    """As it stands one ticket, as it is meant another: a person decides, and neither is spent."""
    long_lane.scanner_tested("keyboard", (read_flaw("case:swap"),))
    verdict = long_lane.admit(Scan(LONG, source="keyboard"))
    assert (verdict.outcome, verdict.reason) == (Outcome.HOLD, Reason.TWO_TICKETS)
    assert {ticket.id for ticket in verdict.rivals} == {"long-1", "long-2"}
    (entry,) = journal_of(folder)
    assert (entry.act, entry.ticket, entry.uses) == (Act.HOLD, "", 0)


def test_a_contradiction_ends_a_saved_fix(long_lane: Lane, make_lane: MakeLane) -> None:
    """A ticket's code as it stands, which the flaw would have changed: it is kept no longer."""
    long_lane.scanner_tested("keyboard", (read_flaw("added-first:1"),))
    verdict = long_lane.admit(Scan("K7QX-2026-VOID", source="keyboard"))
    assert (verdict.reason, verdict.ended_flaws) == (Reason.REVOKED, ("added-first:1",))
    long_lane.close()
    lane = make_lane()
    assert lane.scanner_fixes() == {}
    assert typed(lane, "912345678")[1] is Reason.UNKNOWN


def test_another_scanner_at_the_input_ends_what_was_saved(
    long_lane: Lane, make_lane: MakeLane
) -> None:
    """What was believed of one device is not believed of the next that is plugged in."""
    assert not long_lane.scanner_plugged("evdev", "0c2e:0b61 A1")
    long_lane.scanner_tested("evdev", (read_flaw("added-first:1"),))
    assert not long_lane.scanner_plugged("evdev", "0c2e:0b61 A1")
    long_lane.close()
    lane = make_lane()
    assert not lane.scanner_plugged("evdev", "0c2e:0b61 A1")
    assert typed(lane, "912345678", "evdev")[0] is Outcome.ADMIT
    assert lane.scanner_plugged("evdev", "05e0:1200 B7")
    assert lane.scanner_fixes() == {}
    assert typed(lane, "9K7QX-2026-VOID", "evdev")[1] is Reason.UNKNOWN


def test_what_a_scanner_cuts_off_is_learnt_from_the_codes_before(long_lane: Lane) -> None:
    """How a known code began is put back where the next one lacks it: as a proposal."""
    assert typed(long_lane, LONG[3:])[1] is Reason.UNKNOWN
    assert typed(long_lane, "K7QX-2026-VOID")[1] is Reason.REVOKED
    verdict = long_lane.admit(Scan(LONG[4:], source="keyboard"))
    assert (verdict.outcome, verdict.scanner_flaws) == (Outcome.REFUSE, ("lost-first:K7QX",))
    assert verdict.scanner_proof is ScannerProof.SUPERVISOR


def test_a_damaged_file_of_fixes_stops_nobody(long_lane: Lane, folder: Folder) -> None:
    """It is warned of, and everything is as if there were no fix."""
    folder.fixes.write_text('{"keyboard": ["layout:xx>yy"]}')
    assert typed(long_lane, LONG)[0] is Outcome.ADMIT


def test_a_text_is_looked_into_once(long_lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of one unknown text does not cost its repairs again and again."""
    asked = []
    monkeypatch.setattr(scanners, "repairs", lambda *args: asked.append(args) or iter(()))
    for _n in range(5):
        assert typed(long_lane, "NOBODY-KNOWS-THIS")[1] is Reason.UNKNOWN
    assert len(asked) == 1


def test_no_code_is_ever_written_down(lane: Lane, venue: Folder) -> None:
    """Law 10: entries carry the ticket's id or a keyed hash, never the text."""
    said(lane, "GOOD001")
    said(lane, "SECRET-CODE-OF-A-STRANGER")
    lane.close()
    for path in venue.path.iterdir():
        content = path.read_bytes()
        assert b"SECRET-CODE" not in content, path
        assert b"GOOD001" not in content, path


def test_a_group_goes_in_by_key(lane: Lane, clock: FixedClock) -> None:
    """One scan, then the key for the next or a count; never more than were sold."""
    assert said(lane, "GROUP1") == (Outcome.ADMIT, Reason.ADMITTED)
    clock.pass_seconds(2)
    verdict = lane.admit(Scan("GROUP1"))
    assert (verdict.outcome, verdict.reason, verdict.used) == (
        Outcome.RESCAN,
        Reason.MORE_USES,
        1,
    )
    assert lane.next_person().used == 2
    assert lane.next_person(2).used == 4
    refused = lane.next_person(2)
    assert (refused.reason, refused.used) == (Reason.NOT_ENOUGH_USES, 4)
    assert lane.next_person().used == 5
    assert lane.next_person().reason is Reason.ALREADY_USED
    assert lane.totals().admitted == 5


def test_the_key_needs_a_ticket(lane: Lane) -> None:
    """Without a scan there is nobody to let in."""
    with pytest.raises(UsageError):
        lane.next_person()
    lane.admit(Scan("NOBODY"))
    with pytest.raises(UsageError):
        lane.next_person()


def test_out_and_in_again(lane: Lane, clock: FixedClock) -> None:
    """An exit frees the way back, at no new use."""
    said(lane, "GOOD001")
    clock.pass_seconds(60)
    lane.direction = Direction.OUT
    assert said(lane, "GOOD001") == (Outcome.EXIT, Reason.EXITED)
    assert lane.totals().inside == 0
    clock.pass_seconds(60)
    lane.direction = Direction.IN
    assert said(lane, "GOOD001") == (Outcome.ADMIT, Reason.REENTRY)
    assert lane.totals().inside == 1


def test_checking_changes_nothing(lane: Lane) -> None:
    """A checked ticket is as good as before."""
    lane.direction = Direction.CHECK
    assert said(lane, "GOOD001")[0] is Outcome.VALID
    lane.direction = Direction.IN
    assert said(lane, "GOOD001")[0] is Outcome.ADMIT


def test_undo_within_the_grace_time(lane: Lane, clock: FixedClock, venue: Folder) -> None:
    """The lane's own last admission can be taken back, and the ticket is good again."""
    said(lane, "GOOD001")
    said(lane, "NOBODY")
    clock.pass_seconds(100)
    undone = lane.undo()
    assert undone.ticket is not None
    assert undone.ticket.id == "good-1"
    assert lane.totals().inside == 0
    assert said(lane, "GOOD001") == (Outcome.ADMIT, Reason.ADMITTED)
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
    said(first, "GOOD001")
    said(first, "NAMED1")
    said(first, "NOBODY")
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
    said(first, "GOOD001")
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
    said(lane, "GOOD001")
    clock.pass_seconds(121)
    with pytest.raises(OperatorError):
        lane.undo()
    assert fold(e for e in journal_of(venue) if e.ticket == "good-1").used == 1
    assert said(lane, "GOOD001") == (Outcome.REFUSE, Reason.ALREADY_USED)
    assert lane.totals().admitted == 1


def test_a_key_for_another_guest_than_was_seen_does_nothing(lane: Lane, venue: Folder) -> None:
    """Law 14: whoever came meanwhile is neither counted nor admitted by a key meant for another."""
    said(lane, "GROUP1")
    said(lane, "PASS1")
    with pytest.raises(UsageError, match="another ticket"):
        lane.next_person(45, ticket="group-1")
    said(lane, "EARLY1")
    with pytest.raises(UsageError, match="another ticket"):
        lane.override(BOSS, "paid", ticket="void-1")
    assert [e.act for e in journal_of(venue)] == [Act.ADMISSION, Act.ADMISSION, Act.REFUSAL]
    assert lane.override(BOSS, "paid", ticket="early-1").ticket is not None


def test_a_code_typed_by_hand_is_a_scan_of_its_own_source(lane: Lane, venue: Folder) -> None:
    """The same rules decide, the entry says that it was typed, and nothing is guessed."""
    assert lane.admit_typed("GOOD001").outcome is Outcome.ADMIT
    assert lane.admit_typed("good001").reason is not Reason.ADMITTED
    entry = journal_of(venue)[0]
    assert (entry.act, entry.source) == (Act.ADMISSION, HAND)


def test_an_event_may_forbid_typing_codes(make_lane: MakeLane, venue: Folder) -> None:
    """Then it is refused before anything is decided."""
    lane = make_lane(rules=HouseRules(hand_codes=False))
    with pytest.raises(UsageError, match="by hand"):
        lane.admit_typed("GOOD001")
    lane.open()
    assert [e.act for e in journal_of(venue)] == [Act.LANE_OPENED]


def test_who_may_find_and_admit_is_the_venues_decision(make_lane: MakeLane) -> None:
    """A supervisor, unless the venue lets staff."""
    with pytest.raises(OperatorError):
        make_lane().admit_by_hand("named-1", KIM, "phone is dead")
    lane = make_lane(rules=HouseRules(find_admits=Role.STAFF))
    assert lane.admit_by_hand("named-1", KIM, "phone is dead").outcome is Outcome.ADMIT


def test_what_a_code_is_worth_is_told_without_redeeming(lane: Lane, venue: Folder) -> None:
    """The same rules, check only: nothing is written, and the ticket is as good as before."""
    assert lane.check("GOOD001", "keyboard").outcome is Outcome.VALID
    assert lane.check("VOID1", "keyboard").reason is Reason.REVOKED
    assert lane.check("NOBODY", "keyboard").reason is Reason.UNKNOWN
    assert lane.last_verdict is None
    assert said(lane, "GOOD001")[0] is Outcome.ADMIT
    assert [e.act for e in journal_of(venue)] == [Act.ADMISSION]
    assert lane.check("GOOD001", "keyboard").outcome is not Outcome.VALID


def test_nothing_to_undo(lane: Lane) -> None:
    """Refusals are not undone, and an undo is undone only by a new scan."""
    with pytest.raises(UsageError):
        lane.undo()
    refused = lane.admit(Scan("NOBODY"))
    with pytest.raises(UsageError):
        lane.undo(refused.entry)


def test_an_override_is_signed_and_reasoned(lane: Lane, venue: Folder) -> None:
    """A supervisor admits what the rules refuse; the entry says who, why and against what."""
    said(lane, "VOID1")
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
    said(lane, "NOBODY")
    with pytest.raises(UsageError):
        lane.override(BOSS, "I know her")
    said(lane, "GOOD001")
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


def test_a_full_zone_refuses_and_empties_again(make_lane: MakeLane, clock: FixedClock) -> None:
    """Capacity counts people of the zone, and an exit makes room."""
    lane = make_lane(place=Place("North", zone="A"), rules=HouseRules(zone_capacity=2))
    assert said(lane, "GOOD001")[0] is Outcome.ADMIT
    assert said(lane, "GOOD002")[0] is Outcome.ADMIT
    assert said(lane, "GOOD003") == (Outcome.REFUSE, Reason.ZONE_FULL)
    clock.pass_seconds(60)
    lane.direction = Direction.OUT
    said(lane, "GOOD001")
    lane.direction = Direction.IN
    assert said(lane, "GOOD003")[0] is Outcome.ADMIT


def test_a_flood_of_one_code_is_one_entry_and_a_count(
    lane: Lane, clock: FixedClock, venue: Folder
) -> None:
    """Law 12: a thousand readings of one unknown code cost two entries."""
    for _ in range(1000):
        assert said(lane, "NOBODY") == (Outcome.REFUSE, Reason.UNKNOWN)
        clock.pass_seconds(0.05)
    clock.pass_seconds(60)
    said(lane, "GOOD001")
    acts = [(entry.act, entry.count) for entry in journal_of(venue)]
    assert acts == [(Act.REFUSAL, 0), (Act.REPEAT, 999), (Act.ADMISSION, 0)]
    assert lane.totals().refused == 1000


def test_counts_of_repeats_are_written_at_the_end(lane: Lane, venue: Folder) -> None:
    """Closing the lane forgets nothing."""
    said(lane, "NOBODY")
    said(lane, "NOBODY")
    lane.close()
    acts = [entry.act for entry in journal_of(venue)]
    assert acts == [Act.REFUSAL, Act.REPEAT, Act.LANE_CLOSED]


def test_space_is_kept_for_admissions(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 12: on a nearly full disk refusals are shown but only people's movements written."""
    nearly_full = shutil.disk_usage(venue.path)._replace(free=files.RESERVED_BYTES - 1)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda path: nearly_full)
    assert said(lane, "NOBODY") == (Outcome.REFUSE, Reason.UNKNOWN)
    assert said(lane, "VOID1") == (Outcome.REFUSE, Reason.REVOKED)
    assert said(lane, "GOOD001")[0] is Outcome.ADMIT
    assert [entry.act for entry in journal_of(venue)] == [Act.ADMISSION]


def test_a_new_replica_is_seen_at_the_next_scan(lane: Lane, venue: Folder, tmp_path: Path) -> None:
    """The pointer moves, the lane follows; what was used stays used."""
    assert said(lane, "GOOD001")[0] is Outcome.ADMIT
    assert said(lane, "LATER1")[1] is Reason.UNKNOWN
    rows = write_rows(
        tmp_path / "more.jsonl",
        [
            {"code": "LATER1", "type": "SHOW"},
            {"code": "GOOD002", "type": "SHOW", "id": "good-2", "status": "revoked"},
        ],
    )
    import_files(venue, [rows])
    assert said(lane, "LATER1")[0] is Outcome.ADMIT
    assert said(lane, "GOOD002")[1] is Reason.REVOKED
    assert said(lane, "GOOD001")[0] is Outcome.RESCAN


def test_what_peers_admitted_is_used_here(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """The other devices' journals count as history, this device's own lost past included."""
    other = Entry(
        origin="ffffffffffffffff.1", seq=1, prev="", act=Act.ADMISSION, at_ms=NOW_MS - 90_000,
        boot_ms=1, hlc=(NOW_MS - 90_000) << 16, ticket="good-1", uses=1, persons=1, gate="South",
    )  # fmt: skip
    write_peer_entries(venue, [other])
    verdict = lane.admit(Scan("GOOD001"))
    assert verdict.reason is Reason.ALREADY_USED
    assert verdict.history.first is not None
    assert verdict.history.first.gate == "South"


def test_own_and_peers_entries_fold_together(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """Admitted here, undone at the server: the ticket is good again."""
    here = lane.admit(Scan("GOOD001"))
    annulment = Entry(
        origin="central.1", seq=1, prev="", act=Act.ANNULMENT, at_ms=NOW_MS + 1000,
        boot_ms=1, hlc=(NOW_MS + 1000) << 16, ticket="good-1", target=here.entry,
    )  # fmt: skip
    write_peer_entries(venue, [annulment])
    clock.pass_seconds(60)
    assert said(lane, "GOOD001") == (Outcome.ADMIT, Reason.ADMITTED)
    clock.pass_seconds(60)
    assert said(lane, "GOOD001") == (Outcome.REFUSE, Reason.ALREADY_USED)


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
    assert said(lane, "GOOD001") == (Outcome.REFUSE, Reason.ALREADY_USED)
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
    assert said(lane, "GOOD001") == (Outcome.ATTENTION, Reason.UNDO_CLAIMED)


def write_peer_entries(folder: Folder, made: list[Entry]) -> None:
    connection = sqlite3.connect(folder.peers)
    schema.peers.apply(Database(connection))
    for entry in made:
        body = entry_codec.encode(entry)
        connection.execute(
            "INSERT INTO entry (origin, seq, hash, body) VALUES (?, ?, ?, ?)",
            (entry.origin, entry.seq, entry_codec.digest(body), body.decode()),
        )
        remember(connection, entry.ticket, fold([entry]))
    connection.commit()
    connection.close()


def test_a_new_entry_is_later_than_what_it_was_decided_on(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Causality: a peer's clock half a minute ahead still comes before our verdict about it."""
    ahead = (NOW_MS + 30_000) << 16
    other = Entry(
        origin="ffffffffffffffff.1", seq=1, prev="", act=Act.ADMISSION, at_ms=NOW_MS + 30_000,
        boot_ms=1, hlc=ahead, ticket="good-1", uses=1, persons=1,
    )  # fmt: skip
    write_peer_entries(venue, [other])
    lane.admit(Scan("GOOD001"))
    assert journal_of(venue)[0].hlc > ahead


def test_no_tickets_is_a_hold_with_a_hint(tmp_path: Path, make_lane: MakeLane) -> None:
    """An empty folder admits nobody and says what to do."""
    empty = Folder(tmp_path / "empty")
    empty.create()
    verdict = make_lane(folder=empty).admit(Scan("GOOD001"))
    assert (verdict.outcome, verdict.reason) == (Outcome.HOLD, Reason.FAULT)
    assert "gate import" in verdict.hint


@pytest.mark.parametrize("damage", ["journal", "tickets", "pointer", "locked"])
def test_a_fault_is_a_hold(
    damage: str, make_lane: MakeLane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 4: a damaged or locked file is never green, never red, and is kept."""
    victim = {
        "journal": venue.journal,
        "tickets": next(venue.path.glob("tickets-*.db")),
        "pointer": venue.pointer,
        "locked": venue.journal,
    }[damage]
    holder = None
    if damage == "locked":
        make_lane().admit(Scan("GOOD000"))
        holder = sqlite3.connect(venue.journal, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("gate.storage.sqlite.BUSY_TIMEOUT_S", 0.05)
    else:
        victim.write_bytes(b"\x00garbage\xff" * 3000)
    before = victim.read_bytes()
    lane = make_lane()
    verdict = lane.admit(Scan("GOOD001"))
    assert (verdict.outcome, verdict.reason, verdict.entry) == (
        Outcome.HOLD,
        Reason.FAULT,
        "",
    )
    assert verdict.hint
    assert victim.read_bytes() == before
    if holder is not None:
        holder.execute("ROLLBACK")
        holder.close()
        assert lane.admit(Scan("GOOD001")).is_green


def test_a_disk_gone_read_only_is_a_hold(lane: Lane) -> None:
    """When writing is taken away in the middle of the evening, nobody is let in unrecorded."""
    assert lane.admit(Scan("GOOD001")).is_green
    connection = lane._files.journal()._connection

    def make_read_only(mode: int) -> None:
        lane._do(lambda: connection.execute(f"PRAGMA query_only = {mode}"))

    make_read_only(1)
    verdict = lane.admit(Scan("GOOD002"))
    assert verdict.outcome is Outcome.HOLD
    assert "read-only" in verdict.hint
    make_read_only(0)
    assert lane.admit(Scan("GOOD002")).is_green


def test_an_unforeseen_fault_is_a_hold(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Even our own mistake lets nobody in and shows no traceback; the log has it."""

    def broken(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(admission, "decide", broken)
    verdict = lane.admit(Scan("GOOD001"))
    assert verdict.outcome is Outcome.HOLD
    assert "ZeroDivisionError" not in verdict.hint
    assert "ZeroDivisionError" in caplog.text
    monkeypatch.undo()
    assert lane.admit(Scan("GOOD001")).is_green


def test_the_clock_floor(make_lane: MakeLane, clock: FixedClock) -> None:
    """A clock behind the tickets refuses nobody for the time until a supervisor sets it."""
    clock.jump_seconds(-3 * 3600)
    lane = make_lane()
    assert said(lane, "EARLY1") == (Outcome.ATTENTION, Reason.CLOCK_NOT_TRUSTED)
    assert not lane.clock_is_trusted()
    with pytest.raises(OperatorError):
        lane.set_clock(NOW_MS, KIM)
    lane.set_clock(NOW_MS + 5000, BOSS)
    assert lane.clock_is_trusted()
    assert lane.now_ms() == NOW_MS + 5000
    assert said(lane, "LATE1") == (Outcome.REFUSE, Reason.TOO_LATE)


def test_an_unexplained_jump_is_not_believed(lane: Lane, clock: FixedClock) -> None:
    """Six minutes out of nowhere put time rules to sleep; a time server explains it."""
    assert said(lane, "LATE1")[1] is Reason.TOO_LATE
    clock.jump_seconds(360)
    assert said(lane, "LATE1")[1] is Reason.CLOCK_NOT_TRUSTED
    clock.synchronised = True
    clock.pass_seconds(20)
    assert said(lane, "EARLY1")[1] is Reason.TOO_EARLY


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


def test_a_restart_remembers_everything(make_lane: MakeLane, clock: FixedClock) -> None:
    """Used tickets, counts and the chain outlive the process."""
    first = make_lane()
    said(first, "GOOD001")
    first.close()
    clock.pass_seconds(60)
    second = make_lane()
    assert said(second, "GOOD001") == (Outcome.REFUSE, Reason.ALREADY_USED)
    assert second.totals().admitted == 1


def test_the_log_names_no_code_and_no_guest(lane: Lane, caplog: pytest.LogCaptureFixture) -> None:
    """Law 10: a log line has the outcome and the first characters of the ticket's id."""
    caplog.set_level(logging.INFO)
    said(lane, "NAMED1")
    said(lane, "\x1b[31mSTRANGER")
    assert "outcome=admit" in caplog.text
    assert "reason=unknown" in caplog.text
    for secret in ("NAMED1", "Ångström", "STRANGER", "\x1b", "named-1"):
        assert secret not in caplog.text


def test_everything_above_leaves_a_sound_journal(lane: Lane, venue: Folder) -> None:
    """The audit has nothing to say about a lane's ordinary work."""
    lane.open()
    for code in ("GOOD001", "NOBODY", "VOID1", "GROUP1", "FLY1", "NOBODY"):
        said(lane, code)
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
