"""Command cards on the screen and in lines: a card does and asks what its key does and asks."""

import io
import time

import pytest

from gate.core.entry import Act
from gate.core.place import Direction, Role
from gate.credential.command_cards import Command, CommandCard
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.storage.folder import Folder
from gate.text.command_words import command_words
from gate.ui.plain import Plain
from gate.ui.tui.screens import message as message_screen
from gate.ui.tui.screens.lookup import LookupScreen
from gate.ui.tui.screens.message import MessageScreen
from gate.ui.tui.screens.questions import PinQuestion
from tests.conftest import MakeLane
from tests.lane.test_command_cards import reading
from tests.reports.test_report import ZONE
from tests.support.cards import ISSUE, READS_CARDS, Cards
from tests.support.lanes import journal_of
from tests.support.screen import BOSS, BOSS_PIN, KIM, KIM_PIN, Screen, running, with_operators
from tests.support.venue import FixedClock


@pytest.fixture
def cards(venue: Folder) -> Cards:
    with_operators(venue)
    return Cards(venue)


async def hold_up(screen: Screen, text: str, source: str = "evdev") -> None:
    """Show a card anew, however lately it was shown."""
    inputs = screen.app.inputs
    assert inputs is not None
    inputs._showings._seen.clear()
    inputs.scanned(text, source, is_alone=True)
    await screen.settle()


def way(lane: Lane) -> Direction:
    """Which way people go, as it is now."""
    return lane.direction


def notices(screen: Screen) -> str:
    return " ".join(f"{one.title} {one.message}" for one in screen.app._notifications)


async def test_turning_is_named_first(venue: Folder, clock: FixedClock, cards: Cards) -> None:
    """The first showing says which way, the second turns: whatever the key would do next."""
    async with running(venue, clock, READS_CARDS) as screen:
        text = cards.text(Command.TURN_BOTH)
        await hold_up(screen, text)
        assert way(screen.lane) is Direction.IN
        assert "The card again does it" in notices(screen)
        await hold_up(screen, cards.text(Command.TURN_OUT))
        assert way(screen.lane) is Direction.IN
        await hold_up(screen, cards.text(Command.TURN_OUT))
        assert way(screen.lane) is Direction.OUT


async def test_turning_that_takes_a_pin(venue: Folder, clock: FixedClock, cards: Cards) -> None:
    """Where the key asks for a supervisor, so does the card: it overrides nothing."""
    async with running(venue, clock, READS_CARDS, "rules.turn_needs_pin=true") as screen:
        for _n in range(2):
            await hold_up(screen, cards.text(Command.TURN_OUT))
        assert isinstance(screen.app.screen, PinQuestion)
        assert way(screen.lane) is Direction.IN


async def test_typed_by_a_keyboard_scanner(venue: Folder, clock: FixedClock, cards: Cards) -> None:
    """A scanner that types is as good as any."""
    async with running(venue, clock, READS_CARDS) as screen:
        await screen.type(cards.text(Command.TURN_OUT))
        assert "The card again does it" in notices(screen)
        assert screen.panel.outcome is None


