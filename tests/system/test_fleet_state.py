"""What gates of a venue know of each other, with real workers: how each is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.clock import SystemClock
from gate.storage import lane_status
from gate.storage.lane_status import LaneStatus
from gate.storage.sync_status import SyncStatusReader
from tests.system.lan import Venue
from tests.system.network import until


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Venue]:
    """Two gates that hear each other."""
    venue = Venue(tmp_path, 2)
    venue.start()
    yield venue
    venue.close()


@pytest.mark.long
def test_a_camera_that_is_lost_is_known_at_the_other_gate(gates: Venue) -> None:
    """The lane says it to its worker, that to the other gates, and whoever asks reads it there."""
    first, second = gates.gates

    def camera() -> str:
        now = SystemClock().read()
        lane_status.write(
            first.folder, LaneStatus(now.boot_id, now.boot_ms, "lost", is_clock_trusted=True)
        )
        lanes = SyncStatusReader(second.folder).read(now.boot_id).lanes
        return lanes[0].report.health.camera if lanes else ""

    until(lambda: camera() == "lost")
    (lane,) = SyncStatusReader(second.folder).read(SystemClock().read().boot_id).lanes
    assert lane.report.health.is_clock_trusted is True
    assert lane.report.health.disk_free_mb is not None
    assert lane.report.health.list_age_s is not None
