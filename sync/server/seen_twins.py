"""Two machines with one device's credential: seen as they ask, and written down for supervisors."""

import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from sqlalchemy import Connection

from gate.clock import read_wall_ms
from sync.server import devices
from sync.server.device_cache import DeviceCache
from sync.server.devices import Device
from sync.session.twins import Twins

log = logging.getLogger(__name__)
EVERY_MS = 60_000
"""How often it is written down at most that a device has a twin."""


class SeenTwins:
    """The devices with a twin that one server process has seen."""

    def __init__(self, device_cache: DeviceCache) -> None:
        self._device_cache = device_cache
        self._runs = Twins()
        self.to_keep: set[str] = set()
        """Devices with a twin that is not written down yet."""

    def note_run(self, device: Device, run: str) -> None:
        """A worker of a device has asked; two machines may be the same one."""
        if self._runs.seen(device.credential, run, time.monotonic()):
            self.note(device)

    def note(self, device: Device) -> None:
        """Two machines use one credential."""
        known = self._device_cache.get(device.id) or device
        if read_wall_ms() - known.twin_ms < EVERY_MS:
            return
        if device.id not in self.to_keep:
            self.to_keep.add(device.id)
            log.warning("another machine uses the credential of device %s", device.id)

    async def keep(self, write: Callable[[Callable[[Connection], Any]], Awaitable[Any]]) -> None:
        """Write down which there are."""
        kept, self.to_keep = self.to_keep, set()
        if kept:
            await write(partial(devices.put_twins, ids=kept, now_ms=read_wall_ms()))
