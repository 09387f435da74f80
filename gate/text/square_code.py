"""A QR code for a camera or a scanner: on a terminal, or as a picture."""

import io

import segno

QUIET = 4
"""Light modules around it, as its standard asks."""
_BLOCKS = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
_DARK_ON_LIGHT, _PLAIN = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
_BLANKS = ("\x1b[107m  ", "\x1b[40m  ")
_SCALE = 10
"""Pixels a module has in a picture."""


def square(text: str, *, halves: bool = True) -> str:
    """The code in lines, dark on light whatever the terminal's colours.

    Two rows of modules a line, or, where the font has no half blocks, a row in coloured blanks.
    """
    rows = [tuple(map(bool, row)) for row in _made(text).matrix_iter(border=QUIET)]
    if not halves:
        return "".join("".join(_BLANKS[dark] for dark in row) + f"{_PLAIN}\n" for row in rows)
    if len(rows) % 2:
        rows.append((False,) * len(rows[0]))
    lines = []
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        blocks = "".join(_BLOCKS[pair] for pair in zip(upper, lower, strict=True))
        lines.append(f"{_DARK_ON_LIGHT}{blocks}{_PLAIN}\n")
    return "".join(lines)


def size(text: str, *, halves: bool = True) -> tuple[int, int]:
    """Columns and lines that the code takes."""
    modules = int(_made(text).symbol_size(border=QUIET)[0])
    return (modules, -(-modules // 2)) if halves else (2 * modules, modules)


def picture(text: str) -> bytes:
    """The code as a PNG file."""
    out = io.BytesIO()
    _made(text).save(out, kind="png", scale=_SCALE, border=QUIET)
    return out.getvalue()


def _made(text: str) -> segno.QRCode:
    # More correction than "l" comes by itself where the size leaves room for it.
    return segno.make_qr(text, error="l")
