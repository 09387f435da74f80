"""What an organiser wants to know at the door before somebody is let in, as the event states it.

One text of JSON for the whole event: a list of objects with the fields of ``Question``. Each tells
of which tickets it is asked, and after which answer to another one.
"""

from collections.abc import Set
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

MOST_BYTES: Final = 64 * 1024
"""Of all questions of an event, as JSON."""
MOST_QUESTIONS: Final = 100
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


class Choice(Struct, frozen=True, forbid_unknown_fields=True):
    """One of the answers that may be chosen."""

    id: str
    text: str = ""


class Question(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
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


class BadQuestionsError(ValueError):
    """A text that states no questions; the argument is what is wrong with which part."""


class _Lenient(Struct):
    """A question as a newer program may state it."""

    id: str
    text: str = ""
    required: bool = True
    types: tuple[str, ...] = ()


def parse(text: str) -> tuple[Question, ...]:
    """The questions that a text states. Raises BadQuestionsError."""
    try:
        questions = msgspec.json.decode(text or "[]", type=tuple[Question, ...])
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadQuestionsError(str(error).replace("`", "")) from error
    known: set[str] = set()
    if len(questions) > MOST_QUESTIONS:
        raise BadQuestionsError(str(len(questions)))
    for one in questions:
        if field := _wrong_field(one, known):
            raise BadQuestionsError(f"{one.id[:80]!r}: {field}")  # noqa: EM102  a place, no sentence
        known.add(one.id)
    return questions


def _wrong_field(question: Question, known: Set[str]) -> str:
    """The name of a field that cannot be as it is; empty: all can."""
    if not question.id.strip() or question.id in known:
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


@lru_cache(maxsize=16)
def questions_in(text: str) -> tuple[Question, ...]:
    """The same, of what an event states: what this program cannot read cannot be answered here."""
    if not text:
        return ()
    try:
        return parse(text)
    except BadQuestionsError:
        return tuple(map(_as_far_as_known, _rows(text)))


def _rows(text: str) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(text, type=list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeError):
        return [{"id": "?", "text": "?"}]


def _as_far_as_known(row: dict[str, Any]) -> Question:
    try:
        return msgspec.convert(row, Question)
    except msgspec.ValidationError:
        pass
    try:
        known = msgspec.convert(row, _Lenient)
    except msgspec.ValidationError:
        known = _Lenient("?", "?")
    return Question(known.id, known.text or known.id, QuestionKind.FILE, "", known.required,
                    known.types)  # fmt: skip
