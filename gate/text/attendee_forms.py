"""A list of people as a table, CSV, a page to print, or JSON; piece by piece, however long."""

import html
import json
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from rich.cells import cell_len

from gate.i18n import N_, _, ngettext
from gate.storage.attendees import Attendee, AttendeeList, ListName
from gate.storage.fleet_devices import Device
from gate.text.fleet_words import device_name, device_state
from gate.text.printable import printable
from gate.text.spreadsheet import row
from gate.text.times import clock_time

Form = Literal["table", "csv", "html", "json"]
TITLES: dict[ListName, str] = {
    "inside": N_("Who is inside"),
    "expected": N_("Who is expected"),
    "no-show": N_("Who has not come"),
    "admitted": N_("Who was admitted"),
}
CSV_COLUMNS = ("what", "zone", "name", "seat", "type", "ticket", "people", "time", "gate")
_NAME_CELLS = 28


class Contact(NamedTuple):
    """A gate, and when it was last heard."""

    gate: str
    state: str
    last: str


def contacts(found: AttendeeList, time_zone: ZoneInfo) -> list[Contact]:
    """When every gate was last heard, the one from longest ago first; this one last.

    What it did since is not on the list.
    """
    return [
        Contact(device_name(device), device_state(device), _contact(device, found, time_zone))
        for device in sorted(found.devices, key=lambda device: _heard_ms(device, found))
    ]


def warning(found: AttendeeList) -> str:
    """What makes the list incomplete; empty where nothing does."""
    if found.is_complete:
        return ""
    if not found.unheard:
        return _("NOT COMPLETE: not every gate is heard. Count on more people than are listed.")
    gates = ", ".join(printable(name, 24) for name in found.unheard)
    return _(
        "NOT COMPLETE: {gates} not heard. Whoever went in or out there since is missing."
    ).format(gates=gates)


def head(found: AttendeeList, time_zone: ZoneInfo) -> list[str]:
    """What the list is, as of when, how many are on it, and what is missing: that first."""
    when = clock_time(found.at_ms, time_zone, dated=True, seconds=True)
    lines = [
        f"{_(TITLES[found.name])} · {when} {time_zone.key}",
        _people(sum(zone.people for zone in found.sorted.zones()), found.name),
    ]
    if found.without_ticket:
        crew = sum(found.without_ticket.values())
        line = ngettext("{n} more without a ticket", "{n} more without a ticket", crew)
        zones = ", ".join(
            f"{printable(zone, 24) or _('no zone')}: {n}"
            for zone, n in found.without_ticket.items()
        )
        lines.append(f"{line.format(n=crew)} ({zones})")
    return [*filter(None, [warning(found)]), *lines]


def contact_lines(found: AttendeeList, time_zone: ZoneInfo) -> list[str]:
    """Every gate with its last contact, a line each."""
    return [_contact_line(contact) for contact in contacts(found, time_zone)]


def as_table(found: AttendeeList, time_zone: ZoneInfo) -> Iterator[str]:
    """The list for a terminal, zone by zone."""
    yield from (f"{line}\n" for line in head(found, time_zone))
    yield from (f"  {line}\n" for line in contact_lines(found, time_zone))
    zones = {zone.zone: zone for zone in found.sorted.zones()}
    zone: str | None = None
    for one in found.sorted:
        if one.zone != zone:
            zone = one.zone
            people = _people(zones[zone].people, found.name)
            yield f"\n{printable(zone, 40) or _('no zone')} · {people}\n"
        yield f"  {_line(one, found.at_ms, time_zone)}\n"


def as_csv(found: AttendeeList, time_zone: ZoneInfo) -> Iterator[str]:
    """The list as rows: how far it is believed, every gate, people without a ticket, tickets."""
    yield row(CSV_COLUMNS) + "\n"
    stamp = _stamp(found.at_ms, time_zone)
    yield row(("as_of", "", warning(found), "", "", "", "", stamp, "")) + "\n"
    for contact in contacts(found, time_zone):
        yield row(("gate", "", contact.state, "", "", "", "", contact.last, contact.gate)) + "\n"
    for zone, people in found.without_ticket.items():
        yield row(("without_ticket", zone, "", "", "", "", people, stamp, "")) + "\n"
    for one in found.sorted:
        yield (
            row(("ticket", *one._replace(at_ms=None)[:6], _stamp(one.at_ms, time_zone), one.gate))
            + "\n"
        )


def as_json(found: AttendeeList, _time_zone: ZoneInfo) -> Iterator[str]:
    """The list as one JSON object; times are Unix milliseconds."""
    about = {
        "list": found.name,
        "at_ms": found.at_ms,
        "is_complete": found.is_complete,
        "unheard": found.unheard,
        "gates": [
            {"id": one.id, "name": one.name, "gate": one.gate, "state": one.state,
             "is_own": one.is_own, "heard_ago_ms": one.heard_ago_ms, "newest_ms": one.newest_ms}
            for one in found.devices
        ],
        "without_ticket": found.without_ticket,
    }  # fmt: skip
    yield json.dumps(about, ensure_ascii=False)[:-1] + ', "tickets": ['
    comma = "\n"
    for one in found.sorted:
        yield comma + json.dumps(one._asdict(), ensure_ascii=False)
        comma = ",\n"
    yield "\n]}\n"


