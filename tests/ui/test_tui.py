"""What keys, scanners and people do at the screen."""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual import events
from textual.widgets import DataTable, Digits, Static

from gate.capture.camera import State
from gate.capture.glimpse import Furniture, Spot
from gate.capture.hints import Advice
from gate.capture.picture import Seen
from gate.core.entry import Act
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction, Role
from gate.core.verdict import Scan
from gate.credential.layouts import retyped
from gate.lane.post import Operator
from gate.reports.lookup import look_up
from gate.reports.ticket_import import import_files
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.scanner_fixes import Fixes
from gate.text.verdict_words import Words
from gate.ui.scanner_check import SQUARE_TEXT
from gate.ui.tui import panel_words
from gate.ui.tui.bars import StatusBar
from gate.ui.tui.messages import CameraChanged, ScannerChanged
from gate.ui.tui.screens.doctor import DoctorScreen
from gate.ui.tui.screens.help import HelpScreen
from gate.ui.tui.screens.lookup import LookupScreen
from gate.ui.tui.screens.questions import CountQuestion, PinQuestion
from gate.ui.tui.screens.scan import ScanScreen
from gate.ui.tui.screens.scanner import ScannerQuestion, ScannerTest
from gate.ui.tui.screens.supervisor import SupervisorScreen
from tests.support.screen import BOSS, BOSS_PIN, KIM, KIM_PIN, Screen, running, with_operators
from tests.support.venue import NOW_MS, FixedClock, fill, write_rows
from tests.system.neighbours import carry, enrol, known, neighbour, say


def acts(folder: Folder) -> list[Act]:
    reader = JournalReader(folder.journal)
    made = [entry.act for _row, entry in reader.page()]
    reader.close()
    return made


def toasts(screen: Screen) -> str:
    return " ".join(toast.message for toast in screen.app._notifications)


def outcome(screen: Screen) -> Outcome | None:
    return screen.panel.outcome


async def test_a_typing_scanner_is_a_scan(venue: Folder, clock: FixedClock) -> None:
    """A burst and Enter: the lane is asked, the panel answers in one word and one class."""
    async with running(venue, clock) as screen:
        await screen.type("GOOD001")
        assert outcome(screen) is Outcome.ADMIT
        assert screen.panel.has_class("-admit")
        assert "Winter Gala" in screen.text
        assert screen.app.scan_screen.query_one("#inside", Digits).value == "1"


@pytest.mark.examples(2)
@pytest.mark.parametrize("end", ["enter", "tab", "ctrl+j", ""])
async def test_every_suffix_ends_a_code(venue: Folder, clock: FixedClock, end: str) -> None:
    """Enter, Tab, line feed or plain silence."""
    async with running(venue, clock) as screen:
        await screen.type("GOOD001", end=end)
        assert outcome(screen) is Outcome.ADMIT


async def test_a_pasted_burst_is_a_scan(venue: Folder, clock: FixedClock) -> None:
    """Some terminals hand a burst over as one paste."""
    async with running(venue, clock) as screen:
        screen.app.post_message(events.Paste("GOOD001\r"))
        await screen.settle()
        assert outcome(screen) is Outcome.ADMIT


