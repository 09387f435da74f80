"""Questions as an event states them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core import question
from gate.core.question import BadQuestionsError, QuestionKind, parse, questions_in

MEAL = {"id": "meal", "text": "Which meal?", "kind": "choice", "options": [{"id": "soup"}]}
BONES = {"id": "bones", "text": "Bones?", "depends_on": "meal", "depends_values": ["soup"]}


def test_questions_are_read_in_their_order() -> None:
    """What is not stated is asked at the door, of everybody, and has to be answered."""
    meal, bones = parse(json.dumps([MEAL, BONES]))
    assert (meal.kind, meal.options[0].id, meal.required) == (QuestionKind.CHOICE, "soup", True)
    assert (bones.depends_on, bones.depends_values, bones.ask) == ("meal", ("soup",), True)
    assert parse("") == ()


BAD: list[Any] = [
    {}, [1], [{"id": "meal"}], [{"text": "Which?"}], [MEAL, MEAL], [BONES], [BONES, MEAL],
    [MEAL | {"kind": "smell"}], [MEAL | {"required": 1}], [MEAL | {"options": []}],
    [MEAL | {"options": [{"id": 3}]}], [MEAL | {"options": [{"id": "a,b"}]}],
    [MEAL | {"options": [{"id": "a"}, {"id": "a"}]}], [MEAL | {"flavour": "x"}],
    [MEAL | {"least": 3}], [MEAL | {"id": "m" * 41}], [MEAL | {"types": "VIP"}],
    [MEAL | {"kind": ["choice"]}],
    [{"id": str(n), "text": "?"} for n in range(101)],
]  # fmt: skip


def is_noticed(stated: Any) -> bool:
    try:
        parse(json.dumps(stated))
    except BadQuestionsError:
        return True
    return False


@pytest.mark.parametrize("stated", BAD)
def test_what_cannot_be_is_said_where_it_is_stated(stated: Any) -> None:
    """No door meets a question that nobody can answer by mistake."""
    assert is_noticed(stated)


def test_mutation_nobody_looks_at_the_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every field could be anything, and everything could stand beside everything."""
    monkeypatch.setattr(question, "_wrong_field", lambda *_all: "")
    assert not all(map(is_noticed, BAD))


@given(st.text() | st.builds(json.dumps, st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["id", "text", "kind", "required", "options"]), inner),
)))  # fmt: skip
def test_what_a_newer_program_states_lets_nobody_in_unasked(text: str) -> None:
    """What is not understood is a question that no lane can answer, and never none."""
    found = questions_in(text)
    try:
        assert found == parse(text)
    except BadQuestionsError:
        stated = _rows(text)
        assert len(found) == len(stated) if isinstance(stated, list) else found


def _rows(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
