"""A screen that faces the guests: codes work and keys do not, and it shows nothing of others."""

from typing import Any

import pytest

from gate.core.entry import Act
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction, Role
from gate.core.verdict import Verdict
from gate.credential.command_cards import Command, CommandCard
from gate.lane.post import Operator
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.text.guest_words import SENTENCES, guest_words
from gate.ui.tui import kiosk as kiosk_module
from gate.ui.tui import panel_words
from gate.ui.tui.messages import CommandRead
from gate.ui.tui.screens.message import MessageScreen
from gate.ui.tui.screens.page import Page
from gate.ui.tui.screens.questions import PinQuestion
from gate.ui.tui.screens.supervisor import SupervisorScreen
from tests.support.screen import BOSS, BOSS_PIN, KIM, KIM_PIN, Screen, running, with_operators
from tests.support.venue import NOW_MS, FixedClock

KIOSK = "screen.kiosk=true"
KEYS = (
    "f1", "f2", "f3", "f4", "f5", "f6", "f6", "f7", "f8", "f9", "f12", "ctrl+k", "ctrl+n", "ctrl+o",
    "ctrl+s", "ctrl+t", "ctrl+z", "ctrl+z", "ctrl+q", "ctrl+q", "ctrl+c", "ctrl+c",
)  # fmt: skip


def acts(folder: Folder) -> list[Act]:
    reader = JournalReader(folder.journal)
    made = [entry.act for _row, entry in reader.page()]
    reader.close()
    return made


async def unlock(screen: Screen, name: str = BOSS, pin: str = BOSS_PIN) -> None:
    await screen.press("ctrl+l")
    await screen.until(lambda: isinstance(screen.app.screen, PinQuestion))
    await screen.answer(name, pin)


async def after_all_keys(screen: Screen) -> list[str]:
    """What is open after a guest has pressed everything."""
    await screen.press(*KEYS)
    return [type(one).__name__ for one in screen.app.screen_stack[1:]]


async def test_no_key_does_anything(venue: Folder, clock: FixedClock) -> None:
    """After a guest was let in: not undone, not counted, not turned, nothing opened, not closed."""
    with_operators(venue)
    async with running(venue, clock, KIOSK) as screen:
        await screen.type("GOOD001")
        assert await after_all_keys(screen) == ["ScanScreen"]
        assert screen.app.is_running
        assert screen.lane.direction is Direction.IN
        await screen.type("GOOD002")
        assert screen.panel.outcome is Outcome.ADMIT
    assert acts(venue) == [Act.LANE_OPENED, Act.ADMISSION, Act.ADMISSION, Act.LANE_CLOSED]


@pytest.mark.long
async def test_mutation_keys_that_are_not_locked_do(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the lock the first of them opens a screen."""
    monkeypatch.setattr("gate.ui.tui.kiosk.Kiosk.is_locked", property(lambda _self: False))
    async with running(venue, clock, KIOSK) as screen:
        await screen.press("f1")
        assert len(screen.app.screen_stack) > 2


async def test_a_supervisors_pin_unlocks_and_ctrl_l_locks(venue: Folder, clock: FixedClock) -> None:
    """Staff do not, and a wrong PIN does not."""
    with_operators(venue)
    async with running(venue, clock, KIOSK) as screen:
        await unlock(screen, KIM, KIM_PIN)
        assert screen.app.kiosk.is_locked
        await screen.press("escape")
        await unlock(screen)
        await screen.until(lambda: not screen.app.kiosk.is_locked)
        await screen.press("f3")
        assert isinstance(screen.app.screen, SupervisorScreen)
        await screen.press("f2", "ctrl+l")
        assert screen.app.kiosk.is_locked
        assert await after_all_keys(screen) == ["ScanScreen"]


async def test_it_locks_by_itself_and_closes_what_was_open(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever goes away from an open list leaves it to nobody."""
    with_operators(venue)
    async with running(venue, clock, KIOSK) as screen:
        await unlock(screen)
        await screen.press("f3")
        assert isinstance(screen.app.screen, SupervisorScreen)
        screen.app.kiosk._until_s = 0.0
        await screen.until(lambda: screen.app.screen is screen.app.scan_screen)
        assert screen.app.scan_screen.has_class("-kiosk")
        assert screen.app.inputs is not None
        screen.app.inputs.scanned("GOOD001", "evdev")
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)


