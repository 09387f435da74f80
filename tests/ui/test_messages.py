"""A message lies over everything until it was read, and hinders no scan."""

import io

import pytest
from textual.widgets import DataTable, Static

from gate.core.entry import Act, Entry
from gate.core.outcome import Outcome
from gate.core.place import Role
from gate.lane.post import Operator
from gate.storage.folder import Folder
from gate.ui.plain import Plain
from gate.ui.tui.screens import message as message_screen
from gate.ui.tui.screens.message import MessageScreen
from gate.ui.tui.screens.questions import PinQuestion
from gate.ui.tui.screens.scan import ScanScreen
from gate.ui.tui.screens.supervisor import SupervisorScreen
from tests.lane.test_hostile import is_harmless
from tests.reports.test_report import ZONE
from tests.support.lanes import journal_of
from tests.support.screen import BOSS, BOSS_PIN, Screen, running, with_operators
from tests.support.venue import FixedClock

WIDE = "请立即从东门和西门撤离，不要走地下通道。" * 10
LONG = "Evacuate now through gate East and gate West, not through the tunnel. " * 3
SIZES = [(80, 24), pytest.param((160, 48), marks=pytest.mark.long)]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key counts at once; one test takes its time."""
    monkeypatch.setattr(message_screen, "READABLE_AFTER_S", 0.0)


def sent(screen: Screen, text: str) -> Entry:
    """A message that came to this gate."""
    boss = Operator("boss", Role.SUPERVISOR)
    message = screen.lane.send_message(text, (), boss)
    screen.app.deliver(message)
    return message


def read(folder: Folder) -> list[str]:
    return [e.target for e in journal_of(folder) if e.act is Act.ACKNOWLEDGEMENT]


def outcome(screen: Screen) -> Outcome | None:
    """What the panel tells."""
    return screen.panel.outcome


def shown(screen: Screen) -> str:
    """All that is painted, in one line."""
    strips = screen.app.screen._compositor.render_strips()
    lines = ["".join(segment.text for segment in strip) for strip in strips]
    return " ".join(" ".join(lines).replace("┃", " ").split())


@pytest.mark.parametrize("size", SIZES)
async def test_the_longest_is_shown_to_its_end(
    venue: Folder, clock: FixedClock, size: tuple[int, int]
) -> None:
    """In a script whose characters are two columns wide, to as many gates as there may be."""
    async with running(venue, clock, size=size) as screen:
        boss = Operator("b" * 40, Role.SUPERVISOR)
        gates = [f"{n:02}".ljust(64, "x") for n in range(20)]
        screen.app.deliver(screen.lane.send_message(WIDE[:200], gates, boss))
        await screen.until(lambda: isinstance(screen.app.screen, MessageScreen))
        await screen.settle()
        told = shown(screen).replace(" ", "")
        assert WIDE[:200] in told
        assert "17more" in told
        assert "Enter:itwasreadhere" in told


@pytest.mark.parametrize("size", SIZES)
async def test_it_is_shown_until_a_key_says_that_it_was_read(
    venue: Folder, clock: FixedClock, size: tuple[int, int]
) -> None:
    """All of it, with the verdict above it; a second waits its turn; both are in the journal."""
    async with running(venue, clock, size=size) as screen:
        await screen.type("GOOD001")
        first = sent(screen, LONG[:200])
        second = sent(screen, "\x1b[2Jsecond")
        await screen.until(lambda: isinstance(screen.app.screen, MessageScreen))
        await screen.settle()
        assert LONG[:200].strip() in shown(screen)
        assert "ENTER" in shown(screen) or "Good ticket" in shown(screen)
        await screen.press("enter")
        await screen.until(lambda: read(venue) == [first.name])
        assert "\\x1b[2Jsecond" in shown(screen)
        await screen.press("escape")
        await screen.until(lambda: read(venue) == [first.name, second.name])
        assert isinstance(screen.app.screen, ScanScreen)


async def test_scans_are_decided_meanwhile(venue: Folder, clock: FixedClock) -> None:
    """Typed ones with their Enter and those of a camera; neither reads the message."""
    async with running(venue, clock) as screen:
        sent(screen, "evacuate")
        await screen.until(lambda: isinstance(screen.app.screen, MessageScreen))
        assert screen.app.inputs is not None
        assert not screen.app.inputs.paused
        await screen.type("GOOD001")
        assert outcome(screen) is Outcome.ADMIT
        assert "ENTER" in shown(screen) or "Good ticket" in shown(screen)
        screen.app.inputs.scanned("VOID1", "evdev", is_alone=True)
        await screen.until(lambda: outcome(screen) is Outcome.REFUSE)
        assert isinstance(screen.app.screen, MessageScreen)
        assert read(venue) == []
        await screen.press("enter")
        await screen.until(lambda: len(read(venue)) == 1)
        assert outcome(screen) is Outcome.REFUSE, "the key was for the message"


async def test_a_key_that_was_pressed_too_soon_is_for_nobody(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was about to acknowledge something else has not read it."""
    monkeypatch.setattr(message_screen, "READABLE_AFTER_S", 60.0)
    async with running(venue, clock) as screen:
        sent(screen, "evacuate")
        await screen.until(lambda: isinstance(screen.app.screen, MessageScreen))
        await screen.press("enter", "escape")
        assert isinstance(screen.app.screen, MessageScreen)
        assert read(venue) == []


