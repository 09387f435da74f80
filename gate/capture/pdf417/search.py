"""Where the modules of a PDF417 symbol are: between its start and its stop pattern."""

import math
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.bars import EndPatterns, Ends, ends
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
from gate.capture.pdf417.layout import (
    COLUMNS,
    LEVELS,
    ROWS,
    SIDE,
    START,
    STOP,
    Kind,
    Layout,
    indicators,
    layout,
    width,
)
from gate.capture.pdf417.patterns import MODULES
from gate.capture.steps import Steps

ROW_MODULES = (1.6, 7.0)
"""Heights of a row, in widths of a module."""
BEYOND = 0.4
"""Share of its height by which a pattern is looked for above and below."""
FINE = 3
"""Samples to a module's width, down the symbol, by which rows are counted."""
MOST_SAMPLES = 900
"""Samples down the symbol, at most: OpenCV takes no more at once, and no symbol has more rows."""
SCALES = np.linspace(0.8, 1.25, 16)
"""Of the width of a module that was found; it is not the same at both ends."""
SHARES = (0.5, 0.35, 0.65)
"""Of the likeness in the middle, down to which it is still the pattern; tried in turn."""
INNER = 0.3
"""Share of the height around its middle in which there are start and stop for sure."""
HIDDEN = 0.8
"""Share of the one side's height below which the other one's is thought to be hidden."""
COUNTED, CERTAIN = 0.3, 0.6
"""Correlation with the row indicators; what is none has less."""
LEAST_FIT = 0.55
"""Correlation with all modules that are known; anything but a symbol has less."""
SPOTS = 700
"""Modules, at most, by which a map is mended."""


class _Followed(NamedTuple):
    """How like start and stop it is, at heights between the corners from 0 to 1 and beyond."""

    heights: NDArray[np.float64]
    likeness: tuple[NDArray[np.float64], NDArray[np.float64]]
    """In the likeness in the middle."""
    module: float
    """Pixels."""


def placed(picture: Picture) -> Steps[Placed[Layout] | None]:
    """The symbol in a picture with evened contrast and upright bars."""
    pairs = yield from ends(picture, _ENDS)
    if not pairs:
        return None
    between = pairs[0]
    yield
    dark_on_light = between.sign * picture
    followed = _followed(dark_on_light, between)
    if followed is None:
        return None
    yield
    at: Placed[Layout] | None = None
    for corners in _ended(between.corners, followed):
        for columns in _columns(corners, followed.module):
            counted = _counted(dark_on_light, corners, columns)
            if counted is not None and (at is None or counted.fit > at.fit):
                at = counted
        if at is not None and at.fit > CERTAIN:
            break
        yield
    if at is None or at.fit < COUNTED:
        return None
    fits = _Fits(dark_on_light, at.layout)
    corners, fit = settled(fits, at.corners, float(fits(at.corners[None])[0]), between.module)
    return Placed(at.layout, corners, between.sign * fit) if fit >= LEAST_FIT else None


def _followed(picture: Picture, of: Ends) -> _Followed | None:
    """Start and stop, finely: bands are coarse, and sizes."""
    a, b, c, d = of.corners
    down = (math.dist(a, d) + math.dist(b, c)) / 2 / of.module
    y = np.linspace(-BEYOND, 1 + BEYOND, max(10, round(FINE * down * (1 + 2 * BEYOND))))
    left, right = a + y[:, None] * (d - a), b + y[:, None] * (c - b)
    along = (right - left) / np.linalg.norm(right - left, axis=1)[:, None]
    modules, profiles = [], []
    for pattern, edge, inward in ((START, left, along), (STOP[::-1], right, -along)):
        middle, module, profile = 0.0, 0.0, y
        for size in of.module * SCALES:
            steps = (np.arange(len(pattern)) + 0.5) * size
            at = edge[:, None] + inward[:, None] * steps[:, None]
            seen = sampled(picture, at.astype(np.float32))
            likeness = seen @ (pattern.mean() - pattern)
            usual = float(np.median(likeness[np.abs(y - 0.5) < INNER]))
            if usual > middle:
                middle, module, profile = usual, size, likeness
        if middle <= 0:
            return None
        modules.append(module)
        profiles.append(profile / middle)
    return _Followed(y, (profiles[0], profiles[1]), math.sqrt(math.prod(modules)))


def _columns(corners: Corners, module: float) -> list[int]:
    """How many there may be, by the width of a module; the likeliest first."""
    a, b, c, d = corners
    guess = ((math.dist(a, b) + math.dist(d, c)) / 2 / module - 1) / MODULES - 4
    near = range(math.floor(guess - 0.3), math.ceil(guess + 0.3) + 1)
    return sorted((one for one in near if one in COLUMNS), key=lambda one: abs(one - guess))


