"""What pretix's questions and their answers become, as a table."""

from typing import Any

import msgspec
import pytest

from gate import question_setting
from gate.core.question import QuestionKind, parse
from sync.upstream.pretix import questions
from sync.upstream.pretix.answers import Position, Question
from sync.upstream.pretix.questions import kept, rows

OPTIONS = [
    {"id": 17, "identifier": "SOUP", "answer": {"en": "Soup"}},
    {"id": 18, "identifier": "FISH", "answer": {"de": "Fisch"}},
]


def asked(id_: int, type_: str = "S", **more: Any) -> dict[str, Any]:
    """A question of items 2 and 3 that is asked at the door."""
    stated = {"id": id_, "type": type_, "question": {"en": f"Q{id_}?"}, "items": [2, 3],
              "ask_during_checkin": True}  # fmt: skip
    return stated | ({"options": OPTIONS} if type_ in "CM" else {}) | more


def read(*stated: dict[str, Any]) -> list[Question]:
    return kept(msgspec.convert(stated, list[Question]))


def row(stated: dict[str, Any]) -> dict[str, Any]:
    return rows(read(stated), "Europe/Berlin")[0]


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("B", QuestionKind.YES_NO), ("N", QuestionKind.NUMBER), ("S", QuestionKind.TEXT),
        ("T", QuestionKind.LONG_TEXT), ("C", QuestionKind.CHOICE), ("M", QuestionKind.CHOICES),
        ("D", QuestionKind.DATE), ("H", QuestionKind.TIME), ("W", QuestionKind.DATE_TIME),
        ("CC", QuestionKind.COUNTRY), ("TEL", QuestionKind.PHONE), ("F", QuestionKind.FILE),
        ("SMELL", QuestionKind.FILE),
    ],
)  # fmt: skip
def test_types(type_: str, kind: QuestionKind) -> None:
    """Each as ours; of what we do not know no lane can take an answer."""
    assert row(asked(1, type_))["kind"] == kind


@pytest.mark.parametrize(
    ("stated", "field", "value"),
    [
        (asked(1), "text", "Q1?"),
        (asked(1, question=None), "text", "#1"),
        (asked(1, help_text={"en": "On the car"}), "help", "On the car"),
        (asked(1), "types", ["2", "3"]),
        (asked(1), "required", False),
        (asked(1, show_during_checkin=True), "show", True),
        (asked(1, "C"), "options", [{"id": "17", "text": "Soup"}, {"id": "18", "text": "Fisch"}]),
        (asked(1, "C", options=[]), "kind", "file"),
        (asked(1, "N", valid_number_min="1.00"), "least", "1.00"),
        (asked(1, "D", valid_date_max="2026-12-31"), "most", "2026-12-31"),
        (asked(1, "W", valid_datetime_min="2026-12-31T18:30:00Z"), "least", "2026-12-31T19:30"),
        (asked(1, valid_string_length_max=9), "longest", 9),
    ],
)
def test_fields(stated: dict[str, Any], field: str, value: Any) -> None:
    """What pretix says of a question; moments as the event's clocks show them."""
    assert row(stated)[field] == value


def test_what_is_none_of_the_doors_is_left_out() -> None:
    """Nobody's item, or neither asked nor shown; but for what others depend on, which is first."""
    found = read(
        asked(1, items=[]),
        asked(2, ask_during_checkin=False),
        asked(3, position=1, dependency_question=4, dependency_values=["FISH"]),
        asked(4, "C", position=2, ask_during_checkin=False),
        asked(5, position=0),
    )
    assert [one.id for one in found] == [5, 4, 3]
    stated = rows(found, "UTC")
    assert (stated[1]["ask"], stated[2]["depends_on"]) == (False, "4")
    assert stated[2]["depends_values"] == ["18"]
    assert len(parse(question_setting.checked(stated))) == 3


def test_questions_that_depend_on_each_other_end() -> None:
    """Pretix keeps them apart; a circle all the same is no fault of the pull."""
    found = read(asked(1, dependency_question=2), asked(2, dependency_question=1))
    assert {one.id for one in found} == {1, 2}


@pytest.mark.parametrize(
    ("type_", "given", "answer"),
    [
        ("B", {"answer": "True"}, "true"),
        ("B", {"answer": "False"}, "false"),
        ("C", {"answer": "Soup", "options": [17]}, "17"),
        ("M", {"answer": "Soup, Fisch", "options": [17, 18]}, "17,18"),
        ("S", {"answer": "B-XY 1"}, "B-XY 1"),
        ("T", {"answer": "x" * 900}, "x" * 500),
    ],
)
def test_answers(type_: str, given: dict[str, Any], answer: str) -> None:
    """As they are kept here, by the ids of choices; to what nobody asks here none is kept."""
    position = msgspec.convert(
        {"id": 7, "item": 2, "secret": "s",
         "answers": [{"question": 1} | given, {"question": 9, "answer": "her address"}]},
        Position,
    )  # fmt: skip
    assert questions.answered(read(asked(1, type_)), position) == {"1": answer}
