"""Codes as spreadsheets and copying leave them: mended where nothing is lost, else refused.

A code that is no longer what is printed on the ticket would refuse its guest at the door.
"""

import re
import unicodedata

from gate.credential import FRAMING
from gate.i18n import _
from gate.storage.row_values import BadRow

_EXACT_DIGITS = 15
"""So many digits a spreadsheet's number keeps."""
_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
_WHOLE = re.compile(r"(\d+)[.,]0", re.ASCII)
_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?E\+(\d{2,3})", re.ASCII | re.IGNORECASE)
_GROUP_SEPARATOR = "\x1d"
"""Part of GS1 codes, which scanners type."""


def mended(cell: object) -> tuple[str, bool]:
    """The code in a cell of a spreadsheet, and whether it had to be mended. Raises BadRow."""
    if isinstance(cell, bool) or not isinstance(cell, (str, int, float)):
        raise BadRow(_("code {found} is no text; format the column as text").format(found=cell))
    if isinstance(cell, (int, float)):
        return _of_number(cell), False
    code = _visible(cell)
    if formula := _FORMULA.fullmatch(code):
        code = _visible(formula[1].replace('""', '"'))
    elif code.startswith("'") and code[1:2].isalnum() and "'" not in code[1:]:
        code = _visible(code[1:])
    elif whole := _WHOLE.fullmatch(code):
        code = _whole(whole[1], code)
    elif scientific := _SCIENTIFIC.fullmatch(code):
        code = _of_scientific(scientific, code)
    return checked(code), code != cell


def checked(code: str) -> str:
    """The code, if a scanner can send it. Raises BadRow."""
    within = code.strip(FRAMING)
    if not within.isprintable() and any(
        unicodedata.category(sign) == "Cc" and sign != _GROUP_SEPARATOR for sign in within
    ):
        raise BadRow(_("code {found!r} has a line break or tab in it").format(found=code[:40]))
    return code


def _visible(code: str) -> str:
    """Without what nobody can see: around it, and signs without a shape within it."""
    code = code.strip(FRAMING)
    if code.isascii():
        return code
    shown = (sign for sign in code if unicodedata.category(sign) != "Cf")
    return "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in shown)


def _of_number(number: float) -> str:
    text = f"{number:.0f}"
    if number < 0 or number != int(number):
        raise BadRow(_("code {found} is a number with a fraction").format(found=number))
    return _whole(text, text)


def _whole(digits: str, found: str) -> str:
    if len(digits) > _EXACT_DIGITS:
        raise BadRow(
            _("code {found} was a number in a spreadsheet, which keeps only 15 digits").format(
                found=found[:40]
            )
        )
    return digits


def _of_scientific(match: re.Match[str], found: str) -> str:
    digits = match[1] + (match[2] or "")
    if len(digits) != int(match[3]) + 1:
        lost = _("code {found} has lost its digits; format the column as text and enter it again")
        raise BadRow(lost.format(found=found[:40]))
    return _whole(digits, found)
