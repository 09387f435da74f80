"""When devices were heard by this process and what they reported, until it is written down."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from gate.clock import boot_ms, read_boot_id, read_wall_ms
from gate.core.event_device import DeviceReport
from gate.core.health import Worry, worries
from sync.server.devices import Device
from sync.wire import SyncRequestStamp

CLOCK = read_boot_id()
"""The clock that watermarks are told by: one for all servers of a machine."""
_encode = msgspec.json.Encoder().encode
_stamp = msgspec.json.Decoder(SyncRequestStamp)
_report = msgspec.json.Decoder(DeviceReport)


@dataclass(slots=True)
class _Received:
    """When a device was last heard here, and what it said of itself."""

    at_ms: int = 0
    report: DeviceReport | None = None
    is_kept: bool = True
    stamp: SyncRequestStamp | None = None


class DeviceReports:
    """What devices report, each newer than its row, or else as the row has it."""

    def __init__(self) -> None:
        self.rows: Mapping[str, Device] = {}
        """Every device as its row was last read."""
        self._received: dict[str, _Received] = {}
        self._decoded: dict[str, tuple[str, DeviceReport]] = {}

    def note(
        self, device: str, report: DeviceReport | None, stamp: SyncRequestStamp | None = None
    ) -> None:
        """A device was heard now."""
        received = self._received.setdefault(device, _Received())
        received.at_ms = read_wall_ms()
        received.report = report or received.report
        if stamp is not None and stamp.clock == CLOCK:
            # No device has done more than it says by a moment that is still to come.
            at_ms = min(stamp.not_before_ms, boot_ms())
            received.stamp = msgspec.structs.replace(stamp, not_before_ms=at_ms)
        received.is_kept = False

    def to_keep(self) -> list[tuple[str, int, str, str]]:
        """What came since this was last asked: device, when, report and stamp as JSON."""
        fresh = []
        for id_, received in self._received.items():
            if not received.is_kept:
                received.is_kept = True
                report = _encode(self.report_of(id_)).decode()
                stamp = _encode(received.stamp).decode() if received.stamp else ""
                fresh.append((id_, received.at_ms, report, stamp))
        return fresh

    def heard_ms(self, device: str) -> int:
        """When a device was last heard, by any server; 0: never."""
        received, row = self._received.get(device), self.rows.get(device)
        return max(row.heard_ms if row else 0, received.at_ms if received else 0)

    def heard_since(self, since_ms: int) -> int:
        """How many devices were heard since then, by any server."""
        return sum(self.heard_ms(device) > since_ms for device in self.rows)

    def worried_since(self, since_ms: int, worry: Worry) -> int:
        """How many of those that were heard since then say that this is not well."""
        return sum(
            self.heard_ms(device) > since_ms and worry in worries(self.report_of(device).health)
            for device in self.rows
        )

    def stamp_of(self, device: str) -> SyncRequestStamp | None:
        """A device's newest stamp by this machine's clock."""
        received, row = self._received.get(device), self.rows.get(device)
        # What another server of this machine has received is by the same clock.
        kept = _stamp.decode(row.stamp) if row and row.stamp else None
        stamps = [received.stamp if received else None, kept]
        known = [stamp for stamp in stamps if stamp is not None and stamp.clock == CLOCK]
        return max(known, key=lambda stamp: stamp.not_before_ms, default=None)

    def report_of(self, device: str) -> DeviceReport:
        """What a device reported last."""
        received, row = self._received.get(device), self.rows.get(device)
        if received and received.report and (row is None or received.at_ms >= row.heard_ms):
            return received.report
        text = row.report if row else "{}"
        kept = self._decoded.get(device)
        if kept is None or kept[0] != text:
            kept = self._decoded[device] = (text, _report.decode(text))
        return kept[1]
