"""Where the modules of a QR symbol on bent paper are: a map that is grown from its finders.

Four corners place the finder patterns nearly right however the paper is bent. From there the map
grows by a ring of modules at a time: the modules aligned so far foretell where the next ones lie,
these are taken for dark or light as they look, and the map is moved until their edges fall where
the grid has them. Modules beyond the ring do not count, not even known ones: to align these from
afar catches a neighbour's edge.
"""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.placed import Placed
from gate.capture.matrix.plane import Grid, Picture, sampled
from gate.capture.qr.layout import Layout

KNOT_MODULES = 5
"""Between the knots of the map, about: paper does not bend more sharply."""
LOOSE = 1e-3
"""How much a knot keeps to where it is, beside what it keeps to its neighbours."""
PER_MODULE = 3
"""Samples a module, along and across."""
BORDER = 1
"""Modules of margin that are aligned too: they are light."""
FINDER_MODULES = 8
"""A finder pattern, with what is light beside it."""
ON_FINDERS = ((10.0, 1.6), (10.0, 1.2), (3.0, 0.8), (1.0, 0.5), (0.3, 0.5))
"""Stiffness, and modules over which the wanted picture is smoothed, while finders are aligned."""
STIFFNESS, SOFT = 0.3, 0.35
"""The same while the map grows."""
RING = 2.0
"""Modules that the map grows by at a time."""
LAST_STEPS = 3
"""With all modules, in the end."""
GUESSED = 0.5
"""How much a module that is guessed counts at most, beside one that is known."""
FARTHEST = 1.0
"""Modules that a step moves anything."""
LEAST_BEND = 0.14
"""Modules by which finder patterns are off where paper is bent; on flat paper most are less."""
LIKENESS = 0.75
"""Correlation of finder patterns that are aligned; a map that is grown from less is not right."""

Array = NDArray[np.float64]
_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Bent:
    """A symbol on bent paper."""

    flat: Placed[Layout]
    moves: Grid
    """How far the map is moved at each of its knots, in modules along and down (2, K, K)."""

    @property
    def layout(self) -> Layout:
        """What is where in the symbol."""
        return self.flat.layout

    def points(self, at: Array) -> NDArray[np.float32]:
        """Places in modules as pixels."""
        along, down = (_splines(at[:, n], self.layout.size) for n in (0, 1))
        moved = [np.sum((down @ moves) * along, 1) for moves in self.moves]
        return self.flat.points(at + np.stack(moved, 1))


def bent(picture: Picture, at: Placed[Layout]) -> Bent | None:
    """The same symbol, its modules where bent paper has them; dark is low in the picture.

    ``None`` where it is flat, or too blurred for its finder patterns to say.
    """
    grid = _Grid(picture, at)
    for stiffness, soft in ON_FINDERS:
        grid.align(0.5, stiffness, soft, guessed=0)
    if grid.off < LEAST_BEND or grid.likeness < LIKENESS:
        return None
    for reach in np.arange(1, grid.distances.max() + 1, RING):
        grid.align(reach, STIFFNESS, SOFT, GUESSED)
    for _step in range(LAST_STEPS):
        grid.align(grid.distances.max(), STIFFNESS, SOFT, GUESSED)
    return Bent(at, grid.moves)


