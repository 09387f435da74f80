"""PDF417 symbols that zxing-cpp gives up, made out of a camera's frames."""

import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.bars import LARGEST_PX, bar_leans
from gate.capture.matrix.equaliser import HUMBLE
from gate.capture.matrix.plane import Grid
from gate.capture.matrix.reader import MatrixReader
from gate.capture.pdf417.layout import FIELD, Layout
from gate.capture.pdf417.patterns import CLUSTERS
from gate.capture.pdf417.search import placed


def pdf417_reader() -> MatrixReader[Layout]:
    """One for a camera's frames."""
    return MatrixReader(placed, made_out, leans=bar_leans, largest_px=LARGEST_PX)


def made_out(ratios: Grid, of: Layout) -> NDArray[np.bool_] | None:
    """The symbol without a flaw, if its modules say what it is."""
    bits = ratios.ravel()[of.data_at]
    row = np.arange(len(bits)) // of.kind.columns
    likeness = np.einsum("wm,wcm->wc", bits, CLUSTERS[row % 3])
    words = likeness.argmax(1)
    # Twice the ratio is what a module that differs speaks against a codeword.
    odds = np.exp(2 * HUMBLE * (likeness - likeness.max(1, keepdims=True)))
    doubt = (1 - 1 / odds.sum(1)).astype(np.float32)
    words[0], doubt[0] = of.kind.words, 0
    repaired = FIELD.nearest(words.tolist(), of.kind.checks, doubt)
    if repaired is None or repaired[0] != of.kind.words:
        return None
    return of.drawn(repaired)
