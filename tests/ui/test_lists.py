"""Several lists at one gate, on the screen: which is scanned, whose a code is, another one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import DataTable

from gate.config import load
from gate.core.place import Role
from gate.lane.lane import Lane
from gate.lane.operators import Operators
from gate.storage.folder import Folder
from gate.storage.gate_lists import beside, list_of, open_folder
from gate.ui.tui.app import GateApp
from gate.ui.tui.evidence import Evidence
from tests.support.lists import make_list
from tests.support.screen import BOSS, BOSS_PIN, SETTINGS, Screen, in_no_hurry
from tests.support.venue import FixedClock

TYPE = {"id": "SHOW", "kind": "MEETING_TICKET", "title": "Winter Gala"}
BOTH = {"type": "SHOW", "id": "p7", "order": "ABC12", "holder": "Ada"}


@pytest.fixture
def base(tmp_path: Path) -> Folder:
    """A gate with the lists Arena and Zelt; one ticket is on both."""
    base = Folder(tmp_path / "gate")
    base.create()
    arena = [TYPE, {**BOTH, "code": "BOTH1"}, {"type": "SHOW", "id": "p8", "code": "ARENA1"}]
    zelt = [TYPE, {**BOTH, "code": "BOTH1"}, {"type": "SHOW", "id": "p9", "code": "ZELT1"}]
    make_list(base, "gala.1", "Arena", arena)
    make_list(base, "gala.2", "Zelt", zelt)
    return base


@asynccontextmanager
async def scanning(
    base: Folder, clock: FixedClock, *settings: str, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Screen]:
    """The screen of the list that is open."""
    folder = open_folder(base)
    config = load(None, settings=[*SETTINGS, *settings])
    lane = Lane(folder, clock, config.place(), config.house_rules(), others=beside(folder))
    lane.open()
    app = GateApp(lane, config, folder, own_list=list_of(folder), others=beside(folder))
    try:
        with in_no_hurry():
            async with app.run_test(size=size) as pilot:
                screen = Screen(app, pilot)
                await screen.settle()
                yield screen
    finally:
        lane.close()


async def test_the_frame_says_which_list_is_scanned(base: Folder, clock: FixedClock) -> None:
    """First in the frame, and in the bar, at 80 columns too."""
    async with scanning(base, clock) as screen:
        assert str(screen.panel.border_title).startswith(" LIST Arena · North")


async def test_a_code_of_another_list_is_refused_by_its_name(
    base: Folder, clock: FixedClock
) -> None:
    """The refusal says which list, and by which key it is reached; a stranger's says neither."""
    async with scanning(base, clock) as screen:
        await screen.type("ZELT1")
        assert "It is a ticket of the list Zelt: F2 changes to it." in " ".join(screen.text.split())
        await screen.type("NOBODY1")
        assert "Zelt" not in screen.text


async def test_a_ticket_on_two_lists_is_two_tickets(base: Folder, clock: FixedClock) -> None:
    """It is let in by each list once; finding it names the other list and what it did there."""
    async with scanning(base, clock) as screen:
        await screen.type("BOTH1")
        assert screen.panel.outcome == "admit"
        await screen.press("f2")
        await screen.press("f7")
    assert open_folder(base).path.name == "gala.2"
    async with scanning(base, clock) as screen:
        await screen.press("f4")
        await screen.press(*"ada")
        table = screen.app.screen.query_one(DataTable)
        await screen.until(lambda: table.row_count == 1)
        evidence = screen.app.screen.query_one(Evidence)
        await screen.until(lambda: "list" in evidence._text)
        assert "also on the list Arena: used 1 of 1" in evidence._text
        await screen.press("escape")
        await screen.type("BOTH1")
        assert screen.panel.outcome == "admit"


async def test_f2_and_f7_change_to_another_list(base: Folder, clock: FixedClock) -> None:
    """The page has every list, the other one chosen; the change is kept before the lane ends."""
    async with scanning(base, clock) as screen:
        await screen.press("f2")
        table = screen.app.screen.query_one(DataTable)
        await screen.until(lambda: table.row_count == 2)
        assert [table.get_row_at(n)[1] for n in range(2)] == ["Arena", "Zelt"]
        assert table.get_row_at(0)[0] == "▶"
        assert "scan Zelt from now on" in screen.app.screen.query_one(Evidence)._text
        await screen.press("f7")
        assert screen.app.next_list is not None
        assert screen.app.next_list.name == "Zelt"
    assert open_folder(base).path.name == "gala.2"


async def test_a_scanner_changes_no_list(base: Folder, clock: FixedClock) -> None:
    """What it types on the page of the lists, with its Enter, does nothing there."""
    async with scanning(base, clock) as screen:
        await screen.press("f2")
        await screen.type("ZELT1")
        assert screen.app.next_list is None
    assert open_folder(base).path.name == "gala.1"


async def test_the_event_may_want_a_supervisor(base: Folder, clock: FixedClock) -> None:
    """With ``list_needs_pin`` F7 asks for a PIN, and Escape leaves the list as it is."""
    Operators(open_folder(base)).add(BOSS, Role.SUPERVISOR, BOSS_PIN)
    async with scanning(base, clock, "rules.list_needs_pin=true") as screen:
        await screen.press("f2")
        await screen.press("f7")
        assert screen.app.next_list is None
        await screen.answer(BOSS, BOSS_PIN)
        await screen.until(lambda: screen.app.next_list is not None)


async def test_a_gate_with_one_list_has_no_such_key(venue: Folder, clock: FixedClock) -> None:
    """F2 does nothing there, and the frame names no list."""
    config = load(None, settings=SETTINGS)
    lane = Lane(venue, clock, config.place(), config.house_rules())
    lane.open()
    app = GateApp(lane, config, venue)
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            screen = Screen(app, pilot)
            await screen.press("f2")
            assert app.screen is app.scan_screen
            assert "LIST" not in str(screen.panel.border_title)
    finally:
        lane.close()
