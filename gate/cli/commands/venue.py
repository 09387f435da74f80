"""``gate venue``: a venue without a server, at the gate that is its host."""

import argparse
import sys
from typing import TYPE_CHECKING

from gate.cli.exit_codes import FAILED, OK
from gate.cli.flags import Commands, add_disowning
from gate.cli.options import (
    DEVICE_STATES,
    check_names,
    config_of,
    folder_of,
    path_of,
)
from gate.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gate.storage.folder import Folder
    from gate.storage.ticket_filling import MemberRow

    Act = Callable[[argparse.Namespace, Folder], int]


def add(commands: Commands) -> None:
    """Add ``gate venue``."""
    sub = commands.add("venue", run, _("a venue without a server"), "gate venue invite South")
    actions = sub.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, act: "Act", purpose: str) -> argparse.ArgumentParser:
        parser = actions.add_parser(
            name, parents=[commands.common], help=purpose, description=purpose
        )
        parser.set_defaults(act=act)
        return parser

    create = action("create", _create, _("begin one; this gate is its host"))
    create.add_argument("--name", metavar="NAME", help=_("what the venue is called"))
    create.add_argument(
        "--time-zone", metavar="ZONE", help=_("its time zone; default: this machine's")
    )
    invite = action("invite", _invite, _("take other gates in, with a link or code"))
    invite.add_argument("name", nargs="?", metavar="NAME", help=_("what the gate is called"))
    invite.add_argument("--count", type=int, default=1, metavar="N", help=_("how many gates"))
    invite.add_argument("--listen", metavar="HOST:PORT", help=_("default: 0.0.0.0:8472"))
    invite.add_argument("--png", metavar="FILE", help=_("write the code as a picture, too"))
    action("devices", _print_devices, _("who belongs to it"))
    for name, purpose in (
        ("retire", _("a gate is not at work any more: nobody waits to hear from it")),
        ("reinstate", _("a retired gate is at work again")),
        ("revoke", _("shut out a lost or stolen gate")),
    ):
        state = action(name, _set_state, purpose)
        state.add_argument("device", metavar="DEVICE", help=_("its id"))
    disown = action("disown", _disown, _("end the effect of what a revoked gate did"))
    disown.add_argument("device", metavar="DEVICE", help=_("its id"))
    add_disowning(disown)


def run(options: argparse.Namespace) -> int:
    """Do at the host what the action says."""
    return int(options.act(options, folder_of(config_of(options))))


def _create(options: argparse.Namespace, folder: "Folder") -> int:
    from gate.storage import venue_host
    from gate.text.printable import printable
    from gate.text.zones import zone_of

    config = config_of(options)
    name, gate = options.name or _("Venue"), config.gate.name or _("Host")
    check_names(name, gate)
    zone = zone_of(config, folder)
    venue_host.create(folder, name, gate, zone.name)
    sentence = _(
        "{name} has begun, and this gate is its host.\n"
        "1. Bring its tickets in here: gate import types.csv tickets.csv\n"
        "2. Take the other gates in, one by one: gate venue invite NAME\n"
        "3. Start the lane anew: gate scan"
    )
    sys.stdout.write(sentence.format(name=printable(name)) + "\n")
    sys.stdout.write(_("times: {zone}").format(zone=zone.in_words()) + "\n")
    if zone.is_nobodys:
        sentence = _(
            "This machine's zone was never set. Say the venue's: gate event set time_zone=NAME"
        )
        sys.stderr.write(sentence + "\n")
    return OK


def _invite(options: argparse.Namespace, folder: "Folder") -> int:
    from gate.errors import UsageError
    from sync.host.enrolling import LISTEN, invite_gates

    if not 0 < options.count <= 100:
        raise UsageError(_("--count is a number from 1 to 100"), "")
    name = options.name or _("Gate")
    check_names(name)
    names = [name] if options.count == 1 else [f"{name} {n + 1}" for n in range(options.count)]
    listen, picture = options.listen or LISTEN, path_of(options.png)
    came = invite_gates(folder, names, listen=listen, picture=picture)
    if came < len(names):
        sys.stderr.write(_("{n} of {all} gates came").format(n=came, all=len(names)) + "\n")
    return OK if came else FAILED


def _print_devices(_options: argparse.Namespace, folder: "Folder") -> int:
    from gate.storage import venue_host

    return _print_rows(venue_host.devices(folder).values())


def _set_state(options: argparse.Namespace, folder: "Folder") -> int:
    from gate.storage import venue_host

    return _print_rows(
        [venue_host.set_state(folder, options.device, DEVICE_STATES[options.action])]
    )


def _print_rows(devices: "Iterable[MemberRow]") -> int:
    from gate.text.printable import printable

    for one in devices:
        state = one.state if one.counts_until is None else f"{one.state}, disowned"
        sys.stdout.write(f"{one.id}  {state:<8}  {printable(one.name)}\n")
    return OK


def _disown(options: argparse.Namespace, folder: "Folder") -> int:
    from gate.storage import venue_host
    from gate.storage.event import event_zone
    from sync.host import disown as venue_disown
    from sync.server import disown_command

    from_ms = disown_command.moment(options.disown_from, event_zone(folder) or "UTC")
    row, changes = venue_disown.foresee(folder, options.device, from_ms)
    sys.stdout.write(disown_command.effect_text(changes) + "\n")
    if not options.yes:
        disown_command.ask_whether()
    venue_host.publish(folder, row)
    sys.stdout.write(_("done: the gates hear of it") + "\n")
    return OK
