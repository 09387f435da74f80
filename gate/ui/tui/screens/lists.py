"""The gate's lists: how each stands, and the change to another one."""

from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from gate.clock import SystemClock
from gate.core.place import Role
from gate.errors import GateError
from gate.i18n import _
from gate.reports.list_board import ListStanding, every_list, freshness
from gate.storage.gate_lists import GateList, keep_open
from gate.text.lane_words import list_line
from gate.ui.tui.evidence import Evidence
from gate.ui.tui.screens.asking import ask_pin
from gate.ui.tui.screens.page import Page
from gate.ui.tui.tables import fill

EVERY_S = 3.0


class ListsScreen(Page):
    """One row for each list. No key that a scanner types changes anything here."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f7", "change")]

    def __init__(self) -> None:
        super().__init__()
        self._lists: list[ListStanding] = []

    def hints(self) -> list[tuple[str, str]]:
        """This page's own keys."""
        return [("↑↓", _("choose")), ("F7", _("change to this list"))]

    def content(self) -> ComposeResult:
        """The lists, and what F7 would do."""
        yield DataTable(id="list-table", cursor_type="row", zebra_stripes=True)
        yield Evidence(id="detail")

    def on_mount(self) -> None:
        """Look now, and again and again."""
        super().on_mount()
        self._table.add_columns("", _("list"), _("tickets"), _("in"), _("unsent"), _("how fresh"))
        self._table.focus()
        self._look()
        self.set_interval(EVERY_S, self._look)

    def on_data_table_row_highlighted(self) -> None:
        """Say what the key would do."""
        self._explain()

    def action_change(self) -> None:
        """Scan the chosen list from now on, by a supervisor where the event wants one."""
        chosen, app = self._chosen, self.gate_app
        if chosen is None or chosen.is_open:
            self.notify(_("This list is scanned already."), markup=False)
            return
        operator = app.lane.operator
        is_supervisor = operator is not None and operator.role is Role.SUPERVISOR
        if app.lane.rules.list_needs_pin and not is_supervisor:
            title = _("Change to {list}").format(list=list_line(chosen.of))
            change = partial(self._change, chosen.of)
            ask_pin(app, title, lambda _who: change(), needs_note=False)
        else:
            self._change(chosen.of)

    def _change(self, chosen: GateList) -> None:
        app = self.gate_app
        try:
            keep_open(chosen)
        except GateError as fault:
            app.complain(fault)
            return
        app.next_list = chosen
        app.exit(0)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _look(self) -> None:
        app = self.gate_app
        within_s = app.config.sync.heard_within_s
        found = every_list(app.folder, SystemClock().read(), within_s)
        app.call_from_thread(self._show, found)

    def _show(self, found: list[ListStanding]) -> None:
        is_first, self._lists = not self._lists, found
        fill(self._table, [self._row(one) for one in found])
        if is_first and len(found) > 1:
            places = [n for n, one in enumerate(found) if one.is_open]
            self._table.move_cursor(row=(places[0] + 1) % len(found) if places else 0)
        self._explain()

    def _row(self, one: ListStanding) -> tuple[object, ...]:
        mark = "▶" if one.is_open else ""
        name = list_line(one.of)
        return (mark, name, one.tickets, one.admitted, one.unsent, freshness(one))

    def _explain(self) -> None:
        chosen = self._chosen
        if chosen is None:
            return
        line = _("F7: scan {list} from now on; {open} is closed here until it is changed back.")
        if chosen.is_open:
            line = _("{list} is scanned here.")
        now = next((list_line(one.of) for one in self._lists if one.is_open), "-")
        lines = [line.format(list=list_line(chosen.of), open=now), chosen.trouble]
        self.query_one(Evidence).show([one for one in lines if one])

    @property
    def _chosen(self) -> ListStanding | None:
        row = self._table.cursor_row
        return self._lists[row] if 0 <= row < len(self._lists) else None

    @property
    def _table(self) -> "DataTable[str]":
        return self.query_one(DataTable)
