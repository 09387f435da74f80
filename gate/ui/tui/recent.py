"""How many are inside, and what the last scans brought."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Digits, Static

from gate.i18n import _
from gate.storage.totals import Totals
from gate.ui.tui.wrapping import wrapped

LAST_SHOWN = 5


class Counts(Vertical):
    """What this lane has counted."""

    def compose(self) -> ComposeResult:
        """One large number; the others in a line."""
        yield Digits("0", id="inside")
        yield Static(_("inside, seen from here"), id="inside-label", classes="label", markup=False)
        yield Static("", id="numbers", markup=False)

    def show(self, totals: Totals) -> None:
        """Show new numbers."""
        self.query_one("#inside", Digits).update(str(totals.inside))
        numbers = _("admitted {admitted} · out {exited} · refused {refused}").format(
            admitted=totals.admitted, exited=totals.exited, refused=totals.refused
        )
        self.query_one("#numbers", Static).update(numbers)


class LastScans(Vertical):
    """The last five, as many of them as there is room for."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__(id=id)
        self._lines: list[str] = []

    def compose(self) -> ComposeResult:
        """Title and lines."""
        yield Static(_("last scans"), id="last-title", markup=False)
        yield Static("", id="last-five", markup=False)

    def add(self, line: str) -> None:
        """Put a line on top."""
        self._lines = [line, *self._lines][:LAST_SHOWN]
        self._draw()

    def on_resize(self) -> None:
        """As many as there is room for now."""
        self._draw()

    def _draw(self) -> None:
        """The newest that fit whole; a long one takes the lines of older ones."""
        width, height = self.query_one("#last-five").size
        shown: list[str] = []
        for line in self._lines:
            parts = wrapped(line, width)
            if shown and len(shown) + len(parts) > height:
                break
            shown += parts
        self.query_one("#last-five", Static).update("\n".join(shown))
