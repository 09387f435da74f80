"""This machine's disk, battery and heat, read. Where the system does not tell, nothing is there."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SYS = Path("/sys")
"""Where Linux tells of batteries and temperatures; nowhere else is such a folder."""
_PLAUSIBLE_C = range(-40, 151)
"""Sensors that measure nothing say 0 K, or what no machine survives."""


@dataclass(frozen=True, slots=True)
class Machine:
    """How it is just now."""

    disk_free_mb: int | None = None
    battery: int | None = None
    """Per cent; of several, their mean."""
    is_charging: bool | None = None
    """Whether it is on mains, charging or full."""
    heat_c: int | None = None
    """The hottest sensor, degrees Celsius."""


def read_machine(path: Path, sys: Path | None = None) -> Machine:
    """How the machine is, and how much is free on the disk of ``path``."""
    root = sys or SYS
    battery, is_charging = _power(root / "class" / "power_supply")
    return Machine(_free_mb(path), battery, is_charging, _heat(root / "class" / "thermal"))


def _free_mb(path: Path) -> int | None:
    try:
        return shutil.disk_usage(path).free // 2**20
    except OSError:
        return None


def _power(folder: Path) -> tuple[int | None, bool | None]:
    levels, states = [], []
    for supply in _inside(folder, "*"):
        # A mouse has a battery, too; it says that it is a device's.
        if _text(supply / "type") != "Battery" or _text(supply / "scope") == "Device":
            continue
        level = _number(supply / "capacity")
        if level is not None:
            levels.append(min(100, max(0, level)))
            states.append(_text(supply / "status"))
    if not levels:
        return None, None
    return round(sum(levels) / len(levels)), "Discharging" not in states


def _heat(folder: Path) -> int | None:
    found = [_number(zone / "temp") for zone in _inside(folder, "thermal_zone*")]
    degrees = [round(milli / 1000) for milli in found if milli is not None]
    return max((one for one in degrees if one in _PLAUSIBLE_C), default=None)


def _inside(folder: Path, pattern: str) -> Iterator[Path]:
    try:
        yield from sorted(folder.glob(pattern))
    except OSError:
        return


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", errors="replace").strip()
    except OSError:
        # Drivers answer so, too, while they do not know.
        return ""


def _number(path: Path) -> int | None:
    try:
        return int(_text(path))
    except ValueError:
        return None
