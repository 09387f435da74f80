"""The application on a known venue, without camera, with a clock that stands still."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input
from textual.worker import WorkerCancelled

from gate.clock import Clock, monotonic_ms
from gate.config import Config, load
from gate.core.place import Role
from gate.core.verdict import Scan, Verdict
from gate.lane.lane import Lane
from gate.lane.operators import Operators
from gate.storage.folder import Folder
from gate.ui.tui.app import GateApp
from gate.ui.tui.panel_words import SHOWN_S
from gate.ui.tui.silence import Silence
from gate.ui.tui.verdict_panel import VerdictPanel
from gate.ui.tui.wedge_input import WedgeInput

SETTINGS = [
    "screen.glyphs=unicode",
    "gate.name=North",
    "gate.entrance=North",
    "camera.device=off",
    "scanner.gap_ms=40",
]
GAPS_OF_SILENCE = 1.5
HOPS = 8
"""A message makes others, which make others: so many times each has its turn."""
LOOKS = 1500
LANE_S = 60.0
SOON_MS = 250
"""What a scanner typed and is decided sooner than this is waited for."""
STAYS_S = 60.0
USUAL_S = dict(SHOWN_S)
BOSS, BOSS_PIN = "boss", "80521x"
KIM, KIM_PIN = "kim", "47119x"


def holds_no_key(app: App[Any]) -> bool:
    """Whether every key has been given to what it is for: one alone waits for the gap's end."""
    inputs = (wedge for screen in app.screen_stack for wedge in screen.query(WedgeInput))
    return not any(wedge._silence.is_awaited for wedge in inputs)


@contextmanager
def in_no_hurry() -> Iterator[None]:
    """Nothing goes from the screen by itself before it was looked at, however slow the machine is.

    What a test lets go sooner does.
    """
    with pytest.MonkeyPatch.context() as patch:
        for outcome, shown_s in USUAL_S.items():
            if SHOWN_S[outcome] == shown_s:
                patch.setitem(SHOWN_S, outcome, STAYS_S)
        patch.setattr(GateApp, "NOTIFICATION_TIMEOUT", STAYS_S)
        patch.setattr("gate.ui.tui.lane_keys.AGAIN_S", STAYS_S)
        patch.setattr("gate.ui.tui.screens.scan.QUIT_AGAIN_S", STAYS_S)
        yield


