"""The scan screen: the verdict, and what an operator may do about it."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Digits, Static

from gate.capture.camera import State
from gate.capture.glimpse import Notice
from gate.core.entry import Entry
from gate.core.outcome import Outcome
from gate.core.place import Direction, Role
from gate.core.ticket import Ticket
from gate.core.verdict import ScannerProof, Verdict
from gate.errors import GateError, OperatorError
from gate.i18n import _
from gate.lane.corrections import Undoable, Undone
from gate.lane.post import Operator
from gate.lane.scanner_repair import Proposed
from gate.storage.matters import Watch
from gate.text.confirming import AGAIN_S, Again, guest, movement, next_turn, way
from gate.text.lane_words import unheard_at
from gate.text.outcome_words import REASON_WORDS
from gate.text.printable import printable
from gate.text.scanner_words import ADVICE_WORDS, saved_line, scanner_line, troubles
from gate.text.ticket_words import describe
from gate.text.times import clock_time
from gate.text.verdict_words import explain, revoked_words
from gate.text.view_words import beside
from gate.ui.plain import BELLS
from gate.ui.scanner_check import Finding
from gate.ui.tui.bars import KeyHints, StatusBar
from gate.ui.tui.letters import SYMBOLS
from gate.ui.tui.messages import (
    AdviceGiven,
    CameraChanged,
    Decided,
    MattersSeen,
    NoticeChanged,
    PreviewTaken,
    ScannerChanged,
)
from gate.ui.tui.preview import Preview
from gate.ui.tui.screens.doctor import DoctorScreen
from gate.ui.tui.screens.help import HelpScreen
from gate.ui.tui.screens.lookup import LookupScreen
from gate.ui.tui.screens.questions import CodeQuestion, CountQuestion, PinQuestion, Signed
from gate.ui.tui.screens.scanner import Answer, ScannerQuestion, ScannerTest
from gate.ui.tui.screens.supervisor import SupervisorScreen
from gate.ui.tui.verdict_panel import VerdictPanel
from gate.ui.tui.wedge_input import WedgeInput

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

SHOWN_S = {
    Outcome.ADMIT: 1.5,
    Outcome.EXIT: 1.5,
    Outcome.RESCAN: 2.5,
    Outcome.VALID: 2.5,
}
"""How long an outcome stays; the others stay until they are acknowledged or the next scan."""
BELL_EVERY_S = 0.15
QUIT_AGAIN_S = 3.0
LAST_SHOWN = 5
FLAWS_SHOWN_S = 15.0
WATCH_EVERY_S = 3.0
"""How often is looked whether there is something for a supervisor."""

T = TypeVar("T")
log = logging.getLogger(__name__)


class ScanScreen(Screen[None]):
    """The one screen most people ever see."""

    AUTO_FOCUS = "WedgeInput"
    # Only function keys and control keys: everything else belongs to the scanner that types.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help"),
        Binding("f3", "supervisor"),
        Binding("f4", "lookup"),
        Binding("f5", "sign_in"),
        Binding("f6", "turn"),
        Binding("f7", "next_person"),
        Binding("f8", "look_hard"),
        Binding("f9", "doctor"),
        Binding("ctrl+n", "count"),
        Binding("ctrl+o", "override"),
        Binding("ctrl+k", "type_code"),
        Binding("ctrl+s", "scanner"),
        Binding("ctrl+t", "meant"),
        Binding("ctrl+z", "undo"),
        Binding("ctrl+q,ctrl+c", "quit"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._last: list[str] = []
        self._clearing: Timer | None = None
        self._camera = _("starting")
        self._scanner = ""
        self._quit_at = 0.0
        self._frozen_until = 0.0
        self._advice = ""
        self._notice: Notice | None = None
        self._watch: Watch | None = None
        self._waiting: frozenset[str] | None = None
        self._shown: Verdict | None = None
        """What the panel tells just now: what a key may act on at once."""
        self._again = Again()

    @property
    def gate_app(self) -> "GateApp":
        """The application, with what was handed in."""
        return cast("GateApp", self.app)

    def compose(self) -> ComposeResult:
        """The panel large, everything else small."""
        yield StatusBar()
        yield VerdictPanel()
        yield Static("", id="beside", markup=False)
        with Horizontal(id="below"):
            yield Preview(id="preview")
            with Vertical(id="counts"):
                yield Digits("0", id="inside")
                yield Static("", id="inside-label", classes="label", markup=False)
                yield Static("", id="numbers", markup=False)
            with Vertical(id="last"):
                yield Static("", id="last-title", markup=False)
                yield Static("", id="last-five", markup=False)
        yield WedgeInput(self.gate_app.config.scanner.gap_ms)
        yield KeyHints(
            [
                ("F1", _("help")),
                ("F3", _("counts")),
                ("F4", _("find")),
                ("F5", _("sign in")),
                ("F6", _("direction")),
                ("F7", _("next")),
                ("^Z", _("undo")),
                ("^O", _("override")),
                ("F8", _("look hard")),
                ("F9", _("doctor")),
                ("^N", _("number")),
                ("^K", _("type a code")),
                ("^Q", _("quit")),
            ]
        )

    def on_mount(self) -> None:
        """Say what to do, and keep the status true."""
        has_camera = self.gate_app.inputs_have_camera
        has_preview = has_camera and self.gate_app.config.screen.preview
        self.query_one("#preview").display = has_preview
        self.set_class(not has_preview, "no-preview")
        if not has_camera:
            self._camera = ""
        hint = self.gate_app.hello or _("Scan a ticket, or hold it up to the camera")
        self.query_one(WedgeInput).update(hint)
        self.query_one("#inside-label", Static).update(_("inside, seen from here"))
        self.query_one("#last-title", Static).update(_("last five"))
        self._clear()
        self._tick()
        self.set_interval(1.0, self._tick)
        for source, fix in self.gate_app.lane.scanner_fixes().items():
            self.notify(saved_line(source, fix.established), markup=False, timeout=FLAWS_SHOWN_S)
        self._watch = Watch(self.gate_app.folder)
        self.set_interval(WATCH_EVERY_S, self._look_for_matters)
        self._look_for_matters()
        if not self.may_read:
            self.action_sign_in()

    def on_screen_suspend(self) -> None:
        """Nobody goes in unseen: while another screen is up, nothing is read."""
        self.gate_app.pause_inputs()

    def on_screen_resume(self) -> None:
        """Read on, unless somebody has to sign in first."""
        if self.may_read:
            self.gate_app.resume_inputs()
        self._tick()

    @property
    def may_read(self) -> bool:
        """Whether nobody has to sign in first."""
        lane, must_sign_in = self.gate_app.lane, self.gate_app.config.operators.sign_in
        # Where nobody is let in any more, a scan tells so to anybody.
        return not must_sign_in or lane.operator is not None or lane.is_revoked

    def tell_withdrawn(self, *, is_decided: bool) -> None:
        """Say that a question was closed, because a scanner read into it."""
        told = _("Closed for a scan, without effect.")
        if not is_decided:
            told = _("A scanner typed into the question: closed. Scan the ticket again.")
        self.notify(told, severity="warning", markup=False)

    def on_decided(self, event: Decided) -> None:
        """Show a verdict at once; the rest of the screen follows."""
        verdict = event.verdict
        app = self.gate_app
        words = explain(
            verdict,
            app.lane.place,
            app.time_zone,
            show_names=app.config.screen.show_names,
            unheard=unheard_at(app.lane, verdict, app.time_zone),
        )
        words = replace(words, scanner=scanner_line(verdict))
        panel = self.query_one(VerdictPanel)
        panel.show(verdict.outcome, words)
        self._shown = verdict
        self._again.forget()
        shown_s = SHOWN_S.get(verdict.outcome)
        self._frozen_until = time.monotonic() + min(1.0, shown_s or 1.0)
        self._clear_later(shown_s)
        if app.inputs is not None:
            app.inputs.shown()
        if app.config.screen.bell:
            self._ring(BELLS.get(verdict.outcome, 1))
        when = clock_time(verdict.at_ms, app.time_zone)
        line = f"{SYMBOLS[verdict.outcome]} {when} {words.rule} {words.ticket}"
        self._last = [line, *self._last][:LAST_SHOWN]
        self.call_after_refresh(self._follow)

    def on_notice_changed(self, event: NoticeChanged) -> None:
        """Say on a line of its own what is beside the verdict."""
        self._notice = event.notice
        line = self.query_one("#beside", Static)
        line.display = event.notice is not None
        if event.notice is not None:
            names = self.gate_app.config.screen.show_names
            line.update(beside(event.notice.ticket, event.notice.more, show_names=names))

    def on_preview_taken(self, event: PreviewTaken) -> None:
        """Show the picture, but for the moment in which a verdict is painted."""
        if time.monotonic() >= self._frozen_until:
            self.query_one("#preview", Preview).show(event.preview)

    def on_advice_given(self, event: AdviceGiven) -> None:
        """Tell the guest what would help, unless a verdict is being told."""
        self._advice = "" if event.advice is None else _(ADVICE_WORDS[event.advice])
        if self.query_one(VerdictPanel).outcome is None:
            self._clear()

    def on_camera_changed(self, event: CameraChanged) -> None:
        """Tell how the camera is."""
        states = {
            State.STARTING: _("starting"),
            State.LIVE: _("on"),
            State.LOST: _("LOST"),
            State.ENDED: _("ended"),
        }
        self._camera = states[event.state]
        if event.state is State.LOST:
            self.query_one("#preview", Preview).say(event.detail)
            self.notify(event.detail, title=_("camera lost"), severity="warning", markup=False)
        self._tick()

    @work(thread=True, group="matters", exit_on_error=False)
    def _look_for_matters(self) -> None:
        if self._watch is not None and self._watch.is_free():
            try:
                self.post_message(MattersSeen(self._watch.look()))
            except GateError as fault:
                log.warning("looking for conflicts: %s", fault.message)

    def on_matters_seen(self, event: MattersSeen) -> None:
        """Show how many there are; a new one rings once, those from before the start do not."""
        before, self._waiting = self._waiting, event.waiting
        if before is not None and event.waiting - before and self.gate_app.config.screen.bell:
            self._ring(1)
        if event.waiting != before:
            self.gate_app.matters_open = len(event.waiting)
            self._tick()

    def on_lane_changed(self) -> None:
        """Show the new direction at once."""
        self._clear()
        self._tick()

    def on_scanner_changed(self, event: ScannerChanged) -> None:
        """Tell how the grabbed scanner is."""
        self._scanner = _("scanner LOST") if event.trouble else _("scanner on")
        if event.trouble:
            self.notify(event.trouble, title=self._scanner, severity="warning", markup=False)
        self._tick()

    def on_wedge_input_typed(self, event: WedgeInput.Typed) -> None:
        """Hand a typed code to the lane."""
        inputs = self.gate_app.inputs
        if inputs is not None and self.gate_app.config.scanner.keyboard:
            inputs.scanned(event.code, "keyboard")

    def on_wedge_input_typing(self) -> None:
        """Hold back what the same trigger has typed before."""
        inputs = self.gate_app.inputs
        if inputs is not None and self.gate_app.config.scanner.keyboard:
            inputs.typing("keyboard")

    def on_wedge_input_acknowledged(self) -> None:
        """Clear what was read."""
        self._clear()

    def action_turn(self) -> None:
        """Change the direction, when asked twice or by a supervisor; it never changes by itself."""
        lane = self.gate_app.lane
        following = next_turn(lane.direction)
        is_supervisor = lane.operator is not None and lane.operator.role is Role.SUPERVISOR
        if lane.rules.turn_needs_pin and not is_supervisor:
            self._ask_supervisor(
                _("Turn the lane: {way}").format(way=way(following)),
                lambda _supervisor, _note: self._turn(following),
                needs_note=False,
            )
        elif self._again.is_second(following):
            self._turn(following)
        else:
            self._ask_again("F6", _("Turn the lane: {way}").format(way=way(following)))

    def _turn(self, direction: Direction) -> None:
        self.gate_app.lane.direction = direction
        self._clear()
        self._tick()

    def _ask_again(self, key: str, what: str) -> None:
        title = _("{key} again does it").format(key=key)
        self.notify(what, title=title, severity="warning", markup=False, timeout=AGAIN_S)

    def action_next_person(self) -> None:
        """Let the next person through on the ticket shown, or on the last one if asked twice."""
        ticket = self._next_on()
        if ticket is None:
            return
        if self._shows(ticket) or self._again.is_second(("next", ticket.id)):
            self._let_through(1, ticket)
        else:
            self._ask_again("F7", _("One more on {guest}").format(guest=self._guest(ticket)))

    def action_count(self) -> None:
        """Let a number of people through on the ticket that the question names."""
        ticket = self._next_on()
        if ticket is None:
            return

        def counted(count: int | None) -> None:
            if count:
                self._let_through(count, ticket)

        title = _("How many people on {guest}?").format(guest=self._guest(ticket))
        self.app.push_screen(CountQuestion(title), counted)

    def action_type_code(self) -> None:
        """Decide a code that a person types."""
        lane = self.gate_app.lane
        try:
            lane.require_hand_codes()
        except GateError as fault:
            self.gate_app.complain(fault)
            return
        if not self.may_read:
            return

        def typed(code: str | None) -> None:
            if code:
                self._ask_lane(lambda: lane.admit_typed(code), self.gate_app.decided)

        self.app.push_screen(CodeQuestion(_("Type the code, then Enter")), typed)

    def _next_on(self) -> Ticket | None:
        try:
            return self.gate_app.lane.require_next()
        except GateError as fault:
            self.gate_app.complain(fault)
            return None

    def _shows(self, ticket: Ticket) -> bool:
        shown = self._shown.ticket if self._shown else None
        return shown is not None and shown.id == ticket.id

    def _guest(self, ticket: Ticket | None) -> str:
        return guest(ticket, show_names=self.gate_app.config.screen.show_names)

    def _movement(self, entry: Entry, ticket: Ticket | None) -> str:
        app = self.gate_app
        show_names = app.config.screen.show_names
        return movement(entry, ticket, app.time_zone, app.lane.now_ms(), show_names=show_names)

    def action_look_hard(self) -> None:
        """Read the next picture with everything there is."""
        inputs = self.gate_app.inputs
        if inputs is not None and inputs.picture is not None:
            inputs.picture.try_hard()

    def action_meant(self) -> None:
        """Count the ticket that the line names, too."""
        inputs, notice = self.gate_app.inputs, self._notice
        named = notice.ticket if notice is not None else None
        if inputs is None or named is None or not inputs.meant(named.id):
            self.notify(_("No other ticket waits."), title=_("Ctrl+T"), severity="warning")

    def action_undo(self) -> None:
        """Take back this lane's last admission or exit, once it was named."""
        self._ask_lane(self.gate_app.lane.undoable, self._undo)

    def _undo(self, found: Undoable) -> None:
        lane, name = self.gate_app.lane, found.target.name
        told = self._movement(found.target, found.ticket)

        def failed(fault: GateError) -> None:
            if isinstance(fault, OperatorError):
                title = _("Too late for staff. Undo: {movement}").format(movement=told)
                self._ask_supervisor(
                    title, lambda supervisor, note: self._undo_as(name, supervisor, note)
                )
            else:
                self.gate_app.complain(fault)

        is_shown = self._shown is not None and self._shown.entry == name
        if is_shown or found.needs_supervisor or self._again.is_second(("undo", name)):
            if not found.needs_supervisor:
                self.notify(told, title=_("Undo"), markup=False)
            self._ask_lane(lambda: lane.undo(name), self._tell_undone, failed)
        else:
            self._ask_again("Ctrl+Z", _("Undo: {movement}").format(movement=told))

    def action_scanner(self) -> None:
        """Show what would explain the last text of a scanner, and ask whether to believe it."""

        def shown(proposed: Proposed) -> None:
            config = self.gate_app.config
            question = ScannerQuestion(
                proposed, config.scanner.gap_ms, show_names=config.screen.show_names
            )
            self.app.push_screen(question, lambda answer: self._settle(proposed, answer))

        self._ask_lane(self.gate_app.lane.scanner_proposal, shown)

    def _settle(self, proposed: Proposed, answer: Answer | None) -> None:
        lane = self.gate_app.lane
        if answer == "test":
            test = ScannerTest(proposed.source, self.gate_app.config.scanner.gap_ms)
            self.app.push_screen(test, lambda finding: self._tested(proposed.source, finding))
        elif answer == "believe":
            operator = lane.operator
            is_supervisor = operator is not None and operator.role is Role.SUPERVISOR
            if proposed.proof is ScannerProof.KEY or is_supervisor:
                supervisor = operator if is_supervisor else None
                self._ask_lane(lambda: lane.believe(proposed, supervisor), self._scanner_saved)
                return
            self._ask_supervisor(
                _("The scanner means another text"),
                lambda signed, _note: self._ask_lane(
                    lambda: lane.believe(proposed, signed), self._scanner_saved
                ),
                needs_note=False,
            )

    def _tested(self, source: str, finding: Finding | None) -> None:
        if finding is None:
            return
        lane = self.gate_app.lane
        if not finding.is_known:
            self.notify(_("That was not the test code."), severity="warning", markup=False)
        elif not finding.flaws or finding.fix:
            then = self._scanner_saved if finding.fix else self._scanner_is_clean
            self._ask_lane(lambda: lane.scanner_tested(source, finding.fix), then)
        else:
            told = [part for trouble in troubles(finding.flaws) for part in trouble]
            told.append(_("This cannot be put right here: the scanner has to be set."))
            self.notify("\n".join(told), severity="warning", markup=False, timeout=FLAWS_SHOWN_S)

    def _scanner_saved(self, _none: object) -> None:
        told = _("What the scanner types is put right from now on. Scan the ticket again.")
        self.notify(told, title=_("Saved"), markup=False)

    def _scanner_is_clean(self, _none: object) -> None:
        self.notify(_("The scanner types what it reads."), markup=False)

    def action_override(self) -> None:
        """Admit what was refused."""
        try:
            ticket, reason = self.gate_app.lane.require_refusal()
        except GateError as fault:
            self.gate_app.complain(fault)
            return
        title = _("Admit against the rules: {guest}. {reason}.").format(
            guest=self._guest(ticket), reason=_(REASON_WORDS[reason])
        )
        self._ask_supervisor(
            title, lambda supervisor, note: self._override_as(ticket, supervisor, note)
        )

    def action_sign_in(self) -> None:
        """Sign in, or out again."""
        lane = self.gate_app.lane
        if lane.operator is not None:
            self._ask_lane(lane.sign_out, lambda _none: self._signed_out())
            return

        def signed(answer: Signed | None) -> None:
            if answer is not None:
                self._ask_lane(
                    lambda: lane.sign_in(answer.operator), lambda _none: self._signed_in()
                )

        question = PinQuestion(
            _("Sign in"), self.gate_app.operators, on_failure=lane.note_failed_sign_in
        )
        self.app.push_screen(question, signed)

    def _signed_in(self) -> None:
        self.gate_app.resume_inputs()
        self._clear()
        self._tick()

    def _signed_out(self) -> None:
        if self.gate_app.config.operators.sign_in:
            self.gate_app.pause_inputs()
        self._clear()
        self._tick()

    def action_supervisor(self) -> None:
        """Counts and rates."""
        self.app.push_screen(SupervisorScreen())

    def action_lookup(self) -> None:
        """Find a ticket by name or code."""
        self.app.push_screen(LookupScreen())

    def action_doctor(self) -> None:
        """Is everything all right."""
        self.app.push_screen(DoctorScreen())

    def action_help(self) -> None:
        """Which key does what."""
        self.app.push_screen(HelpScreen())

    def action_quit(self) -> None:
        """Leave, when asked twice."""
        now = time.monotonic()
        if self.gate_app.quits_at_once or now < self._quit_at:
            self.app.exit(0)
            return
        self._quit_at = now + QUIT_AGAIN_S
        self.notify(_("Once more to close the gate."), title=_("Ctrl+Q"), timeout=QUIT_AGAIN_S)

    def _let_through(self, count: int, ticket: Ticket) -> None:
        lane = self.gate_app.lane
        self._ask_lane(
            lambda: lane.next_person(count, ticket=ticket.id),
            lambda verdict: self.post_message(Decided(verdict)),
        )

    @work(thread=True, exit_on_error=False)
    def _ask_lane(
        self,
        ask: Callable[[], T],
        then: Callable[[T], object],
        failed: Callable[[GateError], None] | None = None,
    ) -> None:
        # The lane waits for the disk; the screen must not.
        try:
            answer = ask()
        except GateError as fault:
            self.app.call_from_thread(failed or self.gate_app.complain, fault)
        else:
            self.app.call_from_thread(then, answer)

    def _ask_supervisor(
        self, title: str, act: Callable[[Operator, str], object], *, needs_note: bool = True
    ) -> None:
        def signed(answer: Signed | None) -> None:
            if answer is not None:
                act(answer.operator, answer.note)

        question = PinQuestion(
            title,
            self.gate_app.operators,
            needs_supervisor=True,
            needs_note=needs_note,
            on_failure=self.gate_app.lane.note_failed_sign_in,
        )
        self.app.push_screen(question, signed)

    def _override_as(self, ticket: Ticket, supervisor: Operator, note: str) -> None:
        lane = self.gate_app.lane
        self._ask_lane(
            lambda: lane.override(supervisor, note, ticket=ticket.id),
            lambda verdict: self.post_message(Decided(verdict)),
        )

    def _undo_as(self, name: str, supervisor: Operator, note: str) -> None:
        lane = self.gate_app.lane
        self._ask_lane(lambda: lane.undo(name, supervisor, note), self._tell_undone)

    def _tell_undone(self, undone: Undone) -> None:
        told = _("Undone: {movement}.\nIt counts as if it had not been. The ticket is good again.")
        self._clear(told.format(movement=self._movement(undone.target, undone.ticket)))
        ticket = describe(undone.ticket) if undone.ticket else ""
        line = " ".join(part for part in ("↺", _("undone"), ticket) if part)
        self._last = [line, *self._last][:LAST_SHOWN]
        self._follow()

    def _clear_later(self, shown_s: float | None) -> None:
        if self._clearing is not None:
            self._clearing.stop()
        self._clearing = None if shown_s is None else self.set_timer(shown_s, self._clear)

    def _clear(self, ready: str = "") -> None:
        if self._clearing is not None:
            self._clearing.stop()
            self._clearing = None
        self._shown = None
        if self.gate_app.lane.is_revoked:
            self.query_one(VerdictPanel).show(Outcome.REFUSE, revoked_words())
        else:
            self.query_one(VerdictPanel).clear(ready or self._ready())

    def _ready(self) -> str:
        lane = self.gate_app.lane
        if self.gate_app.config.operators.sign_in and lane.operator is None:
            return _("Sign in first: F5")
        if self._advice:
            return self._advice
        if lane.direction is Direction.CHECK:
            return _("Ready to check. Nothing is redeemed.")
        if lane.direction is Direction.OUT:
            return _("Ready for the way OUT. Nobody is let in here.")
        if lane.direction is Direction.BOTH:
            return _("Ready: first in, then out, by the same code.")
        return _("Ready. Show the code to the camera or the scanner.")

    def _follow(self) -> None:
        totals = self.gate_app.lane.totals()
        self.query_one("#inside", Digits).update(str(totals.inside))
        numbers = _("admitted {admitted} · out {exited} · refused {refused}").format(
            admitted=totals.admitted, exited=totals.exited, refused=totals.refused
        )
        self.query_one("#numbers", Static).update(numbers)
        self.query_one("#last-five", Static).update("\n".join(self._last))

    def _ring(self, times: int) -> None:
        for n in range(times):
            self.set_timer(0.001 + n * BELL_EVERY_S, self.app.bell)

    def _tick(self) -> None:
        app, lane = self.gate_app, self.gate_app.lane
        panel = self.query_one(VerdictPanel)
        if lane.is_revoked and panel.outcome is None:
            self._clear()
        panel.update_classes({f"-way-{one}": one is lane.direction for one in Direction})
        panel.border_title = f" {printable(lane.place.gate)} — {way(lane.direction)} "
        venue = " · ".join(part for part in (app.config.venue, app.config.event) if part)
        turned = "" if lane.direction is Direction.IN else way(lane.direction)
        told = "  ".join(part for part in (printable(venue, 60), turned) if part)
        panel.border_subtitle = f" {told} " if told else ""
        self._follow()
        self.query_one(StatusBar).show(app.status(self._camera, self._scanner), app.clock_text())
