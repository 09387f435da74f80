"""GS1 codes: whatever spelling names one thing has one identity, and no other has it."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.credential import gs1

GS = "\x1d"
GTIN = "09506000134352"
EXAMPLES = int(os.environ.get("GATE_TEST_EXAMPLES", "12"))

SPELLINGS_OF_ONE = [
    f"01{GTIN}21ABC{GS}10LOT",
    f"{GS}01{GTIN}21ABC{GS}10LOT",
    f"10LOT{GS}01{GTIN}21ABC",
    f"01{GTIN}{GS}21ABC{GS}10LOT",
    f"01{GTIN}21ABC",
    f"01{GTIN}172512312" + "1ABC",
    f"(01){GTIN}(21)ABC",
    f"(01){GTIN}(10)LOT(21)ABC",
    f"https://id.gs1.org/01/{GTIN}/21/ABC",
    f"http://tickets.example/some/way/01/{GTIN}/21/ABC?10=LOT&utm=x#y",
    "https://id.gs1.org/01/9506000134352/21/ABC",
    f"https://id.gs1.org/01/{GTIN}/10/LOT/21/%41BC",
]
"""As the GS1 General Specifications (7.8) and GS1 Digital Link (4) let one item be spelled."""


@pytest.mark.parametrize("text", SPELLINGS_OF_ONE)
def test_one_item(text: str) -> None:
    """A GTIN with its serial number is one thing, whatever else is stated and in which order."""
    assert gs1.identity(gs1.read(text)) == f"01{GTIN}{GS}21ABC"


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        (f"414952132100001725432a{GS}8008250131120000", f"4149521321000017{GS}25432a"),
        ("(414)9521321000017(254)32a/b", f"4149521321000017{GS}25432a/b"),
        ("https://id.gs1.org/414/9521321000017/254/32a%2Fb", f"4149521321000017{GS}25432a/b"),
        ("2539506000134352ABC", "2539506000134352ABC"),
        ("(253)9506000134352", ""),
        ("(00)106141412345678908", "00106141412345678908"),
        ("(8004)95060001343520001", "800495060001343520001"),
        ("(8018)950600013435212342", "8018950600013435212342"),
        (f"(01){GTIN}(8008)250131120000", f"01{GTIN}{GS}8008250131120000"),
        (f"(8008)250131120000(01){GTIN}", f"01{GTIN}{GS}8008250131120000"),
        (f"(01){GTIN}", ""),
        ("(8008)250131120000", ""),
        (f"(01){GTIN}(21)A(21)B", ""),
    ],
)
def test_what_names_one_thing(text: str, identity: str) -> None:
    """A key with its serial number, or all that is stated; a kind of thing is nobody's ticket."""
    assert gs1.identity(gs1.read(text)) == identity


@pytest.mark.parametrize(
    "text",
    [
        "", "TICKET-1", "0123456789", f"01{GTIN[:-1]}321ABC", "(01)ABC(21)X", "(21)", "()",
        "https://tickets.example/t/ABC", "https://[/01/", f"ftp://id.gs1.org/01/{GTIN}/21/A",
        f"01{GTIN}21{'票'}", f"01{GTIN}21" + "A" * 600, f"(01){GTIN}(21)" + "A" * 21,
    ],
)  # fmt: skip
def test_no_gs1(text: str) -> None:
    """Any other text says nothing: it is only what it is."""
    assert gs1.read(text) == ()


def test_a_dropped_separator_has_rivals() -> None:
    """Without GS a serial number may have ended sooner: that thing is named too."""
    assert gs1.rivals(f"01{GTIN}21ABC10LOT") == (
        f"01{GTIN}{GS}21ABC10LOT",
        f"01{GTIN}{GS}21ABC",
    )
    assert gs1.rivals(f"01{GTIN}21ABC{GS}10LOT") == ()


def test_too_many_rivals_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a text can be taken apart in more ways than are looked at, it is only its text."""
    text = f"01{GTIN}21" + "10" * 10
    assert gs1.rivals(text) is None or len(gs1.rivals(text) or ()) > 1
    monkeypatch.setattr("gate.credential.spellings.MOST_WAYS", 1)
    assert gs1.rivals(text) is None


@settings(max_examples=EXAMPLES * 20, deadline=None)
@given(st.text(max_size=80) | st.text(alphabet="()01289 AZ\x1d", max_size=60) | st.builds(
    "https://x.example/{}".format, st.text(alphabet="0123/%?&=AZ4", max_size=60)))  # fmt: skip
def test_any_text(text: str) -> None:
    """No text breaks the reader, nor what is made of it."""
    gs1.identity(gs1.read(text))
    gs1.rivals(text)


SERIAL = st.text(alphabet="ABCxyz019/-", min_size=1, max_size=12)


@settings(max_examples=EXAMPLES * 20, deadline=None)
@given(SERIAL, SERIAL)
def test_serials_are_not_mixed_up(one: str, other: str) -> None:
    """Two texts have one identity just when their serial numbers are the same."""
    first = gs1.identity(gs1.read(f"(01){GTIN}(21){one}"))
    second = gs1.identity(gs1.read(f"01{GTIN}21{other}{GS}10L"))
    assert first
    assert second
    assert (first == second) == (one == other)


def test_mutation_serial_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were an item known by its GTIN alone, everybody's ticket would be one."""
    monkeypatch.setattr(gs1, "_OF_ONE_ITEM", (("01",),))
    with pytest.raises(AssertionError):
        test_serials_are_not_mixed_up.hypothesis.inner_test("A", "B")  # type: ignore[attr-defined]
