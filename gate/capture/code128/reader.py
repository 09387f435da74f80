"""Code 128 symbols that zxing-cpp gives up, made out of a camera's frames."""

import numpy as np
from numpy.typing import NDArray

from gate.capture.code128.characters import doubt, likeliest
from gate.capture.code128.layout import Layout
from gate.capture.code128.patterns import MODULES, PATTERNS, STARTS, STOP, VALUES
from gate.capture.code128.search import placed, ratios
from gate.capture.matrix.bars import LARGEST_PX, bar_leans
from gate.capture.matrix.plane import Grid
from gate.capture.matrix.reader import MatrixReader

SIGHTED_FIT = 0.8
"""Other bars fit less; a start and a stop are soon found."""
ODDS = 1e5
"""For a text against all others whose check fits, at least."""
DOUBT = 0.02
"""That start and stop are any other characters, or that a start is within, at most."""


def code128_reader() -> MatrixReader[Layout]:
    """One for a camera's frames."""
    return MatrixReader(
        placed,
        made_out,
        leans=bar_leans,
        largest_px=LARGEST_PX,
        ratios=ratios,
        sighted_fit=SIGHTED_FIT,
    )


def made_out(told: Grid, of: Layout) -> NDArray[np.bool_] | None:
    """The symbol without a flaw, if its modules say what it is."""
    characters = told[0, of.characters_at]
    text = likeliest(characters, of.start)
    if text.odds < ODDS:
        return None
    # What is like a start, where the real one is hidden, would begin a shorter text.
    ends = np.stack([PATTERNS[of.start], STOP[:MODULES]])
    strange = doubt(told[0, of.ends_at], ends, PATTERNS)
    # Of symbols with a start within one in so many would have a check that fits.
    strange += doubt(characters, PATTERNS[text.values], PATTERNS[list(STARTS)]) / VALUES
    return of.drawn(text.values) if strange < DOUBT else None
