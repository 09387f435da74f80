"""Whether a QR symbol holds but a part of a message (structured append, ISO/IEC 18004, 8).

zxing-cpp reads such a symbol's text and does not say that it is a part. The modules that it has
sampled tell: the first data of such a symbol is a header.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.capture.qr.masks import MASKS, terms

MODE = 0b0011
"""Mode indicator of structured append."""


class Part(NamedTuple):
    """Which part of a message a symbol holds."""

    number: int
    """From 1."""
    of: int
    parity: int
    """All bytes of the whole message, exclusive or: the same in each of its parts."""


def part_of(symbol: NDArray[np.bool_], level: str, mask: int, *, is_clean: bool) -> Part | None:
    """Which part a symbol holds, dark being true; ``None``: it is whole.

    ``is_clean`` says that none of its codewords had to be corrected.
    """
    # Of a mirrored symbol rows are columns.
    both = (symbol, symbol.T)
    if is_clean and all(_mode(one, mask) != MODE for one in both):
        return None
    head = next(filter(None, (_header(one, level, mask) for one in both)), bytes(3))
    bits = int.from_bytes(head)
    if bits >> 20 != MODE:
        return None
    return Part((bits >> 16 & 15) + 1, (bits >> 12 & 15) + 1, bits >> 4 & 255)


def _mode(symbol: NDArray[np.bool_], mask: int) -> int:
    """The mode indicator, as it stands: four modules in the corner at the bottom right."""
    last = len(symbol) - 1
    mode = 0
    for row, column in ((last, last), (last, last - 1), (last - 1, last), (last - 1, last - 1)):
        mode = mode << 1 | (bool(symbol[row, column]) != (terms(row, column)[mask] == 0))
    return mode


def _header(symbol: NDArray[np.bool_], level: str, mask: int) -> bytes | None:
    """The first three codewords, corrected; ``None`` where the symbol does not lie this way."""
    # segno takes long to load, and few symbols want it.
    from gate.capture.qr.layout import LEVELS, layout  # noqa: PLC0415
    from gate.capture.qr.message import FIELD  # noqa: PLC0415

    of = layout((len(symbol) - 17) // 4)
    signs = np.where(symbol.ravel(), 1.0, -1.0)
    shown = int((of.formats @ signs[of.format_at]).argmax())
    if shown != LEVELS.index(level) * len(MASKS) + mask:
        return None
    block = of.blocks[level][0]
    words = np.packbits(signs[of.data_at] * of.masks[mask] > 0)[list(block.places)]
    found = FIELD.correct(words.tolist(), block.checks)
    return bytes(found[0][:3]) if found else None
