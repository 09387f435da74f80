"""``gate operator``: who may work here."""

import argparse
import sys

from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, folder_of
from gate.i18n import _


def add(commands: Commands) -> None:
    """Add ``gate operator``."""
    sub = commands.add("operator", run, _("who may work here"))
    actions = sub.add_subparsers(dest="action", required=True, metavar="add|list|remove")
    adding = actions.add_parser("add", help=_("add one, or give a new PIN"))
    adding.add_argument("name")
    adding.add_argument("--role", choices=["staff", "supervisor"], required=True)
    actions.add_parser("list", help=_("who there is"))
    removing = actions.add_parser("remove", help=_("remove one"))
    removing.add_argument("name")


def run(options: argparse.Namespace) -> int:
    """Add an operator, remove one, or tell who there is."""
    from gate.core.model import Role
    from gate.lane.operators import Operators

    config = config_of(options)
    folder = folder_of(config)
    operators = Operators(folder, config.operators.lockout_minutes)
    if options.action == "list":
        for name, role in operators.names():
            sys.stdout.write(f"{role:<10} {name}\n")
    elif options.action == "remove":
        operators.remove(options.name)
    else:
        operators.add(options.name, Role(options.role), _ask_pin())
        sys.stdout.write(_("{name} may work here now").format(name=options.name) + "\n")
    return OK


def _ask_pin() -> str:
    from getpass import getpass

    from gate.errors import UsageError

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    pin = getpass(_("PIN: "))
    if getpass(_("once more: ")) != pin:
        raise UsageError(_("the two PINs differ"), _("Nothing was changed."))
    return pin
