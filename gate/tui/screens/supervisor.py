"""The supervisor's screen: how many, how fast, and what is refused."""

from collections.abc import Sequence

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.coordinate import Coordinate
from textual.widgets import DataTable, Digits, Static

from gate import report
from gate.domain.model import Reason
from gate.errors import GateError
from gate.language import _
from gate.tui.screens.page import Page
from gate.words import REASON_WORDS, clock_time, printable

EVERY_S = 3.0
_FIGURES = ("inside", "admitted", "refused", "no_show", "expected")


class SupervisorScreen(Page):
    """Reads the stores every few seconds, beside the screen."""

    def content(self) -> ComposeResult:
        """Figures above, tables below."""
        titles = {
            "inside": _("inside now"),
            "admitted": _("admitted"),
            "refused": _("refused"),
            "no_show": _("no-show"),
            "expected": _("expected"),
        }
        with Horizontal(classes="figures"):
            for name in _FIGURES:
                with Vertical(classes="figure"):
                    yield Digits("-", id=name)
                    yield Static(titles[name], classes="label", markup=False)
        yield Static("", id="rates", markup=False)
        with Horizontal():
            yield DataTable(id="types", cursor_type="none", zebra_stripes=True)
            yield DataTable(id="reasons", cursor_type="none", zebra_stripes=True)

    def on_mount(self) -> None:
        """Fill the tables and keep them true."""
        super().on_mount()
        self.query_one("#types", DataTable).add_columns(_("ticket type"), _("in"), _("out"))
        self.query_one("#reasons", DataTable).add_columns(_("refused for"), _("times"))
        self._read()
        self.set_interval(EVERY_S, self._read)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read(self) -> None:
        app = self.gate_app
        try:
            numbers = report.overview(app.folder)
            rates = report.rates(app.folder, app.lane.now_ms())
            types = report.grouped(app.folder, "type", app.time_zone)
            reasons = report.grouped(app.folder, "reason", app.time_zone)
        except GateError as fault:
            app.call_from_thread(app.complain, fault)
            return
        app.call_from_thread(self._show, numbers, rates, types, reasons)

    def _show(
        self,
        numbers: report.Overview,
        rates: report.Rates,
        types: list[report.Line],
        reasons: list[report.Line],
    ) -> None:
        for name in _FIGURES:
            self.query_one(f"#{name}", Digits).update(str(getattr(numbers, name)))
        told = _("people in: {minute} this minute, {quarter} in 15 min, at most {peak}").format(
            minute=rates.last_minute, quarter=rates.last_quarter, peak=rates.peak_quarter
        )
        if rates.peak_quarter:
            told += " " + _("(from {when})").format(
                when=clock_time(rates.peak_at_ms, self.gate_app.time_zone)
            )
        self.query_one("#rates", Static).update(told)
        _fill(
            self.query_one("#types", DataTable),
            [(printable(line.name, 40), line.admitted, line.exited) for line in types],
        )
        refused = sorted((line for line in reasons if line.refused), key=lambda line: -line.refused)
        _fill(
            self.query_one("#reasons", DataTable),
            [(_reason(line.name), line.refused) for line in refused],
        )


def _reason(name: str) -> str:
    return _(REASON_WORDS[Reason(name)]) if name in set(Reason) else name


def _fill(table: "DataTable[str]", rows: "Sequence[tuple[object, ...]]") -> None:
    """Change what changed; a table that is refilled would flicker."""
    for number, row in enumerate(rows):
        cells = [str(cell) for cell in row]
        if number >= table.row_count:
            table.add_row(*cells)
            continue
        for column, cell in enumerate(cells):
            place = Coordinate(number, column)
            if table.get_cell_at(place) != cell:
                table.update_cell_at(place, cell, update_width=True)
