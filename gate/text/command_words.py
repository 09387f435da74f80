"""What command cards do, in words: on the cards, and before one is carried out."""

from gate.credential.command_cards import Command, CommandCard
from gate.i18n import N_, _
from gate.text.printable import printable

COMMAND_WORDS = {
    Command.TURN_IN: N_("Direction: in"),
    Command.TURN_OUT: N_("Direction: out"),
    Command.TURN_BOTH: N_("Direction: both ways"),
    Command.TURN_CHECK: N_("Direction: check only"),
    Command.READ: N_("Message read"),
    Command.LOOK_HARD: N_("Look hard"),
    Command.SIGN_IN: N_("Sign in"),
    Command.CLOSE: N_("Lane closed"),
}


def command_words(card: CommandCard) -> str:
    """What one card does, and for whom."""
    words = _(COMMAND_WORDS[card.command])
    return f"{words}: {printable(card.name)}" if card.name else words
