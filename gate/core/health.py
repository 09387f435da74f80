"""How a gate's machine and lane are, as it tells of itself, and what of that is not well."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from gate.core.limits import Count, Name

LEAST_DISK_MB = 512
"""Less free disk than this wants somebody to look: below 128 MB nothing of others is taken in."""
LEAST_BATTERY = 20
"""Per cent, while it is not being charged."""
MOST_HEAT_C = 80
OLDEST_LIST_S = 300
MOST_NOT_PASSED = 2
"""So many guests in a row may think better of it; more, and turnstile or sensor does not work."""


class Health(Struct, frozen=True, omit_defaults=True):
    """How a device is. What it cannot tell, or has not, is not there."""

    disk_free_mb: Count | None = None
    battery: Annotated[int, Meta(ge=0, le=100)] | None = None
    """Per cent."""
    is_charging: bool | None = None
    heat_c: Annotated[int, Meta(ge=-273, le=1000)] | None = None
    """The hottest of what it measures, degrees Celsius."""
    camera: Name = ""
    """``starting``, ``live``, ``still``, ``lost``, ``ended``; empty without, or an open lane."""
    scanner: Name = ""
    """Of a scanner that it has to itself: ``on`` or ``lost``."""
    turnstile: Name = ""
    """Of what opens for its guests, and who sees them go through: ``on`` or ``broken``."""
    not_passed: Count | None = None
    """Since its lane was opened, for how many it opened who were not seen to go through."""
    not_passed_in_row: Count | None = None
    """How many of them were the newest ones, without anybody between who did."""
    sound: Name = ""
    """``on``, ``lost``, or ``bell`` where the machine has nothing that plays; empty: not wanted."""
    is_clock_trusted: bool | None = None
    """Whether its lane believes the clock."""
    list_age_s: Count | None = None
    """How long ago it last knew its tickets to be all there are."""


UNTOLD = Health()
"""Of a device that says nothing of itself."""


class Worry(StrEnum):
    """What is not well."""

    DISK = "disk"
    BATTERY = "battery"
    HEAT = "heat"
    CAMERA = "camera"
    SCANNER = "scanner"
    TURNSTILE = "turnstile"
    PASSAGE = "passage"
    SOUND = "sound"
    CLOCK = "clock"
    LIST = "list"


def worries(health: Health) -> tuple[Worry, ...]:
    """What of it is known not to be well; what nobody has said is no worry."""
    battery = 100 if health.battery is None or health.is_charging else health.battery
    found = {
        Worry.DISK: _or(health.disk_free_mb, LEAST_DISK_MB) < LEAST_DISK_MB,
        Worry.BATTERY: battery < LEAST_BATTERY,
        Worry.HEAT: _or(health.heat_c, 0) >= MOST_HEAT_C,
        Worry.CAMERA: health.camera in {"still", "lost"},
        Worry.SCANNER: health.scanner == "lost",
        Worry.TURNSTILE: health.turnstile == "broken",
        Worry.PASSAGE: _or(health.not_passed_in_row, 0) > MOST_NOT_PASSED,
        Worry.SOUND: health.sound == "lost",
        Worry.CLOCK: health.is_clock_trusted is False,
        Worry.LIST: _or(health.list_age_s, 0) > OLDEST_LIST_S,
    }
    return tuple(worry for worry, is_so in found.items() if is_so)


def _or(number: int | None, otherwise: int) -> int:
    return otherwise if number is None else number
