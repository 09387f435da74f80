"""The application: themes, screens, and the inputs that outlive any one of them."""

from collections.abc import Callable, Sequence
from typing import ClassVar
from zoneinfo import ZoneInfo

from textual import events
from textual.app import App
from textual.binding import BindingType
from textual.filter import LineFilter
from textual.theme import Theme

from gate.capture.camera import Source, State
from gate.capture.glimpse import Notice
from gate.capture.hints import Hint
from gate.capture.picture import Preview
from gate.config import Config
from gate.core.entry import Entry
from gate.core.verdict import Verdict
from gate.credential.command_cards import CommandCard
from gate.errors import GateError, UsageError
from gate.i18n import _
from gate.lane.inputs import Inputs
from gate.lane.lane import Lane
from gate.lane.operators import Operators
from gate.output.sound import sounds_of
from gate.output.tones import BELLS, Sound
from gate.output.turnstile import Turnstile
from gate.reports.anomaly_list import AnomalyList
from gate.settings import GateSettings
from gate.storage.folder import Folder
from gate.storage.gate_lists import GateList
from gate.text import glyphs
from gate.text.outcome_words import DIRECTION_WORDS
from gate.text.settings_words import gate_lines
from gate.text.times import clock_time
from gate.text.zones import LaneZone
from gate.ui.tui.command_cards import carry_out
from gate.ui.tui.few_glyphs import FewGlyphs
from gate.ui.tui.kiosk import Kiosk
from gate.ui.tui.messages import (
    AdviceGiven,
    Announced,
    CameraChanged,
    CommandRead,
    Decided,
    LaneChanged,
    MessageCame,
    NoticeChanged,
    PreviewTaken,
    ScannedAside,
    ScannerChanged,
    SettingsChanged,
    Warned,
)
from gate.ui.tui.screens.lookup import LookupScreen
from gate.ui.tui.screens.message import Unread
from gate.ui.tui.screens.questions import PinQuestion, Question
from gate.ui.tui.screens.scan import ScanScreen
from gate.ui.tui.screens.scanner import ScannerQuestion

_VARIABLES_DARK = {
    "gate-on-light": "#000000",
    "gate-on-dark": "#ffffff",
    "gate-hold": "#262626",
    "gate-neutral": "#3a4a5a",
    "gate-valid": "#c9b6ff",
    "gate-ask": "#ff7ac6",
}

# Outcomes differ in lightness as well as in colour: bright for in, dark for stop.
THEMES = (
    Theme(
        name="gate-dark",
        primary="#1f4fb0",
        secondary="#5b6b7b",
        accent="#7fd7ff",
        success="#19e6b0",
        warning="#ffb000",
        error="#9b1c0a",
        foreground="#f0f0f0",
        background="#101418",
        surface="#181e24",
        panel="#222a32",
        dark=True,
        variables=_VARIABLES_DARK,
    ),
    Theme(
        name="gate-sun",
        primary="#003cb3",
        secondary="#000000",
        accent="#003cb3",
        success="#00e5a8",
        warning="#ffb000",
        error="#8a0f00",
        foreground="#000000",
        background="#ffffff",
        surface="#ffffff",
        panel="#e4e4e4",
        dark=False,
        variables=_VARIABLES_DARK
        | {"gate-hold": "#000000", "gate-neutral": "#33424f", "text-muted": "#303030"},
    ),
)


SETTINGS_SHOWN_S = 12
BELL_EVERY_S = 0.15


