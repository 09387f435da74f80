"""Where the modules of a QR symbol are: finder patterns by correlation, then all that is known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gate.capture.qr.layout import GREATEST_VERSION, Layout, layout
from gate.capture.steps import Steps

MODULE_PX = 2.0
"""Pictures are scaled so that a module of the size looked for has so many pixels."""
MODULES = tuple(1.35 * 1.25**step for step in range(9))
"""The sizes looked for, in pixels of the picture."""
LIKENESS = 0.45
"""Correlation with a finder pattern; noise has less."""
FINDERS_KEPT = 10
GRAIN_PX = 128
CORE = 0.1
"""How much a pattern of e times the size is preferred."""
TRIPLES_TRIED = 3
VERSIONS_TRIED = 4
ROUGH_FIT = 0.3
LEAST_FIT = 0.45
"""Correlation with all modules that are known; anything but a symbol has less."""
NUDGES = (1.0, 0.5, 0.25, 0.12)
"""Modules by which corners are moved to fit better, ever less."""

Picture = NDArray[np.float32]


class Finder(NamedTuple):
    """Something like a finder pattern."""

    x: float
    y: float
    module: float
    """Pixels."""
    likeness: float
    """Correlation; below 0 it is light on dark."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A symbol that was found."""

    layout: Layout
    corners: NDArray[np.float64]
    """Four (x, y) in pixels of the picture, clockwise from the symbol's own top left."""
    fit: float
    """Correlation with what is known of the symbol; below 0 it is light on dark."""

    def points(self, at: NDArray[np.float64]) -> NDArray[np.float32]:
        """Places in modules as pixels."""
        projected: NDArray[np.float32] = _projected(self.corners[None], self.layout.size, at)[0]
        return projected


def placed(picture: Picture) -> Steps[Placed | None]:
    """The symbol in a picture with evened contrast and no great turn to the axes."""
    rough = []
    found = yield from finders(picture)
    for three, versions in _triples(found):
        for version in versions:
            start = _start(picture, three, layout(version))
            if start is not None:
                rough.append(start)
            yield
    best = max(rough, key=lambda start: start.fit, default=None)
    return None if best is None else _settled(best)


