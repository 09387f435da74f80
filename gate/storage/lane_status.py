"""How the lane's readers and clock are: what the lane says now and then, and the worker passes on.

Not durable data, as ``sync_status`` is none: replaced without a disk sync, good for this boot only.
"""

import os
from contextlib import suppress

import msgspec

from gate.core.hlc import Reading
from gate.storage.folder import Folder

GOOD_FOR_MS = 15_000
"""A lane says so every few seconds: an older word is of one that has ended without a word."""


class LaneStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """The lane's last word on itself."""

    boot_id: str = ""
    boot_ms: int = 0
    camera: str = ""
    """As ``Health`` has it."""
    scanner: str = ""
    turnstile: str = ""
    turnstile_trouble: str = ""
    """What is wrong with it, in words of this machine."""
    not_passed: int | None = None
    not_passed_in_row: int | None = None
    sound: str = ""
    is_clock_trusted: bool | None = None


NO_LANE = LaneStatus()
_decoder = msgspec.json.Decoder(LaneStatus)


def write(folder: Folder, status: LaneStatus) -> None:
    """Say how the lane is. A disk without room for it is no fault here."""
    part = folder.lane_status.with_name("lane.json.part")
    with suppress(OSError):
        part.write_bytes(msgspec.json.encode(status))
        os.replace(part, folder.lane_status)


def remove(folder: Folder) -> None:
    """The lane is closed."""
    with suppress(OSError):
        folder.lane_status.unlink(missing_ok=True)


def read(folder: Folder, now: Reading) -> LaneStatus:
    """The lane's word of just now; ``NO_LANE`` where there is none."""
    try:
        status = _decoder.decode(folder.lane_status.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeError):
        return NO_LANE
    is_fresh = status.boot_id == now.boot_id and now.boot_ms - status.boot_ms < GOOD_FOR_MS
    return status if is_fresh else NO_LANE
