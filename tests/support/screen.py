"""The application on a known venue, without camera, with a clock that stands still."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input
from textual.worker import WorkerCancelled

from gate.clock import Clock
from gate.config import Config, load
from gate.core.place import Role
from gate.core.verdict import Scan, Verdict
from gate.lane.lane import Lane
from gate.lane.operators import Operators
from gate.storage.folder import Folder
from gate.ui.tui.app import GateApp
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
BOSS, BOSS_PIN = "boss", "80521x"
KIM, KIM_PIN = "kim", "47119x"


def holds_no_key(app: App[Any]) -> bool:
    """Whether every key has been given to what it is for: one alone waits for the gap's end."""
    inputs = (wedge for screen in app.screen_stack for wedge in screen.query(WedgeInput))
    return all(wedge._held is None and not wedge._lone for wedge in inputs)


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
        for key in keys:
            character = key if len(key) == 1 and key.isprintable() else None
            self.app.post_message(events.Key(KEY_NAMES.get(key, key), character))
        await self.settle()

    async def silence(self) -> None:
        """Press nothing for longer than a scanner's gap, and until no key is held back any more."""
        # The gap begins when the keys are heard, which on a busy machine is not at once.
        await self.pilot.pause()
        await self.pilot.pause(GAPS_OF_SILENCE * self.app.config.scanner.gap_ms / 1000)
        await self.until(lambda: holds_no_key(self.app))

    async def settle(self) -> None:
        """Wait until the gap is over, the lane has spoken and the screen is painted."""
        await self.silence()
        await self.pilot.pause()
        for _ in range(10):
            # One that is overtaken by a newer one is cancelled: that is no fault.
            with suppress(WorkerCancelled):
                await self.app.workers.wait_for_complete()
                break
        await self.pilot.pause()

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait for something, not too long."""
        for _ in range(200):
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
            await self.pilot.pause(0.02)
        await self.settle()

    def scan(self, code: str) -> Verdict:
        """A scan by the camera, shown like one."""
        verdict = self.lane.admit(Scan(code, "QRCode", "camera"))
        self.app.decided(verdict)
        return verdict


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
