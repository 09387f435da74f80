"""How dark each module is: an equaliser learns from the known modules how the rest are smeared.

As in a modem: patterns that every symbol has are the training sequence; blur by motion or
focus, bloom and overlap with neighbours are one linear filter. What comes out is added up over the
frames in which a symbol is seen, and corrected by how sure each codeword is.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.plane import Grid, Map, Picture, sampled

PER_MODULE = 2
"""Samples a module, along and across."""
REACH = (3, 3)
"""Samples that the equaliser sees above and below, and to each side."""
ROUNDS = 3
"""How often it learns, from the second time on also from modules that it is sure of."""
STIFFNESS = 0.005
"""How much it keeps to what a sharp picture would need."""
SURE = 12.0
"""Log-likelihood ratios are not believed beyond."""
HUMBLE = 0.2
"""Share of a ratio that is believed when codewords are ordered by doubt."""


def likelihoods(
    picture: Picture, pattern: Grid, points: Map, reach: tuple[int, int] = REACH
) -> Grid:
    """For each module of a symbol the log-likelihood ratio of dark to light.

    ``pattern`` is what is known of it: 1 is dark, -1 is light, 0 may be either. ``points`` has its
    modules in the picture.
    """
    known = pattern.ravel()
    inputs = _inputs(picture, pattern.shape, points, reach)
    straight = _straight(reach)
    wanted, trust = known, np.abs(known)
    for _round in range(ROUNDS):
        soft = inputs @ _learned(inputs, wanted, trust, straight)
        guess = np.tanh(2 * soft)
        wanted = np.where(known != 0, known, np.sign(guess)).astype(np.float32)
        trust = np.where(known != 0, 1, guess * guess).astype(np.float32)
    # How wrong it is shows in known modules that others have taught it.
    errors = []
    even = np.indices(pattern.shape).sum(0).ravel() % 2 == 0
    for part in (even, ~even):
        tested = (known != 0) & part
        taught = np.where(tested, 0, trust).astype(np.float32)
        others = inputs @ _learned(inputs, wanted, taught, straight)
        errors.append(others[tested] - known[tested])
    ratios = 2 * soft / max(0.05, float(np.mean(np.concatenate(errors) ** 2)))
    return np.asarray(np.clip(ratios, -SURE, SURE), np.float32).reshape(pattern.shape)


def _learned(
    inputs: NDArray[np.float32],
    wanted: NDArray[np.float32],
    trust: NDArray[np.float32],
    straight: NDArray[np.float32],
) -> NDArray[np.float32]:
    """What to weigh the inputs by, to get what is wanted: ridge regression."""
    weighted, stiff = inputs * trust[:, None], STIFFNESS * trust.sum()
    squares = weighted.T @ inputs
    squares[np.diag_indices_from(squares)] += stiff
    learned = np.linalg.solve(squares, weighted.T @ wanted + stiff * straight)
    return np.asarray(learned, np.float32)


def _inputs(
    picture: Picture, size: tuple[int, ...], points: Map, reach: tuple[int, int]
) -> NDArray[np.float32]:
    """What is seen in and around each module, dark being high: as it is, bent, and at most."""
    sides = tuple(2 * far + 1 for far in reach)
    down, across = (
        np.arange(-far, (modules - 1) * PER_MODULE + far + 1) / PER_MODULE + 0.5
        for modules, far in zip(size, reach, strict=True)
    )
    places = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
    seen = -sampled(picture, points(places)).reshape(len(down), len(across))
    windows = np.lib.stride_tricks.sliding_window_view(seen, sides)
    around = windows[::PER_MODULE, ::PER_MODULE].reshape(-1, math.prod(sides))
    core = around[:, _core(reach)]
    # Where light spills over, a little darkness means a dark module.
    bent = np.sqrt(np.maximum(core - np.percentile(around, 2), 0))
    extremes = [core.max(1, keepdims=True), core.min(1, keepdims=True)]
    constant = np.ones((len(around), 1))
    return np.concatenate([around, bent, *extremes, constant], 1).astype(np.float32)


def doubts(bits: NDArray[np.float32]) -> NDArray[np.float32]:
    """How likely each codeword is wrong, by the ratios of its bits (words, bits)."""
    # Ratios are a little too sure of themselves: neighbours err together.
    right = 1 / (1 + np.exp(-HUMBLE * np.abs(bits)))
    return np.asarray(1 - right.prod(1), np.float32)


@cache
def _straight(reach: tuple[int, int]) -> NDArray[np.float32]:
    """How to weigh the inputs where nothing is smeared: by the middle of the module."""
    down, across = (
        np.exp(-((np.arange(-far, far + 1) / PER_MODULE / 0.3) ** 2) / 2) for far in reach
    )
    middle = np.outer(down / down.sum(), across / across.sum()).ravel()
    others = np.zeros(len(_core(reach)) + 3)
    return np.concatenate([middle, others]).astype(np.float32)


@cache
def _core(reach: tuple[int, int]) -> list[int]:
    """The samples within the module."""
    down, across = reach
    return [
        (2 * across + 1) * row + column
        for row in range(max(0, down - 1), min(2 * down, down + 1) + 1)
        for column in range(across - 1, across + 2)
    ]