class Screen:
    """A running application and how to handle it in tests."""

    def __init__(self, app: GateApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def lane(self) -> Lane:
        return self.app.lane

    @property
    def panel(self) -> VerdictPanel:
        return self.app.scan_screen.query_one(VerdictPanel)

    @property
    def text(self) -> str:
        """Everything the panel says."""
        return str(self.panel.content)

    async def type(self, text: str, *, end: str = "enter") -> None:
        """Type as a scanner does: in one burst, and with a suffix."""
        await self.burst(*text, *([end] if end else []))

    async def burst(self, *keys: str) -> None:
        """Send keys so fast that nobody could have typed them."""
        with self._without_gaps():
            for key in keys:
                character = key if len(key) == 1 and key.isprintable() else None
                self.app.post_message(events.Key(KEY_NAMES.get(key, key), character))
            await self.heard()
        await self.settle()

    @contextmanager
    def _without_gaps(self) -> Iterator[None]:
        """No time passes between keys, though a busy machine may hear them one by one."""
        now_ms, inputs = monotonic_ms(), self.app.inputs
        waiting: dict[Silence, None] = {}

        def wait(one: Silence) -> None:
            one.stop()
            waiting[one] = None

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Silence, "begin", wait)
            if inputs is not None:
                patch.setattr(inputs.selection, "_now_ms", lambda: now_ms)
            yield
        for one in waiting:
            if one._widget.is_attached:
                one.begin()

    async def heard(self) -> None:
        """Wait until messages were heard, and those that they made."""
        for _ in range(HOPS):
            if not self.app._exit:
                await self.pilot.pause(0)

    async def silence(self) -> None:
        """Press nothing for longer than a scanner's gap, and until no key is held back any more."""
        # The gap begins when the keys are heard, which on a busy machine is not at once.
        await self.pilot.pause()
        await self.pilot.pause(GAPS_OF_SILENCE * self.app.config.scanner.gap_ms / 1000)
        await self._look_until(lambda: holds_no_key(self.app))

    async def settle(self) -> None:
        """Wait until the gap is over, the lane has spoken and the screen is painted."""
        await self.silence()
        await self.pilot.pause()
        await self._lane_has_spoken()
        for _ in range(10):
            # One that is overtaken by a newer one is cancelled: that is no fault.
            with suppress(WorkerCancelled):
                await self.app.workers.wait_for_complete()
                break
        await self.pilot.pause()
        await self._lane_has_spoken()

    async def _lane_has_spoken(self) -> None:
        """Wait until what was scanned is decided, on disk and told."""
        await self._look_until(self._holds_nothing_back)
        for _ in range(2):  # a code is looked up, and then decided
            with suppress(RuntimeError):  # a lane that is closed has nothing more to say
                done = self.lane._thread.submit(_nothing)
                await asyncio.wait_for(asyncio.wrap_future(done), LANE_S)
        await self.heard()

    def _holds_nothing_back(self) -> bool:
        """Whether no code that a scanner typed is about to be decided."""
        if self.app.inputs is None or not self.app.is_running:
            return True
        selection = self.app.inputs.selection
        with selection._changed:
            now_ms, triggers = selection._now_ms(), selection._triggers
            dues = [triggers._due(one) for one in triggers._pending if not one.awaited]
        return not any(due - now_ms < SOON_MS for due in dues)

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait for something, not too long, and for what comes of it: a new screen's widgets."""
        await self._look_until(ready)
        await self.heard()

    async def _look_until(self, ready: Callable[[], bool]) -> None:
        for _ in range(LOOKS):
            if ready():
                return
            await self.pilot.pause(0.02)
        raise AssertionError("it never came")

    async def press(self, *keys: str) -> None:
        """Press keys like a person: alone, with silence around them."""
        for key in keys:
            await self.silence()
            await self.pilot.press(key)
        await self.settle()

    async def focus(self, selector: str) -> None:
        """Put the cursor somewhere."""
        self.app.screen.query_one(selector).focus()
        await self.pilot.pause()

    async def answer(self, *values: str) -> None:
        """Fill in the inputs of the question on the screen."""
        for value in values:
            self.app.screen.query_one("Input:focus", Input).value = value
            await self.pilot.press("enter")
            await self.heard()
        await self.settle()

    def scan(self, code: str) -> Verdict:
        """A scan by the camera, shown like one."""
        verdict = self.lane.admit(Scan(code, "QRCode", "camera"))
        self.app.decided(verdict)
        return verdict


def _nothing() -> None:
    pass


KEY_NAMES = {"-": "minus", " ": "space", "\x1d": "ctrl+right_square_bracket", "/": "slash"}


def make_app(folder: Folder, clock: Clock, *settings: str) -> GateApp:
    """The application on a folder; close its lane afterwards."""
    config: Config = load(None, {}, [*SETTINGS, f"data_dir={folder.path}", *settings])
    lane = Lane(folder, clock, config.place(), config.house_rules(), config.gate.direction)
    lane.open()
    return GateApp(lane, config, folder)


@asynccontextmanager
async def running(
    folder: Folder, clock: Clock, *settings: str, size: tuple[int, int] = (100, 30)
) -> AsyncIterator[Screen]:
    """The application while the block runs."""
    app = make_app(folder, clock, *settings)
    try:
        with in_no_hurry():
            async with app.run_test(size=size) as pilot:
                await pilot.pause()
                yield Screen(app, pilot)
    finally:
        app.lane.close()


def with_operators(folder: Folder) -> None:
    """A supervisor and a member of staff."""
    operators = Operators(folder)
    operators.add(BOSS, Role.SUPERVISOR, BOSS_PIN)
    operators.add(KIM, Role.STAFF, KIM_PIN)


Before = Callable[[Pilot[int]], Awaitable[None]]
