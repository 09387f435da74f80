"""One code for several tickets: which one is meant is chosen on F4, by key."""

import io
from zoneinfo import ZoneInfo

import pytest
from textual.widgets import DataTable

from gate.core.outcome import Outcome, Reason
from gate.core.verdict import Scan
from gate.storage.folder import Folder
from gate.ui.plain import Plain
from tests.conftest import MakeLane
from tests.support.screen import running
from tests.support.venue import FixedClock, fill

BAND = "BAND-2"


@pytest.fixture
def venue(venue: Folder) -> Folder:
    two = [
        {"code": f"T-{n}", "id": f"two-{n}", "type": "SHOW", "holder": n, "shared_codes": BAND}
        for n in ("Ann", "Ben")
    ]
    fill(venue, two)
    return venue


async def test_f4_offers_the_tickets_of_the_code_and_f7_takes_one(
    venue: Folder, clock: FixedClock
) -> None:
    """No PIN and no reason: the code was shown."""
    async with running(venue, clock) as screen:
        screen.scan(BAND)
        await screen.settle()
        assert "Several tickets on this code are good here" in screen.text
        await screen.press("f4")
        table = screen.app.screen.query_one(DataTable)
        assert [table.get_row_at(n)[0] for n in range(table.row_count)] == ["Ann", "Ben"]
        await screen.press("down", "f7")
        await screen.settle()
        last = screen.lane.last_verdict
        assert last is not None
        assert last.ticket is not None
        assert (last.outcome, last.ticket.id) == (Outcome.ADMIT, "two-Ben")
        assert "Winter Gala · Ben" in screen.text


async def test_without_such_a_code_f4_offers_nothing(venue: Folder, clock: FixedClock) -> None:
    """It is the search that it always was."""
    async with running(venue, clock) as screen:
        screen.scan("GOOD001")
        await screen.press("f4")
        assert screen.app.screen.query_one(DataTable).row_count == 0


def test_on_plain_lines_the_number_takes_one(venue: Folder, make_lane: MakeLane) -> None:
    """F4 names them; what is no number of theirs takes none."""
    lane, out = make_lane(), io.StringIO()
    plain = Plain(lane, ZoneInfo("UTC"), out=out)
    plain.show(lane.admit(Scan(BAND, source="camera")))
    for typed, reason in (("3\r", Reason.SEVERAL), ("2\r", Reason.ADMITTED)):
        plain.command("choose")
        plain._type_by_hand(typed, lambda _code: None)
        last = lane.last_verdict
        assert last is not None
        assert last.reason is reason
    assert "# 2: " in out.getvalue()
