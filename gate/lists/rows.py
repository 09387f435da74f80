"""Rows of lists as ticket types and tickets state them, whatever the files are.

A file is known by what is in it. Types come before tickets, in whatever order the files are named.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gate.errors import ImportFault
from gate.i18n import _, ngettext
from gate.lists.charset import Charset, charset_of
from gate.lists.columns import NO_COLUMN, Layout, understand
from gate.lists.dates import Dates, DayOrder
from gate.lists.delimited import TextFile, delimited
from gate.lists.table import BadLine, Line, Table
from gate.lists.values import Values
from gate.lists.workbook import STARTS, sheets_of
from gate.storage.row_values import BadRow
from gate.storage.sqlite import faults

HEADER_WITHIN = 10
"""Of so many rows the first that says what its columns are is the header: titles stand above."""
_JSON_NAMES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, slots=True)
class Reading:
    """What somebody said about the files."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Headings by field, where they are called otherwise."""
    day_order: DayOrder | None = None
    charset: Charset | None = None


class ListRow(NamedTuple):
    """A row of a list."""

    where: str
    """File and line."""
    is_type: bool
    fields: dict[str, Any] | BadRow
    """What it states, by field, or what is wrong with it."""


@dataclass(slots=True)
class TicketList:
    """One table, understood; its rows are read as they are asked for."""

    name: str
    written: str
    is_types: bool
    """Whether its rows are ticket types; JSON Lines may mix them."""
    columns: list[tuple[str, str]]
    """What is taken of it, as heading and field; empty where every row has its own names."""
    left_out: list[str]
    """Headings that were not understood, as far as it was read."""
    rows: Iterator[ListRow]
    notes: list[str] = field(default_factory=list)
    """What of it may be meant otherwise, as far as it was read."""
    bytes_read: Callable[[], int] = int
    """How far it was read."""


def open_lists(paths: Sequence[Path], reading: Reading) -> list[TicketList]:
    """What there is in some files, ticket types first.

    Raises ImportFault for what is no list, StoreError for what cannot be read.
    """
    tables = list(chain.from_iterable(_open(path, reading) for path in paths))
    missing = [
        f"{name}={heading}"
        for name, heading in reading.columns.items()
        if heading != NO_COLUMN and not any(_has_heading(table, heading) for table in tables)
    ]
    if missing:
        raise ImportFault(
            _("there is no column {name}").format(name=", ".join(missing)),
            _("Columns: {names}").format(names=", ".join(_headings_of(tables))[:500]),
        )
    return sorted(tables, key=lambda table: not table.is_types)


def _has_heading(table: TicketList, heading: str) -> bool:
    shown = [column for column, _field_name in table.columns] + table.left_out
    return not shown or heading.casefold() in (column.casefold() for column in shown)


def _headings_of(tables: Sequence[TicketList]) -> list[str]:
    return [
        heading
        for table in tables
        for heading in [*(column for column, _name in table.columns), *table.left_out]
    ]


def is_json(path: Path) -> bool:
    """Whether a file has JSON objects, one a line. Raises StoreError."""
    start = _start(path)
    if start.startswith(STARTS):
        return False
    return path.suffix.casefold() in _JSON_NAMES or start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def tables_of(path: Path, charset: Charset | None) -> list[Table]:
    """The tables of a file that is no JSON. Raises ImportFault, StoreError."""
    if _start(path).startswith(STARTS):
        return sheets_of(path)
    return [delimited(path, charset)]


def _start(path: Path) -> bytes:
    with faults(path), path.open("rb") as file:
        return file.read(512)


def _open(path: Path, reading: Reading) -> list[TicketList]:
    if is_json(path):
        return [_json(path, reading)]
    opened = [_table(table, reading) for table in tables_of(path, reading.charset)]
    lists = [one for one in opened if isinstance(one, TicketList)]  # empty sheets are none
    faulty = [one for one in opened if isinstance(one, ImportFault)]
    if not lists and faulty:
        raise faulty[0]
    for fault in faulty:
        lists[0].notes.append(_("left out: {names}").format(names=fault.message))
    return lists


def _table(table: Table, reading: Reading) -> TicketList | ImportFault | None:
    """A table by its header; the fault is that it has none, unless there is nothing at all."""
    lines = iter(table)
    seen: list[Line] = []
    layout: Layout | None = None
    for line in lines:
        seen.append(line)
        if not isinstance(line.content, BadLine):
            headings = [str(cell) for cell in line.content]
            understood = understand(headings, reading.columns)
            if understood.says_who:
                layout = understood
                break
        if len(seen) >= HEADER_WITHIN:
            break
    if layout is None:
        return _no_header(table, seen) if seen else None
    opened = TicketList(
        name=table.name,
        written=table.written,
        is_types=layout.is_types,
        columns=[
            (heading, one.name)
            for heading, one in zip(layout.headings, layout.fields, strict=True)
            if one is not None
        ],
        left_out=list(layout.left_out),
        rows=iter(()),
        notes=table.notes,
        bytes_read=table.bytes_read,
    )
    opened.rows = _rows(opened, chain(_bad(seen), lines), layout, reading)
    return opened


