"""Answers in entries: nobody reads them without the event's key."""

from hypothesis import given
from hypothesis import strategies as st

from gate.credential.sealed_answers import open_answers, seal_answers

KEY, OTHER = b"k" * 32, b"o" * 32


@given(st.dictionaries(st.text(max_size=9), st.text(min_size=1, max_size=50), min_size=1))
def test_only_the_key_and_the_ticket_open_them(answers: dict[str, str]) -> None:
    """With another key, as after the event's end, or beside another ticket there is nothing."""
    sealed = seal_answers(KEY, "t1", answers)
    assert open_answers(KEY, "t1", sealed) == answers
    assert open_answers(OTHER, "t1", sealed) == {}
    assert open_answers(KEY, "t2", sealed) == {}
    assert open_answers(KEY, "t1", sealed[:-4]) == {}


def test_the_same_answers_look_different() -> None:
    """So nobody can tell who answered the same; and no answer leaves nothing."""
    assert seal_answers(KEY, "t1", {"q": "true"}) != seal_answers(KEY, "t1", {"q": "true"})
    assert seal_answers(KEY, "t1", {"q": ""}) == ""


@given(st.text(max_size=80))
def test_whatever_stands_there_is_no_fault(sealed: str) -> None:
    """A liar's entry says nothing."""
    assert open_answers(KEY, "t1", sealed) == {}
