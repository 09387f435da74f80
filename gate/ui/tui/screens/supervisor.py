"""The supervisor's screen: how many, how fast, who is at work, and who went in twice."""

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import ContentSwitcher, DataTable, Digits, Static

from gate.core.outcome import Reason
from gate.errors import GateError
from gate.i18n import _, ngettext
from gate.reports.venue_board import VenueBoard, look
from gate.storage.nudge import try_now
from gate.text.outcome_words import REASON_WORDS
from gate.text.printable import printable
from gate.text.times import clock_time
from gate.ui.tui.screens.anomalies import Anomalies
from gate.ui.tui.screens.conflicts import Conflicts
from gate.ui.tui.screens.devices import Devices
from gate.ui.tui.screens.inside import open_inside
from gate.ui.tui.screens.page import Page
from gate.ui.tui.screens.retiring import ask_to_retire
from gate.ui.tui.screens.sent_messages import SentMessages, ask_to_send
from gate.ui.tui.screens.settling import ask_to_confirm, ask_to_settle
from gate.ui.tui.screens.web_link import open_web_link
from gate.ui.tui.tables import fill

EVERY_S = 3.0
_FIGURES = ("inside", "admitted", "refused", "no_show", "expected")
_SECTIONS = ("counts", "devices", "conflicts", "messages", "anomalies")


