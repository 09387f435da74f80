"""``gate import``: tickets from files, journals from other devices' bundles."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gate.cli.exit_codes import FAILED, OK
from gate.cli.flags import Commands, add_server
from gate.cli.options import config_of, folder_of, path_of
from gate.i18n import _, ngettext

if TYPE_CHECKING:
    from gate.lists.intake import Imported, Wanted
    from gate.lists.rows import Reading, TicketList
    from gate.storage.bundle_import import ImportedBundle
    from gate.storage.folder import Folder
    from gate.text.zones import Zone


def add(commands: Commands) -> None:
    """Add ``gate import``."""
    sub = commands.add(
        "import",
        run,
        _("tickets from CSV, a workbook (.xlsx, .ods) or JSON Lines"),
        "gate import types.csv tickets.xlsx --dry-run",
    )
    sub.add_argument("files", nargs="+", metavar="FILE")
    sub.add_argument(
        "--dry-run", action="store_true", help=_("only show what would be taken, and what changes")
    )
    add_reading(sub)
    sub.add_argument(
        "--type", default="", metavar="ID", help=_("the type of tickets that name none")
    )
    sub.add_argument(
        "--kind", default="", metavar="KIND",
        help=_("make the types that are named and not there, of this kind: meeting, scenic, …"),
    )  # fmt: skip
    sub.add_argument("--event", metavar="ID", help=_("into an event of the server that runs here"))
    add_server(sub)
    sub.add_argument("--skip-bad", action="store_true", help=_("leave bad rows out, and count"))
    sub.add_argument(
        "--paper",
        action="store_true",
        help=_("ticks on a printed list (ticket,time), as admissions; asks for a supervisor's PIN"),
    )
    only = sub.add_mutually_exclusive_group()
    only.add_argument("--replace", action="store_true", help=_("forget the tickets there were"))
    only.add_argument(
        "--cancel-missing", action="store_true", help=_("cancel the tickets that are in no file")
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """What somebody says about a list."""
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help=_("which column holds a field, such as holder='Full name'; may be repeated"),
    )
    parser.add_argument(
        "--dates", choices=["dmy", "mdy", "ymd"], help=_("how dates such as 01/02/2026 are meant")
    )
    parser.add_argument(
        "--charset", metavar="NAME", help=_("in what the text was written, such as cp1252")
    )


def run(options: argparse.Namespace) -> int:
    """Take tickets in, or journals, or what was ticked on paper."""
    from gate.cli.paper_import import import_paper
    from gate.text.zones import zone_of

    if options.event or options.server_dir or options.database:
        return _import_at_server(options)
    config = config_of(options)
    folder = folder_of(config)
    if options.paper:
        return import_paper(config, folder, options.files)
    zone = zone_of(config, folder)
    bundles = [name for name in options.files if name.casefold().endswith(".bundle")]
    if bundles:
        return _import_bundles(folder, bundles, others=len(options.files) > len(bundles))
    return _import_tickets(options, folder, zone)


def reading_of(options: argparse.Namespace) -> "Reading":
    """What somebody says about a list. Raises UsageError, ImportFault."""
    from gate.lists.charset import named_charset
    from gate.lists.columns import stated_columns
    from gate.lists.dates import DayOrder
    from gate.lists.rows import Reading

    return Reading(
        stated_columns(options.map),
        DayOrder(options.dates) if options.dates else None,
        named_charset(options.charset) if options.charset else None,
    )


def _import_tickets(options: argparse.Namespace, folder: "Folder", zone: "Zone") -> int:
    from gate.cli.progress import progress
    from gate.reports.ticket_import import import_files

    paths = [Path(name) for name in options.files]
    with progress(_("importing")) as show:
        imported = import_files(folder, paths, _wanted(options, zone.name), progress=show)
    code = _print_imported(imported, str(folder.path), dry_run=options.dry_run)
    _print_zones(imported, zone)
    return code


def _import_at_server(options: argparse.Namespace) -> int:
    """Take lists into an event of the server's own database."""
    from gate.cli.progress import progress
    from sync.server import ticket_lists

    with progress(_("importing")) as show:
        imported = ticket_lists.import_at_console(
            options.database or "",
            path_of(options.server_dir),
            options.event or "default",
            [Path(name) for name in options.files],
            _wanted(options, ""),
            progress=show,
        )
    code = _print_imported(imported, options.event or "default", dry_run=options.dry_run)
    for zone, n in imported.zones.items():
        sentence = ngettext(
            "times of {n} type taken as {zone}", "times of {n} types taken as {zone}", n
        )
        sys.stdout.write(sentence.format(n=n, zone=zone) + "\n")
    return code


