"""What is where in an Aztec symbol, and the mode message that says which kind it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.correction import BinaryField, Field
from gate.capture.matrix.plane import Grid

COMPACT_LAYERS, GREATEST_LAYERS = 4, 12
"""67 modules a side: no ticket has more that a camera of a gate would see."""
LINES = 16
"""Modules from one line of the reference grid to the next."""
_POLYNOMIALS = {4: 0x13, 6: 0x43, 8: 0x12D, 10: 0x409}
_CORNERS = ((1, 1, 1), (0, 1, 1), (1, 0, 0), (0, 0, 0))
"""Dark modules that tell how it lies, clockwise from the symbol's own top left: the one before the
corner, the corner, the one behind it."""


class Mode(NamedTuple):
    """What the mode message says."""

    is_compact: bool
    layers: int
    words: int
    """Codewords of data; the others check."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The modules of symbols with one mode message. 1 is dark, -1 is light."""

    mode: Mode
    size: int
    known: Grid
    """Bull's eye, orientation, reference grid and mode message; 0 where symbols differ."""
    data_at: NDArray[np.intp]
    """Modules of each codeword, as indices of the flat symbol (words, bits)."""

    @property
    def field(self) -> Field:
        """Over which its codewords are corrected."""
        return field(self.data_at.shape[1])

    def drawn(self, words: list[int]) -> NDArray[np.bool_]:
        """The whole symbol; true is dark."""
        symbol = self.known.ravel() > 0
        bits = self.data_at.shape[1]
        symbol[self.data_at] = np.array(words)[:, None] >> np.arange(bits)[::-1] & 1
        return symbol.reshape(self.size, self.size)


class Core(NamedTuple):
    """The middle of all compact or of all full symbols, around which the mode message runs."""

    known: Grid
    """Bull's eye, orientation and, in its ring, the reference grid."""
    mode_at: NDArray[np.intp]
    """Modules of the mode message, as indices of the flat core."""
    modes: tuple[Mode, ...]
    shown: Grid
    """What each of those shows."""


@cache
def field(bits: int) -> Field:
    """The field of codewords of so many bits."""
    return BinaryField(bits, _POLYNOMIALS[bits], first=1)


@cache
def core(*, is_compact: bool) -> Core:
    """What is known before the mode message is."""
    side = 11 if is_compact else 15
    last, middle = side - 1, side // 2
    away = np.abs(np.arange(side) - middle)
    ring = np.maximum(away[:, None], away[None])
    known = np.where(ring % 2 == 0, 1, -1).astype(np.float32)
    known[ring == middle] = 0
    for turn, marks in enumerate(_CORNERS):
        turned = np.rot90(known, turn)
        turned[1, 0], turned[0, 0], turned[0, 1] = (2 * mark - 1 for mark in marks)
    along = [at for at in range(2, side - 2) if is_compact or at != middle]
    if not is_compact:
        # Lines of the reference grid are dark at every other module from the middle on.
        for at in (0, last):
            known[at, middle] = known[middle, at] = 1 if middle % 2 == 0 else -1
    mode_at = list(along)
    mode_at += [at * side + last for at in along]
    mode_at += [last * side + at for at in along[::-1]]
    mode_at += [at * side for at in along[::-1]]
    modes = tuple(_modes(is_compact=is_compact))
    shown = (_messages(modes) * 2 - 1).astype(np.float32)
    return Core(known, np.array(mode_at), modes, shown)


@cache
def layout(mode: Mode) -> Layout:
    """The layout of symbols with this mode message."""
    data_at = _data_at(mode.layers, is_compact=mode.is_compact)
    size = _size(mode.layers, is_compact=mode.is_compact)
    known = np.zeros((size, size), np.float32)
    if not mode.is_compact:
        away = np.arange(size) - size // 2
        lines = (away % LINES == 0)[:, None] | (away % LINES == 0)[None]
        known[lines] = np.where((away[:, None] + away[None]) % 2 == 0, 1, -1)[lines]
    inner = core(is_compact=mode.is_compact)
    middle = inner.known.copy()
    middle.ravel()[inner.mode_at] = inner.shown[inner.modes.index(mode)]
    start = (size - len(middle)) // 2
    known[start : start + len(middle), start : start + len(middle)] = middle
    return Layout(mode, size, known, data_at)


def _modes(*, is_compact: bool) -> Iterator[Mode]:
    for layers in range(1, (COMPACT_LAYERS if is_compact else GREATEST_LAYERS) + 1):
        for words in range(1, len(_data_at(layers, is_compact=is_compact)) + 1):
            yield Mode(is_compact, layers, words)


def _messages(modes: Sequence[Mode]) -> NDArray[np.intp]:
    """The bits of each mode message, clockwise from the top left."""
    length, bits = (2, 6) if modes[0].is_compact else (4, 11)
    numbers = np.array([mode.layers - 1 << bits | mode.words - 1 for mode in modes])
    # The code is linear: a message is the sum of those whose numbers have one bit.
    ones = 1 << np.arange(4 * length)
    basis = np.array([_with_checks(one, length) for one in ones.tolist()])
    return np.asarray(((numbers[:, None] & ones) > 0).astype(np.intp) @ basis % 2)


def _with_checks(number: int, length: int) -> list[int]:
    """The bits of so many words, and of what checks them."""
    words = [number >> 4 * at & 15 for at in range(length)[::-1]]
    words += field(4).checks_of(words, 5 if length == 2 else 6)
    return [word >> at & 1 for word in words for at in (3, 2, 1, 0)]


def _side(layers: int, *, is_compact: bool) -> int:
    """Modules a side, without the reference grid."""
    return (11 if is_compact else 14) + 4 * layers


def _size(layers: int, *, is_compact: bool) -> int:
    side = _side(layers, is_compact=is_compact)
    return side if is_compact else side + 1 + 2 * ((side // 2 - 1) // (LINES - 1))


@cache
def _data_at(layers: int, *, is_compact: bool) -> NDArray[np.intp]:
    """Two modules wide, each layer runs around the symbol, the outermost first."""
    size, side = _size(layers, is_compact=is_compact), _side(layers, is_compact=is_compact)
    lines = np.arange(size)
    if not is_compact:
        lines = lines[(lines - size // 2) % LINES != 0]
    order = []
    for start in range(0, 2 * layers, 2):
        end = side - 1 - start
        for turn in range(4):
            for along in range(start, end - 1):
                for within in (0, 1):
                    row, column = along, start + within
                    for _quarter in range(turn):
                        # From the left side, whose rows run down, to the lower one, and so on.
                        row, column = side - 1 - column, row
                    order.append(lines[row] * size + lines[column])
    bits = 6 if layers <= 2 else 8 if layers <= 8 else 10
    return np.array(order[len(order) % bits :]).reshape(-1, bits)
