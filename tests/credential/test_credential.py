"""Codes are hostile input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.outcome import Reason
from gate.credential import KEY_BYTES, MAX_BYTES, code_hash, parse


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ABC123", "ABC123"),
        (" ABC123\r\n", "ABC123"),
        ("]C0ABC123", "ABC123"),
        ("]Q3ABC123", "ABC123"),
        ("]d2010123\x1d17", "010123\x1d17"),
        ("]AB", "]AB"),
        ("票-001", "票-001"),
        ("a" * MAX_BYTES, "a" * MAX_BYTES),
    ],
)
def test_wrapping_comes_off_and_the_rest_stays(text: str, code: str) -> None:
    """White space around and a symbology identifier go, nothing else changes."""
    assert parse(text).code == code


@pytest.mark.parametrize(
    "text", ["", " \r\n", "a" * (MAX_BYTES + 1), "票" * (MAX_BYTES // 3 + 1), "a\ud800b", "\0\0"]
)
def test_what_cannot_be_a_code_is_unreadable(text: str) -> None:
    """Nothing, too much, or no text at all."""
    assert parse(text).problem is Reason.UNREADABLE


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=6000))
def test_parsing_never_fails(text: str) -> None:
    """Any text is a code or unreadable; a code is bounded and can be hashed."""
    credential = parse(text)
    assert bool(credential.code) == (credential.problem is None)
    assert len(credential.code.encode("utf-8", "surrogatepass")) <= MAX_BYTES
    assert len(code_hash(bytes(KEY_BYTES), text)) == 16


def test_the_hash_depends_on_the_key() -> None:
    """Two events know the same code by different hashes."""
    assert code_hash(b"a" * KEY_BYTES, "X") != code_hash(b"b" * KEY_BYTES, "X")
