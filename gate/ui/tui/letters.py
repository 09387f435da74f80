"""Words and shapes large enough to read from three metres, in block characters.

Letters are 5x7 pixels of our own, those under an accent 5x5 below its two rows; the ideographs are
15x14 pixels, most of them drawn from WenQuanYi Micro Hei (Apache-2.0). A word with a character that
is not here is simply written, not drawn; so is one that would take half a cell where the terminal's
font has no such blocks.
"""

import unicodedata
from collections.abc import Sequence

from gate.core.outcome import Outcome

Pixels = Sequence[Sequence[bool]]

_LATIN = {
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "C": "01111 10000 10000 10000 10000 10000 01111",
    "D": "11110 10001 10001 10001 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "F": "11111 10000 10000 11110 10000 10000 10000",
    "G": "01111 10000 10000 10011 10001 10001 01111",
    "H": "10001 10001 10001 11111 10001 10001 10001",
    "I": "11111 00100 00100 00100 00100 00100 11111",
    "J": "00111 00010 00010 00010 00010 10010 01100",
    "K": "10001 10010 10100 11000 10100 10010 10001",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    "N": "10001 11001 11101 10111 10011 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "P": "11110 10001 10001 11110 10000 10000 10000",
    "Q": "01110 10001 10001 10001 10101 10010 01101",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "U": "10001 10001 10001 10001 10001 10001 01110",
    "V": "10001 10001 10001 10001 01010 01010 00100",
    "W": "10001 10001 10001 10101 10101 11011 10001",
    "X": "10001 01010 01010 00100 01010 01010 10001",
    "Y": "10001 10001 01010 00100 00100 00100 00100",
    "Z": "11111 00001 00010 00100 01000 10000 11111",
    "Ç": "01111 10000 10000 10000 01111 00100 01100",
    "Œ": "01111 10100 10100 10111 10100 10100 01111",
    "ß": "01110 10001 10001 10110 10001 10001 10110",
    "¡": "00100 00000 00100 00100 00100 00100 00100",
    "¿": "00100 00000 00100 01000 10000 10001 01110",
    "!": "00100 00100 00100 00100 00100 00000 00100",
    "?": "01110 10001 00001 00010 00100 00000 00100",
    "'": "00100 00100 01000 00000 00000 00000 00000",
    "’": "00100 00100 01000 00000 00000 00000 00000",
    "-": "00000 00000 00000 01110 00000 00000 00000",
}

_LOW = {
    "A": "01110 10001 11111 10001 10001",
    "E": "11111 10000 11110 10000 11111",
    "I": "11111 00100 00100 00100 11111",
    "N": "10001 11001 10101 10011 10001",
    "O": "01110 10001 10001 10001 01110",
    "U": "10001 10001 10001 10001 01110",
}
"""Those that an accent stands above."""

_ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "01000 00100",
    "\N{COMBINING ACUTE ACCENT}": "00010 00100",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "00100 01010",
    "\N{COMBINING TILDE}": "01101 10110",
    "\N{COMBINING DIAERESIS}": "01010 00000",
}

_IDEOGRAPHS = {
    "请": "1060 1bfe 0860 01fc 3860 1bfe 09fc 09fc 09fc 0904 0dfc 0d04 011c 0000",
    "进": "2098 3098 1bfe 01fc 0098 3898 1bfe 1898 1998 1918 1b18 3e00 23fe 0000",
    "离": "0180 3ffe 0230 13e4 17f4 1e1c 1ffc 0180 3ffe 3326 37f6 3796 301e 0000",
    "场": "09fc 19fc 1818 3c60 3cc0 19fe 185e 1856 1896 1db6 3326 0046 009c 0000",
    "核": "0820 0830 3dfe 3e40 08c8 1df8 1eb6 3a64 28cc 2998 083c 08e6 0982 0000",
    "对": "0008 3e08 060c 27fe 340c 1c88 0c48 0c48 0c68 0e08 1208 3008 2038 0000",
    "止": "0040 0040 0840 0840 087e 0840 0840 0840 0840 0840 0840 0cc0 3ffe 0000",
    "步": "0080 0cc0 0cfc 0c80 3ffe 3ffe 0080 0480 0c98 18b0 10e0 03c0 1e00 1000",
    "等": "0830 1f7e 32c8 0080 1ffc 0080 3ffe 0018 1ffc 1ffc 0c10 0410 00f0 0000",
    "待": "0c30 08fc 11fc 2430 0dfe 09fe 180c 39fe 080c 088c 08cc 080c 083c 0000",
    "同": "1ffc 3ffe 3006 37f6 3006 3006 37f6 3636 3636 37f6 3006 3006 301c 0000",
    "票": "3ffe 0320 1ffc 1364 1224 1ffc 0000 1ff8 1ffc 3ffe 0498 3c8c 3384 0000",
    "有": "0100 3ffe 3ffe 0600 07fc 0ffc 1c0c 27fc 0404 07fc 040c 0404 043c 0000",
    "先": "0180 1980 1980 1ffe 3180 0180 3fff 0660 0660 0c60 0c62 1866 303e 0000",
    "问": "3000 1dff 0003 3003 3003 37f3 3633 3633 3633 37f3 3003 3003 300f 0000",
    "效": "0820 0820 3f7e 027e 1244 21c4 26e4 142c 0c38 0c18 1e38 336c 2046 0000",
}

