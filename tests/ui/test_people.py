"""People at the screen: counted without a ticket, and listed for whoever has to find them."""

import csv
import io
import os
from zoneinfo import ZoneInfo

from textual.widgets import DataTable, Static

from gate.core.entry import Act
from gate.core.place import Direction
from gate.lane.lane import Lane
from gate.reports.wipe import wipe
from gate.storage.folder import Folder
from gate.ui.plain import Plain
from gate.ui.tui.screens.door_count import PeopleQuestion
from gate.ui.tui.screens.inside import InsideScreen
from gate.ui.tui.screens.questions import PinQuestion
from gate.ui.tui.screens.supervisor import SupervisorScreen
from tests.support.lanes import journal_of
from tests.support.screen import BOSS, BOSS_PIN, KIM, KIM_PIN, Screen, running, with_operators
from tests.support.venue import FixedClock
from tests.system.neighbours import enrol, known, say


async def count(screen: Screen, typed: str) -> None:
    await screen.press("f12")
    assert isinstance(screen.app.screen, PeopleQuestion)
    await screen.answer(typed)


async def test_f12_counts_people_without_a_ticket(venue: Folder, clock: FixedClock) -> None:
    """Enter alone is one in; a sign says which way; a lane for the way out counts out."""
    async with running(venue, clock) as screen:
        await count(screen, "")
        await count(screen, "4")
        await count(screen, "-2")
        assert screen.lane.totals().inside == 3
        screen.lane.direction = Direction.OUT
        await count(screen, "1")
        assert screen.lane.totals().inside == 2
        await count(screen, "0")
        assert isinstance(screen.app.screen, PeopleQuestion)
        await screen.press("escape")
        assert screen.lane.totals().inside == 2


async def test_ctrl_z_names_a_count_before_it_takes_it_back(
    venue: Folder, clock: FixedClock
) -> None:
    """Law 14: what is not on the panel takes two presses, and what came between is not undone."""
    async with running(venue, clock) as screen:
        screen.scan("GOOD001")
        await count(screen, "4")
        await screen.press("ctrl+z")
        assert screen.lane.totals().inside == 5
        await screen.press("ctrl+z")
        assert screen.lane.totals().inside == 1
        assert "4 people without a ticket" in screen.text
        assert "ticket is good again" not in screen.text
        assert journal_of(venue)[-1].act is Act.COUNT_UNDONE


async def test_a_scan_into_the_question_counts_nobody(venue: Folder, clock: FixedClock) -> None:
    """The question gives way, and the scan is decided."""
    async with running(venue, clock) as screen:
        await screen.press("f12")
        await screen.type("GOOD001")
        assert screen.app.screen is screen.app.scan_screen
        assert screen.lane.totals().inside == 1
        assert [e.act for e in journal_of(venue)][1:] == [Act.ADMISSION]


async def test_f12_waits_for_whoever_must_sign_in(venue: Folder, clock: FixedClock) -> None:
    """Where nobody may scan, nobody counts."""
    with_operators(venue)
    async with running(venue, clock, "operators.sign_in=true") as screen:
        await screen.press("escape", "f12")
        assert screen.app.screen is screen.app.scan_screen


async def test_the_inside_list_takes_a_supervisor(venue: Folder, clock: FixedClock) -> None:
    """Staff see no names; a supervisor sees them by zone and name, and writes them to a file."""
    with_operators(venue)
    async with running(venue, clock) as screen:
        for code in ("NAMED1", "GOOD001", "NAMED2"):
            screen.scan(code)
        await screen.settle()
        await screen.press("f3", "i")
        assert isinstance(screen.app.screen, PinQuestion)
        await screen.answer(KIM, KIM_PIN)
        assert isinstance(screen.app.screen, PinQuestion)
        await screen.press("escape", "i")
        await screen.answer(BOSS, BOSS_PIN)
        await screen.until(lambda: isinstance(screen.app.screen, InsideScreen))
        await screen.until(lambda: screen.app.screen.query_one(DataTable).row_count == 3)
        table = screen.app.screen.query_one(DataTable)
        assert [table.get_row_at(n)[1] for n in range(3)] == ["José Ångström", "李小龙", ""]
        await screen.press("e")
        await screen.until(lambda: len(list(venue.lists.glob("inside-*"))) == 2)
        for path in venue.lists.iterdir():
            assert "Ångström" in path.read_text(encoding="utf-8")
            assert os.name == "nt" or path.stat().st_mode & 0o077 == 0
        await screen.press("escape")
        assert isinstance(screen.app.screen, SupervisorScreen)


async def test_the_inside_list_says_first_who_is_not_heard(
    venue: Folder, clock: FixedClock
) -> None:
    """Without operators nobody is asked; what is missing is at the top, at 80x24 too."""
    enrol(venue)
    say(venue, clock, known("b" * 8, clock, ago_s=3600))
    async with running(venue, clock, size=(80, 24)) as screen:
        screen.scan("NAMED1")
        await count(screen, "2")
        await screen.press("f3", "i")
        await screen.until(lambda: isinstance(screen.app.screen, InsideScreen))
        head = screen.app.screen.query_one("#inside-head", Static)
        await screen.until(lambda: "NOT COMPLETE" in str(head.content))
        lines = str(head.content).splitlines()
        assert lines[0].startswith("NOT COMPLETE: South")
        assert "2 more without a ticket (no zone: 2)" in lines
        gates = str(screen.app.screen.query_one("#inside-gates Static", Static).content)
        assert gates.splitlines()[0] == "South (open): last heard 11:26:40"


async def test_names_stay_away_where_the_event_hides_them(venue: Folder, clock: FixedClock) -> None:
    """On the screen and in the file."""
    async with running(venue, clock, "screen.show_names=false") as screen:
        screen.scan("NAMED1")
        await screen.press("f3", "i")
        await screen.until(lambda: screen.app.screen.query_one(DataTable).row_count == 1)
        assert screen.app.screen.query_one(DataTable).get_row_at(0)[1] == ""
        await screen.press("e")
        await screen.until(lambda: len(list(venue.lists.glob("*.csv"))) == 1)
        (path,) = venue.lists.glob("*.csv")
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        assert [one["name"] for one in rows if one["what"] == "ticket"] == [""]
    wipe(venue, venue.path.parent / "kept.jsonl")
    assert list(venue.lists.iterdir()) == []


def test_lines_count_people_too(lane: Lane, venue: Folder) -> None:
    """F12, a number, Enter; Esc counts nobody; what is no number is said."""
    out = io.StringIO()
    plain = Plain(lane, ZoneInfo("Asia/Shanghai"), out=out)
    scanned: list[str] = []
    for typed in ("\r", "3\r", "-1\r", "x\r", "2\x1b"):
        plain.command("people")
        for key in typed:
            plain._type_by_hand(key, scanned.append)
    assert lane.totals().inside == 3
    assert scanned == []
    said = out.getvalue()
    assert "# counted: 3 people without a ticket, in at" in said
    assert "# counted: 1 person without a ticket, out at" in said
    assert "a number from 1 to 999" in said
    for _twice in range(2):
        plain.command("undo")
    assert lane.totals().inside == 4
