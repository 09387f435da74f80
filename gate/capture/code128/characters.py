"""What the characters of a Code 128 symbol say, by how sure each module is.

There is one check character, and no correction: of all texts that fit their check the likeliest is
weighed against all the others together.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.capture.code128.patterns import PATTERNS, VALUES
from gate.capture.matrix.plane import Grid

BELIEF = 0.25
"""Of a log-likelihood ratio; a module that differs counts twice, so that half of it is believed."""
BEYOND_DOUBT = 50.0
"""Logarithm beyond which it makes no difference."""


class Likeliest(NamedTuple):
    """A text, and how much speaks for it."""

    values: NDArray[np.intp]
    """Of its characters, the one that checks last."""
    odds: float
    """Against all other texts that fit their check."""


def weights(ratios: NDArray[np.float32]) -> NDArray[np.float64]:
    """How likely each value of each character is, by the ratios of its modules; 1 at most."""
    likeness = ratios.astype(np.float64) @ PATTERNS[:VALUES].T
    return np.asarray(np.exp(BELIEF * (likeness - likeness.max(1, keepdims=True))))


def surest(ratios: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The likeliest value of each character by itself, and how likely it is."""
    each = weights(ratios)
    return each.argmax(1), 1 / each.sum(1)


def doubt(ratios: NDArray[np.float32], patterns: Grid, others: Grid) -> float:
    """How likely any of these characters is one of ``others``, beside its own of ``patterns``."""
    likeness = ratios.astype(np.float64) @ others.T
    own = (ratios * patterns).sum(1, keepdims=True)
    is_other = (patterns[:, None] != others).any(2)
    return float(np.exp(np.minimum(BELIEF * (likeness - own), BEYOND_DOUBT))[is_other].sum())


def likeliest(ratios: NDArray[np.float32], start: int) -> Likeliest:
    """The likeliest text whose check fits (characters, modules), begun by ``start``."""
    each = weights(ratios)
    count = len(each) - 1
    # How likely the best text so far is, and all of them, by what the check would have to be.
    best, total = np.zeros(VALUES), np.zeros(VALUES)
    best[start % VALUES] = total[start % VALUES] = 1.0
    before = np.empty((count, VALUES), np.intp)
    for at in range(count):
        # Row by row what the check comes to, by value of the character.
        came_from = (_VALUES[:, None] - (at + 1) * _VALUES) % VALUES
        tried = best[came_from] * each[at]
        before[at] = tried.argmax(1)
        best = tried.max(1)
        total = (total[came_from] * each[at]).sum(1)
        best, total = best / total.sum(), total / total.sum()
    fit = best * each[count]
    check = int(fit.argmax())
    values, residue = [check], check
    for at in range(count - 1, -1, -1):
        value = int(before[at, residue])
        values.append(value)
        residue = (residue - (at + 1) * value) % VALUES
    others = float(total @ each[count]) - float(fit[check])
    return Likeliest(np.array(values[::-1], np.intp), float(fit[check]) / max(others, 1e-300))


_VALUES = np.arange(VALUES)
