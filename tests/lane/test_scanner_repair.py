"""What a scanner types wrongly: proposed, believed by a person or by three guests, and ended."""

from collections.abc import Iterator

import pytest

from gate.core.entry import Act
from gate.core.outcome import Flag, Outcome, Reason
from gate.core.verdict import Scan, ScannerProof
from gate.credential import scanners
from gate.credential.layouts import retyped
from gate.credential.repair import read_flaw
from gate.errors import OperatorError, UsageError
from gate.lane.lane import Lane
from gate.storage.folder import Folder
from tests.conftest import MakeLane
from tests.support.lanes import BOSS, KIM, journal_of, typed
from tests.support.venue import FixedClock, fill

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
    asked: list[object] = []

    def repairs(*args: object) -> Iterator[None]:
        asked.append(args)
        return iter(())

    monkeypatch.setattr(scanners, "repairs", repairs)
    for _n in range(5):
        assert typed(long_lane, "NOBODY-KNOWS-THIS")[1] is Reason.UNKNOWN
    assert len(asked) == 1
