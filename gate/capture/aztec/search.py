"""Where the modules of an Aztec symbol are: from the bull's eye outward, ring by ring."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.capture.aztec.layout import Core, Layout, Mode, core, layout
from gate.capture.matrix.patterns import Peak, apart, peaks, template, within
from gate.capture.matrix.placed import Placed
from gate.capture.matrix.plane import (
    Corners,
    Grid,
    Picture,
    correlations,
    normalised,
    projected,
    sampled,
    settled,
)
from gate.capture.steps import Steps

LIKENESS = 0.4
"""Correlation with a bull's eye; noise has less."""
EYES_TRIED = 4
SIDES = (12, 150)
"""Modules to the longer side of a picture: no symbol is larger, nor much smaller."""
EYE = 9
"""Modules a side of what all bull's eyes have in common."""
TEMPLATE = 7
"""Modules a side of what is looked for: more would have to be met in size, fewer are anywhere."""
EYE_FIT, LEAST_FIT = 0.67, 0.6
"""Correlation with all modules that are known; anything but a symbol has less. Of 95 symbols that
were read no bull's eye had less than 0.84, of strongly smeared ones 0.74; nine of ten things that
are none have at most 0.67."""
LIKEST = 0.68
"""Likeness of a mode message: the least of those 95 was 0.71, nine of ten others have 0.62."""
SIZES, WIDTHS = (0.7, 0.85, 1.0, 1.2, 1.4, 1.7), (0.8, 1.0, 1.25)
"""Heights, in what it looked like, and widths, in heights, that an eye is tried at."""
GROWN = 8
"""Modules by which the map is carried on before it is mended."""
RINGS, SPOTS = 5, 500
"""How many of the outermost modules tell whether a map meets the modules."""
CRISP = 1.0
"""What crispness counts beside the fit of what is known."""


class _Middle(NamedTuple):
    """What is found around a bull's eye."""

    mode: Mode
    likeness: float
    corners: Corners
    """Of the core, from the symbol's own top left on."""
    module: float
    """Pixels."""
    sign: int
    """-1 where it is light on dark."""


def placed(picture: Picture) -> Steps[Placed[Layout] | None]:
    """The symbol in a picture with evened contrast and no great turn to the axes."""
    best: _Middle | None = None
    eyes = yield from _eyes(picture)
    for eye in eyes:
        found = _middle(picture, eye)
        if found is not None and (best is None or found.likeness > best.likeness):
            best = found
        yield
    if best is None or best.likeness < LIKEST:
        return None
    return (yield from _outward(picture, best))


def _eyes(picture: Picture) -> Steps[list[Peak]]:
    """What looks like a bull's eye, the likest first."""
    found = yield from peaks(picture, _TEMPLATE, LIKENESS, SIDES)
    found.sort(key=lambda one: -abs(one.likeness))
    return apart(found, EYES_TRIED, within(3))


def _middle(picture: Picture, eye: Peak) -> _Middle | None:
    """The core around a bull's eye that fits best, and what its mode message is likest to."""
    # Rings look like rings of other sizes, and like their negative.
    wide = np.array([(size * width, size) for size in SIZES for width in WIDTHS])
    starts = (eye.x, eye.y) + _SQUARE * (EYE / 2 * eye.module) * wide[:, None]
    rated = [_Fits(picture, _EYE, sign)(starts) for sign in (1, -1)]
    sign = 1 if rated[0].max() > rated[1].max() else -1
    likest = rated[0] if sign > 0 else rated[1]
    start = int(likest.argmax())
    module = eye.module * float(wide[start, 1])
    fits = _Fits(picture, _EYE, sign)
    corners, fit = settled(fits, starts[start], float(likest[start]), module)
    if fit < EYE_FIT:
        return None
    # So few modules tell nothing of perspective.
    middle, (right, down) = corners.mean(0), _axes(corners)
    corners = middle + _SQUARE @ np.array([right, down])
    found = [
        _read(picture, of, corners, module, sign)
        for of in (core(is_compact=True), core(is_compact=False))
    ]
    return max(found, key=lambda one: one.likeness)


