"""Which characters a terminal can draw, and what stands for those that it cannot.

The fonts of the Linux console hold 256 or 512 characters: letters, and few signs. There everything
else is drawn with letters, ASCII and coloured blanks.
"""

import os
import sys
import unicodedata
from collections.abc import Mapping
from typing import Literal

from rich.cells import cell_len

Glyphs = Literal["auto", "unicode", "ascii"]

_POOR_TERMINALS = frozenset({"linux", "dumb", "vt52", "vt100", "vt102", "vt220", "cons25", "ansi"})
"""Values of ``TERM`` that are drawn with a font of few characters."""

FILLED = "\0"
"""Stands for a blank in the colour of the character: what blocks become."""

_STANDS_FOR = {
    **dict.fromkeys("█▀▄▌▐▛▜▙▟▞▚▅▆▇▉▊▋", FILLED),
    **dict.fromkeys("▁▂▃▔▕▏▎▍▖▗▘▝░", " "),
    **dict.fromkeys("▒▓", FILLED),
    **dict.fromkeys("─╌┄┈╴╶╼╾", "-"),
    **dict.fromkeys("━╍┅┉═╸╺", "="),
    **dict.fromkeys("│┃║╏╎┆┇┊┋╵╷╹╻", "|"),
    **dict.fromkeys("←◀◂‹", "<"),
    **dict.fromkeys("→▶▸►›", ">"),
    **dict.fromkeys("↑▲△", "^"),
    **dict.fromkeys("↓▼▽", "v"),
    **dict.fromkeys("–—‐‑‒―−", "-"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‘’‚", "'"),
    **dict.fromkeys("●•◆■", "*"),
    **dict.fromkeys("○◦□", "o"),
    "✔": "+",
    "✖": "X",
    "×": "x",
    "↺": "~",
    "…": ".",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
}
_ALWAYS_THERE = "·¿¡«»°"
"""Beside ASCII and letters: signs of ISO 8859-1 that every console font has."""
_LETTERS = frozenset({"Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Mn", "Nd"})
_BOX_DRAWING = range(0x2500, 0x2580)


def are_few(wanted: Glyphs = "auto", environment: Mapping[str, str] = os.environ) -> bool:
    """Whether to do with ASCII and letters: as it is wanted, or else by the terminal."""
    if wanted != "auto":
        return wanted == "ascii"
    encoding = getattr(sys.__stdout__, "encoding", None) or "utf-8"
    is_poor = environment.get("TERM", "") in _POOR_TERMINALS
    return is_poor or "utf" not in encoding.casefold()


def is_drawable(character: str) -> bool:
    """Whether a font of few characters has it: ASCII, and whatever a language is written in."""
    if character.isascii():
        return character.isprintable()
    category = unicodedata.category(character)
    is_script = category in _LETTERS or (category[0] == "P" and cell_len(character) == 2)
    return is_script or character in _ALWAYS_THERE


def stand_in(character: str) -> str:
    """What is drawn for it, as wide as it is; ``FILLED`` for what only fills its cell."""
    if is_drawable(character):
        return character
    if character in _STANDS_FOR:
        return _STANDS_FOR[character]
    if ord(character) in _BOX_DRAWING:
        return "+"
    return "?" * cell_len(character)