def finders(picture: Picture) -> Steps[list[Finder]]:
    """What looks like a finder pattern, the likest first."""
    # Correlation with nothing at all is noise of the arithmetic: better a little noise of our own.
    height, width = picture.shape
    picture = (
        picture + np.tile(_GRAIN, (height // GRAIN_PX + 1, width // GRAIN_PX + 1))[:height, :width]
    )
    found: list[Finder] = []
    half = len(_TEMPLATE) / 2
    for module in MODULES:
        factor = MODULE_PX / module
        # No symbol is larger than the picture, nor much smaller.
        if not 18 * module < max(picture.shape) < 150 * module:
            continue
        how = cv2.INTER_LINEAR if factor > 1 else cv2.INTER_AREA
        scaled = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=how)
        if min(scaled.shape) < len(_TEMPLATE):
            continue
        likeness = cv2.matchTemplate(scaled, _TEMPLATE, cv2.TM_CCOEFF_NORMED)
        size = np.abs(likeness)
        rows, columns = np.nonzero((size == cv2.dilate(size, _NEIGHBOURS)) & (size > LIKENESS))
        found += [
            Finder((x + half) / factor, (y + half) / factor, module, float(likeness[y, x]))
            for y, x in zip(rows, columns, strict=True)
        ]
        yield
    # The core of a finder pattern looks a little like a pattern of a third of its size.
    found.sort(key=lambda one: -abs(one.likeness) - CORE * math.log(one.module))
    kept: list[Finder] = []
    for one in found:
        if all(math.hypot(one.x - k.x, one.y - k.y) > 4 * k.module for k in kept):
            kept.append(one)
        if len(kept) == FINDERS_KEPT:
            break
    return kept


def _triples(found: Sequence[Finder]) -> list[tuple[tuple[Finder, ...], list[int]]]:
    """Three finder patterns that may be one symbol's, the likeliest first, and its versions."""
    rated = []
    for corner, right, below in permutations(found, 3):
        three = (corner, right, below)
        modules = [one.module for one in three]
        likeness = abs(sum(one.likeness for one in three))
        if max(modules) > 1.6 * min(modules) or likeness < 3 * LIKENESS:
            continue
        across = right.x - corner.x, right.y - corner.y
        down = below.x - corner.x, below.y - corner.y
        wide, high = math.hypot(*across), math.hypot(*down)
        squareness = (across[0] * down[1] - across[1] * down[0]) / (wide * high)
        if squareness < 0.75 or not 0.6 < wide / high < 1.67:
            continue
        # The version that the distance of the patterns speaks for.
        likely = ((wide + high) / 2 / (sum(modules) / 3) + 7 - 17) / 4
        versions = [
            version
            for version in sorted(range(1, GREATEST_VERSION + 1), key=lambda v: abs(v - likely))
            if abs(version - likely) < max(1.1, 0.25 * likely)
        ][:VERSIONS_TRIED]
        rated.append((likeness - 0.3 * abs(math.log(wide / high)), three, versions))
    rated.sort(key=lambda one: -one[0])
    return [(three, versions) for _rate, three, versions in rated[:TRIPLES_TRIED]]


def _start(picture: Picture, three: Sequence[Finder], of: Layout) -> "_Start | None":
    """Where the corners must be roughly, by the finder patterns."""
    size = of.size
    corner, right, below = (np.array((one.x, one.y)) for one in three)
    across, down = (right - corner) / (size - 7), (below - corner) / (size - 7)
    start = corner - 3.5 * (across + down)
    whole = np.array([(0, 0), (size, 0), (size, size), (0, size)], float)
    corners = start + whole @ np.array([across, down])
    # Three finder patterns leave open how far the fourth corner is away.
    module = float(np.hypot(*across) + np.hypot(*down)) / 2
    tried = np.repeat(corners[None], len(_FOURTH), 0)
    tried[:, 2] += _FOURTH * size * module
    fits = _Fits(picture, of, 1 if sum(one.likeness for one in three) > 0 else -1)
    rated = fits(tried)
    best = int(rated.argmax())
    if rated[best] < ROUGH_FIT:
        return None
    return _Start(fits, tried[best], float(rated[best]), module)


def _settled(start: "_Start") -> Placed | None:
    """The corners at which everything that is known of the symbol fits best."""
    fits, corners, fit, module = start
    for reach in NUDGES:
        for _again in range(2):
            tried = corners[None] + _NUDGES * (reach * module)
            rated = fits(tried)
            best = int(rated.argmax())
            if rated[best] <= fit + 1e-3:
                break
            corners, fit = tried[best], float(rated[best])
    return Placed(fits.layout, corners, fits.sign * fit) if fit >= LEAST_FIT else None


class _Fits:
    """How well corners fit: correlation of the picture with all modules that are known."""

    def __init__(self, picture: Picture, of: Layout, sign: int) -> None:
        rows, columns = np.nonzero(of.known)
        quiet = np.arange(-0.5, of.size + 1)
        beside = np.stack([quiet, np.full_like(quiet, -0.5)], 1)
        edge = np.concatenate([beside, beside[:, ::-1]])
        self._at = np.concatenate([np.stack([columns, rows], 1) + 0.5, edge])
        # Dark modules are low in the picture.
        wanted = np.concatenate([-of.known[rows, columns], np.ones(len(edge), np.float32)])
        self._wanted = sign * (wanted - wanted.mean()) / (wanted.std() * len(wanted))
        self._picture, self._size = picture, of.size
        self.layout, self.sign = of, sign

    def __call__(self, corners: NDArray[np.float64]) -> NDArray[np.float32]:
        at = _projected(corners, self._size, self._at)
        seen = sampled(self._picture, at)
        centred = seen - seen.mean(1, keepdims=True)
        fits: NDArray[np.float32] = centred @ self._wanted / (centred.std(1) + 1e-3)
        return fits


class _Start(NamedTuple):
    fits: _Fits
    corners: NDArray[np.float64]
    fit: float
    module: float
    """Pixels."""


def sampled(picture: Picture, at: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture at (…, 2) places in pixels, between pixels by interpolation."""
    points = at - np.float32(0.5)
    flat = points.reshape(-1, points.shape[-2], 2)
    seen = cv2.remap(
        picture, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(seen, np.float32).reshape(points.shape[:-1])


def _projected(
    corners: NDArray[np.float64], size: int, at: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Places in modules as pixels (K, P, 2), for each of many sets of four corners (K, 4, 2)."""
    a, b, c, d = (corners[:, index].T for index in range(4))
    # The projective map of a square on four corners, after Heckbert (1989).
    one, two, rest = b - c, d - c, a - b + c - d
    area = one[0] * two[1] - two[0] * one[1]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    g = (rest[0] * two[1] - two[0] * rest[1]) / area
    h = (one[0] * rest[1] - rest[0] * one[1]) / area
    maps = np.stack(
        [np.stack([b[n] - a[n] + g * b[n], d[n] - a[n] + h * d[n], a[n]], 1) for n in (0, 1)]
        + [np.stack([g, h, np.ones_like(g)], 1)],
        1,
    ).astype(np.float32)
    unit = np.concatenate([at.T / size, np.ones((1, len(at)))]).astype(np.float32)
    x, y, depth = np.moveaxis(maps @ unit, 1, 0)
    return np.stack([x / depth, y / depth], -1)


def _finder_template() -> Picture:
    ring = np.maximum(*np.abs(np.mgrid[-4:5, -4:5]))
    modules = np.where((ring == 2) | (ring == 4), 1.0, 0.0).astype(np.float32)
    large = cv2.resize(modules, None, fx=12, fy=12, interpolation=cv2.INTER_NEAREST)
    side = round(9 * MODULE_PX)
    soft = cv2.GaussianBlur(large, (0, 0), 6, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(soft, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _nudges() -> NDArray[np.float64]:
    """Small moves of the corners: each alone, and all together."""
    steps = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0)]
    moves = [np.zeros((4, 2)) for _ in range(4 * len(steps))]
    for index, move in enumerate(moves):
        move[index // len(steps)] = steps[index % len(steps)]
    middle = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
    whole = [np.tile(step, (4, 1)).astype(float) * 0.5 for step in steps]
    sides = [
        np.array([move if index in side else (0, 0) for index in range(4)], float)
        for side in ((0, 1), (1, 2), (2, 3), (3, 0))
        for move in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    return np.array([*moves, *whole, *sides, middle * 0.5, -middle * 0.5])


_TEMPLATE = _finder_template()
_GRAIN = np.random.default_rng(1).normal(0, 0.1, (GRAIN_PX, GRAIN_PX)).astype(np.float32)
_NEIGHBOURS = np.ones((7, 7), np.uint8)
_NUDGES = _nudges()
_FOURTH = np.array(
    [(x, y) for x in np.linspace(-0.16, 0.16, 9) for y in np.linspace(-0.16, 0.16, 9)]
)