_SHAPES = {
    Outcome.ADMIT: "0000001 0000011 0000110 1001100 1111000 0110000 0100000",
    Outcome.EXIT: "0010000 0110000 1111111 1111111 0110000 0010000 0000000",
    Outcome.ATTENTION: "0011100 0011100 0011100 0011100 0001000 0000000 0011100",
    Outcome.REFUSE: "1000001 1100011 0110110 0011100 0110110 1100011 1000001",
    Outcome.HOLD: "0111110 1100011 0000011 0001110 0001100 0000000 0001100",
    Outcome.RESCAN: "0000000 1111111 1111111 0000000 1111111 1111111 0000000",
    Outcome.VALID: "0111110 1000001 1011101 1010101 1011101 1000001 0111110",
    Outcome.ASK: "1111111 1000001 1010101 1000001 1111111 0011000 0010000",
}

_CODE = "1110111 1010101 1110111 0001000 1110101 1010010 1110101"

SYMBOLS = {
    Outcome.ADMIT: "✔",
    Outcome.EXIT: "←",
    Outcome.ATTENTION: "!",
    Outcome.REFUSE: "✖",
    Outcome.HOLD: "?",
    Outcome.RESCAN: "=",
    Outcome.VALID: "○",
    Outcome.ASK: "¿",
}
"""The shapes as one character, for lists."""

HEIGHT = 7
"""Rows of a word or shape drawn once; twice as many drawn large."""


def shape(outcome: Outcome, *, large: bool = False) -> list[str]:
    """The outcome's shape as rows of text."""
    return _paint(_bits(_SHAPES[outcome]), 2 * _scale(large=large))


def code_sign() -> list[str]:
    """A square code as rows of text: what is to be held here."""
    return _paint(_bits(_CODE), 2)


def word(text: str, *, large: bool = False, halves: bool = True) -> list[str] | None:
    """A word as rows of text, or ``None`` when it cannot be drawn, or only with ``halves``."""
    drawn: list[list[str]] = []
    for character in text:
        if letter := _latin(character):
            drawn.append(_paint(_bits(letter), 2 * _scale(large=large)))
        elif character in _IDEOGRAPHS and (large or halves):
            rows = [f"{int(row, 16):015b}" for row in _IDEOGRAPHS[character].split()]
            drawn.append(_paint(_bits(" ".join(rows)), _scale(large=large)))
        else:
            return None
    gap = "  " * _scale(large=large)
    return [gap.join(rows) for rows in zip(*drawn, strict=True)]


def _latin(character: str) -> str:
    """The rows of a letter, with its accent; empty for one that is not here."""
    parts = unicodedata.normalize("NFD", character)
    base, marks = parts[:1], parts[1:]
    if character not in _LATIN and base in _LOW and marks in _ACCENTS:
        return f"{_ACCENTS[marks]} {_LOW[base]}"
    return _LATIN.get(character, "")


def _scale(*, large: bool) -> int:
    return 2 if large else 1


def _bits(rows: str) -> Pixels:
    return [[bit == "1" for bit in row] for row in rows.split()]


def _paint(pixels: Pixels, size: int) -> list[str]:
    """Draw pixels ``size`` half-cells high and ``size`` cells wide."""
    tall = [row for row in pixels for _ in range(size)]
    if len(tall) % 2:
        tall.append([False] * len(tall[0]))
    return [
        "".join(" ▀▄█"[upper + 2 * lower] * size for upper, lower in zip(above, below, strict=True))
        for above, below in zip(tall[::2], tall[1::2], strict=True)
    ]
