"""What is where in a PDF417 symbol of so many rows and columns, at a level of error correction."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.correction import PrimeField
from gate.capture.matrix.plane import Grid
from gate.capture.pdf417.patterns import CLUSTERS, MODULES, WORDS

ROWS, COLUMNS, LEVELS = range(3, 91), range(1, 31), range(9)
MOST_WORDS = 928
FIELD = PrimeField(WORDS, generator=3, first=1)
"""Over which its codewords are corrected."""
SIDE = 2 * MODULES
"""Modules of a start pattern and a row indicator, which are on the left of every row."""
ROW_PX = 3
"""A row is drawn so many times as high as a module is wide."""


class Kind(NamedTuple):
    """What the row indicators say."""

    rows: int
    columns: int
    """Codewords of a row, without its indicators."""
    level: int

    @property
    def checks(self) -> int:
        """Codewords that check."""
        return 2 << self.level

    @property
    def words(self) -> int:
        """Codewords of data, the one that tells their number among them."""
        return self.rows * self.columns - self.checks

    @property
    def is_possible(self) -> bool:
        """Whether there are symbols of that kind."""
        return self.rows * self.columns <= MOST_WORDS and self.words > 1


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The modules of symbols of one kind, a row of the grid each row. 1 is dark, -1 is light."""

    kind: Kind
    known: Grid
    """Start, stop, row indicators, and the codeword that tells how many; 0 where symbols differ."""
    data_at: NDArray[np.intp]
    """Modules of each codeword, as indices of the flat symbol (words, ``MODULES``)."""

    def drawn(self, words: list[int]) -> NDArray[np.bool_]:
        """The whole symbol, its rows as high as zxing-cpp wants them; true is dark."""
        symbol = self.known.ravel().copy()
        row = np.arange(len(words)) // self.kind.columns
        symbol[self.data_at] = CLUSTERS[row % 3, words]
        return np.repeat((symbol > 0).reshape(self.known.shape), ROW_PX, 0)


def width(columns: int) -> int:
    """Modules of a row."""
    return MODULES * (columns + 4) + 1


@cache
def layout(kind: Kind) -> Layout:
    """The layout of symbols of one kind."""
    across = width(kind.columns)
    known = np.zeros((kind.rows, across), np.float32)
    left, right = indicators(kind)
    known[:, :SIDE] = np.concatenate([np.tile(START, (kind.rows, 1)), left], 1)
    known[:, -len(STOP) - MODULES :] = np.concatenate([right, np.tile(STOP, (kind.rows, 1))], 1)
    known[0, SIDE : SIDE + MODULES] = CLUSTERS[0, kind.words]
    row, column = np.divmod(np.arange(kind.rows * kind.columns), kind.columns)
    first = row * across + SIDE + MODULES * column
    return Layout(kind, known, first[:, None] + np.arange(MODULES))


def indicators(kind: Kind) -> tuple[Grid, Grid]:
    """What the left and the right row indicators look like (rows, ``MODULES``)."""
    row = np.arange(kind.rows)
    told = np.array([(kind.rows - 1) // 3, 3 * kind.level + (kind.rows - 1) % 3, kind.columns - 1])
    return (
        CLUSTERS[row % 3, row // 3 * 30 + told[row % 3]],
        CLUSTERS[row % 3, row // 3 * 30 + told[(row + 2) % 3]],
    )


def _pattern(*runs: int) -> Grid:
    signs = [1 - 2 * (at % 2) for at, run in enumerate(runs) for _module in range(run)]
    return np.array(signs, np.float32)


START = _pattern(8, 1, 1, 1, 1, 1, 1, 3)
STOP = _pattern(7, 1, 1, 3, 1, 1, 1, 2, 1)
