"""What the server knows of a device of the event, and what the device says of itself."""

from msgspec import Struct

from gate.core.health import Health
from gate.core.limits import Count, Hex, Milliseconds, Name


class DeviceReport(Struct, frozen=True, omit_defaults=True):
    """What a device says of itself with every exchange: its own word, whoever passes it on."""

    version: Name = ""
    gate: Name = ""
    unacked: Count = 0
    cursor: Name = ""
    offset_ms: Milliseconds | None = None
    """How far the server's clock is ahead of the device's."""
    error_ms: Count | None = None
    quarantined: Count = 0
    health: Health = Health()


class EventDevice(Struct, frozen=True, omit_defaults=True):
    """What the server says of a device of the same event: who it is, and when it was heard."""

    device: Name
    name: Name = ""
    key: Hex = ""
    """Ed25519 public key."""
    active: bool = False
    """Whether its lane is open: neither closed by its operator nor retired by a supervisor."""
    state: Name = "enrolled"
    heard_ago_ms: Count | None = None
    """How long ago the server last heard from it."""
    report: DeviceReport = DeviceReport()
    has_twin: bool = False
    """Whether another machine was seen to use its credential."""
