"""The question that is shown, and the keys that answer it: each acts on what is seen (law 14)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from gate.core.outcome import Outcome, Reason
from gate.core.verdict import Verdict
from gate.text.yes_words import letters

ANSWER_AFTER_S = 0.3
"""A key sooner than this after a question came up was meant for what stood there before."""


def answers() -> dict[str, bool]:
    """The keys, each alone with silence around it."""
    return letters() | {"1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a key says to the question that was seen."""

    yes: bool
    ticket: str
    question: Reason


class OpenQuestion:
    """What is asked on the screen or the newest line just now, if anything is."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._asked: tuple[str, Reason, str] | None = None
        self._answers_from = 0.0

    def show(self, verdict: Verdict | None) -> bool:
        """A verdict came to be seen, or none; whether it only asks again what was asked already."""
        before, self._asked = self._asked, None
        if verdict and verdict.outcome is Outcome.ASK and verdict.ticket is not None:
            about = verdict.question if verdict.asked is None else verdict.asked.id
            self._asked = (verdict.ticket.id, verdict.reason, about)
        if self._asked is not None and self._asked == before:
            return True
        self._answers_from = self._now() + ANSWER_AFTER_S
        return False

    def close(self) -> None:
        """Nothing is asked any more."""
        self._asked = None

    @property
    def is_open(self) -> bool:
        """Whether something is asked."""
        return self._asked is not None

    def answer_by(self, character: str) -> Answer | None:
        """What a key answers; ``None`` where nothing is asked, or it is no answer, or too soon."""
        yes = answers().get(character.casefold())
        if self._asked is None or yes is None or self._now() < self._answers_from:
            return None
        ticket, reason, _question = self._asked
        if reason is Reason.ANSWERS:
            # The event's questions are answered by typing.
            return None
        return Answer(yes, ticket, reason)
