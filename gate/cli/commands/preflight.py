"""``gate preflight``: whether every gate of the event is ready, seen from one place."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.exit_codes import FAILED, OK
from gate.cli.flags import Commands
from gate.cli.options import check_names, config_of, existing_folder
from gate.i18n import _

if TYPE_CHECKING:
    from gate.config import Config
    from gate.storage.folder import Folder
    from gate.storage.outgoing import SignOff


def add(commands: Commands) -> None:
    """Add ``gate preflight``."""
    purpose = _("is every gate of the event ready")
    example = "gate preflight --html gates.html --sign 'Li Na'"
    sub = commands.add("preflight", run, purpose, example)
    sub.add_argument("--html", metavar="FILE", help=_("a page to print, too"))
    sub.add_argument("--sign", metavar="NAME", help=_("who signs it off; kept in the journal"))


def run(options: argparse.Namespace) -> int:
    """Check all gates; the code tells whether all are ready."""
    from gate.clock import SystemClock
    from gate.errors import UsageError
    from gate.reports.preflight import not_green, preflight
    from gate.reports.preflight_page import as_html, as_text
    from gate.storage.outgoing import SignOff
    from gate.text.zones import zone_of

    config = config_of(options)
    folder = existing_folder(config)
    check_names(*([options.sign] if options.sign else []))
    seen = preflight(folder, SystemClock().read(), config.sync.heard_within_s)
    zone = zone_of(config, folder).info
    if options.html:
        page = as_html(seen, zone, options.sign or "")
        try:
            Path(options.html).expanduser().write_text(page, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                _("{file} cannot be written: {why}").format(file=options.html, why=error.strerror),
                "",
            ) from error
    sys.stdout.write(as_text(seen, zone))
    if options.sign:
        _sign_off(config, folder, SignOff(options.sign, len(seen.gates), not_green(seen)))
        sys.stdout.write(
            _("Signed off by {name}: in the journal.").format(name=options.sign) + "\n"
        )
    return OK if seen.is_green else FAILED


def _sign_off(config: "Config", folder: "Folder", signed: "SignOff") -> None:
    """Keep it in this gate's journal, or leave it for the lane that has the folder."""
    from gate.cli.idle_lane import idle_lane
    from gate.storage import outgoing

    with idle_lane(config, folder) as lane:
        if lane is None:
            outgoing.leave(folder, signed)
        else:
            lane.sign_off(signed.name, signed.gates, signed.not_green)
