"""Law 14: a key acts on what the screen shows, and a scanner's burst never lands in a field."""

import logging
import time
from collections.abc import Callable

import pytest
from textual import events
from textual.widgets import DataTable, Input, Static

from gate.capture.keyboard_wedge import Bursts
from gate.core.entry import Act, Entry
from gate.core.outcome import Outcome
from gate.core.place import Direction, Role
from gate.lane.post import Operator
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.text.confirming import Again, OnScreen
from gate.ui.tui.fields import Field
from gate.ui.tui.screens.lookup import LookupScreen
from gate.ui.tui.screens.questions import (
    CodeQuestion,
    CountQuestion,
    PinQuestion,
    Question,
    ReasonQuestion,
    TimeQuestion,
)
from gate.ui.tui.screens.scan import ScanScreen
from gate.ui.tui.worth import Worth
from tests.support.screen import BOSS, BOSS_PIN, KIM, KIM_PIN, Screen, running, with_operators
from tests.support.venue import FixedClock, fill

LONG = "045678901234"
"""A ticket's code that begins like a number of people."""


def entries(folder: Folder) -> list[Entry]:
    reader = JournalReader(folder.journal)
    made = [entry for _row, entry in reader.page()]
    reader.close()
    return made


def admitted(folder: Folder) -> list[tuple[str, int, str]]:
    made = [entry for entry in entries(folder) if entry.act is Act.ADMISSION]
    return [(entry.ticket, entry.persons, entry.source) for entry in made]


def toasts(screen: Screen) -> str:
    return " ".join(f"{t.title} {t.message}" for t in screen.app._notifications)


async def slowly(screen: Screen, *keys: str) -> None:
    """Press keys as a person types."""
    for key in keys:
        await screen.pilot.pause(0.05)
        await screen.pilot.press(key)
    await screen.settle()


@pytest.fixture
def wide(venue: Folder) -> Folder:
    """The venue with a ticket for fifty, and one whose code begins with a number."""
    fill(
        venue,
        [
            {"code": "FIFTY1", "type": "GROUP", "id": "fifty-1", "uses": 50, "party": 50},
            {"code": LONG, "type": "SHOW", "id": "long-1"},
        ],
    )
    return venue


async def ask_count(screen: Screen) -> None:
    await screen.type("FIFTY1")
    await screen.press("ctrl+n")
    assert isinstance(screen.app.screen, CountQuestion)


async def test_a_scan_into_the_number_box_is_a_scan(wide: Folder, clock: FixedClock) -> None:
    """Ticket for fifty, Ctrl+N, the next guest's code: one is admitted on each, not 45."""
    async with running(wide, clock) as screen:
        await ask_count(screen)
        await screen.type(LONG)
        await screen.until(lambda: len(admitted(wide)) == 2)
        assert admitted(wide) == [("fifty-1", 1, "keyboard"), ("long-1", 1, "keyboard")]
        assert isinstance(screen.app.screen, ScanScreen)
        assert "Closed for a scan" in toasts(screen)
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)


