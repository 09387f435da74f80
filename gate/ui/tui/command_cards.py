"""What a command card does on the screen: what its key does, where that key would do it."""

from typing import TYPE_CHECKING

from gate.credential.command_cards import Command, CommandCard
from gate.i18n import _
from gate.lane.command_cards import TURNS
from gate.text.command_words import command_words
from gate.ui.tui.screens.message import MessageScreen
from gate.ui.tui.screens.questions import PinQuestion

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp


def carry_out(app: "GateApp", card: CommandCard) -> None:
    """Do what a card says, if its key would do it now."""
    beneath, scan_screen = app.unread.beneath(), app.scan_screen
    if card.command is Command.READ and isinstance(app.screen, MessageScreen):
        app.screen.acknowledge()
    elif card.command is Command.SIGN_IN and isinstance(beneath, PinQuestion):
        beneath.name_by_card(card.name)
    elif beneath is not scan_screen or card.command is Command.READ:
        app.notify(_("Nothing to do now."), title=command_words(card), markup=False)
    elif card.command in TURNS:
        scan_screen.lane_keys.turn(TURNS[card.command], _("The card"))
    elif card.command is Command.LOOK_HARD:
        scan_screen.action_look_hard()
    elif card.command is Command.SIGN_IN:
        scan_screen.sign_in_by_card(card.name)
    elif card.command is Command.CLOSE:
        scan_screen.quit_by(_("The card"))
