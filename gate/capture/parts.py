"""Messages that are spread over several symbols: each part is kept until all of them were seen.

A part is never a code by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import xor

from gate.capture.symbol_readers import Code

KEPT_S = 20.0
"""So long a part waits for others; somebody may have to turn a page of a phone."""
KEPT = 8
"""So many messages are open at once."""


@dataclass(frozen=True, slots=True)
class InParts:
    """Which parts of a message were seen, counted from 1, and how many there are."""

    seen: tuple[int, ...]
    of: int


@dataclass(slots=True)
class _Open:
    seen_s: float
    parts: dict[int, Code] = field(default_factory=dict)


class Parts:
    """Puts messages together."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._open: dict[tuple[int, int], _Open] = {}
        self.waiting: InParts | None = None
        """What the last part that was taken lacks to be whole."""

    def take(self, code: Code) -> Code | None:
        """Keep a part; the whole message, where this was the last of its parts."""
        if code.part is None:
            return code
        number, of, parity = code.part
        now_s = self._now()
        one = self._open.pop((of, parity), None)
        if one is None or now_s - one.seen_s > KEPT_S:
            one = _Open(now_s)
        before = one.parts.get(number)
        if before is not None and before.raw != code.raw:
            # It is another message of the same parity.
            one.parts.clear()
        one.parts[number], one.seen_s = code, now_s
        whole = _whole(one.parts, parity) if len(one.parts) == of else None
        self.waiting = None if whole else InParts(tuple(sorted(one.parts)), of)
        # Where parity does not vouch for it, another message may be mixed in: it is gathered anew.
        if whole is None or whole.frames == 1:
            self._open[of, parity] = one
        if len(self._open) > KEPT:
            del self._open[next(iter(self._open))]
        return whole


def _whole(parts: dict[int, Code], parity: int) -> Code:
    in_order = [parts[number] for number in sorted(parts)]
    raw = b"".join(one.raw for one in in_order)
    is_vouched = reduce(xor, raw) == parity
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        # Each part has a character set of its own.
        text = "".join(one.text for one in in_order)
    frames = max(one.frames for one in in_order) if is_vouched else len(parts)
    return replace(in_order[-1], text=text, raw=raw, frames=frames, part=None)
