"""Which wristbands and cards positions go by, and of which that changed. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sync.upstream.pretix.answers import Medium

_Codes = dict[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Media:
    """What positions go by beside their codes."""

    alone: _Codes
    """By position: what is its own."""
    shared: _Codes
    """By position: what several go by."""
    touched: tuple[tuple[datetime, int], ...] = ()
    """When a medium of a position was changed last."""

    @classmethod
    def of(cls, every: Iterable[Medium], now_ms: int) -> Self:
        """Of all that there are; one that is off or has expired is nobody's."""
        alone: _Codes = {}
        shared: _Codes = {}
        touched = []
        for one in every:
            positions = one.linked_orderpositions
            if one.updated:
                touched += [(datetime.fromisoformat(one.updated), each) for each in positions]
            if not one.active or _is_over(one, now_ms):
                continue
            found = alone if len(positions) == 1 else shared
            for position in positions:
                found[position] = (*found.get(position, ()), one.identifier)
        return cls(alone, shared, tuple(touched))

    def moved(self, before: Self) -> set[int]:
        """Positions that go by other media than before."""
        pairs = ((self.alone, before.alone), (self.shared, before.shared))
        every = {position for pair in pairs for one in pair for position in one}
        return {
            position
            for position in every
            if any(
                sorted(is_.get(position, ())) != sorted(was.get(position, ())) for is_, was in pairs
            )
        }

    def updated(self, since: str) -> set[int]:
        """Positions one of whose media was changed since a moment; none without one."""
        if not since:
            return set()
        from_ = datetime.fromisoformat(since)
        return {position for at, position in self.touched if at >= from_}


def _is_over(medium: Medium, now_ms: int) -> bool:
    ends = datetime.fromisoformat(medium.expires) if medium.expires else None
    return ends is not None and ends.timestamp() * 1000 < now_ms
