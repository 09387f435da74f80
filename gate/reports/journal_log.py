"""The journal for people and programs, filtered, followed.

Text and CSV are for reading; JSON Lines are the entries byte for byte as they are hashed.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

from gate.core import entry_codec
from gate.core.entry import Entry
from gate.credential.sealed_answers import open_answers
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.replica_reader import event_key
from gate.storage.sqlite import faults
from gate.text.journal_lines import CSV_COLUMNS, line
from gate.text.spreadsheet import row

Format = Literal["text", "csv", "jsonl"]
PAGE = 500
FOLLOW_EVERY_S = 0.25


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
    opened = partial(_answers, key=event_key(folder) if form == "csv" else b"")
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
                    yield body if form == "jsonl" else line(entry, form, time_zone, opened(entry))
            if not page:
                if not follow:
                    return
                sleep(FOLLOW_EVERY_S)
    finally:
        if reader:
            reader.close()


def _answers(entry: Entry, key: bytes) -> dict[str, str]:
    return open_answers(key, entry.ticket, entry.answers) if key and entry.answers else {}
