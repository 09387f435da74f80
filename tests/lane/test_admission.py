"""One scan in, one durable verdict out."""

import logging

import pytest

from gate.core import hlc
from gate.core.entry import Act, Entry
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction, HouseRules, Place
from gate.core.verdict import HAND, Scan
from gate.errors import UsageError
from gate.lane import admission
from gate.lane.admission import Admission
from gate.lane.lane import Lane
from gate.storage.folder import Folder
from tests.conftest import MakeLane
from tests.support.lanes import KIM, decided, journal_of, write_peer_entries
from tests.support.venue import NOW_MS, FixedClock


def test_a_good_ticket_goes_in_once(lane: Lane, clock: FixedClock) -> None:
    """Admitted, then neutral within seconds, then a second use."""
    assert decided(lane, "GOOD001") == (Outcome.ADMIT, Reason.ADMITTED)
    clock.pass_seconds(3)
    assert decided(lane, "GOOD001") == (Outcome.RESCAN, Reason.SAME_TICKET)
    clock.pass_seconds(20)
    assert decided(lane, "GOOD001") == (Outcome.REFUSE, Reason.ALREADY_USED)


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
    assert decided(lane, "FLY1")[0] is Outcome.ADMIT
    clock.pass_seconds(60)
    assert decided(lane, "M1QR DATA") == (Outcome.REFUSE, Reason.ALREADY_USED)


def test_the_old_code_of_a_transferred_ticket_is_dead(lane: Lane) -> None:
    """The giver is refused, the receiver goes in, on one ticket."""
    assert decided(lane, "OLD1") == (Outcome.REFUSE, Reason.TRANSFERRED)
    assert decided(lane, "NEW1") == (Outcome.ADMIT, Reason.ADMITTED)


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
    assert decided(lane, code) == (Outcome.REFUSE, reason)
    (entry,) = journal_of(venue)
    assert (entry.act, entry.reason) == (Act.REFUSAL, reason)


def test_no_code_is_ever_written_down(lane: Lane, venue: Folder) -> None:
    """Law 10: entries carry the ticket's id or a keyed hash, never the text."""
    decided(lane, "GOOD001")
    decided(lane, "SECRET-CODE-OF-A-STRANGER")
    lane.close()
    for path in venue.path.iterdir():
        content = path.read_bytes()
        assert b"SECRET-CODE" not in content, path
        assert b"GOOD001" not in content, path


def test_a_group_goes_in_by_key(lane: Lane, clock: FixedClock) -> None:
    """One scan, then the key for the next or a count; never more than were sold."""
    assert decided(lane, "GROUP1") == (Outcome.ADMIT, Reason.ADMITTED)
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
    decided(lane, "GOOD001")
    clock.pass_seconds(60)
    lane.direction = Direction.OUT
    assert decided(lane, "GOOD001") == (Outcome.EXIT, Reason.EXITED)
    assert lane.totals().inside == 0
    clock.pass_seconds(60)
    lane.direction = Direction.IN
    assert decided(lane, "GOOD001") == (Outcome.ADMIT, Reason.REENTRY)
    assert lane.totals().inside == 1


def test_checking_changes_nothing(lane: Lane) -> None:
    """A checked ticket is as good as before."""
    lane.direction = Direction.CHECK
    assert decided(lane, "GOOD001")[0] is Outcome.VALID
    lane.direction = Direction.IN
    assert decided(lane, "GOOD001")[0] is Outcome.ADMIT


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


def test_what_a_code_is_worth_is_told_without_redeeming(lane: Lane, venue: Folder) -> None:
    """The same rules, check only: nothing is written, and the ticket is as good as before."""
    assert lane.check("GOOD001", "keyboard").outcome is Outcome.VALID
    assert lane.check("VOID1", "keyboard").reason is Reason.REVOKED
    assert lane.check("NOBODY", "keyboard").reason is Reason.UNKNOWN
    assert lane.last_verdict is None
    assert decided(lane, "GOOD001")[0] is Outcome.ADMIT
    assert [e.act for e in journal_of(venue)] == [Act.ADMISSION]
    assert lane.check("GOOD001", "keyboard").outcome is not Outcome.VALID


def test_a_full_zone_refuses_and_empties_again(make_lane: MakeLane, clock: FixedClock) -> None:
    """Capacity counts people of the zone, and an exit makes room."""
    lane = make_lane(place=Place("North", zone="A"), rules=HouseRules(zone_capacity=2))
    assert decided(lane, "GOOD001")[0] is Outcome.ADMIT
    assert decided(lane, "GOOD002")[0] is Outcome.ADMIT
    assert decided(lane, "GOOD003") == (Outcome.REFUSE, Reason.ZONE_FULL)
    clock.pass_seconds(60)
    lane.direction = Direction.OUT
    decided(lane, "GOOD001")
    lane.direction = Direction.IN
    assert decided(lane, "GOOD003")[0] is Outcome.ADMIT


@pytest.mark.parametrize(("ahead_s", "is_later"), [(30, True), (3600, False)])
def test_a_new_entry_is_later_than_what_it_was_decided_on(
    lane: Lane, venue: Folder, *, ahead_s: int, is_later: bool
) -> None:
    """Causality: a peer's clock half a minute ahead still comes before our verdict about it.

    One that is an hour ahead does not drag the lane along.
    """
    ahead = (NOW_MS + ahead_s * 1000) << 16
    other = Entry(
        origin="ffffffffffffffff.1", seq=1, prev="", act=Act.ADMISSION, at_ms=NOW_MS,
        boot_ms=1, hlc=ahead, ticket="good-1", uses=1, persons=1,
    )  # fmt: skip
    write_peer_entries(venue, [other])
    lane.admit(Scan("GOOD001"))
    assert (journal_of(venue)[0].hlc > ahead) is is_later


def test_a_lane_that_believes_every_clock_is_caught(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation of the test before: what the ticket did is merged without a limit."""
    monkeypatch.setattr(hlc, "MAX_AHEAD_MS", 2**40)
    with pytest.raises(AssertionError):
        test_a_new_entry_is_later_than_what_it_was_decided_on(
            lane, venue, ahead_s=3600, is_later=False
        )


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


def test_the_log_names_no_code_and_no_guest(lane: Lane, caplog: pytest.LogCaptureFixture) -> None:
    """Law 10: a log line has the outcome and the first characters of the ticket's id."""
    caplog.set_level(logging.INFO)
    decided(lane, "NAMED1")
    decided(lane, "\x1b[31mSTRANGER")
    assert "outcome=admit" in caplog.text
    assert "reason=unknown" in caplog.text
    for secret in ("NAMED1", "Ångström", "STRANGER", "\x1b", "named-1"):
        assert secret not in caplog.text


def test_without_the_one_place_a_fault_is_no_answer(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside the test above: whoever only decides lets the fault through."""
    monkeypatch.setattr(admission, "decide", lambda *_: 1 / 0)
    monkeypatch.setattr(Admission, "admit", lambda self, scan: self._decide(scan, 0))
    with pytest.raises(ZeroDivisionError):
        lane.admit(Scan("GOOD001"))
