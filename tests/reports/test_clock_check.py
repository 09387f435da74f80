"""The clock on F9 and in ``gate doctor``: what it shows, how far it is off, and by whose word."""

from gate.core.clock_error import Measured, Source
from gate.reports.checks.clocks import device_clock
from gate.reports.checks.finding import Finding, Status
from gate.storage import sync_status
from gate.storage.folder import Folder
from gate.storage.sync_status import SyncStatus
from gate.text.zones import Source as ZoneSource
from gate.text.zones import Zone
from tests.conftest import MakeLane
from tests.support.lanes import BOSS
from tests.support.venue import NOW_MS, FixedClock

UTC = Zone("UTC", ZoneSource.MACHINE)


def looked(folder: Folder, clock: FixedClock) -> Finding:
    return device_clock(folder, clock, UTC)


def measured(folder: Folder, clock: FixedClock, ahead_ms: int) -> None:
    """The worker has measured the server's clock, so far ahead of this one."""
    zero_ms = clock.wall_ms - clock.boot_ms + ahead_ms
    clocks = (Measured(Source.SERVER, zero_ms, 50, clock.boot_ms),)
    sync_status.write(folder, SyncStatus(clock.boot_id, clock.boot_ms, clocks=clocks))


def test_a_clock_that_nobody_knows_is_to_be_compared(venue: Folder, clock: FixedClock) -> None:
    """As before: no time server, nobody else."""
    found = looked(venue, clock)
    assert (found.status, "no time server heard" in found.detail) == (Status.WARN, True)


def test_the_bound_is_shown_with_its_source(venue: Folder, clock: FixedClock) -> None:
    """Right to so much; with a time server to a second."""
    measured(venue, clock, 3)
    found = looked(venue, clock)
    assert (found.status, "right to 0.05 s, by the server" in found.detail) == (Status.OK, True)
    clock.synchronised = True
    assert "by the server, a time server" in looked(venue, clock).detail


def test_a_clock_that_is_off_is_told_by_how_much(venue: Folder, clock: FixedClock) -> None:
    """Also one that is behind what has happened, which is worse."""
    measured(venue, clock, -40_000)
    found = looked(venue, clock)
    assert (found.status, "40 s fast by the server" in found.detail) == (Status.WARN, True)
    clock.jump_seconds(-3 * 3600)
    measured(venue, clock, 3 * 3_600_000)
    found = looked(venue, clock)
    assert (found.status, "180 min slow by the server" in found.detail) == (Status.FAIL, True)


def test_what_a_supervisor_has_set_counts(
    venue: Folder, make_lane: MakeLane, clock: FixedClock
) -> None:
    """The lane's time is shown, not the machine's."""
    clock.jump_seconds(-3 * 3600)
    lane = make_lane()
    lane.set_clock(NOW_MS, BOSS)
    lane.close()
    found = looked(venue, clock)
    assert found.status is Status.OK
    assert found.detail == "2026-12-23 04:26:40 UTC, right to 60 s, by a supervisor's watch"
