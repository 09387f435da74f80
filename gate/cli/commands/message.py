"""``gate message``: to the gates of an event, from its server or its host."""

import argparse
import sys
from typing import TYPE_CHECKING

from gate.cli.authority import add_where, is_server_meant
from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, existing_folder, path_of
from gate.i18n import _

if TYPE_CHECKING:
    from gate.config import Config
    from gate.storage.folder import Folder


def add(commands: Commands) -> None:
    """Add ``gate message``."""
    purpose = _("a message that is shown at the gates until it was read there")
    sub = commands.add("message", run, purpose, "gate message 'Gate East closes' --gate East")
    sub.add_argument("text", metavar="TEXT", help=_("at most 200 characters"))
    sub.add_argument(
        "--gate", dest="gates", metavar="NAME", nargs="+", action="extend", default=[],
        help=_("only these gates"),
    )  # fmt: skip
    add_where(sub)


def run(options: argparse.Namespace) -> int:
    """Send it, or leave it for the lane that has the folder. Raises UsageError."""
    from gate.lane.messages import checked

    text, gates = checked(options.text, options.gates)
    if is_server_meant(options):
        from sync.server.event_settings import ServerEvent

        folder = path_of(options.server_dir)
        ServerEvent(options.database or "", folder, options.event or "").send(text, gates)
    else:
        config = config_of(options)
        _send_at_host(config, existing_folder(config), text, gates)
    sys.stdout.write(_("Sent. Who has read it, F3 says (4), and the journal.") + "\n")
    return OK


def _send_at_host(config: "Config", folder: "Folder", text: str, gates: tuple[str, ...]) -> None:
    from gate.cli.idle_lane import idle_lane
    from gate.errors import UsageError
    from gate.storage import outgoing

    if not folder.venue.exists():
        raise UsageError(
            _("messages are sent from the venue's host or the server"),
            _("At a gate, a supervisor sends one with F3 and m."),
        )
    with idle_lane(config, folder) as lane:
        if lane is None:
            outgoing.leave(folder, outgoing.Outgoing(text, gates))
        else:
            lane.send_message(text, gates, None)
