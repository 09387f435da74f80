"""``gate pretix``: an event whose tickets live in a pretix, at the server."""

import argparse
import sys
from pathlib import Path

from gate.cli.flags import Commands, add_server
from gate.cli.options import check_names, config_of, path_of
from gate.i18n import _


def add(commands: Commands) -> None:
    """Add ``gate pretix``."""
    sub = commands.add(
        "pretix",
        run,
        _("tickets that live in pretix, at the server"),
        "gate pretix pair gala.2 --picture device.png",
    )
    actions = sub.add_subparsers(
        dest="action", required=True, metavar="pair|status|failed|retry|void-missing|unpair"
    )
    pair = actions.add_parser("pair", help=_("make an event of a check-in list"))
    pair.add_argument("list", metavar="EVENT.LIST", help=_("the event's short form, and the list"))
    pair.add_argument(
        "--gate",
        metavar="NAME",
        help=_("of a list that is paired: make this gate a device of its own there"),
    )
    how = pair.add_mutually_exclusive_group()
    how.add_argument("--picture", metavar="FILE", help=_("read pretix's code from a picture"))
    how.add_argument("--by-camera", action="store_true", help=_("read it with the camera"))
    how.add_argument("--code-file", metavar="FILE", help=_("a file that holds what the code says"))
    pair.add_argument("--camera", metavar="DEVICE", help=_("camera: auto, 0, /dev/video0"))
    add_server(pair)
    add_server(actions.add_parser("status", help=_("how every pairing stands")))
    for name, purpose in (
        ("failed", _("name the entries that pretix did not take")),
        ("retry", _("ask pretix at once")),
    ):
        one = actions.add_parser(name, help=purpose)
        one.add_argument("event", metavar="EVENT.LIST")
        add_server(one)
    void = actions.add_parser("void-missing", help=_("tickets that pretix does not have any more"))
    void.add_argument("event", metavar="EVENT.LIST")
    void.add_argument("--by", metavar="NAME", help=_("who says that they are void"))
    void.add_argument("--why", metavar="REASON", help=_("and why"))
    add_server(void)
    unpair = actions.add_parser("unpair", help=_("end a pairing; its tickets stay"))
    unpair.add_argument("event", metavar="EVENT.LIST")
    add_server(unpair)


def run(options: argparse.Namespace) -> int:
    """Pair, tell how it stands, or end it."""
    from sync.upstream.pretix import commands
    from sync.upstream.pretix.commands import Where

    where = Where(database=options.database or "", folder=path_of(options.server_dir))
    if options.action == "pair" and options.gate:
        check_names(options.gate)
        return commands.pair_gate(where, options.list, options.gate, _code(options))
    if options.action == "pair":
        return commands.pair(where, options.list, _code(options))
    if options.action == "status":
        return commands.status(where)
    if options.action == "void-missing":
        return commands.void_missing(where, options.event, options.by or "", options.why or "")
    of_event = {
        "failed": commands.failed, "retry": commands.retry, "unpair": commands.unpair,
    }  # fmt: skip
    return of_event[options.action](where, options.event)


def _code(options: argparse.Namespace) -> str:
    """Pretix's code, from wherever it comes; never from the command line, where all see it."""
    from getpass import getpass

    if options.code_file:
        from gate.cli.commands.enrol import link_in

        return link_in(options.code_file)
    if options.picture or options.by_camera:
        from gate.cli.enrol_by_camera import read_invitation

        picture = Path(options.picture) if options.picture else None
        return read_invitation(config_of(options), picture, "{")
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    return getpass(_("What pretix's code says (not shown): "))
