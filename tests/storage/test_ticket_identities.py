"""Tickets found by what their codes name: one ticket in any layout, nobody's where two share it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from gate.core.boarding import Leg
from gate.core.code_formats import TEXT_ONLY, CodeFormats
from gate.core.outcome import Flag, Outcome, Reason
from gate.core.place import HouseRules, Place, Role
from gate.core.ticket import CodeState
from gate.core.verdict import Scan, Verdict
from gate.credential import bcbp, gs1
from gate.credential.identities import identities
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.reports.lookup import look_up
from gate.reports.ticket_import import import_files
from gate.storage import checksums, code_look_up
from gate.storage.code_look_up import MOST_LOOK_UPS
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica
from gate.storage.ticket_filling import erase_ticket
from gate.storage.ticket_identities import identities_in
from gate.storage.ticket_rows import TypeTimes, bare_body, changed_body, ticket_body
from gate.storage.tickets import Tickets
from tests.conftest import MakeLane
from tests.support.venue import Row, fill, write_rows

GS, GTIN = "\x1d", "09506000134352"


def a_pass(sequence: int = 25, *, flight: str = "CE 0123 ", day: int = 357, more: str = "") -> str:
    size = f"{len(more):02X}"
    return f"M1DESMARAIS/LUC       EABC123 PEKSHA{flight}{day}Y001A{sequence:04} 1{size}{more}"


def two_legs(sequence: int = 25) -> str:
    return (
        f"M2DESMARAIS/LUC       EABC123 PEKSHACE 0123 357Y001A{sequence:04} 100"
        f"DEF456 SHACANMU 0005 357Y002B{sequence:04} 100"
    )


ROWS: list[Row] = [
    {"id": "FLY", "kind": "BOARDING_PASS", "title": "CE123", "flight": "CE123"},
    {"id": "ON", "kind": "BOARDING_PASS", "title": "MU5", "flight": "MU5"},
    {"id": "BOAT", "kind": "BOARDING_PASS", "title": "By sea"},
    {"id": "SHOW", "kind": "MEETING_TICKET", "title": "Winter Gala"},
]
TICKETS: list[Row] = [
    {"code": a_pass(), "type": "FLY", "id": "luc", "checked_in": True},
    {"code": a_pass(26, more=">60B0"), "type": "FLY", "id": "ann", "checked_in": True},
    {"code": "PLAIN", "qrcode_data": a_pass(27), "type": "FLY", "id": "ida", "checked_in": True},
    {"code": two_legs(30), "type": "FLY", "id": "first", "checked_in": True},
    {"code": two_legs(30) + "^100", "type": "ON", "id": "onward", "checked_in": True},
    {"code": a_pass(40), "type": "BOAT", "id": "twin-1", "checked_in": True},
    {"code": a_pass(40, more="AB"), "type": "BOAT", "id": "twin-2", "checked_in": True},
    {"code": a_pass(41), "type": "FLY", "id": "void", "status": "revoked", "checked_in": True},
    {"code": a_pass(41, more="AB"), "type": "FLY", "id": "anew", "checked_in": True},
    {"code": a_pass(50, day=356), "type": "FLY", "id": "late", "checked_in": True},
    {"code": f"(01){GTIN}(21)ABC", "type": "SHOW", "id": "gs-1"},
    {"code": f"https://id.gs1.org/01/{GTIN}/21/XYZ", "type": "SHOW", "id": "gs-2"},
    {"code": f"(01){GTIN}(21)LONG10LOT", "type": "SHOW", "id": "gs-3"},
    {"code": f"(01){GTIN}(21)LONG", "type": "SHOW", "id": "gs-4"},
    {"code": f"(01){GTIN}(21)SHORT", "type": "SHOW", "id": "gs-5"},
    {"code": "K7-1", "type": "SHOW", "id": "url-1"},
    {"code": "https://tickets.example/t/K7-2", "type": "SHOW", "id": "url-2"},
]
ALL = CodeFormats(boarding_passes=True, gs1=True, urls=("https://tickets.example/t/{code}",))


@pytest.fixture
def listed(folder: Folder) -> Folder:
    fill(folder, [*ROWS, *TICKETS])
    return folder


@pytest.fixture
def lane(listed: Folder, make_lane: MakeLane) -> Lane:
    return make_lane(folder=listed, rules=HouseRules(formats=ALL))


@pytest.fixture
def tickets(listed: Folder) -> Iterator[Tickets]:
    with closing(Tickets(listed)) as opened:
        opened.refresh()
        yield opened


def whose(verdict: Verdict) -> tuple[Outcome, str]:
    return verdict.outcome, verdict.ticket.id if verdict.ticket else verdict.reason.value


@pytest.mark.parametrize("show", [quote, str], ids=["in an address", "in a rotating code"])
def test_nobody_shows_an_identity(
    listed: Folder, make_lane: MakeLane, show: Callable[[str], str]
) -> None:
    """Not as a code, and not to have the gate believe that it has lost one and needs a new list."""
    (kind, *_rest) = identities((a_pass(),))
    formats = CodeFormats(urls=("https://tickets.example/t/{code}",))
    fill(listed, [{"id": "MOVE", "kind": "meeting", "rotating": "https://tickets.example/t/"
                   "{code}{totp_value_0}"}])  # fmt: skip
    lane = make_lane(folder=listed, rules=HouseRules(formats=formats))
    for end in ("", "123456"):
        text = f"https://tickets.example/t/{show(kind)}{end}"
        assert whose(lane.admit(Scan(text, "QRCode", "camera"))) == (Outcome.REFUSE, "unknown")


@pytest.mark.long
def test_mutation_an_identity_that_is_shown_is_a_damaged_list(
    listed: Folder, make_lane: MakeLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were what an address has looked up whatever it begins with."""
    monkeypatch.setattr(code_look_up, "FRAMING", "")
    with pytest.raises(AssertionError):
        test_nobody_shows_an_identity(listed, make_lane, str)


