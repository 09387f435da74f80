"""What is unlike an honest evening: a table, and the sentence on the chosen one."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable

from gate.i18n import _
from gate.reports.venue_board import VenueBoard
from gate.text.anomaly_words import AnomalyView
from gate.ui.tui.evidence import Evidence
from gate.ui.tui.tables import fill


class Anomalies(Vertical):
    """Those that want to be looked at now come first."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__(id=id)
        self._found: list[AnomalyView] = []

    def compose(self) -> ComposeResult:
        """The table, and the lines on the chosen one."""
        yield DataTable(id="anomaly-table", cursor_type="row", zebra_stripes=True)
        yield Evidence(id="anomaly", classes="-filled")

    def on_mount(self) -> None:
        """Make the columns."""
        self._table.add_columns(_("what"), _("gates"), _("when"), _("urgency"))

    def show(self, board: VenueBoard) -> None:
        """Show what was found now."""
        self._found = board.anomalies
        fill(self._table, [self._row(one) for one in self._found])
        self._describe_chosen()

    def on_data_table_row_highlighted(self) -> None:
        """Tell all that is known of the chosen one."""
        self._describe_chosen()

    @property
    def _table(self) -> "DataTable[str]":
        return self.query_one(DataTable)

    def _row(self, one: AnomalyView) -> tuple[object, ...]:
        return one.title, ", ".join(one.gates), one.when, one.urgency

    def _describe_chosen(self) -> None:
        row = self._table.cursor_row
        lines = [_("Nothing is unlike an honest evening, as far as it was heard.")]
        if 0 <= row < len(self._found):
            chosen = self._found[row]
            entries = _("entries: {names}").format(names=", ".join(chosen.entries))
            lines = [chosen.sentence, chosen.remedy, entries]
        self.query_one(Evidence).show(lines)
