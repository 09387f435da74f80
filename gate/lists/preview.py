"""What a file looks like before it is taken in: its columns, what they are taken for, first rows.

Only its beginning is read. A table whose header says nothing is shown too: somebody may say which
column is which.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from gate.lists.charset import charset_of
from gate.lists.columns import Layout, understand
from gate.lists.delimited import TextFile
from gate.lists.rows import HEADER_WITHIN, Reading, is_json, row_of, tables_of
from gate.lists.table import BadLine, Table
from gate.storage.row_values import BadRow

SAMPLES = 3
_OBJECTS = 50
"""Rows of JSON Lines that are looked at for the names in them."""
_MOST_COLUMNS = 200
_LONGEST = 80
"""Characters of a cell that are shown."""


class Column(NamedTuple):
    """A column of a table."""

    heading: str
    field: str
    """What it is taken for, by the field's name; empty where it is left out."""
    samples: tuple[str, ...]
    """What stands in its first rows."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table, and what its columns are taken for."""

    name: str
    written: str
    is_types: bool
    says_who: bool
    """Whether a row says what it is of."""
    columns: tuple[Column, ...]


def preview(path: Path, reading: Reading) -> list[Sheet]:
    """The tables of a file. Raises ImportFault for what is no list, StoreError."""
    if is_json(path):
        return [_objects(path, reading)]
    tables = tables_of(path, reading.charset)
    return [found for table in tables if (found := _sheet(table, reading)) is not None]


def _sheet(table: Table, reading: Reading) -> Sheet | None:
    """``None`` where there is nothing in it."""
    lines = (line.content for line in table if not isinstance(line.content, BadLine))
    first = list(islice(lines, HEADER_WITHIN))
    if not first:
        return None
    layouts = [understand([str(cell) for cell in row], reading.columns) for row in first]
    said = next((n for n, layout in enumerate(layouts) if layout.says_who), None)
    # Titles stand above and have few cells: without a word that is known the widest is meant.
    header = max(range(len(first)), key=lambda n: _width(first[n])) if said is None else said
    rows = [*first[header + 1 :], *islice(lines, SAMPLES)][:SAMPLES]
    return _shown(table.name, table.written, layouts[header], rows)


def _objects(path: Path, reading: Reading) -> Sheet:
    charset = reading.charset or charset_of(path)
    rows = list(islice(_read(TextFile(path, charset.codec)), _OBJECTS))
    names = list(dict.fromkeys(name for row in rows for name in row))
    layout = understand(names, reading.columns)
    samples = [[row.get(name, "") for name in names] for row in rows[:SAMPLES]]
    return _shown(path.name, f"JSON Lines, {charset.name}", layout, samples)


def _read(file: TextFile) -> Iterator[dict[str, Any]]:
    for text in file:
        try:
            yield row_of(text)
        except BadRow:
            continue


def _shown(name: str, written: str, layout: Layout, rows: Sequence[Sequence[Any]]) -> Sheet:
    columns = tuple(
        Column(
            heading,
            "" if field is None else field.name,
            tuple(str(row[n])[:_LONGEST] if n < len(row) else "" for row in rows),
        )
        for n, (heading, field) in enumerate(zip(layout.headings, layout.fields, strict=True))
    )
    return Sheet(name, written, layout.is_types, layout.says_who, columns[:_MOST_COLUMNS])


def _width(row: Sequence[Any]) -> int:
    return sum(cell != "" for cell in row)
