"""Counts for people: issued, expected, admitted, inside, no-show, and what went on at each gate."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal
from zoneinfo import ZoneInfo

from rich.cells import cell_len

from gate.core import entry_codec
from gate.core.entry import WITHOUT_TICKET, Act, Entry
from gate.core.history import annulled
from gate.core.local_time import moment_of
from gate.core.outcome import Flag, Outcome
from gate.core.ticket import EXPECTED
from gate.core.verdict import HAND
from gate.errors import StoreError
from gate.i18n import _
from gate.storage.figures import fleet_figures, used_tickets
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.peers import is_half_made
from gate.storage.presence import people_without_ticket
from gate.storage.sqlite import row_faults
from gate.storage.tickets import Tickets
from gate.text.printable import printable
from gate.text.spreadsheet import row

Group = Literal["gate", "type", "outcome", "reason", "operator", "quarter"]
GROUPS: tuple[Group, ...] = ("gate", "type", "outcome", "reason", "operator", "quarter")
QUARTER_MINUTES = 15
NOBODY_PAID: Mapping[str, int] = MappingProxyType({})

_COLUMNS = {
    "gate": "gate",
    "type": "ticket_type",
    "outcome": "outcome",
    "reason": "reason",
    "operator": "operator",
    "quarter": f"minute / {QUARTER_MINUTES}",
}


@dataclass(frozen=True, slots=True)
class Overview:
    """The event in numbers, as far as this device knows."""

    issued: int = 0
    expected: int = 0
    """Issued and neither cancelled nor unclaimed."""
    used_tickets: int = 0
    """Tickets with an admission that stands."""
    no_show: int = 0
    admitted: int = 0
    """People; a group ticket admits several."""
    exited: int = 0
    inside: int = 0
    refused: int = 0
    annulled: int = 0
    without_ticket: int = 0
    """People inside who were counted at a door: crew, press, walk-ins. In ``inside`` too."""
    by_hand: int = 0
    """Scans of a code that a person typed; only where it was asked for."""
    paid_here: int = 0
    """Tickets that were paid for at a gate, likewise."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one group counts."""

    name: str
    scans: int
    admitted: int
    exited: int
    refused: int
    annulled: int


@dataclass(frozen=True, slots=True)
class Rates:
    """People through the lane in time."""

    last_minute: int
    last_quarter: int
    """In the last 15 minutes."""
    peak_quarter: int
    """Most in any 15 minutes of the clock so far."""
    peak_at_ms: int


def overview(folder: Folder) -> Overview:
    """The event in numbers, by this device. Without tickets or a journal the numbers are 0."""
    issued, expected = _census(folder)
    reader = _reader(folder)
    if reader is None:
        return Overview(issued=issued, expected=expected, no_show=expected)
    try:
        admitted, exited, annulled = _sums(reader.connection)
        refused = _refused(reader.connection)
        without = _without_ticket(reader.connection)
        used = reader.used_tickets()
    finally:
        reader.close()
    return Overview(
        issued=issued,
        expected=expected,
        used_tickets=used,
        no_show=max(0, expected - used),
        admitted=admitted,
        exited=exited,
        inside=admitted - exited,
        refused=refused,
        annulled=annulled,
        without_ticket=without,
    )


def in_full(numbers: Overview, folder: Folder, *, everywhere: bool = False) -> Overview:
    """The same with what only the entries tell. Reads every one of them: not for a screen."""
    query = f"SELECT count(*) FROM counted WHERE json_extract(body, '$.source') = '{HAND}'"
    rows = _tallied(folder, query, {}, everywhere=everywhere)
    paid = paid_here(folder, everywhere=everywhere)
    return replace(numbers, by_hand=sum(row[0] for row in rows), paid_here=sum(paid.values()))


def paid_here(folder: Folder, *, everywhere: bool = False) -> dict[str, int]:
    """How many tickets were paid for at a gate, by who took the money; what was undone is not.

    Reads every entry.
    """
    query = f"""
        SELECT body FROM counted
        WHERE act IN ('{Act.ADMISSION}', '{Act.ANNULMENT}') AND ticket IN (
            SELECT ticket FROM counted, json_each(body, '$.flags') AS flag
            WHERE flag.value = '{Flag.PAID_HERE}'
        )
    """
    of_ticket: dict[str, list[Entry]] = defaultdict(list)
    for entry in _entries(folder, query, everywhere=everywhere):
        of_ticket[entry.ticket].append(entry)
    takers: dict[tuple[str, str], None] = {}
    for entries in of_ticket.values():
        gone = annulled(entries)
        takers |= {
            (one.operator, one.ticket): None
            for one in entries
            if Flag.PAID_HERE in one.flags and one.name not in gone
        }
    return dict(sorted(Counter(operator for operator, _ticket in takers).items()))


