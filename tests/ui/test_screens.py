"""How every screen and outcome looks. Review the pictures when they change; see CONTRIBUTING."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input

from gate import i18n
from gate.capture.picture import Preview
from gate.core.outcome import Outcome
from gate.core.place import Direction, Role
from gate.core.verdict import Scan
from gate.lane.post import Operator
from gate.reports.checks.finding import Status
from gate.reports.doctor import Check
from gate.storage import fleet_devices, journal
from gate.storage.folder import Folder
from gate.text.verdict_words import Words
from gate.ui.tui.app import GateApp
from gate.ui.tui.lane_keys import LaneKeys
from gate.ui.tui.screens import doctor as doctor_module
from gate.ui.tui.status import Part, status_of
from gate.ui.tui.verdict_panel import VerdictPanel
from tests.support.screen import Before, holds_no_key, in_no_hurry, make_app, with_operators
from tests.support.venue import FixedClock, fill
from tests.system.neighbours import carry, known, neighbour, say

Snap = Callable[..., bool]
SMALL, LARGE = (80, 24), (160, 48)
SIZES = [pytest.param(SMALL, id="80x24"), pytest.param(LARGE, id="160x48", marks=pytest.mark.long)]
LOOK_S, LOOKS = 0.1, 100


@pytest.fixture
def snap_compare(snap_compare: Snap) -> Snap:
    """The picture is taken once the screen changes no more, however busy the machine is."""

    def compare(app: GateApp, *, terminal_size: tuple[int, int], run_before: Before) -> bool:
        async def run(pilot: Pilot[int]) -> None:
            await run_before(pilot)
            await _settled(pilot)

        return snap_compare(app, terminal_size=terminal_size, run_before=run)

    return compare


async def _settled(pilot: Pilot[int]) -> None:
    seen = None
    for _ in range(LOOKS):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        looked = pilot.app.export_screenshot()
        if looked == seen and holds_no_key(pilot.app):
            return
        seen = looked
        await pilot.pause(LOOK_S)
    raise AssertionError("the screen never came to rest")


@pytest.fixture(autouse=True)
def _of_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures are of 0.1.0, whatever commit is looked at."""
    for module in (fleet_devices, journal):
        monkeypatch.setattr(module, "__version__", "0.1.0")


@pytest.fixture
def app(venue: Folder, clock: FixedClock) -> Iterator[Callable[..., GateApp]]:
    """Makes applications that look the same every time."""
    made: list[GateApp] = []

    def make(*settings: str) -> GateApp:
        made.append(make_app(venue, clock, *settings))
        return made[-1]

    yield make
    for one in made:
        one.lane.close()


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Input, "cursor_blink", False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    with in_no_hurry():
        yield


def shown(app: GateApp, *codes: str, before: Callable[[], object] | None = None) -> Any:
    """Scan the codes one after the other and wait until the last is painted."""

    async def run(pilot: Pilot[int]) -> None:
        await pilot.pause()
        for code in codes:
            app.decided(app.lane.admit(Scan(code, "QRCode", "camera")))
        if before is not None:
            before()
        await pilot.pause(0.05)

    return run


OUTCOMES = [
    ("admit", ["NAMED1"], []),
    ("exit", ["GOOD001"], ["gate.direction=out"]),
    ("attention", ["VIP1"], []),
    ("refuse", ["EAST1"], []),
    ("rescan", ["GOOD001", "GOOD001"], []),
    ("valid", ["GOOD001"], ["gate.direction=check"]),
    ("group", ["GROUP1"], []),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("codes", "settings"), [case[1:] for case in OUTCOMES], ids=[case[0] for case in OUTCOMES]
)
def test_outcome(
    snap_compare: Snap,
    app: Callable[..., GateApp],
    codes: list[str],
    settings: list[str],
    size: tuple[int, int],
) -> None:
    """Each outcome differs in word, shape, colour and border."""
    made = app("gate.ways.East=Go left, 80 m.", *settings)
    assert snap_compare(made, terminal_size=size, run_before=shown(made, *codes))


LONG = Words(
    word="STOP",
    rule="Ticket for another place",
    note="Wristband at the desk, then by the left stairs to the box: two more guests come later.",
    fact="The ticket is for: North stand, lower tier, and the terrace behind it",
    remedy="Send the guest to the place on the ticket.",
    ticket="Hospitality with two meals and parking · Block C · Row 14 · Seat 7",
    holder="Maximiliane von Hohenstein-Wittgenstein",
    basis="alone: South not heard since 11:26, West not heard since 11:20",
)


def long_one(app: GateApp, outcome: Outcome, words: Words) -> Any:
    """A verdict of so many words, without a scan."""

    def show() -> None:
        panel = app.scan_screen.query_one(VerdictPanel)
        panel.show(outcome, words)
        app.scan_screen._make_room(panel)

    return shown(app, before=show)


