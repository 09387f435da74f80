"""How dark each module is: an equaliser learns from the known modules how the rest are smeared.

As in a modem: finder, timing and alignment patterns are the training sequence; blur by motion or
focus, bloom and overlap with neighbours are one linear filter. What comes out is added up over the
frames in which a symbol is seen, and corrected by how sure each codeword is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.capture.qr.correction import correct
from gate.capture.qr.layout import GREATEST_VERSION, LEVELS, Grid, Layout
from gate.capture.qr.masks import MASKS
from gate.capture.qr.search import Picture, Placed, sampled

PER_MODULE = 2
"""Samples a module, along and across."""
REACH = 3
"""Samples to each side that the equaliser sees."""
ROUNDS = 3
"""How often it learns, from the second time on also from modules that it is sure of."""
STIFFNESS = 0.005
"""How much it keeps to what a sharp picture would need."""
SURE = 12.0
"""Log-likelihood ratios are not believed beyond."""
HUMBLE = 0.2
"""Share of a ratio that is believed when codewords are ordered by doubt."""
MARGIN = 3
"""Check codewords that are left to tell chance from truth."""
GREATEST_SIZE = 4 * GREATEST_VERSION + 17


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """What a symbol says, corrected."""

    level: str
    mask: int
    codewords: bytes


def likelihoods(picture: Picture, at: Placed) -> Grid:
    """For each module the log-likelihood ratio of dark to light."""
    size, known = at.layout.size, at.layout.known.ravel()
    inputs = _inputs(picture, at)
    wanted, trust = known, np.abs(known)
    for _round in range(ROUNDS):
        soft = inputs @ _learned(inputs, wanted, trust)
        guess = np.tanh(2 * soft)
        wanted = np.where(known != 0, known, np.sign(guess)).astype(np.float32)
        trust = np.where(known != 0, 1, guess * guess).astype(np.float32)
    # How wrong it is shows in known modules that others have taught it.
    errors = []
    for part in (_EVEN[:size, :size].ravel(), ~_EVEN[:size, :size].ravel()):
        tested = (known != 0) & part
        others = inputs @ _learned(inputs, wanted, np.where(tested, 0, trust).astype(np.float32))
        errors.append(others[tested] - known[tested])
    ratios = 2 * soft / max(0.05, float(np.mean(np.concatenate(errors) ** 2)))
    return np.asarray(np.clip(ratios, -SURE, SURE), np.float32).reshape(size, size)


def _learned(
    inputs: NDArray[np.float32], wanted: NDArray[np.float32], trust: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What to weigh the inputs by, to get what is wanted: ridge regression."""
    weighted, stiff = inputs * trust[:, None], STIFFNESS * trust.sum()
    squares = weighted.T @ inputs
    squares[np.diag_indices_from(squares)] += stiff
    learned = np.linalg.solve(squares, weighted.T @ wanted + stiff * _STRAIGHT)
    return np.asarray(learned, np.float32)


def _inputs(picture: Picture, at: Placed) -> NDArray[np.float32]:
    """What is seen in and around each module, dark being high: as it is, bent, and at most."""
    size, side = at.layout.size, 2 * REACH + 1
    along = (np.arange(-REACH, (size - 1) * PER_MODULE + REACH + 1)) / PER_MODULE + 0.5
    places = np.stack(np.meshgrid(along, along), -1).reshape(-1, 2)
    seen = -sampled(picture, at.points(places)).reshape(len(along), len(along))
    windows = np.lib.stride_tricks.sliding_window_view(seen, (side, side))
    around = windows[::PER_MODULE, ::PER_MODULE].reshape(size * size, side * side)
    core = around[:, _CORE]
    # Where light spills over, a little darkness means a dark module.
    bent = np.sqrt(np.maximum(core - np.percentile(around, 2), 0))
    extremes = [core.max(1, keepdims=True), core.min(1, keepdims=True)]
    constant = np.ones((size * size, 1))
    return np.concatenate([around, bent, *extremes, constant], 1).astype(np.float32)


def message(ratios: Grid, of: Layout) -> Message | None:
    """What a symbol's modules say, where its check codewords leave no doubt."""
    flat = ratios.ravel()
    likeness = of.formats @ flat[of.format_at]
    index = int(likeness.argmax())
    level, mask = LEVELS[index // len(MASKS)], index % len(MASKS)
    bits = flat[of.data_at] * of.masks[mask]
    hard = np.packbits(bits > 0)
    # Ratios are a little too sure of themselves: neighbours err together.
    right = 1 / (1 + np.exp(-HUMBLE * np.abs(bits)))
    doubt = 1 - right.reshape(-1, 8).prod(1)
    whole = bytearray(len(hard))
    for block in of.blocks[level]:
        places = list(block.places)
        repaired = _nearest(hard[places].tolist(), block.checks, doubt[places])
        if repaired is None:
            return None
        for place, codeword in zip(places, repaired, strict=True):
            whole[place] = codeword
    return Message(level, mask, bytes(whole))


def _nearest(words: Sequence[int], checks: int, doubt: NDArray[np.float32]) -> bytes | None:
    """The first block that is found when ever more of the doubtful codewords are erased."""
    order = [int(index) for index in np.argsort(-doubt)]
    for erasures in range(checks - MARGIN + 1):
        found = correct(words, checks, order[:erasures])
        if found is not None and 2 * found[1] + erasures <= checks - MARGIN:
            return found[0]
    return None


def _straight() -> NDArray[np.float32]:
    """How to weigh the inputs where nothing is smeared: by the middle of the module."""
    away = np.arange(-REACH, REACH + 1) / PER_MODULE
    weight = np.exp(-((away / 0.3) ** 2) / 2)
    middle = np.outer(weight, weight).ravel() / weight.sum() ** 2
    others = np.zeros(len(_CORE) + 3)
    return np.concatenate([middle, others]).astype(np.float32)


_CORE = [
    (2 * REACH + 1) * row + column
    for row in range(REACH - 1, REACH + 2)
    for column in range(REACH - 1, REACH + 2)
]
"""The nine samples within the module."""
_STRAIGHT = _straight()
_EVEN = np.indices((GREATEST_SIZE, GREATEST_SIZE)).sum(0) % 2 == 0
