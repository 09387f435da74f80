"""The camera's picture in cells of a terminal."""

from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from gate.capture.picture import Preview as Picture
from gate.ui.tui.wrapping import wrapped


class Preview(Widget):
    """The camera's picture in half blocks: aiming help, in any terminal."""

    GREYS = 32

    def __init__(self, *, halves: bool = True, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows = 2 if halves else 1
        """Pixels in the height of a cell; of two that cannot be drawn, the lower is none."""
        self._picture: Picture | None = None
        self._message = ""

    def show(self, picture: Picture) -> None:
        """Show a new picture."""
        self._picture, self._message = picture, ""
        self.refresh()

    def show_message(self, message: str) -> None:
        """Show a line instead of a picture."""
        self._picture, self._message = None, message
        self.refresh()

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """As wide as it is told to be."""
        return container.width

    def render_line(self, y: int) -> Strip:
        """One line of cells, each two pixels high where the terminal has half blocks."""
        width, height = self.size
        if self._picture is None:
            lines = wrapped(self._message, width)
            at = y - max(0, (height - len(lines)) // 2)
            text = lines[at] if 0 <= at < len(lines) else ""
            margin = " " * max(0, (width - cell_len(text)) // 2)
            return Strip([Segment(set_cell_size(margin + text, width), self.rich_style)], width)
        grey = self._picture.grey
        rows, columns = grey.shape
        high = self._rows
        marks = self._marks(width, height * high)
        first, last = high * y, high * y + high - 1
        upper = grey[min(rows - 1, first * rows // (high * height))]
        lower = grey[min(rows - 1, last * rows // (high * height))]
        segments = []
        for x in range(width):
            column = x * columns // width
            segments.append(
                Segment(
                    "▀",
                    _cell(
                        _level(upper[column]),
                        _level(lower[column]),
                        (x, first) in marks,
                        (x, last) in marks,
                    ),
                )
            )
        return Strip(segments, width)

    def _marks(self, width: int, height: int) -> set[tuple[int, int]]:
        marks: set[tuple[int, int]] = set()
        for corners in self._picture.outlines if self._picture else ():
            for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
                steps = max(2, int(max(abs(x1 - x0) * width, abs(y1 - y0) * height)))
                for step in range(steps + 1):
                    share = step / steps
                    marks.add(
                        (
                            min(width - 1, int((x0 + (x1 - x0) * share) * width)),
                            min(height - 1, int((y0 + (y1 - y0) * share) * height)),
                        )
                    )
        return marks


def _level(pixel: int) -> int:
    return int(pixel) * Preview.GREYS // 256


@lru_cache(maxsize=8192)
def _cell(upper: int, lower: int, upper_marked: bool, lower_marked: bool) -> Style:
    return Style(color=_shade(upper, upper_marked), bgcolor=_shade(lower, lower_marked))


def _shade(level: int, marked: bool) -> str:
    grey = level * 255 // (Preview.GREYS - 1)
    return "#19e6b0" if marked else f"#{grey:02x}{grey:02x}{grey:02x}"
