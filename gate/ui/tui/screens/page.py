"""What the screens beside the scan screen share: the status, the way back, and a warning."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from gate.errors import GateError
from gate.i18n import _
from gate.ui.tui.bars import KeyHints, StatusBar
from gate.ui.tui.screens.questions import PinQuestion, Signed

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp


class Page(Screen[None]):
    """A screen over the scan screen. While it is up, nothing is scanned, and it says so."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "back"),
        Binding("ctrl+q,ctrl+c", "back"),
    ]

    @property
    def gate_app(self) -> "GateApp":
        """The application, with what was handed in."""
        return cast("GateApp", self.app)

    def content(self) -> ComposeResult:
        """What this page shows."""
        raise NotImplementedError

    def hints(self) -> list[tuple[str, str]]:
        """This page's own keys."""
        return []

    def compose(self) -> ComposeResult:
        """Status, warning, content, keys."""
        yield StatusBar()
        yield Static(_("SCANNING IS PAUSED. F2 or Esc goes back."), classes="banner", markup=False)
        yield from self.content()
        yield KeyHints([("F2", _("back")), *self.hints()])

    def on_mount(self) -> None:
        """Keep the status true."""
        self._tick()
        self.set_interval(1.0, self._tick)

    def ask_supervisor(
        self, told: str, act: Callable[[Signed], object], then: Callable[[], object]
    ) -> None:
        """Ask for PIN and reason, have it done beside the screen, and go on with ``then``."""
        app = self.gate_app
        question = PinQuestion(
            told,
            app.operators,
            needs_supervisor=True,
            needs_note=True,
            on_failure=app.lane.note_failed_sign_in,
        )

        def work(answer: Signed) -> None:
            try:
                act(answer)
            except GateError as fault:
                app.call_from_thread(app.complain, fault)
                return
            app.call_from_thread(then)

        def signed(answer: Signed | None) -> None:
            if answer is not None:
                self.run_worker(partial(work, answer), thread=True, exit_on_error=False)

        app.push_screen(question, signed)

    def action_back(self) -> None:
        """Go back to scanning."""
        if self.is_current:
            self.dismiss(None)

    def _tick(self) -> None:
        app = self.gate_app
        self.query_one(StatusBar).show(app.status(), app.clock_text())
