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
    """When it was last heard on the LAN, by itself or by a gate that hears it."""
    knows_us: bool = False
    """Whether it closed while this lane was open, and so takes this one to be open still."""


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


def may_have_opened(lane: OtherLane, opened_boot_ms: int | None) -> bool:
    """Whether a closed lane may be open by now without being alone itself.

    Of two lanes that cannot hear each other one at least has to know that. Whoever was heard since
    this lane opened, at ``opened_boot_ms``, or closed while it was open, takes it to be open.
    """
    heard = opened_boot_ms is not None and _heard(lane) >= opened_boot_ms
    return not (lane.knows_us or heard)


_WORTH = (Basis.UNSEEN, Basis.ALONE, Basis.LAN, Basis.CENTRAL, Basis.ONLY)
STEADY_MS = 3000
"""How long it must have been better before it is called better: a loose cable shall not flicker."""


class Settling:
    """Makes a coverage steady: worse at once, better only once it has been so for a while."""

    def __init__(self, steady_ms: int = STEADY_MS) -> None:
        self._steady_ms = steady_ms
        self._shown: Coverage | None = None
        self._better_since_ms: int | None = None

    def settle(self, found: Coverage, now_boot_ms: int) -> Coverage:
        """What to go by now, given what is found now."""
        shown = self._shown
        if shown is None or _WORTH.index(found.basis) <= _WORTH.index(shown.basis):
            self._shown, self._better_since_ms = found, None
        else:
            if self._better_since_ms is None:
                self._better_since_ms = now_boot_ms
            if now_boot_ms - self._better_since_ms >= self._steady_ms:
                self._shown, self._better_since_ms = found, None
        assert self._shown is not None
        return self._shown


def _heard(lane: OtherLane) -> float:
    times = [ms for ms in (lane.central_boot_ms, lane.lan_boot_ms) if ms is not None]
    return max(times) if times else float("-inf")
