"""Tickets of lists as they are printed: whose code stands in the list, and guests'."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gate.errors import ImportFault
from gate.i18n import _, ngettext
from gate.lists.guests import Guests
from gate.lists.rows import Reading, open_lists
from gate.storage.row_values import BadRow


class PaperTicket(NamedTuple):
    """One ticket to be drawn."""

    where: str
    """File and line."""
    code: str
    """What the picture says."""
    holder: str
    title: str
    """What it is for: the type's title, else its id."""
    people: int
    """How many it lets in."""
    place: str
    """Zone, entrance, hall and seats."""


def paper_tickets(paths: Sequence[Path], reading: Reading, guests: Guests) -> list[PaperTicket]:
    """Every ticket of some lists, in their order. Raises ImportFault where any line is wrong."""
    titles: dict[str, str] = {}
    tickets: list[PaperTicket] = []
    for one in open_lists(paths, reading):
        for row in one.rows:
            if isinstance(row.fields, BadRow):
                raise _fault(row.where, row.fields)
            if row.is_type:
                id_ = str(row.fields.get("id", ""))
                titles[id_] = str(row.fields.get("title") or id_)
                continue
            try:
                fields = _with_code(row.fields, guests)
            except BadRow as bad:
                raise _fault(row.where, bad) from bad
            tickets.append(_paper(row.where, fields, titles))
    return tickets


def _fault(where: str, bad: BadRow) -> ImportFault:
    return ImportFault(f"{where}: {bad}", _("Nothing was drawn. Mend the file."))


def _with_code(row: dict[str, Any], guests: Guests) -> dict[str, Any]:
    if row.get("code"):
        return row
    if not row.get("holder"):
        raise BadRow(_("neither a code nor a name"))
    return guests.completed(row)


def _paper(where: str, row: dict[str, Any], titles: dict[str, str]) -> PaperTicket:
    seats = row.get("seats", "")
    parts = [row.get("zone"), row.get("entrance"), row.get("screening_room")]
    parts += seats if isinstance(seats, list) else str(seats).split("|")
    type_id = str(row.get("type", ""))
    return PaperTicket(
        where,
        str(row.get("qrcode_data") or row["code"]),
        str(row.get("holder", "")),
        titles.get(type_id, type_id),
        _people(row.get("party")),
        " · ".join(str(part).strip() for part in parts if part),
    )


def _people(party: object) -> int:
    text = str(party or 1)
    return int(text) if text.isdecimal() and len(text) <= 6 else 1


def line_of(ticket: PaperTicket) -> str:
    """Whose it is, for how many, in words for the paper."""
    if ticket.people == 1:
        return ticket.holder
    people = ngettext("{n} person", "{n} people", ticket.people).format(n=ticket.people)
    return f"{ticket.holder} · {people}" if ticket.holder else people
