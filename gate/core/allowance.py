"""How much of one device's entries a node takes in: pure, and the same at server and gates.

What a device may have taken in grows with time, also while it is away, up to a cap: so an evening's
backlog comes in at once, and a flood slowly. What is over it is left where it is and offered again
later; nothing is refused for it, so it makes no two nodes differ for good. Beside that there is one
bound for a whole event, against a flood that is slow and long.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from gate.core.entry import device_of

RATE = 10 * 1024
"""Bytes a second in the long run: ten long entries. A busy lane makes one or two short ones."""
SAVED = 32 * 1024 * 1024
"""Bytes at once after an absence: about 50,000 entries of 640 bytes."""
PER_ORIGIN = 128 * 1024
"""What a new origin counts as, in bytes beside its entry: each makes every comparison longer."""
MOST = 256 * 1024 * 1024
"""Bytes of one device's entries in an event: about 400,000 entries."""
MANY_ORIGINS = 200
"""A device with more was started as often, which is worth an alarm."""
PASSED_ON = 2
"""How much more of a device is taken from others than from itself: so that what one node has taken
just within its limits is not over them at the next."""


class Allowance(NamedTuple):
    """What a device may have taken in at one node, as of a moment of that node's clock."""

    left: int
    """Bytes; below 0 after a frame that was larger than what was left."""
    at_ms: int
    taken: int
    """Bytes of its entries that were taken in, ever."""

    def at(self, now_ms: int) -> "Allowance":
        """As of another moment. A clock that was set back begins anew, with what was left."""
        grown = max(0, now_ms - self.at_ms) * RATE // 1000
        return self._replace(left=min(SAVED, self.left + grown), at_ms=now_ms)

    def permits(self, *, passed_on: bool) -> bool:
        """Whether a frame with entries of the device may be taken in; ``passed_on`` by another."""
        overdraft = SAVED * (PASSED_ON - 1) if passed_on else 0
        return self.left + overdraft > 0 and self.taken < MOST * (PASSED_ON if passed_on else 1)

    def less(self, size: int, *, is_new_origin: bool) -> "Allowance":
        """After an entry of so many bytes was taken."""
        cost = size + PER_ORIGIN * is_new_origin
        return self._replace(left=self.left - cost, taken=self.taken + size)


def fresh() -> Allowance:
    """Of a device of which nothing was taken in yet."""
    return Allowance(SAVED, 0, 0)


class Meter:
    """The allowances that one batch draws on.

    A frame is taken or left as a whole, as far as one device goes: a run that is cut before its
    signed head could not be passed on. So a frame may overdraw, once.
    """

    def __init__(self, kept: Callable[[str], Allowance], now_ms: int) -> None:
        self._kept = kept
        self._now_ms = now_ms
        self._known: dict[str, Allowance] = {}
        self.drawn: dict[str, Allowance] = {}
        """What is left of those that were drawn on."""
        self.later: set[str] = set()
        """Devices of which not all was taken."""

    def spent(self, devices: Iterable[str], by: str) -> set[str]:
        """Of some devices, those of which nothing is taken from a frame that ``by`` has brought."""
        spent = {d for d in devices if not self._of(d).permits(passed_on=d != by)}
        self.later |= spent
        return spent

    def draw(self, origin: str, size: int, *, is_new_origin: bool) -> None:
        """An entry was taken."""
        device = device_of(origin)
        self.drawn[device] = self._of(device).less(size, is_new_origin=is_new_origin)

    def _of(self, device: str) -> Allowance:
        if device not in self._known:
            self._known[device] = self._kept(device).at(self._now_ms)
        return self.drawn.get(device, self._known[device])
