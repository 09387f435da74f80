"""Command cards at a lane: one showing is one command, and a card is never a ticket."""

import time
from dataclasses import dataclass, field

import pytest

from gate.capture.picture import Seen
from gate.config import load
from gate.core.code_formats import CodeFormats
from gate.core.outcome import Outcome, Reason
from gate.core.place import HouseRules
from gate.core.verdict import Scan, Verdict
from gate.credential.command_cards import Command, CommandCard
from gate.credential.layouts import retyped
from gate.lane import inputs as inputs_module
from gate.lane.command_cards import Showings
from gate.lane.inputs import Inputs
from gate.lane.lane import Lane
from gate.storage.certificates import MEMBER
from gate.storage.folder import Folder
from tests.conftest import MakeLane
from tests.support.cards import ISSUE, Cards
from tests.support.lanes import journal_of


@dataclass
class Door:
    """The inputs of a lane, a clock that is told, and what came of what they read."""

    lane: Lane
    now_ms: int = 0
    cards: list[CommandCard] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inputs = Inputs(
            self.lane,
            load(None, {}, ["camera.device=off"]),
            self.verdicts.append,
            on_command=self.cards.append,
            on_aside=lambda code, _source: self.aside.append(code),
            now_ms=lambda: self.now_ms,
        )

    def show(self, *texts: str, ms: int = 100) -> None:
        """Hold codes up to the camera."""
        for _n in range(0, ms, 100):
            self.inputs._frame([Seen(text, "QRCode", time.perf_counter_ns()) for text in texts])
            self.now_ms += 100

    def type(self, text: str) -> None:
        self.inputs.scanned(text, "evdev", is_alone=True)
        # Until the lane has done what it was asked, twice: it looks up, and then decides.
        for _n in range(3):
            self.lane.look_up(Scan("nobody's")).result()

    @property
    def commands(self) -> list[Command]:
        return [card.command for card in self.cards]


@pytest.fixture
def cards(venue: Folder) -> Cards:
    return Cards(venue)


def reading(issue: int) -> HouseRules:
    return HouseRules(formats=CodeFormats(command_cards=issue))


@pytest.fixture
def door(cards: Cards, make_lane: MakeLane) -> Door:
    return Door(make_lane(rules=reading(ISSUE)))


def test_one_showing_is_one_command(door: Door, cards: Cards) -> None:
    """A card that stays in view does its work once, and again when it was away."""
    text = cards.text(Command.TURN_OUT)
    door.show(text, ms=5000)
    assert door.commands == [Command.TURN_OUT]
    door.now_ms += 900
    door.show(text, ms=1000)
    assert door.commands == [Command.TURN_OUT] * 2
    assert door.verdicts == []


def test_typed_by_a_scanner(door: Door, cards: Cards) -> None:
    """A second line of one trigger is no second command; another card is one at once."""
    text = cards.text(Command.READ).lower()
    door.type(text)
    door.type(text)
    door.type(cards.text(Command.LOOK_HARD))
    assert door.commands == [Command.READ, Command.LOOK_HARD]
    assert door.verdicts == []


def test_a_card_beside_a_ticket_hinders_nobody(door: Door, cards: Cards) -> None:
    """The ticket is decided as if the card were not there."""
    door.show(cards.text(Command.TURN_IN), "GOOD001", ms=1000)
    assert [verdict.outcome for verdict in door.verdicts] == [Outcome.ADMIT]


def test_no_card_of_another_issue_or_venue(door: Door, cards: Cards, venue: Folder) -> None:
    """A card that is not in force is an unknown code."""
    elsewhere = Folder(venue.path.parent / "elsewhere")
    elsewhere.create()
    strangers = Cards(elsewhere)
    for text in (cards.text(Command.TURN_OUT, issue=2), strangers.text(Command.TURN_OUT)):
        door.type(text)
    assert door.cards == []
    door.inputs.selection.end()
    assert {verdict.reason for verdict in door.verdicts} == {Reason.UNKNOWN}


