"""Boarding passes: every byte of Resolution 792 in its place, and one identity for every layout."""

import os
import random
import re
import string
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.core.boarding import Leg, flight_of, legs_of_gate
from gate.credential import bcbp

M1 = "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 226F001A0025 100"
"""The example of IATA's implementation guide, without anything conditional."""
M1_CONDITIONAL = (
    "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 326J001A0025 14D>6181WW6225BAC 00141234560032A014"
    "1234567890 1AC AC 1234567890123    4PCYLX58Z^164GIWVC5EH7JNT684FVNJ91W2QA4DVN5J8K4F0L0GEQ3DF"
    "5TGBN8709HKT5D3DW3GBHFCVHMY7J5T6HFR41W2QA4DVN5J8K4F0L0GE"
)
"""The guide's example with everything, its security field too."""
M2 = (
    "M2DESMARAIS/LUC       EABC123 YULFRAAC 0834 226F001A0025 100"
    "DEF456 FRAGVALH 3664 227C012C0002 100"
)
EXAMPLES = int(os.environ.get("GATE_TEST_EXAMPLES", "12"))


def only_leg(text: str) -> Leg:
    found = bcbp.read(text)
    assert found is not None
    (leg,) = found.legs
    return leg


def test_reference_pass() -> None:
    """The guide's example says what the guide says of it."""
    found = bcbp.read(M1)
    assert found is not None
    assert (found.name, found.is_electronic, found.security) == ("DESMARAIS/LUC", True, None)
    assert found.legs == (
        Leg("ABC123", "YUL", "FRA", "AC", "834", 226, "F", "1A", "25", "1"),
    )  # fmt: skip
    assert found.legs[0].flight == "AC834"


def test_conditional_and_security() -> None:
    """What is conditional is kept as it stands, and what the security field holds with its kind."""
    found = bcbp.read(M1_CONDITIONAL)
    assert found is not None
    assert len(found.conditional[0]) == 0x4D
    assert found.conditional[0].startswith(">6181WW6225BAC ")
    assert found.security is not None
    assert (found.security.kind, len(found.security.data)) == ("1", 0x64)


def test_agrees_with_a_plain_cut_by_offsets() -> None:
    """Cut by the offsets of the resolution's table alone, every field is the same."""
    table = {
        "pnr": (23, 7), "origin": (30, 3), "destination": (33, 3), "carrier": (36, 3),
        "compartment": (47, 1), "status": (57, 1),
    }  # fmt: skip
    for text in (M1, M1_CONDITIONAL):
        leg = only_leg(text)
        for name, (at, length) in table.items():
            assert getattr(leg, name) == text[at : at + length].strip()
        assert leg.number == text[39:44].strip().lstrip("0")
        assert leg.day == int(text[44:47])
        assert leg.seat == text[48:52].strip().lstrip("0")
        assert leg.sequence == text[52:57].strip().lstrip("0")


def test_several_legs() -> None:
    """Each further leg repeats what belongs to a leg, and a gate's flight says which is meant."""
    found = bcbp.read(M2)
    assert found is not None
    assert [leg.flight for leg in found.legs] == ["AC834", "LH3664"]
    assert [leg.pnr for leg in found.legs] == ["ABC123", "DEF456"]
    assert [leg.flight for leg in legs_of_gate(found.legs, "LH 3664")] == ["LH3664"]
    assert legs_of_gate(found.legs, "BA1") == found.legs


REPRINTS = {
    "trailing blanks": M1 + "   ",
    "a conditional part": M1[:58] + "0B>10B0WWABCD ",
    "another name": M1.replace("DESMARAIS/LUC       ", "DESMARAIS/LUC MR    "),
    "another seat": M1.replace("001A", "014C"),
    "a blank before the carrier's number": M1.replace("0834 ", " 834 "),
    "a security field": M1 + "^103ABC",
    "a security field cut short": M1 + "^164ABC",
    "printed for a paper ticket": M1[:22] + " " + M1[23:],
}


@pytest.mark.parametrize("text", REPRINTS.values(), ids=REPRINTS)
def test_reprint_is_the_same(text: str) -> None:
    """A pass printed anew has the identity that it had."""
    assert bcbp.identity(only_leg(text)) == bcbp.identity(only_leg(M1))


