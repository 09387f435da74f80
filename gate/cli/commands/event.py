"""``gate event``: what an event says of its rules, to all its gates."""

import argparse
import sys
from functools import partial

from gate.cli.authority import add_where, authority_of
from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.i18n import _


def add(commands: Commands) -> None:
    """Add ``gate event``."""
    told = _("the event's rules, for all its gates")
    sub = commands.add("event", run, told, "gate event set early_minutes=30 alone=hold")
    actions = sub.add_subparsers(dest="action", required=True, metavar="show|set")
    show = actions.add_parser("show", parents=[commands.common], help=_("what it says now"))
    setting = actions.add_parser("set", parents=[commands.common], help=_("say something else"))
    setting.add_argument("--type", metavar="ID", help=_("only for tickets of this type"))
    setting.add_argument(
        "settings", nargs="+", metavar="KEY=VALUE", help=_("nothing after the sign: no longer said")
    )
    for one in (show, setting):
        add_where(one)


def run(options: argparse.Namespace) -> int:
    """Tell what the event says, or say something else."""
    from gate import settings
    from gate.text.settings_words import setting_lines

    authority = authority_of(options)
    if options.action == "show":
        row = authority.event()
    else:
        kinds = settings.OF_TYPE if options.type else settings.OF_EVENT
        changes = settings.parse(kinds, options.settings)
        patch = {"types": {options.type: changes}} if options.type else {"rules": changes}
        row = authority.change(partial(settings.patched, patch=patch), str(patch))
    sys.stdout.writelines(f"{line}\n" for line in setting_lines(row))
    return OK
