"""What the screens beside the scan screen share: the status, the way back, and a warning."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static

from gate.i18n import _
from gate.ui.tui.bars import KeyHints, StatusBar
from gate.ui.tui.status import status_of

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp


def gate_app(node: DOMNode) -> "GateApp":
    """The application that a screen or a part of one is in."""
    return cast("GateApp", node.app)


class Page(Screen[None]):
    """A screen over the scan screen. While it is up, nothing is scanned, and it says so."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "back"),
        Binding("ctrl+q,ctrl+c", "back"),
        # In a field a question mark is a letter.
        Binding("f1,question_mark", "keys"),
        # Before the table that has the focus: its rows are chosen one by one.
        Binding("pagedown", "read_on", priority=True),
        Binding("pageup", "read_back", priority=True),
    ]

    @property
    def gate_app(self) -> "GateApp":
        """The application, with what was handed in."""
        return gate_app(self)

    def content(self) -> ComposeResult:
        """What this page shows."""
        raise NotImplementedError

    def hints(self) -> list[tuple[str, str]]:
        """This page's own keys."""
        return []

    def compose(self) -> ComposeResult:
        """Status, warning, content, keys."""
        yield StatusBar()
        yield Static(self.banner(), classes="banner", markup=False)
        yield from self.content()
        yield KeyHints(self._keys(), more=("F1", _("all keys")))

    def banner(self) -> str:
        """What everybody has to know who sees it."""
        return _("SCANNING IS PAUSED. F2 or Esc goes back.")

    def way_back(self) -> tuple[str, str]:
        """The key that leaves it, and where to."""
        return "F2", _("back")

    def on_mount(self) -> None:
        """Keep the status true."""
        self._tick()
        self.set_interval(1.0, self._tick)

    def action_back(self) -> None:
        """Go back to scanning."""
        if self.is_current:
            self.dismiss(None)

    def action_keys(self) -> None:
        """List all of this page's keys, also those that the line below has no room for."""
        if self.is_current:
            self.app.push_screen(KeysPage(self._keys()))

    def action_read_on(self) -> None:
        """Show what did not fit."""
        for text in self._texts():
            text.scroll_page_down(animate=False)

    def action_read_back(self) -> None:
        """Show what was there before."""
        for text in self._texts():
            text.scroll_page_up(animate=False)

    def _keys(self) -> list[tuple[str, str]]:
        return [self.way_back(), *self.hints()]

    def _texts(self) -> list[VerticalScroll]:
        return [text for text in self.query(VerticalScroll) if text.region]

    def _tick(self) -> None:
        app = self.gate_app
        self.query_one(StatusBar).show(status_of(app), app.clock_text())


class KeysPage(Page):
    """All keys of the page below it."""

    def __init__(self, keys: list[tuple[str, str]]) -> None:
        super().__init__()
        self._listed = keys

    def content(self) -> ComposeResult:
        """A line for each key."""
        lines = "\n".join(f"{key:<7} {meaning}" for key, meaning in self._listed)
        with VerticalScroll(classes="page"):
            yield Static(lines, markup=False)

    def action_keys(self) -> None:
        """They are shown."""
