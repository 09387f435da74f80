"""Where the modules of a QR symbol are: finder patterns by correlation, then all that is known."""

import math
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.patterns import Peak, apart, peaks, template, within
from gate.capture.matrix.placed import Placed
from gate.capture.matrix.plane import (
    Picture,
    correlations,
    normalised,
    projected,
    sampled,
    settled,
)
from gate.capture.qr.layout import GREATEST_VERSION, Layout, layout
from gate.capture.steps import Steps

LIKENESS = 0.45
"""Correlation with a finder pattern; noise has less."""
FINDERS_KEPT = 10
SIDES = (18, 150)
"""Modules to the longer side of a picture: no symbol is larger, nor much smaller."""
CORE = 0.1
"""How much a pattern of e times the size is preferred."""
TRIPLES_TRIED = 3
VERSIONS_TRIED = 4
CORNER = 1.7
"""Likeness of three finder patterns together."""
ROUGH_FIT, LEAST_FIT = 0.4, 0.57
"""Correlation with all modules that are known, by the finder patterns and settled. Of 430 symbols
that were read, bent ones among them, the least had 1.76, 0.44 and 0.62; of what is none three in
four have at most 1.82, and nine of ten that get so far 0.48, and 0.5."""


def placed(picture: Picture) -> Steps[Placed[Layout] | None]:
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


def finders(picture: Picture) -> Steps[list[Peak]]:
    """What looks like a finder pattern, the likest first."""
    found = yield from peaks(picture, _TEMPLATE, LIKENESS, SIDES)
    # The core of a finder pattern looks a little like a pattern of a third of its size.
    found.sort(key=lambda one: -abs(one.likeness) - CORE * math.log(one.module))
    return apart(found, FINDERS_KEPT, within(4))


def _triples(found: Sequence[Peak]) -> list[tuple[tuple[Peak, ...], list[int]]]:
    """Three finder patterns that may be one symbol's, the likeliest first, and its versions."""
    rated = []
    for corner, right, below in permutations(found, 3):
        three = (corner, right, below)
        modules = [one.module for one in three]
        likeness = abs(sum(one.likeness for one in three))
        if max(modules) > 1.6 * min(modules) or likeness < CORNER:
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


def _start(picture: Picture, three: Sequence[Peak], of: Layout) -> "_Start | None":
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


def _settled(start: "_Start") -> Placed[Layout] | None:
    """The corners at which everything that is known of the symbol fits best."""
    fits = start.fits
    corners, fit = settled(fits, start.corners, start.fit, start.module)
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
        self._wanted = normalised(sign * wanted)
        self._picture, self._size = picture, of.size
        self.layout, self.sign = of, sign

    def __call__(self, corners: NDArray[np.float64]) -> NDArray[np.float32]:
        seen = sampled(self._picture, projected(corners, self._size, self._at))
        return correlations(seen, self._wanted)


class _Start(NamedTuple):
    fits: _Fits
    corners: NDArray[np.float64]
    fit: float
    module: float
    """Pixels."""


_RING = np.maximum(*np.abs(np.mgrid[-4:5, -4:5]))
_TEMPLATE = template(np.where((_RING == 2) | (_RING == 4), 1.0, 0.0).astype(np.float32))
_FOURTH = np.array(
    [(x, y) for x in np.linspace(-0.16, 0.16, 9) for y in np.linspace(-0.16, 0.16, 9)]
)
