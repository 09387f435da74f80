"""Aztec symbols that zxing-cpp gives up, made out of a camera's frames."""

import numpy as np
from numpy.typing import NDArray

from gate.capture.aztec.layout import Layout, core
from gate.capture.aztec.search import placed
from gate.capture.matrix.equaliser import doubts
from gate.capture.matrix.plane import Grid
from gate.capture.matrix.reader import MatrixReader


def aztec_reader() -> MatrixReader[Layout]:
    """One for a camera's frames."""
    # Made with it, so that no symbol has to wait for them.
    core(is_compact=True)
    core(is_compact=False)
    return MatrixReader(placed, made_out)


def made_out(ratios: Grid, of: Layout) -> NDArray[np.bool_] | None:
    """The symbol without a flaw, if its modules say what it is."""
    bits = ratios.ravel()[of.data_at]
    weights = 1 << np.arange(bits.shape[1])[::-1]
    words = ((bits > 0) @ weights).tolist()
    repaired = of.field.nearest(words, len(words) - of.mode.words, doubts(bits))
    return None if repaired is None else of.drawn(repaired)
