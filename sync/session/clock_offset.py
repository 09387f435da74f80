"""How two gates' clocks stand to each other, by the moments that their words name.

Neither can tell the way here from a clock that is behind; both together can.
"""

from dataclasses import dataclass

from gate.core.hlc import Reading

WINDOW_MS = 30_000
"""How long the quickest word counts, at least: clocks drift, and are set."""


@dataclass(slots=True)
class Comparison:
    """This gate's clock against another's, in milliseconds."""

    told: int | None = None
    """The other's ``least``, of our words, as it has told."""
    _least: int | None = None
    _least_before: int | None = None
    _began_boot_ms: int = 0

    def heard(self, at_ms: int, now: Reading) -> None:
        """A word has come that was said at ``at_ms`` by the other's clock."""
        if now.boot_ms - self._began_boot_ms >= WINDOW_MS:
            self._least_before, self._least = self._least, None
            self._began_boot_ms = now.boot_ms
        late = now.wall_ms - at_ms
        self._least = late if self._least is None else min(late, self._least)

    @property
    def least(self) -> int | None:
        """How late its words came at the least, by both clocks: their difference, and the way."""
        known = [ms for ms in (self._least, self._least_before) if ms is not None]
        return min(known, default=None)

    def ahead(self) -> tuple[int, int] | None:
        """How far this clock is ahead of the other, and how far that may be wrong, either way.

        ``None`` while it is not known: too little was heard, or a clock has just been set.
        """
        mine, theirs = self.least, self.told
        if mine is None or theirs is None or mine + theirs < 0:
            return None
        return (mine - theirs) // 2, max(1, (mine + theirs + 1) // 2)