def _bad(seen: Sequence[Line]) -> Iterator[Line]:
    return (line for line in seen if isinstance(line.content, BadLine))


def _no_header(table: Table, seen: Sequence[Line]) -> ImportFault:
    for line in seen:
        if isinstance(line.content, BadLine):
            return ImportFault(f"{table.name}:{line.number}: {line.content.reason}", "")
    first = next((line.content for line in seen if not isinstance(line.content, BadLine)), ())
    return ImportFault(
        _("{file}: no column says what a row is of: neither code nor name, nor kind").format(
            file=table.name
        ),
        _("Say which, like --map code=COLUMN. Columns: {names}").format(
            names=", ".join(str(cell) for cell in first)[:500]
        ),
    )


def _rows(
    opened: TicketList, lines: Iterator[Line], layout: Layout, reading: Reading
) -> Iterator[ListRow]:
    values = Values(Dates(reading.day_order))
    width = len(layout.fields)
    for number, content in lines:
        where = f"{opened.name}:{number}"
        if isinstance(content, BadLine):
            yield ListRow(where, layout.is_types, BadRow(content.reason))
            continue
        try:
            if len(content) < width or any(cell != "" for cell in content[width:]):
                raise _wrong_width(len(content), width)
            yield ListRow(where, layout.is_types, values.row(layout, content[:width]))
        except BadRow as bad:
            yield ListRow(where, layout.is_types, bad)
    _note_codes(opened, values)


def _wrong_width(found: int, wanted: int) -> BadRow:
    sentence = _("{found} columns where the first line has {wanted}")
    return BadRow(sentence.format(found=found, wanted=wanted))


def _note_codes(opened: TicketList, values: Values) -> None:
    if n := values.mended:
        sentence = ngettext(
            "{file}: {n} code that a spreadsheet had changed was mended",
            "{file}: {n} codes that a spreadsheet had changed were mended", n,
        )  # fmt: skip
        opened.notes.append(sentence.format(file=opened.name, n=n))
    if n := values.numbers:
        sentence = ngettext(
            "{file}: {n} code is kept as a number; if it began with zeros, those are gone",
            "{file}: {n} codes are kept as numbers; if any began with zeros, those are gone", n,
        )  # fmt: skip
        opened.notes.append(sentence.format(file=opened.name, n=n))


def _json(path: Path, reading: Reading) -> TicketList:
    charset = reading.charset or charset_of(path)
    written = f"JSON Lines, {charset.name}"
    opened = TicketList(path.name, written, is_types=False, columns=[], left_out=[], rows=iter(()))
    file = TextFile(path, charset.codec)
    opened.rows, opened.bytes_read = _json_rows(opened, file, reading), lambda: file.bytes_read
    return opened


def _json_rows(opened: TicketList, file: TextFile, reading: Reading) -> Iterator[ListRow]:
    values = Values(Dates(reading.day_order), is_spreadsheet=False)
    layout_of: Callable[[tuple[str, ...]], Layout] = lru_cache(maxsize=256)(
        lambda names: understand(names, reading.columns)
    )
    for text in file:
        if not text.strip("\ufeff \t\r\n"):
            continue
        where, is_type = f"{opened.name}:{file.number}", False
        try:
            row = row_of(text)
            layout = _layout_of(row, layout_of)
            is_type = layout.is_types
            for name in layout.left_out:
                if name not in opened.left_out:
                    opened.left_out.append(name)
            yield ListRow(where, is_type, values.row(layout, list(row.values())))
        except BadRow as bad:
            yield ListRow(where, is_type, bad)


def row_of(text: str) -> dict[str, Any]:
    """A line of JSON Lines. Raises BadRow."""
    try:
        row = msgspec.json.decode(text.lstrip("\ufeff"))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadRow(_("not JSON: {detail}").format(detail=error)) from error
    if not isinstance(row, dict):
        raise BadRow(_("not a JSON object"))
    return row


def _layout_of(row: Mapping[str, Any], layout_of: Callable[[tuple[str, ...]], Layout]) -> Layout:
    try:
        layout = layout_of(tuple(row))
    except ImportFault as fault:
        raise BadRow(fault.message) from fault
    if not layout.says_who:
        raise BadRow(_("neither a ticket type (kind) nor a ticket (code or name)"))
    return layout
