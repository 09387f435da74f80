"""A code that a person types is found as the list has it, however the phone shows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.credential import Shape, read_shape, shape_of
from gate.credential.hand_typed import LEAST_TYPED, MOST_COMPLETIONS, completions, forms


@pytest.mark.parametrize(
    ("listed", "typed"),
    [
        ("717523732898", "7175 2373 2898"), ("717523732898", "7175-2373-2898"),
        ("717523732898", "７１７５ ２３７３ ２８９８"),
        ("717523732898", "7175\u00a02373\u00a02898"),
        ("ABCD-1234-EFGH", "abcd-1234-efgh"), ("ABCD-1234-EFGH", "abcd1234efgh"),
        ("ABCD-1234-EFGH", "abcd 1234 efgh"), ("ABCD-1234-EFGH", "ABCD\u20131234\u2013EFGH"),
        ("ABCD-1234-EFGH", "ＡＢＣＤ-1234-ＥＦＧＨ"),
        ("N-1008", "n1008"), ("abc def gh", "ABCDEFGH"),
        ("Mixed-Case", "Mixed-Case"), ("7175 2373 2898", "717523732898"),
    ],
)  # fmt: skip
def test_it_is_among_the_forms(listed: str, typed: str) -> None:
    """Groups, signs, width and case do not matter."""
    assert listed in forms(typed)


@given(st.text(max_size=300))
def test_any_text_has_few_forms(text: str) -> None:
    """As it stands first, each once, none empty but the text itself."""
    found = forms(text)
    assert not text or found[0] == text
    assert len(found) == len(set(found)) <= 250
    assert "" not in found


CODE = "717523732898"


@pytest.mark.parametrize(
    ("typed", "is_found"),
    [
        (CODE[:8], True), (CODE[-8:], True), (CODE[:11], True), ("7175 2373", True),
        (CODE[:7], False), (CODE[2:10], False), (CODE, False), ("7175-23x3", False), ("", False),
    ],
)  # fmt: skip
def test_what_lacks_is_tried_where_it_is_little(typed: str, is_found: bool) -> None:
    """The beginning or the end of a code; not its middle, and never so much that it takes long."""
    shape = read_shape(shape_of([CODE]))
    assert shape is not None
    tried = list(completions(typed, shape))
    assert (CODE in tried) is is_found
    assert len(tried) <= MOST_COMPLETIONS


@pytest.mark.parametrize(
    ("shape", "typed"),
    [
        (Shape(frozenset({5}), "0"), "123"),
        (Shape(frozenset({7}), "0Aa"), "1234"),
        (Shape(frozenset({5}), "0\uff7f"), "1234"),
        (Shape(frozenset({4096}), "0"), "1234"),
    ],
)
def test_nothing_is_tried_for_too_little(shape: Shape, typed: str) -> None:
    """Less than four characters, too many that lack, or a class without an end."""
    assert len(typed) <= LEAST_TYPED
    assert list(completions(typed, shape)) == []


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4))
def test_any_list_bounds_what_is_tried(text: str, codes: list[str]) -> None:
    """However a list is made, as many texts as a person waits for."""
    shape = read_shape(shape_of(codes))
    assert shape is not None
    assert sum(1 for _ in completions(text, shape)) <= MOST_COMPLETIONS
