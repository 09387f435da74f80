"""What a file is: a table of cells, whatever program has written it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class OnlyTime:
    """A time of day in a workbook, of no day."""

    text: str

    def __str__(self) -> str:
        return self.text


Cell = str | int | float | bool | date | datetime | OnlyTime
"""Text files have texts; workbooks tell numbers and dates apart from them."""


class BadLine(NamedTuple):
    """What is wrong with one line, in words."""

    reason: str


class Line(NamedTuple):
    """One row, and where it is."""

    number: int
    """As editors and spreadsheets count."""
    content: Sequence[Cell] | BadLine


@dataclass(slots=True)
class Table:
    """A sheet: its name, what was found out about how it was written, and its rows."""

    name: str
    """The file's, and the sheet's where a file has several."""
    written: str
    """How it was written, for people: ``semicolons, Windows-1252``."""
    lines: Iterable[Line]
    """Every row that is not empty, once; the header among them."""
    notes: list[str] = field(default_factory=list)
    """What of that is not certain."""
    bytes_read: Callable[[], int] = int
    """How far it was read."""

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)
