"""How many are inside, and what the last scans brought."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Digits, Static

from gate.i18n import _
from gate.storage.totals import Totals

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
    """A line for each of the last five."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__(id=id)
        self._lines: list[str] = []

    def compose(self) -> ComposeResult:
        """Title and lines."""
        yield Static(_("last five"), id="last-title", markup=False)
        yield Static("", id="last-five", markup=False)

    def add(self, line: str) -> None:
        """Put a line on top."""
        self._lines = [line, *self._lines][:LAST_SHOWN]
        self.query_one("#last-five", Static).update("\n".join(self._lines))
