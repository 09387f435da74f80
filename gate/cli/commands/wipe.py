"""``gate wipe``: forget the event."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.exit_codes import FAILED, OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, existing_folder
from gate.i18n import _

if TYPE_CHECKING:
    from gate.storage.folder import Folder


def add(commands: Commands) -> None:
    """Add ``gate wipe``."""
    sub = commands.add("wipe", run, _("forget the event"), "gate wipe --export journal.jsonl")
    sub.add_argument("--export", metavar="FILE", help=_("where to keep the journal"))
    sub.add_argument("--yes", action="store_true", help=_("do not ask"))


def run(options: argparse.Namespace) -> int:
    """Delete everything in the data folder, once somebody is sure."""
    from gate.reports.wipe import wipe

    folder = existing_folder(config_of(options))
    if not options.yes and not _is_sure(folder):
        sys.stdout.write(_("Nothing was wiped.") + "\n")
        return FAILED
    unacked = None
    if folder.enrolment.exists():
        from gate.cli.sync_report import unacked_of

        unacked = unacked_of(folder)
    wiped = wipe(folder, Path(options.export) if options.export else None, unacked=unacked)
    sentence = _("{files} files wiped; {entries} entries kept in {export}")
    sys.stdout.write(
        sentence.format(files=wiped.files, entries=wiped.entries, export=options.export or "-")
        + "\n"
    )
    return OK


def _is_sure(folder: "Folder") -> bool:
    """Ask; raises UsageError when nobody can answer."""
    from gate.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(_("wiping wants a yes"), _("Say --yes, or answer on a terminal."))
    question = _("Delete tickets, names and journal of {folder}? yes/no: ")
    return input(question.format(folder=folder.path)).strip().casefold() in ("yes", _("yes"))
