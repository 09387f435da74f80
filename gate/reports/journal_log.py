"""The journal for people and programs, filtered, followed.

Text and CSV are for reading; JSON Lines are the entries byte for byte as they are hashed.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from gate.core import entry_codec
from gate.core.entry import Entry
from gate.core.local_time import moment_of
from gate.core.verdict import HAND
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.sqlite import faults
from gate.text.printable import printable
from gate.text.spreadsheet import row
from gate.text.times import clock_time

Format = Literal["text", "csv", "jsonl"]
PAGE = 500
FOLLOW_EVERY_S = 0.25
CSV_COLUMNS = (
    "name", "time", "act", "outcome", "reason", "ticket", "ticket_type", "code", "gate", "zone",
    "direction", "operator", "uses", "persons", "flags", "target", "count", "note", "source",
    "symbology", "basis", "basis_age_ms", "trusted", "covers", "server_ahead_ms", "server_error_ms",
    "prev",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted; empty means all."""

    outcome: str = ""
    reason: str = ""
    act: str = ""
    ticket: str = ""
    gate: str = ""
    operator: str = ""
    since_ms: int | None = None
    until_ms: int | None = None

    def wants(self, entry: Entry) -> bool:
        """Whether the entry is one of them."""
        for name in ("outcome", "reason", "act", "ticket", "gate", "operator"):
            wanted = getattr(self, name)
            if wanted and (getattr(entry, name) or "") != wanted:
                return False
        if self.since_ms is not None and entry.at_ms < self.since_ms:
            return False
        return self.until_ms is None or entry.at_ms < self.until_ms


def lines(
    folder: Folder,
    wanted: Filter,
    form: Format,
    time_zone: ZoneInfo,
    *,
    follow: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """The entries as lines, oldest first; with ``follow``, new ones as they are written."""
    if form == "csv":
        yield row(CSV_COLUMNS)
    last = 0
    reader: JournalReader | None = None
    try:
        while True:
            if reader is None and folder.journal.exists():
                reader = JournalReader(folder.journal)
            page = reader.bodies(after=last, limit=PAGE) if reader else []
            for last, body in page:  # noqa: B007  the last row is where the next page begins
                with faults(folder.journal):
                    entry = entry_codec.decode(body)
                if wanted.wants(entry):
                    yield body if form == "jsonl" else line(entry, form, time_zone)
            if not page:
                if not follow:
                    return
                sleep(FOLLOW_EVERY_S)
    finally:
        if reader:
            reader.close()


def line(entry: Entry, form: Literal["text", "csv"], time_zone: ZoneInfo) -> str:
    """One entry for people or a spreadsheet, without its line end."""
    if form == "csv":
        values = {**_as_json(entry), "name": entry.name, "time": _moment(entry, time_zone)}
        values["flags"] = " ".join(entry.flags)
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