def _read(picture: Picture, of: Core, eye: Corners, module: float, sign: int) -> _Middle:
    """The mode message, read at each of the four ways in which the core may lie."""
    side = len(of.known)
    rings = of.known.copy()
    edge = np.ones_like(rings, bool)
    edge[1:-1, 1:-1] = False
    rings[edge] = 0
    fits = _Fits(picture, rings, sign, crisp=CRISP / 2)
    corners = _grown(eye, EYE, side)
    corners, _fit = settled(fits, corners, float(fits(corners[None])[0]), module, most=0.5)
    seen = -sign * sampled(picture, projected(corners[None], side, _middles(side)))[0]
    marks = np.flatnonzero(edge.ravel() & (of.known.ravel() != 0))
    at = np.concatenate([of.mode_at, marks])
    shown = np.concatenate([of.shown, np.tile(of.known.ravel()[marks], (len(of.shown), 1))], 1)
    best = (-1.0, 0, 0)
    for turn in range(4):
        ring = np.rot90(seen.reshape(side, side), turn).ravel()[at]
        likeness = shown @ (ring - seen.mean()) / (len(at) * (seen.std() + 1e-3))
        index = int(likeness.argmax())
        best = max(best, (float(likeness[index]), turn, index))
    likeness_, turn, index = best
    return _Middle(of.modes[index], likeness_, np.roll(corners, -turn, 0), module, sign)


def _outward(picture: Picture, start: _Middle) -> Steps[Placed[Layout] | None]:
    """The corners of the whole symbol: the map is carried on and mended, ring by ring."""
    of = layout(start.mode)
    side, corners = len(core(is_compact=start.mode.is_compact).known), start.corners
    while True:
        hidden = (of.size - side) // 2
        pattern = of.known[hidden : of.size - hidden, hidden : of.size - hidden]
        fits = _Fits(picture, pattern, start.sign, crisp=CRISP)
        rated = float(fits(corners[None])[0])
        corners, _fit = settled(fits, corners, rated, start.module, most=0.5)
        yield
        if side == of.size:
            break
        wider = min(of.size, side + GROWN)
        corners, side = _grown(corners, side, wider), wider
    fit = float(_Fits(picture, of.known, start.sign)(corners[None])[0])
    return Placed(of, corners, start.sign * fit) if fit >= LEAST_FIT else None


class _Fits:
    """How well corners fit: what is known, and how crisp modules are that are not.

    Crisp is a map that meets the middles of modules, where light and dark are at their most, and
    whose corners of modules are between.
    """

    def __init__(self, picture: Picture, pattern: Grid, sign: int, crisp: float = 0.0) -> None:
        rows, columns = np.nonzero(pattern)
        self._picture, self._size, self._crisp = picture, len(pattern), crisp
        wanted = -sign * pattern[rows, columns]
        self._wanted = normalised(wanted)
        self._known = len(wanted)
        at = np.stack([columns, rows], 1) + 0.5
        if crisp:
            spots = _middles(len(pattern))
            away = np.abs(spots - len(pattern) / 2).max(1)
            spots = spots[away > len(pattern) / 2 - RINGS]
            spots = spots[:: len(spots) // SPOTS + 1]
            at = np.concatenate([at, spots, spots - 0.5])
        self._at = at.astype(np.float64)

    def __call__(self, corners: NDArray[np.float64]) -> NDArray[np.float32]:
        seen = sampled(self._picture, projected(corners, self._size, self._at))
        known, others = seen[:, : self._known], seen[:, self._known :]
        fit = correlations(known, self._wanted)
        if self._crisp:
            squares = (others * others).reshape(len(seen), 2, -1).mean(2)
            middles, between = squares.T
            fit = fit + self._crisp * (middles - between) / (middles + between + 1e-3)
        return np.asarray(fit, np.float32)


def _axes(corners: Corners) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Half a side to the right and half a side down, of the nearest parallelogram."""
    a, b, c, d = corners
    return (b + c - a - d) / 4, (c + d - a - b) / 4


def _grown(corners: Corners, side: int, wider: int) -> Corners:
    """The corners of more modules, by the map of fewer."""
    beyond = (wider - side) / 2
    at = side / 2 + _SQUARE * (side / 2 + beyond)
    return np.asarray(projected(corners[None], side, at)[0], np.float64)


def _middles(side: int) -> NDArray[np.float64]:
    down, across = np.divmod(np.arange(side * side), side)
    return np.stack([across + 0.5, down + 0.5], 1).astype(np.float64)


def _known_eye() -> Grid:
    away = np.abs(np.arange(EYE) - EYE // 2)
    ring = np.maximum(away[:, None], away[None])
    return np.where(ring % 2 == 0, 1, -1).astype(np.float32)


_SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
_EYE = _known_eye()
_RIM = (EYE - TEMPLATE) // 2
_TEMPLATE = template((_EYE[_RIM:-_RIM, _RIM:-_RIM] < 0).astype(np.float32))
