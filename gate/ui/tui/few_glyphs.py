"""The last step of drawing on a console of few characters and colours, for all screens."""

from functools import lru_cache
from itertools import groupby

from rich.color import Color as Ink
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from gate.text.glyphs import FILLED, stand_in

_REVERSED, _UPRIGHT = Style(reverse=True), Style(reverse=False)
_BLACK, _DARK_GREY = 0, 8
_PLAIN, _GREY = Style(bold=False), Style(color="white")
"""The seventh of sixteen colours is called white, and is a light grey."""


class FewGlyphs(LineFilter):
    """Puts letters, ASCII and coloured blanks in the place of every other character.

    What the sixteen colours of Linux's console would make dark on dark is legible.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The same cells in what the font has."""
        return [
            Segment(text, style, segment.control)
            for segment in segments
            for text, style in _drawn(segment.text, _legible(segment.style or Style.null()))
        ]


@lru_cache(maxsize=4096)
def _drawn(text: str, style: Style) -> list[tuple[str, Style]]:
    if text.isascii():
        return [(text, style)]
    cells = [stand_in(character) for character in text]
    # In reverse, not by a background: so a block is there without colours, too.
    filled = style + (_UPRIGHT if style.reverse else _REVERSED)
    return [
        (" " * len(run), filled) if is_filled else ("".join(run), style)
        for is_filled, group in groupby(cells, lambda cell: cell == FILLED)
        for run in [list(group)]
    ]


@lru_cache(maxsize=1024)
def _legible(style: Style) -> Style:
    """Bold is brightness there, which makes black a dark grey; that on black is next to nothing."""
    ink = _of_sixteen(style.color)
    if ink == _BLACK and style.bold:
        return style + _PLAIN
    if ink == _DARK_GREY and _of_sixteen(style.bgcolor) in (None, _BLACK):
        return style + _GREY
    return style


def _of_sixteen(ink: Ink | None) -> int | None:
    """The number of the colour that is shown; ``None``: the console's own."""
    return None if ink is None else ink.downgrade(ColorSystem.STANDARD).number
