"""Workbooks of Excel and LibreOffice: their sheets as tables."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from gate.errors import ImportFault
from gate.i18n import _
from gate.lists.table import Cell, Line, OnlyTime, Table
from gate.storage.sqlite import faults

STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""First bytes of .xlsx and .ods, and of .xls."""
MAX_BYTES = 512 * 1024 * 1024
"""Most that a workbook may have unpacked: it is read as a whole."""
_READER = "gate.lists.sheet_reader"


def sheets_of(path: Path) -> list[Table]:
    """Its visible sheets. Raises ImportFault for what is no workbook."""
    with faults(path):
        _check_size(path)
    names = [msgspec.json.decode(line, type=str) for line in _read(path)]
    if len(names) == 1:
        return [Table(path.name, _("a workbook"), _rows(path, names[0]))]
    return [
        Table(f"{path.name}:{name}", _("a sheet of a workbook"), _rows(path, name))
        for name in names
    ]


def _rows(path: Path, sheet: str) -> Iterator[Line]:
    for line in _read(path, sheet):
        number, cells = msgspec.json.decode(line)
        yield Line(number, [_cell(written) for written in cells])


def _cell(written: Any) -> Cell:
    if not isinstance(written, dict):
        return written  # type: ignore[no-any-return]
    ((kind, text),) = written.items()
    if kind == "datetime":
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if kind == "date" else OnlyTime(text)


def _read(path: Path, *sheet: str) -> Iterator[bytes]:
    """What the reader in its own process says of a workbook. Raises ImportFault."""
    with subprocess.Popen(  # noqa: S603  our own module, and no shell
        [sys.executable, "-m", _READER, str(path.absolute()), *sheet],
        cwd=Path(__file__).parents[2],  # where modules are looked for first
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stderr is not None
        try:
            yield from reader.stdout
            # The library tells at length where its memory ended; that fits into the pipe.
            reason = reader.stderr.read().decode("utf-8", "replace")
        finally:
            reader.kill()
    if reader.returncode == 1:
        raise ImportFault(
            _("{file}: cannot be read as a workbook: {detail}").format(
                file=path.name, detail=reason
            ),
            _("Without a password? Save it again as .xlsx, or as CSV."),
        )
    if reader.returncode:
        raise _too_large(path)


def _check_size(path: Path) -> None:
    """Raises ImportFault for what would not fit into memory."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
    if unpacked > MAX_BYTES:
        raise _too_large(path)


def _too_large(path: Path) -> ImportFault:
    return ImportFault(
        _("{file}: too large for a workbook").format(file=path.name), _("Save it as CSV.")
    )
