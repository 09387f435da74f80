"""``gate operator``: who may work here."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gate.cli.authority import add_where, authority_of, is_server_meant
from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, folder_of
from gate.i18n import _

if TYPE_CHECKING:
    from gate.core.event_settings import EventSettings, OperatorRow

    Operators = Sequence[OperatorRow]


def add(commands: Commands) -> None:
    """Add ``gate operator``."""
    sub = commands.add("operator", run, _("who may work here, or at all gates of the event"))
    actions = sub.add_subparsers(dest="action", required=True, metavar="add|list|remove")

    def action(name: str, sentence: str) -> argparse.ArgumentParser:
        parser = actions.add_parser(name, parents=[commands.common], help=sentence)
        add_where(parser)
        return parser

    adding = action("add", _("add one, or give a new PIN"))
    adding.add_argument("name")
    adding.add_argument("--role", choices=["staff", "supervisor"], required=True)
    action("list", _("who there is"))
    action("remove", _("remove one")).add_argument("name")


def run(options: argparse.Namespace) -> int:
    """Add an operator, remove one, or tell who there is."""
    folder = folder_of(config_of(options))
    is_own = not (is_server_meant(options) or folder.venue.exists() or folder.enrolment.exists())
    return _of_gate(options) if is_own else _of_event(options)


def _of_gate(options: argparse.Namespace) -> int:
    """At a gate on its own."""
    from gate.cli.new_pin import ask_pin
    from gate.core.place import Role
    from gate.lane.operators import Operators

    operators = Operators(folder_of(config_of(options)))
    if options.action == "list":
        _print_operators(operators.names())
    elif options.action == "remove":
        operators.remove(options.name)
    else:
        operators.add(options.name, Role(options.role), ask_pin())
        sys.stdout.write(_("{name} may work here now").format(name=options.name) + "\n")
    return OK


def _of_event(options: argparse.Namespace) -> int:
    """Of the event, for all its gates."""
    import secrets

    from gate.cli.new_pin import ask_pin
    from gate.core.place import Role
    from gate.operators import SALT_BYTES, make_operator, with_operator, without_operator

    if options.action == "list":
        return _list_of_event(options)
    authority = authority_of(options)
    about = f"operator {options.action} {options.name}"
    if options.action == "remove":
        authority.change(_changing(lambda had: without_operator(had, options.name)), about)
        return OK
    authority.event()
    salt = secrets.token_bytes(SALT_BYTES)
    row = make_operator(options.name, Role(options.role), ask_pin(), salt)
    authority.change(_changing(lambda had: with_operator(had, row)), about)
    sentence = _("{name} may work at every gate of the event, as soon as they hear of it")
    sys.stdout.write(sentence.format(name=options.name) + "\n")
    return OK


def _list_of_event(options: argparse.Namespace) -> int:
    """At any gate of the event; a member knows its operators too."""
    from gate.lane.operators import Operators

    if not is_server_meant(options):
        _print_operators(Operators(folder_of(config_of(options))).names())
        return OK
    had = authority_of(options).event().settings.operators or ()
    _print_operators(sorted((one.name, one.role) for one in had))
    return OK


def _changing(
    change: "Callable[[Operators], Operators]",
) -> "Callable[[EventSettings], EventSettings]":
    def do(settings: "EventSettings") -> "EventSettings":
        from msgspec.structs import replace

        return replace(settings, operators=tuple(change(settings.operators or ())))

    return do


def _print_operators(operators: Sequence[tuple[str, str]]) -> None:
    sys.stdout.writelines(f"{role:<10} {name}\n" for name, role in operators)
