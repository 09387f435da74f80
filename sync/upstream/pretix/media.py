"""Which wristbands and cards positions go by. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sync.upstream.pretix.answers import Medium

_Codes = Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Media:
    """What positions go by beside their codes."""

    alone: _Codes
    """By position: what is its own."""
    shared: _Codes
    """By position: what several go by."""
    marks: Mapping[int, str]
    """By position: the numbers of its media, which are no codes; with ``+`` it is shared."""

    @classmethod
    def of(cls, every: Iterable[Medium], now_ms: int) -> Self:
        """Of all that there are; one that is off or has expired is nobody's."""
        alone: dict[int, tuple[str, ...]] = {}
        shared: dict[int, tuple[str, ...]] = {}
        numbers: dict[int, list[str]] = defaultdict(list)
        for one in sorted(every, key=lambda one: one.id):
            positions = one.linked_orderpositions
            if not one.active or _is_over(one, now_ms):
                continue
            is_shared = len(positions) > 1
            found = shared if is_shared else alone
            for position in positions:
                found[position] = (*found.get(position, ()), one.identifier)
                numbers[position].append(f"{one.id}+" if is_shared else f"{one.id}")
        return cls(alone, shared, {position: ",".join(some) for position, some in numbers.items()})


def _is_over(medium: Medium, now_ms: int) -> bool:
    ends = datetime.fromisoformat(medium.expires) if medium.expires else None
    return ends is not None and ends.timestamp() * 1000 < now_ms