OTHERS = {
    "another flight": M1.replace("0834", "0835"),
    "a flight with a letter": M1.replace("0834 ", "0834A"),
    "another carrier": M1.replace("AC 0834", "AF 0834"),
    "another day": M1.replace("226F", "227F"),
    "another booking": M1.replace("ABC123", "ABC124"),
    "another passenger of it": M1.replace("0025", "0026"),
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_another_is_another(text: str) -> None:
    """Whatever of the identity differs, it is somebody else's pass."""
    assert bcbp.identity(only_leg(text)) != bcbp.identity(only_leg(M1))


@pytest.mark.parametrize("text", [M1.replace("0025 ", "     "), M1.replace("ABC123", "      ")])
def test_before_check_in_there_is_no_identity(text: str) -> None:
    """Without a sequence or a booking a whole party would be one passenger."""
    assert bcbp.identity(only_leg(text)) == ""


NOT_PASSES = {
    "empty": "", "cut": M1[:59], "no legs": M1.replace("M1", "M0"), "five legs": "M5" + M1[2:],
    "a leg is missing": "M2" + M1[2:], "day 0": M1.replace("226F", "000F"),
    "day 367": M1.replace("226F", "367F"), "size not hex": M1[:58] + "0G",
    "goes on": M1 + "X", "an S pass": "S1" + M1[2:], "small letters": M1.lower(),
    "no flight": M1.replace("0834 ", "     "), "a control": M1.replace("LUC", "L\x1bC"),
    "full width": M1.replace("YUL", "ＹＵＬ"), "security too long": M1 + "^103ABCD",
    "a first leg cut short": M2[:58] + "FF" + M2[60:],
}  # fmt: skip


@pytest.mark.parametrize("text", NOT_PASSES.values(), ids=NOT_PASSES)
def test_no_pass(text: str) -> None:
    """What is not laid out so is no boarding pass."""
    assert bcbp.read(text) is None


@settings(max_examples=EXAMPLES * 20, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet=string.printable, max_size=300).map("M1".__add__))
def test_any_text(text: str) -> None:
    """No text breaks the reader."""
    bcbp.read(text)


def damaged(text: str, by: random.Random) -> str:
    at = by.randrange(len(text))
    change = by.choice(("flip", "cut", "add"))
    middle = {"flip": by.choice(string.printable), "cut": "", "add": by.choice(string.printable)}
    return text[:at] + middle[change] + text[at + (change != "add") :]


def same_by_offsets(text: str) -> tuple[str, ...]:
    """The identity of a one-leg pass by offsets alone."""
    carrier, number = text[36:39].strip(), text[39:44].strip().lstrip("0")
    return carrier, number, str(int(text[44:47])), text[23:30].strip(), text[52:57].strip("0 ")


def test_damage_never_moves_a_field() -> None:
    """Of a damaged pass either nothing is read, or what stands at the resolution's offsets."""
    by, read = random.Random(792), 0
    for _n in range(EXAMPLES * 200):
        text = damaged(by.choice((M1, M1_CONDITIONAL)), by)
        found = bcbp.read(text)
        if found is None or not (identity := bcbp.identity(found.legs[0])):
            continue
        read += 1
        pieces = identity.split("|")
        pieces[4] = pieces[4].strip("0 ")
        assert tuple(pieces) == same_by_offsets(text)
    assert read > EXAMPLES


def test_mutation_identity_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a passenger known by seat instead of sequence, a changed seat would be another pass."""
    monkeypatch.setattr(bcbp, "identity", lambda leg: f"{leg.flight}|{leg.day}|{leg.seat}")
    with pytest.raises(AssertionError):
        test_reprint_is_the_same(REPRINTS["another seat"])


@pytest.mark.parametrize(
    ("day", "today", "meant"),
    [
        (226, "2026-08-14", "2026-08-14"), (1, "2026-12-31", "2027-01-01"),
        (365, "2027-01-01", "2026-12-31"), (366, "2026-03-01", "2024-12-31"),
        (366, "2028-06-01", "2028-12-31"), (60, "2028-02-29", "2028-02-29"),
        (366, "1900-06-01", "1896-12-31"), (1, "9998-12-31", "9998-01-01"),
    ],
)  # fmt: skip
def test_nearest_year(day: int, today: str, meant: str) -> None:
    """A pass states no year: the nearest is meant, and day 366 only where there is one."""
    leg = only_leg(M1.replace("226F", f"{day:03}F"))
    assert leg.date_near(date.fromisoformat(today)) == date.fromisoformat(meant)


@pytest.mark.parametrize(
    ("now", "is_near"),
    [
        ("2026-08-13T17:59", False), ("2026-08-13T18:00", True), ("2026-08-14T12:00", True),
        ("2026-08-15T05:59", True), ("2026-08-15T06:00", False),
    ],
)  # fmt: skip
def test_day_of_the_flight(now: str, is_near: bool) -> None:
    """A flight's day reaches six hours into its neighbours, on its own zone's clock."""
    zone = ZoneInfo("America/Montreal")
    at = datetime.fromisoformat(now).replace(tzinfo=zone).astimezone(UTC)
    assert only_leg(M1).is_near(int(at.timestamp() * 1000), zone) == is_near


@pytest.mark.parametrize(
    ("written", "flight"),
    [
        ("AC834", "AC834"), ("ac 0834", "AC834"), ("U2 0123", "U2123"), ("ACA834A", "ACA834A"),
        ("ＡＣ８３４", "AC834"), ("the boat", ""), ("", ""), ("AC", ""), ("AC12345", ""),
    ],
)  # fmt: skip
def test_flights_as_people_write_them(written: str, flight: str) -> None:
    """Case, width, blanks and leading zeros make no other flight."""
    assert flight_of(written) == flight
    assert not flight or re.fullmatch("[A-Z0-9]+", flight)
