"""Reads a workbook in a process of its own, and writes its rows as lines of JSON.

    python -m gate.lists.sheet_reader FILE            the visible sheets, by name
    python -m gate.lists.sheet_reader FILE SHEET      the rows of one

A file of 5 kB may have a cell in its last row and column, and so ask for more memory than there
is: what would end the process ends this one, within bounds.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

MEMORY = 2 * 1024**3
"""Bytes of address space at most."""
CPU_S = 120


def main(arguments: list[str]) -> int:
    """Write what was asked for; the exit code is 1 with a reason where the file is no workbook."""
    _bound()
    try:
        book = CalamineWorkbook.from_path(arguments[0])
        lines = _rows(book, arguments[1]) if len(arguments) > 1 else _visible(book)
        for line in lines:
            sys.stdout.buffer.write(msgspec.json.encode(line, enc_hook=str) + b"\n")
    except (CalamineError, ValueError) as error:
        sys.stderr.write(str(error)[:300])
        return 1
    return 0


def _bound() -> None:
    with suppress(ImportError):  # Windows has none
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _visible(book: CalamineWorkbook) -> Iterator[str]:
    return (
        sheet.name for sheet in book.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible
    )


def _rows(book: CalamineWorkbook, name: str) -> Iterator[tuple[int, list[Any]]]:
    # They come from the sheet's first row on, whether or not there is anything in it.
    for number, cells in enumerate(book.get_sheet_by_name(name).iter_rows(), 1):
        if any(cell != "" for cell in cells):
            yield number, [_written(cell) for cell in cells]


def _written(cell: Any) -> Any:
    """A cell in JSON: what is no text, number or truth by its kind and its text."""
    if isinstance(cell, datetime):
        return {"datetime": cell.isoformat()}
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    if isinstance(cell, (time, timedelta)):
        return {"time": str(cell)}
    return cell


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