class _Grid:
    """Samples of a symbol and its border, and the map that says where they are."""

    def __init__(self, picture: Picture, at: Placed[Layout]) -> None:
        self._picture, self._at, size = picture, at, at.layout.size
        self._known = np.pad(at.layout.known, BORDER, constant_values=-1)
        side = len(self._known)
        self._along = (np.arange(side * PER_MODULE) + 0.5) / PER_MODULE - BORDER
        self._places = np.stack(np.meshgrid(self._along, self._along), -1)
        self._splines = _splines(self._along, size).astype(np.float32)
        knots = self._splines.shape[1]
        self._pairs = np.einsum("pi,pj->pij", self._splines, self._splines).reshape(-1, knots**2)
        self._bending = _bending(knots)
        self.moves = np.zeros((2, knots, knots), np.float32)
        beyond = np.ones((side, side), np.uint8)
        corner = FINDER_MODULES + BORDER
        beyond[:corner, :corner] = beyond[:corner, -corner:] = beyond[-corner:, :corner] = 0
        self.distances = cv2.distanceTransform(beyond, cv2.DIST_L2, 3)
        """Modules from the nearest finder pattern."""
        self._on_finders = _finer(self.distances == 0)

    @property
    def off(self) -> float:
        """How far finder patterns are from where the corners have them, in modules on average."""
        return float(np.hypot(*self._moved(self.moves))[self._on_finders].mean())

    @property
    def likeness(self) -> float:
        """Correlation of what is seen at the finder patterns with what they are."""
        wanted = _softened(self._known, SOFT)[self._on_finders]
        return float(np.corrcoef(self._seen()[self._on_finders], wanted)[0, 1])

    def align(self, reach: float, stiffness: float, soft: float, guessed: float) -> None:
        """Move the map so that modules within reach of the finder patterns fall on the grid.

        One step of Lucas and Kanade's: least squares of what is seen less what is wanted, linear
        in the moves, against the energy of bending.
        """
        near = self.distances <= reach
        known = np.where(near, self._known, 0)
        seen = self._seen()
        middles = seen[PER_MODULE // 2 :: PER_MODULE, PER_MODULE // 2 :: PER_MODULE]
        light, dark = middles[known < 0].mean(), middles[known > 0].mean()
        half = max(0.1, (dark - light) / 2)
        seen, middles = (seen - light) / half - 1, (middles - light) / half - 1
        sure = np.tanh(2 * middles) ** 2
        trust = np.where(known != 0, 1, guessed * near * sure).astype(np.float32)
        wanted = _softened(np.where(known != 0, known, np.sign(middles)), soft)
        weights = _finer(trust)
        slopes = np.gradient((seen + wanted) / 2, 1 / PER_MODULE)[::-1]
        amiss = weights * np.clip(wanted - seen, -1, 1)
        pull = np.stack([self._splines.T @ (amiss * s) @ self._splines for s in slopes]).ravel()
        stiff = stiffness * self._bending
        knots = len(stiff)
        squares = np.empty((2, knots, 2, knots), np.float32)
        for one, other in ((0, 0), (0, 1), (1, 1)):
            part = self._crossed(weights * slopes[one] * slopes[other])
            squares[one, :, other] = squares[other, :, one] = part
        for one in (0, 1):
            squares[one, :, one] += stiff
        pull -= (self.moves.reshape(2, knots) @ stiff).ravel()
        step = np.linalg.solve(squares.reshape(2 * knots, -1), pull).reshape(self.moves.shape)
        most = float(np.abs(self._moved(step)).max())
        self.moves += step * np.float32(min(1.0, FARTHEST / max(most, 1e-9)))

    def _moved(self, moves: Grid) -> Grid:
        """By how much each sample is moved (2, P, P)."""
        return np.asarray(self._splines @ moves @ self._splines.T, np.float32)

    def _seen(self) -> Grid:
        """What the picture has at the samples; dark is high."""
        at = self._places + np.moveaxis(self._moved(self.moves), 0, -1)
        points = self._at.points(at.reshape(-1, 2)).reshape(at.shape)
        return -sampled(self._picture, points)

    def _crossed(self, weights: Grid) -> Grid:
        """Sums of weights times what each two knots have to do with a sample."""
        knots = self._splines.shape[1]
        sums = (self._pairs.T @ weights @ self._pairs).reshape((knots,) * 4)
        return np.asarray(sums.transpose(0, 2, 1, 3).reshape(knots**2, knots**2), np.float32)


def _splines(at: Array, size: int) -> Array:
    """Cubic B-splines of a symbol's knots at places in modules, (P, K)."""
    spans = max(3, round(size / KNOT_MODULES))
    away = np.abs(at[:, None] * spans / size - np.arange(-1, spans + 2))
    inner, outer = 2 / 3 - away**2 + away**3 / 2, np.maximum(2 - away, 0) ** 3 / 6
    return np.where(away < 1, inner, outer)


def _bending(knots: int) -> Grid:
    """The energy of bending, as a square form of the moves of (K, K) knots."""
    whole = np.eye(knots)
    steep, curved = np.diff(whole, axis=0), np.diff(whole, 2, axis=0)
    steep, curved = steep.T @ steep, curved.T @ curved
    energy = np.kron(curved, whole) + np.kron(whole, curved) + 2 * np.kron(steep, steep)
    return np.asarray(energy + LOOSE * np.eye(knots**2), np.float32)


def _softened(modules: Grid, over: float) -> Grid:
    """Modules as samples, smoothed over so many modules."""
    return np.asarray(cv2.GaussianBlur(_finer(modules), (0, 0), over * PER_MODULE), np.float32)


def _finer(modules: NDArray[_T]) -> NDArray[_T]:
    return np.repeat(np.repeat(modules, PER_MODULE, 0), PER_MODULE, 1)
