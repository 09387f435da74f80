"""A scanner that types: bursts become codes, fingers do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.scanner.wedge import LIMIT, Wedge


@pytest.mark.parametrize("end", ["\r", "\n", "\t", "\r\n"])
def test_a_suffix_ends_a_code(end: str) -> None:
    """Enter, Tab, CR, LF or CR LF: one code, once."""
    wedge = Wedge()
    assert wedge.type("ABC-123" + end, 0) == ["ABC-123"]
    assert wedge.pause(1000) == []


def test_a_gap_ends_a_code_without_a_suffix() -> None:
    """100 ms of silence are the end; a 90 ms stutter is not."""
    wedge = Wedge()
    assert wedge.type("ABC", 0) == []
    assert wedge.type("-123", 90) == []
    assert wedge.pause(150) == []
    assert wedge.pause(190) == ["ABC-123"]


def test_a_late_character_begins_a_new_code() -> None:
    """What comes after a gap is told apart even when nobody asked in between."""
    wedge = Wedge()
    wedge.type("FIRST", 0)
    assert wedge.type("SECOND\r", 500) == ["FIRST", "SECOND"]


def test_fingers_make_no_codes() -> None:
    """Single keys with pauses between them are dropped, with Enter they count."""
    wedge = Wedge()
    for n, key in enumerate("HELLO"):
        assert wedge.type(key, n * 200) == []
    assert wedge.pause(5000) == []
    assert wedge.type("42\r", 6000) == ["42"]


def test_control_characters_inside_are_kept() -> None:
    """GS separates GS1 fields and belongs to the code."""
    assert Wedge().type("010123\x1d17261231\r", 0) == ["010123\x1d17261231"]


def test_a_pasted_list_is_many_codes() -> None:
    """Several lines at once are several codes; empty lines are none."""
    assert Wedge().type("A1\r\n\r\nB2\nC3\r", 0) == ["A1", "B2", "C3"]


def test_an_endless_burst_is_bounded() -> None:
    """A keyboard with something lying on it does not fill the memory."""
    wedge = Wedge()
    for n in range(1000):
        wedge.type("x" * 100, n)
    assert wedge.typed == LIMIT


@given(st.lists(st.tuples(st.text(max_size=8), st.integers(0, 300)), max_size=30))
def test_nothing_typed_ends_up_twice(pieces: list[tuple[str, int]]) -> None:
    """Codes contain no line ends and never more characters than were typed."""
    wedge, now, codes = Wedge(), 0, []
    for text, wait in pieces:
        now += wait
        codes += wedge.type(text, now)
    codes += wedge.end()
    assert sum(map(len, codes)) <= sum(len(text) for text, _wait in pieces)
    assert not any(set(code) & set("\r\n\t") for code in codes)
