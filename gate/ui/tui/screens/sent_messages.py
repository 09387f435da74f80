"""Messages to the gates: a table, and where the chosen one was read. A supervisor sends more."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable, Input, Static

from gate.core.message import MOST_CHARACTERS
from gate.errors import UsageError
from gate.i18n import _
from gate.lane.messages import checked
from gate.reports.venue_board import VenueBoard
from gate.storage.messages import Sent
from gate.text.message_words import addressed, read_by, sender, sent_at, text_of
from gate.text.printable import printable
from gate.ui.tui.fields import Field
from gate.ui.tui.screens.asking import ask_lane, ask_pin
from gate.ui.tui.screens.page import Page, gate_app
from gate.ui.tui.screens.questions import Question, Signed
from gate.ui.tui.tables import fill

READ_SHOWN = 5
Draft = tuple[str, tuple[str, ...]]
"""A text, and the gates it is for; none: all."""


class SentMessages(Vertical):
    """What was said to the gates, the newest first."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__(id=id)
        self._sent: list[Sent] = []

    def compose(self) -> ComposeResult:
        """The table, and the lines on the chosen one."""
        yield DataTable(id="message-table", cursor_type="row", zebra_stripes=True)
        yield Static("", id="message", classes="evidence", markup=False)

    def on_mount(self) -> None:
        """Make the columns."""
        self._table.add_columns(_("sent"), _("from"), _("to"), _("read"), _("message"))

    def show(self, board: VenueBoard) -> None:
        """Show what was found now."""
        self._sent = board.messages
        fill(self._table, [self._row(one) for one in self._sent])
        self._describe_chosen()

    def on_data_table_row_highlighted(self) -> None:
        """Tell where the chosen one was read."""
        self._describe_chosen()

    @property
    def _table(self) -> "DataTable[str]":
        return self.query_one(DataTable)

    def _row(self, one: Sent) -> tuple[object, ...]:
        app = gate_app(self)
        return (
            sent_at(one.message, app.time_zone, app.lane.now_ms()),
            printable(sender(one.message), 20),
            printable(addressed(one.message), 20),
            len(one.acknowledgements),
            text_of(one.message),
        )

    def _describe_chosen(self) -> None:
        row = self._table.cursor_row
        lines = [_("m sends a message to the gates.")]
        if 0 <= row < len(self._sent):
            chosen = self._sent[row]
            read = read_by(chosen, gate_app(self).time_zone)
            lines = [text_of(chosen.message), *(read[:READ_SHOWN] or [_("read nowhere yet")])]
            if len(read) > READ_SHOWN:
                lines.append(_("and at {n} more").format(n=len(read) - READ_SHOWN))
        self.query_one("#message", Static).update("\n".join(lines))


class MessageQuestion(Question[Draft]):
    """What to say, and to whom."""

    def inputs(self) -> list[Input]:
        """Text and gates."""
        return [
            Field(placeholder=_("message"), max_length=MOST_CHARACTERS, id="text"),
            Field(placeholder=_("gates, with commas; empty: all"), id="gates"),
        ]

    def answer(self, values: list[str]) -> None:
        """Take both, if they can be sent."""
        text, gates = values
        try:
            self.finish(checked(text, gates.split(",")))
        except UsageError as wrong:
            self.incomplete(f"{wrong.message}. {wrong.hint}", self.query_one("#text", Input))


def ask_to_send(page: Page, then: Callable[[], object]) -> None:
    """Ask for the text and a supervisor's PIN, and send it."""
    app = page.gate_app

    def written(draft: Draft | None) -> None:
        if draft is None:
            return
        text, gates = draft
        whom = ", ".join(printable(gate, 24) for gate in gates) or _("all gates")

        def signed(who: Signed) -> None:
            ask_lane(
                app,
                lambda: app.lane.send_message(text, gates, who.operator),
                lambda _done: then(),
            )

        title = _("Send to {gates}: {text}").format(gates=whom, text=printable(text))
        ask_pin(app, title, signed, needs_note=False)

    app.push_screen(MessageQuestion(_("A message to the gates")), written)
