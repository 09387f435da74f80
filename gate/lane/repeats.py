"""A flood of one unknown code is one entry, then a count (law 12)."""

from dataclasses import dataclass
from itertools import takewhile

from gate.core.outcome import Outcome, Reason

REPEAT_WINDOW_MS = 60_000
"""Within this time the same again is no second entry."""
REPEATS_KEPT = 10_000


@dataclass(slots=True)
class Repeat:
    """An unknown code that has an entry, and how often it came again."""

    code: str
    """The keyed hash of it, in hex."""
    entry: str
    outcome: Outcome
    reason: Reason
    since_ms: int
    """When it got its entry, by the boot clock."""
    count: int = 0

    def is_over(self, boot_ms: int) -> bool:
        """Whether the code would get another entry."""
        return boot_ms - self.since_ms >= REPEAT_WINDOW_MS


class Repeats:
    """The unknown codes of the last minute, oldest first."""

    def __init__(self) -> None:
        self._by_code: dict[str, Repeat] = {}

    def __contains__(self, code: str) -> bool:
        return code in self._by_code

    @property
    def is_full(self) -> bool:
        """Whether no more codes are to be remembered."""
        return len(self._by_code) >= REPEATS_KEPT

    def count(self, code: str, boot_ms: int) -> bool:
        """Count a code that had its entry within the last minute; whether it had."""
        known = self._by_code.get(code)
        if known is None or known.is_over(boot_ms):
            return False
        known.count += 1
        return True

    def add(self, repeat: Repeat) -> None:
        """Count, from now on, how often a code comes again."""
        self._by_code[repeat.code] = repeat

    def take(self, boot_ms: int, *, everything: bool = False) -> list[Repeat]:
        """Forget those that are over, or ``everything``; these of them came again."""
        known = self._by_code.values()
        over = list(known if everything else takewhile(lambda one: one.is_over(boot_ms), known))
        for one in over:
            del self._by_code[one.code]
        return [one for one in over if one.count]

    def clear(self) -> None:
        """Forget everything: what was counted may not have been written after all."""
        self._by_code.clear()
