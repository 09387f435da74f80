"""A venue with no server at all, to its end: everything works between the gates alone."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import DataTable, Digits, Static

from gate import __version__
from gate.clock import SystemClock
from gate.core.outcome import Basis, Outcome, Reason
from gate.core.ticket import Status
from gate.reports import report
from gate.storage.conflicts import find_conflicts
from gate.storage.fleet import Fleet as VenueReader
from gate.text.zones import zone_of
from gate.ui.tui.app import GateApp
from gate.ui.tui.bars import StatusBar
from tests.support.screen import BOSS, BOSS_PIN, Screen, with_operators
from tests.system.lan import Member, Venue
from tests.system.network import until

COUNT = 3


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    """A host and two gates, all at work."""
    made = Venue(tmp_path, COUNT)
    for member in made.gates:
        member.lane()
    made.start()
    yield made
    made.close()


def counts(member: Member) -> tuple[object, ...]:
    """Everything that is counted, by one gate."""
    now_ms = SystemClock().read().wall_ms
    zone = zone_of(member.config(), member.folder).info
    with VenueReader(member.folder) as venue:
        whole = report.venue_overview(member.folder, venue, now_ms)
    types = report.grouped(member.folder, "type", zone, everywhere=True)
    places = report.grouped(member.folder, "gate", zone, everywhere=True)
    return whole, types, places


def conflicts(member: Member) -> dict[str, str]:
    """Tickets that more went in on than they are good for, and what was said of each."""
    with VenueReader(member.folder) as venue:
        return {c.ticket: c.resolution.note if c.resolution else "" for c in find_conflicts(venue)}


def sure_and_told(member: Member) -> bool:
    """Whether it hears everybody, knows how their clocks stand, and they have all it did."""
    connectivity = member.lane().connectivity()
    fresh = connectivity.sync_status
    is_sure = connectivity.coverage.basis is Basis.LAN and fresh.unacked == 0
    return is_sure and all(lane.report.error_ms is not None for lane in fresh.lanes)


@asynccontextmanager
async def on_screen(member: Member) -> AsyncIterator[Screen]:
    """The program's screen at a gate that is at work."""
    app = GateApp(member.lane(), member.config(), member.folder)
    app.on_verdict = lambda _verdict: member.nudge()
    async with app.run_test(size=(160, 48)) as pilot:
        await pilot.pause()
        yield Screen(app, pilot)


@pytest.mark.long
async def test_everything_works_without_a_server(venue: Venue) -> None:
    """Undo, voids, counts, a conflict, and the supervisor's screen that shows and settles it."""
    gates = venue.gates
    host, second, third = gates
    with_operators(second.folder)

    assert host.scan("C000001").outcome is Outcome.ADMIT
    until(venue.all_know)
    assert second.scan("C000001").reason is Reason.ALREADY_USED
    host.lane().undo()
    host.nudge()
    until(venue.all_know)
    assert second.scan("C000001").outcome is Outcome.ADMIT

    (ticket,) = [row for row in venue.tickets if row["id"] == "t3"]
    ticket |= {"status": "revoked", "status_note": "refund"}
    venue.import_tickets()
    until(lambda: all(member.status_of("t3") is Status.REVOKED for member in gates))
    for member in gates:
        verdict = member.scan("C000003")
        assert (verdict.outcome, verdict.reason) == (Outcome.REFUSE, Reason.REVOKED)

    third.kill()
    until(lambda: host.connected() == second.connected() == COUNT - 2)
    for member in (second, third):
        assert member.scan("C000002").outcome is Outcome.ADMIT
        assert member.scan(f"C00001{gates.index(member)}").outcome is Outcome.ADMIT
    assert [conflicts(member) for member in gates] == [{}, {}, {}]
    third.start()
    venue.wait_connected()
    until(venue.all_know)
    assert [conflicts(member) for member in gates] == [{"t2": ""}] * COUNT
    assert counts(host) == counts(second) == counts(third)

    until(lambda: all(sure_and_told(member) for member in gates))
    async with on_screen(second) as screen:
        bar = str(screen.app.scan_screen.query_one(StatusBar).content)
        assert re.search(r"sure: \d\.\d s · LAN 2", bar)
        assert "unacked" not in bar
        await screen.press("f3", "2")
        devices = screen.app.screen.query_one("#device-table", DataTable)
        await screen.until(lambda: devices.row_count == COUNT)
        rows = [devices.get_row_at(n) for n in range(COUNT)]
        assert [row[0] for row in rows] == ["G1 (this one)", "G0", "G2"]
        assert [row[1] for row in rows[1:]] == ["open", "open"]
        assert all("s ago" in row[2] for row in rows[1:])
        assert [row[3] for row in rows] == ["0", "0", "0"]
        assert [row[4] for row in rows] == ["3", "0", "2"]
        assert all("±" in row[6] for row in rows[1:])
        assert [row[7] for row in rows] == [__version__.partition("+")[0]] * COUNT
        assert screen.app.screen.query_one("#admitted", Digits).value == "5"
        await screen.press("3")
        table = screen.app.screen.query_one("#conflict-table", DataTable)
        await screen.until(lambda: table.row_count == 1)
        assert table.get_row_at(0)[:4] == ["t2", "SHOW", "1 too many", "G1, G2"]
        await screen.press("enter")
        await screen.answer(BOSS, BOSS_PIN, "sold twice")
        sides = screen.app.screen.query_one("#sides Static", Static)
        await screen.until(lambda: "settled by boss" in str(sides.content))
    second.nudge()
    until(lambda: [conflicts(member) for member in gates] == [{"t2": "sold twice"}] * COUNT)
