"""The device's clocks, read."""

import sys
import time
import uuid
from pathlib import Path
from typing import Protocol

from gate._built import BUILT_S
from gate.core.hlc import Reading

PROGRAM_BUILT_MS = (BUILT_S - BUILT_S % 86400) * 1000
"""The day (UTC) on which what is running was committed: no true clock is earlier. A whole day, for
whoever commits may have a clock that is minutes ahead."""

_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """Whatever tells a lane the time."""

    def read(self) -> Reading:
        """The clocks now."""

    def is_synchronised(self) -> bool:
        """Whether something the system trusts keeps the wall clock, so that a jump is its work."""


class SystemClock:
    """This machine's clocks."""

    def __init__(self) -> None:
        self._boot_id = read_boot_id()

    def read(self) -> Reading:
        """The clocks now."""
        return Reading(wall_ms=read_wall_ms(), boot_ms=boot_ms(), boot_id=self._boot_id)

    def is_synchronised(self) -> bool:
        """Whether systemd-timesyncd has heard from a time server in this boot."""
        return _SYNCHRONISED.exists()


def read_wall_ms() -> int:
    """The time of day in milliseconds since 1970: anybody may set it, so it orders nothing."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Milliseconds of a clock that only goes forward, for what takes seconds: keys, frames."""
    return time.monotonic_ns() // 1_000_000


def boot_ms() -> int:
    """Milliseconds of a clock that is never set, and runs on while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    if sys.platform == "darwin":
        # Python's own monotonic clock stands still there while the machine sleeps.
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000
    return monotonic_ms()


def read_boot_id() -> str:
    """Which start of the machine that clock counts from."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        # Without a name for the boot, every start of the program counts as one.
        return str(uuid.uuid4())
