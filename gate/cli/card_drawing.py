"""``gate event cards``: command cards of an event, signed and drawn."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.authority import Authority
from gate.cli.exit_codes import OK
from gate.credential.command_cards import LONGEST_NAME, Command, CommandCard
from gate.errors import UsageError
from gate.i18n import _, ngettext
from gate.text.command_words import command_words

if TYPE_CHECKING:
    from gate.storage.event import EventRow


def draw_cards(authority: Authority, options: argparse.Namespace) -> int:
    """Draw a card for every command, and one for every operator to sign in with."""
    from sync.cardapi.render import Drawn, write

    row = authority.event()
    cards = _cards(row, options.operator or ())
    place = _("{event} · issue {n}").format(event=row.name, n=cards[0].issue)
    pictures = [
        (_file_name(n, card), Drawn(text, "qr", "", command_words(card), place))
        for n, (card, text) in enumerate(zip(cards, authority.command_cards(cards), strict=True), 1)
    ]
    out = Path(options.out).expanduser()
    write(pictures, out, options.format)
    drawn = ngettext("{n} card drawn: {file}", "{n} cards drawn: {file}", len(pictures))
    sys.stdout.write(drawn.format(n=len(pictures), file=out) + "\n")
    return OK


def _cards(row: "EventRow", named: Sequence[str]) -> list[CommandCard]:
    """All cards of the event's issue. Raises UsageError while none is in force."""
    issue = row.settings.rules.get("command_cards", 0)
    if not issue:
        raise UsageError(
            _("this event reads no command cards"),
            _("Switch them on: gate event set command_cards=1"),
        )
    operators = [one.name for one in row.settings.operators or ()]
    if unknown := [name for name in named if name not in operators]:
        raise UsageError(
            _("there is no operator {name!r}").format(name=unknown[0][:80]),
            _("See them: gate operator list"),
        )
    commands = [command for command in Command if command is not Command.SIGN_IN]
    signing_in = [name for name in named or operators if len(name) <= LONGEST_NAME]
    return [
        *([] if named else [CommandCard(command, issue) for command in commands]),
        *(CommandCard(Command.SIGN_IN, issue, name) for name in signing_in),
    ]


def _file_name(n: int, card: CommandCard) -> str:
    return f"{n:02}-{card.command.name.casefold().replace('_', '-')}"
