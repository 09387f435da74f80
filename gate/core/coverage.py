"""What a verdict is worth: up to when all that the other lanes at work did is held here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gate.core.outcome import Basis


@dataclass(frozen=True, slots=True)
class OtherLane:
    """Of another device of the event, what it takes to know up to when it is held here.

    Times are this device's boot clock.
    """

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
    watches: bool = False
    """Whether its device only watches, by its newest word: it opens no lane unheard."""
    central_held_boot_ms: int | None = None
    """The latest moment by which all it had recorded is held here, as the server has told."""
    lan_held_boot_ms: int | None = None
    """The same, as it has told itself on the LAN, or by other gates."""
    behind: int = 0
    """How many of its entries are known of and not held here, at the least."""

    @property
    def heard_boot_ms(self) -> int | None:
        """When it was last heard by any way."""
        return _latest(self.central_boot_ms, self.lan_boot_ms)

    @property
    def held_boot_ms(self) -> int | None:
        """The latest moment by which all it had recorded is held here, by any way."""
        return _latest(self.central_held_boot_ms, self.lan_held_boot_ms)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of which lanes everything that they did lately is held here."""

    basis: Basis
    unheard: tuple[OtherLane, ...] = ()
    """The lanes at work of which it is not."""
    held_boot_ms: int | None = None
    """While that is none: the moment by which all that they did is held here."""
    is_refetching: bool = False
    """Whether what was held of others was lost, and is being fetched again."""

    def age_ms(self, now_boot_ms: int) -> int | None:
        """How long ago another lane may have let somebody in, at the most, unknown here.

        ``None`` if no such bound is known, or no other lane is at work.
        """
        return None if self.held_boot_ms is None else max(0, now_boot_ms - self.held_boot_ms)


def coverage(others: Sequence[OtherLane], now_boot_ms: int, within_ms: int) -> Coverage:
    """Who can have admitted somebody unseen, among the lanes that are at work.

    To be heard is not enough: what a lane did must be held here, up to a moment lately.
    """
    active = [lane for lane in others if lane.active]
    if not active:
        return Coverage(Basis.ONLY)
    since_ms = now_boot_ms - within_ms
    unheard = tuple(lane for lane in active if _at(lane.held_boot_ms) < since_ms)
    if unheard:
        return Coverage(Basis.ALONE, unheard)
    by_lan = all(_at(lane.lan_held_boot_ms) >= since_ms for lane in active)
    by_central = all(_at(lane.central_held_boot_ms) >= since_ms for lane in active)
    basis = Basis.LAN if by_lan and not by_central else Basis.CENTRAL
    held = [lane.held_boot_ms for lane in active if lane.held_boot_ms is not None]
    return Coverage(basis, held_boot_ms=min(held))


def may_have_opened(lane: OtherLane, opened_boot_ms: int | None) -> bool:
    """Whether a closed lane may be open by now without being alone itself.

    Of two lanes that cannot hear each other one at least has to know that. Whoever was heard since
    this lane opened, at ``opened_boot_ms``, or closed while it was open, takes it to be open.
    A device that only watched until now knows by itself that nobody takes it to be open.
    """
    was_in_touch = opened_boot_ms is not None and _at(lane.heard_boot_ms) >= opened_boot_ms
    return not (lane.watches or lane.knows_us or was_in_touch)


_WORTH = (Basis.UNSEEN, Basis.ALONE, Basis.LAN, Basis.CENTRAL, Basis.ONLY)
STEADY_MS = 3000
"""How long it must have been better before it is called better: a loose cable shall not flicker."""


class Hysteresis:
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
            elif shown.held_boot_ms is not None and found.held_boot_ms is not None:
                # It is as sure; only the path has not lasted yet.
                self._shown = replace(shown, held_boot_ms=found.held_boot_ms)
        assert self._shown is not None
        return self._shown


def _latest(*moments: int | None) -> int | None:
    return max((ms for ms in moments if ms is not None), default=None)


def _at(boot_ms: int | None) -> float:
    return float("-inf") if boot_ms is None else boot_ms