FOUND = [
    ("as it is listed", a_pass(), "luc"),
    ("trailing blanks", a_pass() + "  ", "luc"),
    ("a new conditional part", a_pass(more=">60B0WW"), "luc"),
    ("without the one it had", a_pass(26), "ann"),
    ("another name", a_pass().replace("LUC", "XUL"), "luc"),
    ("the second code of a ticket", a_pass(27, more="AB"), "ida"),
    ("the good one of two, with a third text", a_pass(41, more="CD"), "anew"),
    ("an element string", f"01{GTIN}21ABC", "gs-1"),
    ("one with another field", f"01{GTIN}21ABC{GS}10LOT", "gs-1"),
    ("an address", f"https://tickets.example/01/{GTIN}/21/ABC", "gs-1"),
    ("brackets for an address", f"(01){GTIN}(21)XYZ", "gs-2"),
    ("a code in an address", "HTTPS://TICKETS.example/t/K7-1?utm=1", "url-1"),
    ("an address as listed", "https://tickets.example/t/K7-2", "url-2"),
    ("an address otherwise", "http://tickets.example/t/K7-2/", "url-2"),
]


@pytest.mark.examples(4)
@pytest.mark.parametrize(("text", "ticket"), [row[1:] for row in FOUND], ids=[r[0] for r in FOUND])
def test_found_in_any_layout(lane: Lane, text: str, ticket: str) -> None:
    """What the event has switched on finds the one ticket that a code names."""
    verdict = lane.admit(Scan(text, source="keyboard"))
    assert whose(verdict) == (Outcome.ADMIT, ticket)
    assert not verdict.flags


@pytest.mark.examples(5)
@pytest.mark.parametrize("text", [row[1] for row in FOUND[2:]])
def test_off_by_default(listed: Folder, make_lane: MakeLane, text: str) -> None:
    """Where nothing is switched on, a code is its text and its lossless spellings."""
    verdict = make_lane(folder=listed).admit(Scan(text, "QRCode", "camera"))
    plain = {row["code"] for row in TICKETS}
    assert (verdict.ticket is not None) == (text in plain or text == f"01{GTIN}21ABC")


NOBODYS = [
    ("two tickets of one pass", a_pass(40, more="XY"), Reason.AMBIGUOUS),
    ("the text of one of them", a_pass(40), Reason.AMBIGUOUS),
    ("the refunded pass itself", a_pass(41), Reason.AMBIGUOUS),
    ("somebody else's sequence", a_pass(28), Reason.UNKNOWN),
    ("another day", a_pass(day=356), Reason.UNKNOWN),
    ("a dropped separator", f"01{GTIN}21LONG10LOT", Reason.AMBIGUOUS),
    ("only behind a dropped separator", f"01{GTIN}21SHORT10LOT", Reason.UNKNOWN),
    ("another host", "https://tickets.example.evil/t/K7-1", Reason.UNKNOWN),
]


@pytest.mark.examples(3)
@pytest.mark.parametrize(
    ("text", "reason"), [row[1:] for row in NOBODYS], ids=[r[0] for r in NOBODYS]
)
def test_nobodys(lane: Lane, text: str, reason: Reason) -> None:
    """A text that two tickets share is neither's; one that names nobody's is unknown (law 13)."""
    verdict = lane.admit(Scan(text, source="keyboard"))
    assert verdict.ticket is None
    assert verdict.reason is reason


