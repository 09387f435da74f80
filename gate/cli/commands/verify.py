"""``gate verify``: whether the journal is as it was written."""

import argparse
import sys

from gate.cli.exit_codes import FAILED, OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, existing_folder
from gate.i18n import _


def add(commands: Commands) -> None:
    """Add ``gate verify``."""
    commands.add("verify", run, _("audit the journal: chain, counts, file"))


def run(options: argparse.Namespace) -> int:
    """Audit the journal and tell what was found."""
    from gate.cli.progress import progress
    from gate.storage.audit import audit_journal

    folder = existing_folder(config_of(options))
    if not folder.journal.exists():
        sys.stdout.write(_("no journal yet") + "\n")
        return OK
    with progress(_("verifying")) as show:
        audit = audit_journal(folder.journal, show)
    sys.stdout.write(
        _("{entries} entries of {starts} starts, {tickets} tickets: {problems} problems").format(
            entries=audit.entries,
            starts=audit.origins,
            tickets=audit.tickets,
            problems=audit.problems,
        )
        + "\n"
    )
    for finding in audit.findings:
        sys.stdout.write(f"- {finding}\n")
    return FAILED if audit.problems else OK
