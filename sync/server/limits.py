"""How often one may ask: a token bucket for each device and each address."""

import time
from collections import OrderedDict

MOST = 10_000


class Buckets:
    """Token buckets by name; the ones not used for longest are forgotten."""

    def __init__(self, per_s: float, burst: float, most: int = MOST) -> None:
        self._per_s = per_s
        self._burst = burst
        self._most = most
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, count: float = 1) -> float:
        """Take some; the answer is after how many seconds there will be one, 0 when there was.

        More may be taken than there are, as long as there is one.
        """
        now = time.monotonic()
        left = self._left(name, now)
        if left < 1:
            return (1 - left) / self._per_s
        self._kept[name] = (left - count, now)
        self._kept.move_to_end(name)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return 0.0

    def _left(self, name: str, now: float) -> float:
        left, at = self._kept.get(name, (self._burst, now))
        return min(self._burst, left + (now - at) * self._per_s)