@pytest.mark.long
async def test_without_the_guard_the_scan_would_be_the_number(
    wide: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation of the test before: nobody looks at the speed, and 45 go in on one ticket."""
    monkeypatch.setattr(Bursts, "_is_burst", lambda _self, _until_ms: False)
    async with running(wide, clock) as screen:
        await ask_count(screen)
        await screen.type(LONG)
        await screen.until(lambda: len(admitted(wide)) == 2)
        assert admitted(wide)[1] == ("fifty-1", 45, "keyboard")


@pytest.mark.examples(1)
@pytest.mark.parametrize("end", ["enter", "tab", ""])
async def test_every_suffix_ends_a_burst_in_the_number_box(
    wide: Folder, clock: FixedClock, end: str
) -> None:
    """Enter, Tab, or the silence of a scanner that sends neither."""
    async with running(wide, clock) as screen:
        await ask_count(screen)
        await screen.type(LONG, end=end)
        await screen.until(lambda: ("long-1", 1, "keyboard") in admitted(wide))
        assert isinstance(screen.app.screen, ScanScreen)


async def test_a_pasted_or_grabbed_burst_is_a_scan_too(wide: Folder, clock: FixedClock) -> None:
    """One paste with an end, or a scanner that has no keyboard."""
    async with running(wide, clock, "debounce.scanner_ms=0") as screen:
        await ask_count(screen)
        screen.app.post_message(events.Paste(f"{LONG}\r"))
        await screen.until(lambda: ("long-1", 1, "keyboard") in admitted(wide))
        assert isinstance(screen.app.screen, ScanScreen)
        await screen.type("GROUP1")
        await screen.press("ctrl+n")
        assert screen.app.inputs is not None
        screen.app.inputs.scanned("GOOD001", "evdev")
        await screen.until(lambda: admitted(wide)[-1] == ("good-1", 1, "evdev"))
        assert isinstance(screen.app.screen, ScanScreen)
        assert not screen.app.inputs.paused


async def test_a_second_line_of_a_grabbed_scanner_is_not_lost(
    wide: Folder, clock: FixedClock
) -> None:
    """While the first closes the question: it is decided, or of one trigger named for a key."""
    async with running(wide, clock) as screen:
        await ask_count(screen)
        assert screen.app.inputs is not None
        screen.app.inputs.scanned("GOOD001", "evdev")
        screen.app.inputs.scanned("GOOD002", "evdev")
        beside = screen.app.scan_screen.query_one("#beside")
        await screen.until(lambda: len(admitted(wide)) == 3 or beside.display)
        if len(admitted(wide)) < 3:
            await screen.press("ctrl+t")
        await screen.until(lambda: len(admitted(wide)) == 3)


@pytest.mark.long
async def test_no_code_presses_a_key_of_a_question(
    wide: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control characters of a code neither close, edit nor undo; the whole is one code."""
    heard: list[str] = []

    def hear(code: str, _source: str) -> None:
        heard.append(code)

    async with running(wide, clock) as screen:
        assert screen.app.inputs is not None
        for opening in ("ctrl+n", "f4"):
            for key in (
                "escape",
                "ctrl+z",
                "ctrl+q",
                "ctrl+c",
                "ctrl+u",
                "ctrl+right_square_bracket",
            ):
                await screen.type("FIFTY1")
                await screen.press(opening)
                page = screen.app.screen
                assert isinstance(page, CountQuestion | LookupScreen)
                heard.clear()
                with monkeypatch.context() as patch:
                    patch.setattr(screen.app.inputs, "scanned", hear)
                    if isinstance(page, LookupScreen):
                        patch.setattr(page, "find_scanned", hear)
                    await screen.burst(*"ABCD", key, *"EFGH", "enter")
                    await screen.until(lambda: len(heard) == 1)
                assert (heard[0][:4], heard[0][-4:], len(heard[0])) == ("ABCD", "EFGH", 9), key
                if isinstance(page, LookupScreen):
                    assert screen.app.screen is page
                    await screen.press("escape")
        assert Act.ANNULMENT not in [entry.act for entry in entries(wide)]


@pytest.mark.long
async def test_a_number_typed_by_a_person_is_a_number(wide: Folder, clock: FixedClock) -> None:
    """Nobody is kept from typing, and a key held down withdraws nothing."""
    async with running(wide, clock) as screen:
        await ask_count(screen)
        await screen.pilot.press(*"0000000")
        await screen.settle()
        assert isinstance(screen.app.screen, CountQuestion)
        await slowly(screen, *["backspace"] * 3, *"12", "enter")
        assert admitted(wide)[-1] == ("fifty-1", 12, "keyboard")


def all_text(folder: Folder) -> bytes:
    """Everything that was kept."""
    return b"".join(path.read_bytes() for path in folder.path.iterdir() if path.is_file())


async def test_a_scan_into_the_pin_field_is_a_scan(venue: Folder, clock: FixedClock) -> None:
    """Half a PIN, then a ticket: the question goes, the ticket alone is decided."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.type("VOID1")
        await screen.press("ctrl+o")
        assert isinstance(screen.app.screen, PinQuestion)
        await slowly(screen, *BOSS, "enter", *BOSS_PIN[:3])
        await screen.pilot.pause(0.15)
        await screen.type("GOOD001")
        await screen.until(lambda: admitted(venue) == [("good-1", 1, "keyboard")])
        assert isinstance(screen.app.screen, ScanScreen)
        assert [e.act for e in entries(venue)][1:] == [Act.REFUSAL, Act.ADMISSION]


async def test_what_is_typed_into_a_pin_field_is_never_kept(
    venue: Folder, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    """However fast it comes: no ticket's code, so no entry, no hash, no line in the log."""
    caplog.set_level(logging.DEBUG)
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.type("VOID1")
        await screen.press("ctrl+o")
        await slowly(screen, *BOSS, "enter")
        before = len(entries(venue))
        await screen.type("83920174")
        await screen.until(lambda: isinstance(screen.app.screen, ScanScreen))
        assert "Scan the ticket again" in toasts(screen)
        await screen.press("ctrl+o")
        await slowly(screen, *BOSS, "enter", *"83920174", "enter")
        await screen.answer("a reason")
        await screen.until(lambda: entries(venue)[-1].act is Act.SIGN_IN_FAILED)
        made = entries(venue)[before:]
        assert [e.act for e in made] == [Act.SIGN_IN_FAILED]
        hashed = screen.lane._files.tickets.codes.hash_of("83920174").hex()
    assert "83920174" not in caplog.text
    kept = all_text(venue)
    assert b"83920174" not in kept
    assert hashed.encode() not in kept


async def test_a_scan_into_the_reason_is_a_scan(venue: Folder, clock: FixedClock) -> None:
    """With an Enter or without: the code is never in the journal as somebody's reason."""
    with_operators(venue)
    for code, end in (("GOOD001", "enter"), ("GOOD002", "")):
        async with running(venue, clock) as screen:
            await screen.type("VOID1")
            await screen.press("ctrl+o")
            await screen.answer(BOSS, BOSS_PIN)
            await screen.type(code, end=end)
            await screen.until(lambda: len(admitted(venue)) > 0)
            await screen.until(lambda: isinstance(screen.app.screen, ScanScreen))
    assert [ticket for ticket, _n, _s in admitted(venue)] == ["good-1", "good-2"]
    assert not [entry for entry in entries(venue) if entry.note]


async def test_a_paste_without_an_end_is_text(venue: Folder, clock: FixedClock) -> None:
    """A reason may be pasted; the question stays, and the reason is what was pasted."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.type("VOID1")
        await screen.press("ctrl+o")
        await screen.answer(BOSS, BOSS_PIN)
        screen.app.post_message(events.Paste("paid at the desk"))
        await screen.settle()
        await screen.press("enter")
        await screen.until(lambda: len(admitted(venue)) == 1)
        assert entries(venue)[-1].note == "paid at the desk"


async def test_a_scan_into_the_clock_field_is_a_scan(venue: Folder, clock: FixedClock) -> None:
    """The clock stays as it is, and the way back to the scan screen is taken."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.press("f9", "f8")
        await screen.answer(BOSS, BOSS_PIN)
        await screen.until(lambda: isinstance(screen.app.screen, TimeQuestion))
        await screen.focus("#time")
        await screen.type("GOOD001")
        await screen.until(lambda: admitted(venue) == [("good-1", 1, "keyboard")])
        assert isinstance(screen.app.screen, ScanScreen)
        assert Act.CLOCK_SET not in [entry.act for entry in entries(venue)]


async def test_a_sign_in_takes_what_a_scanner_types(venue: Folder, clock: FixedClock) -> None:
    """Badges with a name and a PIN on them work as before."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.press("f5")
        await screen.type(KIM)
        await screen.type(KIM_PIN)
        await screen.until(lambda: screen.lane.operator == Operator(KIM, Role.STAFF))


async def test_where_nobody_is_signed_in_a_burst_closes_but_admits_nobody(
    venue: Folder, clock: FixedClock
) -> None:
    """The question is withdrawn all the same; the lane stays shut."""
    with_operators(venue)
    async with running(venue, clock, "operators.sign_in=true") as screen:
        await screen.until(lambda: isinstance(screen.app.screen, PinQuestion))
        await screen.press("escape", "f9", "f8")
        question = screen.app.screen
        assert isinstance(question, PinQuestion)
        assert question.is_guarded
        await screen.type("GOOD001")
        await screen.until(lambda: isinstance(screen.app.screen, ScanScreen))
        assert admitted(venue) == []


async def test_a_pin_that_was_being_checked_closes_nothing_else(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that gave way to a scan while its PIN was checked has no effect."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.type("VOID1")
        await screen.press("ctrl+o")
        question = screen.app.screen
        assert isinstance(question, PinQuestion)
        right = screen.app.operators.identify

        def late(name: str, pin: str) -> tuple[str, Role]:
            time.sleep(0.4)
            return right(name, pin)

        monkeypatch.setattr(screen.app.operators, "identify", late)
        question.answer([BOSS, BOSS_PIN, "paid"])
        screen.app._scanned_aside("GOOD001", "evdev")
        await screen.until(lambda: admitted(venue) == [("good-1", 1, "evdev")])
        await screen.pilot.pause(0.5)
        await screen.settle()
        assert isinstance(screen.app.screen, ScanScreen)
        assert len(admitted(venue)) == 1


def worth(screen: Screen) -> str:
    widget = screen.app.screen.query_one(Worth)
    return str(widget.content) if widget.display else ""


async def test_a_scan_in_the_search_finds_and_enter_admits(
    venue: Folder, clock: FixedClock
) -> None:
    """It looks VALID, nothing is redeemed, and a key of the operator's own admits."""
    async with running(venue, clock) as screen:
        await screen.press("f4")
        await screen.burst(*"GOOD007", "enter", "ctrl+j", "enter")
        await screen.until(lambda: "VALID" in worth(screen))
        assert screen.app.screen.query_one(Worth).has_class("-valid")
        assert screen.app.screen.query_one(Field).value == ""
        assert screen.app.screen.query_one(DataTable).row_count == 1
        assert admitted(venue) == []
        await screen.pilot.pause(0.4)
        await screen.press("enter")
        await screen.until(lambda: admitted(venue) == [("good-7", 1, "keyboard")])
        await screen.until(lambda: isinstance(screen.app.screen, ScanScreen))
        assert screen.panel.outcome is Outcome.ADMIT


@pytest.mark.long
async def test_a_grabbed_scanner_finds_too_and_the_next_scan_admits_nobody(
    venue: Folder, clock: FixedClock
) -> None:
    """The Enter at the end of the next guest's code is no key for the guest before."""
    async with running(venue, clock) as screen:
        await screen.press("f4")
        assert screen.app.inputs is not None
        screen.app.inputs.scanned("GOOD007", "evdev")
        await screen.until(lambda: "VALID" in worth(screen))
        await screen.press("down")
        await screen.pilot.pause(0.4)
        await screen.type("EARLY1")
        await screen.until(lambda: "Too early" in worth(screen))
        assert screen.app.screen.query_one(Worth).has_class("-refuse")
        await screen.pilot.pause(0.4)
        await screen.press("enter")
        assert "Go back" in toasts(screen)
        await slowly(screen, *"nobody")
        await screen.until(lambda: worth(screen) == "")
        assert admitted(venue) == []


async def test_where_check_only_is_on_enter_admits_nobody(venue: Folder, clock: FixedClock) -> None:
    """What the lane does not do, the search does not either."""
    async with running(venue, clock, "gate.direction=check") as screen:
        await screen.press("f4")
        await screen.type("GOOD007")
        await screen.until(lambda: "VALID" in worth(screen))
        await screen.pilot.pause(0.4)
        await screen.press("enter")
        assert isinstance(screen.app.screen, LookupScreen)
        assert admitted(venue) == []


async def test_undo_names_whom_it_takes_back(venue: Folder, clock: FixedClock) -> None:
    """Person, ticket, time and gate, before and after; at once while they are on the screen."""
    async with running(venue, clock) as screen:
        screen.scan("NAMED1")
        await screen.settle()
        await screen.press("ctrl+z")
        named = "José Ångström · Winter Gala [named-1], in at 12:26, North"
        assert named in toasts(screen)
        assert named in screen.text
        assert entries(venue)[-1].act is Act.ANNULMENT


async def test_undo_of_somebody_else_takes_one_more_key(venue: Folder, clock: FixedClock) -> None:
    """Another guest's STOP is on the screen: the key names who it would be, and does nothing."""
    async with running(venue, clock) as screen:
        screen.scan("NAMED1")
        screen.scan("VOID1")
        await screen.settle()
        await screen.press("ctrl+z")
        assert "Ctrl+Z again" in toasts(screen)
        assert "José Ångström · Winter Gala [named-1], in at 12:26, North" in toasts(screen)
        assert entries(venue)[-1].act is Act.REFUSAL
        screen.scan("GOOD001")
        await screen.settle()
        screen.scan("VOID1")
        await screen.settle()
        await screen.press("ctrl+z")
        assert entries(venue)[-1].act is Act.REFUSAL, "another guest came in between"
        await screen.press("ctrl+z")
        await screen.until(lambda: entries(venue)[-1].act is Act.ANNULMENT)
        assert "[good-1]" in screen.text


async def test_undo_after_a_restart_asks_first(venue: Folder, clock: FixedClock) -> None:
    """Nothing is on the screen then."""
    async with running(venue, clock) as screen:
        screen.scan("NAMED1")
        await screen.settle()
    async with running(venue, clock) as screen:
        await screen.press("ctrl+z")
        assert Act.ANNULMENT not in [entry.act for entry in entries(venue)]
        assert "José" in toasts(screen)
        await screen.press("ctrl+z")
        await screen.until(lambda: entries(venue)[-1].act is Act.ANNULMENT)


def direction(screen: Screen) -> Direction:
    return screen.lane.direction


async def test_the_direction_takes_two_keys(venue: Folder, clock: FixedClock) -> None:
    """One F6 only names the way; a guest in between takes the question back."""
    async with running(venue, clock) as screen:
        await screen.press("f6")
        assert direction(screen) is Direction.IN
        assert "<<< OUT <<<" in toasts(screen)
        screen.scan("VOID1")
        await screen.settle()
        await screen.press("f6")
        assert direction(screen) is Direction.IN
        await screen.press("f6")
        assert direction(screen) is Direction.OUT


async def test_the_frame_says_the_way_all_the_time(venue: Folder, clock: FixedClock) -> None:
    """In words and arrows above and below, whatever is shown; in reverse where it is not in."""
    async with running(venue, clock) as screen:
        told = {
            Direction.IN: ">>> IN >>>",
            Direction.OUT: "<<< OUT <<<",
            Direction.BOTH: "<<< IN AND OUT >>>",
            Direction.CHECK: "=== CHECK ONLY ===",
        }
        for direction, words in told.items():
            screen.lane.direction = direction
            screen.app.refresh_status()
            await screen.settle()
            for code in ("", "VOID1"):
                if code:
                    screen.scan(code)
                    await screen.settle()
                assert words in str(screen.panel.border_title)
                is_in = direction is Direction.IN
                assert (words in str(screen.panel.border_subtitle)) is not is_in
                assert screen.panel.styles.border_title_style.reverse is (None if is_in else True)


async def test_the_direction_takes_a_pin_where_the_venue_says_so(
    venue: Folder, clock: FixedClock
) -> None:
    """A supervisor's, and none of a supervisor who is signed in."""
    with_operators(venue)
    async with running(venue, clock, "rules.turn_needs_pin=true") as screen:
        await screen.press("f6")
        question = screen.app.screen
        assert isinstance(question, PinQuestion)
        await screen.answer(KIM, KIM_PIN)
        await screen.until(
            lambda: "supervisor" in str(question.query_one(".wrong", Static).content)
        )
        assert direction(screen) is Direction.IN
        await screen.focus("#name")
        await screen.answer(BOSS.upper(), BOSS_PIN)
        await screen.until(lambda: direction(screen) is Direction.OUT)
        screen.lane.sign_in(Operator(BOSS, Role.SUPERVISOR))
        await screen.press("f6", "f6")
        assert direction(screen) is Direction.BOTH


async def test_a_code_is_typed_by_hand(venue: Folder, clock: FixedClock) -> None:
    """Ctrl+K opens the box; what a person types is decided, and its entry says so."""
    async with running(venue, clock) as screen:
        await screen.press("ctrl+k")
        assert isinstance(screen.app.screen, CodeQuestion)
        await slowly(screen, *"GOOD001", "enter")
        await screen.until(lambda: admitted(venue) == [("good-1", 1, "hand")])
        await screen.until(lambda: screen.panel.outcome is Outcome.ADMIT)
        await screen.press("ctrl+k")
        await screen.type("GOOD002")
        await screen.until(lambda: admitted(venue)[-1] == ("good-2", 1, "keyboard"))


async def test_typing_codes_may_be_forbidden(venue: Folder, clock: FixedClock) -> None:
    """Then the key says so and opens nothing."""
    async with running(venue, clock, "rules.hand_codes=false") as screen:
        await screen.press("ctrl+k")
        assert isinstance(screen.app.screen, ScanScreen)
        assert "not typed by hand" in toasts(screen)


async def find(screen: Screen, name: str) -> None:
    await screen.press("f4")
    await slowly(screen, *name)
    table = screen.app.screen.query_one(DataTable)
    await screen.until(lambda: table.row_count == 1)


async def test_staff_may_find_and_admit_where_the_venue_says_so(
    venue: Folder, clock: FixedClock
) -> None:
    """With their own PIN, or a reason alone once they are signed in."""
    with_operators(venue)
    async with running(venue, clock, "rules.find_admits=staff") as screen:
        await find(screen, "angstrom")
        await screen.press("f7")
        assert isinstance(screen.app.screen, PinQuestion)
        await screen.answer(KIM, KIM_PIN, "phone is dead")
        await screen.until(lambda: admitted(venue) == [("named-1", 1, "manual")])
        await screen.until(lambda: isinstance(screen.app.screen, ScanScreen))
        screen.lane.sign_in(Operator(KIM, Role.STAFF))
        await find(screen, "李小龙")
        await screen.press("f7")
        assert isinstance(screen.app.screen, ReasonQuestion)
        await screen.answer("  ")
        assert isinstance(screen.app.screen, ReasonQuestion)
        await screen.answer("phone is dead")
        await screen.until(lambda: len(admitted(venue)) == 2)
        assert (entries(venue)[-1].operator, entries(venue)[-1].note) == (KIM, "phone is dead")


@pytest.mark.long
async def test_a_supervisor_who_is_signed_in_gives_no_pin_again(
    venue: Folder, clock: FixedClock
) -> None:
    """By default it takes a supervisor; staff who are signed in are asked for one's PIN."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        screen.lane.sign_in(Operator(KIM, Role.STAFF))
        await find(screen, "angstrom")
        await screen.press("f7")
        assert isinstance(screen.app.screen, PinQuestion)
        await screen.press("escape")
        screen.lane.sign_in(Operator(BOSS, Role.SUPERVISOR))
        await screen.press("f7")
        assert isinstance(screen.app.screen, ReasonQuestion)
        assert "José Ångström" in screen.app.screen._title


async def test_an_empty_reason_keeps_question_and_pin(venue: Folder, clock: FixedClock) -> None:
    """Only the reason is asked for again."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.type("VOID1")
        await screen.press("ctrl+o")
        question = screen.app.screen
        await screen.answer(BOSS, BOSS_PIN, "  ")
        assert screen.app.screen is question
        assert question.query_one("#pin", Input).value == BOSS_PIN
        assert question.query_one("#note", Input).has_focus
        assert "reason" in str(question.query_one(".wrong", Static).content)
        await screen.answer("paid at the desk")
        await screen.until(lambda: len(admitted(venue)) == 1)


KEYS: list[tuple[str, Callable[[Screen], object]]] = [
    ("f7", lambda screen: "F7 again" in toasts(screen)),
    ("ctrl+n", lambda screen: "[group-1]" in title(screen)),
    ("ctrl+z", lambda screen: "Ctrl+Z again" in toasts(screen)),
]


def title(screen: Screen) -> str:
    question = screen.app.screen
    return question._title if isinstance(question, Question) else ""


@pytest.mark.examples(1)
@pytest.mark.parametrize(("key", "asks"), KEYS, ids=[key for key, _asks in KEYS])
async def test_a_key_for_a_guest_who_is_gone_names_and_asks(
    venue: Folder, clock: FixedClock, key: str, asks: Callable[[Screen], object]
) -> None:
    """The panel was cleared: one key counts and undoes nobody, and says who it would be."""
    async with running(venue, clock) as screen:
        screen.scan("GROUP1")
        await screen.settle()
        await screen.press("enter")
        assert screen.panel.outcome is None
        before = len(entries(venue))
        await screen.press(key)
        assert asks(screen)
        assert "[group-1]" in toasts(screen) + title(screen)
        assert len(entries(venue)) == before
        if key == "f7":
            await screen.press(key)
            await screen.until(lambda: len(entries(venue)) == before + 1)


@pytest.mark.long
async def test_without_a_look_at_the_screen_a_key_would_act_on_who_is_gone(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation of the test before: the panel is not asked, and one key counts another person."""
    monkeypatch.setattr(OnScreen, "_shows", lambda _self, _ticket: True)
    async with running(venue, clock) as screen:
        screen.scan("GROUP1")
        await screen.settle()
        await screen.press("enter", "f7")
        await screen.until(lambda: len(admitted(venue)) == 2)


@pytest.mark.long
async def test_without_the_second_press_one_key_would_undo_somebody_else(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: nothing is asked twice, and the guest before the one on the screen is undone."""
    monkeypatch.setattr(Again, "is_second", lambda _self, _what: True)
    async with running(venue, clock) as screen:
        screen.scan("NAMED1")
        screen.scan("VOID1")
        await screen.settle()
        await screen.press("f6")
        assert direction(screen) is Direction.OUT
        await screen.press("ctrl+z")
        await screen.until(lambda: entries(venue)[-1].act is Act.ANNULMENT)


async def test_no_key_counts_for_the_guest_before_a_stranger(
    venue: Folder, clock: FixedClock
) -> None:
    """An unknown code is on the screen: F7 and Ctrl+N do nothing at all."""
    async with running(venue, clock) as screen:
        screen.scan("GROUP1")
        screen.scan("NOBODY")
        await screen.settle()
        await screen.press("f7", "f7", "ctrl+n")
        assert isinstance(screen.app.screen, ScanScreen)
        assert len(admitted(venue)) == 1


async def test_an_override_names_who_it_admits_and_nobody_else_goes_in(
    venue: Folder, clock: FixedClock
) -> None:
    """Whoever is decided while the PIN is typed is not admitted by it."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.type("VOID1")
        await screen.press("enter", "ctrl+o")
        assert "Winter Gala [void-1]. Ticket cancelled." in title(screen)
        screen.scan("EARLY1")
        await screen.answer(BOSS, BOSS_PIN, "paid")
        await screen.until(lambda: "another ticket" in toasts(screen))
        assert admitted(venue) == []


def test_a_second_press_is_the_same_key_within_five_seconds() -> None:
    """Later, or for something else, it names again; what was done is not done twice."""
    now = [100.0]
    again = Again(now=lambda: now[0])
    assert not again.is_second("undo a")
    assert not again.is_second("undo b")
    now[0] += 5
    assert again.is_second("undo b")
    assert not again.is_second("undo b")
    now[0] += 5.1
    assert not again.is_second("undo b")
    again.forget()
    assert not again.is_second("undo b")