def test_off_by_default(cards: Cards, lane: Lane) -> None:
    """Where the event says nothing, a good card is an unknown code."""
    door = Door(lane)
    door.show(cards.text(Command.TURN_OUT), ms=2000)
    assert door.cards == []
    assert [verdict.reason for verdict in door.verdicts] == [Reason.UNKNOWN]


def test_a_gate_of_no_venue_reads_none(venue: Folder, make_lane: MakeLane) -> None:
    """Without an authority nobody can have signed one; what cannot be read is no authority."""
    cards = Cards(venue)
    text = cards.text(Command.CLOSE)
    (venue.path / MEMBER).unlink()
    lane = make_lane(rules=reading(ISSUE))
    assert lane.command_card(text) is None
    (venue.path / MEMBER).write_text("{")
    assert lane.command_card(text) is None


def test_while_nothing_is_a_scan_only_a_sign_in(door: Door, cards: Cards) -> None:
    """Whoever has to sign in first may do so by a card; any other goes the way of a scan."""
    door.inputs.paused = True
    door.type(text := cards.text(Command.TURN_OUT))
    door.type(cards.text(Command.SIGN_IN, "kim"))
    door.show(cards.text(Command.CLOSE))
    assert [card.name for card in door.cards] == ["kim"]
    assert door.aside == [text]


def test_no_card_admits(door: Door, cards: Cards, venue: Folder) -> None:
    """None of all cards is a green, or leaves an entry (law 13)."""
    for command in Command:
        name = "kim" if command is Command.SIGN_IN else ""
        door.type(cards.text(command, name))
    assert door.commands == [*Command]
    assert door.verdicts == []
    assert not venue.journal.exists() or journal_of(venue) == []


def test_a_sheet_of_cards_in_one_picture_is_no_command(door: Door, cards: Cards) -> None:
    """Nobody says which is meant; the one that is left in view later has to be held up anew."""
    turn_in, turn_out = cards.text(Command.TURN_IN), cards.text(Command.TURN_OUT)
    door.show(turn_in, turn_out, ms=3000)
    door.show(turn_in, ms=3000)
    assert door.cards == []
    door.now_ms += 900
    door.show(turn_in)
    assert door.commands == [Command.TURN_IN]
    assert door.verdicts == []


def test_two_cards_in_turn_are_one_command_each(door: Door, cards: Cards) -> None:
    """A decoder that finds now one and now the other of two does not turn the lane for ever."""
    for _n in range(20):
        door.show(cards.text(Command.TURN_IN))
        door.show(cards.text(Command.TURN_OUT))
    assert door.commands == [Command.TURN_IN, Command.TURN_OUT]


@pytest.mark.parametrize("flaw", ["de>us", "fr>us", "us>de"])
def test_a_scanner_that_types_wrongly(door: Door, cards: Cards, flaw: str) -> None:
    """The signature proves which card was meant; what lost its end proves nothing."""
    text = cards.text(Command.READ)
    computer, _arrow, scanner = flaw.partition(">")
    wrong = "".join(retyped(one, scanner, computer) or "?" for one in text)
    assert wrong != text
    for shown in (wrong, f"]Q3{cards.text(Command.LOOK_HARD)}", f"%{cards.text(Command.CLOSE)}"):
        door.type(shown)
    assert door.commands == [Command.READ, Command.LOOK_HARD, Command.CLOSE]
    door.show(wrong, ms=1000)
    door.type(text[:-3])
    assert len(door.commands) == 3


def test_mutation_every_frame_a_command(
    monkeypatch: pytest.MonkeyPatch, door: Door, cards: Cards
) -> None:
    """Were a card carried out in every frame, it would turn the lane round and round."""
    monkeypatch.setattr(Showings, "is_new", lambda _self, _text, _away_ms: True)
    with pytest.raises(AssertionError):
        test_one_showing_is_one_command(door, cards)


def test_logged_without_its_text(
    door: Door, cards: Cards, caplog: pytest.LogCaptureFixture
) -> None:
    """That a command was read is in the log; the card is not."""
    caplog.set_level("INFO", inputs_module.log.name)
    text = cards.text(Command.TURN_OUT)
    door.type(text)
    assert "TURN_OUT" in caplog.text
    assert text not in caplog.text
