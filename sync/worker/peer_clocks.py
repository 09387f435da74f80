"""What the true time is by the other gates: their word on the server's, or their middle."""

from gate.core.clock_error import Measured, Source, among_peers
from gate.core.hlc import Reading
from sync.worker.peers import PeerSet


def by_peers(peers: PeerSet, now: Reading) -> tuple[Measured, ...]:
    """What the connected gates' clocks come to. Only those are compared that believe theirs."""
    relayed, clocks = [], []
    for device in sorted(peers.connected):
        compared, report = peers.ahead(device), peers.reports.get(device)
        if compared is None or report is None:
            continue
        ahead_ms, error_ms = -compared[0], compared[1]
        if report.offset_ms is not None and report.error_ms is not None:
            relayed.append((error_ms + report.error_ms, ahead_ms + report.offset_ms))
        if report.health.is_clock_trusted is not False:
            clocks.append((ahead_ms, error_ms))
    found = []
    if relayed:
        error_ms, ahead_ms = min(relayed)
        found.append(_measured(Source.RELAYED, ahead_ms, error_ms, now))
    if (middle := among_peers(clocks)) is not None:
        found.append(_measured(Source.PEERS, *middle, now))
    return tuple(found)


def _measured(source: Source, ahead_ms: int, error_ms: int, now: Reading) -> Measured:
    return Measured(source, now.wall_ms + ahead_ms - now.boot_ms, error_ms, now.boot_ms)
