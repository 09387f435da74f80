"""Who the devices are, in memory: looked up at every request, read again every second.

When a device was heard, and what it reported, is kept beside that and written down every second;
another server on the same database sees it then.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from gate.clock import boot_ms, read_wall_ms
from gate.core.event_device import EventDevice
from sync.api.administration import DeviceLine
from sync.server.device_reports import DeviceReports
from sync.server.devices import Device, State
from sync.wire import Watermark

READ_EVERY_S = 1.0
STALE_S = 2.0
"""A credential is believed this long after the database was last asked."""
TOLD_ON_MS = 60_000
"""An older watermark of a device is not told on."""
Read = Callable[[], Awaitable[list[Device]]]


class DeviceCache:
    """Every device of the server."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")
        self._by_credential: dict[str, Device] = {}
        self._by_id: dict[str, Device] = {}
        self._by_event: dict[str, list[Device]] = {}
        self.reports = DeviceReports()

    async def refresh(self) -> None:
        """Read the devices from the database, whatever is known."""
        # One at a time, so that an older reading never replaces a newer one.
        asked = time.monotonic()
        async with self._lock:
            if self._read_at > asked:
                return
            begun = time.monotonic()
            found = await self._read()
            self._read_at = begun
            self._by_credential = {one.credential: one for one in found}
            self._by_id = self.reports.rows = {one.id: one for one in found}
            self._by_event = {}
            for one in found:
                self._by_event.setdefault(one.event, []).append(one)

    async def freshen(self) -> None:
        """Read the devices if the last reading may not be believed any more."""
        if time.monotonic() - self._read_at > STALE_S:
            await self.refresh()

    def with_credential(self, hashed: str) -> Device | None:
        """The device with that credential."""
        return self._by_credential.get(hashed)

    def get(self, device: str) -> Device | None:
        """The device of that id."""
        return self._by_id.get(device)

    def key_of(self, event: str, device: str) -> str:
        """The public key (hex) of a device of the event; empty when it has none."""
        found = self._by_id.get(device)
        return found.public_key if found is not None and found.event == event else ""

    def lanes(self, event: str) -> list[EventDevice]:
        """Every device of the event as the others are told of it."""
        now_ms = read_wall_ms()
        return [
            EventDevice(
                device=one.id,
                name=one.name,
                key=one.public_key,
                active=one.is_active,
                state=one.state,
                heard_ago_ms=max(0, now_ms - at_ms)
                if (at_ms := self.reports.heard_ms(one.id))
                else None,
                report=self.reports.report_of(one.id),
                has_twin=bool(one.twin_ms),
            )
            for one in self._by_event.get(event, ())
        ]

    def watermarks(self, event: str) -> dict[str, Watermark]:
        """How far every device of the event had come when it last said so, if that was lately."""
        since_ms = boot_ms() - TOLD_ON_MS
        marks = {}
        for one in self._by_event.get(event, ()):
            stamp = self.reports.stamp_of(one.id)
            if stamp is not None and stamp.not_before_ms >= since_ms:
                marks[one.id] = Watermark(stamp.tip, stamp.not_before_ms)
        return marks

    def lines(self, event: str) -> list[DeviceLine]:
        """Every device of the event as supervisors are told of it."""
        return [
            DeviceLine(
                id=one.id,
                name=one.name,
                key=one.public_key,
                state=one.state,
                lane_open=one.lane_open,
                enrolled_ms=one.enrolled_ms,
                heard_ms=self.reports.heard_ms(one.id) or None,
                report=self.reports.report_of(one.id),
                disowned=one.is_disowned,
                twin_ms=one.twin_ms or None,
            )
            for one in self._by_event.get(event, ())
        ]

    def revoked(self, credentials: Iterable[str]) -> set[str]:
        """Of some credentials, those that are none any more."""
        gone = set()
        for hashed in credentials:
            one = self._by_credential.get(hashed)
            if one is None or one.state == State.REVOKED:
                gone.add(hashed)
        return gone
