"""``gate lookup``: tickets by code, name, seat or order."""

import argparse
import sys

from gate.cli.exit_codes import FAILED, OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, folder_of
from gate.i18n import _


def add(commands: Commands) -> None:
    """Add ``gate lookup``."""
    sub = commands.add(
        "lookup", run, _("find tickets by code, name, seat or order"), "gate lookup Ångström"
    )
    sub.add_argument("wanted", nargs="+", metavar=_("CODE|NAME"))
    sub.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> int:
    """Tell what is known of the tickets that were found."""
    import msgspec

    from gate.reports.lookup import look_up_each, tell
    from gate.text.zones import zone_of

    config = config_of(options)
    folder = folder_of(config)
    findings = look_up_each(folder, options.wanted)
    found = findings.found
    if options.json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        shows = config.screen.show_names
        zone = zone_of(config, folder).info
        blocks = [tell(one, zone, show_names=shows) for one in found]
        sys.stdout.write("\n\n".join("\n  ".join(block) for block in blocks) + "\n" * bool(blocks))
    sys.stderr.write("".join(f"{line}\n" for line in findings.lines()))
    return OK if found else FAILED
