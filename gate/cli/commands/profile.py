"""``gate profile``: what the event's gates are told of where they stand."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from gate.cli.authority import Authority, add_where, authority_of
from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.i18n import _

if TYPE_CHECKING:
    from gate.storage.event import EventRow


def add(commands: Commands) -> None:
    """Add ``gate profile``."""
    help_ = _("where the event's gates stand and what they take")
    sub = commands.add("profile", run, help_, "gate profile set North entrance=West direction=in")
    actions = sub.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, help_: str) -> argparse.ArgumentParser:
        parser = actions.add_parser(name, parents=[commands.common], help=help_, description=help_)
        add_where(parser)
        return parser

    action("list", _("the profiles there are"))
    setting = action("set", _("make one, or change it; a gate of that name has it"))
    setting.add_argument("name", metavar="NAME")
    setting.add_argument(
        "settings", nargs="*", metavar="KEY=VALUE", help=_("nothing after the sign: no longer said")
    )
    action("remove", _("remove one")).add_argument("name", metavar="NAME")
    assign = action("assign", _("give a gate the profile of another name"))
    assign.add_argument("device", metavar="DEVICE", help=_("its id"))
    assign.add_argument("name", metavar="NAME", nargs="?", help=_("none: the one of its own name"))


def run(options: argparse.Namespace) -> int:
    """Tell the profiles, or change one."""
    from gate.text.settings_words import profile_lines

    row = _row(authority_of(options), options)
    sys.stdout.writelines(f"{line}\n" for line in profile_lines(row.settings))
    return OK


def _row(authority: Authority, options: argparse.Namespace) -> "EventRow":
    from gate import settings
    from gate.errors import UsageError

    if options.action == "list":
        return authority.event()
    if options.action == "assign":
        patch: dict[str, Any] = {"assigned": {options.device: options.name}}
    elif options.action == "set":
        changes = settings.parse(settings.OF_PROFILE, options.settings)
        patch = {"profiles": {options.name: changes}}
    else:
        there = authority.event().settings.profiles
        if options.name not in there:
            sentence = _("there is no profile {name!r}").format(name=options.name[:80])
            raise UsageError(sentence, _("See them: gate profile list"))
        patch = {"profiles": {options.name: None}}
    return authority.change(partial(settings.patched, patch=patch), str(patch))
