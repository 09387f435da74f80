"""What the worker makes of the server's clock and the other gates'."""

from types import SimpleNamespace
from typing import cast

import pytest

from gate.core.clock_error import Measured, Source
from gate.core.event_device import DeviceReport
from gate.core.health import Health
from gate.core.hlc import Reading
from sync.worker.peer_clocks import by_peers
from sync.worker.peers import PeerSet
from sync.worker.server_contact import ServerContact

NOW = Reading(1_798_000_000_000, 5_000_000, "boot")
ZERO_MS = NOW.wall_ms - NOW.boot_ms


def gates(**others: tuple[int, DeviceReport]) -> PeerSet:
    """Other gates: how far our clock is ahead of each, ± 3 ms, and what it says of itself."""
    return cast(
        "PeerSet",
        SimpleNamespace(
            connected=others,
            reports={name: report for name, (_ahead, report) in others.items()},
            ahead=lambda name: (others[name][0], 3),
        ),
    )


def test_the_servers_clock_is_measured_against_the_boot_clock() -> None:
    """So that whoever sets the wall clock afterwards changes nothing of it."""
    contact = ServerContact()
    contact.measured(NOW.wall_ms - 40, NOW, NOW.wall_ms + 980, 10.0)
    assert contact.clock == Measured(Source.SERVER, ZERO_MS + 1000, 20, NOW.boot_ms)
    worse = Reading(NOW.wall_ms + 9000, NOW.boot_ms + 9000, "boot")
    contact.measured(NOW.wall_ms + 8000, worse, worse.wall_ms, 19.0)
    assert contact.clock.boot_ms == NOW.boot_ms, "the better measurement stays for ten minutes"


def test_another_gate_passes_the_servers_time_on() -> None:
    """Of several the one with the smallest error: its own and that of comparing it."""
    near = DeviceReport(offset_ms=500, error_ms=10)
    far = DeviceReport(offset_ms=700, error_ms=90)
    found = by_peers(gates(a=(200, near), b=(0, far)), NOW)
    # Our clock is 200 ms ahead of a's, to which 500 are lacking.
    assert Measured(Source.RELAYED, ZERO_MS + 300, 13, NOW.boot_ms) in found


@pytest.mark.parametrize(("trusted", "middle_ms"), [(True, -2000), (None, -2000), (False, -1000)])
def test_without_a_server_there_is_a_middle(trusted: bool | None, middle_ms: int) -> None:
    """Of those gates that believe their own clocks."""
    steady = DeviceReport()
    odd = DeviceReport(health=Health(is_clock_trusted=trusted))
    found = by_peers(gates(a=(2000, steady), b=(5000, odd)), NOW)
    (one,) = found
    assert (one.source, one.zero_ms - ZERO_MS) == (Source.PEERS, middle_ms)
    assert by_peers(gates(), NOW) == ()
