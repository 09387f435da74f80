"""What is where in a Data Matrix symbol of each size; ISO/IEC 16022, annex F and table 7."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.correction import BinaryField
from gate.capture.matrix.plane import Grid

FIELD = BinaryField(8, 0x12D, first=1)


class Size(NamedTuple):
    """One of the sizes that there are."""

    rows: int
    columns: int
    words: int
    """Codewords of data."""
    checks: int
    regions: tuple[int, int] = (1, 1)
    """Parts down and across, each with its own sides."""
    blocks: int = 1
    """Into which codewords are dealt out in turn."""


SIZES = (
    Size(10, 10, 3, 5),
    Size(12, 12, 5, 7),
    Size(14, 14, 8, 10),
    Size(16, 16, 12, 12),
    Size(18, 18, 18, 14),
    Size(20, 20, 22, 18),
    Size(22, 22, 30, 20),
    Size(24, 24, 36, 24),
    Size(26, 26, 44, 28),
    Size(32, 32, 62, 36, (2, 2)),
    Size(36, 36, 86, 42, (2, 2)),
    Size(40, 40, 114, 48, (2, 2)),
    Size(44, 44, 144, 56, (2, 2)),
    Size(48, 48, 174, 68, (2, 2)),
    Size(52, 52, 204, 84, (2, 2), 2),
    Size(8, 18, 5, 7),
    Size(8, 32, 10, 11, (1, 2)),
    Size(12, 26, 16, 14),
    Size(12, 36, 22, 18, (1, 2)),
    Size(16, 36, 32, 24, (1, 2)),
    Size(16, 48, 49, 28, (1, 2)),
)
"""No ticket is larger."""

_WHOLE = ((-2, -2), (-2, -1), (-1, -2), (-1, -1), (-1, 0), (0, -2), (0, -1), (0, 0))
"""Modules of a codeword, its highest bit first, from its last one."""
_CUT_UP = (
    ((-1, 0), (-1, 1), (-1, 2), (0, -2), (0, -1), (1, -1), (2, -1), (3, -1)),
    ((-3, 0), (-2, 0), (-1, 0), (0, -4), (0, -3), (0, -2), (0, -1), (1, -1)),
    ((-3, 0), (-2, 0), (-1, 0), (0, -2), (0, -1), (1, -1), (2, -1), (3, -1)),
    ((-1, 0), (-1, -1), (0, -3), (0, -2), (0, -1), (1, -3), (1, -2), (1, -1)),
)
"""The same of codewords that lie in several corners; below 0 counts from the end."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The modules of one size. 1 is dark, -1 is light."""

    size: Size
    known: Grid
    """Solid and dashed sides of each region, and a corner that is left over; 0 is data."""
    data_at: NDArray[np.intp]
    """Modules of each codeword, as indices of the flat symbol (words, bits)."""

    @property
    def blocks(self) -> list[slice]:
        """Codewords that are corrected together: they are dealt out in turn."""
        return [slice(at, None, self.size.blocks) for at in range(self.size.blocks)]

    def drawn(self, words: NDArray[np.intp]) -> NDArray[np.bool_]:
        """The whole symbol; true is dark."""
        symbol = self.known.ravel() > 0
        symbol[self.data_at] = words[:, None] >> np.arange(8)[::-1] & 1
        return symbol.reshape(self.known.shape)


@cache
def layout(size: Size) -> Layout:
    """The layout of symbols of this size."""
    down, across = size.regions
    high, wide = size.rows // down, size.columns // across
    part = np.zeros((high, wide), np.float32)
    part[0] = np.where(np.arange(wide) % 2 == 0, 1, -1)
    part[:, -1] = np.where(np.arange(high) % 2 == 0, -1, 1)
    part[:, 0] = part[-1] = 1
    known = np.tile(part, size.regions)
    # Codewords run through the regions as if there were no sides between them.
    inner = np.flatnonzero(known.ravel() == 0)
    shape = size.rows - 2 * down, size.columns - 2 * across
    data_at = np.array([[row * shape[1] + at for row, at in one] for one in _codewords(*shape)])
    spare = np.setdiff1d(np.arange(len(inner)), data_at)
    if len(spare):
        known.ravel()[inner[spare]] = (1, -1, -1, 1)
    return Layout(size, known, inner[data_at])


def _codewords(rows: int, columns: int) -> Iterator[list[tuple[int, int]]]:
    """The modules of each codeword in turn, along diagonals that run up and down."""
    taken: set[tuple[int, int]] = set()
    row, column = 4, 0
    while row < rows or column < columns:
        cut = _cut_up(row, column, rows, columns)
        if cut is not None:
            whole = [(down % rows, across % columns) for down, across in _CUT_UP[cut]]
            taken.update(whole)
            yield whole
        for step, (down, across) in ((2, (1, 3)), (-2, (3, 1))):
            while row >= 0 and column < columns if step > 0 else row < rows and column >= 0:
                if 0 <= row < rows and 0 <= column < columns and (row, column) not in taken:
                    whole = [_wrapped(row + r, column + c, rows, columns) for r, c in _WHOLE]
                    taken.update(whole)
                    yield whole
                row, column = row - step, column + step
            row, column = row + down, column + across


def _cut_up(row: int, column: int, rows: int, columns: int) -> int | None:
    """Which kind of cut codeword comes where a diagonal begins, if any."""
    if (row, column) == (rows, 0):
        return 0
    if (row, column) == (rows - 2, 0) and columns % 4:
        return 1
    if (row, column) == (rows - 2, 0) and columns % 8 == 4:
        return 2
    if (row, column) == (rows + 4, 2) and columns % 8 == 0:
        return 3
    return None


def _wrapped(row: int, column: int, rows: int, columns: int) -> tuple[int, int]:
    """Where a module is that lies beyond the upper or left side."""
    if row < 0:
        row, column = row + rows, column + 4 - (rows + 4) % 8
    if column < 0:
        row, column = row + 4 - (columns + 4) % 8, column + columns
    return row, column
