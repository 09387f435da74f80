"""The questions, put to a person at the keyboard or answered by a file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

from gate.errors import UsageError
from gate.i18n import _
from gate.reports.checks.finding import Finding
from gate.setup.answers import NO, YES, Answers, KeptAnswers
from gate.text.printable import printable
from gate.text.yes_words import is_no, is_yes

Fits = Callable[[str], bool]


class NobodyAnswers(UsageError):
    """The person's input has come to its end."""


class Conversation:
    """Asks each question once, and keeps the answers."""

    def __init__(
        self,
        kept: KeptAnswers,
        out: TextIO,
        *,
        given: Answers | None = None,
        read: Callable[[], str] = lambda: "",
    ) -> None:
        """``read`` yields what the person typed, with its Enter, and nothing at the end of it."""
        self._kept, self._out, self._given, self._read = kept, out, given, read

    @property
    def has_person(self) -> bool:
        """Whether somebody is there who can hold up a code or type a secret."""
        return self._given is None

    @property
    def answers(self) -> Answers:
        """What was answered so far."""
        return self._kept.answers

    def say(self, line: str = "") -> None:
        """One line."""
        self._out.write(f"{line}\n")
        self._out.flush()

    def tell(self, found: Finding) -> None:
        """What was found, and what to do about it."""
        self.say(f"  {found.status.upper()}: {printable(found.detail, 400)}")
        if found.hint:
            self.say(f"  {found.hint}")

    def ask(
        self,
        key: str,
        question: str,
        default: str,
        *,
        choices: Sequence[str] = (),
        fits: Fits | None = None,
        like: str = "",
        is_kept: bool = True,
    ) -> str:
        """The answer to a question: one of the choices, or what fits, if there are such.

        ``like`` shows what fits.
        ``is_kept``: an answer that an interrupted conversation has brought is not asked for again.
        Raises UsageError for an answer of a file that will not do, and NobodyAnswers.
        """
        good = fits or (lambda text: not choices or text in choices)
        asked = _Question(key, question, good, choices, ", ".join(map(_own, choices)) or like)
        if self._given is not None:
            answer = getattr(self._given, key) or default
            if not good(answer):
                raise UsageError(asked.no_answer(answer))
        elif is_kept and (answered := getattr(self.answers, key)) is not None and good(answered):
            self.say(f"  {question} {printable(_own(answered), 80)} " + _("(answered before)"))
            return str(answered)
        else:
            last = getattr(self._kept.last, key) if is_kept else None
            usual = last if last is not None and good(last) else default
            answer = self._ask_person(asked, usual)
        if is_kept:
            self._kept.keep(key, answer)
        return answer

    def ask_yes(self, key: str, question: str, *, default: bool, is_kept: bool = True) -> bool:
        """Whether the answer is yes."""
        usual = YES if default else NO
        return self.ask(key, question, usual, choices=(YES, NO), is_kept=is_kept) == YES

    def forget(self, key: str) -> None:
        """Ask that again: what was answered could not be done."""
        self._kept.keep(key, None)

    def finish(self) -> None:
        """All was asked."""
        self._kept.finish()

    def _ask_person(self, asked: "_Question", usual: str) -> str:
        among = f" ({asked.allowed})" if asked.allowed else ""
        while True:
            self._out.write(f"  {asked.text}{among} [{_own(usual)}]: ")
            self._out.flush()
            line = self._read()
            if not line:
                raise NobodyAnswers(
                    _("nobody answers"), _("What was answered is kept; go on with: gate setup")
                )
            answer = _canonical(line.strip(), asked.choices) or usual
            if asked.fits(answer):
                return answer
            self.say("  " + asked.no_answer(answer))


def _own(choice: str) -> str:
    """A choice as it is shown: yes and no in the person's own language, all else as it is kept."""
    return _(choice) if choice in (YES, NO) else choice


def _canonical(text: str, choices: Sequence[str]) -> str:
    """A choice by its beginning, in English or the person's own language, as it is kept."""
    if YES in choices and is_yes(text):
        return YES
    if NO in choices and is_no(text):
        return NO
    begins = [one for one in choices if text and one.startswith(text.casefold())]
    return begins[0] if len(begins) == 1 else text


@dataclass(frozen=True, slots=True)
class _Question:
    key: str
    text: str
    fits: Fits
    choices: Sequence[str]
    allowed: str
    """What fits, in words."""

    def no_answer(self, found: str) -> str:
        """What is said of an answer that does not fit."""
        return _("{key}: found {found!r}; allowed: {allowed}").format(
            key=self.key, found=printable(found, 80), allowed=self.allowed
        )
