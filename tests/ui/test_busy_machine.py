"""A machine that is busy for a moment: what a scanner types meanwhile is one code."""

import time
from typing import TypeVar

import pytest
from textual import events
from textual.message import Message
from textual.widget import Widget

from gate.core.outcome import Outcome
from gate.storage.folder import Folder
from gate.ui.tui import silence
from gate.ui.tui.fields import Field
from gate.ui.tui.wedge_input import WedgeInput
from tests.support.screen import BOSS, BOSS_PIN, Screen, running, with_operators
from tests.support.venue import FixedClock

T = TypeVar("T", bound=Message)

GAP, BUSY_S = "scanner.gap_ms=500", 0.8
"""A silence that ends a code, and one that was none."""


def posted(widget: Widget, kind: type[T]) -> list[T]:
    """The messages of a kind that a widget posts from now on."""
    found: list[T] = []
    post = widget.post_message

    def noted(message: Message) -> bool:
        if isinstance(message, kind):
            found.append(message)
        return post(message)

    widget.post_message = noted  # type: ignore[method-assign]
    return found


async def type_while_busy(screen: Screen, read_after_s: float) -> None:
    """Type a good ticket, of which the screen hears the second half after it was busy."""
    began_s = time.monotonic()
    for number, character in enumerate("GOOD001\n"):
        if number == 4:
            await screen.heard()
            time.sleep(BUSY_S)  # the loop stands still
            await screen.pilot.pause(0)
        key = events.Key("enter" if character == "\n" else character, character)
        key.time = began_s + 0.005 * number + (read_after_s if number >= 4 else 0.0)
        screen.app.post_message(key)
    await screen.settle()


@pytest.mark.parametrize("read_after_s", [0.0, BUSY_S], ids=["heard late", "read late"])
async def test_what_was_typed_in_time_is_one_code(
    venue: Folder, clock: FixedClock, read_after_s: float
) -> None:
    """Whether only the screen stood still, or the whole program, which then reads late, too."""
    async with running(venue, clock, GAP) as screen:
        await type_while_busy(screen, read_after_s)
        assert screen.panel.outcome is Outcome.ADMIT


async def test_mutation_a_silence_that_is_heard_late_tears_it(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is believed at once."""
    monkeypatch.setattr(silence, "LATE_S", 60.0)
    async with running(venue, clock, GAP) as screen:
        await type_while_busy(screen, 0.0)
        assert screen.panel.outcome is not Outcome.ADMIT


async def test_where_a_silence_ends_codes_two_are_two(venue: Folder, clock: FixedClock) -> None:
    """A scanner that sends no Enter has its codes told apart by when they came."""
    async with running(venue, clock, GAP) as screen:
        await screen.burst(*"GOOD002")
        assert screen.panel.outcome is Outcome.ADMIT
        typed = posted(screen.app.screen.query_one(WedgeInput), WedgeInput.Typed)
        began_s = time.monotonic()
        for number, character in enumerate("GOOD001VIP1"):
            key = events.Key(character, character)
            key.time = began_s + 0.005 * number + (BUSY_S if number >= 7 else 0.0)
            screen.app.post_message(key)
        await screen.settle()
        assert [message.code for message in typed] == ["GOOD001", "VIP1"]


@pytest.mark.parametrize("is_mutant", [False, True])
async def test_a_field_hears_one_code_too(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, *, is_mutant: bool
) -> None:
    """A ticket that is scanned into a reason is a scan, and no half of it is the reason."""
    if is_mutant:
        monkeypatch.setattr(silence, "LATE_S", 60.0)
    with_operators(venue)
    async with running(venue, clock, GAP) as screen:
        await screen.type("VOID1")
        await screen.press("ctrl+o")
        await screen.answer(BOSS, BOSS_PIN)
        field = screen.app.focused
        assert isinstance(field, Field)
        bursts = posted(field, Field.Burst)
        await type_while_busy(screen, 0.0)
        assert ([burst.codes for burst in bursts] == [["GOOD001"]]) is not is_mutant