@pytest.mark.parametrize("glyphs", ["unicode", "ascii"])
@pytest.mark.parametrize("size", SIZES)
def test_long(
    snap_compare: Snap, app: Callable[..., GateApp], size: tuple[int, int], glyphs: str
) -> None:
    """All sentences, below the drawn word as long as there is room; also on the console."""
    made = app(f"screen.glyphs={glyphs}")
    run = long_one(made, Outcome.REFUSE, LONG)
    assert snap_compare(made, terminal_size=size, run_before=run)


def test_pages(snap_compare: Snap, app: Callable[..., GateApp]) -> None:
    """What has no room at all is on a second page, and the first says so."""
    made = app()
    run = long_one(made, Outcome.HOLD, replace(LONG, word="WAIT", note=f"{LONG.note} " * 16))
    assert snap_compare(made, terminal_size=SMALL, run_before=run)


@pytest.mark.parametrize("theme", ["gate-dark", "gate-sun"])
def test_ask(snap_compare: Snap, app: Callable[..., GateApp], theme: str) -> None:
    """A question has a colour, a border and a shape of its own."""
    made = app(f"screen.theme={theme}")
    words = Words("ASK", "Older than 18?", remedy="Ask the guest.", ticket="Winter Gala")
    run = long_one(made, Outcome.ASK, words)
    assert snap_compare(made, terminal_size=SMALL, run_before=run)


@pytest.mark.parametrize("key", ["", "f1", "f3", "f4"])
def test_console(snap_compare: Snap, app: Callable[..., GateApp], key: str) -> None:
    """With letters, ASCII and coloured blanks."""
    made = app("screen.glyphs=ascii")

    async def run(pilot: Pilot[int]) -> None:
        await shown(made, "GOOD001")(pilot)
        if key:
            await pilot.press(key)
            await pilot.pause(0.2)
            await made.workers.wait_for_complete()

    assert snap_compare(made, terminal_size=SMALL, run_before=run)


def test_hold(snap_compare: Snap, app: Callable[..., GateApp], venue: Folder) -> None:
    """A fault: neither green nor red."""
    made = app()
    venue.pointer.unlink()
    assert snap_compare(made, terminal_size=SMALL, run_before=shown(made, "GOOD001"))


def test_duplicate(snap_compare: Snap, app: Callable[..., GateApp], clock: FixedClock) -> None:
    """When, where, by whom."""
    made = app()
    made.lane.admit(Scan("GOOD001"))
    clock.pass_seconds(400)
    assert snap_compare(made, terminal_size=SMALL, run_before=shown(made, "GOOD001"))


def test_ready(snap_compare: Snap, app: Callable[..., GateApp]) -> None:
    """What to do, and nothing that pulses."""
    made = app()
    assert snap_compare(made, terminal_size=SMALL, run_before=shown(made))


def test_preview(snap_compare: Snap, app: Callable[..., GateApp]) -> None:
    """The picture in half blocks with the code's outline."""
    made = app("camera.device=/dev/null")
    grey = (np.indices((90, 160)).sum(0) % 256).astype(np.uint8)
    corners = ((0.3, 0.3), (0.6, 0.35), (0.58, 0.8), (0.28, 0.75))

    async def run(pilot: Pilot[int]) -> None:
        for _ in range(200):
            if made.scan_screen._readers.is_camera_lost:
                break
            await pilot.pause(0.05)
        await pilot.pause(0.3)
        made._previewed(Preview(grey, (corners,)))
        await pilot.pause(0.1)

    assert snap_compare(made, terminal_size=SMALL, run_before=run)


@pytest.mark.examples(1)
@pytest.mark.parametrize("code", ["GOOD001", "VOID1"])
def test_sun(snap_compare: Snap, app: Callable[..., GateApp], code: str) -> None:
    """The theme for outdoors."""
    made = app("screen.theme=gate-sun")
    assert snap_compare(made, terminal_size=SMALL, run_before=shown(made, code))


