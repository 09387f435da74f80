"""The scan screen: the verdict, and what an operator may do about it."""

import logging
import time
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from gate.capture.camera import State
from gate.core.entry import COUNTS
from gate.core.outcome import Outcome
from gate.core.verdict import Verdict
from gate.errors import GateError
from gate.i18n import _, speaking_to_guest
from gate.output.tones import SOUNDS
from gate.storage.matters import Watch
from gate.text.guest_words import ONE_AT_A_TIME
from gate.text.lane_words import list_line
from gate.text.scanner_words import hint_words, saved_line
from gate.text.ticket_words import describe
from gate.text.times import clock_time
from gate.text.verdict_words import revoked_words
from gate.text.view_words import beside
from gate.ui.tui.bars import KeyHints, StatusBar
from gate.ui.tui.lane_keys import LaneKeys
from gate.ui.tui.letters import SYMBOLS
from gate.ui.tui.messages import (
    AdviceGiven,
    Announced,
    CameraChanged,
    Decided,
    MattersSeen,
    NoticeChanged,
    PeopleCounted,
    PreviewTaken,
    ScannerChanged,
    TakenBack,
    Unanswered,
)
from gate.ui.tui.panel_words import GUEST_SHOWN_S, SHOWN_S, ready_text, verdict_words
from gate.ui.tui.preview import Preview
from gate.ui.tui.readers import Readers
from gate.ui.tui.recent import Counts, LastScans
from gate.ui.tui.screens.asking import ask_lane, ask_pin, movement
from gate.ui.tui.screens.doctor import DoctorScreen
from gate.ui.tui.screens.guest_questions import ask_guest
from gate.ui.tui.screens.help import HelpScreen
from gate.ui.tui.screens.lists import ListsScreen
from gate.ui.tui.screens.lookup import LookupScreen
from gate.ui.tui.screens.message import MessageScreen
from gate.ui.tui.screens.page import Page, gate_app
from gate.ui.tui.screens.questions import Signed
from gate.ui.tui.screens.scanner_settling import FLAWS_SHOWN_S
from gate.ui.tui.screens.supervisor import SupervisorScreen
from gate.ui.tui.status import status_of
from gate.ui.tui.verdict_panel import VerdictPanel
from gate.ui.tui.wedge_input import WedgeInput

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

QUIT_AGAIN_S = 3.0
ANNOUNCED_S = 15.0
WATCH_EVERY_S = 3.0
"""How often is looked whether there is something for a supervisor."""

PAGES: dict[str, type[Page]] = {
    "doctor": DoctorScreen,
    "help": HelpScreen,
    "lookup": LookupScreen,
    "supervisor": SupervisorScreen,
}
log = logging.getLogger(__name__)


