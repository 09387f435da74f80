"""What would explain a scanner's text: shown before it is believed, and settled by a test code."""

from typing import ClassVar, Literal, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from gate.core.verdict import ScannerProof
from gate.i18n import _
from gate.lane.scanner_repair import Proposed
from gate.text.scanner_words import proposal_lines
from gate.text.square_code import size, square
from gate.ui.scanner_check import SQUARE_TEXT, Finding, diagnose
from gate.ui.tui.screens.page import gate_app
from gate.ui.tui.wedge_input import WedgeInput

Answer = Literal["believe", "test"]


class KeysAlone(WedgeInput):
    """Gives the keys of a question on only where they stand alone: a burst answers nothing."""

    _ACKNOWLEDGE: ClassVar[frozenset[str]] = frozenset()


class ScannerQuestion(ModalScreen[Answer | None]):
    """Is this what the scanner means? Nothing is believed before somebody has seen both texts."""

    is_guarded = True
    AUTO_FOCUS = "KeysAlone"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "answer('believe')"),
        Binding("f9", "answer('test')"),
        Binding("escape", "answer('')"),
    ]

    def __init__(self, proposed: Proposed, gap_ms: int, *, show_names: bool) -> None:
        super().__init__()
        self._proposed = proposed
        self._gap_ms = gap_ms
        self._show_names = show_names

    def compose(self) -> ComposeResult:
        """The box."""
        believes = {
            ScannerProof.KEY: _("Enter: so it is, put it right from now on"),
            ScannerProof.SUPERVISOR: _(
                "Enter: so it is, put it right from now on (supervisor's PIN)"
            ),
        }[self._proposed.proof]
        with Vertical(classes="box"):
            yield Label(_("Does the scanner mean another text?"), markup=False)
            for line in proposal_lines(self._proposed, show_names=self._show_names):
                yield Static(line, markup=False)
            yield KeysAlone(self._gap_ms)
            yield Static(believes, markup=False)
            yield Static(_("F9: settle it with the test code"), markup=False)
            yield Static(_("Esc: no, or I do not know"), markup=False)

    def on_wedge_input_typed(self, event: WedgeInput.Typed) -> None:
        """Give way to a scan: the next guest's code believes nothing."""
        event.stop()
        gate_app(self).withdraw([event.code], "keyboard")

    def action_answer(self, answer: str) -> None:
        """Close with what was chosen."""
        self.dismiss(cast("Answer", answer) if answer else None)


class ScannerTest(ModalScreen[Finding | None]):
    """The test code on the screen; what the scanner makes of it is certain."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up")]

    def __init__(self, source: str, gap_ms: int) -> None:
        super().__init__()
        self._source = source
        self._gap_ms = gap_ms

    def compose(self) -> ComposeResult:
        """The code, and what to do with it."""
        halves = not gate_app(self).has_few_glyphs
        columns, lines = size(SQUARE_TEXT, halves=halves)
        code = Text.from_ansi(square(SQUARE_TEXT, halves=halves))
        if columns > self.app.size.width or lines >= self.app.size.height:
            code = Text(
                _("The test code takes {columns}x{lines} characters: make more room.").format(
                    columns=columns, lines=lines + 1
                )
            )
        with Vertical(id="scanner-test"):
            yield Static(code, id="test-code")
            yield WedgeInput(self._gap_ms)

    def on_mount(self) -> None:
        """Every code that comes now is the test code."""
        box = self.query_one(WedgeInput)
        box.update(_("Scan this code with the USB scanner. Esc ends."))
        box.focus()
        inputs = gate_app(self).inputs
        if inputs is not None and self._source != "keyboard":
            inputs.divert(lambda text: self.app.call_from_thread(self._typed, text))

    def on_unmount(self) -> None:
        """Codes are scans again."""
        inputs = gate_app(self).inputs
        if inputs is not None:
            inputs.divert(None)

    def on_wedge_input_typed(self, event: WedgeInput.Typed) -> None:
        """Take what the scanner typed."""
        event.stop()
        if self._source == "keyboard":
            self._typed(event.code)

    def on_wedge_input_acknowledged(self, event: WedgeInput.Acknowledged) -> None:
        """Enter or Escape alone."""
        event.stop()
        self.action_give_up()

    def action_give_up(self) -> None:
        """Close without a finding."""
        self.dismiss(None)

    def _typed(self, text: str) -> None:
        if self.is_current:
            self.dismiss(diagnose(text, SQUARE_TEXT))
