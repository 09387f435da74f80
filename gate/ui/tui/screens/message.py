"""A message to this gate: over everything until a key says that it was read. Scanning goes on."""

import time
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Label

from gate.core.entry import Entry
from gate.i18n import _, ngettext
from gate.output.tones import Sound
from gate.text.message_words import heading, text_of
from gate.ui.tui.messages import ScannedAside
from gate.ui.tui.screens.asking import ask_lane
from gate.ui.tui.screens.page import gate_app
from gate.ui.tui.wedge_input import WedgeInput

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

READABLE_AFTER_S = 1.0
"""A key that is pressed sooner was meant for what the message has covered; so soon after a code it
may be the scanner's."""
MOST_UNREAD = 20


class MessageScreen(ModalScreen[bool]):
    """At the bottom: the verdict stays to be seen, and what scanners type goes on to the lane."""

    AUTO_FOCUS = "WedgeInput"

    def __init__(self, message: Entry, more: int, gap_ms: int) -> None:
        super().__init__()
        self.message = message
        self._more = more
        self._gap_ms = gap_ms
        self._quiet_since_s = float("inf")

    def compose(self) -> ComposeResult:
        """Who says what, and what to do."""
        with Vertical(classes="message"):
            yield Label(heading(self.message, gate_app(self).time_zone), markup=False)
            yield Label(text_of(self.message), classes="text", markup=False)
            keys = WedgeInput(self._gap_ms)
            keys.update(self._hint())
            yield keys

    def on_mount(self) -> None:
        """Note since when it is to be read."""
        self._quiet_since_s = time.monotonic()

    def on_wedge_input_typed(self, event: WedgeInput.Typed) -> None:
        """Decide what was scanned, as if the message were not there."""
        event.stop()
        self._quiet_since_s = time.monotonic()
        app = gate_app(self)
        if app.unread.beneath() is app.scan_screen:
            app.scan_screen.post_message(WedgeInput.Typed(event.code))
        elif app.config.scanner.keyboard:
            app.post_message(ScannedAside(event.code, "keyboard"))

    def on_wedge_input_typing(self, event: WedgeInput.Typing) -> None:
        """Hold back what the same trigger has typed before."""
        event.stop()
        gate_app(self).scan_screen.post_message(WedgeInput.Typing())

    def on_wedge_input_acknowledged(self, event: WedgeInput.Acknowledged) -> None:
        """It was read."""
        event.stop()
        self.acknowledge()

    def acknowledge(self) -> None:
        """It was read, unless it has only just come."""
        if time.monotonic() - self._quiet_since_s >= READABLE_AFTER_S and self.is_current:
            self.dismiss(True)  # noqa: FBT003  the answer, which is always the same

    def _hint(self) -> str:
        hint = _("Enter: it was read here")
        if not self._more:
            return hint
        more = ngettext("{n} more message waits", "{n} more messages wait", self._more)
        return f"{hint} · {more.format(n=self._more)}"


class Unread:
    """The messages that are still to be read here, the oldest first."""

    def __init__(self, app: "GateApp") -> None:
        self._app = app
        self._waiting: list[Entry] = []

    def put(self, message: Entry) -> None:
        """Show one more message, once those before it were read."""
        self._waiting = [*self._waiting, message][-MOST_UNREAD:]
        if not self._app.kiosk.is_locked:
            self._app.sound(Sound.LOOK)
        self.show()

    def show(self) -> None:
        """Show the oldest, unless one is shown already."""
        if self._app.kiosk.is_locked:
            # What is for the staff waits until somebody of them is there.
            return
        if self._waiting and not isinstance(self._app.screen, MessageScreen):
            message, more = self._waiting[0], len(self._waiting) - 1
            screen = MessageScreen(message, more, self._app.config.scanner.gap_ms)
            self._app.push_screen(screen, lambda _yes: self._read(message))

    def beneath(self) -> Screen[object]:
        """The screen that a message lies over, or what is shown."""
        stack = [one for one in self._app.screen_stack if not isinstance(one, MessageScreen)]
        return stack[-1]

    def _read(self, message: Entry) -> None:
        self._waiting = [one for one in self._waiting if one.name != message.name]
        lane = self._app.lane
        ask_lane(self._app, lambda: lane.acknowledge(message.name), lambda _none: None)
        self.show()
