"""What an organiser wants to know at the door before somebody is let in, as the event states it.

One text of JSON for the whole event: a list of objects with the fields of ``Question``. Each tells
of which tickets it is asked, and after which answer to another one.
"""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

MOST_BYTES: Final = 64 * 1024
"""Of all questions of an event, as JSON."""
MOST_QUESTIONS: Final = 100
MOST_ID_BYTES: Final = 40
YES, NO = "true", "false"


class QuestionKind(StrEnum):
    """What an answer has to be."""

    YES_NO = "yes_no"
    NUMBER = "number"
    TEXT = "text"
    LONG_TEXT = "long_text"
    CHOICE = "choice"
    CHOICES = "choices"
    DATE = "date"
    TIME = "time"
    DATE_TIME = "date_time"
    COUNTRY = "country"
    PHONE = "phone"
    EMAIL = "email"
    FILE = "file"
    """A picture or a document, which no lane can take; so is what a newer program asks for."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that may be chosen."""

    id: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question."""

    id: str
    text: str
    kind: QuestionKind = QuestionKind.TEXT
    help: str = ""
    required: bool = True
    """Whether nobody is let in without an answer; to yes or no: without a yes."""
    types: tuple[str, ...] = ()
    """Of which tickets, by the id or the ``product`` of their type; empty: of all."""
    options: tuple[Choice, ...] = ()
    depends_on: str = ""
    """Id of the question that has to have one of these answers before this one is asked."""
    depends_values: tuple[str, ...] = ()
    least: str = ""
    most: str = ""
    """First and last number, date or moment that is taken, as answers are written."""
    shortest: int = 0
    longest: int = 0
    """Of a text, in characters; 0: no bound of its own."""
    ask: bool = True
    """Whether it is asked at the door."""
    show: bool = False
    """Whether an answer that was given before is shown with the verdict."""


_DEFAULTS: Final = {field.name: field.default for field in fields(Question)} | {
    "id": "",
    "text": "",
}


_LISTS: Final = ("types", "depends_values")


class BadQuestionsError(ValueError):
    """A text that states no questions; the argument is what is wrong with which part."""


def parse(text: str) -> tuple[Question, ...]:
    """The questions that a text states. Raises BadQuestionsError."""
    questions = tuple(_question(row) for row in _rows(text))
    known: set[str] = set()
    if len(questions) > MOST_QUESTIONS:
        raise BadQuestionsError(str(len(questions)))
    for one in questions:
        if field := _wrong_field(one, known):
            raise BadQuestionsError(f"{one.id[:80]!r}: {field}")  # noqa: EM102  a place, no sentence
        known.add(one.id)
    return questions


@lru_cache(maxsize=16)
def questions_in(text: str) -> tuple[Question, ...]:
    """The same, of what an event states: what this program cannot read cannot be answered here."""
    try:
        return parse(text)
    except BadQuestionsError:
        return _as_far_as_known(text)


def _rows(text: str) -> list[Any]:
    try:
        rows = json.loads(text or "[]")
    except (ValueError, RecursionError) as error:
        raise BadQuestionsError(text[:80]) from error
    if not isinstance(rows, list):
        raise BadQuestionsError(text[:80])
    return rows


def _question(row: Any) -> Question:
    values: dict[str, Any] = dict(row) if isinstance(row, Mapping) else {"id": None}
    wrong = next((name for name, value in values.items() if not _fits(name, value)), "")
    if wrong:
        raise BadQuestionsError(f"{str(values.get('id'))[:80]!r}: {wrong[:80]}")  # noqa: EM102  a place
    lists = {name: tuple(values[name]) for name in _LISTS if name in values}
    read = {
        "kind": QuestionKind(values.get("kind", QuestionKind.TEXT)),
        "options": tuple(Choice(**one) for one in values.get("options", [])),
    }
    return Question(**({"id": "", "text": ""} | values | lists | read))


def _fits(name: str, value: Any) -> bool:
    """Whether a field may have that value."""
    if name == "kind":
        return isinstance(value, str) and value in tuple(QuestionKind)
    if name == "options":
        return isinstance(value, list) and all(map(_is_choice, value))
    if name in _LISTS:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    # A whole number is no flag, though Python takes it for one.
    return name in _DEFAULTS and type(value) is type(_DEFAULTS[name])


def _is_choice(row: Any) -> bool:
    is_one = isinstance(row, Mapping) and "id" in row and row.keys() <= {"id", "text"}
    return is_one and all(isinstance(value, str) for value in row.values())


def _as_far_as_known(text: str) -> tuple[Question, ...]:
    """Each that can be read; of the others that they are asked, and nobody here can answer."""
    try:
        rows = _rows(text)
    except BadQuestionsError:
        rows = [None]
    found = []
    for number, row in enumerate(rows):
        try:
            found.append(_question(row))
        except BadQuestionsError:
            stated = row if isinstance(row, Mapping) else {}
            id_, title = str(stated.get("id", number)), str(stated.get("text", "?"))
            unread = Question(id_, title, QuestionKind.FILE)
            found.append(replace(unread, required=stated.get("required") is not False))
    return tuple(found)


def _wrong_field(question: Question, known: Set[str]) -> str:
    """The name of a field that cannot be as it is; empty: all can."""
    is_long = len(question.id.encode("utf-8", "replace")) > MOST_ID_BYTES
    if not question.id.strip() or question.id in known or is_long:
        return "id"
    if not question.text.strip():
        return "text"
    ids = [option.id for option in question.options]
    wants_options = question.kind in (QuestionKind.CHOICE, QuestionKind.CHOICES)
    # Of several choices the ids are told with commas between.
    if wants_options != bool(ids) or len(set(ids)) != len(ids) or any("," in one for one in ids):
        return "options"
    # What it depends on is asked before it; so there is no circle either.
    return "depends_on" if question.depends_on and question.depends_on not in known else ""
