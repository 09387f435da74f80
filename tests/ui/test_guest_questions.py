"""The event's questions on the screen: typed by a person, and by no scanner (law 14)."""

import json

import pytest
from textual.widgets import Input, Label

from gate.core.entry import Act
from gate.core.outcome import Outcome
from gate.storage.folder import Folder
from gate.ui.tui.fields import Field
from gate.ui.tui.screens import guest_questions
from gate.ui.tui.screens.guest_questions import GuestQuestion
from tests.support.screen import Screen, running
from tests.support.venue import FixedClock, fill
from tests.ui.test_asking import made, press_alone

QUESTIONS = json.dumps([
    {"id": "meal", "text": "Which meal?", "kind": "choice", "types": ["DINNER"],
     "help": "It is served at the table.",
     "options": [{"id": f"m{n}", "text": f"Meal number {n}"} for n in range(1, 21)]},
    {"id": "nuts", "text": "May it have nuts?", "kind": "yes_no", "required": False,
     "types": ["DINNER"], "depends_on": "meal", "depends_values": ["m2"]},
    {"id": "plate", "text": "Number plate?", "types": ["PARKING"]},
])  # fmt: skip
ASKS = f"rules.questions={QUESTIONS}"


@pytest.fixture
def venue(venue: Folder) -> Folder:
    """The venue with tickets that are asked something, and one that is not."""
    fill(
        venue,
        [
            {"id": "DINNER", "kind": "meeting", "title": "Dinner"},
            {"id": "PARKING", "kind": "meeting", "title": "Parking"},
            {"code": "DINE1", "type": "DINNER", "id": "dine-1", "holder": "Mei Lin"},
            {"code": "LOT7", "type": "PARKING", "id": "lot-7"},
        ],
    )
    return venue


async def ask(screen: Screen, code: str = "DINE1") -> None:
    screen.scan(code)
    await screen.until(lambda: isinstance(screen.app.screen, GuestQuestion))
    await screen.pilot.pause(0.35)


def shown(screen: Screen) -> str:
    """What the question's box says."""
    return "\n".join(str(one.content) for one in screen.app.screen.query(Label))


async def type_slowly(screen: Screen, text: str) -> None:
    for key in text:
        await screen.pilot.press(key)
        await screen.pilot.pause(0.06)


async def test_one_after_the_other_and_then_green(venue: Folder, clock: FixedClock) -> None:
    """Guest, question, help, choices and keys are there, at 80x24; the last answer lets in."""
    async with running(venue, clock, ASKS, size=(80, 24)) as screen:
        await ask(screen)
        for word in ("Mei Lin", "Which meal? It is served at the table.", "2  Meal number 2",
                     "the number in front of it", "Esc: nothing has happened"):  # fmt: skip
            assert word in shown(screen)
        assert screen.app.screen.query_one(Input).region.bottom <= 24
        await type_slowly(screen, "2")
        await screen.pilot.press("enter")
        await screen.until(lambda: "May it have nuts?" in shown(screen))
        assert made(venue) == []
        assert "Enter alone: no answer" in shown(screen)
        await screen.pilot.pause(0.35)
        await screen.pilot.press("enter")
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)
        assert made(venue) == [(Act.ADMISSION, "dine-1", ())]


async def test_what_was_answered_before_is_beside_the_verdict(
    venue: Folder, clock: FixedClock
) -> None:
    """In green, where the organiser wants it seen."""
    fill(venue, [{"code": "LOT8", "type": "PARKING", "id": "lot-8", "answers": "plate=B-XY 1"}])
    shows = QUESTIONS.replace('"Number plate?"', '"Number plate?", "show": true')
    async with running(venue, clock, f"rules.questions={shows}", size=(80, 24)) as screen:
        screen.scan("LOT8")
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)
        assert "Number plate? B-XY 1" in screen.text


async def test_long_lists_of_choices_are_moved(venue: Folder, clock: FixedClock) -> None:
    """Nothing of them is cut: the arrow keys show what does not fit."""
    async with running(venue, clock, ASKS, size=(80, 24)) as screen:
        await ask(screen)
        options = screen.app.screen.query_one(".options")
        assert options.max_scroll_y > 0
        for _press in range(5):
            await screen.pilot.press("pagedown")
        await screen.until(lambda: options.scroll_offset.y == options.max_scroll_y)


