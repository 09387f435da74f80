"""``gate web``: the pages in a browser, from a lane or from a venue's host."""

import argparse
from typing import TYPE_CHECKING

from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.cli.options import check_names, config_of, existing_folder, hours, path_of
from gate.i18n import _

if TYPE_CHECKING:
    from gate.config import Config
    from gate.storage.enrolment import Enrolment
    from gate.storage.folder import Folder


def add(commands: Commands) -> None:
    """Add ``gate web``."""
    sub = commands.add("web", run, _("the pages, in a browser"), "gate web link Mia")
    actions = sub.add_subparsers(dest="action", required=True, metavar="ACTION")
    purpose = _("a link that lets operators sign in at the browser that opens it")
    link = actions.add_parser("link", parents=[commands.common], help=purpose, description=purpose)
    link.add_argument("name", nargs="?", default="", metavar="NAME", help=_("for whom it is"))
    link.add_argument(
        "--kind",
        choices=["browser", "organiser", "counts"],
        default="browser",
        help=_("what it opens; another than browser only at a venue's host"),
    )
    link.add_argument(
        "--hours", type=hours, default=0, metavar="N", help=_("how long it is good, at the host")
    )
    link.add_argument("--png", metavar="FILE", help=_("write the code as a picture, too"))


def run(options: argparse.Namespace) -> int:
    """Print a link. Raises UsageError, OperatorError, StoreError."""
    from gate.storage.enrolment import load

    config = config_of(options)
    folder = existing_folder(config)
    if options.name:
        check_names(options.name)
    enrolment = load(folder)
    if folder.venue.exists() or enrolment is None or not enrolment.credential:
        _print_of_host(options, config, folder)
    else:
        _print_of_lane(options, config, folder, enrolment)
    return OK


def _print_of_host(options: argparse.Namespace, config: "Config", folder: "Folder") -> None:
    from gate.errors import UsageError
    from sync.host import pages
    from sync.server import invite
    from sync.server.web.links import HOUR_MS, PATH, Kind

    if folder.venue.exists() and not config.web.listen:
        raise UsageError(
            _("this host shows no pages"),
            _('Say where, in config.toml: [web] listen = "0.0.0.0:8473", and start it anew.'),
        )
    secret, made = pages.make_link(folder, Kind(options.kind), options.name, options.hours)
    left = (made.ends_ms - made.made_ms) // HOUR_MS
    heading = _("Open this in the browser, within {hours} h:").format(hours=left)
    reached_at = pages.address(config.web.listen, config.web.url)
    invite.print_link(heading, f"{reached_at}{PATH}{secret}", path_of(options.png))


def _print_of_lane(
    options: argparse.Namespace, config: "Config", folder: "Folder", enrolment: "Enrolment"
) -> None:
    from gate.cli.supervisor import ask_supervisor
    from gate.core.web_link import GOOD_FOR_S
    from gate.errors import UsageError
    from gate.lane.operators import Operators
    from gate.lane.web_link import link_of_lane
    from sync.server import invite

    if options.kind != "browser":
        raise UsageError(
            _("a lane makes links for operators only"),
            _("Others are made at the server: gate serve --web-link NAME --web-kind KIND"),
        )
    who = ask_supervisor(Operators(folder, config.operators.lockout_minutes))
    link = link_of_lane(folder, enrolment.url, who.name if who else "")
    heading = _("Open this in the browser, once, within {n} min:").format(n=GOOD_FOR_S // 60)
    invite.print_link(heading, link, path_of(options.png))
