"""``gate doctor``: whether this machine is ready."""

import argparse
import sys
from typing import TYPE_CHECKING

from gate.cli.exit_codes import FAILED, OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, folder_of
from gate.i18n import _

if TYPE_CHECKING:
    from gate.reports.doctor import Check


def add(commands: Commands) -> None:
    """Add ``gate doctor``."""
    sub = commands.add("doctor", run, _("is this machine ready"), "gate doctor --scanner")
    sub.add_argument("--json", action="store_true")
    sub.add_argument("--scanner", action="store_true", help=_("test a USB scanner with a code"))
    sub.add_argument(
        "--linear", action="store_true", help=_("... with bars, for one that reads no squares")
    )


def run(options: argparse.Namespace) -> int:
    """Examine the machine, or one of its scanners."""
    from gate.clock import SystemClock
    from gate.reports.checks.finding import Status
    from gate.reports.doctor import examine

    config = config_of(options)
    folder = folder_of(config)
    if options.scanner or options.linear:
        from gate.ui.scanner_check import check_scanner

        return OK if check_scanner(config, folder, sys.stdout, is_linear=options.linear) else FAILED
    failed = False
    for check in examine(config, folder, SystemClock()):
        failed = failed or check.status is Status.FAIL
        sys.stdout.write(_as_json(check) if options.json else _as_text(check))
        sys.stdout.flush()
    return FAILED if failed else OK


def _as_json(check: "Check") -> str:
    import msgspec

    return msgspec.json.encode(check).decode() + "\n"


def _as_text(check: "Check") -> str:
    from gate.text.printable import printable

    line = f"{check.status.upper():<5} {check.name}: {printable(check.detail, 400)}\n"
    return line + (f"      {check.hint}\n" if check.hint else "")
