"""Tickets to look into: a table, and the sides of the chosen one."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable

from gate.i18n import _, ngettext
from gate.reports.venue_board import VenueBoard
from gate.storage.matters import Matter
from gate.text.fleet_words import gates, guest, matter, sides, what_next
from gate.text.printable import printable
from gate.text.times import clock_time
from gate.ui.tui.evidence import Evidence
from gate.ui.tui.screens.page import gate_app
from gate.ui.tui.tables import fill

SIDES_SHOWN = 6
GUEST_SHOWN = 18


class Conflicts(Vertical):
    """On which too many went in, or that were used though they were void."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__(id=id)
        self._found: list[Matter] = []

    def compose(self) -> ComposeResult:
        """The table, and the lines on the chosen one."""
        yield DataTable(id="conflict-table", cursor_type="row", zebra_stripes=True)
        yield Evidence(id="sides", classes="-filled")

    def on_mount(self) -> None:
        """Make the columns."""
        self._table.add_columns(
            _("ticket"), _("guest"), _("what"), _("gates"), _("last in"), _("settled")
        )

    def show(self, board: VenueBoard) -> None:
        """Show what was found now."""
        self._found = board.conflicts
        fill(self._table, [self._row(found) for found in self._found])
        self._describe_chosen()

    @property
    def chosen(self) -> Matter | None:
        """What is under the cursor."""
        row = self._table.cursor_row
        return self._found[row] if 0 <= row < len(self._found) else None

    def on_data_table_row_highlighted(self) -> None:
        """Tell all that is known of the chosen one."""
        self._describe_chosen()

    @property
    def _table(self) -> "DataTable[str]":
        return self.query_one(DataTable)

    def _row(self, found: Matter) -> tuple[object, ...]:
        app = gate_app(self)
        whose = guest(found, show_names=app.config.screen.show_names)
        last_ms = found.admissions[-1].at_ms
        return (
            printable(found.short, 40),
            printable(whose, GUEST_SHOWN),
            matter(found),
            gates(found),
            clock_time(last_ms, app.time_zone, near_ms=app.lane.now_ms()),
            _("OPEN") if found.is_open else _("yes") if found.resolution else "-",
        )

    def _describe_chosen(self) -> None:
        self.query_one(Evidence).show(self._lines(self.chosen))

    def _lines(self, chosen: Matter | None) -> list[str]:
        if chosen is None:
            return [_("Nobody went in twice, as far as it was heard.")]
        app = gate_app(self)
        whose = guest(chosen, show_names=app.config.screen.show_names)
        lines = sides(chosen, app.time_zone)
        if (more := len(lines) - SIDES_SHOWN) > 0:
            lines[SIDES_SHOWN:] = [ngettext("{n} more", "{n} more", more).format(n=more)]
        ticket = f"{whose} [{printable(chosen.short, 40)}]"
        return [ticket, *lines, what_next(chosen, app.time_zone)]
