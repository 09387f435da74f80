"""Battery, heat and disk, as Linux tells of them in files."""

from pathlib import Path

import pytest

from gate.machine import Machine, read_machine


def supply(sys: Path, name: str, **files: str) -> None:
    folder = sys / "class" / "power_supply" / name
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file).write_text(text + "\n")


def zone(sys: Path, number: int, milli: str) -> None:
    folder = sys / "class" / "thermal" / f"thermal_zone{number}"
    folder.mkdir(parents=True)
    (folder / "temp").write_text(milli + "\n")


@pytest.mark.parametrize(
    ("status", "is_charging"),
    [("Discharging", False), ("Charging", True), ("Full", True), ("Not charging", True)],
)
def test_a_laptop_s_battery(tmp_path: Path, status: str, *, is_charging: bool) -> None:
    """Its level, and whether it is on mains; the power supply itself and a mouse are no battery."""
    supply(tmp_path, "AC", type="Mains", online="1")
    supply(tmp_path, "BAT0", type="Battery", capacity="41", status=status)
    supply(
        tmp_path, "hid-mouse", type="Battery", scope="Device", capacity="3", status="Discharging"
    )
    found = read_machine(tmp_path, tmp_path)
    assert (found.battery, found.is_charging) == (41, is_charging)


def test_of_two_batteries_their_mean_and_one_that_empties_counts(tmp_path: Path) -> None:
    """A laptop with two empties one after the other."""
    supply(tmp_path, "BAT0", type="Battery", capacity="100", status="Full")
    supply(tmp_path, "BAT1", type="Battery", capacity="20", status="Discharging")
    supply(tmp_path, "BAT2", type="Battery", status="Unknown")
    found = read_machine(tmp_path, tmp_path)
    assert (found.battery, found.is_charging) == (60, False)


def test_the_hottest_sensor_that_can_be_believed(tmp_path: Path) -> None:
    """Sensors that measure nothing say impossible things, or nothing."""
    for number, milli in enumerate(["-274000", "48700", "61250", "200000", "", "?"]):
        zone(tmp_path, number, milli)
    assert read_machine(tmp_path, tmp_path).heat_c == 61


def test_where_the_system_does_not_tell_nothing_is_there(tmp_path: Path) -> None:
    """No battery, no sensor, no such disk."""
    found = read_machine(tmp_path / "gone", tmp_path)
    assert found == Machine()


def test_the_disk_is_that_of_the_folder(tmp_path: Path) -> None:
    """In whole MB."""
    free = read_machine(tmp_path, tmp_path).disk_free_mb
    assert free is not None
    assert free > 0
