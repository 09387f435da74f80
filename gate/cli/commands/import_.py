"""``gate import``: tickets from files, journals from other devices' bundles."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, folder_of
from gate.i18n import _, ngettext

if TYPE_CHECKING:
    from gate.reports.ticket_import import Imported
    from gate.storage.bundle_import import ImportedBundle
    from gate.storage.folder import Folder
    from gate.text.zones import Zone


def add(commands: Commands) -> None:
    """Add ``gate import``."""
    sub = commands.add(
        "import", run, _("tickets from CSV or JSON Lines"), "gate import types.csv tickets.csv"
    )
    sub.add_argument("files", nargs="+", metavar="FILE")
    sub.add_argument("--skip-bad", action="store_true", help=_("leave bad rows out, and count"))
    sub.add_argument("--replace", action="store_true", help=_("forget the tickets there were"))


def run(options: argparse.Namespace) -> int:
    """Take tickets in, or journals."""
    from gate.text.zones import zone_of

    config = config_of(options)
    folder = folder_of(config)
    zone = zone_of(config, folder)
    bundles = [name for name in options.files if name.casefold().endswith(".bundle")]
    if bundles:
        return _import_bundles(folder, bundles, others=len(options.files) > len(bundles))
    return _import_tickets(options, folder, zone)


def _import_tickets(options: argparse.Namespace, folder: "Folder", zone: "Zone") -> int:
    from gate.cli.progress import progress
    from gate.reports.ticket_import import import_files

    with progress(_("importing")) as show:
        imported = import_files(
            folder,
            [Path(name) for name in options.files],
            time_zone=zone.name,
            skip_bad=options.skip_bad,
            replace=options.replace,
            progress=show,
        )
    for line in [*imported.errors, *imported.notes]:
        sys.stderr.write(line + "\n")
    sys.stdout.write(f"{_counted(imported)}: {folder.path}\n")
    _print_zones(imported, zone)
    return OK


def _counted(imported: "Imported") -> str:
    sentence = _("{types} ticket types and {tickets} tickets imported").format(
        types=imported.types, tickets=imported.tickets
    )
    if imported.bad:
        left_out = ngettext("{bad} bad row left out", "{bad} bad rows left out", imported.bad)
        sentence += ", " + left_out.format(bad=imported.bad)
    return sentence


def _print_zones(imported: "Imported", zone: "Zone") -> None:
    sys.stdout.write(_("times taken as {zone}").format(zone=zone.in_words()) + "\n")
    own = {name: n for name, n in imported.zones.items() if name != zone.name}
    for name, n in own.items():
        sentence = ngettext("{n} type with its own: {zone}", "{n} types with their own: {zone}", n)
        sys.stdout.write(sentence.format(n=n, zone=name) + "\n")
    if zone.is_nobodys:
        sentence = _(
            "This machine's zone was never set. If {zone} is not the venue's, import again with\n"
            "the right one: --set time_zone=Europe/Berlin"
        )
        sys.stderr.write(sentence.format(zone=zone.name) + "\n")


def _import_bundles(folder: "Folder", names: Sequence[str], *, others: bool) -> int:
    from gate.cli.progress import progress
    from gate.errors import UsageError
    from gate.storage.bundle_import import import_bundle

    if others:
        raise UsageError(
            _("tickets and journals do not come in together"), _("Import them one after the other.")
        )
    for name in names:
        with progress(_("importing")) as show:
            brought = import_bundle(folder, Path(name), show)
        _print_brought(brought)
    return OK


def _print_brought(brought: "ImportedBundle") -> None:
    from gate.text.printable import printable

    if brought.waits:
        sentence = _("{entries} entries of {gate} wait in the inbox: the sync worker takes them in")
    else:
        sentence = _("{entries} entries of {gate}, {new} of them new")
    gate = f"{printable(brought.gate, 40)} ({brought.device})"
    sys.stdout.write(sentence.format(entries=brought.entries, gate=gate, new=brought.new) + "\n")
    if brought.waiting:
        sentence = _("{n} of them follow lost ones: import it again once those were heard of")
        sys.stdout.write(sentence.format(n=brought.waiting) + "\n")
