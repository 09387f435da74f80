"""How a device is: its machine and its lane's word, which is good for a while only."""

import dataclasses
from pathlib import Path

import pytest

from gate import machine
from gate.core.health import Health
from gate.storage import lane_status
from gate.storage.folder import Folder, not_private
from gate.storage.forgetting import delete, is_of_event
from gate.storage.lane_status import GOOD_FOR_MS, NO_LANE, LaneStatus
from gate.storage.own_health import READ_EVERY_MS, OwnHealth
from tests.support.venue import FixedClock


@pytest.fixture
def sys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine tells of a battery."""
    battery = tmp_path / "sys" / "class" / "power_supply" / "BAT0"
    battery.mkdir(parents=True)
    (battery / "type").write_text("Battery\n")
    (battery / "capacity").write_text("80\n")
    (battery / "status").write_text("Discharging\n")
    monkeypatch.setattr(machine, "SYS", tmp_path / "sys")
    return battery


def word(clock: FixedClock) -> LaneStatus:
    now = clock.read()
    return LaneStatus(
        now.boot_id, now.boot_ms, "live", "on", "broken", "it does not answer", 3, 1, "lost",
        is_clock_trusted=True,
    )  # fmt: skip


def test_all_of_it_comes_together(folder: Folder, clock: FixedClock, sys: Path) -> None:
    """The machine's, the lane's, and how old the list is by the boot clock."""
    lane_status.write(folder, word(clock))
    now = clock.read()
    found = OwnHealth(folder).read(now, now.boot_ms - 42_500)
    assert found.disk_free_mb is not None
    assert found == Health(
        disk_free_mb=found.disk_free_mb,
        battery=80,
        is_charging=False,
        camera="live",
        scanner="on",
        turnstile="broken",
        not_passed=3,
        not_passed_in_row=1,
        sound="lost",
        is_clock_trusted=True,
        list_age_s=42,
    )
    assert sys.exists()


def test_the_host_s_list_is_always_current(folder: Folder, clock: FixedClock) -> None:
    """Nobody would have a newer one; elsewhere one that never came has no age."""
    assert OwnHealth(folder).read(clock.read(), None).list_age_s is None
    folder.venue.write_text("{}")
    assert OwnHealth(folder).read(clock.read(), None).list_age_s == 0


def test_a_lane_s_word_ends_with_the_boot_with_time_and_with_the_lane(
    folder: Folder, clock: FixedClock
) -> None:
    """A lane that died says nothing of a camera any more; a broken file neither."""
    lane_status.write(folder, word(clock))
    assert lane_status.read(folder, clock.read()).camera == "live"
    assert lane_status.read(folder, dataclasses.replace(clock.read(), boot_id="x")) == NO_LANE
    clock.pass_seconds(GOOD_FOR_MS / 1000)
    assert lane_status.read(folder, clock.read()) == NO_LANE
    lane_status.write(folder, word(clock))
    assert lane_status.read(folder, clock.read()) != NO_LANE
    lane_status.remove(folder)
    assert lane_status.read(folder, clock.read()) == NO_LANE
    folder.lane_status.write_bytes(b"{\xff")
    assert lane_status.read(folder, clock.read()) == NO_LANE


def test_a_slow_battery_is_asked_now_and_then(folder: Folder, clock: FixedClock, sys: Path) -> None:
    """Heartbeats come every second; the machine is read every ten."""
    own = OwnHealth(folder)
    assert own.read(clock.read(), None).battery == 80
    (sys / "capacity").write_text("79\n")
    assert own.read(clock.read(), None).battery == 80
    clock.pass_seconds(READ_EVERY_MS / 1000)
    assert own.read(clock.read(), None).battery == 79


def test_what_is_good_for_one_boot_is_kept_in_memory_where_there_is_a_link(
    folder: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """Every process goes by the same link; one into nothing, as after a start, is none."""
    folder.boot.symlink_to(tmp_path / "memory")
    without = Folder(folder.path)
    assert without.lane_status.parent == folder.path
    (tmp_path / "memory").mkdir()
    lane, worker = Folder(folder.path), Folder(folder.path)
    lane_status.write(lane, word(clock))
    assert (tmp_path / "memory" / "lane.json").exists()
    assert not (folder.path / "lane.json").exists()
    assert lane_status.read(worker, clock.read()).camera == "live"
    assert worker.sync_status.parent == folder.boot
    assert list(not_private(folder.path)) == []


def test_what_is_in_memory_is_wiped_too(folder: Folder, clock: FixedClock, tmp_path: Path) -> None:
    """The link stays, for it is the machine's."""
    (tmp_path / "memory").mkdir()
    folder.boot.symlink_to(tmp_path / "memory")
    there = Folder(folder.path)
    lane_status.write(there, word(clock))
    assert delete(there, is_of_event) == 1
    assert not list((tmp_path / "memory").iterdir())
    assert there.boot.is_symlink()
