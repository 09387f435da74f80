"""A code as it was read once: what it says, whose it is, where it lay."""

from collections.abc import Sequence
from dataclasses import dataclass

from gate.core.ticket import Ticket
from gate.core.verdict import Scan

NEAR = 0.05
"""Share of the picture's width within which a code is still at the same place."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a code lies, in shares of the picture's *width*, across and down."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    @property
    def across(self) -> float:
        """Where its middle is, from left (0) to right (1)."""
        return (self.left + self.right) / 2

    def is_near(self, other: "Spot") -> bool:
        """Whether both middles are at one place."""
        across = abs(self.across - other.across)
        down = abs(self.top + self.bottom - other.top - other.bottom) / 2
        return across <= NEAR and down <= NEAR

    def overlaps(self, other: "Spot") -> bool:
        """Whether both codes cannot be seen at once."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def spot_of(corners: Sequence[tuple[float, float]], width: int) -> Spot:
    """The upright box around a code's corners; the whole picture where there are none."""
    if not corners:
        return WHOLE
    across, down = [x / width for x, _y in corners], [y / width for _x, y in corners]
    return Spot(min(across), min(down), max(across), max(down))


WHOLE = Spot()


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One code of one frame or one typed line, and the ticket that it belongs to here."""

    scan: Scan
    ticket: Ticket | None = None
    spot: Spot = WHOLE

    @property
    def key(self) -> str:
        """What makes it the same scan: the ticket, by whichever code, or an unknown text."""
        return f"={self.ticket.id}" if self.ticket else f"?{self.scan.text}"


@dataclass(frozen=True, slots=True)
class Decide:
    """This code is to be decided now."""

    glimpse: Glimpse
    is_again: bool = False
    """It was held by a fault and is still in view."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said beside a verdict and is none itself."""

    ticket: Ticket | None = None
    """The other ticket, which waits; ``None``: there is a code that is no ticket's."""
    more: int = 0
    """How many further tickets wait."""


@dataclass(frozen=True, slots=True)
class Furniture:
    """An unknown code that lies in the picture and belongs to the place."""

    text: str
    symbology: str
    spot: Spot