class ScanScreen(Screen[None]):
    """The one screen most people ever see.

    More than ten public methods: Textual calls one for each key and message by its name.
    """

    AUTO_FOCUS = "LaneKeys"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "open('help')"),
        Binding("f2", "lists"),
        Binding("ctrl+l", "kiosk"),
        Binding("f3", "open('supervisor')"),
        Binding("f4", "open('lookup')"),
        Binding("f5", "sign_in"),
        Binding("f8", "look_hard"),
        Binding("f9", "open('doctor')"),
        Binding("pagedown", "read(1)"),
        Binding("pageup", "read(-1)"),
        Binding("ctrl+q,ctrl+c", "quit"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._clearing: Timer | None = None
        self._quit_at = 0.0
        self._frozen_until = 0.0
        self._advice = ""
        self._watch: Watch | None = None
        self._waiting: frozenset[str] | None = None
        self._readers = Readers()

    @property
    def gate_app(self) -> "GateApp":
        """The application, with what was handed in."""
        return gate_app(self)

    @property
    def lane_keys(self) -> LaneKeys:
        """What takes keys and typed codes."""
        return self.query_one(LaneKeys)

    def compose(self) -> ComposeResult:
        """The panel large, everything else small."""
        yield StatusBar()
        halves = not self.gate_app.has_few_glyphs
        yield VerdictPanel(halves=halves)
        yield Static("", id="beside", markup=False)
        with Horizontal(id="below"):
            yield Preview(halves=halves, id="preview")
            yield Counts(id="counts")
            yield LastScans(id="last")
        yield LaneKeys(self.gate_app.config.scanner.gap_ms)
        yield KeyHints(
            [
                ("F1", _("help")),
                *([("F2", _("list"))] if self.gate_app.own_list else []),
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
                ("F12", _("no ticket")),
                ("^Q", _("quit")),
            ]
        )

    def on_mount(self) -> None:
        """Say what to do, and keep the status true."""
        has_camera = self.gate_app.inputs_have_camera
        has_preview = has_camera and self.gate_app.config.screen.preview
        self._readers = Readers(has_camera=has_camera)
        self._show_preview(is_shown=has_preview)
        hint = self.gate_app.hello or _("Scan a ticket, or hold it up to the camera")
        self.lane_keys.update(hint)
        self._clear()
        self._tick()
        self.set_interval(1.0, self._tick)
        for source, fix in self.gate_app.lane.scanner_fixes().items():
            self.notify(saved_line(source, fix.established), markup=False, timeout=FLAWS_SHOWN_S)
        self._watch = Watch(self.gate_app.folder)
        self.set_interval(WATCH_EVERY_S, self._look_for_matters)
        self._look_for_matters()
        self.kiosk_changed()
        if not self.may_read:
            self.action_sign_in()

    def on_screen_suspend(self) -> None:
        """Nobody goes in unseen: while another screen is up, nothing is read.

        A message leaves the verdict to be seen.
        """
        if not isinstance(self.app.screen, MessageScreen):
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

    def notify_withdrawn(self, *, is_decided: bool) -> None:
        """Say that a question was closed, because a scanner read into it."""
        line = _("Closed for a scan, without effect.")
        if not is_decided:
            line = _("A scanner typed into the question: closed. Scan the ticket again.")
        self.notify(line, severity="warning", markup=False)

    def on_decided(self, event: Decided) -> None:
        """Show a verdict at once; the rest of the screen follows."""
        app, verdict = self.gate_app, event.verdict
        words = for_guest = verdict_words(app, verdict)
        if (app.config.screen.faces_guest or app.kiosk.is_locked) and verdict.ticket is not None:
            with speaking_to_guest(verdict.ticket.language):
                for_guest = verdict_words(app, verdict)
        panel = self.query_one(VerdictPanel)
        panel.show(verdict.outcome, for_guest)
        self._make_room(panel)
        shown_s = SHOWN_S.get(verdict.outcome)
        if app.kiosk.is_locked:
            shown_s = min(shown_s or GUEST_SHOWN_S, GUEST_SHOWN_S)
        self._clear_later(shown_s)
        if app.inputs is not None:
            app.inputs.shown()
        is_same = self.lane_keys.on_screen.show(verdict)
        if verdict.outcome is Outcome.ASK and not app.kiosk.is_locked:
            self._ask_guest(verdict)
        if is_same:
            return
        self._frozen_until = time.monotonic() + min(1.0, shown_s or 1.0)
        if (sound := SOUNDS.get(verdict.outcome)) is not None:
            app.sound(sound)
        when = clock_time(verdict.at_ms, app.time_zone)
        line = f"{SYMBOLS[verdict.outcome]} {when} {words.rule} {words.ticket}"
        self.call_after_refresh(self._follow, line)

    def _ask_guest(self, verdict: Verdict) -> None:
        """Put what of the event's questions is to be answered by typing."""
        ask_guest(
            self.gate_app,
            verdict,
            lambda following: self.post_message(Decided(following)),
            lambda fault: self.post_message(Unanswered(fault)),
            self._clear,
        )

    def on_taken_back(self, event: TakenBack) -> None:
        """Say what was undone, and that the ticket is good again."""
        undone = event.undone
        words = _("Undone: {movement}.\nIt counts as if it had not been. The ticket is good again.")
        if undone.target.act in COUNTS:
            words = _("Undone: {movement}.\nIt counts as if it had not been.")
        line = movement(self.gate_app, undone.target, undone.ticket)
        self._clear(words.format(movement=line))
        ticket = describe(undone.ticket) if undone.ticket else ""
        self._follow(" ".join(part for part in ("↺", _("undone"), ticket) if part))

    def on_people_counted(self, event: PeopleCounted) -> None:
        """Say what was counted; an undo of it would be named first."""
        line = movement(self.gate_app, event.count, None)
        self.notify(line, title=_("Counted"), markup=False)
        self._follow(f"± {line}")

    def on_notice_changed(self, event: NoticeChanged) -> None:
        """Say on a line of its own what is beside the verdict."""
        self.lane_keys.waiting = event.notice.ticket if event.notice is not None else None
        line = self.query_one("#beside", Static)
        line.display = event.notice is not None
        if event.notice is not None:
            names = self.gate_app.config.screen.show_names
            says = beside(event.notice.ticket, event.notice.more, show_names=names)
            line.update(_(ONE_AT_A_TIME) if self.gate_app.kiosk.is_locked else says)

    def on_preview_taken(self, event: PreviewTaken) -> None:
        """Show the picture, but for the moment in which a verdict is painted."""
        if time.monotonic() >= self._frozen_until:
            self.query_one("#preview", Preview).show(event.preview)

    def on_advice_given(self, event: AdviceGiven) -> None:
        """Tell the guest what would help, unless a verdict is being told."""
        self._advice = "" if event.advice is None else hint_words(event.advice)
        if self.query_one(VerdictPanel).outcome is None:
            self._clear()

    def on_camera_changed(self, event: CameraChanged) -> None:
        """Tell how the camera is."""
        self._readers.set_camera(event.state)
        if event.state is State.LOST:
            self.query_one("#preview", Preview).show_message(event.detail)
            if self._readers.is_camera_lost:
                self.notify(event.detail, title=_("camera lost"), severity="warning", markup=False)
        elif event.state in (State.LIVE, State.STILL):
            self._show_preview(is_shown=self.gate_app.config.screen.preview)
            if event.detail:
                self.notify(event.detail, title=_("camera"), severity="warning", markup=False)
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
            self.gate_app.ring(1)
        if event.waiting != before:
            self.gate_app.matters_open = len(event.waiting)
            self._tick()

    def on_announced(self, event: Announced) -> None:
        """Say it once, and keep it among what happened last."""
        self.notify(event.line, severity="warning", markup=False, timeout=ANNOUNCED_S)
        when = clock_time(self.gate_app.lane.now_ms(), self.gate_app.time_zone)
        self.query_one(LastScans).add(f"! {when} {event.line}")

    def on_lane_changed(self) -> None:
        """Show the new direction at once."""
        self._clear()
        self._tick()

    def on_scanner_changed(self, event: ScannerChanged) -> None:
        """Tell how the grabbed scanner is."""
        self._readers.set_scanner(is_there=not event.trouble)
        if event.trouble:
            title = self._readers.scanner
            self.notify(event.trouble, title=title, severity="warning", markup=False)
        self._forget_missing_camera()

    def on_wedge_input_typed(self, event: WedgeInput.Typed) -> None:
        """Hand a typed code to the lane."""
        inputs = self.gate_app.inputs
        if inputs is not None and self.gate_app.config.scanner.keyboard:
            inputs.scanned(event.code, "keyboard")
            self._readers.scanned()
            self._forget_missing_camera()

    def on_wedge_input_typing(self) -> None:
        """Hold back what the same trigger has typed before."""
        inputs = self.gate_app.inputs
        if inputs is not None and self.gate_app.config.scanner.keyboard:
            inputs.typing("keyboard")

    def on_wedge_input_acknowledged(self, event: WedgeInput.Acknowledged) -> None:
        """Clear what was read; a question only by Escape, for Enter may be a scanner's."""
        if event.key == "escape" or not self.lane_keys.on_screen.question.is_open:
            self._clear()

    def on_unanswered(self, event: Unanswered) -> None:
        """The question was over already."""
        self._clear()
        self.gate_app.complain(event.fault)

    def on_verdict_panel_pressed(self) -> None:
        """Read on by a finger, and at the end clear what was read."""
        if not self.query_one(VerdictPanel).turn_page():
            self.app.simulate_key("enter")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key but the one that unlocks does anything while the screen is the guests'."""
        kiosk = self.gate_app.kiosk
        if action == "kiosk":
            return kiosk.is_wanted
        return not kiosk.is_locked and super().check_action(action, parameters)

    def action_kiosk(self) -> None:
        """Lock the keys, or have a supervisor unlock them."""
        self.gate_app.kiosk.turn(self.gate_app)

    def kiosk_changed(self) -> None:
        """Show what is for those who stand before the screen now."""
        is_locked = self.gate_app.kiosk.is_locked
        if self.has_class("-kiosk") != is_locked:
            self.set_class(is_locked, "-kiosk")
            self._clear()
            while is_locked and self.app.screen is not self and len(self.app.screen_stack) > 1:
                # Whoever worked here has gone.
                self.app.pop_screen()
        if is_locked:
            self.lane_keys.update("")
        elif self.gate_app.kiosk.is_wanted:
            self.lane_keys.update(_("The keys are unlocked. Ctrl+L locks them."))

    def action_read(self, step: int) -> None:
        """Show what of a long verdict did not fit, or what was before it."""
        self.query_one(VerdictPanel).turn_page(step)

    def action_look_hard(self) -> None:
        """Read the next picture with everything there is."""
        inputs = self.gate_app.inputs
        if inputs is not None and inputs.picture is not None:
            inputs.picture.try_hard()

    def action_sign_in(self) -> None:
        """Sign in, or out again."""
        app, lane = self.gate_app, self.gate_app.lane
        if lane.operator is not None:
            ask_lane(app, lane.sign_out, lambda _none: self._signed(is_in=False))
        else:
            self._ask_who()

    def sign_in_by_card(self, name: str) -> None:
        """Ask for the PIN of an operator by name; whoever is signed in by it is signed out."""
        operator = self.gate_app.lane.operator
        if operator is not None and operator.name == name:
            self.action_sign_in()
        else:
            self._ask_who(name)

    def _ask_who(self, name: str = "") -> None:
        app, lane = self.gate_app, self.gate_app.lane

        def signed(who: Signed) -> None:
            ask_lane(
                app, lambda: lane.sign_in(who.operator), lambda _none: self._signed(is_in=True)
            )

        ask_pin(app, _("Sign in"), signed, needs_supervisor=False, needs_note=False, name=name)

    def _signed(self, *, is_in: bool) -> None:
        if is_in:
            self.gate_app.resume_inputs()
        elif self.gate_app.config.operators.sign_in:
            self.gate_app.pause_inputs()
        self._clear()
        self._tick()

    def action_open(self, page: str) -> None:
        """Open another screen over this one."""
        self.app.push_screen(PAGES[page]())

    def action_lists(self) -> None:
        """Open the gate's lists, where it has several."""
        if self.gate_app.own_list is not None:
            self.app.push_screen(ListsScreen())

    def action_quit(self) -> None:
        """Leave, when asked twice."""
        self.quit_by(_("Ctrl+Q"))

    def quit_by(self, key: str) -> None:
        """The same, by what is named as ``key``."""
        now = time.monotonic()
        if self.gate_app.quits_at_once or now < self._quit_at:
            self.app.exit(0)
            return
        self._quit_at = now + QUIT_AGAIN_S
        self.notify(_("Once more to close the gate."), title=key, timeout=QUIT_AGAIN_S)

    def _clear_later(self, shown_s: float | None) -> None:
        """Count from when there is something to see: a slow machine paints late."""
        if self._clearing is not None:
            self._clearing.stop()
        self._clearing = None
        if shown_s is not None:
            self._clearing = self.set_timer(shown_s, self._clear, pause=True)
            self.call_after_refresh(self._clearing.resume)

    def _clear(self, ready: str = "") -> None:
        self._clear_later(None)
        self.lane_keys.nothing_shown()
        if self.gate_app.lane.is_revoked:
            self.query_one(VerdictPanel).show(Outcome.REFUSE, revoked_words())
        else:
            self.query_one(VerdictPanel).clear(ready or ready_text(self.gate_app, self._advice))
        self._make_room(self.query_one(VerdictPanel))

    def _make_room(self, panel: VerdictPanel) -> None:
        """Give a long verdict the lines below it; a short one leaves them as they are."""
        below = self.query_one("#below")
        height = int(below.styles.height.value) if below.styles.height else 0
        there = panel.content_size.height - (0 if below.display else height)
        is_bare = self.has_class("-kiosk") and self.has_class("no-preview")
        below.display = panel.lines_wanted <= there and not is_bare

    def _show_preview(self, *, is_shown: bool) -> None:
        self.query_one("#preview").display = is_shown
        self.set_class(not is_shown, "no-preview")

    def _forget_missing_camera(self) -> None:
        """Say no more of a camera that was never there, once a scanner does its work."""
        if self._readers.has_no_camera:
            self._show_preview(is_shown=False)
        self._tick()

    def _follow(self, line: str = "") -> None:
        """Show the numbers after a verdict, and its line."""
        self.query_one(Counts).show(self.gate_app.lane.totals())
        if line:
            self.query_one(LastScans).add(line)

    def _tick(self) -> None:
        app, lane = self.gate_app, self.gate_app.lane
        panel = self.query_one(VerdictPanel)
        if app.kiosk.is_wanted:
            self.kiosk_changed()
        if lane.is_revoked and panel.outcome is None:
            self._clear()
        venue = " · ".join(part for part in (app.config.venue, app.config.event) if part)
        of_list = list_line(app.own_list) if app.own_list else ""
        panel.frame(lane.direction, lane.place.gate, venue, of_list)
        self._follow()
        self.query_one(StatusBar).show(status_of(app, self._readers), app.clock_text())