async def test_a_question_is_given_up_by_its_own_time(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by that of one that was closed before."""
    async with running(venue, clock, KIOSK) as screen:
        ends: list[Any] = []
        monkeypatch.setattr(screen.app, "set_timer", lambda _s, end: ends.append(end))
        for keys in (("ctrl+l", "escape"), ("ctrl+l",)):
            await screen.press(*keys)
        assert len(ends) == 2
        ends[0]()
        await screen.settle()
        assert isinstance(screen.app.screen, PinQuestion)
        ends[1]()
        await screen.until(lambda: screen.app.screen is screen.app.scan_screen)


async def test_a_question_nobody_answers_goes_away(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guest who presses Ctrl+L keeps the next one waiting for half a minute at most."""
    assert kiosk_module.ASKED_S <= 30
    monkeypatch.setattr("gate.ui.tui.kiosk.ASKED_S", 0.5)
    async with running(venue, clock, KIOSK) as screen:
        asked: list[object] = []
        push = screen.app.push_screen

        def noted(page: Page | PinQuestion, *then: Any) -> object:
            asked.append(page)
            return push(page, *then)

        monkeypatch.setattr(screen.app, "push_screen", noted)
        await screen.press("ctrl+l")
        await screen.until(lambda: bool(asked) and screen.app.screen is screen.app.scan_screen)
        assert [type(one) for one in asked] == [PinQuestion]
        assert screen.app.inputs is not None
        screen.app.inputs.scanned("GOOD001", "evdev")
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)


async def test_a_guest_sees_what_is_for_guests(venue: Folder, clock: FixedClock) -> None:
    """Where to hold the code, then a word and a sentence; no name, counts, last scans, toasts."""
    async with running(venue, clock, KIOSK, size=(80, 24)) as screen:
        assert "Hold the code here" in screen.text
        assert "█" in screen.text
        verdict = screen.scan("GOOD001")
        await screen.settle()
        assert "Welcome. Please go in." in screen.text
        assert verdict.ticket is not None
        assert not verdict.ticket.holder or verdict.ticket.holder not in screen.text
        for hidden in ("#counts", "#last", "KeyHints"):
            assert not screen.app.scan_screen.query_one(hidden).display


async def test_a_stop_goes_away_by_itself(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is there to read it away."""
    assert panel_words.GUEST_SHOWN_S < 10
    monkeypatch.setattr("gate.ui.tui.screens.scan.GUEST_SHOWN_S", 0.2)
    async with running(venue, clock, KIOSK) as screen:
        await screen.type("nobody's code")
        await screen.until(lambda: "Hold the code here" in screen.text)


async def test_a_card_does_nothing_while_keys_are_locked(venue: Folder, clock: FixedClock) -> None:
    """One that turns the lane, shown by a guest."""
    async with running(venue, clock, KIOSK) as screen:
        for _n in range(2):
            screen.app.post_message(CommandRead(CommandCard(Command.TURN_OUT, 1)))
            await screen.settle()
        assert screen.lane.direction is Direction.IN


async def test_a_message_waits_for_the_staff(venue: Folder, clock: FixedClock) -> None:
    """It is shown once somebody has unlocked the keys."""
    with_operators(venue)
    async with running(venue, clock, KIOSK) as screen:
        boss = Operator(BOSS, Role.SUPERVISOR)
        message = screen.lane.send_message("evacuate", (), boss)
        screen.app.deliver(message)
        await screen.settle()
        assert screen.app.screen is screen.app.scan_screen
        await unlock(screen)
        await screen.until(lambda: isinstance(screen.app.screen, MessageScreen))


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_sentence_for_guests(outcome: Outcome) -> None:
    """And none tells what is suspected."""
    verdict = Verdict(outcome, Reason.BLOCKED_AT_DOOR, Direction.IN, NOW_MS)
    words = guest_words(verdict)
    assert words.rule == SENTENCES[outcome]
    assert "Blocked" not in repr(words)


def test_a_guest_is_told_what_helps() -> None:
    """Too early, the wrong entrance: the rule, and whom to ask."""
    words = guest_words(Verdict(Outcome.REFUSE, Reason.TOO_EARLY, Direction.IN, NOW_MS))
    assert (words.rule, words.remedy) == ("Too early", "Please ask the staff.")
