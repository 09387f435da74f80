"""The doctor's screen: each check as it comes in, and the clock to be set."""

from functools import partial
from itertools import chain
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable
from textual.worker import get_current_worker

from gate.clock import SystemClock
from gate.i18n import N_, _
from gate.output.tones import Sound
from gate.reports.checks.finding import Status
from gate.reports.doctor import Check, codes_in_view, examine, turnstile_at_work
from gate.text.printable import printable
from gate.ui.tui.evidence import Evidence
from gate.ui.tui.screens.asking import ask_lane, ask_pin
from gate.ui.tui.screens.page import Page
from gate.ui.tui.screens.questions import Signed, TimeQuestion
from gate.ui.tui.tables import draw_anew

_BETWEEN_SOUNDS_S = 1.6
_SOUND_WORDS = {
    Sound.GO: N_("go: in, out, valid"),
    Sound.LOOK: N_("look, or ask"),
    Sound.STOP: N_("stop"),
    Sound.WAIT: N_("wait"),
}
_SYMBOLS = {Status.OK: "✔", Status.WARN: "!", Status.FAIL: "✖", Status.SKIP: "-"}


class DoctorScreen(Page):
    """Fills in while the checks run in a thread."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f6", "volume"),
        Binding("f7", "try_sounds"),
        Binding("f8", "set_clock"),
    ]

    def hints(self) -> list[tuple[str, str]]:
        """This page's own keys."""
        return [
            ("↑↓", _("what to do")),
            ("PgDn", _("read on")),
            ("F6", _("volume")),
            ("F7", _("try the sounds")),
            ("F8", _("set the clock")),
        ]

    def content(self) -> ComposeResult:
        """The findings, and what to do about the chosen one."""
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Evidence(id="detail")

    def on_mount(self) -> None:
        """Begin to look."""
        super().on_mount()
        self._checks: list[Check] = []
        self.query_one(DataTable).add_columns("", _("check"), _("found"))
        self.query_one(DataTable).focus()
        self.query_one(Evidence).show([_("looking…")])
        self._examine()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Say what to do about it."""
        if event.cursor_row < len(self._checks):
            self._explain(self._checks[event.cursor_row])

    def action_set_clock(self) -> None:
        """A supervisor says what time it is."""
        app, lane = self.gate_app, self.gate_app.lane

        def signed(who: Signed) -> None:
            def answered(at_ms: int | None) -> None:
                if at_ms is not None:
                    ask_lane(
                        app, lambda: app.lane.set_clock(at_ms, who.operator), lambda _none: None
                    )

            question = TimeQuestion(_("What time is it?"), lane.now_ms(), app.time_zone)
            app.push_screen(question, answered)

        ask_pin(app, _("Set the clock"), signed, needs_note=False)

    def action_volume(self) -> None:
        """Quieter, in the end silent, then loud again, until the lane is closed."""
        volume = self.gate_app.sounds.next_volume()
        says = _("{volume} %").format(volume=volume) if volume else _("muted")
        self.notify(says, title=_("Volume"), markup=False)
        if volume:
            self.gate_app.sound(Sound.GO)

    def action_try_sounds(self) -> None:
        """Let all four be heard, one after the other, each named."""
        app = self.gate_app
        by = app.sounds.player or _("the terminal's bell")
        if not app.config.screen.bell or not app.sounds.volume:
            by = _("muted")
        self.notify(by, title=_("Sound"), markup=False)
        for n, sound in enumerate(Sound):
            self.set_timer(0.01 + n * _BETWEEN_SOUNDS_S, partial(self._try, sound))

    def _try(self, sound: Sound) -> None:
        self.notify(_(_SOUND_WORDS[sound]), markup=False, timeout=_BETWEEN_SOUNDS_S)
        self.gate_app.sound(sound)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _examine(self) -> None:
        app = self.gate_app
        worker = get_current_worker()
        lying = app.inputs.furniture() if app.inputs is not None else []
        # The camera is being watched by the lane itself, which says how it is.
        checks = examine(app.config, app.folder, SystemClock(), camera=False)
        own = turnstile_at_work(app.turnstile)
        for check in chain(codes_in_view(lying), own, checks):
            if worker.is_cancelled:
                return
            app.call_from_thread(self._add, check)

    def _add(self, check: Check) -> None:
        self._checks.append(check)
        table = self.query_one(DataTable)
        table.add_row(_SYMBOLS[check.status], check.name, printable(check.detail, 300))
        draw_anew(table)
        worst = [one for one in self._checks if one.status is Status.FAIL]
        self._explain((worst or self._checks)[0])

    def _explain(self, check: Check) -> None:
        parts = [f"{check.name}: {printable(check.detail, 300)}", check.hint]
        self.query_one(Evidence).show([part for part in parts if part])
