"""The lines above and below every screen: how things stand, and which keys there are."""

from rich.cells import cell_len, set_cell_size
from textual.widgets import Static


class StatusBar(Static):
    """One line on every screen: where, which way, how late, how sure, what reads."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__("", id=id, markup=False)
        self._left: list[str] = []
        self._right = ""

    def show(self, left: list[str], right: str) -> None:
        """Show the parts that fit; the clock on the right always does."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self._draw()

    def on_resize(self) -> None:
        """Fit the parts into the new width."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        room = width - cell_len(self._right) - 1
        text = ""
        for part in self._left:
            longer = f"{text} · {part}" if text else part
            if cell_len(longer) > room:
                break
            text = longer
        self.update(set_cell_size(text, max(0, room)) + " " + self._right, layout=False)


class KeyHints(Static):
    """One line of keys and what they do, as many as fit."""

    def __init__(self, hints: list[tuple[str, str]], id: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id, markup=False)
        self._hints = hints

    def on_resize(self) -> None:
        """Show as many as fit."""
        shown: list[str] = []
        room = self.content_size.width
        for key, meaning in self._hints:
            hint = f"{key} {meaning}"
            room -= cell_len(hint) + 2
            if room < -2:
                break
            shown.append(hint)
        self.update("  ".join(shown), layout=False)
