"""How a device is travels: to the server, to its list of devices, and on to the other gates."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gate.core.event_device import DeviceReport
from gate.core.health import Health
from tests.support.central import Central, Maker, ask, central

HEALTH = Health(disk_free_mb=9000, battery=41, is_charging=False, camera="lost", list_age_s=4)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with one event."""
    async with central(tmp_path / "server") as running:
        yield running


async def test_the_list_of_devices_and_every_gate_have_it(
    running: Central,
) -> None:
    """As the device told it last, field by field; what it cannot tell is not there."""
    maker, other = Maker(), Maker("f" * 16, "bb")
    await running.enrol(maker)
    await running.enrol(other, "South")
    report = DeviceReport(version="1", gate="North", health=HEALTH)
    await running.exchange(maker, ask(report=report))
    lines = (await running.admin("GET", "/events/show/devices")).json()
    (line,) = [one for one in lines if one["id"] == maker.device]
    assert line["report"]["health"] == msgspec.to_builtins(HEALTH)
    assert "heat_c" not in line["report"]["health"]
    await running.server.device_cache.refresh()
    lanes = (await running.exchange(other, ask(whole=True))).lanes or []
    assert {lane.device: lane.report.health for lane in lanes}[maker.device] == HEALTH