async def test_message_read(
    venue: Folder, clock: FixedClock, cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card reads the message that is shown, and none that has only just come."""
    async with running(venue, clock, READS_CARDS) as screen:
        boss = Operator("boss", Role.SUPERVISOR)
        message = screen.lane.send_message("evacuate", (), boss)
        screen.app.deliver(message)
        await screen.until(lambda: isinstance(screen.app.screen, MessageScreen))
        monkeypatch.setattr(message_screen, "READABLE_AFTER_S", 1e9)
        await hold_up(screen, cards.text(Command.READ))
        assert isinstance(screen.app.screen, MessageScreen)
        monkeypatch.setattr(message_screen, "READABLE_AFTER_S", 0.0)
        await hold_up(screen, cards.text(Command.READ))
        await screen.until(lambda: not isinstance(screen.app.screen, MessageScreen))
        await screen.settle()
        acts = [(one.act, one.target) for one in journal_of(venue)]
        assert (Act.ACKNOWLEDGEMENT, message.name) in acts
        await hold_up(screen, cards.text(Command.READ))
        assert "Nothing to do now" in notices(screen)


async def test_sign_in_with_pin(venue: Folder, clock: FixedClock, cards: Cards) -> None:
    """The card says who, the PIN is typed; the same card signs out, as the key does."""
    async with running(venue, clock, READS_CARDS) as screen:
        text = cards.text(Command.SIGN_IN, KIM)
        await hold_up(screen, text)
        assert isinstance(screen.app.screen, PinQuestion)
        await screen.answer(KIM_PIN)
        await screen.until(lambda: screen.lane.operator == Operator(KIM, Role.STAFF))
        await hold_up(screen, cards.text(Command.SIGN_IN, BOSS))
        await screen.answer(BOSS_PIN)
        await screen.until(lambda: screen.lane.operator == Operator(BOSS, Role.SUPERVISOR))
        await hold_up(screen, cards.text(Command.SIGN_IN, BOSS))
        await screen.until(lambda: screen.lane.operator is None)


async def test_a_card_alone_signs_nobody_in(venue: Folder, clock: FixedClock, cards: Cards) -> None:
    """Whoever found a card has no PIN."""
    async with running(venue, clock, READS_CARDS) as screen:
        await hold_up(screen, cards.text(Command.SIGN_IN, KIM))
        await screen.answer("wrong")
        await screen.press("escape")
        assert screen.lane.operator is None


@pytest.mark.examples(1)
@pytest.mark.parametrize("source", ["evdev", "keyboard"])
async def test_sign_in_where_it_is_asked_for(
    venue: Folder, clock: FixedClock, cards: Cards, source: str
) -> None:
    """At a gate that lets nobody work unnamed, the card fills in the question that is up."""
    async with running(venue, clock, READS_CARDS, "operators.sign_in=true") as screen:
        assert isinstance(screen.app.screen, PinQuestion)
        text = cards.text(Command.SIGN_IN, KIM)
        if source == "keyboard":
            await screen.type(text)
        else:
            await hold_up(screen, text)
        assert isinstance(screen.app.screen, PinQuestion)
        assert screen.app.screen.query_one("#name").value == KIM  # type: ignore[attr-defined]
        await screen.answer(KIM_PIN)
        await screen.until(lambda: screen.lane.operator == Operator(KIM, Role.STAFF))


async def test_closing_takes_two(venue: Folder, clock: FixedClock, cards: Cards) -> None:
    """As the key does."""
    async with running(venue, clock, READS_CARDS) as screen:
        await hold_up(screen, cards.text(Command.CLOSE))
        assert "Once more to close the gate" in notices(screen)
        assert screen.app.return_value is None
        await hold_up(screen, cards.text(Command.CLOSE))
        await screen.until(lambda: screen.app.return_value == 0)


async def test_behind_another_screen_nothing(
    venue: Folder, clock: FixedClock, cards: Cards
) -> None:
    """While a guest is looked up the lane is not turned by what lies in view."""
    async with running(venue, clock, READS_CARDS) as screen:
        await screen.press("f4")
        assert isinstance(screen.app.screen, LookupScreen)
        for _n in range(2):
            await hold_up(screen, cards.text(Command.TURN_OUT))
        assert way(screen.lane) is Direction.IN


def test_in_lines(cards: Cards, make_lane: MakeLane) -> None:
    """Without a screen the same, by lines."""
    out = io.StringIO()
    lane = make_lane(rules=reading(ISSUE))
    looks: list[float] = []
    plain = Plain(lane, ZONE, out=out, look_hard=lambda: looks.append(time.monotonic()))
    turn = CommandCard(Command.TURN_OUT, ISSUE)
    plain.carry_out(turn)
    assert way(lane) is Direction.IN
    plain.carry_out(turn)
    assert way(lane) is Direction.OUT
    plain.carry_out(CommandCard(Command.LOOK_HARD, ISSUE))
    assert len(looks) == 1
    plain.carry_out(CommandCard(Command.READ, ISSUE))
    plain.carry_out(CommandCard(Command.SIGN_IN, ISSUE, KIM))
    plain.carry_out(CommandCard(Command.CLOSE, ISSUE))
    assert not plain.quitting.is_set()
    plain.carry_out(CommandCard(Command.CLOSE, ISSUE))
    assert plain.quitting.is_set()
    lines = out.getvalue()
    assert "the card again does it" in lines
    assert "there is no message" in lines
    assert "without --plain" in lines


def test_every_command_has_words() -> None:
    """A card says what it does."""
    said = {command_words(CommandCard(command, 1)) for command in Command}
    assert len(said) == len(Command)
    assert command_words(CommandCard(Command.SIGN_IN, 1, "K\x1bim")) == "Sign in: K\\x1bim"