class SupervisorScreen(Page):
    """Reads the stores every few seconds, beside the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "section('counts')"),
        Binding("2", "section('devices')"),
        Binding("3", "section('conflicts')"),
        Binding("i", "inside"),
        Binding("4", "section('messages')"),
        Binding("5", "section('anomalies')"),
        Binding("m", "send"),
        Binding("r", "retire"),
        Binding("c", "confirm"),
        Binding("t", "try_now"),
        Binding("w", "web_link"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._board: VenueBoard | None = None
        self._next: Timer | None = None

    def hints(self) -> list[tuple[str, str]]:
        """This page's own keys."""
        return [
            ("1-5", _("lists")),
            ("i", _("who is inside")),
            ("↑↓", _("choose")),
            ("Enter", _("settle a conflict")),
            ("m", _("send a message")),
            ("r", _("retire a device")),
            ("c", _("confirm an undo")),
            ("t", _("try the server now")),
            ("w", _("a link for a browser")),
            ("PgDn", _("read on")),
        ]

    def content(self) -> ComposeResult:
        """Figures above; below them counts, devices, conflicts, messages or anomalies."""
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
                    yield Static(titles[name], id=f"{name}-label", classes="label", markup=False)
        yield Static("", id="rates", markup=False)
        yield Static("", id="upstream", markup=False)
        yield Static("", id="sections", markup=False)
        with ContentSwitcher(initial="on-counts"):
            with Horizontal(id="on-counts"):
                yield DataTable(id="types", cursor_type="none", zebra_stripes=True)
                yield DataTable(id="reasons", cursor_type="none", zebra_stripes=True)
            yield Devices(id="on-devices")
            yield Conflicts(id="on-conflicts")
            yield SentMessages(id="on-messages")
            yield Anomalies(id="on-anomalies")

    def on_mount(self) -> None:
        """Fill the tables and keep them true."""
        super().on_mount()
        self.query_one("#upstream").display = False
        self.query_one("#types", DataTable).add_columns(_("ticket type"), _("in"), _("out"))
        self.query_one("#reasons", DataTable).add_columns(_("refused for"), _("times"))
        self._draw_sections()
        self._read()

    def action_section(self, name: str) -> None:
        """Show one of the lists."""
        switcher = self.query_one(ContentSwitcher)
        switcher.current = f"on-{name}"
        if name == "counts":
            self.set_focus(None)
        else:
            self.query_one(f"#on-{name} DataTable", DataTable).focus()
        self._draw_sections()

    def action_inside(self) -> None:
        """List who is inside, with names, for a supervisor."""
        open_inside(self.gate_app)

    def action_web_link(self) -> None:
        """Show a link that lets operators sign in to the server's pages at a browser."""
        open_web_link(self.gate_app)

    def action_try_now(self) -> None:
        """Have the sync worker try the server at once, whatever it waits for."""
        try:
            try_now(self.gate_app.folder)
        except GateError as fault:
            self.gate_app.complain(fault)
            return
        self.notify(_("The sync worker tries now."), markup=False)

    def action_send(self) -> None:
        """Send a message to the gates: which, and who."""
        ask_to_send(self, self._read)

    def action_retire(self) -> None:
        """Have nobody wait for the chosen device, or take that back: who, and why."""
        devices = self.query_one(Devices)
        if devices.display and devices.chosen is not None:
            ask_to_retire(self, devices.chosen, self._read)

    def action_confirm(self) -> None:
        """Confirm another gate's undo of what this one did: who, and why."""
        conflicts = self.query_one(Conflicts)
        if conflicts.display and conflicts.chosen is not None:
            ask_to_confirm(self, conflicts.chosen, self._read)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Settle the chosen conflict: who, and why."""
        chosen = self.query_one(Conflicts).chosen
        if event.data_table.id == "conflict-table" and chosen is not None:
            ask_to_settle(self, chosen, self._read)

    @work(thread=True, exclusive=True, group="read", exit_on_error=False)
    def _read(self) -> None:
        app = self.gate_app
        try:
            board = look(app.anomalies, app.lane.connectivity(), app.lane.now_ms(), app.time_zone)
        except GateError as fault:
            app.call_from_thread(app.complain, fault)
            app.call_from_thread(self._read_later)
            return
        app.call_from_thread(self._show, board)

    def _read_later(self) -> None:
        # Not at an interval: a look that takes long must not be overtaken by the next.
        if self._next is not None:
            self._next.stop()
        self._next = self.set_timer(EVERY_S, self._read)

    def _show(self, board: VenueBoard) -> None:
        if not self.is_attached:
            return
        self._board = board
        for name in _FIGURES:
            self.query_one(f"#{name}", Digits).update(str(getattr(board.numbers, name)))
        inside = _("inside, at least") if board.is_whole else _("inside now")
        self.query_one("#inside-label", Static).update(inside)
        self.query_one("#rates", Static).update(self._rates(board))
        upstream = self.query_one("#upstream", Static)
        upstream.update(board.upstream)
        upstream.display = bool(board.upstream)
        fill(
            self.query_one("#types", DataTable),
            [(printable(line.name, 40), line.admitted, line.exited) for line in board.types],
        )
        refused = sorted(
            (line for line in board.reasons if line.refused), key=lambda line: -line.refused
        )
        fill(
            self.query_one("#reasons", DataTable),
            [(_reason(line.name), line.refused) for line in refused],
        )
        self.query_one(Devices).show(board)
        self.query_one(Conflicts).show(board)
        self.query_one(SentMessages).show(board)
        self.query_one(Anomalies).show(board)
        self._draw_sections()
        self._read_later()

    def _rates(self, board: VenueBoard) -> str:
        rates = board.rates
        line = _("people in: {minute} this minute, {quarter} in 15 min, at most {peak}").format(
            minute=rates.last_minute, quarter=rates.last_quarter, peak=rates.peak_quarter
        )
        if rates.peak_quarter:
            when = clock_time(rates.peak_at_ms, self.gate_app.time_zone)
            line += " " + _("(from {when})").format(when=when)
        return _("whole venue · {told}").format(told=line) if board.is_whole else line

    def _draw_sections(self) -> None:
        board = self._board
        open_ones = sum(c.is_open for c in board.conflicts) if board else 0
        titles = {
            "counts": _("1 counts"),
            "devices": _("2 devices ({n})").format(n=len(board.devices) if board else 1),
            "conflicts": ngettext("3 conflicts ({n} open)", "3 conflicts ({n} open)", open_ones),
        }
        titles["messages"] = _("4 messages ({n})").format(n=len(board.messages) if board else 0)
        titles["conflicts"] = titles["conflicts"].format(n=open_ones)
        found = len(board.anomalies) if board else 0
        titles["anomalies"] = _("5 anomalies ({n})").format(n=found)
        current = self.query_one(ContentSwitcher).current
        self.query_one("#sections", Static).update(
            "  ".join(
                ("▶ " if current == f"on-{name}" else "") + titles[name] for name in _SECTIONS
            )
        )


def _reason(name: str) -> str:
    return _(REASON_WORDS[Reason(name)]) if name in set(Reason) else name