async def test_control_characters_stay_in_the_code(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GS inside a burst is part of the code, which is then another code."""
    heard = []
    async with running(venue, clock) as screen:
        assert screen.app.inputs is not None
        monkeypatch.setattr(screen.app.inputs, "scanned", lambda code, _source: heard.append(code))
        await screen.type("01\x1d17")
        assert heard == ["01\x1d17"]


HOSTILE_KEYS = [
    "f1", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "ctrl+z", "ctrl+o", "ctrl+n", "ctrl+q",
    "ctrl+c", "ctrl+t", "ctrl+k", "escape", "enter", "q", "s", "tab",
]  # fmt: skip


@pytest.mark.long
async def test_no_code_ever_fires_a_key(venue: Folder, clock: FixedClock) -> None:
    """A code that holds a key, in any place, does nothing but be a code."""
    async with running(venue, clock) as screen:
        screen.scan("GOOD001")
        await screen.settle()
        before = acts(venue)
        for key in HOSTILE_KEYS:
            await screen.burst("A", key, "B", "enter")
            await screen.burst(key, "A", "B", "enter")
            await screen.burst("A", "B", key, "enter")
            assert isinstance(screen.app.screen, ScanScreen), key
            assert screen.lane.direction is Direction.IN, key
            assert screen.app.is_running, key
        assert set(acts(venue)[len(before) :]) <= {Act.REFUSAL}


@pytest.mark.long
async def test_the_same_keys_alone_do_fire(venue: Folder, clock: FixedClock) -> None:
    """Mutation of the test before: with silence around it, each key does its work."""
    async with running(venue, clock) as screen:
        for key, kind in (("f1", HelpScreen), ("f3", SupervisorScreen), ("f4", LookupScreen)):
            await screen.press(key)
            assert isinstance(screen.app.screen, kind)
            await screen.press("escape")
        await screen.press("f6", "f6")
        assert screen.lane.direction is Direction.OUT


async def test_a_refusal_stays_until_it_was_read(venue: Folder, clock: FixedClock) -> None:
    """The suffix of its own code does not clear it; Enter alone does."""
    async with running(venue, clock) as screen:
        await screen.burst(*"VOID1", "enter", "ctrl+j")
        assert outcome(screen) is Outcome.REFUSE
        await screen.pilot.pause(0.2)
        assert outcome(screen) is Outcome.REFUSE
        await screen.press("enter")
        assert outcome(screen) is None


async def test_a_good_verdict_clears_itself(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENTER goes after a moment, CHECK stays until the next scan."""
    monkeypatch.setitem(panel_words.SHOWN_S, Outcome.ADMIT, 0.1)
    async with running(venue, clock) as screen:
        shown: list[Outcome] = []
        show = screen.panel.show

        def noted(outcome: Outcome, words: Words) -> None:
            shown.append(outcome)
            show(outcome, words)

        monkeypatch.setattr(screen.panel, "show", noted)
        screen.scan("GOOD001")
        await screen.until(lambda: bool(shown) and outcome(screen) is None)
        assert shown == [Outcome.ADMIT]
        screen.scan("VIP1")
        await screen.settle()
        await screen.pilot.pause(0.2)
        assert outcome(screen) is Outcome.ATTENTION


async def test_a_slow_machine_shows_it_as_long(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment begins when the verdict is painted, not when it was decided."""
    monkeypatch.setitem(panel_words.SHOWN_S, Outcome.ADMIT, 0.1)
    unpainted: list[Callable[[], object]] = []
    async with running(venue, clock) as screen:
        monkeypatch.setattr(
            screen.app.scan_screen,
            "call_after_refresh",
            lambda painted, *told: unpainted.append(lambda: painted(*told)),
        )
        screen.scan("GOOD001")
        await screen.until(lambda: bool(unpainted))
        await screen.pilot.pause(0.5)
        assert outcome(screen) is Outcome.ADMIT
        for painted in unpainted:
            painted()
        await screen.until(lambda: outcome(screen) is None)


async def test_a_new_scan_always_wins(venue: Folder, clock: FixedClock) -> None:
    """Whatever is on the screen gives way at once, and nothing is stacked."""
    async with running(venue, clock) as screen:
        screen.scan("VOID1")
        screen.scan("NOBODY")
        screen.scan("GOOD001")
        await screen.until(lambda: outcome(screen) is Outcome.ADMIT)
        assert isinstance(screen.app.screen, ScanScreen)


async def test_the_direction_changes_by_key_only(venue: Folder, clock: FixedClock) -> None:
    """F6 twice goes round in, out, both, check; the status and the panel's title say so."""
    async with running(venue, clock) as screen:
        seen = []
        for _ in range(4):
            await screen.press("f6", "f6")
            seen.append(screen.lane.direction)
            title = str(screen.panel.border_title)
            assert title.strip().startswith("North — ")
        assert seen == [Direction.OUT, Direction.BOTH, Direction.CHECK, Direction.IN]


async def test_the_next_of_a_group_by_key(venue: Folder, clock: FixedClock) -> None:
    """F7 for one, Ctrl+N for a number; more than are left is refused."""
    async with running(venue, clock) as screen:
        await screen.type("GROUP1")
        assert "1 of 5 used" in screen.text
        await screen.press("f7")
        assert "2 of 5 used" in screen.text
        await screen.press("ctrl+n")
        assert isinstance(screen.app.screen, CountQuestion)
        await screen.answer("0")
        assert "1 to 999" in str(screen.app.screen.query_one(".wrong", Static).content)
        await screen.answer("3")
        assert "5 of 5 used" in screen.text
        await screen.press("f7")
        assert outcome(screen) is Outcome.REFUSE


async def test_the_key_without_a_ticket_is_a_toast(venue: Folder, clock: FixedClock) -> None:
    """It is no verdict and says what to do."""
    async with running(venue, clock) as screen:
        await screen.press("f7")
        assert outcome(screen) is None
        assert "Scan the ticket first." in [n.message for n in screen.app._notifications]


async def test_undo_and_its_trace(venue: Folder, clock: FixedClock) -> None:
    """Ctrl+Z takes the admission back, the panel says so, the counter follows."""
    async with running(venue, clock) as screen:
        await screen.type("GOOD001")
        await screen.press("ctrl+z")
        assert "Undone" in screen.text
        assert screen.lane.totals().inside == 0
        assert acts(venue)[-1] is Act.ANNULMENT


async def test_a_late_undo_asks_for_a_supervisor(venue: Folder, clock: FixedClock) -> None:
    """Past the grace time the PIN question comes up, and the right answers undo."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.type("GOOD001")
        clock.pass_seconds(500)
        await screen.press("ctrl+z")
        await screen.until(lambda: isinstance(screen.app.screen, PinQuestion))
        await screen.answer(BOSS, BOSS_PIN, "wrong guest")
        await screen.until(lambda: acts(venue)[-1] is Act.ANNULMENT)
        await screen.until(lambda: "Undone" in screen.text)


async def test_an_override_takes_name_pin_and_reason(venue: Folder, clock: FixedClock) -> None:
    """Wrong PIN, staff, no reason: each is told; then it is admitted and signed."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.press("ctrl+o")
        assert isinstance(screen.app.screen, ScanScreen), "nothing was refused"
        await screen.type("VOID1")
        await screen.press("ctrl+o")
        question = screen.app.screen
        assert isinstance(question, PinQuestion)

        def told() -> str:
            return str(question.query_one(".wrong", Static).content)

        await screen.answer(BOSS, "nope-1", "why")
        await screen.until(lambda: "wrong PIN" in told())
        await screen.focus("#name")
        await screen.answer(KIM, KIM_PIN, "why")
        await screen.until(lambda: "supervisor" in told())
        await screen.focus("#name")
        await screen.answer(BOSS, BOSS_PIN, "  ")
        await screen.until(lambda: "reason" in told())
        await screen.focus("#name")
        await screen.answer(BOSS, BOSS_PIN, "paid at the desk")
        await screen.until(lambda: outcome(screen) is Outcome.ADMIT)
        assert "Against: Ticket cancelled" in screen.text
        assert Act.SIGN_IN_FAILED in acts(venue)


async def test_while_a_question_is_up_nothing_is_scanned(venue: Folder, clock: FixedClock) -> None:
    """No silent admissions behind a question or another screen."""
    async with running(venue, clock) as screen:
        assert screen.app.inputs is not None
        for key, kind in (("f1", HelpScreen), ("f3", SupervisorScreen), ("f4", LookupScreen),
                          ("f9", DoctorScreen)):  # fmt: skip
            await screen.press(key)
            assert isinstance(screen.app.screen, kind)
            assert screen.app.inputs.paused
            screen.app.inputs.scanned("GOOD001", "evdev")
            await screen.press("escape")
            assert not screen.app.inputs.paused
        assert Act.ADMISSION not in acts(venue)


async def test_signing_in_names_the_operator(venue: Folder, clock: FixedClock) -> None:
    """F5 signs in and out; the status bar has the name."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.press("f5")
        await screen.answer(KIM, KIM_PIN)
        await screen.until(lambda: screen.lane.operator is not None)
        await screen.settle()
        assert "kim" in str(screen.app.scan_screen.query_one(StatusBar).content)
        await screen.press("f5")
        await screen.until(lambda: screen.lane.operator is None)
        assert [a for a in acts(venue) if "sign" in a] == [Act.SIGN_IN, Act.SIGN_OUT]


async def test_where_signing_in_is_required_nobody_is_scanned_before(
    venue: Folder, clock: FixedClock
) -> None:
    """The question is there from the start; without an answer the lane stays shut."""
    with_operators(venue)
    async with running(venue, clock, "operators.sign_in=true") as screen:
        await screen.until(lambda: isinstance(screen.app.screen, PinQuestion))
        await screen.press("escape")
        await screen.type("GOOD001")
        assert "Sign in first" in screen.text
        await screen.press("f5")
        await screen.answer(KIM, KIM_PIN)
        await screen.until(lambda: screen.lane.operator is not None)
        await screen.settle()
        await screen.type("GOOD001")
        assert outcome(screen) is Outcome.ADMIT


async def test_lookup_finds_and_admits_by_hand(venue: Folder, clock: FixedClock) -> None:
    """A name typed, the ticket chosen, PIN and reason given: the same rules decide."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        await screen.press("f4")
        await screen.pilot.press(*"angstrom")
        table = screen.app.screen.query_one(DataTable)
        await screen.until(lambda: table.row_count == 1)
        await screen.until(
            lambda: "José" in str(screen.app.screen.query_one("#detail Static", Static).content)
        )
        await screen.press("f7")
        await screen.answer(BOSS, BOSS_PIN, "phone is dead")
        await screen.until(lambda: isinstance(screen.app.screen, ScanScreen))
        await screen.until(lambda: outcome(screen) is Outcome.ADMIT)
        await screen.press("f4")
        await screen.pilot.press(*"angstrom")
        table = screen.app.screen.query_one(DataTable)
        await screen.until(lambda: table.row_count == 1)
        await screen.until(lambda: table.get_row_at(0)[3] == "1/1")
        await screen.press("ctrl+z")
        await screen.answer(BOSS, BOSS_PIN, "wrong one")
        await screen.until(lambda: acts(venue)[-1] is Act.ANNULMENT)


async def test_the_lookup_says_whether_the_rule_would_let_in_now(
    venue: Folder, clock: FixedClock
) -> None:
    """Of whoever is chosen, by what the ticket has done; nothing of tickets without a rule."""
    rule = {"<": [{"var": "entries_number"}, 1]}
    kind = {"id": "RULED", "kind": "scenic", "use_limit": 9, "party_size": 9, "rule": rule}
    fill(venue, [kind, {"code": "RULED1", "type": "RULED", "holder": "Ottoline"}])
    async with running(venue, clock, "debounce.rescan_s=0") as screen:

        async def told(name: str, part: str) -> str:
            await screen.press("f4")
            await screen.pilot.press(*name)
            detail = screen.app.screen.query_one("#detail Static", Static)
            await screen.until(lambda: part in str(detail.content))
            await screen.press("escape")
            return str(detail.content)

        assert "organiser's rule: lets in now" in await told("ottoline", "RULED")
        screen.scan("RULED1")
        await screen.until(lambda: outcome(screen) is Outcome.ADMIT)
        await told("ottoline", "does not let in now. Wanted: entries fewer than 1; now: 1.")
        assert "organiser's rule" not in await told("angstrom", "José")


async def test_a_code_scanned_into_the_lookup_is_looked_up(
    venue: Folder, clock: FixedClock
) -> None:
    """On the lookup screen a scanner searches; it admits nobody."""
    async with running(venue, clock) as screen:
        await screen.press("f4")
        await screen.pilot.press(*"GOOD007", "enter")
        table = screen.app.screen.query_one(DataTable)
        await screen.until(lambda: table.row_count == 1)
        assert Act.ADMISSION not in acts(venue)


async def test_the_supervisors_figures(venue: Folder, clock: FixedClock) -> None:
    """Inside, admitted, refused by reason, as the stores have them."""
    async with running(venue, clock) as screen:
        for code in ("GOOD001", "GOOD002", "VOID1"):
            screen.scan(code)
        await screen.settle()
        await screen.press("f3")
        page = screen.app.screen
        await screen.until(lambda: page.query_one("#admitted", Digits).value == "2")
        assert page.query_one("#refused", Digits).value == "1"
        reasons = page.query_one("#reasons", DataTable)
        assert reasons.get_row_at(0) == ["Ticket cancelled", "1"]


async def test_the_clock_is_set_with_a_pin(venue: Folder, clock: FixedClock) -> None:
    """F9, F8, name, PIN, time: from then on the lane goes by it."""
    with_operators(venue)
    clock.jump_seconds(-5 * 3600)
    async with running(venue, clock) as screen:
        status = screen.app.scan_screen.query_one(StatusBar)
        assert "CLOCK NOT TRUSTED" in str(status.content)
        await screen.press("f9")
        await screen.press("f8")
        await screen.answer(BOSS, BOSS_PIN)
        await screen.until(lambda: bool(screen.app.screen.query("#time")))
        await screen.answer("2026-12-23 12:30")
        await screen.until(screen.lane.clock_is_trusted)


async def test_leaving_takes_two(venue: Folder, clock: FixedClock) -> None:
    """Ctrl+Q once only asks."""
    async with running(venue, clock) as screen:
        await screen.press("ctrl+q")
        assert screen.app.is_running
        await screen.press("ctrl+q")
        await screen.until(lambda: screen.app.return_code == 0)


async def test_camera_and_scanner_troubles_are_told(venue: Folder, clock: FixedClock) -> None:
    """Lost and found again, in the status bar and a toast, never as a verdict."""
    async with running(venue, clock) as screen:
        page = screen.app.scan_screen
        page.post_message(CameraChanged(State.LOST, "the camera is unplugged"))
        page.post_message(ScannerChanged("gone"))
        await screen.settle()
        status = str(page.query_one(StatusBar).content)
        assert "camera LOST" in status
        assert "scanner LOST" in status
        assert outcome(screen) is None
        page.post_message(CameraChanged(State.STILL, "the picture stands still"))
        await screen.settle()
        assert "camera STANDS STILL" in str(page.query_one(StatusBar).content)
        told = [toast.message for toast in screen.app._notifications]
        assert "the picture stands still" in told
        page.post_message(CameraChanged(State.LIVE, ""))
        page.post_message(ScannerChanged(""))
        await screen.settle()
        assert "camera on" in str(page.query_one(StatusBar).content)


async def test_markup_in_names_is_text(clock: FixedClock, folder: Folder) -> None:
    """A guest called [red]Bob[/] is shown as that."""
    fill(folder, [{"code": "M1", "type": "SHOW", "holder": "[red]Bob[/] \x1b[2J", "id": "m"}])
    async with running(folder, clock) as screen:
        await screen.type("M1")
        assert "[red]Bob[/] \\x1b[2J" in screen.text


async def test_a_hold_is_shown_with_its_hint(venue: Folder, clock: FixedClock) -> None:
    """A fault is WAIT with what to do, and the next good scan goes in."""
    async with running(venue, clock) as screen:
        pointer = venue.pointer.read_bytes()
        venue.pointer.unlink()
        await screen.type("GOOD001")
        assert outcome(screen) is Outcome.HOLD
        assert "gate import" in screen.text
        venue.pointer.write_bytes(pointer)
        await screen.type("GOOD001")
        assert outcome(screen) is Outcome.ADMIT


async def test_small_terminals_still_show_the_word(venue: Folder, clock: FixedClock) -> None:
    """Below 80 columns the letters give way to the word, and nothing breaks."""
    async with running(venue, clock, size=(40, 12)) as screen:
        screen.scan("GOOD001")
        await screen.settle()
        assert "ENTER" in screen.text
        screen.scan("VOID1")
        await screen.settle()
        assert "STOP" in screen.text or "██" in screen.text


async def test_reasons_have_their_words_on_the_screen(venue: Folder, clock: FixedClock) -> None:
    """Each refusal of the venue's tickets names its rule."""
    expected = {
        "NOBODY": "Unknown code",
        "VOID1": "Ticket cancelled",
        "EARLY1": "Too early",
        "EAST1": "Wrong entrance",
        "OLD1": "Ticket was given to somebody else",
    }
    async with running(venue, clock) as screen:
        for code, rule in expected.items():
            verdict = screen.scan(code)
            assert verdict.reason is not Reason.FAULT
            await screen.until(lambda rule=rule: rule in screen.text)  # type: ignore[misc]


async def test_a_click_elsewhere_does_not_take_the_scanner_away(
    venue: Folder, clock: FixedClock
) -> None:
    """Whoever leans on the touchpad must not make the next codes fall on deaf ears."""
    async with running(venue, clock) as screen:
        for place in ("VerdictPanel", "StatusBar", "#last", "#counts", "KeyHints"):
            await screen.pilot.click(place)
            await screen.pilot.pause()
        await screen.type("GOOD001")
        assert screen.panel.outcome is Outcome.ADMIT


async def test_the_panel_names_venue_and_event(venue: Folder, clock: FixedClock) -> None:
    """What config.toml calls the venue stands on the frame, made harmless."""
    async with running(venue, clock, "venue=Big \x1bHall", "event=Gala") as screen:
        assert "Hall · Gala" in str(screen.panel.border_subtitle)
        assert "\x1b" not in str(screen.panel.border_subtitle)


def at_the_status(screen: Screen) -> str:
    return str(screen.app.scan_screen.query_one(StatusBar).content)


@pytest.mark.long
async def test_the_status_says_how_the_lane_stands(venue: Folder, clock: FixedClock) -> None:
    """Basis, server link, unsent, quarantined and alarms: the most needed fit on 80 columns."""
    async with running(venue, clock, size=(80, 24)) as screen:
        assert "only lane · no server" in at_the_status(screen)
        enrol(venue)
        screen.app.refresh_status()
        await screen.until(lambda: "alone · central not heard yet" in at_the_status(screen))
        other = known("f" * 16, clock)
        say(venue, clock, other, ago_s=0.8)
        await screen.until(lambda: "alone · central 0.8 s ago" in at_the_status(screen))
        clock.pass_seconds(3)
        say(venue, clock, other, ago_s=0.8)
        await screen.until(lambda: "sure: 3.0 s · central 0.8 s ago" in at_the_status(screen))
        assert "tickets 0 s ago" in at_the_status(screen)
        say(venue, clock, known("f" * 16, clock, ago_s=3600), ago_s=3600, unacked=37)
        told = "alone · central unheard since 11:26 · 37 unsent"
        await screen.until(lambda: told in at_the_status(screen))
        say(venue, clock, other, quarantined=2, alarms=("f" * 16,))
        await screen.until(lambda: "1 ALARM · 2 QUARANTINED" in at_the_status(screen))
        say(venue, clock, other, is_full=True, floods=("f" * 16,))
        await screen.until(lambda: "1 ALARM · DISK FULL" in at_the_status(screen))


async def test_a_verdict_given_alone_names_who_is_unheard(venue: Folder, clock: FixedClock) -> None:
    """Quietly, below the rest."""
    async with running(venue, clock) as screen:
        say(venue, clock, known("f" * 16, clock, ago_s=3600))
        await screen.type("GOOD001")
        assert outcome(screen) is Outcome.ADMIT
        assert "alone: South unheard since 11:26" in screen.text


async def test_the_supervisor_sees_the_whole_venue(
    venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """Keys lead to devices and conflicts; a conflict is settled with PIN and reason."""
    with_operators(venue)
    with neighbour(tmp_path / "south", clock) as south:
        south.admit(Scan("GOOD001"))
        carry(south._folder, venue)
        carried = south._folder.device_id()
    async with running(venue, clock) as screen:
        screen.scan("GOOD002")
        await screen.settle()
        say(venue, clock, known(carried, clock, unacked=5))
        await screen.press("f3")
        page = screen.app.screen
        await screen.until(lambda: page.query_one("#admitted", Digits).value == "2")
        assert "at least" in str(page.query_one("#inside-label", Static).content)
        assert "whole venue" in str(page.query_one("#rates", Static).content)
        await screen.press("2")
        table = page.query_one("#device-table", DataTable)
        assert table.has_focus
        assert table.get_row_at(1)[:4] == ["South", "open", "0.0 s ago", "5"]
        await screen.press("down")
        assert carried in str(page.query_one("#device Static", Static).content)
        await screen.press("3", "enter")
        assert screen.app.screen is page


async def test_a_conflict_is_settled_with_a_pin(
    venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """Enter on the row asks who and why; then it says so, and a second Enter asks nobody."""
    with_operators(venue)
    with neighbour(tmp_path / "south", clock) as south:
        south.admit(Scan("GOOD001"))
        async with running(venue, clock) as screen:
            screen.scan("GOOD001")
            carry(south._folder, venue)
            await screen.press("f3", "3")
            page = screen.app.screen
            table = page.query_one("#conflict-table", DataTable)
            await screen.until(lambda: table.row_count == 1)
            assert table.get_row_at(0)[:3] == ["good-1", "Winter Gala", "1 too many"]
            sides = page.query_one("#sides Static", Static)
            assert "South" in str(sides.content)
            assert "North" in str(sides.content)
            await screen.press("enter")
            await screen.answer(KIM, KIM_PIN, "seen")
            assert isinstance(screen.app.screen, PinQuestion)
            await screen.press("escape", "enter")
            await screen.answer(BOSS, BOSS_PIN, "sold twice")
            await screen.until(lambda: "settled by boss" in str(sides.content))
            assert acts(venue)[-1] is Act.RESOLUTION
            assert table.get_row_at(0)[-1] == "yes"
            await screen.press("enter")
            assert screen.app.screen is page


async def test_an_undo_is_confirmed_with_a_pin(
    venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """C on the row of another gate's undo, where this gate let in: who, why, and it counts."""
    with_operators(venue)
    with neighbour(tmp_path / "south", clock) as south:
        async with running(venue, clock) as screen:
            screen.scan("GOOD001")
            carry(venue, south._folder)
            reader = JournalReader(venue.journal)
            (admitted,) = reader.of_ticket("good-1")
            reader.close()
            south.undo(admitted.name, Operator("Kim", Role.SUPERVISOR), "wrong guest")
            carry(south._folder, venue)
            await screen.press("f3", "3")
            page = screen.app.screen
            table = page.query_one("#conflict-table", DataTable)
            await screen.until(lambda: table.row_count == 1)
            assert table.get_row_at(0)[2] == "undo not confirmed"
            assert "undone at South by Kim" in str(page.query_one("#sides Static", Static).content)
            await screen.press("c")
            await screen.answer(BOSS, BOSS_PIN, "so it was")
            await screen.until(lambda: table.row_count == 0)
            assert acts(venue)[-1] is Act.ANNULMENT
            await screen.press("c")
            assert screen.app.screen is page


async def test_an_irregular_admission_can_be_acted_on(
    venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """Guest, seat and a short id that is found; both sides; settled like a conflict."""
    with_operators(venue)
    row: dict[str, object] = {
        "code": "NAMED1", "type": "SHOW", "id": "named-1", "holder": "José Ångström",
        "seats": ["7-12"], "status": "revoked",
    }  # fmt: skip
    with neighbour(tmp_path / "south", clock) as south:
        import_files(venue, [write_rows(tmp_path / "more.jsonl", [row])], built_ms=NOW_MS)
        clock.pass_seconds(600)
        south.admit(Scan("NAMED1"))
        carry(south._folder, venue)
        async with running(venue, clock) as screen:
            screen.scan("GOOD001")
            await screen.press("f3", "3")
            page = screen.app.screen
            table = page.query_one("#conflict-table", DataTable)
            await screen.until(lambda: table.row_count == 1)
            row_ = table.get_row_at(0)
            assert row_[:3] == ["named-1", "José Ångström · W…", "irregular"]
            told = page.query_one("#sides Static", Static)
            for part in ("José Ångström · Winter Gala · 7-12 [named-1]", "South", "void since"):
                assert part in str(told.content)
            await screen.press("enter")
            await screen.answer(BOSS, BOSS_PIN, "paid at the desk")
            await screen.until(lambda: "settled by boss" in str(told.content))
            assert acts(venue)[-1] is Act.RESOLUTION
            assert table.get_row_at(0)[-1] == "yes"
    assert [found.ticket.holder for found in look_up(venue, row_[0]).found] == ["José Ångström"]


async def test_a_new_conflict_rings_once_and_stays_as_a_badge(
    venue: Folder, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those from before the start, and none twice; the badge goes when it is settled."""
    rung: list[int] = []
    with neighbour(tmp_path / "south", clock) as south, neighbour(venue.path, clock) as before:
        for lane in (south, before):
            lane.admit(Scan("GOOD001"))
        before.close()
        carry(south._folder, venue)
        async with running(venue, clock) as screen:
            scan = screen.app.scan_screen
            monkeypatch.setattr(screen.app, "ring", rung.append)

            def badge() -> str:
                return str(scan.query_one(StatusBar).content)

            await screen.until(lambda: "F3: 1 to look into" in badge())
            assert rung == []
            south.admit(Scan("GOOD002"))
            screen.lane.admit(Scan("GOOD002"))
            carry(south._folder, venue)
            for _n in range(2):
                scan._look_for_matters()
                await screen.until(lambda: "F3: 2 to look into" in badge())
            assert rung == [1]
            for ticket in ("good-1", "good-2"):
                screen.lane.resolve(ticket, Operator("boss", Role.SUPERVISOR), "seen")
            scan._look_for_matters()
            await screen.until(lambda: "to look into" not in badge())
            assert rung == [1]


def shown(screen: Screen) -> str:
    """Everything that the question on top says."""
    return "\n".join(str(one.content) for one in screen.app.screen.query(Static))


SIGNS = "K7QX-2026-YZAW;MQ/9"


async def test_what_the_scanner_types_wrongly_is_shown_before_it_is_believed(
    folder: Folder, clock: FixedClock
) -> None:
    """The guest is unknown; a key shows both texts and whose ticket it would be, Enter believes."""
    fill(folder, [{"code": SIGNS, "type": "PASS", "id": "long-1", "holder": "Ada"}])
    text = retyped(SIGNS, "us", "de")
    assert text is not None
    async with running(folder, clock, "debounce.scanner_ms=0") as screen:
        await screen.type(text)
        assert outcome(screen) is Outcome.REFUSE
        assert "German" in screen.text
        assert "Ctrl+S" in screen.text
        await screen.press("ctrl+s")
        await screen.until(lambda: isinstance(screen.app.screen, ScannerQuestion))
        for part in (text, SIGNS, "Ten visits", "Ada", "German"):
            assert part in shown(screen)
        await screen.press("enter")
        await screen.until(lambda: "is put right from now on" in toasts(screen))
        await screen.type(text)
        await screen.until(lambda: outcome(screen) is Outcome.ADMIT)
    fix = Fixes(folder).of("keyboard")
    assert fix is not None
    assert not fix.established.is_sure
    async with running(folder, clock) as screen:
        assert "German" in toasts(screen)


@pytest.mark.examples(1)
@pytest.mark.parametrize("source", ["keyboard", "evdev"])
async def test_a_scan_believes_nothing(folder: Folder, clock: FixedClock, source: str) -> None:
    """The next guest's code, Enter and all, closes the question and is decided."""
    fill(folder, [{"code": SIGNS, "type": "PASS", "id": "long-1"}])
    text = retyped(SIGNS, "us", "de")
    assert text is not None
    async with running(folder, clock) as screen:
        await screen.type(text)
        await screen.press("ctrl+s")
        await screen.until(lambda: isinstance(screen.app.screen, ScannerQuestion))
        if source == "keyboard":
            await screen.type("GOOD001")
        else:
            assert screen.app.inputs is not None
            screen.app.inputs.scanned("GOOD001", source)
        await screen.until(lambda: outcome(screen) is Outcome.ADMIT)
        assert isinstance(screen.app.screen, ScanScreen)
    assert Fixes(folder).all() == {}


async def test_the_test_code_settles_what_a_scanner_types(
    folder: Folder, clock: FixedClock
) -> None:
    """What shows nothing takes a supervisor's PIN, or the code on the screen: that is certain."""
    fill(folder)
    async with running(folder, clock) as screen:
        await screen.type("9GOOD001")
        assert outcome(screen) is Outcome.REFUSE
        await screen.press("ctrl+s")
        await screen.until(lambda: isinstance(screen.app.screen, ScannerQuestion))
        assert "PIN" in shown(screen)
        await screen.press("f9")
        await screen.until(lambda: isinstance(screen.app.screen, ScannerTest))
        await screen.type(f"9{SQUARE_TEXT}")
        await screen.until(lambda: "is put right from now on" in toasts(screen))
        await screen.type("9GOOD002")
        await screen.until(lambda: outcome(screen) is Outcome.ADMIT)


async def test_guidance_is_for_the_guest_and_never_over_a_verdict(
    venue: Folder, clock: FixedClock
) -> None:
    """Advice stands where the lane says that it is ready, goes with its reason, and waits."""
    async with running(venue, clock) as screen:
        screen.app._advised(Advice.NEARER)
        await screen.settle()
        assert "nearer" in screen.text
        screen.app._advised(None)
        await screen.settle()
        assert "nearer" not in screen.text
        await screen.type("VOID1")
        screen.app._advised(Advice.STILL)
        await screen.settle()
        assert outcome(screen) is Outcome.REFUSE
        assert "Hold it still" not in screen.text


def in_view(screen: Screen, *texts: str) -> None:
    """One frame of the camera with these codes."""
    spots = (Spot(0.1, 0.1, 0.3, 0.3), Spot(0.6, 0.1, 0.8, 0.3))
    assert screen.app.inputs is not None
    screen.app.inputs.selection.frame(
        [Seen(text, "QRCode", 0, spot=spot) for text, spot in zip(texts, spots, strict=False)]
    )


async def test_an_unknown_code_beside_a_ticket_is_a_neutral_line(
    venue: Folder, clock: FixedClock
) -> None:
    """The panel keeps the ticket's verdict; the line goes when the codes do."""
    async with running(venue, clock) as screen:
        line = screen.app.scan_screen.query_one("#beside", Static)
        assert not line.display
        in_view(screen, "GOOD001", "https://sponsor.example")
        await screen.until(lambda: line.display)
        assert "no ticket here" in str(line.content)
        assert outcome(screen) is Outcome.ADMIT
        await screen.until(lambda: not line.display)
        assert acts(venue) == [Act.LANE_OPENED, Act.ADMISSION]


async def test_the_other_ticket_is_named_and_counted_by_a_key(
    venue: Folder, clock: FixedClock
) -> None:
    """Ctrl+T acts on the ticket that the line names, and on none when there is no line."""
    # One frame is all there is, and stays in view however slow the machine is.
    async with running(venue, clock, "debounce.out_of_view_ms=60000") as screen:
        await screen.press("ctrl+t")
        assert "No other ticket waits." in toasts(screen)
        line = screen.app.scan_screen.query_one("#beside", Static)
        in_view(screen, "GOOD001", "EAST1")
        await screen.until(lambda: line.display)
        assert "2-15 [east-1]" in str(line.content)
        assert acts(venue) == [Act.LANE_OPENED, Act.ADMISSION]
        await screen.press("ctrl+t")
        await screen.until(lambda: acts(venue)[-1] is Act.REFUSAL)
        await screen.until(lambda: "Wrong entrance" in screen.text)


async def test_two_lines_of_one_burst_are_one_verdict(venue: Folder, clock: FixedClock) -> None:
    """A long second line is waited for while it is being typed."""
    async with running(venue, clock) as screen:
        await screen.burst(*"https:..sponsor.example", "enter", *"GOOD001", "enter")
        await screen.until(lambda: outcome(screen) is Outcome.ADMIT)
        await screen.pilot.pause(0.3)
        assert outcome(screen) is Outcome.ADMIT
        assert acts(venue) == [Act.LANE_OPENED, Act.ADMISSION]


async def test_the_doctor_names_what_lies_in_view(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Furniture is a line on F9, with its place and no more than its beginning."""
    async with running(venue, clock) as screen:
        poster = Furniture("WIFI:S:guests;P:secret;;", "QRCode", Spot(0.7, 0, 0.9, 0.2))
        monkeypatch.setattr(screen.app.inputs, "furniture", lambda: [poster])
        await screen.press("f9")
        table = screen.app.screen.query_one(DataTable)
        await screen.until(lambda: table.row_count > 3)
        told = [str(table.get_row_at(n)) for n in range(table.row_count)]
        named = [line for line in told if "WIFI" in line]
        assert len(named) == 1
        assert "on the right" in named[0]
        assert "secret" not in named[0]
