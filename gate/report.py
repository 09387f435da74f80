"""Counts for people: issued, expected, admitted, inside, no-show, and what went on at each gate."""

import csv
import io
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from sqlite_utils import Database

from gate.domain.model import Outcome, Status
from gate.language import _
from gate.store.folder import Folder
from gate.store.journal import JournalReader
from gate.store.sqlite import faults
from gate.store.tickets import Tickets
from gate.words import printable

GROUPS = ("gate", "type", "outcome", "reason", "operator", "quarter")
Group = Literal["gate", "type", "outcome", "reason", "operator", "quarter"]
QUARTER_MINUTES = 15

_EXPECTED = (Status.NORMAL, Status.CONSUMED, Status.GIFTING)
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
    """The event in numbers. Without tickets or a journal the numbers are 0."""
    issued = expected = 0
    tickets = Tickets(folder) if folder.pointer.exists() else None
    for line in tickets.census() if tickets else ():
        issued += line.tickets
        expected += line.tickets if line.status in _EXPECTED else 0
    if tickets:
        tickets.close()
    reader = _reader(folder)
    if reader is None:
        return Overview(issued=issued, expected=expected, no_show=expected)
    try:
        admitted, exited, annulled = _sums(reader.connection)
        refused = _refused(reader.connection)
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
    )


def grouped(folder: Folder, by: Group, time_zone: ZoneInfo) -> list[Line]:
    """The counts of scans by one of their sides, in its order."""
    reader = _reader(folder)
    if reader is None:
        return []
    query = f"""
        SELECT {_COLUMNS[by]} AS name, sum(entries) AS scans, sum(admitted) AS admitted,
            sum(exited) AS exited,
            sum(CASE WHEN outcome = '{Outcome.REFUSE}' THEN entries ELSE 0 END) AS refused,
            sum(annulled) AS annulled
        FROM tally WHERE outcome IN ({", ".join(f"'{outcome}'" for outcome in Outcome)})
        GROUP BY 1 ORDER BY 1
    """
    try:
        with faults(folder.journal):
            rows = list(Database(reader.connection).query(query))
    finally:
        reader.close()
    titles = _titles(folder) if by == "type" else {}
    lines = []
    for row in rows:
        name = str(row.pop("name"))
        if by == "quarter":
            moment = datetime.fromtimestamp(int(name) * QUARTER_MINUTES * 60, time_zone)
            name = moment.strftime("%Y-%m-%d %H:%M")
        lines.append(Line(name=titles.get(name) or name or "-", **row))
    return lines


def rates(folder: Folder, now_ms: int) -> Rates:
    """How fast people come in."""
    reader = _reader(folder)
    if reader is None:
        return Rates(0, 0, 0, 0)
    minute = now_ms // 60_000
    try:
        with faults(folder.journal):
            recent = reader.connection.execute(
                "SELECT coalesce(sum(CASE WHEN minute >= :minute THEN admitted END), 0), "
                "coalesce(sum(admitted), 0) FROM tally WHERE minute > :since",
                {"minute": minute, "since": minute - QUARTER_MINUTES},
            ).fetchone()
            peak = reader.connection.execute(
                f"SELECT sum(admitted), minute / {QUARTER_MINUTES} FROM tally "
                "GROUP BY 2 ORDER BY 1 DESC, 2 LIMIT 1"
            ).fetchone() or (0, 0)
    finally:
        reader.close()
    peak_at_ms = peak[1] * QUARTER_MINUTES * 60_000
    return Rates(recent[0], recent[1], peak[0], peak_at_ms)


def as_table(numbers: Overview, groups: dict[str, list[Line]]) -> str:
    """The report for a terminal."""
    labels = _labels()
    lines = [_row(labels[name], [value], 22) for name, value in _fields(numbers)]
    head = [labels[n] for n in ("scans", "admitted", "exited", "refused", "annulled")]
    for group, found in groups.items():
        lines += ["", _row(labels[group], head)]
        for line in found:
            counts = [line.scans, line.admitted, line.exited, line.refused, line.annulled]
            lines.append(_row(printable(line.name, 40), counts))
    return "\n".join(lines) + "\n"


def _row(name: str, cells: Sequence[object], width: int = 42) -> str:
    """A line of columns as wide as they look: ideographs take two cells."""
    padding = " " * (width - cell_len(name))
    return name + padding + "".join(" " * (10 - cell_len(str(c))) + str(c) for c in cells)


def as_csv(numbers: Overview, groups: dict[str, list[Line]]) -> str:
    """The report as rows of (group, name, counted, value)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["group", "name", "counted", "value"])
    writer.writerows(["event", "", name, value] for name, value in _fields(numbers))
    for group, found in groups.items():
        for line in found:
            for name, value in _fields(line):
                if name != "name":
                    writer.writerow([group, line.name, name, value])
    return out.getvalue()


def as_json(numbers: Overview, groups: dict[str, list[Line]]) -> str:
    """The report as one JSON object."""
    told = {
        "event": dict(_fields(numbers)),
        **{group: [dict(_fields(line)) for line in found] for group, found in groups.items()},
    }
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def _fields(of: Overview | Line) -> Sequence[tuple[str, object]]:
    return [(name, getattr(of, name)) for name in of.__slots__]


def _labels() -> dict[str, str]:
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
        "scans": _("scans"),
        "gate": _("gate"),
        "type": _("ticket type"),
        "outcome": _("outcome"),
        "reason": _("reason"),
        "operator": _("operator"),
        "quarter": _("quarter of an hour"),
    }


def _titles(folder: Folder) -> dict[str, str]:
    if not folder.pointer.exists():
        return {}
    tickets = Tickets(folder)
    titles = {kind.id: kind.title for kind in tickets.types()}
    tickets.close()
    return titles


def _reader(folder: Folder) -> JournalReader | None:
    return JournalReader(folder.journal) if folder.journal.exists() else None


def _sums(connection: sqlite3.Connection) -> tuple[int, int, int]:
    row = connection.execute(
        "SELECT coalesce(sum(admitted), 0), coalesce(sum(exited), 0), coalesce(sum(annulled), 0) "
        "FROM tally"
    ).fetchone()
    return row[0], row[1], row[2]


def _refused(connection: sqlite3.Connection) -> int:
    row = connection.execute(
        "SELECT coalesce(sum(entries), 0) FROM tally WHERE outcome = ?", (Outcome.REFUSE,)
    ).fetchone()
    return int(row[0])
