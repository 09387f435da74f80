"""``gate log``: the journal printed, or written as a bundle for another device."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, existing_folder, moment_ms
from gate.i18n import _

if TYPE_CHECKING:
    from gate.config import Config
    from gate.storage.folder import Folder


def add(commands: Commands) -> None:
    """Add ``gate log``."""
    sub = commands.add("log", run, _("the journal"), "gate log --reason already_used --format csv")
    sub.add_argument("--format", choices=["text", "csv", "jsonl"], default="text")
    sub.add_argument("--outcome", choices=[
        "admit", "exit", "attention", "refuse", "hold", "rescan", "valid"
    ])  # fmt: skip
    for name in ("reason", "act", "ticket", "operator"):
        sub.add_argument(f"--{name}")
    sub.add_argument("--gate", dest="at_gate")
    sub.add_argument("--since", metavar="TIME", help=_("such as 2026-12-31T19:30"))
    sub.add_argument("--until", metavar="TIME")
    sub.add_argument("--follow", action="store_true", help=_("and what comes"))
    sub.add_argument("--bundle", metavar="FILE", help=_("all of it, for another device to import"))
    sub.add_argument(
        "--salvage",
        action="store_true",
        help=_("with --bundle: every entry that is whole in a journal that is damaged"),
    )


def run(options: argparse.Namespace) -> int:
    """Print the entries that were asked for, or write all into a bundle."""
    from gate.errors import UsageError

    config = config_of(options)
    folder = existing_folder(config)
    if options.salvage and not options.bundle:
        raise UsageError(
            _("--salvage writes a bundle"), _("Say where: gate log --salvage --bundle FILE")
        )
    if options.bundle:
        return _write_bundle(config, folder, Path(options.bundle), is_salvage=options.salvage)
    return _print(options, config, folder)


def _write_bundle(config: "Config", folder: "Folder", path: Path, *, is_salvage: bool) -> int:
    from gate.storage.bundle import write_bundle, write_salvaged
    from gate.storage.naming import enrolled_name

    write = write_salvaged if is_salvage else write_bundle
    written = write(folder, path, config.named(enrolled_name(folder)).place().gate)
    sentence = _("{entries} entries written to {file}").format(entries=written, file=path)
    sys.stdout.write(sentence + "\n")
    return OK


def _print(options: argparse.Namespace, config: "Config", folder: "Folder") -> int:
    from gate.reports.journal_log import Filter, lines
    from gate.storage.moments import Side
    from gate.text.zones import zone_of

    zone = zone_of(config, folder).info
    wanted = Filter(
        outcome=options.outcome or "",
        reason=options.reason or "",
        act=options.act or "",
        ticket=options.ticket or "",
        gate=options.at_gate or "",
        operator=options.operator or "",
        since_ms=moment_ms(options.since, zone, Side.BEGIN),
        until_ms=moment_ms(options.until, zone, Side.END),
    )
    for line in lines(folder, wanted, options.format, zone, follow=options.follow):
        sys.stdout.write(line + "\n")
        if options.follow:
            sys.stdout.flush()
    return OK
