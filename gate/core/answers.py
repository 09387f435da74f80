"""What somebody types as an answer, and the text as which it is kept and told; pure.

An answer is a text: ``true`` or ``false``, a number, the id of a choice, ids with commas between,
``2026-12-31``, ``19:30``, ``2026-12-31T19:30`` (in the event's zone), two letters of a country, a
phone number from its plus on. An empty one says that nothing was answered.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final, TypeVar

from gate.core.question import NO, YES, Choice, Question, QuestionKind

_Bounded = TypeVar("_Bounded", Decimal, date, datetime)
MOST_TEXT: Final = 500
"""Characters of one answer."""
MOST_BYTES: Final = 6000
"""Of all answers of one scan as JSON, so that they fit into its entry."""
_YES: Final = frozenset({"y", "yes", "1", "true", "j", "ja", "o", "oui", "s", "si", "sí", "是"})
_NO: Final = frozenset({"n", "no", "0", "false", "nein", "non", "否"})
_NUMBER: Final = re.compile(r"[+-]?\d{1,15}([.,]\d{1,6})?")
_EMAIL: Final = re.compile(r"[^@\s,;]{1,64}@[^@\s,;]+\.[^@\s,;.]{2,}")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_COUNTRIES: Final = frozenset(
    re.findall(
        "..",
        "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCD"
        "CFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGF"
        "GGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKN"
        "KPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNA"
        "NCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSI"
        "SJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVI"
        "VNVUWFWSYEYTZAZMZW",
    )
)
"""ISO 3166-1 alpha-2."""


class Complaint(StrEnum):
    """What is wrong with an answer."""

    NEEDED = "needed"
    """Nobody is let in without one."""
    YES_NEEDED = "yes_needed"
    UNLIKE = "unlike"
    """It is not of the kind that is asked for."""
    TOO_SMALL = "too_small"
    TOO_GREAT = "too_great"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_HERE = "not_here"
    """No lane can take such an answer."""


class BadAnswerError(ValueError):
    """What was typed is no answer to the question."""

    def __init__(self, complaint: Complaint, bound: str = "") -> None:
        super().__init__(complaint)
        self.complaint = complaint
        self.bound = bound
        """Which least or most it is beyond."""


def read_answer(question: Question, typed: str) -> str:
    """The answer that is meant by what was typed; empty: none. Raises BadAnswerError.

    Of choices the number is typed at which it stands, the first is 1, or its text or id.
    """
    # What a terminal makes of a broken key is no Unicode.
    text = " ".join(typed.encode("utf-8", "replace").decode().split())
    if not text:
        if question.required:
            here = question.kind is not QuestionKind.FILE
            raise BadAnswerError(Complaint.NEEDED if here else Complaint.NOT_HERE)
        return ""
    return _READERS[question.kind](question, text)


def is_too_much(given: Mapping[str, str]) -> bool:
    """Whether answers, by the ids of their questions, are more than an entry holds."""
    text = json.dumps(given, ensure_ascii=False)
    return len(text.encode()) > MOST_BYTES


def answer_text(question: Question, answer: str) -> str:
    """An answer as people read it; yes and no stay as they are kept."""
    if question.kind in (QuestionKind.CHOICE, QuestionKind.CHOICES):
        texts = {option.id: option.text or option.id for option in question.options}
        return ", ".join(texts.get(one, one) for one in answer.split(","))
    return answer.replace("T", " ") if question.kind is QuestionKind.DATE_TIME else answer


def _yes_no(question: Question, text: str) -> str:
    word = text.casefold()
    if word in _NO and question.required:
        raise BadAnswerError(Complaint.YES_NEEDED)
    if word not in _YES | _NO:
        raise BadAnswerError(Complaint.UNLIKE)
    return YES if word in _YES else NO


def _number(question: Question, text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise BadAnswerError(Complaint.UNLIKE)
    number = Decimal(text.replace(",", "."))
    _bound(question, number, _decimal)
    return f"{number:f}"


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError(text) from error


def _text(question: Question, text: str) -> str:
    longest = min(question.longest or MOST_TEXT, MOST_TEXT)
    if len(text) > longest:
        raise BadAnswerError(Complaint.TOO_LONG, str(longest))
    if len(text) < question.shortest:
        raise BadAnswerError(Complaint.TOO_SHORT, str(question.shortest))
    return text


def _choice(question: Question, text: str) -> str:
    return _chosen(question.options, text)


def _choices(question: Question, text: str) -> str:
    parts = [part for part in re.split(r"[,;]", text) if part.strip()]
    if all(part.isdecimal() for part in text.split()):
        parts = text.split()
    if not parts:
        raise BadAnswerError(Complaint.UNLIKE)
    chosen = {_chosen(question.options, part.strip()) for part in parts}
    return ",".join(option.id for option in question.options if option.id in chosen)


def _chosen(options: Iterable[Choice], text: str) -> str:
    listed = list(options)
    if text.isascii() and text.isdecimal():
        # What stands on the screen is the place: ids may be numbers too, and are not meant.
        meant = [listed[int(text) - 1]] if 1 <= int(text[:6]) <= len(listed) else []
    else:
        word = text.casefold()
        meant = [one for one in listed if word in (one.text.casefold(), one.id.casefold())]
    if len(meant) != 1:
        raise BadAnswerError(Complaint.UNLIKE)
    return meant[0].id


def _date(question: Question, text: str) -> str:
    dotted = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text)
    try:
        day = (
            date(int(dotted[3]), int(dotted[2]), int(dotted[1]))
            if dotted
            else date.fromisoformat(text)
        )
    except ValueError as error:
        raise BadAnswerError(Complaint.UNLIKE) from error
    _bound(question, day, date.fromisoformat)
    return day.isoformat()


def _time(_question: Question, text: str) -> str:
    match = re.fullmatch(r"(\d{1,2})[:.](\d{2})", text)
    try:
        moment = time(int(match[1]), int(match[2])) if match else time.fromisoformat(text)
    except ValueError as error:
        raise BadAnswerError(Complaint.UNLIKE) from error
    return f"{moment:%H:%M}"


def _date_time(question: Question, text: str) -> str:
    day, _between, rest = text.replace("T", " ").partition(" ")
    plain = Question("", "")
    written = f"{_date(plain, day)}T{_time(plain, rest)}"
    _bound(question, datetime.fromisoformat(written), datetime.fromisoformat)
    return written


def _country(_question: Question, text: str) -> str:
    if text.upper() not in _COUNTRIES:
        raise BadAnswerError(Complaint.UNLIKE)
    return text.upper()


def _phone(_question: Question, text: str) -> str:
    digits = re.sub(r"[ ()/.\-]", "", text)
    digits = f"+{digits[2:]}" if digits.startswith("00") else digits
    if not _PHONE.fullmatch(digits):
        raise BadAnswerError(Complaint.UNLIKE)
    return digits


def _email(_question: Question, text: str) -> str:
    if not _EMAIL.fullmatch(text) or len(text) > MOST_TEXT:
        raise BadAnswerError(Complaint.UNLIKE)
    return text


def _file(_question: Question, _text: str) -> str:
    raise BadAnswerError(Complaint.NOT_HERE)


def _bound(question: Question, found: _Bounded, read: Callable[[str], _Bounded]) -> None:
    """Raise BadAnswerError beyond the least or most; a bound that says nothing is none."""
    for bound, complaint in (
        (question.least, Complaint.TOO_SMALL),
        (question.most, Complaint.TOO_GREAT),
    ):
        try:
            limit = read(bound) if bound else found
        except ValueError:
            continue
        if found < limit if complaint is Complaint.TOO_SMALL else found > limit:
            raise BadAnswerError(complaint, bound.replace("T", " "))


_READERS: Final[dict[QuestionKind, Callable[[Question, str], str]]] = {
    QuestionKind.YES_NO: _yes_no,
    QuestionKind.NUMBER: _number,
    QuestionKind.TEXT: _text,
    QuestionKind.LONG_TEXT: _text,
    QuestionKind.CHOICE: _choice,
    QuestionKind.CHOICES: _choices,
    QuestionKind.DATE: _date,
    QuestionKind.TIME: _time,
    QuestionKind.DATE_TIME: _date_time,
    QuestionKind.COUNTRY: _country,
    QuestionKind.PHONE: _phone,
    QuestionKind.EMAIL: _email,
    QuestionKind.FILE: _file,
}