def test_a_camera_loses_no_separator(lane: Lane) -> None:
    """Where a reader passes GS on, a text without one names one thing."""
    verdict = lane.admit(Scan(f"01{GTIN}21LONG10LOT", "DataMatrix", "camera"))
    assert whose(verdict) == (Outcome.ADMIT, "gs-3")


@pytest.mark.parametrize(
    ("flight", "found"), [("CE 123", "first"), ("MU5", "onward"), ("", "ambiguous")]
)
def test_a_pass_with_two_legs(listed: Folder, make_lane: MakeLane, flight: str, found: str) -> None:
    """The gate's flight says which leg is meant, whosever code the whole text is."""
    rules = HouseRules(formats=replace(ALL, flight=flight))
    lane = make_lane(folder=listed, place=Place(flight=flight.replace(" ", "")), rules=rules)
    assert whose(lane.admit(Scan(two_legs(30))))[1] == found


def test_wrong_flight_and_day_in_words(listed: Folder, make_lane: MakeLane) -> None:
    """A pass for another flight or day is refused by what it says itself."""
    rules = HouseRules(formats=replace(ALL, flight="MU5"))
    lane = make_lane(folder=listed, place=Place(flight="MU5"), rules=rules)
    assert lane.admit(Scan(a_pass())).reason is Reason.WRONG_FLIGHT
    anywhere = make_lane(folder=listed, rules=HouseRules(formats=ALL))
    verdict = anywhere.admit(Scan(a_pass(50, day=356)))
    assert (verdict.reason, verdict.legs[0].seat) == (Reason.WRONG_DAY, "1A")


def test_one_use_in_every_layout(lane: Lane) -> None:
    """A pass printed anew is the same ticket: it gets nobody in a second time."""
    assert lane.admit(Scan(a_pass())).is_green
    again = lane.admit(Scan(a_pass(more="AB"), deliberate=True))
    assert whose(again) == (Outcome.REFUSE, "luc")


