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
    sub.add_argument("--format", choices=["table", "csv", "html", "json"], default="table")
    sub.add_argument("--venue", action="store_true", help=_("all devices, and their conflicts"))
    sub.add_argument("--anomalies", action="store_true", help=_("what is unlike an honest evening"))
    sub.add_argument(
        "--answers", action="store_true", help=_("what guests answered; asks for a PIN, too")
    )
    lists = ["inside", "expected", "no-show", "admitted"]
    sub.add_argument(
        "--list", choices=lists, help=_("people by zone and name; asks for a supervisor's PIN")
    )
    sub.add_argument(
        "--fallback", action="store_true", help=_("with --list and html: boxes to tick, to print")
    )


def run(options: argparse.Namespace) -> int:
    """Count, and tell it as a table or for programs."""
    from gate.errors import UsageError

    config = config_of(options)
    folder = existing_folder(config)
    others = options.venue or options.list or options.anomalies or options.answers
    if options.by and others:
        raise UsageError(_("--by is for the counts of one device"), _("Leave it out."))
    if options.fallback and not (options.list and options.format == "html"):
        raise UsageError(
            _("--fallback is for a list to print"),
            _("Like this: gate report --list expected --format html --fallback"),
        )
    if options.answers and options.format != "html":
        return _report_answers(config, folder, options.format)
    if options.list:
        return _report_list(options, config, folder)
    if options.format == "html":
        raise UsageError(_("--format html is for lists of people"), _("Like this: --list inside"))
    if options.anomalies:
        return _report_anomalies(config, folder, options.format)
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


def _report_answers(config: "Config", folder: "Folder", form: str) -> int:
    from gate.cli.supervisor import ask_supervisor
    from gate.core.question import questions_in
    from gate.lane.lane_settings import LaneSettings
    from gate.lane.operators import Operators
    from gate.reports import answer_list
    from gate.text.zones import zone_of

    stated = LaneSettings(config, folder).current
    lockout_minutes = stated.config.operators.lockout_minutes
    if ask_supervisor(Operators(folder, lockout_minutes)) is None:
        sys.stderr.write(_("There are no operators at this gate: nobody was asked.") + "\n")
    forms = {
        "table": answer_list.as_table,
        "csv": answer_list.as_csv,
        "json": answer_list.as_json,
    }
    found = answer_list.look(folder, questions_in(stated.rules.questions))
    sys.stdout.write(forms[form](found, zone_of(config, folder).info))
    return OK


def _report_list(options: argparse.Namespace, config: "Config", folder: "Folder") -> int:
    from contextlib import closing

    from gate.cli.supervisor import ask_supervisor
    from gate.clock import SystemClock
    from gate.lane.lane_settings import LaneSettings
    from gate.lane.operators import Operators
    from gate.storage import attendees
    from gate.text import attendee_forms
    from gate.text.zones import zone_of

    stated = LaneSettings(config, folder).current.config
    if ask_supervisor(Operators(folder, stated.operators.lockout_minutes)) is None:
        sys.stderr.write(_("There are no operators at this gate: nobody was asked.") + "\n")
    within_s, names = config.sync.heard_within_s, stated.screen.show_names
    now = SystemClock().read()
    with closing(attendees.gather(folder, options.list, now, within_s, show_names=names)) as found:
        zone = zone_of(config, folder).info
        write = attendee_forms.FORMS[options.format]
        if options.fallback:
            pieces = attendee_forms.as_html(found, zone, is_fallback=True)
        else:
            pieces = write(found, zone)
        sys.stdout.writelines(pieces)
        if text := attendee_forms.warning(found):
            sys.stderr.write(text + "\n")
    return OK


def _report_anomalies(config: "Config", folder: "Folder", form: str) -> int:
    from gate.clock import SystemClock
    from gate.errors import UsageError
    from gate.reports import anomaly_list
    from gate.storage.connectivity import ConnectivityReader

    forms = {"table": anomaly_list.as_table, "json": anomaly_list.as_json}
    if form not in forms:
        raise UsageError(_("--anomalies is a table or json"), _("Leave the format out."))
    now = SystemClock().read()
    connectivity = ConnectivityReader(folder, config.sync.heard_within_s).read(now)
    found = anomaly_list.AnomalyList(folder, config).look(connectivity, now.wall_ms)
    sys.stdout.write(forms[form](found))
    return OK


def _report_venue(config: "Config", folder: "Folder", form: str) -> int:
    from gate.cli.progress import progress
    from gate.clock import SystemClock
    from gate.reports import fleet_report
    from gate.reports.anomaly_list import AnomalyList
    from gate.text.zones import zone_of

    within_s, anomalies = config.sync.heard_within_s, AnomalyList(folder, config)
    with progress(_("counting")) as show:
        seen = fleet_report.look(folder, SystemClock().read(), within_s, show, anomalies)
    forms = {
        "table": lambda: fleet_report.as_table(seen, zone_of(config, folder).info),
        "csv": lambda: fleet_report.as_csv(seen),
        "json": lambda: fleet_report.as_json(seen),
    }
    sys.stdout.write(forms[form]())
    return OK
