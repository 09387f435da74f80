"""How fresh everything is: what the sync worker says now and then, and the lane reads.

Not durable data: the file is replaced without a disk sync, is good for this boot only, and a
missing or broken one means that nothing has been heard.
"""

import os
from dataclasses import dataclass, field

import msgspec

from gate.core.clock_error import Measured
from gate.core.coverage import OtherLane
from gate.core.event_device import DeviceReport
from gate.core.health import UNTOLD, Health
from gate.core.upstream_state import UpstreamState
from gate.storage.folder import Folder


@dataclass(frozen=True, slots=True)
class Retired:
    """By whom a device was retired at a gate."""

    by: str
    at: str
    """The gate."""
    at_ms: int
    note: str


@dataclass(frozen=True, slots=True)
class DeviceStatus(OtherLane):
    """Another device, with what is put together of it for supervisors: everybody's word in one."""

    state: str = "enrolled"
    """``enrolled``, ``retired`` or ``revoked``."""
    held_tip: str = ""
    """The entry of it up to which all is held, as of ``held_boot_ms``."""
    report: DeviceReport = field(default_factory=DeviceReport)
    """Its own word. Without a server its clock is held against this device's."""
    retired: Retired | None = None
    """``None`` also when that was the server or the host."""


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """The sync worker's last word. Times are milliseconds of this device's boot clock."""

    boot_id: str = ""
    boot_ms: int = 0
    """When this was written."""
    server: str = ""
    """Where the server is; empty while the device is not enrolled."""
    server_boot_ms: int | None = None
    """When the server last answered."""
    tickets_boot_ms: int | None = None
    """When the tickets were last known to be all there."""
    link: str = ""
    """``stream``, ``poll``, or empty while there is no connection."""
    ahead_ms: int | None = None
    """How far the server's clock is ahead of this device's own, offset included."""
    error_ms: int | None = None
    """How far that may be wrong, either way."""
    clocks: tuple[Measured, ...] = ()
    """The true time, as measured by the server's clock and the other gates'."""
    unacked: int = 0
    """Own entries the server has not said it holds; without a server, no other gate."""
    quarantined: int = 0
    alarms: tuple[str, ...] = ()
    """Devices that were cloned, restored or rolled back."""
    twins: tuple[str, ...] = ()
    """Devices whose credential another machine was seen to use."""
    floods: tuple[str, ...] = ()
    """Devices that have more taken in than any that works."""
    is_full: bool = False
    """There is no room for what others did: none of it is taken in."""
    last_error: str = ""
    health: Health = UNTOLD
    """How this device is."""
    lanes: tuple[DeviceStatus, ...] = ()
    """The event's other devices."""
    knows_members: bool = False
    """Whether these are all that belong to it: tickets, which say so, have come."""
    opened_boot_ms: int | None = None
    """When this device's own lane was opened; not there while it is closed."""
    store: str = ""
    """Which peer store this is said of, as ``peers.store_of`` names it; empty: none."""
    is_complete: bool = True
    """Whether it has fetched, since it was made, all that somebody else held."""
    connected_peers: int = 0
    """How many of them are heard directly."""
    unauthorised: int = 0
    """How often a stranger or a revoked device called on the LAN."""
    last_unauthorised: str = ""
    upstream: UpstreamState | None = None
    """How the system stood that the tickets live in, when the server last said so."""
    upstream_boot_ms: int = 0


NOTHING = SyncStatus()
_decoder = msgspec.json.Decoder(SyncStatus)


def write(folder: Folder, status: SyncStatus) -> None:
    """Say how fresh everything is. A disk without room for it is no fault here."""
    part = folder.sync_status.with_name("sync.json.part")
    try:
        part.write_bytes(msgspec.json.encode(status))
        os.replace(part, folder.sync_status)
    except OSError:
        pass


def note_heard(folder: Folder, at_ms: int) -> None:
    """Note for after a restart that somebody was heard; ``at_ms`` by this device's own clock."""
    try:
        folder.heard.touch(0o600)
        os.utime(folder.heard, ns=(at_ms * 1_000_000, at_ms * 1_000_000))
    except OSError:
        pass


class SyncStatusReader:
    """Follows the worker's word; cheap enough to ask before every scan."""

    def __init__(self, folder: Folder) -> None:
        self._path = str(folder.sync_status)
        self._stamp: tuple[int, int] | None = None
        self._last = NOTHING

    def read(self, boot_id: str) -> SyncStatus:
        """The worker's last word in this boot."""
        try:
            stat = os.stat(self._path)  # noqa: PTH116  before every scan, so the quick way
            stamp = (stat.st_mtime_ns, stat.st_ino)
            if stamp != self._stamp:
                with open(self._path, "rb") as file:  # noqa: PTH123
                    self._last = _decoder.decode(file.read())
                self._stamp = stamp
        except (OSError, msgspec.DecodeError, UnicodeError):
            self._last, self._stamp = NOTHING, None
        return self._last if self._last.boot_id == boot_id else NOTHING