def test_at_most_twelve_look_ups(tickets: Tickets, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a code names counts to the look-ups of its scan, and comes before its spellings."""
    looked_up: list[str] = []
    hash_of = tickets.codes.hash_of

    def counted(code: str) -> bytes:
        looked_up.append(code)
        return hash_of(code)

    monkeypatch.setattr(tickets.codes, "hash_of", counted)
    for text in (*(row[1] for row in (*FOUND, *NOBODYS)), f"01{GTIN}21" + "1021" * 5, two_legs()):
        looked_up.clear()
        tickets.codes.match(text, formats=ALL)
        assert len(looked_up) <= MOST_LOOK_UPS + 1


def test_found_by_search_whatever_is_switched_on(listed: Folder) -> None:
    """Whoever looks a guest up may do so by the pass in any layout."""
    (found,) = look_up(listed, a_pass(more="AB")).found
    assert found.ticket.id == "luc"


def test_switched_on_later(lane: Lane) -> None:
    """Tickets that are there already are found as soon as the event says so."""
    scan = Scan(a_pass(more="AB"), source="keyboard")
    lane.go_by(lane.place, HouseRules(formats=TEXT_ONLY))
    assert lane.admit(scan).reason is Reason.UNKNOWN
    lane.go_by(lane.place, HouseRules(formats=ALL))
    assert lane.admit(scan).is_green


def test_listed_anew(listed: Folder, tmp_path: Path, make_lane: MakeLane) -> None:
    """A ticket that got another code is known by what that names, and no more by the old one."""
    row = {**TICKETS[0], "code": a_pass(77)}
    import_files(listed, [write_rows(tmp_path / "anew.jsonl", [row])])
    lane = make_lane(folder=listed, rules=HouseRules(formats=ALL))
    assert lane.admit(Scan(a_pass(more="AB"))).reason is Reason.UNKNOWN
    assert whose(lane.admit(Scan(a_pass(77, more="AB")))) == (Outcome.ADMIT, "luc")


def test_old_codes_name_nothing() -> None:
    """A code that its owner has no more names nobody's ticket; a change leaves what is named."""

    def times(_type: str) -> TypeTimes:
        return TypeTimes("UTC")

    row = {"code": "NEW", "old_codes": [a_pass()], "type": "FLY"}
    kept = ticket_body(row, times, b"k" * 32)
    assert CodeState.TRANSFERRED in kept.codes.values()
    assert identities_in(kept.body) == frozenset()
    named = ticket_body({**row, "code": a_pass()}, times, b"k" * 32)
    changed = changed_body(named.body, {"zone": "A"}, times)
    assert identities_in(changed) == identities_in(named.body) != frozenset()
    assert identities_in(bare_body(named.body)) == frozenset()


def test_a_missing_row_is_a_fault(listed: Folder, lane: Lane) -> None:
    """A row that was lost is no unknown code: the guest is held, not refused (law 4)."""
    with closing(sqlite3.connect(live_replica(listed))) as damaged, damaged:
        damaged.execute("DELETE FROM identity")
    verdict = lane.admit(Scan(a_pass(more="AB")))
    assert (verdict.outcome, verdict.reason) == (Outcome.HOLD, Reason.FAULT)


def test_a_wrong_row_is_a_fault(listed: Folder, lane: Lane) -> None:
    """A row that names another ticket finds nobody: the ticket itself says what it is known by."""
    with closing(sqlite3.connect(live_replica(listed))) as damaged, damaged:
        damaged.execute("UPDATE OR IGNORE identity SET ticket = (SELECT max(row) FROM ticket)")
    assert lane.admit(Scan(a_pass(more="AB"))).reason is Reason.FAULT


def test_erased_is_unknown(listed: Folder, make_lane: MakeLane) -> None:
    """Of a person who was erased nothing is known, and that is no fault."""
    with closing(sqlite3.connect(live_replica(listed))) as replica, replica:
        (body,) = replica.execute("SELECT body FROM ticket WHERE id = 'luc'").fetchone()
        erase_ticket(replica, "luc", bare_body(body))
    lane = make_lane(folder=listed, rules=HouseRules(formats=ALL))
    assert lane.admit(Scan(a_pass(more="AB"))).reason is Reason.UNKNOWN


def test_a_scanner_that_turns_case(lane: Lane) -> None:
    """What a flaw of a scanner makes of a reprinted pass is proposed, and admits once believed."""
    text = a_pass(more=">60B0WW").swapcase()
    first = lane.admit(Scan(text, source="keyboard"))
    assert (first.outcome, first.reason) == (Outcome.REFUSE, Reason.UNKNOWN)
    proposed = lane.scanner_proposal()
    assert (proposed.ticket.id, proposed.meant) == ("luc", text.swapcase())
    lane.believe(proposed, Operator("boss", Role.SUPERVISOR))
    verdict = lane.admit(Scan(text, source="keyboard"))
    assert whose(verdict) == (Outcome.ADMIT, "luc")
    assert Flag.REPAIRED in verdict.flags
    assert verdict.legs[0].seat == "1A"


def test_mutation_first_of_two(monkeypatch: pytest.MonkeyPatch, lane: Lane) -> None:
    """Were the first of two tickets taken, one guest would go in on another's."""
    monkeypatch.setattr("gate.storage.code_look_up.MOST_OF_ONE", 1)
    with pytest.raises(AssertionError):
        test_nobodys(lane, NOBODYS[0][1], Reason.AMBIGUOUS)


def test_mutation_rivals_forgotten(monkeypatch: pytest.MonkeyPatch, lane: Lane) -> None:
    """Were a dropped separator not thought of, one item's guest would go in on another's ticket."""
    monkeypatch.setattr(gs1, "rivals", lambda _text: ())
    with pytest.raises(AssertionError):
        test_nobodys(lane, NOBODYS[5][1], Reason.AMBIGUOUS)


def test_mutation_sequence_forgotten(
    monkeypatch: pytest.MonkeyPatch, folder: Folder, make_lane: MakeLane
) -> None:
    """Were a passenger known without the sequence, a whole booking would be one ticket."""

    def by_booking(leg: Leg) -> str:
        return f"{leg.flight}|{leg.day}|{leg.pnr}"

    monkeypatch.setattr(bcbp, "identity", by_booking)
    fill(folder, [*ROWS, TICKETS[0]])
    lane = make_lane(folder=folder, rules=HouseRules(formats=ALL))
    with pytest.raises(AssertionError):
        test_nobodys(lane, a_pass(28), Reason.UNKNOWN)


def test_mutation_blocks_forgotten(
    monkeypatch: pytest.MonkeyPatch, folder: Folder, make_lane: MakeLane
) -> None:
    """Were what codes name not in the blocks, a lost row would refuse a good guest."""
    monkeypatch.setattr(checksums, "merge", lambda codes, _identities: codes)
    fill(folder, [*ROWS, *TICKETS])
    lane = make_lane(folder=folder, rules=HouseRules(formats=ALL))
    with pytest.raises(AssertionError):
        test_a_missing_row_is_a_fault(folder, lane)