def as_html(
    found: AttendeeList, time_zone: ZoneInfo, *, is_fallback: bool = False
) -> Iterator[str]:
    """The list as a page to print; a fallback list has a box to tick beside everybody."""
    yield _PAGE.format(title=_text(_(TITLES[found.name])), style=_STYLE)
    lines = head(found, time_zone)
    if text := warning(found):
        yield f"<p class=warning>{_text(text)}</p>"
        lines = lines[1:]
    yield f"<h1>{_text(lines[0])}</h1>" + "".join(f"<p>{_text(line)}</p>" for line in lines[1:])
    if is_fallback:
        yield f"<p>{_text(_fallback_words())}</p>"
    yield (
        "<p class=gates>"
        + "<br>".join(_text(line) for line in contact_lines(found, time_zone))
        + "</p>\n<table><thead><tr>"
    )
    yield "".join(f"<th>{_text(title)}</th>" for title in _headings(is_fallback=is_fallback))
    yield "</tr></thead><tbody>\n"
    for one in found.sorted:
        when = "" if one.at_ms is None else clock_time(one.at_ms, time_zone, near_ms=found.at_ms)
        box = ["☑" if when else "☐"] if is_fallback else []
        cells = [
            *box,
            one.zone,
            one.holder,
            one.seat,
            one.kind,
            one.ticket,
            one.people,
            when,
            one.gate,
        ]
        yield "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in cells) + "</tr>\n"
    yield "</tbody></table></body></html>\n"


FORMS: dict[Form, Callable[[AttendeeList, ZoneInfo], Iterator[str]]] = {
    "table": as_table,
    "csv": as_csv,
    "html": as_html,
    "json": as_json,
}

_PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>{title}</title><style>{style}</style></head><body>
"""
_STYLE = (
    "body{font:11pt sans-serif;margin:1em}h1{font-size:14pt;margin:0}p{margin:.2em 0}"
    "table{border-collapse:collapse;width:100%;margin-top:.5em}thead{display:table-header-group}"
    "tr{break-inside:avoid}td,th{border:1px solid #000;padding:.15em .4em;text-align:left}"
    ".warning{border:3px solid #000;padding:.4em;font-weight:bold}.gates{font-size:9pt}"
)


def _headings(*, is_fallback: bool) -> list[str]:
    box = [_("in")] if is_fallback else []
    return [
        *box, _("zone"), _("name"), _("seat"), _("ticket type"), _("ticket"), _("people"),
        _("time"), _("gate"),
    ]  # fmt: skip


def _fallback_words() -> str:
    return _(
        "Tick whoever comes in and write the time beside. Afterwards, at a gate: a file with a "
        "line for each tick, ticket and time (k3f9ab,19:42), and: gate import --paper FILE"
    )


def _people(people: int, name: ListName) -> str:
    if name == "admitted":
        return ngettext("{n} use", "{n} uses", people).format(n=people)
    return ngettext("{n} person", "{n} people", people).format(n=people)


def _line(one: Attendee, now_ms: int, time_zone: ZoneInfo) -> str:
    name = printable(one.holder, _NAME_CELLS) or "-"
    parts = [
        printable(one.seat, 20),
        printable(one.kind, 24),
        f"[{printable(one.ticket, 40)}]",
        "" if one.at_ms is None else clock_time(one.at_ms, time_zone, near_ms=now_ms),
        printable(one.gate, 24),
    ]
    padding = " " * max(0, _NAME_CELLS - cell_len(name))
    return f"{name}{padding} x{one.people}  " + " · ".join(part for part in parts if part)


def _heard_ms(device: Device, found: AttendeeList) -> int:
    """When it was last heard; 0 for never."""
    if device.is_own:
        return found.at_ms + 1
    if device.heard_ago_ms is not None:
        return found.at_ms - device.heard_ago_ms
    return device.newest_ms or 0


def _contact(device: Device, found: AttendeeList, time_zone: ZoneInfo) -> str:
    if device.is_own:
        return clock_time(found.at_ms, time_zone, seconds=True)
    if device.heard_ago_ms is not None:
        at_ms = found.at_ms - device.heard_ago_ms
        return clock_time(at_ms, time_zone, near_ms=found.at_ms, seconds=True)
    if device.newest_ms is None:
        return _("never")
    when = clock_time(device.newest_ms, time_zone, near_ms=found.at_ms, seconds=True)
    return _("by its newest entry {when}").format(when=when)


def _contact_line(contact: Contact) -> str:
    about = f"{contact.gate} ({contact.state})" if contact.state else contact.gate
    return _("{gate}: last heard {when}").format(gate=about, when=contact.last)


def _stamp(at_ms: int | None, time_zone: ZoneInfo) -> str:
    return "" if at_ms is None else clock_time(at_ms, time_zone, dated=True, seconds=True)


def _text(value: object) -> str:
    return html.escape(printable(str(value)))
