"""What the event asks the guest, over the scan screen: typed, and never by a scanner (law 14)."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Label

from gate.core.answers import BadAnswerError, read_answer
from gate.core.question import Question as Asked
from gate.core.question import QuestionKind
from gate.core.verdict import Verdict
from gate.errors import GateError
from gate.lane.admission import ASKED_FOR_S, SKIP
from gate.text.open_question import ANSWER_AFTER_S
from gate.text.question_words import (
    complaint_words,
    how_to_answer,
    option_lines,
    question_line,
)
from gate.ui.tui.fields import Field
from gate.ui.tui.screens.asking import ask_lane, guest
from gate.ui.tui.screens.questions import Question

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

_LENGTH = 500
_STEPS = {"up": -1, "down": 1, "pageup": -5, "pagedown": 5}
_TEXTS = frozenset({QuestionKind.TEXT, QuestionKind.LONG_TEXT, QuestionKind.EMAIL})


class GuestQuestion(Question[str]):
    """One of the event's questions; the answer is what was typed.

    It is gone when nobody has answered for as long as the lane waits.
    """

    def __init__(self, asked: Asked, about: str, *, may_skip: bool) -> None:
        super().__init__(about)
        self._asked, self._may_skip = asked, may_skip
        self._answers_from = 0.0

    def compose(self) -> ComposeResult:
        """The guest, the question, what may be chosen, the keys."""
        with Vertical(classes="box"):
            yield Label(self._title, markup=False)
            yield Label(question_line(self._asked), classes="asked", markup=False)
            if lines := option_lines(self._asked):
                with VerticalScroll(classes="options", can_focus=False):
                    yield Label("\n".join(lines), markup=False)
            yield from self.inputs()
            keys = how_to_answer(self._asked, may_skip=self._may_skip)
            yield Label(keys, classes="keys", markup=False)
            yield Label("", classes="wrong", markup=False)

    def on_mount(self) -> None:
        """Begin to wait; a long list of choices is moved by the arrow keys."""
        self._answers_from = time.monotonic() + ANSWER_AFTER_S
        self.set_timer(ASKED_FOR_S, self.action_give_up)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """An Enter so soon was a scanner's, or meant what stood there before: it takes nothing."""
        if time.monotonic() < self._answers_from:
            event.stop()
            # Else Textual would call what the base does with it as well.
            event.prevent_default()

    def on_key(self, event: events.Key) -> None:
        """Move among the choices that do not fit."""
        if event.key in ("up", "down", "pageup", "pagedown") and self.query(".options"):
            options = self.query_one(".options")
            options.scroll_relative(y=_STEPS[event.key], animate=False)

    def inputs(self) -> list[Input]:
        """One field."""
        is_text = self._asked.kind in _TEXTS
        return [Field(max_length=_LENGTH, is_text=is_text, id="answer")]

    def answer(self, values: list[str]) -> None:
        """Take what was typed, if it is an answer."""
        typed = values[0]
        if not (self._may_skip and typed.strip() == SKIP):
            try:
                read_answer(self._asked, typed)
            except BadAnswerError as bad:
                field = self.query_one("#answer", Input)
                self.incomplete(complaint_words(self._asked, bad), field)
                return
        self.finish(typed)


def ask_guest(
    app: "GateApp",
    verdict: Verdict,
    then: Callable[[Verdict], object],
    unanswered: Callable[[GateError], object],
    given_up: Callable[[], object],
) -> None:
    """Ask what a verdict asks, and have the lane decide anew."""
    asked, ticket = verdict.asked, verdict.ticket
    if asked is None or ticket is None:
        return

    def answered(typed: str | None) -> None:
        if typed is None:
            given_up()
            return
        ask_lane(
            app, lambda: app.lane.fill_in(typed, ticket=ticket.id, question=asked.id),
            then, unanswered,
        )  # fmt: skip

    question = GuestQuestion(asked, guest(app, ticket), may_skip=app.lane.rules.skip_questions)
    app.push_screen(question, answered)
