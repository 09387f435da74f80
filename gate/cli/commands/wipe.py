"""``gate wipe``: forget the event."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.exit_codes import FAILED, OK
from gate.cli.flags import Commands
from gate.cli.options import base_of, config_of, existing_folder
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
    from gate.storage.gate_lists import gate_lists

    config = config_of(options)
    lists = gate_lists(base_of(config))
    base = base_of(config) if lists else existing_folder(config)
    if not options.yes and not _is_sure(base):
        sys.stdout.write(_("Nothing was wiped.") + "\n")
        return FAILED
    export = Path(options.export) if options.export else None
    if not lists:
        _wipe(base, export)
    for one in lists:
        # A gate that is forgotten is so for all of its lists; each has a journal of its own.
        beside = export and export.with_name(f"{export.stem}.{one.folder.path.name}{export.suffix}")
        _wipe(one.folder, beside)
    return OK


def _wipe(folder: "Folder", export: Path | None) -> None:
    from gate.reports.wipe import wipe

    unacked = None
    if folder.enrolment.exists():
        from gate.cli.sync_report import unacked_of

        unacked = unacked_of(folder)
    wiped = wipe(folder, export, unacked=unacked)
    sentence = _("{files} files wiped; {entries} entries kept in {export}")
    sys.stdout.write(
        sentence.format(files=wiped.files, entries=wiped.entries, export=export or "-") + "\n"
    )


def _is_sure(folder: "Folder") -> bool:
    """Ask; raises UsageError when nobody can answer."""
    from gate.errors import UsageError
    from gate.text.yes_words import is_yes

    if not sys.stdin.isatty():
        raise UsageError(_("wiping wants a yes"), _("Say --yes, or answer on a terminal."))
    question = _("Delete tickets, names and journal of {folder}? yes/no: ")
    return is_yes(input(question.format(folder=folder.path)), whole=True)
