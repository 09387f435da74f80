"""How the system stands that the tickets live in, at a lane: on F3 for supervisors, and on F9."""

import pytest
from textual.widgets import Static

from gate.config import load
from gate.core.upstream_state import UpstreamState
from gate.reports.checks.finding import Status
from gate.reports.doctor import examine
from gate.storage.folder import Folder
from tests.support.screen import running
from tests.support.venue import FixedClock
from tests.system.neighbours import enrol, say

WELL = UpstreamState("pretix", is_complete=True, heard_ago_ms=4000, waiting=2)
USED = UpstreamState(
    "wechat", is_complete=True, heard_ago_ms=4000, failed=1, why_failed="WeChat still says used"
)
STUCK = UpstreamState(
    "pretix", is_complete=True, heard_ago_ms=4000, is_stopped=True,
    error="pretix does not know this device any more. Pair it again: gate pretix pair",
)  # fmt: skip


@pytest.mark.examples(2)
@pytest.mark.parametrize(
    ("state", "line"),
    [
        (WELL, "pretix · heard 9 s ago · 2 still to be told"),
        (USED, "wechat · heard 9 s ago · 1 not taken, the newest: WeChat still says used"),
        (STUCK, "! pretix: heard 9 s ago. pretix does not know this device any more."),
    ],
)
async def test_f3_says_how_the_upstream_stands(
    venue: Folder, clock: FixedClock, state: UpstreamState, line: str
) -> None:
    """In a line by its age now; with what is to be done while it is stuck."""
    enrol(venue)
    say(venue, clock, upstream=state, upstream_boot_ms=clock.boot_ms - 5000)
    async with running(venue, clock) as screen:
        await screen.press("f3")
        shown = screen.app.screen.query_one("#upstream", Static)
        await screen.until(lambda: shown.display)
        assert line in str(shown.content)


async def test_f3_says_nothing_where_tickets_live_here(venue: Folder, clock: FixedClock) -> None:
    """The line takes no room there."""
    async with running(venue, clock) as screen:
        await screen.press("f3")
        await screen.settle()
        assert not screen.app.screen.query_one("#upstream", Static).display


@pytest.mark.parametrize(
    ("state", "status"), [(WELL, Status.OK), (STUCK, Status.WARN), (None, None)]
)
def test_the_doctor_looks_at_the_upstream(
    venue: Folder, clock: FixedClock, state: UpstreamState | None, status: Status | None
) -> None:
    """What is stuck has a remedy; where there is no upstream nothing is said of any."""
    enrol(venue)
    say(venue, clock, upstream=state, upstream_boot_ms=clock.boot_ms)
    found = [
        one for one in examine(load(None), venue, clock, camera=False) if one.name == "upstream"
    ]
    assert [one.status for one in found] == ([] if status is None else [status])
    if status is Status.WARN:
        assert "gate pretix retry" in found[0].hint
