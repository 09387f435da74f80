"""What USB scanners do to codes, undone: every usual flaw, no accident, no second guess."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.credential.layouts import LAYOUTS, retyped
from gate.credential.repair import (
    GS,
    MOST_REPAIRS,
    Flaw,
    Kind,
    is_telling,
    read_flaw,
    repairs,
    undone,
)

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
    for plain, shifted in LAYOUTS.values():
        keys = [key for key in plain + shifted if key not in "\0 "]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name not in ("us", "uk")])
def test_each_wrong_layout_is_undone(name: str) -> None:
    """A US scanner at any computer, and any scanner at a US computer, mean what they read."""
    at_computer = retyped(CODE, "us", name)
    assert found(at_computer, CODE) == (Flaw(Kind.LAYOUT, f"{name}>us"),)
    if (
        "\0" not in (by_scanner := retyped(CODE, name, "us"))
        and retyped(by_scanner, "us", name) == CODE
    ):
        assert found(by_scanner, CODE) is not None


def test_a_british_keyboard_exchanges_quotation_mark_and_at() -> None:
    """Only a few keys differ, and one of them is in every mail address."""
    assert found('guest"venue.example-0001', "guest@venue.example-0001") is not None


def test_an_accent_that_fell_on_a_letter_is_taken_apart() -> None:
    """On a French keyboard a US scanner's bracket and letter become one letter with an accent."""
    assert retyped("â", "fr", "us") == "[q"
    assert retyped("à", "fr", "us") == "0"


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
        ("\\000026" + CODE, CODE, Kind.ECI),
        ("\\000026A\\\\B-0123456789", "A\\B-0123456789", Kind.ECI),
        (GS1.replace(GS, "{GS}"), GS1, Kind.GS_AS),
        (GS1.replace(GS, "^]"), GS1, Kind.GS_AS),
        (GS1.replace(GS, "029"), GS1, Kind.GS_AS),
        (
            f"0104012345678901{GS}21AB12".replace(GS, ""),
            f"0104012345678901{GS}21AB12",
            Kind.GS_LOST,
        ),
        (GS + "K7QX-0001-ABCD", "K7QX-0001-ABCD", Kind.GS_ADDED),
    ],
)
def test_each_flaw_is_undone(typed: str, code: str, kind: Kind) -> None:
    """What was meant is among the repairs, with the name of what is wrong."""
    flaws = found(typed, code)
    assert flaws is not None
    assert flaws[0].kind is kind
    assert is_telling(flaws, typed, code)


def test_what_a_scanner_cuts_off_is_known_from_other_codes() -> None:
    """How known codes begin and end here is put back where it is missing."""
    ends = {"heads": ["TKT:2026", "EV26-000"], "tails": ["-2026-GH"]}
    (flaw,) = found("2026K7QX0001", "TKT:2026K7QX0001", **ends) or ()
    assert flaw == Flaw(Kind.LOST_FIRST, "TKT:")
    (flaw,) = found("K7QX0001-2026", "K7QX0001-2026-GH", **ends) or ()
    assert flaw == Flaw(Kind.LOST_LAST, "-GH")


def test_two_flaws_at_once() -> None:
    """A wrong layout with Caps Lock, a prefix, or a spelled-out GS is undone as well."""
    for typed in (
        retyped(CODE, "us", "se").swapcase(),
        "x" + retyped(CODE, "us", "fr"),
        retyped(CODE, "us", "it") + "#",
    ):
        flaws = found(typed, CODE)
        assert flaws is not None, typed
        assert len(flaws) == 2


@given(st.text(max_size=600), st.lists(st.text(max_size=8), max_size=8))
def test_repairs_are_few_and_harmless(text: str, ends: list[str]) -> None:
    """Whatever is typed, the repairs are bounded, differ from it, and from each other."""
    made = list(repairs(text, ends, ends))
    assert len(made) <= MOST_REPAIRS
    texts = [meant for _flaws, meant in made]
    assert len(set(texts)) == len(texts)
    assert text not in texts
    for flaws, meant in itertools.islice(made, 20):
        assert undone(flaws, text) == meant
        assert isinstance(is_telling(flaws, text, meant), bool)


@pytest.mark.parametrize(
    ("flaw", "typed", "code", "telling"),
    [
        ("layout:fr>us", "&é\"'(-è_", "12345678", True),
        ("added-first:1", "912345678", "12345678", False),
        ("added-first:1", "XK7QX0001AB", "K7QX0001AB", True),
        ("lost-first:K", "7QX0001", "K7QX0001", False),
        ("case:upper", "k7qx1", "K7QX1", False),
        ("case:swap", "k7QX0001abc", "K7qx0001ABC", True),
    ],
)
def test_accidents_are_not_believed(flaw: str, typed: str, code: str, telling: bool) -> None:
    """A short number without its first digit is too easily somebody else's ticket."""
    assert is_telling([read_flaw(flaw)], typed, code) is telling


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
