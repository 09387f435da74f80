"""The last step of drawing where a font has few characters: one place for all screens."""

from functools import lru_cache
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from gate.text.glyphs import FILLED, stand_in

_REVERSED, _UPRIGHT = Style(reverse=True), Style(reverse=False)


class FewGlyphs(LineFilter):
    """Puts letters, ASCII and coloured blanks in the place of every other character."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The same cells in what the font has."""
        return [
            Segment(text, style, segment.control)
            for segment in segments
            for text, style in _drawn(segment.text, segment.style or Style.null())
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
