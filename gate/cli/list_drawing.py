"""``gate tickets render --list``: every ticket of a list drawn, guests without a code too."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gate.cli.commands.import_ import reading_of
from gate.cli.commands.keys import key_ring
from gate.cli.exit_codes import OK
from gate.cli.options import config_of, existing_folder, path_of
from gate.errors import UsageError
from gate.i18n import _, ngettext
from gate.lists.guests import Guests, secret_of
from gate.lists.paper import PaperTicket, line_of, paper_tickets

if TYPE_CHECKING:
    from gate.storage.folder import Folder
    from sync.cardapi.render import Drawn


class _Place(NamedTuple):
    """Where a list was taken in."""

    folder: Path
    guests: Callable[[], list[tuple[str, str]]]
    """Tickets of guests without a code, id and name."""
    tickets_of: Callable[[Sequence[str]], list[str]]
    """The ids of the tickets of some codes; empty for a code that is nobody's."""


def draw_lists(options: argparse.Namespace) -> int:
    """Draw every ticket of the lists. Raises UsageError where the door would not know one."""
    from sync.cardapi import render

    paths = [Path(name).expanduser() for name in options.list]
    is_server = bool(options.event or options.server_dir or options.database)
    place = _server(options) if is_server else _replica(existing_folder(config_of(options)))
    # Without the secret a guest's code would be one that no door knows, which is told below.
    guests = Guests(secret_of(place.folder, may_make=False), place.guests())
    tickets = paper_tickets(paths, reading_of(options), guests)
    if not tickets:
        raise UsageError(_("there are no such tickets"), "")
    ids = place.tickets_of([one.code for one in tickets])
    _check_known(tickets, ids)
    codes = key_ring(options).codes(ids) if options.signed else [one.code for one in tickets]
    pictures = [
        (f"{n:0{len(str(len(tickets)))}}", _drawn(one, code, options.symbology or "qr"))
        for n, (one, code) in enumerate(zip(tickets, codes, strict=True), 1)
    ]
    out = Path(options.out).expanduser()
    render.write(pictures, out, options.format)
    sentence = _("{count} tickets drawn: {file}").format(count=len(pictures), file=out)
    sys.stdout.write(sentence + "\n")
    return OK


def _check_known(tickets: Sequence[PaperTicket], ids: Sequence[str]) -> None:
    unknown = [one.where for one, id_ in zip(tickets, ids, strict=True) if not id_]
    if unknown:
        sentence = ngettext(
            "{n} ticket is not in the ticket list here: {where}",
            "{n} tickets are not in the ticket list here: {where} …",
            len(unknown),
        )
        raise UsageError(
            sentence.format(n=len(unknown), where=unknown[0]),
            _("Import the list first, at this same place: nobody would get in with them."),
        )


def _drawn(one: PaperTicket, code: str, symbology: str) -> "Drawn":
    from sync.cardapi.render import Drawn

    lines = " · ".join(filter(None, (line_of(one), one.place)))
    return Drawn(code, symbology, one.code, one.title, lines)


def _replica(folder: "Folder") -> _Place:
    from gate.reports.ticket_import import known_guests
    from gate.storage.tickets import Tickets

    def tickets_of(codes: Sequence[str]) -> list[str]:
        with closing(Tickets(folder)) as tickets:
            tickets.refresh()
            found = [tickets.codes.match(code).ticket for code in codes]
        return ["" if one is None else one.id for one in found]

    return _Place(folder.path, lambda: known_guests(folder), tickets_of)


def _server(options: argparse.Namespace) -> _Place:
    from sync.server import database, ticket_lists

    folder = path_of(options.server_dir) or database.default_folder()
    where = (options.database or "", folder, options.event or "default")
    return _Place(
        folder,
        lambda: ticket_lists.known_guests(*where),
        lambda codes: ticket_lists.tickets_of(*where, codes),
    )