def _wanted(options: argparse.Namespace, time_zone: str) -> "Wanted":
    from gate.errors import UsageError
    from gate.lists.intake import Wanted

    if options.skip_bad and options.cancel_missing:
        raise UsageError(
            _("with --skip-bad, --cancel-missing would cancel the tickets of bad rows"), ""
        )
    return Wanted(
        reading=reading_of(options),
        time_zone=time_zone,
        type_id=options.type,
        make_kind=options.kind,
        skip_bad=options.skip_bad,
        replace=options.replace,
        cancel_missing=options.cancel_missing,
        dry_run=options.dry_run,
    )


def _print_imported(imported: "Imported", where: str, *, dry_run: bool) -> int:
    """What came of it, or would come; the answer is the exit code."""
    from gate.lists.intake import bad_rows

    lists = list_lines(imported.lists)
    if dry_run:
        bad = bad_rows(imported).splitlines() if imported.bad else []
        _write(sys.stdout, [*lists, *imported.shown, *bad])
    else:
        _write(sys.stderr, [*lists, *imported.errors])
    _write(sys.stderr, imported.notes)
    sys.stdout.write(f"{_counts_text(imported, dry_run=dry_run)}: {where}\n")
    if dry_run:
        _print_types(imported)
    _print_missing(imported, is_long=dry_run)
    return FAILED if dry_run and imported.bad else OK


def _write(target: TextIO, lines: Sequence[str]) -> None:
    """Lines with strangers' text in them."""
    from gate.text.printable import printable

    target.write("".join(printable(line, 2000) + "\n" for line in lines))


def list_lines(lists: "Sequence[TicketList]") -> list[str]:
    """How each file was read, and what of it was not."""
    lines = []
    for one in lists:
        lines.append(f"{one.name}: {one.written}")
        renamed = [f"{heading} → {field}" for heading, field in one.columns if heading != field]
        if renamed:
            lines.append("  " + ", ".join(renamed))
        if one.left_out:
            lines.append("  " + _("left out: {names}").format(names=", ".join(one.left_out)))
    return lines


def _counts_text(imported: "Imported", *, dry_run: bool) -> str:
    sentence = _("{types} ticket types and {tickets} tickets imported")
    if dry_run:
        sentence = _("{types} ticket types and {tickets} tickets would be imported")
    sentence = sentence.format(types=imported.types, tickets=imported.tickets)
    if imported.tickets:
        same = imported.tickets - imported.new - imported.changed
        counts = _("{new} new, {changed} changed, {same} as before")
        sentence += f" ({counts.format(new=imported.new, changed=imported.changed, same=same)})"
    if n := imported.people:
        guests = ngettext("{n} of them without a code", "{n} of them without a code", n)
        sentence += ", " + guests.format(n=n)
    if imported.bad and not dry_run:
        left_out = ngettext("{bad} bad row left out", "{bad} bad rows left out", imported.bad)
        sentence += ", " + left_out.format(bad=imported.bad)
    return sentence


def _print_types(imported: "Imported") -> None:
    from gate.lists.intake import ERRORS_SHOWN
    from gate.text.printable import printable

    for type_id, n in list(imported.by_type.items())[:ERRORS_SHOWN]:
        sys.stdout.write(f"  {n:7}  {printable(type_id, 100)}\n")
    if (more := len(imported.by_type) - ERRORS_SHOWN) > 0:
        sys.stdout.write("  " + _("… and {count} more").format(count=more) + "\n")


def _print_missing(imported: "Imported", *, is_long: bool) -> None:
    from gate.text.printable import printable

    if not imported.missing:
        return
    n = imported.missing
    if imported.cancelled:
        sentence = ngettext(
            "{n} ticket is in no file and is cancelled",
            "{n} tickets are in no file and are cancelled", n,
        )  # fmt: skip
    else:
        sentence = ngettext(
            "{n} ticket is in no file and stays good (--cancel-missing cancels it)",
            "{n} tickets are in no file and stay good (--cancel-missing cancels them)", n,
        )  # fmt: skip
    sys.stdout.write(sentence.format(n=n) + "\n")
    if is_long or imported.cancelled:
        for name in imported.named_missing:
            sys.stdout.write(f"  {printable(name, 100)}\n")
        if more := n - len(imported.named_missing):
            sys.stdout.write("  " + _("… and {count} more").format(count=more) + "\n")


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
