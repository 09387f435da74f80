"""An entry of a journal as a line: for people, or a row for a spreadsheet."""

from collections.abc import Mapping
from typing import Literal
from zoneinfo import ZoneInfo

from gate.core.entry import Entry
from gate.core.local_time import moment_of
from gate.core.verdict import HAND
from gate.text.printable import printable
from gate.text.spreadsheet import row
from gate.text.times import clock_time

CSV_COLUMNS = (
    "name", "time", "act", "outcome", "reason", "ticket", "ticket_type", "code", "gate", "zone",
    "direction", "operator", "uses", "persons", "flags", "target", "count", "note", "source",
    "symbology", "basis", "basis_age_ms", "trusted", "covers", "server_ahead_ms", "server_error_ms",
    "prev", "answered", "answers",
)  # fmt: skip


def line(
    entry: Entry,
    form: Literal["text", "csv"],
    time_zone: ZoneInfo,
    answers: Mapping[str, str] | None = None,
) -> str:
    """One entry for people or a spreadsheet, without its line end.

    ``answers``: what was answered, by the ids of questions; only a spreadsheet has it.
    """
    if form == "csv":
        values = {**_as_json(entry), "name": entry.name, "time": _moment(entry, time_zone)}
        values["flags"] = " ".join(entry.flags)
        values["answered"] = " ".join(entry.answered)
        values["answers"] = "|".join(f"{id_}={said}" for id_, said in (answers or {}).items())
        values["covers"] = " ".join(entry.covers)
        return row(values.get(column) for column in CSV_COLUMNS)
    parts = [
        clock_time(entry.at_ms, time_zone, dated=True, seconds=True),
        f"{(entry.outcome or entry.act).upper():<10}",
        entry.reason or "",
        entry.ticket or (f"code#{entry.code[:8]}" if entry.code else ""),
        f"x{entry.persons}" if entry.persons > 1 else "",
        "typed" if entry.source == HAND else "",
        f"again x{entry.count}" if entry.count else "",
        entry.gate,
        entry.operator,
        *entry.flags,
        entry.target,
        f'"{entry.note}"' if entry.note else "",
        f"#{entry.seq}",
    ]
    return " ".join(printable(part) for part in parts if part)


def _moment(entry: Entry, time_zone: ZoneInfo) -> str:
    at = moment_of(entry.at_ms // 1000, time_zone)
    return f"{at.day} {at.shown:%H:%M:%S}"


def _as_json(entry: Entry) -> dict[str, object]:
    return {
        name: value
        for name in entry.__slots__
        if (value := getattr(entry, name)) not in (None, "", ())
    }
