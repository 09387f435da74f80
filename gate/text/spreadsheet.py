"""Rows for a spreadsheet: every CSV that is exported is made of these.

A spreadsheet takes a cell that begins like a formula for one, and runs it; what strangers
wrote must not begin so (OWASP, CSV injection). A program that reads the file takes one leading
apostrophe off.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable

from gate.text.printable import printable

_FORMULA = frozenset("=+-@")
_LONGEST = 32_767
"""Characters in a cell of a spreadsheet."""


def row(cells: Iterable[object]) -> str:
    """One row of CSV, without its line end. Numbers stay numbers; ``None`` is an empty cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([_cell(one) for one in cells])
    return out.getvalue()


def _cell(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    # Full-width signs are taken for the others; a tab or line break before one is passed over.
    first = unicodedata.normalize("NFKC", text).lstrip()[:1]
    is_formula = first in _FORMULA or text[:1] in "\t\r\n"
    shown = printable(text, _LONGEST)
    return f"'{shown}" if text and is_formula else shown
