"""What is known of the chosen row of a table: as many lines as it takes."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static


class Evidence(VerticalScroll):
    """Lines below a table. Where they do not fit, Page Down reads on."""

    can_focus = False

    def __init__(self, id: str | None = None, classes: str = "") -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._text = ""

    def compose(self) -> ComposeResult:
        """The lines."""
        yield Static("", markup=False)

    def show(self, lines: list[str]) -> None:
        """Show other lines, from their beginning."""
        text = "\n".join(lines)
        if text != self._text:
            self._text = text
            self.query_one(Static).update(text)
            self.scroll_home(animate=False)
