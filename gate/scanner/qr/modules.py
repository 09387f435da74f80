"""How dark each module is: an equaliser learns from the known modules how the rest are smeared.

As in a modem: finder, timing and alignment patterns are the training sequence; blur by motion or
focus, bloom and overlap with neighbours are one linear filter. What comes out is added up over the
frames in which a symbol is seen, and corrected by how sure each codeword is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.scanner.qr.correction import correct
from gate.scanner.qr.layout import LEVELS, MASKS, Grid, Layout
from gate.scanner.qr.search import Picture, Placed, sampled

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
MARGIN = 2
"""Check codewords that are left to tell chance from truth."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """What a symbol says, corrected."""

    level: str
    mask: int
    codewords: bytes


def likelihoods(picture: Picture, at: Placed) -> Grid:
    """For each module the log-likelihood ratio of dark to light."""
    size, known = at.layout.size, at.layout.known.ravel()
    inputs = _surroundings(picture, at)
    straight = np.append(_SHARP, 0).astype(np.float32)
    wanted, trust = known, np.abs(known)
    for _round in range(ROUNDS):
        weighted = inputs * trust[:, None]
        stiff = STIFFNESS * trust.sum()
        weights = np.linalg.solve(
            weighted.T @ inputs + stiff * np.eye(len(straight), dtype=np.float32),
            weighted.T @ wanted + stiff * straight,
        )
        soft = inputs @ weights
        guess = np.tanh(2 * soft)
        wanted = np.where(known != 0, known, np.sign(guess)).astype(np.float32)
        trust = np.where(known != 0, 1, guess * guess).astype(np.float32)
    missed = soft[known != 0] - known[known != 0]
    ratios = 2 * soft / max(0.05, float(np.mean(missed * missed)))
    return np.asarray(np.clip(ratios, -SURE, SURE), np.float32).reshape(size, size)


def _surroundings(picture: Picture, at: Placed) -> NDArray[np.float32]:
    """What is seen in and around each module, dark towards 1, and a constant."""
    size, side = at.layout.size, 2 * REACH + 1
    along = (np.arange(-REACH, (size - 1) * PER_MODULE + REACH + 1)) / PER_MODULE + 0.5
    places = np.stack(np.meshgrid(along, along), -1).reshape(-1, 2)
    seen = -sampled(picture, at.points(places)).reshape(len(along), len(along))
    around = np.lib.stride_tricks.sliding_window_view(seen, (side, side))
    inputs = around[::PER_MODULE, ::PER_MODULE].reshape(size * size, side * side)
    return np.concatenate([inputs, np.ones((size * size, 1), np.float32)], 1)


def message(ratios: Grid, of: Layout) -> Message | None:
    """What a symbol's modules say, where its check codewords leave no doubt."""
    flat = ratios.ravel()
    likeness = of.formats @ flat[of.format_at]
    index = int(likeness.argmax())
    level, mask = LEVELS[index // len(MASKS)], index % len(MASKS)
    bits = flat[of.data_at] * of.masks[mask]
    hard, doubt = np.packbits(bits > 0), np.exp(-np.abs(bits)).reshape(-1, 8).sum(1)
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
    for erasures in range(0, checks - MARGIN + 1, 2):
        found = correct(words, checks, order[:erasures])
        if found is not None and 2 * found[1] + erasures <= checks - MARGIN:
            return found[0]
    return None


def _sharp() -> NDArray[np.float64]:
    """What the equaliser is where nothing is smeared: the middle of the module."""
    away = np.arange(-REACH, REACH + 1) / PER_MODULE
    weight = np.exp(-((away / 0.3) ** 2) / 2)
    return np.asarray(np.outer(weight, weight).ravel() / weight.sum() ** 2)


_SHARP = _sharp()