def entries_with(folder: Folder, field: str) -> list[Entry]:
    """Entries of all journals that were heard about tickets of which one has a field.

    Reads every entry. Raises StoreError.
    """
    query = f"""
        SELECT body FROM counted WHERE act IN ('{Act.ADMISSION}', '{Act.ANNULMENT}') AND ticket IN (
            SELECT ticket FROM counted WHERE json_extract(body, '$.{field}') IS NOT NULL
        )
    """
    return _entries(folder, query, everywhere=True)


def venue_overview(folder: Folder, venue: Fleet, now_ms: int) -> Overview:
    """The event in numbers, by all devices that were heard: people inside are at least so many."""
    issued, expected = _census(folder)
    figures, used = fleet_figures(venue, now_ms), used_tickets(venue)
    return Overview(
        issued=issued,
        expected=expected,
        used_tickets=used,
        no_show=max(0, expected - used),
        admitted=figures.admitted,
        exited=figures.exited,
        inside=figures.admitted - figures.exited,
        refused=figures.refused,
        annulled=figures.annulled,
        without_ticket=sum(people_without_ticket(venue).values()),
    )


def grouped(
    folder: Folder, by: Group, time_zone: ZoneInfo, *, everywhere: bool = False
) -> list[Line]:
    """The counts of scans by one of their sides, in its order; here, or at all devices heard."""
    query = f"""
        SELECT {_COLUMNS[by]} AS name,
            sum(CASE WHEN outcome IN ({_texts(Outcome)}) THEN entries ELSE 0 END) AS scans,
            sum(admitted) AS admitted, sum(exited) AS exited,
            sum(CASE WHEN outcome = '{Outcome.REFUSE}' THEN entries ELSE 0 END) AS refused,
            sum(annulled) AS annulled
        FROM tally WHERE outcome IN ({_texts(Outcome)}, {_texts(sorted(WITHOUT_TICKET))})
        GROUP BY 1
    """
    counted: dict[Any, list[int]] = {}
    for side, *counts in _tallied(folder, query, {}, everywhere=everywhere):
        before = counted.get(side, [0] * len(counts))
        counted[side] = [a + b for a, b in zip(before, counts, strict=True)]
    titles = _titles(folder) if by == "type" else {}
    nameless = _("no ticket") if by == "type" else "-"
    lines = []
    for side in sorted(counted):
        name = str(side)
        if by == "quarter":
            at = moment_of(side * QUARTER_MINUTES * 60, time_zone)
            name = f"{at.day} {at.shown:%H:%M}"
        lines.append(Line(titles.get(name) or name or nameless, *counted[side]))
    return lines


def rates(folder: Folder, now_ms: int, *, everywhere: bool = False) -> Rates:
    """How fast people come in; here, or at all devices heard."""
    minute = now_ms // 60_000
    recent = _tallied(
        folder,
        "SELECT coalesce(sum(CASE WHEN minute >= :minute THEN admitted END), 0), "
        "coalesce(sum(admitted), 0) FROM tally WHERE minute > :since",
        {"minute": minute, "since": minute - QUARTER_MINUTES},
        everywhere=everywhere,
    )
    quarters: Counter[int] = Counter()
    query = f"SELECT minute / {QUARTER_MINUTES}, sum(admitted) FROM tally GROUP BY 1"
    for quarter, admitted in _tallied(folder, query, {}, everywhere=everywhere):
        quarters[quarter] += admitted
    best = min(quarters, key=lambda quarter: (-quarters[quarter], quarter), default=0)
    return Rates(
        last_minute=sum(row[0] for row in recent),
        last_quarter=sum(row[1] for row in recent),
        peak_quarter=quarters[best],
        peak_at_ms=best * QUARTER_MINUTES * 60_000,
    )


def _entries(folder: Folder, query: str, *, everywhere: bool) -> list[Entry]:
    """What a query for bodies finds."""
    return _tallied(
        folder, query, {}, everywhere=everywhere, read=lambda row: entry_codec.decode(row[0])
    )


def _tallied(
    folder: Folder,
    query: str,
    bound: dict[str, int],
    *,
    everywhere: bool,
    read: Callable[[Any], Any] = tuple,
) -> list[Any]:
    """What the counts of the journal, or of every journal that was heard, say."""
    rows: list[Any] = []
    for path in (folder.journal, folder.peers) if everywhere else (folder.journal,):
        if not path.exists():
            continue
        reader = JournalReader(path)
        try:
            with row_faults(path):
                rows += map(read, reader.connection.execute(query, bound))
        except StoreError as fault:
            if not (isinstance(fault.__cause__, sqlite3.Error) and is_half_made(fault.__cause__)):
                raise
        finally:
            reader.close()
    return rows


