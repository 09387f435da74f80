"""Who else is connected: the server, the other devices, and whoever should not be there."""

from gate.clock import Clock
from gate.config import Config
from gate.core.upstream_state import UpstreamState
from gate.i18n import _
from gate.reports.checks.finding import Finding, Status
from gate.reports.report import overview
from gate.storage.connectivity import NOBODY_HEARD, Connectivity, ConnectivityReader
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import all_devices
from gate.storage.folder import Folder
from gate.storage.gate_lists import GateList
from gate.storage.matters import matters
from gate.storage.revocation import require_not_revoked
from gate.storage.sync_status import SyncStatus
from gate.text.connectivity_words import server_link
from gate.text.printable import printable
from gate.text.upstream_words import remedy, upstream_line
from gate.text.zones import zone_of


def other_devices(folder: Folder) -> Finding:
    """How many are known, and whether a supervisor has to settle something."""
    if not folder.peers.exists():
        return Finding(Status.SKIP, _("nothing heard of them"))
    with Fleet(folder) as venue:
        devices = len(all_devices(venue, 0, NOBODY_HEARD)) - 1
        unsettled = sum(found.is_open for found in matters(folder, venue))
    log_file = folder.path / "peers.db-wal"
    size = log_file.stat().st_size // 1024 if log_file.exists() else 0
    detail = _("{devices} heard of, {conflicts} open conflicts, log file {size} kB").format(
        devices=devices, conflicts=unsettled, size=size
    )
    if unsettled:
        return Finding(Status.WARN, detail, _("A supervisor settles them on F3."))
    return Finding(Status.OK, detail)


def server(config: Config, folder: Folder, clock: Clock) -> Finding:
    """Whether the server and the other gates are heard, and nobody among them is suspicious."""
    reading = clock.read()
    connectivity = ConnectivityReader(folder, config.sync.heard_within_s).read(reading)
    fresh = connectivity.sync_status
    require_not_revoked(folder)
    if not connectivity.is_enrolled:
        return Finding(Status.SKIP, _("no server"))
    zone = zone_of(config, folder)
    detail = server_link(fresh, connectivity.boot_ms, reading.wall_ms, zone.info)
    detail += ", " + _("{n} unsent").format(n=fresh.unacked)
    if fresh.twins:
        sentence = _("{detail}; another machine uses the credential of: {devices}")
        return Finding(
            Status.FAIL, sentence.format(detail=detail, devices=", ".join(fresh.twins)),
            _("Find that machine; revoke the device, and let it enrol anew."),
        )  # fmt: skip
    if fresh.alarms or fresh.floods:
        return _alarmed(fresh, detail)
    if fresh.quarantined:
        sentence = _("{detail}, {n} entries refused and kept")
        return Finding(Status.WARN, sentence.format(detail=detail, n=fresh.quarantined), "")
    if reading.boot_ms - fresh.boot_ms > config.sync.heard_within_s * 1000 or not fresh.boot_id:
        return Finding(Status.WARN, detail, _("No sync worker is running: gate scan starts it."))
    return _connected(fresh, detail)


def upstream(state: UpstreamState, connectivity: Connectivity) -> Finding:
    """How the system stands that the event's tickets live in, by the server's last word."""
    since_ms = max(0, connectivity.boot_ms - connectivity.sync_status.upstream_boot_ms)
    status = Status.WARN if state.is_stuck else Status.OK
    return Finding(status, upstream_line(state, since_ms), remedy(state) if state.is_stuck else "")


def other_list(one: GateList, config: Config, clock: Clock) -> Finding:
    """Whether a list of this gate that is not scanned now is kept up to date."""
    if not one.folder.pointer.exists():
        return Finding(Status.FAIL, _("no tickets"), _("Fetch them: gate sync --once"))
    found = server(config, one.folder, clock)
    numbers = overview(one.folder)
    counts = _("{tickets} tickets, {admitted} admitted here").format(
        tickets=numbers.issued, admitted=numbers.admitted
    )
    return Finding(found.status, f"{counts}; {found.detail}", found.hint)


def _alarmed(fresh: SyncStatus, detail: str) -> Finding:
    """Which device is not as it should be; who floods has often begun twice, too."""
    sentence, hint = (
        (_("{detail}; tells far more than others do: {devices}"),
         _("It was stolen, or starts again and again: look at it, or revoke it."))
        if fresh.floods
        else (_("{detail}; cloned, restored or set back: {devices}"),
              _("Find out which machine is the copy, and retire it."))
    )  # fmt: skip
    devices = ", ".join(fresh.floods or fresh.alarms)
    return Finding(Status.FAIL, sentence.format(detail=detail, devices=devices), hint)


def _connected(fresh: SyncStatus, detail: str) -> Finding:
    """Whether whom it should hear is heard, what they do fits, and nobody else tries to get in."""
    if fresh.is_full:
        sentence = _("{detail}; the disk is full: nothing of others is taken in")
        return Finding(Status.FAIL, sentence.format(detail=detail), _("Make room on the disk."))
    if fresh.unauthorised:
        sentence = _("{detail}; turned away on the LAN {n} times, last {who}")
        return Finding(
            Status.WARN,
            sentence.format(
                detail=detail, n=fresh.unauthorised, who=printable(fresh.last_unauthorised)
            ),
            _("Somebody tries to get in, or a gate was revoked or has to enrol again."),
        )
    if not fresh.server:
        hint = _("No other gate is heard: are they on, and on this network?")
        return (
            Finding(Status.OK, detail, "")
            if fresh.connected_peers
            else Finding(Status.WARN, detail, hint)
        )
    if not fresh.link:
        return Finding(
            Status.WARN, f"{detail} {fresh.last_error}".rstrip(), _("Scan on: it waits.")
        )
    return Finding(Status.OK, detail)
