"""``gate preflight``: whether every gate of the event is ready, seen from one place."""

import argparse
import sys
from pathlib import Path

from gate.cli.exit_codes import FAILED, OK
from gate.cli.flags import Commands
from gate.cli.options import check_names, config_of, existing_folder
from gate.i18n import _


def add(commands: Commands) -> None:
    """Add ``gate preflight``."""
    purpose = _("is every gate of the event ready")
    example = "gate preflight --html gates.html --sign 'Li Na'"
    sub = commands.add("preflight", run, purpose, example)
    sub.add_argument("--html", metavar="FILE", help=_("a page to print, too"))
    sub.add_argument("--sign", metavar="NAME", help=_("who signs it off; without it, by hand"))


def run(options: argparse.Namespace) -> int:
    """Check all gates; the code tells whether all are ready."""
    from gate.clock import SystemClock
    from gate.errors import UsageError
    from gate.reports.preflight import preflight
    from gate.reports.preflight_page import as_html, as_text
    from gate.text.zones import zone_of

    config = config_of(options)
    folder = existing_folder(config)
    if options.sign and not options.html:
        raise UsageError(_("a sign-off is on the page"), _("Say where: --html FILE"))
    check_names(*([options.sign] if options.sign else []))
    seen = preflight(folder, SystemClock().read(), config.sync.heard_within_s)
    if options.html:
        page = as_html(seen, zone_of(config, folder).info, options.sign or "")
        try:
            Path(options.html).expanduser().write_text(page, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                _("{file} cannot be written: {why}").format(file=options.html, why=error.strerror),
                "",
            ) from error
    sys.stdout.write(as_text(seen))
    return OK if seen.is_green else FAILED