def as_table(
    numbers: Overview, groups: dict[str, list[Line]], paid: Mapping[str, int] = NOBODY_PAID
) -> str:
    """The report for a terminal; ``paid`` is what was paid for at the gates, by operator."""
    named = labels()
    lines = [columns(named[name], [value], 22) for name, value in _fields(numbers)]
    head = [named[n] for n in ("scans", "admitted", "exited", "refused", "annulled")]
    for group, found in groups.items():
        lines += ["", columns(named[group], head)]
        for line in found:
            counts = [line.scans, line.admitted, line.exited, line.refused, line.annulled]
            lines.append(columns(printable(line.name, 40), counts))
    if paid:
        lines += ["", columns(named["operator"], [named["paid_here"]])]
        lines += [columns(printable(name, 40) or "-", [count]) for name, count in paid.items()]
    return "\n".join(lines) + "\n"


def columns(name: str, cells: Sequence[object], width: int = 42) -> str:
    """A line of columns as wide as they look: ideographs take two cells."""
    padding = " " * (width - cell_len(name))
    return name + padding + "".join(" " * max(1, 10 - cell_len(str(c))) + str(c) for c in cells)


def as_csv(
    numbers: Overview, groups: dict[str, list[Line]], paid: Mapping[str, int] = NOBODY_PAID
) -> str:
    """The report as rows of (group, name, counted, value)."""
    rows: list[tuple[object, ...]] = [("group", "name", "counted", "value")]
    rows += [("event", "", name, value) for name, value in _fields(numbers)]
    for group, found in groups.items():
        for line in found:
            counted = [(name, value) for name, value in _fields(line) if name != "name"]
            rows += [(group, line.name, name, value) for name, value in counted]
    rows += [("operator", name or "-", "paid_here", count) for name, count in paid.items()]
    return "".join(f"{row(cells)}\n" for cells in rows)


def as_json(
    numbers: Overview, groups: dict[str, list[Line]], paid: Mapping[str, int] = NOBODY_PAID
) -> str:
    """The report as one JSON object."""
    values = {
        "event": dict(_fields(numbers)),
        **{group: [dict(_fields(line)) for line in found] for group, found in groups.items()},
        "paid_here": {name or "-": count for name, count in paid.items()},
    }
    return json.dumps(values, ensure_ascii=False, indent=2) + "\n"


def _fields(of: Overview | Line) -> Sequence[tuple[str, object]]:
    return [(name, getattr(of, name)) for name in of.__slots__]


def labels() -> dict[str, str]:
    """What the numbers are called."""
    return {
        "issued": _("issued"),
        "expected": _("expected"),
        "used_tickets": _("tickets used"),
        "no_show": _("no-show"),
        "admitted": _("admitted"),
        "exited": _("gone out"),
        "inside": _("inside now"),
        "refused": _("refused"),
        "annulled": _("annulled"),
        "without_ticket": _("without a ticket"),
        "by_hand": _("typed by hand"),
        "paid_here": _("paid here"),
        "scans": _("scans"),
        "gate": _("gate"),
        "type": _("ticket type"),
        "outcome": _("outcome"),
        "reason": _("reason"),
        "operator": _("operator"),
        "quarter": _("quarter of an hour"),
    }


def _census(folder: Folder) -> tuple[int, int]:
    """How many tickets were issued, and how many of them are expected."""
    if not folder.pointer.exists():
        return 0, 0
    issued = expected = 0
    tickets = Tickets(folder)
    for line in tickets.census():
        issued += line.tickets
        expected += line.tickets if line.status in EXPECTED else 0
    tickets.close()
    return issued, expected


def _titles(folder: Folder) -> dict[str, str]:
    if not folder.pointer.exists():
        return {}
    tickets = Tickets(folder)
    titles = {kind.id: kind.title for kind in tickets.types()}
    tickets.close()
    return titles


def _reader(folder: Folder) -> JournalReader | None:
    return JournalReader(folder.journal) if folder.journal.exists() else None


def _texts(words: Iterable[str]) -> str:
    """Words as SQL takes them in a list."""
    return ", ".join(f"'{word}'" for word in words)


def _sums(connection: sqlite3.Connection) -> tuple[int, int, int]:
    row = connection.execute(
        "SELECT coalesce(sum(admitted), 0), coalesce(sum(exited), 0), coalesce(sum(annulled), 0) "
        "FROM tally"
    ).fetchone()
    return row[0], row[1], row[2]


def _without_ticket(connection: sqlite3.Connection) -> int:
    query = (
        "SELECT coalesce(sum(admitted - exited), 0) FROM tally "
        f"WHERE outcome IN ({_texts(sorted(WITHOUT_TICKET))})"
    )
    return int(connection.execute(query).fetchone()[0])


def _refused(connection: sqlite3.Connection) -> int:
    row = connection.execute(
        "SELECT coalesce(sum(entries), 0) FROM tally WHERE outcome = ?", (Outcome.REFUSE,)
    ).fetchone()
    return int(row[0])
