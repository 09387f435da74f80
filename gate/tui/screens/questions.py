"""Questions over the screen: who are you, why, how many, what time is it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar
from zoneinfo import ZoneInfo

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from gate.domain.local_time import first_at, last_at
from gate.domain.model import Role
from gate.errors import GateError
from gate.lane import Operator
from gate.language import _
from gate.operators import Operators

NOTE_LENGTH = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody whose PIN was right, and why they act."""

    operator: Operator
    note: str


class Question(ModalScreen[T | None], Generic[T]):
    """A box with a few inputs; Enter goes on to the next, Escape gives up."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Esc", show=False)]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

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

    def wrong(self, told: str) -> None:
        """Say what is wrong and begin again."""
        self.query_one(".wrong", Label).update(told)
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
    ) -> None:
        super().__init__(title)
        self._operators = operators
        self._needs_supervisor = needs_supervisor
        self._needs_note = needs_note
        self._on_failure = on_failure

    def inputs(self) -> list[Input]:
        """Name, PIN, perhaps a reason."""
        asked = [
            Input(placeholder=_("name"), max_length=40, id="name"),
            Input(placeholder=_("PIN"), password=True, max_length=32, id="pin"),
        ]
        if self._needs_note:
            asked.append(Input(placeholder=_("reason"), max_length=NOTE_LENGTH, id="note"))
        return asked

    def answer(self, values: list[str]) -> None:
        """Check the PIN, which takes its time, beside the screen."""
        name, pin, *rest = values
        if self._needs_note and not rest[0].strip():
            self.wrong(_("A reason is needed: it goes into the journal."))
            return
        self.query_one(".wrong", Label).update(_("checking…"))
        self._check(name, pin, rest[0].strip() if rest else "")

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _check(self, name: str, pin: str, note: str) -> None:
        try:
            role = self._operators.check(name, pin)
        except GateError as fault:
            if self._on_failure:
                self._on_failure(name)
            self.app.call_from_thread(self.wrong, f"{fault.message}. {fault.hint}")
            return
        if self._needs_supervisor and role is not Role.SUPERVISOR:
            self.app.call_from_thread(self.wrong, _("This takes a supervisor."))
            return
        self.app.call_from_thread(self.dismiss, Signed(Operator(name.strip(), role), note))


class CountQuestion(Question[int]):
    """How many people."""

    def inputs(self) -> list[Input]:
        """One number."""
        return [Input(placeholder="1", type="integer", max_length=3, id="count")]

    def answer(self, values: list[str]) -> None:
        """Take the number."""
        text = values[0].strip()
        if not text.isdecimal() or not 1 <= int(text) <= 999:
            self.wrong(_("A whole number from 1 to 999."))
            return
        self.dismiss(int(text))


class TimeQuestion(Question[int]):
    """What the supervisor's watch says; the answer is Unix milliseconds."""

    def __init__(self, title: str, now_ms: int, time_zone: ZoneInfo) -> None:
        super().__init__(f"{title} ({time_zone.key})")
        self._time_zone, self._now_ms = time_zone, now_ms
        self._shown = datetime.fromtimestamp(now_ms / 1000, time_zone).strftime("%Y-%m-%d %H:%M")

    def inputs(self) -> list[Input]:
        """One time."""
        return [Input(value=self._shown, max_length=20, id="time")]

    def answer(self, values: list[str]) -> None:
        """Take the time."""
        try:
            wall = datetime.fromisoformat(values[0].strip()).replace(tzinfo=None)
            first, last = first_at(wall, self._time_zone), last_at(wall, self._time_zone)
        except (ValueError, OverflowError):
            self.wrong(_("Like this: 2026-12-31 19:30"))
            return
        # Of a time that comes twice, the one that is nearer to what the clock says is meant.
        self.dismiss(min(first * 1000, last * 1000, key=lambda ms: abs(ms - self._now_ms)))
