"""What USB scanners do to codes, undone: every usual flaw, no accident, no second guess."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.credential.layouts import LAYOUTS, SCANNERS, retyped
from gate.credential.repair import MOST_REPAIRS, Flaw, Kind, read_flaw, repairs, undone
from gate.credential.spellings import GS

CODE = "https://gate.example/v?t=Y3P36-AQZW;m'K_9"
GS1 = f"0104012345678901{GS}21AB12{GS}10LOT7"


def found(typed: str, code: str, **ends: list[str]) -> tuple[Flaw, ...] | None:
    return next((flaws for flaws, meant in repairs(typed, **ends) if meant == code), None)


def test_every_layout_has_the_same_keys() -> None:
    """Rows are as long in all layouts, and no key types two things plainly."""
    shapes = {
        tuple(len(row) for row in side.split(" ")) for pair in LAYOUTS.values() for side in pair
    }
    assert shapes == {(13, 12, 12, 11)}
    for name, (plain, shifted) in LAYOUTS.items():
        keys = [key for key in plain + shifted if key not in "\0 "]
        # Signs that two keys type are few, and are read as neither.
        assert len(keys) - len(set(keys)) <= 3, name


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name not in ("us", "uk", "mt")])
def test_each_wrong_layout_is_undone(name: str) -> None:
    """A US scanner at any computer, and any scanner at a US computer, mean what they read."""
    code = CODE if name not in DOUBLED else CODE.translate(str.maketrans("", "", DOUBLED[name]))
    at_computer = retyped(code, "us", name)
    assert at_computer is not None
    assert (Flaw(Kind.LAYOUT, f"{name}>us"),) in [f for f, m in repairs(at_computer) if m == code]
    by_scanner = retyped(code, name, "us")
    if by_scanner is not None and retyped(by_scanner, "us", name) == code and name in SCANNERS:
        assert found(by_scanner, code) is not None


DOUBLED = {"bg": "?", "by": "':;/?_", "is": "';/", "il": "", "ru": "/", "ua": "'"}
"""Signs of ``CODE`` that come out as what another key types as well."""


def test_a_british_keyboard_exchanges_quotation_mark_and_at() -> None:
    """Only a few keys differ, and one of them is in every mail address."""
    assert found('guest"venue.example-0001', "guest@venue.example-0001") is not None


def test_an_accent_that_fell_on_a_letter_is_taken_apart() -> None:
    """On a French keyboard a US scanner's bracket and letter become one letter with an accent."""
    assert retyped("â", "fr", "us") == "[q"
    assert retyped("à", "fr", "us") == "0"


def test_what_a_keyboard_does_not_have_was_not_typed_at_it() -> None:
    """A reading that explains only some of the characters explains nothing."""
    assert retyped("K7QXß", "fr", "us") is None
    assert retyped("票-1", "de", "us") is None
    assert retyped("A\x1d", "de", "us") == "A\x1d"


@pytest.mark.parametrize(
    ("typed", "code", "kind"),
    [
        (CODE.swapcase(), CODE, Kind.CASE),
        (CODE.lower(), CODE.lower().upper(), Kind.CASE),
        ("".join(f"{ord(c):03}" for c in CODE), CODE, Kind.ALT),
        ("".join(f"{ord(c):04}" for c in CODE), CODE, Kind.ALT),
        ("".join(str(ord(c)) for c in CODE), CODE, Kind.ALT),
        ("".join(f"{ord(c):03}" for c in GS1), GS1, Kind.ALT),
        ("Q3" + CODE, CODE, Kind.ADDED_FIRST),
        ("\x02" + CODE, CODE, Kind.ADDED_FIRST),
        (CODE + "\x03", CODE, Kind.ADDED_LAST),
        (CODE + "[CR]", CODE, Kind.ADDED_LAST),
        (GS1.replace(GS, "{GS}"), GS1, Kind.GS_AS),
        (GS1.replace(GS, "^]"), GS1, Kind.GS_AS),
        (GS1.replace(GS, "029"), GS1, Kind.GS_AS),
    ],
)
def test_each_flaw_is_undone(typed: str, code: str, kind: Kind) -> None:
    """What was meant is among the repairs, with the name of what is wrong."""
    flaws = found(typed, code)
    assert flaws is not None
    assert flaws[0].kind is kind


def test_what_a_scanner_cuts_off_is_known_from_other_codes() -> None:
    """How known codes begin and end here is put back where it is missing."""
    ends = {"heads": ["TKT:2026", "EV26-000"], "tails": ["-2026-GH"]}
    (flaw,) = found("2026K7QX0001", "TKT:2026K7QX0001", **ends) or ()
    assert flaw == Flaw(Kind.LOST_FIRST, "TKT:")
    (flaw,) = found("K7QX0001-2026", "K7QX0001-2026-GH", **ends) or ()
    assert flaw == Flaw(Kind.LOST_LAST, "-GH")


def test_two_flaws_at_once() -> None:
    """A wrong layout with Caps Lock, a prefix, or a spelled-out GS is undone as well."""
    swedish, french, italian = (retyped(CODE, "us", scanner) for scanner in ("se", "fr", "it"))
    assert swedish
    assert french
    assert italian
    for typed in (swedish.swapcase(), "x" + french, italian + "+"):
        flaws = found(typed, CODE)
        assert flaws is not None, typed
        assert len(flaws) == 2


@given(st.text(max_size=600), st.lists(st.text(max_size=8), max_size=8))
def test_repairs_are_few_and_harmless(text: str, ends: list[str]) -> None:
    """Whatever is typed, the repairs are bounded, differ from it, and each is another reading."""
    made = list(repairs(text, ends, ends))
    assert len(made) <= MOST_REPAIRS
    assert len({flaws for flaws, _meant in made}) == len(made)
    assert text not in [meant for _flaws, meant in made]
    for flaws, meant in itertools.islice(made, 20):
        assert undone(flaws, text) == meant


@pytest.mark.parametrize("kind", list(Kind))
def test_flaws_are_written_and_read(kind: Kind) -> None:
    """What is saved is what was found."""
    details = {
        Kind.LAYOUT: "fr>us",
        Kind.CASE: "swap",
        Kind.LOST_FIRST: "TKT:",
        Kind.GS_AS: "{GS}",
        Kind.ECI: "",
        Kind.GS_ADDED: "",
    }
    flaw = Flaw(kind, details.get(kind, "3"))
    assert read_flaw(str(flaw)) == flaw


@pytest.mark.parametrize("text", ["", "layout:xx>us", "layout:fr", "case:odd", "alt:x", "other:1"])
def test_nonsense_is_no_flaw(text: str) -> None:
    """A damaged file is noticed when it is read, not when a ticket is scanned."""
    with pytest.raises(ValueError):  # noqa: PT011  of several makers
        read_flaw(text)
