"""Who the devices are, in memory: looked up at every request, read again every second.

When a device was heard, and what it reported, is kept here and written down every second; another
server on the same database sees it then.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import msgspec

from gate.clock import boot_ms, read_boot_id, read_wall_ms
from gate.core.event_device import DeviceReport, EventDevice
from sync.server import devices
from sync.server.devices import Device
from sync.wire import DeviceLine, SyncRequestStamp, Watermark

READ_EVERY_S = 1.0
STALE_S = 2.0
"""A credential is believed this long after the database was last asked."""
TOLD_ON_MS = 60_000
"""An older watermark of a device is not told on."""
CLOCK = read_boot_id()
"""The clock that watermarks are told by: one for all servers of a machine."""
_encode = msgspec.json.Encoder().encode
_stamp = msgspec.json.Decoder(SyncRequestStamp)
_report = msgspec.json.Decoder(DeviceReport)

Read = Callable[[], Awaitable[list[Device]]]


@dataclass(slots=True)
class _Heard:
    """When a device was last heard here, and what it said of itself."""

    at_ms: int = 0
    report: DeviceReport | None = None
    is_kept: bool = True
    stamp: SyncRequestStamp | None = None


class DeviceCache:
    """Every device of the server."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")
        self._by_credential: dict[str, Device] = {}
        self._by_id: dict[str, Device] = {}
        self._by_event: dict[str, list[Device]] = {}
        self._heard: dict[str, _Heard] = {}
        self._reports: dict[str, tuple[str, DeviceReport]] = {}

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
            self._by_id = {one.id: one for one in found}
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

    def hear(
        self, device: str, report: DeviceReport | None, stamp: SyncRequestStamp | None = None
    ) -> None:
        """A device was heard now."""
        heard = self._heard.get(device)
        if heard is None:
            heard = self._heard[device] = _Heard()
        heard.at_ms = read_wall_ms()
        heard.report = report or heard.report
        if stamp is not None and stamp.clock == CLOCK:
            # No device has done more than it says by a moment that is still to come.
            at_ms = min(stamp.not_before_ms, boot_ms())
            heard.stamp = msgspec.structs.replace(stamp, not_before_ms=at_ms)
        heard.is_kept = False

    def heard_to_keep(self) -> list[tuple[str, int, str, str]]:
        """What was heard since this was last asked: device, when, report and stamp as JSON."""
        fresh = []
        for id_, heard in self._heard.items():
            if not heard.is_kept:
                heard.is_kept = True
                report = _encode(self._report_of(id_)).decode()
                stamp = _encode(heard.stamp).decode() if heard.stamp else ""
                fresh.append((id_, heard.at_ms, report, stamp))
        return fresh

    def heard_since(self, since_ms: int) -> int:
        """How many devices were heard since then, by any server."""
        return sum(self._heard_ms(one) > since_ms for one in self._by_id.values())

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
                heard_ago_ms=max(0, now_ms - at_ms) if (at_ms := self._heard_ms(one)) else None,
                report=self._report_of(one.id),
                has_twin=bool(one.twin_ms),
            )
            for one in self._by_event.get(event, ())
        ]

    def watermarks(self, event: str) -> dict[str, Watermark]:
        """How far every device of the event had come when it last said so, if that was lately."""
        since_ms = boot_ms() - TOLD_ON_MS
        marks = {}
        for one in self._by_event.get(event, ()):
            stamp = self._stamp_of(one)
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
                heard_ms=self._heard_ms(one) or None,
                report=self._report_of(one.id),
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
            if one is None or one.state == devices.State.REVOKED:
                gone.add(hashed)
        return gone

    def _heard_ms(self, one: Device) -> int:
        heard = self._heard.get(one.id)
        return max(one.heard_ms, heard.at_ms if heard else 0)

    def _stamp_of(self, one: Device) -> SyncRequestStamp | None:
        # What another server of this machine has heard is by the same clock.
        heard, kept = self._heard.get(one.id), _stamp.decode(one.stamp) if one.stamp else None
        stamps = [heard.stamp if heard else None, kept]
        known = [stamp for stamp in stamps if stamp is not None and stamp.clock == CLOCK]
        return max(known, key=lambda stamp: stamp.not_before_ms, default=None)

    def _report_of(self, device: str) -> DeviceReport:
        heard, row = self._heard.get(device), self._by_id.get(device)
        if heard and heard.report and (row is None or heard.at_ms >= row.heard_ms):
            return heard.report
        text = row.report if row else "{}"
        kept = self._reports.get(device)
        if kept is None or kept[0] != text:
            kept = self._reports[device] = (text, _report.decode(text))
        return kept[1]
