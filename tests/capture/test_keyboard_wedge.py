"""A scanner that types: bursts become codes, fingers do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.capture.keyboard_wedge import BURST_MS, LIMIT, Bursts, Wedge


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


def typed(text: str, every_ms: float, bursts: Bursts, since_ms: float = 1000) -> float:
    """Type at a pace; answers with the moment at which an Enter at that pace would come."""
    for n, character in enumerate(text):
        bursts.type(character, since_ms + n * every_ms)
    return since_ms + len(text) * every_ms


@pytest.mark.parametrize("every_ms", [0, 1, 10, BURST_MS])
def test_a_burst_in_a_field_is_a_scanners(every_ms: float) -> None:
    """Six characters and an Enter, 30 ms each at most."""
    bursts = Bursts()
    assert bursts.end(typed("123456", every_ms, bursts)) == "123456"
    assert bursts.end(5000) == ""


@pytest.mark.parametrize(
    ("text", "every_ms"), [("123456", 31), ("4711", 5), ("12345", 0), ("45", 60), ("", 0)]
)
def test_what_a_person_types_is_none(text: str, every_ms: float) -> None:
    """Slower than any scanner, or too short to say."""
    bursts = Bursts()
    assert bursts.end(typed(text, every_ms, bursts)) == ""


def test_a_stutter_within_a_burst_leaves_no_half_code() -> None:
    """A scanner that pauses for 90 ms in the middle is still one, with its whole code."""
    bursts = Bursts()
    typed("045678", 5, bursts)
    assert bursts.end(typed("901234", 5, bursts, since_ms=1025 + 90)) == "045678901234"


def test_what_was_typed_before_a_burst_is_not_part_of_it() -> None:
    """Half a PIN, a pause, a scan: the scan alone is the code."""
    bursts = Bursts()
    typed("4711", 150, bursts)
    assert bursts.end(typed("GOOD001", 5, bursts, since_ms=3000)) == "GOOD001"


def test_an_enter_much_later_is_a_persons() -> None:
    """What was pasted and then looked at is text."""
    bursts = Bursts()
    bursts.type("a long reason", 1000)
    assert bursts.end(1000 + 101) == ""


def test_a_silence_ends_a_burst_too() -> None:
    """Many scanners send no Enter; a key held down is none of them."""
    bursts = Bursts()
    typed("GOOD001", 5, bursts)
    assert bursts.pause() == "GOOD001"
    typed("0" * 40, 25, bursts)
    assert bursts.pause() == ""


@given(st.text(max_size=12), st.lists(st.floats(31, 400), min_size=13, max_size=13))
def test_nobody_who_types_like_a_person_is_a_scanner(text: str, gaps: list[float]) -> None:
    """Whatever is typed, above 30 ms for each key it stays in its field."""
    bursts, at_ms = Bursts(), 1000.0
    for character, gap_ms in zip(text, gaps, strict=False):
        bursts.type(character, at_ms)
        at_ms += gap_ms
    assert bursts.end(at_ms) == ""
