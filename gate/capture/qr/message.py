"""What the modules of a QR symbol say, corrected by how sure each codeword is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.correction import BinaryField
from gate.capture.matrix.equaliser import doubts
from gate.capture.matrix.plane import Grid
from gate.capture.qr.layout import LEVELS, Layout
from gate.capture.qr.masks import MASKS

FIELD = BinaryField(8, 0x11D, first=0)


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """What a symbol says, corrected."""

    level: str
    mask: int
    codewords: bytes


def message(ratios: Grid, of: Layout) -> Message | None:
    """What a symbol's modules say, where its check codewords leave no doubt."""
    flat = ratios.ravel()
    likeness = of.formats @ flat[of.format_at]
    index = int(likeness.argmax())
    level, mask = LEVELS[index // len(MASKS)], index % len(MASKS)
    bits = flat[of.data_at] * of.masks[mask]
    hard = np.packbits(bits > 0)
    doubt = doubts(bits.reshape(-1, 8))
    whole = bytearray(len(hard))
    for block in of.blocks[level]:
        places = list(block.places)
        repaired = FIELD.nearest(hard[places].tolist(), block.checks, doubt[places])
        if repaired is None:
            return None
        for place, codeword in zip(places, repaired, strict=True):
            whole[place] = codeword
    return Message(level, mask, bytes(whole))


def made_out(ratios: Grid, of: Layout) -> NDArray[np.bool_] | None:
    """The symbol without a flaw, if its modules say what it is."""
    found = message(ratios, of)
    return None if found is None else of.drawn(found.level, found.mask, found.codewords)
