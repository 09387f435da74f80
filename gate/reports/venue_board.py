"""What a supervisor has before their eyes: figures, devices, and what there is to look into."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gate.reports import report
from gate.reports.anomaly_list import AnomalyList
from gate.storage.connectivity import Connectivity
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import Device, all_devices
from gate.storage.matters import Matter, matters
from gate.storage.messages import Sent, sent
from gate.text.anomaly_words import AnomalyView
from gate.text.upstream_words import trouble_line, upstream_line


@dataclass(frozen=True, slots=True)
class VenueBoard:
    """What one look at the stores has found."""

    connectivity: Connectivity
    numbers: report.Overview
    rates: report.Rates
    types: list[report.Line]
    reasons: list[report.Line]
    devices: list[Device]
    conflicts: list[Matter]
    """Tickets on which too many went in, or that were used though they were void."""
    anomalies: list[AnomalyView]
    """What is unlike an honest evening, the gravest first."""
    messages: list[Sent]
    """The newest first."""
    upstream: str
    """How the system stands that the tickets live in; empty where there is none."""
    is_whole: bool
    """Whether the figures are those of more than this lane."""


def look(
    anomalies: AnomalyList, connectivity: Connectivity, now_ms: int, time_zone: ZoneInfo
) -> VenueBoard:
    """Read all of a folder, as of now; ``anomalies`` follows it. Raises StoreError."""
    folder = anomalies.folder
    with Fleet(folder) as venue:
        devices = all_devices(venue, now_ms, connectivity)
        is_whole = connectivity.is_enrolled or len(devices) > 1
        return VenueBoard(
            connectivity=connectivity,
            numbers=report.venue_overview(folder, venue, now_ms)
            if is_whole
            else report.overview(folder),
            rates=report.rates(folder, now_ms, everywhere=is_whole),
            types=report.grouped(folder, "type", time_zone, everywhere=is_whole),
            reasons=report.grouped(folder, "reason", time_zone, everywhere=is_whole),
            devices=devices,
            conflicts=matters(folder, venue),
            anomalies=anomalies.look(connectivity, now_ms),
            messages=sent(venue),
            upstream=_upstream(connectivity),
            is_whole=is_whole,
        )


def _upstream(connectivity: Connectivity) -> str:
    """What somebody has to do about it, or else how it stands."""
    fresh = connectivity.sync_status
    if fresh.upstream is None:
        return ""
    since_ms = max(0, connectivity.boot_ms - fresh.upstream_boot_ms)
    trouble = trouble_line(fresh.upstream, since_ms)
    return f"! {trouble}" if trouble else upstream_line(fresh.upstream, since_ms)