def _ended(base: Corners, of: _Followed) -> Iterator[Corners]:
    """Where the symbol may begin and end: light is uneven, and a thumb hides corners."""
    y, profiles, _module = of
    for share in SHARES:
        spans = []
        for likeness in profiles:
            # The longest stretch that is mostly more like it than that.
            sums = np.cumsum([0, *(likeness - share)])
            end = int((sums - np.minimum.accumulate(sums)).argmax())
            begin = int(sums[: end + 1].argmin())
            spans.append([y[0] + (index - 0.5) * (y[1] - y[0]) for index in (begin, end)])
        (a, d), (b, c) = spans
        tries = [(a, b, c, d)]
        # A thumb hides a corner: the other side tells how high it is.
        if c - b < HIDDEN * (d - a):
            tries += [(a, c - (d - a), c, d), (a, b, b + (d - a), d)]
        elif d - a < HIDDEN * (c - b):
            tries += [(d - (c - b), b, c, d), (a, b, c, a + (c - b))]
        for one in tries:
            down = np.array(one)[:, None]
            yield base[[0, 1, 1, 0]] * (1 - down) + base[[3, 2, 2, 3]] * down


def _height(corners: Corners, columns: int) -> float:
    """In widths of a module."""
    a, b, c, d = corners
    across, down = math.dist(a, b) + math.dist(d, c), math.dist(a, d) + math.dist(b, c)
    return width(columns) * down / (across + 1e-3)


def _counted(picture: Picture, corners: Corners, columns: int) -> Placed[Layout] | None:
    """The kind that the row indicators between the corners are likest to."""
    wide, down = width(columns), _height(corners, columns)
    high = min(max(1, round(FINE * down)), MOST_SAMPLES)
    side = np.arange(MODULES) + 0.5
    x = np.concatenate([MODULES + side, wide - SIDE - 1 + side])
    at = np.stack(np.meshgrid(x, (np.arange(high) + 0.5) / high), -1).reshape(-1, 2)
    seen = -sampled(picture, projected(corners[None], (wide, 1), at))[0].reshape(high, len(x))
    best: tuple[float, Kind] | None = None
    for rows in ROWS:
        if ROW_MODULES[0] < down / rows < ROW_MODULES[1]:
            fit, level = _told(seen, rows, columns)
            if best is None or fit > best[0]:
                best = fit, Kind(rows, columns, level)
    return None if best is None else Placed(layout(best[1]), corners, best[0])


def _told(seen: Grid, rows: int, columns: int) -> tuple[float, int]:
    """How like the indicators of so many rows what is seen is, at the level that is likest."""
    # The middle of each row: its neighbours shine through at the edges.
    place = (np.arange(len(seen)) + 0.5) / len(seen) * rows
    inner = np.abs(place % 1 - 0.5) < 0.35
    row, first = np.unique(place[inner].astype(int), return_index=True)
    if len(row) < rows:
        return -1.0, 0
    counts = np.diff([*first, inner.sum()])
    mean = np.add.reduceat(seen[inner], first) / counts[:, None]
    mean -= mean.mean()
    shown, levels = _shown(rows, columns)
    if not levels:
        return -1.0, 0
    likeness = shown @ mean.ravel() / (float(np.linalg.norm(mean)) * math.sqrt(mean.size) + 1e-3)
    best = int(likeness.argmax())
    return float(likeness[best]), levels[best]


@cache
def _shown(rows: int, columns: int) -> tuple[Grid, tuple[int, ...]]:
    """What row indicators show at each level that is possible."""
    kinds = [kind for level in LEVELS if (kind := Kind(rows, columns, level)).is_possible]
    shown = [np.concatenate(indicators(kind), 1).ravel() for kind in kinds]
    return np.array(shown, np.float32), tuple(kind.level for kind in kinds)


class _Fits:
    """How well corners fit: correlation with what is known."""

    def __init__(self, picture: Picture, of: Layout) -> None:
        rows, columns = np.nonzero(of.known)
        some = slice(None, None, len(rows) // SPOTS + 1)
        rows, columns = rows[some], columns[some]
        self._picture, self._size = picture, of.known.shape[::-1]
        # Above and below the middle of a row in turn: it is higher than it need be for its modules.
        height = np.where(np.arange(len(rows)) % 2, 0.8, 0.2)
        self._at = np.stack([columns + 0.5, rows + height], 1)
        wanted = -of.known[rows, columns]
        self._wanted = normalised(wanted)

    def __call__(self, corners: NDArray[np.float64]) -> NDArray[np.float32]:
        seen = sampled(self._picture, projected(corners, self._size, self._at))
        return correlations(seen, self._wanted)


_ENDS = EndPatterns.of([np.append(START, 1)], np.insert(STOP, 0, -1), width(1))
