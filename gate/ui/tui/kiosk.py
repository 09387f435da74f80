"""The lock of a screen that faces the guests: its keys are a supervisor's, for a while."""

import time
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from gate.i18n import _
from gate.ui.tui.screens.asking import ask_pin
from gate.ui.tui.screens.questions import Signed

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

UNLOCKED_S = 60.0
"""How long the keys stay a supervisor's after the last one was pressed."""
ASKED_S = 30.0
"""Who does not answer within this is a guest who has pressed a key."""


class Kiosk:
    """Whether the keys of the scan screen are locked; never where the screen is the staff's."""

    def __init__(self, *, is_wanted: bool) -> None:
        self.is_wanted = is_wanted
        self._until_s = 0.0

    @property
    def is_locked(self) -> bool:
        """Whether whoever stands before the screen is a guest."""
        return self.is_wanted and time.monotonic() >= self._until_s

    def touch(self) -> None:
        """A key was pressed: whoever works here goes on."""
        if not self.is_locked:
            self._until_s = time.monotonic() + UNLOCKED_S

    def lock(self) -> None:
        """The guests' again."""
        self._until_s = 0.0

    def unlock(self) -> None:
        """A supervisor's, for a while."""
        self._until_s = time.monotonic() + UNLOCKED_S

    def turn(self, app: "GateApp") -> None:
        """Lock, or ask for a supervisor's PIN and unlock."""
        if not self.is_wanted:
            return
        if not self.is_locked:
            self.lock()
            app.scan_screen.kiosk_changed()
            return

        def signed(_who: Signed) -> None:
            self.unlock()
            app.scan_screen.kiosk_changed()
            app.unread.show()

        ask_pin(app, _("Unlock the keys"), signed, needs_note=False)
        asked = app.screen
        app.set_timer(ASKED_S, lambda: self._give_up(app, asked))

    def _give_up(self, app: "GateApp", asked: Screen[Any]) -> None:
        """Nobody answered: scan on."""
        if self.is_locked and app.screen is asked:
            asked.dismiss(None)
