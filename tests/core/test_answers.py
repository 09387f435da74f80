"""What is typed as an answer, and the text as which it is kept."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core import answers
from gate.core.answers import BadAnswerError, Complaint, answer_text, read_answer
from gate.core.question import Choice, Question, QuestionKind

SOUP_OR_FISH = (Choice("17", "Soup"), Choice("4", "Fish"), Choice("x", "Fish"))
K = QuestionKind


def asked(kind: QuestionKind, **more: Any) -> Question:
    options = SOUP_OR_FISH if kind in (K.CHOICE, K.CHOICES) else ()
    return Question("q", "Which?", kind, options=options, **more)


@pytest.mark.parametrize(
    ("kind", "typed", "answer", "more"),
    [
        (K.YES_NO, "y", "true", {}),
        (K.YES_NO, "1", "true", {}),
        (K.YES_NO, " Ja ", "true", {}),
        (K.YES_NO, "0", "false", {"required": False}),
        (K.NUMBER, "42", "42", {}),
        (K.NUMBER, "1,5", "1.5", {"least": "1.50", "most": "1.50"}),
        (K.NUMBER, "-3", "-3", {}),
        (K.TEXT, "  Mei   Lin ", "Mei Lin", {"shortest": 7, "longest": 7}),
        (K.LONG_TEXT, "no nuts", "no nuts", {}),
        (K.CHOICE, "1", "17", {}),
        (K.CHOICE, "soup", "17", {}),
        (K.CHOICE, "X", "x", {}),
        (K.CHOICES, "2 1", "17,4", {}),
        (K.CHOICES, "1,3", "17,x", {}),
        (K.CHOICES, "soup; x", "17,x", {}),
        (K.DATE, "2026-12-31", "2026-12-31", {"least": "2026-12-31", "most": "2026-12-31"}),
        (K.DATE, "1.2.2026", "2026-02-01", {}),
        (K.TIME, "9:05", "09:05", {}),
        (K.TIME, "23.59", "23:59", {}),
        (K.DATE_TIME, "2026-12-31 19:30", "2026-12-31T19:30", {"most": "2026-12-31T19:30"}),
        (K.DATE_TIME, "31.12.2026 7:05", "2026-12-31T07:05", {}),
        (K.COUNTRY, "de", "DE", {}),
        (K.PHONE, "+49 (30) 123-4567", "+49301234567", {}),
        (K.PHONE, "0049 30 1234567", "+49301234567", {}),
        (K.EMAIL, "mei@example.org", "mei@example.org", {}),
        (K.FILE, "", "", {"required": False}),
        (K.TEXT, "  ", "", {"required": False}),
    ],
)
def test_what_is_an_answer(
    kind: QuestionKind, typed: str, answer: str, more: dict[str, Any]
) -> None:
    """As people write it; it is kept as others read it."""
    assert read_answer(asked(kind, **more), typed) == answer


REFUSED: list[tuple[QuestionKind, str, Complaint, dict[str, Any]]] = [
    (K.TEXT, " ", Complaint.NEEDED, {}),
    (K.YES_NO, "n", Complaint.YES_NEEDED, {}),
    (K.YES_NO, "perhaps", Complaint.UNLIKE, {}),
    (K.NUMBER, "1e3", Complaint.UNLIKE, {}),
    (K.NUMBER, "nan", Complaint.UNLIKE, {}),
    (K.NUMBER, "2", Complaint.TOO_SMALL, {"least": "2.01"}),
    (K.NUMBER, "2", Complaint.TOO_GREAT, {"most": "1.99"}),
    (K.TEXT, "Mei", Complaint.TOO_SHORT, {"shortest": 4}),
    (K.TEXT, "Mei Lin", Complaint.TOO_LONG, {"longest": 6}),
    (K.LONG_TEXT, "x" * 501, Complaint.TOO_LONG, {"longest": 9000}),
    (K.CHOICE, "4", Complaint.UNLIKE, {}),
    (K.CHOICE, "0", Complaint.UNLIKE, {}),
    (K.CHOICE, "fish", Complaint.UNLIKE, {}),
    (K.CHOICE, "1 2", Complaint.UNLIKE, {}),
    (K.CHOICES, "1 4", Complaint.UNLIKE, {}),
    (K.CHOICES, ",", Complaint.UNLIKE, {}),
    (K.DATE, "2026-02-30", Complaint.UNLIKE, {}),
    (K.DATE, "12/31/2026", Complaint.UNLIKE, {}),
    (K.DATE, "2026-12-30", Complaint.TOO_SMALL, {"least": "2026-12-31"}),
    (K.TIME, "24:00", Complaint.UNLIKE, {}),
    (K.DATE_TIME, "2026-12-31", Complaint.UNLIKE, {}),
    (K.DATE_TIME, "2026-12-31 19:31", Complaint.TOO_GREAT, {"most": "2026-12-31T19:30"}),
    (K.COUNTRY, "XX", Complaint.UNLIKE, {}),
    (K.COUNTRY, "Germany", Complaint.UNLIKE, {}),
    (K.PHONE, "030 1234567", Complaint.UNLIKE, {}),
    (K.EMAIL, "mei@", Complaint.UNLIKE, {}),
    (K.FILE, "me.png", Complaint.NOT_HERE, {"required": False}),
    (K.FILE, "", Complaint.NOT_HERE, {}),
]


def is_refused(kind: QuestionKind, typed: str, complaint: Complaint, more: dict[str, Any]) -> bool:
    try:
        read_answer(asked(kind, **more), typed)
    except BadAnswerError as bad:
        return bad.complaint is complaint
    return False


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_answer(case: tuple[QuestionKind, str, Complaint, dict[str, Any]]) -> None:
    """It says what is wrong: nobody is let in on it."""
    assert is_refused(*case)


@pytest.mark.parametrize("case", REFUSED)
def test_mutation_whatever_is_typed_is_taken(
    case: tuple[QuestionKind, str, Complaint, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if nobody looked at what was typed: each line of the table above notices it."""
    monkeypatch.setattr(answers, "_READERS", dict.fromkeys(K, lambda _question, text: text))
    kind, typed, complaint, more = case
    empty = not typed.strip()
    assert is_refused(kind, typed, complaint, more) is empty


@given(st.sampled_from(list(K)), st.text(max_size=30), st.booleans())
def test_whatever_comes_is_an_answer_or_a_complaint(
    kind: QuestionKind, typed: str, required: bool
) -> None:
    """Never a fault; and what is kept is text that any database, journal and system can take."""
    question = asked(kind, required=required)
    try:
        answer = read_answer(question, typed)
    except BadAnswerError:
        return
    assert answer == answer.encode().decode()
    assert bool(answer) or not required
    assert "\n" not in answer_text(question, answer)


@given(st.dates(), st.times(), st.decimals(-1000, 1000, places=2))
def test_what_was_kept_is_read_as_the_same(day: Any, time: Any, number: Any) -> None:
    """Of days, times and numbers: a bound that is an answer is met by that answer."""
    moment = f"{day.isoformat()}T{time:%H:%M}"
    for kind, text in ((K.DATE, day.isoformat()), (K.DATE_TIME, moment), (K.NUMBER, str(number))):
        kept = read_answer(asked(kind, least=text, most=text), text)
        assert read_answer(asked(kind, least=kept, most=kept), kept) == kept


def test_an_answer_as_people_read_it() -> None:
    """Choices by their texts, however they are kept."""
    assert answer_text(asked(K.CHOICES), "17,4,gone") == "Soup, Fish, gone"
    assert answer_text(asked(K.DATE_TIME), "2026-12-31T19:30") == "2026-12-31 19:30"
