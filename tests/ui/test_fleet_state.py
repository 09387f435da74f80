"""How gates are, on the supervisor's screen and the lane's: at 80 columns as at 160."""

import json

import pytest
from textual.widgets import DataTable, Static

from gate.core.health import Health
from gate.reports import fleet_report
from gate.storage.folder import Folder
from gate.ui.tui.recent import LastScans
from tests.reports.test_report import ZONE
from tests.support.screen import running
from tests.support.venue import FixedClock
from tests.system.neighbours import enrol, known, say

SOUTH = "5" * 16
HEALTH = Health(
    disk_free_mb=300, battery=12, is_charging=False, heat_c=61, camera="lost",
    is_clock_trusted=True, list_age_s=4,
)  # fmt: skip
LINE = "! disk 300 MB free · ! battery 12 % · ! camera LOST · 61 °C · clock trusted · list 4 s old"


@pytest.mark.parametrize("size", [(80, 24), pytest.param((160, 48), marks=pytest.mark.long)])
async def test_a_supervisor_reads_how_every_gate_is(
    venue: Folder, clock: FixedClock, size: tuple[int, int]
) -> None:
    """What is not well is first, marked and in the table too; nothing of the line is cut."""
    enrol(venue)
    say(venue, clock, known(SOUTH, clock, health=HEALTH), health=Health(camera="live"))
    async with running(venue, clock, size=size) as screen:
        await screen.press("f3")
        page = screen.app.screen
        table = page.query_one("#device-table", DataTable)
        await screen.until(lambda: table.row_count == 2)
        await screen.press("2")
        assert "camera on" in str(page.query_one("#device Static", Static).content)
        assert table.get_row_at(1)[0] == "! South"
        if size[0] >= 120:
            row = table.get_row_at(1)
            assert row[-1] == "disk 300 MB free, battery 12 %, camera LOST"
        await screen.press("down")
        told = page.query_one("#device Static", Static)
        assert LINE in str(told.content)
        shown = "\n".join(
            "".join(segment.text for segment in strip)
            for strip in screen.app.screen._compositor.render_strips()
        )
        for part in LINE.split(" · "):
            assert " ".join(part.split()) in " ".join(shown.split())


def test_the_report_of_the_venue_has_it(venue: Folder, clock: FixedClock) -> None:
    """As a line for people, and field by field for programs."""
    enrol(venue)
    say(venue, clock, known(SOUTH, clock, health=HEALTH))
    seen = fleet_report.look(venue, clock.read(), 10.0)
    assert f"\n  {LINE}\n" in fleet_report.as_table(seen, ZONE)
    told = json.loads(fleet_report.as_json(seen))
    (south,) = [one for one in told["devices"] if one["id"] == SOUTH]
    assert (south["battery"], south["camera"], south["scanner"]) == (12, "lost", "")
    assert f"device,{SOUTH},disk_free_mb,300" in fleet_report.as_csv(seen)


async def test_what_becomes_known_of_a_gate_is_said_on_the_screen(
    venue: Folder, clock: FixedClock
) -> None:
    """A line that stays among what happened last, and no verdict is touched by it."""
    async with running(venue, clock) as screen:
        await screen.type("GOOD001")
        before = screen.text
        screen.app.announce("Silent with its lane open: South")
        await screen.settle()
        last = screen.app.scan_screen.query_one(LastScans)
        assert "Silent with its lane open: South" in str(
            last.query_one("#last-five", Static).content
        )
        assert screen.text == before
