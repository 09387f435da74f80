"""A question on the screen: answered by single keys that no scanner can press (law 14)."""

import pytest
from textual import events
from textual.widgets import DataTable

from gate.core.entry import Act
from gate.core.outcome import Flag, Outcome
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.text import open_question
from gate.ui.tui import panel_words, wedge_input
from gate.ui.tui.recent import LastScans
from gate.ui.tui.wedge_input import ALONE_S, WedgeInput
from tests.support.screen import BOSS, BOSS_PIN, Screen, running, with_operators
from tests.support.venue import FixedClock, fill


@pytest.fixture
def venue(venue: Folder) -> Folder:
    """The venue with a type that asks, and a ticket that was not paid for."""
    fill(
        venue,
        [
            {"id": "ADULT", "kind": "meeting", "title": "Late show", "ask": "Over 18?"},
            {"code": "ADULT1", "type": "ADULT", "id": "adult-1", "holder": "Mei Lin"},
            {"code": "ADULT2", "type": "ADULT", "id": "adult-2"},
            {"code": "BOTH1", "type": "ADULT", "id": "both-1", "status": "unpaid"},
        ],
    )
    return venue


def made(folder: Folder) -> list[tuple[Act, str, tuple[str, ...]]]:
    """What the journal has of tickets."""
    reader = JournalReader(folder.journal)
    entries = [entry for _row, entry in reader.page()]
    reader.close()
    return [(e.act, e.ticket, e.flags) for e in entries if e.ticket]


async def ask(screen: Screen, code: str = "ADULT1") -> None:
    screen.scan(code)
    await screen.until(lambda: screen.panel.outcome is Outcome.ASK)
    await screen.settle()


async def press_alone(screen: Screen, key: str) -> None:
    """As a person does, who has read the question."""
    await screen.pilot.pause(ALONE_S + 0.05)
    await screen.press(key)


@pytest.mark.examples(2)
@pytest.mark.parametrize(
    ("key", "outcome", "entry"),
    [
        ("y", Outcome.ADMIT, (Act.ADMISSION, "adult-1", (Flag.YES,))),
        ("1", Outcome.ADMIT, (Act.ADMISSION, "adult-1", (Flag.YES,))),
        ("n", Outcome.REFUSE, (Act.REFUSAL, "adult-1", (Flag.NO,))),
        ("0", Outcome.REFUSE, (Act.REFUSAL, "adult-1", (Flag.NO,))),
    ],
)
async def test_a_key_answers(
    venue: Folder,
    clock: FixedClock,
    key: str,
    outcome: Outcome,
    entry: tuple[Act, str, tuple[str, ...]],
) -> None:
    """The question and its keys are on the panel; what the answer brings takes their place."""
    async with running(venue, clock, size=(80, 24)) as screen:
        await ask(screen)
        for told in ("Over 18?", "y or 1: yes", "n or 0: no", "Esc", "Late show · Mei Lin"):
            assert told in screen.text
        assert made(venue) == []
        await press_alone(screen, key)
        await screen.until(lambda: screen.panel.outcome is outcome)
        assert made(venue) == [entry]


