"""Where the modules of a Data Matrix symbol are: from the corner of its two solid sides outward.

How far these two reach is told by the light behind them; which size it is, by the timing patterns
of the other two.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gate.capture.datamatrix.layout import SIZES, Layout, Size, layout
from gate.capture.matrix.patterns import apart
from gate.capture.matrix.placed import Placed
from gate.capture.matrix.plane import (
    Corners,
    Picture,
    correlations,
    normalised,
    projected,
    sampled,
    settled,
)
from gate.capture.steps import Steps

MODULES = (2.0, 3.0, 4.5, 6.8)
"""The sizes at which corners are looked for, in pixels of the picture."""
MODULE_PX = 2
"""Pictures are scaled so that a module of the size looked for has so many pixels."""
ARM = 7
"""Modules of either side that make a corner: the smallest symbol has eight."""
CONTRAST = 0.8
"""Of solid sides with the light beside them; in evened pictures light and dark are 2 apart."""
SMALL = 0.2
"""How much small modules are preferred: those of a larger size meet more than the side."""
CORNERS_TRIED = 8
SHORTEST = 5
"""Modules of a side, roughly."""
LEANS = np.radians(np.linspace(-7.5, 7.5, 9))
"""How far a side may be from the axis."""
ASIDE = (-0.5, 0.0, 0.5)
"""Modules by which a side may lie beside the corner that was found."""
MOST_STEPS = 2
"""Samples a module along a side, unless pixels are fewer."""
SLANT = 1.5
"""Modules are at most so much longer than wide, or the other way round: it is held aslant."""
LEAST_MODULE = 1.2
"""Pixels; smaller ones nobody can tell apart."""
INSETS = (1 / 20, 1 / 34, 1 / 64)
"""How far within the symbol its timing patterns are, in sides: for few, more and many modules."""
SAMPLES = 128
"""Along each timing pattern."""
BESIDE = 0.4
"""What light beside the timing patterns counts, beside their likeness."""
SIZES_KEPT = 3
"""For each corner."""
SETTLED = 3
"""So many are moved to where they fit best."""
BY_CHANCE = 0.6
"""Small symbols fit more by chance: the power of modules by which large ones are preferred."""
LEAST_FIT = 0.7
"""Correlation with all modules that are known."""
ROUGH_TIMING, LEAST_TIMING = 0.2, 0.35
"""Correlation with the timing patterns alone: the best that is met on the way, and settled. Of 97
symbols that were placed two have less, of 170 regions without one 92 in a hundred."""
LEAST_SIDE = 2.0
"""Contrast of a solid side with what is within, beside and behind it."""


class Corner(NamedTuple):
    """Something like the corner of the two solid sides."""

    x: float
    y: float
    module: float
    """Pixels, roughly."""
    turn: int
    """Quarters by which the picture is turned, counterclockwise, to have it at the lower left."""
    contrast: float
    """Below 0 it is light on dark."""


class _Side(NamedTuple):
    """A solid side."""

    rate: float
    start: NDArray[np.float64]
    end: NDArray[np.float64]


class _Start(NamedTuple):
    """A symbol as it may be."""

    size: Size
    corners: Corners
    module: float
    """Pixels."""
    sign: int
    """-1 where it is light on dark."""


def placed(picture: Picture) -> Steps[Placed[Layout] | None]:
    """The symbol in a picture with evened contrast and no great turn to the axes."""
    rated: list[tuple[float, float, _Fits, _Start]] = []
    timing = 0.0
    found = yield from corners(picture)
    for corner in found:
        for start in _starts(picture, corner):
            fits = _Fits(picture, layout(start.size), start.sign)
            fit = float(fits(start.corners[None])[0])
            rated.append((fits.explained(fit), fit, fits, start))
            timing = max(timing, fits.timing(start.corners))
        yield
    if timing < ROUGH_TIMING:
        return None
    rated.sort(key=lambda one: -one[0])
    best: Placed[Layout] | None = None
    most = 0.0
    for _rate, rough, fits, start in rated[:SETTLED]:
        at, fit = settled(fits, start.corners, rough, start.module)
        timing, explained = fits.timing(at), fits.explained(fit)
        if fit > LEAST_FIT and timing > LEAST_TIMING and explained > most:
            # What is hardly dashed may yet be made out, and is not said to be in sight.
            best, most = Placed(fits.layout, at, fits.sign * min(fit, timing)), explained
        yield
    return best


def corners(picture: Picture) -> Steps[list[Corner]]:
    """What looks like the corner of two solid sides, the likest first."""
    found: list[Corner] = []
    for module in MODULES:
        factor = MODULE_PX / module
        how = cv2.INTER_AREA
        scaled = np.asarray(
            cv2.resize(picture, None, fx=factor, fy=factor, interpolation=how), np.float32
        )
        if min(scaled.shape) < (ARM + 2) * MODULE_PX:
            break
        for turn in range(4):
            turned = np.ascontiguousarray(np.rot90(scaled, turn))
            for x, y, contrast in _lower_left(turned):
                at = _turned_back(x, y, turn, turned.shape)
                found.append(Corner(at[0] / factor, at[1] / factor, module, turn, contrast))
        yield
    found.sort(key=lambda one: -abs(one.contrast) / one.module**SMALL)
    return apart(found, CORNERS_TRIED, _is_near)


def _lower_left(scaled: Picture) -> list[tuple[float, float, float]]:
    """Corners at the lower left of something, and their contrast with what is beside them."""
    long, px = ARM * MODULE_PX, MODULE_PX
    border = cv2.BORDER_CONSTANT
    beside, below = scaled[:, :-px] - scaled[:, px:], scaled[px:] - scaled[:-px]
    left = cv2.boxFilter(beside, -1, (1, long), anchor=(0, long - 1), borderType=border)[:-px]
    lower = cv2.boxFilter(below, -1, (long, 1), anchor=(0, 0), borderType=border)[:, px:]
    # The worse of both sides counts, dark on light or light on dark.
    dark, light = cv2.min(left, lower), -cv2.max(left, lower)
    contrast = cv2.max(dark, light)
    is_peak = (contrast > CONTRAST) & (contrast == cv2.dilate(contrast, _NEIGHBOURS))
    rows, columns = np.nonzero(is_peak)
    signed = np.where(dark > light, contrast, -contrast)[is_peak]
    # The symbol's own corner is half a module outward from the middle of the last one.
    return [
        (x + px / 2 + 0.5, y + px / 2 + 0.5, float(of))
        for y, x, of in zip(rows.tolist(), columns.tolist(), signed, strict=True)
    ]


def _turned_back(x: float, y: float, turn: int, size: tuple[int, ...]) -> tuple[float, float]:
    """Where a place is once a picture of (height, width) is turned back clockwise by quarters."""
    height, width = size
    for _quarter in range(turn):
        x, y, width, height = height - y, x, height, width
    return x, y


def _is_near(one: Corner, other: Corner) -> bool:
    far = math.hypot(one.x - other.x, one.y - other.y)
    return one.turn == other.turn and far <= 2 * other.module


def _starts(picture: Picture, corner: Corner) -> list[_Start]:
    """The symbols that two solid sides from here may belong to, the likeliest first.

    These leave open where the fourth corner is; the timing patterns that meet there tell.
    """
    right, up = _DIRECTIONS[corner.turn], _DIRECTIONS[corner.turn - 1]
    lower = _side(picture, corner, right, -up)
    left = _side(picture, corner, up, -right)
    if lower is None or left is None or min(lower.rate, left.rate) < LEAST_SIDE:
        return []
    start = lower.start + left.start - (corner.x, corner.y)
    across, down = lower.end - start, start - left.end
    parallelogram = np.array([left.end, left.end + across, lower.end, start])
    tried = np.repeat(parallelogram[None], len(_FOURTH), 0)
    tried[:, 1] += _FOURTH @ np.array([across, down])
    sign = 1 if corner.contrast > 0 else -1
    seen = sign * sampled(picture, projected(tried, 1, _TIMING_AT))
    within, beside = np.moveaxis(seen.reshape(len(tried), len(INSETS), 2, -1), 2, 0)
    light = np.minimum((beside - within).mean(2), 1)
    within = within - within.mean(2, keepdims=True)
    # What hardly changes is no pattern, however like one it is.
    within /= within.std(2, keepdims=True) + 0.2
    rated = []
    for size, inset, timing in _TIMING_OF:
        wide, high = np.hypot(*across) / size.columns, np.hypot(*down) / size.rows
        if 1 / SLANT < wide / high < SLANT and min(wide, high) > LEAST_MODULE:
            rates = within[:, inset] @ timing + BESIDE * light[:, inset]
            best = int(rates.argmax())
            # The longer a pattern is, the less is it met by chance.
            rate = float(rates[best]) * math.sqrt(size.rows + size.columns)
            rated.append((rate, _Start(size, tried[best], (wide + high) / 2, sign)))
    rated.sort(key=lambda one: -one[0])
    return [one for _rate, one in rated[:SIZES_KEPT]]


def _side(
    picture: Picture, corner: Corner, along: NDArray[np.float64], outward: NDArray[np.float64]
) -> _Side | None:
    """The solid side that goes from a corner: dark, beside it light, and light where it ends."""
    px, sign = corner.module, 1 if corner.contrast > 0 else -1
    n = min(MOST_STEPS, round(px))
    modules = round(max(picture.shape) / px)
    if modules <= SHORTEST:
        return None
    starts = np.array((corner.x, corner.y)) + np.outer(ASIDE, outward * px)
    leans = np.cos(LEANS)[:, None] * along + np.sin(LEANS)[:, None] * outward
    steps = (np.arange(modules * n) + 0.5) / n * px
    rays = starts[:, None, None] + leans[:, None] * steps[:, None]
    lines = rays.reshape(-1, len(steps), 2) + _LINES[:, None, None, None] * px * outward
    inside, solid, beside = sign * sampled(picture, lines.astype(np.float32))
    # Behind a phone's edge all is light, or dark; within a symbol every other module is.
    contrast = (inside + beside - 2 * solid).cumsum(1) / np.arange(1, len(steps) + 1)
    sums = np.pad(solid.cumsum(1), ((0, 0), (1, 0)))
    last = np.arange(SHORTEST * n, len(steps) - n + 1)
    before = (sums[:, last] - sums[:, last - 3 * n]) / (3 * n)
    behind = (sums[:, last + n] - sums[:, last]) / n
    rates = contrast[:, last - 1] + behind - before
    ray, at = divmod(int(rates.argmax()), len(last))
    aside, lean = divmod(ray, len(leans))
    length = last[at] / n * px
    return _Side(float(rates[ray, at]), starts[aside], starts[aside] + leans[lean] * length)


class _Fits:
    """How well corners fit: correlation of the picture with all modules that are known."""

    def __init__(self, picture: Picture, of: Layout, sign: int) -> None:
        known = np.pad(of.known, 1, constant_values=-1)
        rows, columns = np.nonzero(known)
        # The margin's modules are at -1.
        self._at = (np.stack([columns, rows], 1) - 0.5).astype(np.float64)
        # Dark modules are low in the picture.
        self._shown = -sign * known[rows, columns]
        self._wanted = normalised(self._shown)
        down, across = of.known.shape
        is_upper = (rows == 1) & (columns > 0) & (columns <= across)
        is_right = (columns == across) & (rows > 0) & (rows <= down)
        self._timing = [np.flatnonzero(one) for one in (is_upper, is_right)]
        self._picture, self._size = picture, (of.size.columns, of.size.rows)
        self.layout, self.sign = of, sign

    def __call__(self, corners: NDArray[np.float64]) -> NDArray[np.float32]:
        return correlations(self._seen(corners), self._wanted)

    def explained(self, fit: float) -> float:
        """How much of the picture such a fit explains."""
        return float(-(len(self._wanted) ** BY_CHANCE) * math.log(1 - fit * abs(fit)))

    def timing(self, corners: Corners) -> float:
        """Correlation with the timing patterns alone, in mean: what is no symbol has none."""
        (seen,) = self._seen(corners[None])
        likeness = 0.0
        for at in self._timing:
            centred = seen[at] - seen[at].mean()
            likeness += float(centred @ self._shown[at] / (len(at) * (centred.std() + 0.05)))
        return likeness / len(self._timing)

    def _seen(self, corners: NDArray[np.float64]) -> NDArray[np.float32]:
        return sampled(self._picture, projected(corners, self._size, self._at))


def _timing_at() -> NDArray[np.float64]:
    """Places along the upper and the right side of the unit square, within it and beside it."""
    along = (np.arange(SAMPLES) + 0.5) / SAMPLES
    places = []
    for inset in INSETS:
        for away in (inset, -inset):
            places.append(np.stack([along, np.full(SAMPLES, away)], 1))
            places.append(np.stack([np.full(SAMPLES, 1 - away), along], 1))
    return np.concatenate(places)


def _timing_of(size: Size) -> tuple[Size, int, NDArray[np.float32]]:
    """A size, which of the insets is nearest to its timing patterns, and what is seen there."""
    known = layout(size).known
    along = (np.arange(SAMPLES) + 0.5) / SAMPLES
    upper = known[0, (along * size.columns).astype(int)]
    right = known[(along * size.rows).astype(int), -1]
    inset = int(np.abs(np.log(np.array(INSETS) * 2 * size.rows)).argmin())
    return size, inset, np.asarray(-np.concatenate([upper, right]) / (2 * SAMPLES), np.float32)


_NEIGHBOURS = np.ones((5, 5), np.uint8)
_DIRECTIONS = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)], float)
"""Right, down, left and up; a turn's right, and before it its up."""
_LINES = np.array([-1.5, -0.5, 0.5])
"""Modules outward: within the symbol, its side, and the light beside it."""
_FOURTH = np.array(
    [(x, y) for x in np.linspace(-0.08, 0.08, 5) for y in np.linspace(-0.08, 0.08, 5)]
)
"""In sides: where the fourth corner may be beside the parallelogram's."""
_TIMING_AT = _timing_at()
_TIMING_OF = tuple(map(_timing_of, SIZES))
