"""What is where in a Code 128 symbol of so many characters, in one of three code sets."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gate.capture.code128.patterns import MODULES, PATTERNS, STOP
from gate.capture.matrix.plane import Grid

QUIET = 10
"""Modules of margin, at least."""
CHARACTERS = range(4, 61)
"""Between start and stop, the one that checks among them. Shorter ones are like many things."""
DRAWN = 40
"""Modules to the height of a drawn symbol."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A row of modules. 1 is dark, -1 is light."""

    start: int
    """What the start character counts as."""
    known: Grid
    """Start and stop, and that a character begins with a bar and ends with a space."""
    characters_at: NDArray[np.intp]
    """Modules of each character between start and stop (characters, ``MODULES``)."""

    @property
    def ends_at(self) -> NDArray[np.intp]:
        """Modules of start, and of stop without its last bar, which make a character each."""
        return np.array([0, self.known.size - len(STOP)])[:, None] + np.arange(MODULES)

    @property
    def data_at(self) -> NDArray[np.intp]:
        """Modules that differ from character to character."""
        return self.characters_at[:, 1:-1]

    def with_characters(self, values: NDArray[np.intp], sure: NDArray[np.bool_]) -> Grid:
        """What is known once some characters are sure."""
        known = self.known.copy()
        known[0, self.characters_at[sure]] = PATTERNS[values[sure]]
        return known

    def drawn(self, values: NDArray[np.intp]) -> NDArray[np.bool_]:
        """The whole symbol with its margins; true is dark."""
        row = self.with_characters(values, np.ones(len(values), np.bool_))
        return np.repeat(np.pad(row > 0, ((0, 0), (QUIET, QUIET))), DRAWN, 0)


def width(characters: int) -> int:
    """Modules of a symbol with so many characters between start and stop."""
    return MODULES * (characters + 1) + len(STOP)


@cache
def layout(start: int, characters: int) -> Layout:
    """The layout of symbols with so many characters between start and stop."""
    known = np.zeros((1, width(characters)), np.float32)
    known[:, :MODULES] = PATTERNS[start]
    known[:, -len(STOP) :] = STOP
    at = MODULES * np.arange(1, characters + 1)[:, None] + np.arange(MODULES)
    known[0, at[:, 0]], known[0, at[:, -1]] = 1, -1
    return Layout(start, known, at)