async def test_the_second_question_wants_a_key_of_its_own(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Money first; a hasty second yes says nothing of the age."""
    async with running(venue, clock, "rules.unpaid=ask") as screen:
        await ask(screen, "BOTH1")
        assert "take the money" in screen.text
        await press_alone(screen, "y")
        await screen.until(lambda: "Over 18?" in screen.text)
        with monkeypatch.context() as hasty:
            hasty.setattr(wedge_input, "ALONE_S", 60.0)  # however slow the machine is
            await screen.pilot.press("y")
            await screen.settle()
        assert made(venue) == []
        await press_alone(screen, "y")
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)
        assert made(venue) == [(Act.ADMISSION, "both-1", (Flag.PAID_HERE, Flag.YES))]


async def test_escape_leaves_it_unanswered(venue: Folder, clock: FixedClock) -> None:
    """Nothing has happened, and a key says nothing any more; Enter is no Escape."""
    async with running(venue, clock) as screen:
        await ask(screen)
        await press_alone(screen, "enter")
        assert screen.panel.outcome is Outcome.ASK
        await press_alone(screen, "escape")
        assert screen.panel.outcome is None
        await press_alone(screen, "y")
        assert screen.panel.outcome is None
        assert made(venue) == []


async def test_nobody_answers_for_a_minute(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The panel goes back to ready, and the lane forgets it too."""
    assert panel_words.SHOWN_S[Outcome.ASK] == 60
    monkeypatch.setitem(panel_words.SHOWN_S, Outcome.ASK, 0.3)
    async with running(venue, clock) as screen:
        assert screen.scan("ADULT1").outcome is Outcome.ASK
        # The panel does so as it goes back.
        await screen.until(lambda: screen.lane.last_verdict is None)
        assert screen.panel.outcome is None
        await press_alone(screen, "y")
        assert made(venue) == []


async def test_an_answer_that_comes_too_late_tells_so(venue: Folder, clock: FixedClock) -> None:
    """By the lane's clock the minute is over, while the screen's still runs."""
    async with running(venue, clock) as screen:
        await ask(screen)
        clock.pass_seconds(61)
        await press_alone(screen, "y")
        await screen.until(lambda: screen.panel.outcome is None)
        assert "no question waits" in " ".join(str(t.title) for t in screen.app._notifications)
        assert made(venue) == []


async def test_the_same_code_again_is_the_same_question(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bell, one line among the last five; and the minute begins anew."""
    async with running(venue, clock) as screen:
        rung: list[int] = []
        monkeypatch.setattr(type(screen.app), "ring", lambda _s, n: rung.append(n))
        for _ in range(3):
            await ask(screen)
        assert len(rung) == 1
        assert len(screen.app.scan_screen.query_one(LastScans)._lines) == 1
        await press_alone(screen, "y")
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)
        assert len(rung) == 2


async def test_another_guest_covers_the_question(venue: Folder, clock: FixedClock) -> None:
    """Decided as always; a key then is about nobody who is not on the screen."""
    async with running(venue, clock) as screen:
        await ask(screen)
        await screen.type("GOOD001")
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)
        await press_alone(screen, "y")
        assert made(venue) == [(Act.ADMISSION, "good-1", ())]


async def no_code_answers(screen: Screen, folder: Folder) -> bool:
    """Whether codes made of the keys' own characters leave the question unanswered."""
    for code in ("y", "1", "yy", "Y1y1", "ny01"):
        await ask(screen)
        await screen.pilot.pause(ALONE_S + 0.05)
        await screen.type(code)
        if made(folder):
            return False
    return True


@pytest.mark.long
async def test_no_code_presses_a_key(venue: Folder, clock: FixedClock) -> None:
    """One that is nothing but a key's character neither."""
    async with running(venue, clock) as screen:
        assert await no_code_answers(screen, venue)


@pytest.mark.long
async def test_mutation_a_key_that_is_not_held_back_is_pressed_by_a_code(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if every character were a key at once: the guest's code lets the guest in."""
    take = WedgeInput._take

    def pressing(self: WedgeInput, event: events.Key) -> None:
        take(self, event)
        self.post_message(self.Pressed(event.character or "", may_be_scanned=False))

    monkeypatch.setattr(WedgeInput, "_take", pressing)
    async with running(venue, clock) as screen:
        assert not await no_code_answers(screen, venue)


@pytest.mark.long
async def test_a_scanner_without_enter_has_to_type_it_twice(
    venue: Folder, clock: FixedClock
) -> None:
    """What a code of one character looks like there is named first, and the same again does it."""
    async with running(venue, clock) as screen:
        await screen.type("ADULT1", end="")
        await screen.until(lambda: screen.panel.outcome is Outcome.ASK)
        await press_alone(screen, "y")
        assert made(venue) == []
        assert any("again does it" in str(t.title) for t in screen.app._notifications)
        await press_alone(screen, "n")
        assert made(venue) == []
        await press_alone(screen, "n")
        await screen.until(lambda: screen.panel.outcome is Outcome.REFUSE)


async def test_a_key_for_what_stood_there_before_answers_nothing(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moment after the question came up it is still meant for the last one."""
    async with running(venue, clock) as screen:
        monkeypatch.setattr(open_question, "ANSWER_AFTER_S", 5.0)
        await ask(screen)
        await press_alone(screen, "y")
        assert screen.panel.outcome is Outcome.ASK
        assert made(venue) == []


async def test_who_is_found_by_name_is_asked_too(venue: Folder, clock: FixedClock) -> None:
    """F4, PIN and reason; then the question on the scan screen, as for anybody."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.press("f4")
        await screen.pilot.press(*"mei lin")
        table = screen.app.screen.query_one(DataTable)
        await screen.until(lambda: table.row_count == 1)
        await screen.press("f7")
        await screen.answer(BOSS, BOSS_PIN, "phone is dead")
        await screen.until(lambda: screen.app.screen is screen.app.scan_screen)
        await screen.until(lambda: screen.panel.outcome is Outcome.ASK)
        assert made(venue) == []
        await press_alone(screen, "y")
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)
        assert made(venue) == [(Act.ADMISSION, "adult-1", (Flag.YES, Flag.MANUAL))]


async def test_a_note_is_shown_and_is_no_check(venue: Folder, clock: FixedClock) -> None:
    """Beside seat and holder, in green."""
    row = {"code": "TABLE7", "type": "SHOW", "id": "table-7", "note": "Table 7, no nuts"}
    fill(venue, [row])
    async with running(venue, clock) as screen:
        screen.scan("TABLE7")
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)
        assert "Table 7, no nuts" in screen.text
