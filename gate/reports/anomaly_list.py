"""What is unlike an honest evening, as this device knows the venue, in words."""

import json
import threading
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

from gate.config import Config
from gate.core.anomalies.anomaly import Limits
from gate.core.anomalies.sight import Clock
from gate.core.outcome import Basis
from gate.i18n import _
from gate.storage.anomalies import AnomalyReader
from gate.storage.connectivity import Connectivity
from gate.storage.event import event_row
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import Device, all_devices
from gate.storage.folder import Folder
from gate.storage.gate_settings import gate_settings, stated_settings
from gate.storage.short_ids import short_of
from gate.storage.tickets import Tickets
from gate.text.anomaly_words import AnomalyView, views
from gate.text.zones import zone_of


@dataclass
class AnomalyList:
    """Looks again and again at one folder; may be asked from any thread."""

    folder: Folder
    config: Config
    """The device's own: what the event states is read at every look."""
    reader: AnomalyReader = field(default_factory=AnomalyReader)
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def look(self, connectivity: Connectivity, now_ms: int) -> list[AnomalyView]:
        """All anomalies now, the gravest first. Raises StoreError."""
        tickets = Tickets(self.folder) if self.folder.pointer.exists() else None
        closes = closing(tickets) if tickets else nullcontext()
        with self._busy, closes, Fleet(self.folder) as venue:
            if tickets is not None:
                tickets.refresh()
            devices = all_devices(venue, now_ms, connectivity)
            # While a lane is not heard, who went out may have come in there.
            is_complete = connectivity.coverage.basis not in (Basis.ALONE, Basis.UNSEEN)
            limits, zone = self._limits(), zone_of(self.config, self.folder).info
            found = self.reader.look(
                venue,
                tickets,
                limits,
                is_complete=is_complete,
                clocks=_clocks(devices, connectivity),
            )
            return views(found, zone, lambda id_: short_of(tickets, id_) if tickets else id_)

    def _limits(self) -> Limits:
        settings = gate_settings(self.config, self.folder, stated_settings(self.folder))
        event = event_row(self.folder)
        zone = zone_of(self.config, self.folder).name
        return settings.config.anomalies.limits(zone, event.ends_s if event else 0)


def _clocks(devices: list[Device], connectivity: Connectivity) -> dict[str, Clock]:
    """How the devices' clocks stand to the server's, or else to this device's own."""
    own = connectivity.sync_status
    clocks = {}
    for device in devices:
        ahead_ms, error_ms = device.report.offset_ms, device.report.error_ms
        if device.is_own:
            ahead_ms, error_ms = own.ahead_ms or 0, own.error_ms or 0
        if ahead_ms is not None and error_ms is not None:
            clocks[device.id] = Clock(ahead_ms, error_ms)
    return clocks


def as_lines(found: list[AnomalyView]) -> list[str]:
    """A few lines of each, for a report."""
    lines = []
    for one in found:
        lines.append(f"  {one.when}  {one.title} ({one.urgency})")
        lines += [f"    {one.sentence}", f"    {one.remedy}", f"    {', '.join(one.entries)}"]
    return lines


def as_table(found: list[AnomalyView]) -> str:
    """The report for a terminal."""
    lines = as_lines(found) or [_("Nothing is unlike an honest evening, as far as it was heard.")]
    return "\n".join(lines) + "\n"


def as_json(found: list[AnomalyView]) -> str:
    """The report for programs."""
    return json.dumps([as_value(one) for one in found], ensure_ascii=False, indent=2) + "\n"


def as_value(one: AnomalyView) -> dict[str, Any]:
    """An anomaly for programs; times are Unix milliseconds."""
    values = asdict(one)
    del values["urgency"], values["when"]
    return values | {"gates": list(one.gates), "entries": list(one.entries)}
