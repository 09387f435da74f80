"""What is where in a QR symbol of each version; the drawings of segno say it."""

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import segno
from numpy.typing import NDArray
from segno import consts

from gate.capture.matrix.plane import Grid
from gate.capture.qr.masks import MASKS, terms

GREATEST_VERSION = 14
"""73 modules a side: no ticket has more, and no camera of a gate would see them."""
LEVELS = "lmqh"

_LEVEL_OF = dict(zip(LEVELS, (1, 0, 3, 2), strict=True))
"""segno's numbers of the levels."""
_FORMAT = (consts.TYPE_FORMAT_DARK, consts.TYPE_FORMAT_LIGHT)
_DATA = (consts.TYPE_DATA_DARK, consts.TYPE_DATA_LIGHT)
_FIRST_DARK = consts.TYPE_FINDER_PATTERN_LIGHT + consts.TYPE_QUIET_ZONE
_TIMING_COLUMN = 6
_STRAY_ROW, _STRAY_COLUMN = 8, 9
"""From the top and from the right: a module of data that segno 1.6 counts with the format."""


class Block(NamedTuple):
    """Codewords that are corrected together: where each is among all, and how many check."""

    places: tuple[int, ...]
    checks: int


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The modules of one version. 1 is dark, -1 is light."""

    version: int
    size: int
    known: Grid
    """What every symbol of the version shows; 0 where symbols differ."""
    format_at: NDArray[np.intp]
    """Modules that tell level and mask, as indices of the flat symbol."""
    formats: NDArray[np.float32]
    """What those show, by level and mask."""
    data_at: NDArray[np.intp]
    """Modules of the codewords, eight for each, in the order in which they are written."""
    masks: NDArray[np.float32]
    """-1 where a mask inverts a module of ``data_at``, by mask."""
    blocks: dict[str, tuple[Block, ...]]

    def drawn(self, level: str, mask: int, codewords: bytes) -> NDArray[np.bool_]:
        """The whole symbol; true is dark."""
        symbol = self.known.ravel().copy()
        symbol[self.format_at] = self.formats[LEVELS.index(level) * len(MASKS) + mask]
        bits = np.unpackbits(np.frombuffer(codewords, np.uint8)) * 2.0 - 1.0
        symbol[self.data_at] = bits * self.masks[mask]
        return (symbol > 0).reshape(self.size, self.size)


@cache
def layout(version: int) -> Layout:
    """The layout of a version from 1 to ``GREATEST_VERSION``."""
    kinds = _modules(version, "l", 0)
    size = len(kinds)
    is_format, is_data = _are_format(kinds), np.isin(kinds, _DATA)
    is_data[_STRAY_ROW, size - _STRAY_COLUMN] = True
    known = np.where(is_format | is_data, 0, _signs(kinds)).astype(np.float32)
    data_at = _in_order(is_data)
    row, column = data_at // size, data_at % size
    return Layout(
        version,
        size,
        known,
        np.flatnonzero(is_format),
        _formats(),
        data_at,
        np.where(np.array(terms(row, column)) == 0, -1, 1).astype(np.float32),
        {level: _blocks(version, level) for level in LEVELS},
    )


@cache
def _formats() -> NDArray[np.float32]:
    """Level and mask look the same in all versions, at the same corners in the same order."""
    shown = [_modules(1, level, mask) for level, mask in product(LEVELS, MASKS)]
    return np.array([_signs(kinds)[_are_format(kinds)] for kinds in shown], np.float32)


def _modules(version: int, level: str, mask: int) -> NDArray[np.intp]:
    symbol = segno.make(
        "0", version=version, error=level, mask=mask, micro=False, boost_error=False
    )
    return np.array([list(row) for row in symbol.matrix_iter(border=0, verbose=True)])


def _are_format(kinds: NDArray[np.intp]) -> NDArray[np.bool_]:
    found = np.isin(kinds, _FORMAT)
    found[_STRAY_ROW, len(kinds) - _STRAY_COLUMN] = False
    return found


def _signs(kinds: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.where((kinds > _FIRST_DARK) | (kinds == consts.TYPE_DARKMODULE), 1, -1)


def _in_order(is_data: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Two columns at a time from the right, up and down in turn."""
    size = len(is_data)
    order = []
    columns = [*range(size - 1, _TIMING_COLUMN, -2), *range(_TIMING_COLUMN - 1, 0, -2)]
    for turn, column in enumerate(columns):
        rows = range(size) if turn % 2 else range(size - 1, -1, -1)
        order += [
            row * size + at for row in rows for at in (column, column - 1) if is_data[row, at]
        ]
    return np.array(order[: len(order) // 8 * 8])


def _blocks(version: int, level: str) -> tuple[Block, ...]:
    table: Any = consts.ECC[version]
    sizes = [
        (kind.num_data, kind.num_total - kind.num_data)
        for kind in table[_LEVEL_OF[level]]
        for _ in range(kind.num_blocks)
    ]
    places: list[list[int]] = [[] for _ in sizes]
    at = 0
    # First the data of all blocks in turn, then what checks them.
    for part in (0, 1):
        for row in range(max(size[part] for size in sizes)):
            for place, size in zip(places, sizes, strict=True):
                if row < size[part]:
                    place.append(at)
                    at += 1
    return tuple(Block(tuple(place), size[1]) for place, size in zip(places, sizes, strict=True))
