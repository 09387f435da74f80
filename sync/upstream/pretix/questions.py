"""pretix's questions as an event's, and what was answered to them. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from gate.core.answers import MOST_TEXT
from gate.core.question import NO, YES, QuestionKind
from sync.upstream.pretix.answers import Given, Position, Question, title_of

_KINDS: Final = {
    "B": QuestionKind.YES_NO,
    "N": QuestionKind.NUMBER,
    "S": QuestionKind.TEXT,
    "T": QuestionKind.LONG_TEXT,
    "C": QuestionKind.CHOICE,
    "M": QuestionKind.CHOICES,
    "D": QuestionKind.DATE,
    "H": QuestionKind.TIME,
    "W": QuestionKind.DATE_TIME,
    "CC": QuestionKind.COUNTRY,
    "TEL": QuestionKind.PHONE,
}
"""Of any other type, such as a file, no lane can take an answer."""
_CHOSEN: Final = (QuestionKind.CHOICE, QuestionKind.CHOICES)


def kept(questions: Sequence[Question]) -> list[Question]:
    """Those that matter at the door, and those that they depend on before them."""
    by_id = {one.id: one for one in questions}
    found: dict[int, Question] = {}
    for one in sorted(questions, key=lambda one: (one.position, one.id)):
        if one.items and (one.ask_during_checkin or one.show_during_checkin):
            for needed in reversed(list(_with_needed(one, by_id))):
                found.setdefault(needed.id, needed)
    return list(found.values())


def _with_needed(question: Question, by_id: Mapping[int, Question]) -> Iterator[Question]:
    seen: set[int] = set()
    at: Question | None = question
    while at is not None and at.id not in seen:
        seen.add(at.id)
        yield at
        at = by_id.get(at.dependency_question) if at.dependency_question else None


def rows(questions: Sequence[Question], time_zone: str) -> list[dict[str, Any]]:
    """What ``kept`` has kept, as the setting ``questions`` states it."""
    by_id = {one.id: one for one in questions}
    return [_row(one, by_id, time_zone) for one in questions]


def _row(one: Question, by_id: Mapping[int, Question], time_zone: str) -> dict[str, Any]:
    kind = _KINDS.get(one.type, QuestionKind.FILE)
    row: dict[str, Any] = {
        "id": str(one.id),
        "text": title_of(one.question) or f"#{one.id}",
        "kind": kind.value,
        "help": title_of(one.help_text),
        "required": one.required,
        "types": [str(item) for item in one.items],
        "ask": one.ask_during_checkin,
        "show": one.show_during_checkin,
    }
    if kind in _CHOSEN:
        row["options"] = [
            {"id": str(option.id), "text": title_of(option.answer)} for option in one.options
        ]
        if not one.options:
            row |= {"kind": QuestionKind.FILE.value, "options": []}
    needed = by_id.get(one.dependency_question) if one.dependency_question else None
    if needed is not None:
        row["depends_on"] = str(needed.id)
        row["depends_values"] = [_value(needed, value) for value in one.dependency_values]
    if kind in (QuestionKind.TEXT, QuestionKind.LONG_TEXT):
        row |= {"shortest": one.valid_string_length_min or 0}
        row |= {"longest": one.valid_string_length_max or 0}
    return row | {
        name: bound for name, bound in _bounds(one, kind, ZoneInfo(time_zone)).items() if bound
    }


def _value(question: Question, value: str) -> str:
    """One of the answers on which another question depends, as answers are kept here."""
    if question.type == "B":
        return YES if value.casefold() == "true" else NO
    return next((str(one.id) for one in question.options if one.identifier == value), value)


def _bounds(one: Question, kind: QuestionKind, zone: ZoneInfo) -> dict[str, str]:
    if kind is QuestionKind.NUMBER:
        return {"least": one.valid_number_min or "", "most": one.valid_number_max or ""}
    if kind is QuestionKind.DATE:
        return {"least": one.valid_date_min or "", "most": one.valid_date_max or ""}
    if kind is QuestionKind.DATE_TIME:
        least, most = one.valid_datetime_min, one.valid_datetime_max
        return {"least": _local(least, zone), "most": _local(most, zone)}
    return {}


def _local(text: str | None, zone: ZoneInfo) -> str:
    """A moment as an event's clocks show it, to the minute."""
    if not text:
        return ""
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def answered(questions: Sequence[Question], position: Position) -> dict[str, str]:
    """What a position's holder has answered to questions that are kept: of others nothing is."""
    by_id = {one.id: one for one in questions}
    given = {one.question: _answer(by_id[one.question], one) for one in position.answers
             if one.question in by_id}  # fmt: skip
    return {str(id_): answer for id_, answer in sorted(given.items()) if answer}


def _answer(question: Question, given: Given) -> str:
    kind = _KINDS.get(question.type, QuestionKind.FILE)
    if kind is QuestionKind.YES_NO:
        return YES if given.answer.casefold() == "true" else NO
    if kind in _CHOSEN:
        return ",".join(map(str, given.options))
    return given.answer[:MOST_TEXT]
