"""Text with one row a line: which sign stands between its cells, and what is in them."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from gate.errors import ImportFault
from gate.i18n import N_, _
from gate.lists.charset import Charset, charset_of, name_of
from gate.lists.table import BadLine, Line, Table
from gate.storage.sqlite import faults

MAX_LINE = 1024 * 1024
"""Longest line, in characters."""
_DELIMITERS = {",": N_("commas"), ";": N_("semicolons"), "\t": N_("tabs")}
_LOOKED_AT = 10
"""By so many lines the sign between cells is found."""
_DAMAGED = "\ufffd"


class TextFile:
    """Lines of a text file, bounded in length, and how far it was read."""

    def __init__(self, path: Path, codec: str) -> None:
        self.path = path
        self._codec = codec
        self.number = 0
        """Of the line that was read last."""
        self.bytes_read = 0
        """About how many bytes that took."""

    def __iter__(self) -> Iterator[str]:
        self.number = 0
        with (
            faults(self.path),
            self.path.open("rb") as raw,
            io.TextIOWrapper(raw, self._codec, errors="replace", newline="") as text,
        ):
            while line := text.readline(MAX_LINE + 1):
                self.number += 1
                if self.number % 1000 == 0:
                    self.bytes_read = raw.tell()
                if len(line) > MAX_LINE:
                    raise ImportFault(
                        _("line {line} is longer than {limit} bytes").format(
                            line=self.number, limit=MAX_LINE
                        ),
                        _("Is this a CSV or JSON Lines file?"),
                    )
                yield line


def delimited(path: Path, charset: Charset | None = None) -> Table:
    """A CSV file as a table. Raises ImportFault, StoreError."""
    found = charset or charset_of(path)
    file = TextFile(path, found.codec)
    first = list(islice((line for line in file if line.strip()), _LOOKED_AT))
    stated = _stated(first[0]) if first else ""
    delimiter = stated or _delimiter_of(first)
    table = Table(
        path.name,
        ", ".join([_(_DELIMITERS.get(delimiter, delimiter)), found.name]),
        _rows(file, delimiter, found, skips_first=bool(stated)),
        bytes_read=lambda: file.bytes_read,
    )
    if found.rivals:
        sentence = _("{file}: read as {charset}; if names look wrong, say --charset {others}")
        others = "|".join(found.rivals)
        table.notes.append(sentence.format(file=path.name, charset=found.name, others=others))
    return table


def _stated(line: str) -> str:
    """The delimiter of a first line such as ``sep=;``."""
    text = line.strip("\r\n\"' \ufeff")
    return text[4] if len(text) == 5 and text[:4].casefold() == "sep=" else ""


def _delimiter_of(lines: Sequence[str]) -> str:
    """The one that makes most cells of the first lines: those of a title have few."""

    def cells(delimiter: str) -> int:
        try:
            return sum(map(len, csv.reader(lines, delimiter=delimiter)))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=cells)


def _rows(file: TextFile, delimiter: str, charset: Charset, *, skips_first: bool) -> Iterator[Line]:
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(file.number, BadLine(_("not CSV: {detail}").format(detail=error)))
            continue
        if skips_first and any(cells):
            skips_first = False
        elif any(_DAMAGED in cell for cell in cells):
            sentence = _("not {charset}: {text}").format(
                charset=name_of(charset.codec), text=delimiter.join(cells)[:40]
            )
            yield Line(file.number, BadLine(sentence))
        elif any(cells):
            yield Line(file.number, cells)