class GateApp(App[int], inherit_bindings=False):
    """The lane's screen. Everything it needs is handed in.

    More than ten public methods: Textual calls its own by name, the others are what all screens
    and other threads need of it.
    """

    CSS_PATH = "gate.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  as Textual has it
        (0, "-narrow"),
        (120, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = []
    # A code may hold any control character: none of them may be a key of the whole application.

    def __init__(
        self,
        lane: Lane,
        config: Config,
        folder: Folder,
        *,
        source: Source | None = None,
        zone: LaneZone | None = None,
        hello: str = "",
        quits_at_once: bool = False,
        own_list: GateList | None = None,
        others: Sequence[GateList] = (),
    ) -> None:
        super().__init__()
        self.own_list = own_list
        """Which of the gate's lists is scanned; ``None`` where there is but one."""
        self.others = others
        """The gate's other lists."""
        self.next_list: GateList | None = None
        """Which list is to be scanned once this application has ended."""
        self.lane = lane
        self.config = config
        self.folder = folder
        self.zone = zone or LaneZone(config, folder)
        self.settings: GateSettings | None = None
        """What the lane goes by, where it follows an event."""
        self.operators = Operators(folder, config.operators.lockout_minutes)
        self.anomalies = AnomalyList(folder, config)
        self.quits_at_once = quits_at_once
        self.hello = hello
        self.matters_open = 0
        """Tickets that wait for a supervisor's word."""
        self.on_ready: Callable[[], None] = _nothing
        """Called once the screen is there."""
        self.on_verdict: Callable[[Verdict], object] = _nothing_of
        """Called in any thread with every verdict of the inputs."""
        self.quit_after_s: float | None = None
        self.has_few_glyphs = glyphs.are_few(config.screen.glyphs)
        """Whether the terminal's font has letters and hardly more."""
        self._source = source
        self.kiosk = Kiosk(is_wanted=config.screen.kiosk)
        self.turnstile: Turnstile | None = None
        """What opens for who was let in, where there is something."""
        self.sounds = sounds_of(config.screen, self._silent)
        self.scan_screen = ScanScreen()
        self.unread = Unread(self)
        self.inputs: Inputs | None = None
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = config.screen.theme
        self.animation_level = "none"

    def on_mount(self) -> None:
        """Open the eyes and ears."""
        self.show_first()
        self.call_after_refresh(self._begin)

    def show_first(self) -> None:
        """Put up what is under everything else, and get ready to read."""
        self.push_screen(self.scan_screen)
        self.inputs = Inputs(
            self.lane,
            self.config,
            self.decided,
            on_notice=self._notice_changed,
            on_preview=self._previewed,
            on_advice=self._advised,
            on_camera=self._camera_changed,
            on_scanner=self._scanner_changed,
            on_warning=self.warn,
            on_aside=self._scanned_aside,
            on_command=self._command_read,
            source=self._source,
        )
        self.inputs.paused = self.config.operators.sign_in

    async def on_event(self, event: events.Event) -> None:
        """Whoever presses keys on other screens goes on working; on that one a scanner may."""
        if isinstance(event, events.Key) and self.screen is not self.scan_screen:
            self.kiosk.touch()
        await super().on_event(event)

    def _begin(self) -> None:
        self.sounds.start()
        if self.inputs is not None:
            self.inputs.start()
        self.on_ready()
        if self.quit_after_s is not None:
            self.set_timer(self.quit_after_s, lambda: self.exit(0))

    def on_unmount(self) -> None:
        """Close them."""
        if self.inputs is not None:
            self.inputs.stop()
        self.sounds.stop()

    def sound(self, sound: Sound) -> None:
        """Have it heard, by the bell where there is no loudspeaker."""
        if self.config.screen.bell and not self.sounds.play(sound):
            self.ring(BELLS[sound])

    def ring(self, times: int) -> None:
        """Ring the terminal's bell."""
        for n in range(times):
            self.set_timer(0.001 + n * BELL_EVERY_S, self.bell)

    def _silent(self, sound: Sound) -> None:
        # From the thread of the sounds: this only posts.
        self.call_later(self.ring, BELLS[sound])

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every drawn line goes through last."""
        filters = super().get_line_filters()
        return [*filters, FewGlyphs()] if self.has_few_glyphs else filters

    @property
    def time_zone(self) -> ZoneInfo:
        """In which times are told, as the event has it now."""
        return self.zone.info

    @property
    def inputs_have_camera(self) -> bool:
        """Whether there is a picture to show."""
        return self.inputs is not None and self.inputs.picture is not None

    def pause_inputs(self) -> None:
        """Read nothing for now."""
        if self.inputs is not None:
            self.inputs.paused = True

    def resume_inputs(self) -> None:
        """Read again."""
        if self.inputs is not None:
            self.inputs.paused = False

    def on_scanned_aside(self, event: ScannedAside) -> None:
        """A question gives way to a scan, a search takes it, any other screen does nothing."""
        screen = self.unread.beneath()
        if isinstance(screen, Question | ScannerQuestion) and screen.is_guarded:
            self.withdraw([event.code], event.source)
        elif isinstance(screen, LookupScreen):
            screen.find_scanned(event.code, event.source)
        elif screen is self.scan_screen and screen.may_read and self.inputs is not None:
            # It came while the question before it was being closed.
            self.resume_inputs()
            self.inputs.scanned(event.code, event.source)

    def withdraw(self, codes: list[str], source: str) -> None:
        """Close whatever is over the scan screen without effect, and decide codes as scans."""
        while self.screen is not self.scan_screen and len(self.screen_stack) > 1:
            self.pop_screen()
        self.scan_screen.notify_withdrawn(is_decided=bool(codes))
        if self.scan_screen.may_read:
            self.resume_inputs()
        for code in codes:
            if self.inputs is not None:
                self.inputs.scanned(code, source)
        self.unread.show()

    def clock_text(self) -> str:
        """The lane's time, to the second."""
        return clock_time(self.lane.now_ms(), self.time_zone, seconds=True)

    def way(self) -> str:
        """Which way people go here."""
        return _(DIRECTION_WORDS[self.lane.direction]).upper()

    def complain(self, fault: GateError) -> None:
        """Tell of a fault that is no verdict."""
        self.notify(
            fault.hint or fault.message,
            title=fault.message,
            severity="warning" if isinstance(fault, UsageError) else "error",
            markup=False,
            timeout=6,
        )

    def on_command_read(self, event: CommandRead) -> None:
        """Do what its key does, unless that is locked."""
        if not self.kiosk.is_locked or isinstance(self.screen, PinQuestion):
            carry_out(self, event.card)

    def on_settings_changed(self, event: SettingsChanged) -> None:
        """Go by them, and say so."""
        is_first, self.settings = self.settings is None, event.settings
        self.config = event.settings.config
        self.operators = Operators(self.folder, self.config.operators.lockout_minutes)
        lines = gate_lines(event.settings)
        if lines or not is_first:
            title = "" if is_first else _("The event's settings have changed")
            self.notify("\n".join(lines), title=title, markup=False, timeout=SETTINGS_SHOWN_S)
        self.refresh_status()

    def on_warned(self, event: Warned) -> None:
        """Say it."""
        self.notify(event.line, severity="warning", markup=False, timeout=SETTINGS_SHOWN_S)

    # Other threads only post: waiting for the screen could wait for themselves.

    def go_by(self, settings: GateSettings) -> None:
        """The event states something else; from any thread."""
        self.post_message(SettingsChanged(settings))

    def warn(self, line: str) -> None:
        """Something that the operator has to know once; from any thread."""
        self.post_message(Warned(line))

    def decided(self, verdict: Verdict) -> None:
        """Show a verdict; from any thread."""
        self.on_verdict(verdict)
        self.scan_screen.post_message(Decided(verdict))

    def announce(self, line: str) -> None:
        """Show what has just become known of the other gates; from any thread."""
        self.scan_screen.post_message(Announced(line))

    def deliver(self, message: Entry) -> None:
        """Show a message over everything until it was read; from any thread."""
        self.post_message(MessageCame(message))

    def on_message_came(self, event: MessageCame) -> None:
        """Show it, after those that wait."""
        self.unread.put(event.message)

    def refresh_status(self) -> None:
        """Show what has changed at the lane; from any thread."""
        self.scan_screen.post_message(LaneChanged())

    def _notice_changed(self, notice: Notice | None) -> None:
        self.scan_screen.post_message(NoticeChanged(notice))

    def _previewed(self, preview: Preview) -> None:
        self.scan_screen.post_message(PreviewTaken(preview))

    def _advised(self, advice: Hint | None) -> None:
        self.scan_screen.post_message(AdviceGiven(advice))

    def _camera_changed(self, state: State, detail: str) -> None:
        self.scan_screen.post_message(CameraChanged(state, detail))

    def _scanned_aside(self, code: str, source: str) -> None:
        self.post_message(ScannedAside(code, source))

    def _command_read(self, card: CommandCard) -> None:
        self.post_message(CommandRead(card))

    def _scanner_changed(self, trouble: str) -> None:
        self.scan_screen.post_message(ScannerChanged(trouble))


def _nothing() -> None:
    pass


def _nothing_of(_verdict: Verdict) -> None:
    pass