@pytest.mark.examples(1)
@pytest.mark.parametrize("code", ["GOOD001", "VOID1", "VIP1"])
def test_without_colour(
    snap_compare: Snap,
    app: Callable[..., GateApp],
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under NO_COLOR word, shape and border carry the verdict."""
    monkeypatch.setenv("NO_COLOR", "1")
    made = app()
    assert snap_compare(made, terminal_size=SMALL, run_before=shown(made, code))


@pytest.mark.examples(2)
@pytest.mark.parametrize("code", ["NAMED2", "VOID1", "VIP1"])
def test_chinese(snap_compare: Snap, app: Callable[..., GateApp], code: str) -> None:
    """The same in zh_CN, drawn words included."""
    i18n.use("zh_CN")
    made = app()
    assert snap_compare(made, terminal_size=SMALL, run_before=shown(made, code))


@pytest.mark.parametrize("key", ["f1", "f3", "f4"])
@pytest.mark.parametrize("size", SIZES)
def test_page(
    snap_compare: Snap, app: Callable[..., GateApp], key: str, size: tuple[int, int]
) -> None:
    """Help, counts, lookup."""
    made = app()
    for code in ("GOOD001", "GOOD002", "GROUP1", "VOID1", "NOBODY"):
        made.lane.admit(Scan(code))

    async def run(pilot: Pilot[int]) -> None:
        await pilot.press(key)
        if key != "f4":
            return
        await _settled(pilot)
        made.screen.query_one(Input).value = "jose"
        for _ in range(LOOKS):
            if made.screen.query_one(DataTable).row_count:
                return
            await pilot.pause(LOOK_S)

    assert snap_compare(made, terminal_size=size, run_before=run)


@pytest.mark.parametrize("theme", ["gate-dark", pytest.param("gate-sun", marks=pytest.mark.long)])
@pytest.mark.parametrize("section", ["1", "2", "3"])
@pytest.mark.parametrize("size", SIZES)
def test_venue(
    snap_compare: Snap,
    app: Callable[..., GateApp],
    venue: Folder,
    clock: FixedClock,
    tmp_path: Path,
    section: str,
    size: tuple[int, int],
    theme: str,
) -> None:
    """The whole venue: figures, devices with one unheard and one alarm, conflicts open first."""
    (venue.path / "device").write_text("4" * 16 + "\n")
    made = app(f"screen.theme={theme}")
    (tmp_path / "south").mkdir()
    (tmp_path / "south" / "device").write_text("5" * 16 + "\n")
    fill(Folder(tmp_path / "south"))
    with neighbour(tmp_path / "south", clock) as south:
        south.sign_in(Operator("kim", Role.STAFF))
        for code in ("GOOD001", "GOOD002", "GOOD003", "VOID1"):
            south.admit(Scan(code))
        clock.pass_seconds(90)
        for code in ("GOOD001", "GOOD002", "NAMED1", "GROUP1"):
            made.lane.admit(Scan(code))
        carry(south._folder, venue)
    made.lane.resolve("good-2", Operator("boss", Role.SUPERVISOR), "screenshot, both paid")
    say(
        venue, clock,
        known("5" * 16, clock, ago_s=0.4, name="South 1", gate="South", version="0.2.0",
              offset_ms=-80, error_ms=9, unacked=3),
        known("6" * 16, clock, ago_s=400, name="West 1", gate="West", version="0.2.0", unacked=12),
        known("7" * 16, clock, ago_s=4000, name="VIP", active=False),
        alarms=("6" * 16,), ahead_ms=12, error_ms=4, ago_s=0.8, unacked=1,
    )  # fmt: skip

    async def run(pilot: Pilot[int]) -> None:
        await pilot.press("f3")
        await _settled(pilot)
        await pilot.press(section)

    assert snap_compare(made, terminal_size=size, run_before=run)


def test_alone(
    snap_compare: Snap, app: Callable[..., GateApp], venue: Folder, clock: FixedClock
) -> None:
    """Green, and below it who was not heard since when."""
    made = app()
    say(venue, clock, known("6" * 16, clock, ago_s=400, name="West 1"), ago_s=400, unacked=12)
    assert snap_compare(made, terminal_size=SMALL, run_before=shown(made, "GOOD001"))


def test_doctor(
    snap_compare: Snap, app: Callable[..., GateApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Findings with their symbols, the worst with what to do."""
    checks = [
        Check("program", Status.OK, "venue-gate, Python, SQLite"),
        Check("disk sync", Status.WARN, "310 ms", "Slow: use a better card or a USB disk."),
        Check("clock", Status.FAIL, "1970-01-01 00:00", "Set the clock."),
        Check("camera", Status.SKIP, "switched off"),
    ]
    monkeypatch.setattr(doctor_module, "examine", lambda *_args, **_more: iter(checks))
    made = app()

    async def run(pilot: Pilot[int]) -> None:
        await pilot.press("f9")
        await pilot.pause(0.2)
        await made.workers.wait_for_complete()
        await pilot.pause(0.1)

    assert snap_compare(made, terminal_size=SMALL, run_before=run)


def test_pin_question(snap_compare: Snap, app: Callable[..., GateApp], venue: Folder) -> None:
    """Name, PIN, reason."""
    with_operators(venue)
    made = app()
    made.lane.admit(Scan("VOID1"))

    async def run(pilot: Pilot[int]) -> None:
        await pilot.pause()
        made.scan_screen.query_one(LaneKeys).action_override()
        await pilot.pause(0.1)

    assert snap_compare(made, terminal_size=SMALL, run_before=run)


def test_directions_are_told(app: Callable[..., GateApp]) -> None:
    """Every direction has its word in the status bar."""
    made = app()
    told = set()
    for direction in Direction:
        made.lane.direction = direction
        told.add(status_of(made)[Part.DIRECTION])
    assert len(told) == len(Direction)
