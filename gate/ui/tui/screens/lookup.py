"""Finding a ticket by name, code, seat or order; its past; admitting by hand."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input, Static
from textual.worker import get_current_worker

from gate.core.entry import MOVEMENTS
from gate.core.history import annulled, with_times
from gate.core.outcome import Outcome
from gate.core.place import Direction, Role
from gate.core.verdict import Context, Scan, Verdict
from gate.errors import GateError, UsageError
from gate.i18n import _
from gate.lane.corrections import Undone
from gate.reports.lookup import Findings, Found, elsewhere, look_up, tell
from gate.text.printable import printable
from gate.text.rule_words import rule_now
from gate.text.ticket_words import describe, standing, uses_of
from gate.ui.tui.evidence import Evidence
from gate.ui.tui.fields import Field
from gate.ui.tui.messages import Decided
from gate.ui.tui.screens.asking import ask_lane, ask_pin, ask_supervisor, guest, movement
from gate.ui.tui.screens.page import Page
from gate.ui.tui.screens.questions import ReasonQuestion, Signed
from gate.ui.tui.tables import draw_anew
from gate.ui.tui.worth import Worth

SEARCH_AFTER_S = 0.15
ENTER_AFTER_S = 0.3
"""An Enter sooner than this after a scan is the scanner's, not the operator's."""


@dataclass(frozen=True, slots=True)
class _Scanned:
    """What a scanner found here, and what it would be worth."""

    scan: Scan
    verdict: Verdict
    shown_at: float


class LookupScreen(Page):
    """Search as one types, in a thread.

    More than ten public methods: Textual calls one for each key and message by its name.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f7", "admit"),
        Binding("ctrl+z", "undo"),
        Binding("down", "choose(1)"),
        Binding("up", "choose(-1)"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._found: tuple[Found, ...] = ()
        self._scanned: _Scanned | None = None
        self._sharing: frozenset[str] = frozenset()
        """Tickets of the code that was scanned last, of which one is to be chosen."""

    def hints(self) -> list[tuple[str, str]]:
        """This page's own keys."""
        return [
            ("↑↓", _("choose")),
            ("F7", _("admit by hand")),
            ("^Z", _("undo its last use")),
            ("PgDn", _("read on")),
        ]

    def content(self) -> ComposeResult:
        """What is looked for, what was found, what it did."""
        sentence = _("name, code, seat or order; a part of it is enough")
        yield Field(placeholder=sentence, id="lookup-input", max_length=4096)
        yield Worth()
        yield Static("", id="findings", markup=False)
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Evidence(id="detail")

    def on_mount(self) -> None:
        """Ready to type."""
        super().on_mount()
        table = self.query_one(DataTable)
        # Every key goes to the field, where a scanner's burst is told from a person's keys.
        table.can_focus = False
        table.add_columns(_("name"), _("ticket"), _("status"), _("used"))
        self.query_one(Input).focus()
        with suppress(UsageError):
            self._offer(tuple(one.id for one in self.gate_app.lane.sharing()))

    @work(thread=True, exclusive=True, group="search", exit_on_error=False)
    def _offer(self, ids: tuple[str, ...]) -> None:
        """Show the tickets that share the code which was scanned, one to be chosen."""
        worker, app = get_current_worker(), self.gate_app
        try:
            found = [one for id_ in ids for one in look_up(app.folder, id_).found]
        except GateError as fault:
            app.call_from_thread(app.complain, fault)
            return
        sharing = tuple(one for one in found if one.ticket.id in ids)
        if not worker.is_cancelled:
            app.call_from_thread(self._show_sharing, sharing)

    def _show_sharing(self, sharing: tuple[Found, ...]) -> None:
        self._show(Findings(sharing))
        self._sharing = frozenset(one.ticket.id for one in sharing)
        self.query_one("#findings", Static).update(
            _("This code has several tickets: F7 takes one.")
        )
        self.query_one("#findings", Static).display = True

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search a moment after the last key."""
        if event.value:
            self._forget_scan()
            self._search(event.value, SEARCH_AFTER_S)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Admit what a scan has found, or search now."""
        if event.value:
            self._search(event.value, 0.0)
        else:
            self._admit_scanned()

    def on_field_burst(self, event: Field.Burst) -> None:
        """Find what a scanner has typed; without its Enter it may be a quick paste."""
        event.stop()
        if not self.gate_app.config.scanner.keyboard:
            return
        if event.is_ended:
            self.find_scanned(event.codes[-1], "keyboard")
        else:
            self._find_if_known(event.codes[-1])

    @work(thread=True, exit_on_error=False)
    def _find_if_known(self, code: str) -> None:
        app = self.gate_app
        if app.lane.knows(code):
            app.call_from_thread(self.find_scanned, code, "keyboard")

    def find_scanned(self, code: str, source: str) -> None:
        """Find by a scan: what it would be worth is told, nothing is redeemed."""
        with self.prevent(Input.Changed):
            self.query_one(Field).value = ""
        self._forget_scan()
        self._find(Scan(code, source=source))

    @work(thread=True, exclusive=True, group="search", exit_on_error=False)
    def _find(self, scan: Scan) -> None:
        worker, app = get_current_worker(), self.gate_app
        verdict = app.lane.check(scan.text, scan.source)
        try:
            ticket = verdict.ticket
            found = look_up(app.folder, ticket.id).found if ticket else ()
            findings = Findings(tuple(one for one in found if one.ticket == ticket))
        except GateError as fault:
            app.call_from_thread(app.complain, fault)
            return
        if not worker.is_cancelled:
            app.call_from_thread(self._show_scanned, scan, verdict, findings)

    def _show_scanned(self, scan: Scan, verdict: Verdict, findings: Findings) -> None:
        app = self.gate_app
        self._show(findings)
        self._scanned = _Scanned(scan, verdict, time.monotonic())
        key = _("Enter admits.") if self._may_admit(verdict) else ""
        self.query_one(Worth).show(verdict, app.lane.place, app.time_zone, key=key)

    def _may_admit(self, verdict: Verdict) -> bool:
        app = self.gate_app
        admits = app.lane.direction in (Direction.IN, Direction.BOTH)
        return verdict.outcome is Outcome.VALID and admits and app.scan_screen.may_read

    def _forget_scan(self) -> None:
        self._scanned = None
        self.query_one(Worth).hide()

    def _admit_scanned(self) -> None:
        scanned = self._scanned
        if scanned is None or time.monotonic() - scanned.shown_at < ENTER_AFTER_S:
            return
        if not self._may_admit(scanned.verdict):
            self.notify(_("Not from here. Go back and scan it there."), markup=False)
            return
        self._scanned = None
        self._decide(scanned.scan)

    @work(thread=True, exit_on_error=False)
    def _decide(self, scan: Scan) -> None:
        app = self.gate_app
        app.decided(app.lane.admit(scan))
        app.call_from_thread(self.action_back)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Tell what the ticket did."""
        if event.cursor_row < len(self._found):
            found = self._found[event.cursor_row]
            lines = tell(found, self.gate_app.time_zone, show_names=self._shows_names)
            rule = self._rule_now(found)
            told = [*lines[:1], *filter(None, [rule]), *lines[1:]]
            self.query_one(Evidence).show(told)
            if self.gate_app.others:
                self._look_elsewhere(found, told)

    @work(thread=True, exclusive=True, group="elsewhere", exit_on_error=False)
    def _look_elsewhere(self, found: Found, told: list[str]) -> None:
        """Add on which other lists the chosen ticket is, if it is still the chosen one."""
        lines = elsewhere(self.gate_app.others, found.ticket)
        if lines and not get_current_worker().is_cancelled:
            evidence = self.query_one(Evidence)
            self.app.call_from_thread(evidence.show, [*told[:1], *lines, *told[1:]])

    def _rule_now(self, found: Found) -> str:
        """Whether the organiser's rule would let in on a ticket here and now."""
        app, lane = self.gate_app, self.gate_app.lane
        context = Context(
            lane.now_ms(), "", Direction.CHECK, lane.place, lane.rules, lane.clock_is_trusted()
        )
        history = with_times(found.history, found.entries)
        return rule_now(found.ticket, history, context, app.time_zone)

    def action_choose(self, step: int) -> None:
        """Go up or down in what was found."""
        table = self.query_one(DataTable)
        if self._found and self._scanned is None:
            table.move_cursor(row=max(0, min(len(self._found) - 1, table.cursor_row + step)))

    def action_admit(self) -> None:
        """Admit the chosen ticket by hand."""
        chosen = self._chosen()
        if chosen is None:
            return
        app, ticket = self.gate_app, chosen.ticket
        if ticket.id in self._sharing:
            # Its code was shown: that takes nobody's word.
            ask_lane(app, lambda: app.lane.choose(ticket.id), self._admitted)
            return
        title = _("Admit by hand: {ticket}").format(ticket=guest(app, ticket))
        operator, role = app.lane.operator, app.lane.rules.find_admits
        if operator is not None and role in (Role.STAFF, operator.role):

            def explained(note: str | None) -> None:
                if note:
                    self._admit(ticket.id, Signed(operator, note))

            app.push_screen(ReasonQuestion(title), explained)
        else:
            ask_pin(
                app,
                title,
                lambda who: self._admit(ticket.id, who),
                needs_supervisor=role is Role.SUPERVISOR,
            )

    def action_undo(self) -> None:
        """Annul the last use of the chosen ticket."""
        chosen = self._chosen()
        if chosen is None:
            return
        gone = annulled(chosen.entries)
        moves = [
            entry for entry in chosen.entries if entry.act in MOVEMENTS and entry.name not in gone
        ]
        if not moves:
            self.notify(_("It was not used yet."), markup=False)
            return
        app, last = self.gate_app, moves[-1]
        ask_supervisor(
            app,
            _("Undo: {movement}").format(movement=movement(app, last, chosen.ticket)),
            lambda who: app.lane.undo(last.name, who.operator, who.note),
            self._undone,
        )

    @property
    def _shows_names(self) -> bool:
        return self.gate_app.config.screen.show_names

    def _chosen(self) -> Found | None:
        number = self.query_one(DataTable).cursor_row
        return self._found[number] if 0 <= number < len(self._found) else None

    def _admit(self, ticket: str, who: Signed) -> None:
        app, by_hand = self.gate_app, self.gate_app.lane.admit_by_hand
        ask_lane(app, lambda: by_hand(ticket, who.operator, who.note), self._admitted)

    def _admitted(self, verdict: Verdict) -> None:
        self.gate_app.scan_screen.post_message(Decided(verdict))
        self.action_back()

    def _undone(self, undone: Undone) -> None:
        if undone.is_claim:
            claimed = _(
                "It counts once the gate that did it, or the server, confirms it. "
                "Until then the ticket is CHECK."
            )
            self.notify(claimed, markup=False)
        if self.is_attached:
            self._search(self.query_one(Input).value, 0.0)

    @work(thread=True, exclusive=True, group="search", exit_on_error=False)
    def _search(self, wanted: str, after_s: float) -> None:
        worker = get_current_worker()
        if after_s and worker.cancelled_event.wait(after_s):
            return
        try:
            findings = look_up(self.gate_app.folder, wanted)
        except GateError as fault:
            self.app.call_from_thread(self.gate_app.complain, fault)
            return
        if not worker.is_cancelled:
            self.app.call_from_thread(self._show, findings)

    def _show(self, findings: Findings) -> None:
        self._found, self._sharing = findings.found, frozenset()
        table = self.query_one(DataTable)
        table.clear()
        beside = self.query_one("#findings", Static)
        beside.update("\n".join(findings.lines()))
        beside.display = bool(findings.lines())
        self.query_one(Evidence).show([])
        for one in findings.found:
            table.add_row(
                printable(one.ticket.holder, 40) if self._shows_names else "",
                describe(one.ticket),
                standing(one.ticket),
                uses_of(one.ticket, one.history),
            )
        draw_anew(table)
