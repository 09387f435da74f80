"""``gate report``: counts of this device, or of the whole venue."""

import argparse
import sys
from typing import TYPE_CHECKING

from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, existing_folder
from gate.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.config import Config
    from gate.reports.report import Group
    from gate.storage.folder import Folder


def add(commands: Commands) -> None:
    """Add ``gate report``."""
    sub = commands.add("report", run, _("counts of the event"), "gate report --by quarter")
    groups = ["gate", "type", "outcome", "reason", "operator", "quarter"]
    sub.add_argument("--by", action="append", choices=groups, help=_("only these groups"))
    sub.add_argument("--format", choices=["table", "csv", "json"], default="table")
    sub.add_argument("--venue", action="store_true", help=_("all devices, and their conflicts"))


def run(options: argparse.Namespace) -> int:
    """Count, and tell it as a table or for programs."""
    from gate.errors import UsageError

    config = config_of(options)
    folder = existing_folder(config)
    if options.venue and options.by:
        raise UsageError(_("--by is for the counts of one device"), _("Leave it out."))
    if options.venue:
        return _report_venue(config, folder, options.format)
    return _report_device(config, folder, options.format, options.by or ())


def _report_device(config: "Config", folder: "Folder", form: str, groups: "Sequence[Group]") -> int:
    """Without groups, all of them."""
    from gate.reports import report
    from gate.text.zones import zone_of

    forms = {"table": report.as_table, "csv": report.as_csv, "json": report.as_json}
    zone = zone_of(config, folder).info
    counted: dict[str, list[report.Line]] = {
        group: report.grouped(folder, group, zone) for group in groups or report.GROUPS
    }
    numbers = report.in_full(report.overview(folder), folder)
    sys.stdout.write(forms[form](numbers, counted, report.paid_here(folder)))
    return OK


def _report_venue(config: "Config", folder: "Folder", form: str) -> int:
    from gate.cli.progress import progress
    from gate.clock import SystemClock
    from gate.reports import fleet_report
    from gate.text.zones import zone_of

    within_s = config.sync.heard_within_s
    with progress(_("counting")) as show:
        seen = fleet_report.look(folder, SystemClock().read(), within_s, show)
    forms = {
        "table": lambda: fleet_report.as_table(seen, zone_of(config, folder).info),
        "csv": lambda: fleet_report.as_csv(seen),
        "json": lambda: fleet_report.as_json(seen),
    }
    sys.stdout.write(forms[form]())
    return OK
