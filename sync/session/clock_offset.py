"""How clocks stand to each other: this gate's and another's, this gate's and the server's.

Two gates tell each other moments. Neither can tell the way here from a clock that is behind; both
together can. The server's is read in the middle of a question and its answer.
"""

from dataclasses import dataclass

from gate.core.hlc import Reading

WINDOW_MS = 30_000
"""How long the quickest message counts, at least: clocks drift, and are set."""
OFFSET_KEPT_S = 600.0
"""And how long a measurement of the server's clock that is better than those after it."""


@dataclass(slots=True)
class Comparison:
    """This gate's clock against another's, in milliseconds."""

    theirs: int | None = None
    """The other's ``least``, of our messages, as it says."""
    _least: int | None = None
    _least_before: int | None = None
    _began_boot_ms: int = 0

    def received(self, at_ms: int, now: Reading) -> None:
        """A message has come that was sent at ``at_ms`` by the other's clock."""
        if now.boot_ms - self._began_boot_ms >= WINDOW_MS:
            self._least_before, self._least = self._least, None
            self._began_boot_ms = now.boot_ms
        late = now.wall_ms - at_ms
        self._least = late if self._least is None else min(late, self._least)

    @property
    def least(self) -> int | None:
        """How late its messages came at least, by both clocks: their difference, and the way."""
        known = [ms for ms in (self._least, self._least_before) if ms is not None]
        return min(known, default=None)

    def ahead(self) -> tuple[int, int] | None:
        """How far this clock is ahead of the other, and how far that may be wrong, either way.

        ``None`` while it is not known: too little was heard, or a clock has just been set.
        """
        mine, theirs = self.least, self.theirs
        if mine is None or theirs is None or mine + theirs < 0:
            return None
        return (mine - theirs) // 2, max(1, (mine + theirs + 1) // 2)


@dataclass(slots=True)
class ServerOffset:
    """The best measurement of the server's clock lately."""

    ahead_ms: int | None = None
    """How far it is ahead of ours; ``None``: it has told none."""
    error_ms: int | None = None
    _measured_s: float = 0.0

    def measured(self, before_ms: int, after_ms: int, server_ms: int, now_s: float) -> bool:
        """Take in one more: what was asked at ``before_ms`` was answered by ``after_ms``.

        ``now_s`` is of a clock that only runs on. The answer is whether it is the best by now.
        """
        error = max(1, (after_ms - before_ms + 1) // 2)
        is_old = now_s - self._measured_s > OFFSET_KEPT_S
        if server_ms and (self.error_ms is None or is_old or error <= 2 * self.error_ms):
            self.ahead_ms = server_ms - (before_ms + after_ms) // 2
            self.error_ms, self._measured_s = error, now_s
            return True
        return False
