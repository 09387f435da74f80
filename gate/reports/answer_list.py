"""What guests answered at the doors, as far as this folder has heard: a row for each answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec

from gate.core.answers import answer_text
from gate.core.entry import Act, Entry
from gate.core.history import annulled
from gate.core.question import Question
from gate.credential.sealed_answers import open_answers
from gate.reports.report import entries_with
from gate.storage.folder import Folder
from gate.storage.replica_reader import event_key
from gate.text.printable import printable
from gate.text.spreadsheet import row
from gate.text.times import clock_time

_COLUMNS = ("time", "gate", "ticket", "question", "text", "answer")


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer to one question."""

    at_ms: int
    gate: str
    ticket: str
    question: str
    """Its id."""
    text: str
    """What was asked; empty where the event does not ask it any more."""
    answer: str
    """As people read it."""


def look(folder: Folder, questions: tuple[Question, ...]) -> list[Answered]:
    """What was answered at admissions that stand, the first first. Raises StoreError."""
    key = event_key(folder)
    entries = entries_with(folder, "answers")
    gone = annulled(entries)
    standing = (e for e in entries if e.act is Act.ADMISSION and e.name not in gone)
    by_id = {one.id: one for one in questions}
    found = [one for entry in standing for one in _of(entry, key, by_id)]
    return sorted(found, key=lambda one: (one.at_ms, one.ticket))


def _of(entry: Entry, key: bytes, by_id: dict[str, Question]) -> Iterator[Answered]:
    if not key:
        return
    for id_, answer in open_answers(key, entry.ticket, entry.answers).items():
        question = by_id.get(id_)
        text = question.text if question else ""
        shown = answer_text(question, answer) if question else answer
        yield Answered(entry.at_ms, entry.gate, entry.ticket, id_, text, shown)


def as_table(found: list[Answered], time_zone: ZoneInfo) -> str:
    """One answer a line."""
    lines = [
        " · ".join(printable(part) for part in (
            clock_time(one.at_ms, time_zone, dated=True), one.gate, one.ticket,
            f"{one.text or one.question} {one.answer}",
        ))
        for one in found
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def as_csv(found: list[Answered], time_zone: ZoneInfo) -> str:
    """For a spreadsheet."""
    rows = [
        row([clock_time(one.at_ms, time_zone, dated=True, seconds=True), one.gate, one.ticket,
             one.question, one.text, one.answer])
        for one in found
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in (row(_COLUMNS), *rows))


def as_json(found: list[Answered], time_zone: ZoneInfo) -> str:  # noqa: ARG001  as the others
    """For programs; times are Unix milliseconds."""
    return msgspec.json.encode(found).decode() + "\n"
