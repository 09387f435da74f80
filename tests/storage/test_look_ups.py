"""At most twelve look-ups a scan, whatever is scanned; and codes that nobody can guess."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.core.outcome import Outcome
from gate.core.verdict import Scan
from gate.credential import Shape, code_hash, has_other_than, read_shape, shape_of
from gate.credential.layouts import LAYOUTS, retyped
from gate.credential.scanners import Codes, Scanner
from gate.credential.spellings import folded, spellings
from gate.lane.lane import Lane
from gate.reports.ticket_import import import_files
from gate.storage import code_look_up
from gate.storage.folder import Folder
from gate.storage.ticket_rows import bare_body
from sync.cardapi.issued_codes import CODE_LENGTH, CODE_LETTERS, CODE_SIGNS, made_code
from tests.conftest import MakeLane
from tests.support.venue import TYPES, fill, write_rows

GS = "\x1d"
MIXED = [
    *(f"{'AbC-9/'[: n % 6 + 1]}{n:0{n}}" for n in range(1, 60)),
    f"0104012345678901{'7' * 20}{GS}10lot",
    f"0104012345678901{'7' * 20}{GS}21a{GS}10b",
    "票-1", "717523732898", "{GS}|^]",
]  # fmt: skip
"""Codes of so many shapes that hardly a text has another."""
HARD = [
    "0104012345678901217777777777777777777710lot",
    f"010401234567890121777777777{GS}777777777710211122",
    "(01)04012345678901(21)77777(10)2122",
    "0717523732898", "717523732899", "ABCDEF-2026-0001", "abcZYX/0001", "00" * 9, "1" * 500,
    "65666768697071727374", "Ã¤Ã¶Ã¼-1", "\\000026A\\\\B", "$A/B+C%D", "AÈÉ\"'(-è_çà",
    "{GS}a|b^]c<GS>029", "y" * 40, "票" * 9, "ZzYyZzYy0", "K7QX-0001",
]  # fmt: skip
"""Texts that have many spellings, or that many flaws of a scanner would explain."""


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many codes were hashed to be looked up since this was last asked."""
    hashed: list[str] = []

    def hash_it(key: bytes, code: str) -> bytes:
        hashed.append(code)
        return code_hash(key, code)

    monkeypatch.setattr(code_look_up, "code_hash", hash_it)

    def count() -> int:
        found = len(hashed)
        hashed.clear()
        return found

    return count


def dearest(lane: Lane, counted: Callable[[], int], texts: list[str]) -> int:
    """The most look-ups that one of the scans took."""
    most = 0
    for source in ("keyboard", "camera"):
        for text in texts:
            counted()
            lane.admit(Scan(text, "" if source == "keyboard" else "Code39", source))
            most = max(most, counted())
            lane.look_up(Scan(text, source=source)).result()
            most = max(most, counted())
    return most


@pytest.fixture
def mixed(folder: Folder, make_lane: MakeLane) -> Lane:
    fill(folder, [{"code": c, "type": "SHOW", "id": f"m{n}"} for n, c in enumerate(MIXED)])
    return make_lane(folder=folder)


def test_no_scan_takes_more_than_twelve(mixed: Lane, counted: Callable[[], int]) -> None:
    """Of any text, also where nothing is known of how the event's codes look."""
    for code in MIXED:
        mixed.admit(Scan(code, source="keyboard"))
    assert dearest(mixed, counted, [*HARD, *MIXED]) == code_look_up.MOST_LOOK_UPS == 12


@pytest.mark.long
def test_without_the_bound_there_are_more(
    mixed: Lane, counted: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside the test above."""
    monkeypatch.setattr(code_look_up, "MOST_LOOK_UPS", 10**6)
    assert dearest(mixed, counted, HARD) > 30


def test_where_codes_are_alike_hardly_any_is_needed(
    tmp_path: Path, make_lane: MakeLane, counted: Callable[[], int]
) -> None:
    """A text of another length or alphabet is looked up as it stands, and no more."""
    rows = [{"code": made_code(), "type": "SHOW", "id": f"m{n}"} for n in range(50)]
    only = Folder(tmp_path / "only")
    only.create()
    import_files(only, [write_rows(tmp_path / "rows.jsonl", [*TYPES, *rows])], built_ms=0)
    lane = make_lane(folder=only)
    other = ["717523732899", "0717523732898", "1" * 500, "票" * 9, "K7QX-0001", "GOOD001"]
    assert dearest(lane, counted, other) == 1
    assert lane.admit(Scan(str(rows[0]["code"]).lower())).outcome is Outcome.ADMIT


def test_what_was_not_looked_up_may_be_a_rival() -> None:
    """Then staff may not believe the scanner, and nothing is counted for it."""
    listed = {"K7QX-0001": "a", "K7QX-0002": "b", "K7QX-0003": "c"}
    typed = [retyped(code, "us", "fr") or "" for code in listed]
    for is_spent in (False, True):
        codes = Codes(lambda text: listed.get(text, ""), lambda: "-0A", is_spent=lambda: is_spent)  # noqa: B023
        scanner = Scanner()
        readings = [scanner.read(text, "", codes) for text in typed]
        assert readings[0].proposal is not None
        assert readings[0].proposal.shows is not is_spent
        assert readings[2].is_new is not is_spent


def test_shapes() -> None:
    """A shape says how long codes are and of which classes, and nothing else."""
    assert shape_of(["K7QX-0001", "K7"]) == "2,9:-0A"
    assert read_shape("2,9:-0A") == Shape(frozenset({2, 9}), "-0A")
    assert read_shape("1::") == Shape(frozenset({1}), ":")
    assert [read_shape(text) for text in ("", "0A", "x:0", ":0")] == [None] * 4
    assert Shape(frozenset({2, 9}), "-0A").fits("AAAAAAAAA")
    assert not Shape(frozenset({2, 9}), "-0A").fits("AAA")
    assert not Shape(frozenset({2, 9}), "-0A").fits("aa")


def test_a_made_code_cannot_be_guessed() -> None:
    """At least 64 random bits in 20 signs, and no two are one code in another spelling."""
    bits = math.log2(len(CODE_LETTERS)) + (CODE_LENGTH - 1) * math.log2(len(CODE_SIGNS))
    assert bits >= 64
    assert CODE_LENGTH <= 20
    made = [made_code() for _n in range(500)]
    assert len({*made}) == len(made)
    assert {sign for code in made for sign in code} == {*CODE_SIGNS}
    for code in made:
        assert (len(code), code[0] in CODE_LETTERS) == (CODE_LENGTH, True)
        assert spellings(code, symbology="QRCode") == (code,)
        assert folded(code) == (code.lower(),)


def test_a_made_code_stays_itself_at_any_latin_keyboard() -> None:
    """Each sign is typed as itself or as something that no code has, but at a Turkish F."""
    for name in set(LAYOUTS) - {"tr-f"}:
        for sign in CODE_SIGNS:
            typed = retyped(sign, "us", name)
            assert typed in (None, sign) or has_other_than("0A", typed or ""), (name, sign)


def test_a_ticket_that_was_erased_keeps_its_shape() -> None:
    """Else nothing would be known any more of how the event's codes look."""
    assert bare_body('{"id":"t","type_id":"T","holder":"Ann","shape":"4:0"}') == (
        '{"id":"t","type_id":"T","shape":"4:0"}'
    )