async def test_a_scanner_s_late_enter_reads_no_message(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key soon after a code may be the scanner's; a later one is a person's."""
    async with running(venue, clock) as screen:
        sent(screen, "evacuate")
        await screen.until(lambda: isinstance(screen.app.screen, MessageScreen))
        await screen.type("GOOD001", end="")
        monkeypatch.setattr(message_screen, "READABLE_AFTER_S", 60.0)
        await screen.press("enter")
        assert read(venue) == []
        monkeypatch.setattr(message_screen, "READABLE_AFTER_S", 0.0)
        await screen.press("enter")
        await screen.until(lambda: len(read(venue)) == 1)


@pytest.mark.long
async def test_it_lies_over_other_screens_and_questions(venue: Folder, clock: FixedClock) -> None:
    """Read there, the screen below goes on; a scan closes a question, and it stays to be read."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.press("f3")
        sent(screen, "evacuate")
        await screen.until(lambda: isinstance(screen.app.screen, MessageScreen))
        await screen.type("GOOD001")
        assert outcome(screen) is None, "nobody goes in unseen"
        await screen.press("enter")
        await screen.until(lambda: len(read(venue)) == 1)
        assert isinstance(screen.app.screen, SupervisorScreen)
        await screen.press("escape")
        await screen.type("VOID1")
        await screen.press("ctrl+o")
        assert isinstance(screen.app.screen, PinQuestion)
        sent(screen, "gate East closes")
        await screen.until(lambda: isinstance(screen.app.screen, MessageScreen))
        await screen.type("GOOD002")
        await screen.until(lambda: outcome(screen) is Outcome.ADMIT)
        assert isinstance(screen.app.screen, MessageScreen)
        assert screen.app.unread.beneath() is screen.app.scan_screen
        await screen.press("enter")
        await screen.until(lambda: len(read(venue)) == 2)
        await screen.type("GOOD003")
        assert outcome(screen) is Outcome.ADMIT


@pytest.mark.parametrize("size", SIZES)
async def test_a_supervisor_sends_one_and_sees_who_has_read_it(
    venue: Folder, clock: FixedClock, size: tuple[int, int]
) -> None:
    """F3, m: text, gates, PIN. Under 4 it stands with where it was read."""
    with_operators(venue)
    async with running(venue, clock, size=size) as screen:
        await screen.press("f3", "m")
        await screen.answer("Gate East closes", "East, West")
        await screen.until(lambda: isinstance(screen.app.screen, PinQuestion))
        assert "East, West: Gate East closes" in shown(screen)
        await screen.answer(BOSS, BOSS_PIN)
        await screen.until(lambda: journal_of(venue)[-1].act is Act.MESSAGE)
        made = journal_of(venue)[-1]
        assert (made.note, made.covers, made.operator) == (
            "Gate East closes", ("East", "West"), BOSS,
        )  # fmt: skip
        screen.lane.acknowledge(made.name)
        await screen.press("4")
        page = screen.app.screen
        table = page.query_one("#message-table", DataTable)
        await screen.until(lambda: table.row_count == 1 and table.get_row_at(0)[3] == "1")
        assert "read at North, 12:26:40" in str(page.query_one("#message", Static).content)
        assert "4 messages (1)" in shown(screen)


async def test_a_question_keeps_what_cannot_be_sent(venue: Folder, clock: FixedClock) -> None:
    """Nothing was written: it says so, and what is there stays."""
    async with running(venue, clock) as screen:
        await screen.press("f3", "m")
        await screen.answer("", "East")
        assert "this cannot be sent" in shown(screen)


def test_in_plain_mode_it_is_a_line_and_a_key_reads_it(venue: Folder, lane: object) -> None:
    """Ctrl+A, once for each, the oldest first; nothing of it moves a cursor."""
    out = io.StringIO()
    lines = Plain(lane, ZONE, out=out)  # type: ignore[arg-type]
    boss = Operator("boss", Role.SUPERVISOR)
    for text in ("evacuate \x1b[2J", "second"):
        lines.deliver(lane.send_message(text, (), boss))  # type: ignore[attr-defined]
    lines.command("acknowledge")
    told = out.getvalue().splitlines()
    assert told[0] == ("# Message from boss, North, 12:26, to all gates: evacuate \\x1b[2J")
    assert told[1] == "# Ctrl+A: it was read here"
    assert told[-1] == "# read: evacuate \\x1b[2J"
    assert all(is_harmless(line) for line in told)
    assert len(read(venue)) == 1
    lines.command("acknowledge")
    lines.command("acknowledge")
    assert len(read(venue)) == 2
    assert "there is no message" in out.getvalue().splitlines()[-1]
