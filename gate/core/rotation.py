"""How the code that was shown of a rotating ticket stands to the time: pure, after its arithmetic.

``gate.credential.rotating`` reads and proves such codes; the rules go by what it found.
"""

from dataclasses import dataclass
from enum import StrEnum

PHONE_DRIFT_MS = 120_000
"""So far a phone's clock may plausibly be off."""
AHEAD_MS = 5000
"""And so far that nobody is to look: phones are kept by their networks."""
UNMEASURED_MS = 600_000
"""How far a clock may be off that is believed and that nobody has measured."""
_LEAST_GRACE_MS, _MOST_GRACE_MS = 15_000, 30_000


class Shown(StrEnum):
    """What of a rotating ticket was shown."""

    MOVING = "moving"
    """A code that was made with its key."""
    STATIC = "static"
    """Its static part alone."""
    WRONG = "wrong"
    """With a changing part that its key has not made, or not within the hours that are tried."""


class Age(StrEnum):
    """How a code that its key has made stands to now."""

    FRESH = "fresh"
    OFF = "off"
    """By as much as a phone's clock may be, or ahead."""
    STALE = "stale"
    """Too old for any phone's clock: it is a picture of the code."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was shown of a rotating ticket."""

    shown: Shown
    at_ms: int = 0
    """When the code that was shown became good, by the phone's clock; a multiple of the period."""
    period_ms: int = 15_000
    newest_ms: int | None = None
    """The newest code of the ticket that any lane held here has let anybody in or out on."""
    needs_clock: bool = False
    """Whether it is wrong only if this lane's clock is right."""

    @property
    def code_ms(self) -> int | None:
        """What an entry keeps of it."""
        return self.at_ms if self.shown is Shown.MOVING else None

    @property
    def is_replayed(self) -> bool:
        """Whether a newer one was used before it."""
        is_moving = self.shown is Shown.MOVING
        return is_moving and self.newest_ms is not None and self.at_ms < self.newest_ms

    @property
    def grace_ms(self) -> int:
        """How long after its period it still passes: to hold it up, and to read it."""
        return min(max(self.period_ms, _LEAST_GRACE_MS), _MOST_GRACE_MS)

    def age(self, earliest_ms: int, latest_ms: int, *, is_measured: bool) -> Age:
        """How it stands to a time that is between two moments.

        An error of a clock makes the window wider. Of one that nobody has measured none is known:
        it may be off by ``UNMEASURED_MS``, and what is older still is stale.
        """
        over_ms = self.at_ms + self.period_ms
        surely_old_ms = earliest_ms - over_ms - (0 if is_measured else UNMEASURED_MS)
        if surely_old_ms > PHONE_DRIFT_MS:
            return Age.STALE
        is_over = earliest_ms - over_ms > self.grace_ms
        is_ahead = self.at_ms - latest_ms > AHEAD_MS
        return Age.OFF if is_over or is_ahead else Age.FRESH
