"""What a verdict is worth: which of the other lanes at work have been heard lately, and how."""

from collections.abc import Sequence
from dataclasses import dataclass

from gate.domain.model import Basis


@dataclass(frozen=True, slots=True)
class OtherLane:
    """Another device of the event, as this one knows it. Times are this device's boot clock."""

    device: str
    name: str = ""
    active: bool = False
    """Whether its lane is open: neither closed by its operator nor retired by a supervisor."""
    central_boot_ms: int | None = None
    """When the server had last heard it, as the server last told."""
    lan_boot_ms: int | None = None
    """When it was last heard directly."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whom this device has heard."""

    basis: Basis
    unheard: tuple[OtherLane, ...] = ()
    """The lanes at work that nothing was heard of for too long."""


def coverage(others: Sequence[OtherLane], now_boot_ms: int, within_ms: int) -> Coverage:
    """Who can have admitted somebody unseen, among the lanes that are at work."""
    active = [lane for lane in others if lane.active]
    if not active:
        return Coverage(Basis.ONLY)
    unheard = tuple(lane for lane in active if now_boot_ms - _heard(lane) > within_ms)
    if unheard:
        return Coverage(Basis.ALONE, unheard)
    by_lan = all(
        lane.lan_boot_ms is not None and now_boot_ms - lane.lan_boot_ms <= within_ms
        for lane in active
    )
    by_central = all(
        lane.central_boot_ms is not None and now_boot_ms - lane.central_boot_ms <= within_ms
        for lane in active
    )
    return Coverage(Basis.LAN if by_lan and not by_central else Basis.CENTRAL)


def _heard(lane: OtherLane) -> float:
    times = [ms for ms in (lane.central_boot_ms, lane.lan_boot_ms) if ms is not None]
    return max(times) if times else float("-inf")
