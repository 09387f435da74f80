"""Questions over the screen: who are you, why, how many, what time is it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar
from zoneinfo import ZoneInfo

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from gate.core.local_time import first_at, last_at
from gate.core.place import Role
from gate.credential.command_cards import MOST_LENGTH
from gate.errors import GateError
from gate.i18n import _, sentences
from gate.lane.operators import Operators
from gate.lane.post import Operator
from gate.ui.tui.fields import Field
from gate.ui.tui.screens.page import gate_app

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

NOTE_LENGTH, CODE_LENGTH = 200, 4096
CARD_LENGTH = MOST_LENGTH
"""Of a name: a sign-in card may be scanned into it."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody whose PIN was right, and why they act."""

    operator: Operator
    note: str


class Question(ModalScreen[T | None], Generic[T]):
    """A box with a few inputs; Enter goes on to the next, Escape gives up.

    A scan is never an answer: it withdraws the question and is decided as a scan.
    """

    is_guarded = True
    """Whether it gives way to a scan; a sign-in takes what a scanner types."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Esc", show=False)]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    @property
    def gate_app(self) -> "GateApp":
        """The application, with what was handed in."""
        return gate_app(self)

    def inputs(self) -> list[Input]:
        """The inputs, in order."""
        raise NotImplementedError

    def answer(self, values: list[str]) -> None:
        """Take the values when the last input was entered."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(classes="box"):
            yield Label(self._title, markup=False)
            yield from self.inputs()
            yield Label("", classes="wrong", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the next input, or answer."""
        event.stop()
        inputs = list(self.query(Input))
        following = inputs.index(event.input) + 1
        if following < len(inputs):
            inputs[following].focus()
        else:
            self.answer([one.value for one in inputs])

    def on_field_burst(self, event: Field.Burst) -> None:
        """Give way to a scan."""
        event.stop()
        self._give_way(event)

    @work(thread=True, exit_on_error=False)
    def _give_way(self, burst: Field.Burst) -> None:
        codes, field, app = burst.codes, burst.field, self.gate_app
        may_be_meant = field.is_text and not burst.is_ended
        if field.password or may_be_meant:
            # What may be a PIN or words is a scan only if it is a ticket's: nothing else of it is
            # ever hashed or written.
            codes = [code for code in codes if app.lane.knows(code)]
        if codes or not may_be_meant:
            app.call_from_thread(self._withdraw, codes)

    def _withdraw(self, codes: list[str]) -> None:
        app = self.gate_app
        # The second line of one trigger may come when the first has closed the question.
        if self.is_current or app.screen is app.scan_screen:
            app.withdraw(codes if app.config.scanner.keyboard else [], "keyboard")

    def finish(self, answer: T) -> None:
        """Close with an answer, unless the question was withdrawn meanwhile."""
        if self.is_current:
            self.dismiss(answer)

    def incomplete(self, sentence: str, at: Input) -> None:
        """Say what is missing, and keep what is there."""
        self.query_one(".wrong", Label).update(sentence)
        at.focus()

    def wrong(self, sentence: str) -> None:
        """Say what is wrong and begin again."""
        if not self.is_current:
            return
        self.query_one(".wrong", Label).update(sentence)
        for one in self.query(Input):
            if one.password:
                one.value = ""
                one.focus()

    def action_give_up(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class PinQuestion(Question[Signed]):
    """Name, PIN and, where somebody is answerable for it, a reason."""

    def __init__(
        self,
        title: str,
        operators: Operators,
        *,
        needs_supervisor: bool = False,
        needs_note: bool = False,
        on_failure: Callable[[str], None] | None = None,
        name: str = "",
        name_on_card: Callable[[str], str] = lambda _text: "",
    ) -> None:
        super().__init__(title)
        self._operators = operators
        self._needs_supervisor = needs_supervisor
        self._needs_note = needs_note
        self._on_failure = on_failure
        self._name, self._name_on_card = name, name_on_card
        self.is_guarded = needs_supervisor or needs_note

    def inputs(self) -> list[Input]:
        """Name, PIN, perhaps a reason."""
        kind: type[Input] = Field if self.is_guarded else Input
        asked = [
            kind(self._name, placeholder=_("name"), max_length=CARD_LENGTH, id="name"),
            kind(placeholder=_("PIN"), password=True, max_length=32, id="pin"),
        ]
        if self._needs_note:
            asked.append(kind(placeholder=_("reason"), max_length=NOTE_LENGTH, id="note"))
        return asked

    def on_mount(self) -> None:
        """Ask for the PIN first where the name is known."""
        if self._name:
            self.query_one("#pin", Input).focus()

    def name_by_card(self, name: str) -> None:
        """Take a name that a card has said; the PIN is typed."""
        self.query_one("#name", Input).value = name
        self.query_one("#pin", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A sign-in card that was typed into the name is that name."""
        if event.input.id == "name" and (name := self._name_on_card(event.value)):
            event.stop()
            self.name_by_card(name)
        else:
            super().on_input_submitted(event)

    def answer(self, values: list[str]) -> None:
        """Check the PIN, which takes its time, beside the screen."""
        name, pin, *rest = values
        if self._needs_note and not rest[0].strip():
            self.incomplete(
                _("A reason is needed: it goes into the journal."), self.query_one("#note", Input)
            )
            return
        self.query_one(".wrong", Label).update(_("checking…"))
        self._check(name, pin, rest[0].strip() if rest else "")

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _check(self, name: str, pin: str, note: str) -> None:
        try:
            name, role = self._operators.identify(name, pin)
        except GateError as fault:
            if self._on_failure:
                self._on_failure(name)
            self.app.call_from_thread(self.wrong, sentences(fault.message, fault.hint))
            return
        if self._needs_supervisor and role is not Role.SUPERVISOR:
            self.app.call_from_thread(self.wrong, _("This takes a supervisor."))
            return
        self.app.call_from_thread(self.finish, Signed(Operator(name, role), note))


class ReasonQuestion(Question[str]):
    """Why, of somebody who is signed in already."""

    def inputs(self) -> list[Input]:
        """One reason."""
        return [Field(placeholder=_("reason"), max_length=NOTE_LENGTH, id="note")]

    def answer(self, values: list[str]) -> None:
        """Take the reason."""
        if values[0].strip():
            self.finish(values[0].strip())
        else:
            sentence = _("A reason is needed: it goes into the journal.")
            self.incomplete(sentence, self.query_one("#note", Input))


class CodeQuestion(Question[str]):
    """A code that a person reads out or types from a phone or paper."""

    def inputs(self) -> list[Input]:
        """One code."""
        return [Field(placeholder=_("code"), max_length=CODE_LENGTH, id="code")]

    def answer(self, values: list[str]) -> None:
        """Take the code."""
        if values[0].strip():
            self.finish(values[0].strip())


class CountQuestion(Question[int]):
    """How many people."""

    def inputs(self) -> list[Input]:
        """One number."""
        return [Field(placeholder="1", max_length=3, restrict=r"\d*", is_text=False, id="count")]

    def answer(self, values: list[str]) -> None:
        """Take the number."""
        text = values[0].strip()
        if not text.isdecimal() or not 1 <= int(text) <= 999:
            self.wrong(_("A whole number from 1 to 999."))
            return
        self.finish(int(text))


class TimeQuestion(Question[int]):
    """What the supervisor's watch says; the answer is Unix milliseconds."""

    def __init__(self, title: str, now_ms: int, time_zone: ZoneInfo) -> None:
        super().__init__(f"{title} ({time_zone.key})")
        self._time_zone, self._now_ms = time_zone, now_ms
        self._shown = datetime.fromtimestamp(now_ms / 1000, time_zone).strftime("%Y-%m-%d %H:%M")

    def inputs(self) -> list[Input]:
        """One time."""
        return [Field(self._shown, max_length=20, is_text=False, id="time")]

    def answer(self, values: list[str]) -> None:
        """Take the time."""
        try:
            wall = datetime.fromisoformat(values[0].strip()).replace(tzinfo=None)
            first, last = first_at(wall, self._time_zone), last_at(wall, self._time_zone)
        except (ValueError, OverflowError):
            self.wrong(_("Like this: 2026-12-31 19:30"))
            return
        # Of a time that comes twice, the one that is nearer to what the clock says is meant.
        self.finish(min(first * 1000, last * 1000, key=lambda ms: abs(ms - self._now_ms)))
