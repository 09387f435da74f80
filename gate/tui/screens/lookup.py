"""Finding a ticket by its holder's name or its code; its past; admitting by hand."""

from collections.abc import Callable
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input, Static
from textual.worker import get_current_worker

from gate.domain.model import MOVEMENTS, Act, Ticket
from gate.errors import GateError
from gate.language import _
from gate.lookup import STATUS_WORDS, Found, look_up, tell
from gate.tui.messages import Decided
from gate.tui.screens.page import Page
from gate.tui.screens.questions import PinQuestion, Signed
from gate.words import describe, printable

SEARCH_AFTER_S = 0.15


class LookupScreen(Page):
    """Search as one types, in a thread."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f7", "admit"),
        Binding("ctrl+z", "undo", priority=True),
        Binding("down", "into_table"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._found: list[Found] = []

    def hints(self) -> list[tuple[str, str]]:
        """This page's own keys."""
        return [("↓", _("choose")), ("F7", _("admit by hand")), ("^Z", _("undo its last use"))]

    def content(self) -> ComposeResult:
        """What is looked for, what was found, what it did."""
        yield Input(placeholder=_("name or code"), id="lookup-input", max_length=4096)
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Static("", id="detail", markup=False)

    def on_mount(self) -> None:
        """Ready to type."""
        super().on_mount()
        table = self.query_one(DataTable)
        table.add_columns(_("name"), _("ticket"), _("status"), _("used"))
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search a moment after the last key."""
        self._search(event.value, SEARCH_AFTER_S)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Search now: a scanner typed a code."""
        self._search(event.value, 0.0)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Tell what the ticket did."""
        if event.cursor_row < len(self._found):
            found = self._found[event.cursor_row]
            lines = tell(found, self.gate_app.time_zone, show_names=self._shows_names)
            self.query_one("#detail", Static).update("\n".join(lines))

    def action_into_table(self) -> None:
        """Go from the input to what was found."""
        self.query_one(DataTable).focus()

    def action_admit(self) -> None:
        """Admit the chosen ticket by hand."""
        ticket = self._chosen()
        if ticket is None:
            return

        def signed(answer: Signed | None) -> None:
            if answer is not None:
                self._admit(ticket.id, answer)

        self._ask(_("Admit by hand: {ticket}").format(ticket=describe(ticket)), signed)

    def action_undo(self) -> None:
        """Annul the last use of the chosen ticket."""
        number = self.query_one(DataTable).cursor_row
        if not 0 <= number < len(self._found):
            return
        annulled = {e.target for e in self._found[number].entries if e.act is Act.ANNULMENT}
        moves = [
            entry
            for entry in self._found[number].entries
            if entry.act in MOVEMENTS and entry.name not in annulled
        ]
        if not moves:
            self.notify(_("It was not used yet."), markup=False)
            return

        def signed(answer: Signed | None) -> None:
            if answer is not None:
                self._undo(moves[-1].name, answer)

        self._ask(_("Undo the last use of this ticket"), signed)

    @property
    def _shows_names(self) -> bool:
        return self.gate_app.config.screen.show_names

    def _chosen(self) -> Ticket | None:
        number = self.query_one(DataTable).cursor_row
        return self._found[number].ticket if 0 <= number < len(self._found) else None

    def _ask(self, title: str, then: Callable[[Signed | None], None]) -> None:
        question = PinQuestion(
            title,
            self.gate_app.operators,
            needs_supervisor=True,
            needs_note=True,
            on_failure=self.gate_app.lane.note_failed_sign_in,
        )
        self.app.push_screen(question, then)

    @work(thread=True, exit_on_error=False)
    def _admit(self, ticket: str, signed: Signed) -> None:
        app = self.gate_app
        try:
            verdict = app.lane.admit_by_hand(ticket, signed.operator, signed.note)
        except GateError as fault:
            app.call_from_thread(app.complain, fault)
            return
        app.scan_screen.post_message(Decided(verdict))
        app.call_from_thread(self.action_back)

    @work(thread=True, exit_on_error=False)
    def _undo(self, entry: str, signed: Signed) -> None:
        app = self.gate_app
        try:
            app.lane.undo(entry, supervisor=signed.operator, note=signed.note)
        except GateError as fault:
            app.call_from_thread(app.complain, fault)
            return
        app.call_from_thread(self._search, self.query_one(Input).value, 0.0)

    @work(thread=True, exclusive=True, group="search", exit_on_error=False)
    def _search(self, wanted: str, after_s: float) -> None:
        worker = get_current_worker()
        if after_s and worker.cancelled_event.wait(after_s):
            return
        try:
            found = look_up(self.gate_app.folder, wanted)
        except GateError as fault:
            self.app.call_from_thread(self.gate_app.complain, fault)
            return
        if not worker.is_cancelled:
            self.app.call_from_thread(self._show, found)

    def _show(self, found: list[Found]) -> None:
        self._found = found
        table = self.query_one(DataTable)
        table.clear()
        self.query_one("#detail", Static).update("" if found else _("Nothing found."))
        for one in found:
            table.add_row(
                printable(one.ticket.holder, 40) if self._shows_names else "",
                describe(one.ticket),
                _(STATUS_WORDS[one.ticket.status]),
                f"{one.history.used}/{one.ticket.use_limit}",
            )
