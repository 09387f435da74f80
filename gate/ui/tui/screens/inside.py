"""Who is inside, for the fire brigade: what is missing first, then everybody by zone and name."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Static

from gate.core.place import Role
from gate.errors import GateError
from gate.i18n import _, ngettext
from gate.reports.list_export import export_list
from gate.storage.attendees import Attendee, AttendeeList, list_of
from gate.text.attendee_forms import contact_lines, head
from gate.text.printable import printable
from gate.text.times import clock_time
from gate.ui.tui.screens.asking import ask_pin
from gate.ui.tui.screens.page import Page
from gate.ui.tui.tables import draw_anew

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

MOST_ROWS = 1000
"""More are in the file: a table of a stadium would hold the screen up."""
_Row = tuple[str, ...]


class InsideScreen(Page):
    """One look at who is inside, with names; ``r`` looks again, ``e`` writes it to a file."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "export"),
        Binding("r", "look_again"),
    ]

    def hints(self) -> list[tuple[str, str]]:
        """This page's own keys."""
        return [("e", _("write it to a file, to print")), ("r", _("look again")), ("↑↓", _("move"))]

    def content(self) -> ComposeResult:
        """What it is and what is missing, the gates, the people."""
        yield Static(_("counting"), id="inside-head", markup=False)
        with VerticalScroll(id="inside-gates"):
            yield Static("", markup=False)
        yield DataTable(id="inside-table", cursor_type="row", zebra_stripes=True)

    def on_mount(self) -> None:
        """Read it once: a list that changes under a reader's finger is no list."""
        super().on_mount()
        self.query_one(DataTable).add_columns(
            _("zone"), _("name"), _("people"), _("seat"), _("ticket"), _("time"), _("gate")
        )
        self.query_one(DataTable).focus()
        self._look()

    def action_look_again(self) -> None:
        """Read the list as it is now."""
        self._look()

    def action_export(self) -> None:
        """Write the list as it is now to files in the data folder, and say where they are."""
        self._export()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _look(self) -> None:
        app = self.gate_app
        try:
            found = self._read()
        except GateError as fault:
            app.call_from_thread(app.complain, fault)
            return
        lines, gates = head(found, app.time_zone), contact_lines(found, app.time_zone)
        rows = [_row(app, found, one) for one in islice(found.sorted, MOST_ROWS)]
        if (more := sum(zone.tickets for zone in found.sorted.zones()) - len(rows)) > 0:
            sentence = ngettext(
                "{n} more line in the file: e", "{n} more lines in the file: e", more
            )
            lines.append(sentence.format(n=more))
        found.close()
        app.call_from_thread(self._show, lines, gates, rows)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _export(self) -> None:
        app = self.gate_app
        try:
            found = self._read()
            try:
                path = export_list(app.folder, found, app.time_zone)
            finally:
                found.close()
        except GateError as fault:
            app.call_from_thread(app.complain, fault)
            return
        app.call_from_thread(self._tell_where, path)

    def _read(self) -> AttendeeList:
        app = self.gate_app
        names = app.config.screen.show_names
        connectivity, now_ms = app.lane.connectivity(), app.lane.now_ms()
        return list_of(app.folder, "inside", connectivity, now_ms, show_names=names)

    def _show(self, lines: list[str], gates: list[str], rows: list[_Row]) -> None:
        if self.is_attached:
            self.query_one("#inside-head", Static).update("\n".join(lines))
            self.query_one("#inside-gates Static", Static).update("\n".join(gates))
            table = self.query_one(DataTable)
            table.clear()
            for row in rows:
                table.add_row(*row)
            draw_anew(table)

    def _tell_where(self, path: Path) -> None:
        self.notify(str(path), title=_("Written, and as CSV beside it"), markup=False, timeout=20)


def open_inside(app: "GateApp") -> None:
    """Show who is inside to a supervisor; where there are no operators, to whoever stands there."""
    is_supervisor = app.lane.operator is not None and app.lane.operator.role is Role.SUPERVISOR
    if is_supervisor or not app.operators.names():
        app.push_screen(InsideScreen())
        return
    ask_pin(app, _("Who is inside"), lambda _who: app.push_screen(InsideScreen()), needs_note=False)


def _row(app: "GateApp", found: AttendeeList, one: Attendee) -> _Row:
    when = "" if one.at_ms is None else clock_time(one.at_ms, app.time_zone, near_ms=found.at_ms)
    return (
        printable(one.zone, 16),
        printable(one.holder, 30),
        str(one.people),
        printable(one.seat, 16),
        printable(one.ticket, 40),
        when,
        printable(one.gate, 16),
    )
