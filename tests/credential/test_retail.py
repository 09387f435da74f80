"""What a symbol of retail may be misread as: two digits off, and a right check digit."""

from itertools import product

import pytest

from gate.core.verdict import Scan
from gate.credential.retail import misread
from gate.credential.spellings import has_check_digit, spellings
from gate.storage.folder import Folder
from tests.conftest import MakeLane
from tests.support.venue import Row, fill


def differing(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def test_all_that_differ_in_two_digits_are_found() -> None:
    """Beside every number of the same beginning that is tried one by one."""
    number = "96385074"
    found = list(misread(number))
    assert len(found) == len(set(found)) == 28 * 9
    assert all(has_check_digit(one) and differing(number, one) == 2 for one in found)
    tried = (f"9638{''.join(end)}" for end in product("0123456789", repeat=4))
    near = {one for one in tried if differing(number, one) == 2 and has_check_digit(one)}
    assert near == {one for one in found if one.startswith("9638")}
    assert len(list(misread("4006381333931"))) == 78 * 9


@pytest.mark.parametrize("text", ["", "ABC-1", "96385075", "963850741", "\u0669" * 8])
def test_nothing_else_is_a_number_of_retail(text: str) -> None:
    """No other text has anything that it may be misread as."""
    assert list(misread(text)) == []


OWN = "0717523732898"
NEAR = next(one for one in misread(OWN) if one[0] == "0")
FAR = "0012345678905"


@pytest.mark.parametrize(
    ("rows", "is_like"),
    [
        ([], False),
        ([{"code": FAR, "id": "b"}], False),
        ([{"code": NEAR, "id": "b"}], True),
        ([{"code": NEAR[1:], "id": "b"}], True),
    ],
)
def test_a_lane_knows_which_numbers_are_like_another_tickets(
    folder: Folder, make_lane: MakeLane, rows: list[Row], is_like: bool
) -> None:
    """Listed as EAN-13 or as UPC-A; an unknown text is like none."""
    fill(
        folder,
        [{"code": OWN, "type": "SHOW", "id": "a"}, *({"type": "SHOW", **row} for row in rows)],
    )
    lane = make_lane(folder=folder)
    lane.open()
    assert lane.is_like_another(Scan(OWN, "EAN13", "camera")).result() is is_like
    assert lane.is_like_another(Scan("4006381333931", "EAN13", "camera")).result() is False


def test_a_upc_e_is_listed_as_it_is_printed_or_as_it_is_scanned() -> None:
    """Eight digits stand for twelve, by four rules (GS1 General Specifications, 5.2.2.4.2)."""
    for printed, meant in (
        ("01234505", "0012000003455"),
        ("01234523", "0012200003453"),
        ("01234531", "0012300000451"),
        ("01234543", "0012340000053"),
        ("01234565", "0012345000065"),
    ):
        assert has_check_digit(meant)
        assert printed in spellings(meant, symbology="UPCE")
        assert meant[1:] in spellings(meant, symbology="UPCE")
    assert all(len(one) > 8 for one in spellings("4006381333931", symbology="UPCE"))
