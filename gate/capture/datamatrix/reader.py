"""Data Matrix symbols that zxing-cpp gives up, made out of a camera's frames."""

import numpy as np
from numpy.typing import NDArray

from gate.capture.datamatrix.layout import FIELD, Layout
from gate.capture.datamatrix.search import placed
from gate.capture.matrix.equaliser import doubts, likelihoods
from gate.capture.matrix.placed import Placed
from gate.capture.matrix.plane import Grid, Picture
from gate.capture.matrix.reader import MatrixReader

LARGEST_PX = 360
"""Longer sides are scaled down to that."""
MARGIN = 1
"""Modules of light around a symbol, from which the equaliser learns too: the least there is."""


def datamatrix_reader() -> MatrixReader[Layout]:
    """One for a camera's frames."""
    return MatrixReader(placed, made_out, largest_px=LARGEST_PX, ratios=ratios)


def ratios(picture: Picture, at: Placed[Layout]) -> Grid:
    """For each module the log-likelihood ratio of dark to light; the margin teaches as well."""
    whole = np.pad(at.layout.known, MARGIN, constant_values=-1)
    told = likelihoods(picture, whole, lambda places: at.points(places - MARGIN))
    return told[MARGIN:-MARGIN, MARGIN:-MARGIN]


def made_out(told: Grid, of: Layout) -> NDArray[np.bool_] | None:
    """The symbol without a flaw, if its modules say what it is."""
    bits = told.ravel()[of.data_at]
    words, doubt = (bits > 0) @ (1 << np.arange(8)[::-1]), doubts(bits)
    for block in of.blocks:
        checks = of.size.checks // of.size.blocks
        repaired = FIELD.nearest(words[block].tolist(), checks, doubt[block])
        if repaired is None:
            return None
        words[block] = repaired
    # Nothing but light is a block without an error, and no message.
    return of.drawn(words) if words.any() else None