async def test_what_is_no_answer_is_said(venue: Folder, clock: FixedClock) -> None:
    """The question stays, with what was typed."""
    async with running(venue, clock, ASKS) as screen:
        await ask(screen)
        await type_slowly(screen, "99")
        await screen.pilot.press("enter")
        await screen.until(lambda: "Not understood: the number in front of it" in shown(screen))
        assert screen.app.screen.query_one(Input).value == "99"
        assert made(venue) == []


async def test_escape_leaves_nothing(venue: Folder, clock: FixedClock) -> None:
    """The guest walks away; the next scan asks from the start."""
    async with running(venue, clock, ASKS) as screen:
        await ask(screen)
        await screen.pilot.press("escape")
        await screen.until(lambda: screen.panel.outcome is None)
        await screen.until(lambda: screen.lane.last_verdict is None)
        assert made(venue) == []
        await ask(screen)
        assert "Which meal?" in shown(screen)


async def test_nobody_answers_for_a_minute(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question is gone, and the lane forgets it too."""
    monkeypatch.setattr(guest_questions, "ASKED_FOR_S", 0.5)
    async with running(venue, clock, ASKS) as screen:
        assert screen.scan("DINE1").outcome is Outcome.ASK
        # The box does so as it closes.
        await screen.until(lambda: screen.lane.last_verdict is None)
        await screen.until(lambda: screen.app.screen is screen.app.scan_screen)
        assert made(venue) == []


async def a_scanner_answers(screen: Screen, folder: Folder) -> bool:
    """Whether what a scanner types while a question is open becomes its answer."""
    await ask(screen, "LOT7")
    await screen.type("GOOD001")
    await screen.settle()
    return ("lot-7" in str(made(folder))) or "good-1" not in str(made(folder))


async def test_a_scanner_answers_nothing(venue: Folder, clock: FixedClock) -> None:
    """A text would take any code as its answer: it is the next guest's scan instead."""
    async with running(venue, clock, ASKS) as screen:
        assert not await a_scanner_answers(screen, venue)
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)
        assert made(venue) == [(Act.ADMISSION, "good-1", ())]


@pytest.mark.long
async def test_mutation_a_field_that_looks_at_no_burst_takes_a_code(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the field were any input: the number plate is somebody's ticket."""
    monkeypatch.setattr(Field, "on_key", lambda _self, _event: None)
    async with running(venue, clock, ASKS) as screen:
        assert await a_scanner_answers(screen, venue)


async def test_a_late_enter_of_the_scanner_is_no_answer(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is not needed is left out by Enter, but not by the one of the code."""
    async with running(venue, clock, ASKS) as screen:
        await ask(screen)
        monkeypatch.setattr(guest_questions, "ANSWER_AFTER_S", 60.0)
        await type_slowly(screen, "2")
        await screen.pilot.press("enter")
        await screen.until(lambda: "May it have nuts?" in shown(screen))
        await screen.pilot.press("enter")
        await screen.pilot.pause(0.1)
        assert made(venue) == []


async def test_skipping_is_a_minus_where_it_is_allowed(venue: Folder, clock: FixedClock) -> None:
    """The keys say so; else it is no answer."""
    async with running(venue, clock, ASKS, "rules.skip_questions=true") as screen:
        await ask(screen)
        assert "let in without answers" in shown(screen)
        await type_slowly(screen, "-")
        await screen.pilot.press("enter")
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)
        assert made(venue) == [(Act.ADMISSION, "dine-1", ("questions_skipped",))]


async def test_a_single_key_is_no_answer(venue: Folder, clock: FixedClock) -> None:
    """Withdrawn by a scanner the question waits without its box: y and n say nothing to it."""
    async with running(venue, clock, ASKS) as screen:
        await ask(screen)
        screen.app.withdraw([], "keyboard")
        await screen.settle()
        assert screen.panel.outcome is Outcome.ASK
        await press_alone(screen, "y")
        assert made(venue) == []
