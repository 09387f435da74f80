"""The application of ``gate watch``: the supervisor's screen, and no lane under it."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from gate.core.entry import Entry
from gate.i18n import N_, _
from gate.text.message_words import message_line
from gate.ui.tui.app import GateApp
from gate.ui.tui.messages import Announced
from gate.ui.tui.screens.supervisor import SupervisorScreen

ANNOUNCED_S = 15.0
NOTHING_SCANNED = N_("This device only watches. Nothing is scanned here.")


class Board(SupervisorScreen):
    """The supervisor's screen where nothing lies under it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q,ctrl+c", "quit")]

    def banner(self) -> str:
        """That nobody is let in here."""
        return _(NOTHING_SCANNED)

    def way_back(self) -> tuple[str, str]:
        """There is none: this is the end."""
        return "^Q", _("quit")

    def action_back(self) -> None:
        """Say how it ends: a key too many shall not do it."""
        self.notify(_("Ctrl+Q ends it."), markup=False)

    def action_quit(self) -> None:
        """End the application, at once: nobody waits for a device that watches."""
        self.app.exit(0)


class WatchApp(GateApp):
    """Shows the venue; what takes no lane may be done there, too."""

    def show_first(self) -> None:
        """Only the board: nothing is read."""
        self.push_screen(Board())

    def way(self) -> str:
        """None: it says so instead."""
        return _("WATCHES")

    def withdraw(self, codes: list[str], source: str) -> None:  # noqa: ARG002  nothing is decided
        """Close a question that a scanner typed into."""
        while not isinstance(self.screen, Board) and len(self.screen_stack) > 1:
            self.pop_screen()
        self.notify(
            _("This device only watches. Nothing is scanned here."),
            severity="warning",
            markup=False,
        )

    def announce(self, line: str) -> None:
        """Show what has just become known of the gates; from any thread."""
        self.post_message(Announced(line))

    def deliver(self, message: Entry) -> None:
        """Show a message once: it is for gates, and nobody waits for its being read here."""
        self.announce(message_line(message, self.time_zone))

    def on_announced(self, event: Announced) -> None:
        """Say it once."""
        self.notify(event.line, severity="warning", markup=False, timeout=ANNOUNCED_S)
