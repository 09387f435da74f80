"""Where the modules of a Code 128 symbol are: between its start and its stop pattern."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gate.capture.code128.characters import surest
from gate.capture.code128.layout import CHARACTERS, Layout, layout, width
from gate.capture.code128.patterns import MODULES, PATTERNS, STARTS, STOP
from gate.capture.matrix.bars import EndPatterns, Ends, ends
from gate.capture.matrix.equaliser import PER_MODULE, likelihoods
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

HEIGHTS = np.linspace(0.0, 1.0, 7)
"""Of the part of the bars that is looked at, at which a map is fitted."""
INNER = 0.12
"""Share of their height that is left out above and below."""
SPREAD = 0.13
"""By how much of it the number of characters may differ from what the modules' width says."""
FINE = 8
"""Samples to a module by which characters are counted."""
MIDDLE = np.linspace(0.25, 0.75, 9)
"""Heights at which they are."""
NUDGES = np.array([-0.5, 0.0, 0.5])
"""Modules by which start and stop may be off."""
RATIOS = np.exp(np.linspace(-0.4, 0.4, 67))
"""Heights of bars at the stop, in those at the start; modules are wider there by the square."""
SETTLED = 2
"""Layouts that a map is fitted for, of the likest."""
LEAST_EVIDENCE = 4.4
"""Anything but a symbol has mostly less."""
SURE = 0.9
"""How likely a character has to be for a map to be mended by it."""
ROWS_PX, MOST_ROWS = 1.0, 96
"""Pixels from one row that is averaged along the bars to the next, and how many there may be."""
REACH = (0, 7)
"""Samples beside a module that the equaliser sees."""
BESIDE = 3
"""Modules of margin that teach; there are more."""


def placed(picture: Picture) -> Steps[Placed[Layout] | None]:
    """The symbol in a picture with evened contrast and upright bars."""
    pairs = yield from ends(picture, _ENDS)
    rated: list[tuple[float, Ends, Placed[Layout]]] = []
    for pair in pairs:
        yield
        for at in _rated(pair.sign * picture, pair):
            rated.append((_evidence(at), pair, at))
            yield
    best: tuple[float, Ends, Placed[Layout]] | None = None
    for _evidence_before, pair, at in sorted(rated, key=lambda one: -one[0])[:SETTLED]:
        yield
        fits = _Fits(pair.sign * picture, at.layout.known)
        fit = float(fits(at.corners[None])[0])
        one = Placed(at.layout, *settled(fits, at.corners, fit, pair.module, 0.5))
        if best is None or _evidence(one) > best[0]:
            best = _evidence(one), pair, one
    if best is None or best[0] < LEAST_EVIDENCE:
        return None
    yield
    _much, pair, at = best
    mended = yield from _mended(pair.sign * picture, at)
    return Placed(mended.layout, mended.corners, pair.sign * mended.fit)


def _evidence(at: Placed[Layout]) -> float:
    """How much speaks for it: a short symbol is more easily like anything than a long one."""
    return math.atanh(min(abs(at.fit), 0.99)) * math.sqrt(np.count_nonzero(at.layout.known))


def ratios(picture: Picture, at: Placed[Layout]) -> Grid:
    """For each module the log-likelihood ratio of dark to light.

    What start and stop have taught tells characters; those that are sure teach in their place, so
    that start and stop have to be seen as well.
    """
    row = profile(picture, at)
    of = at.layout
    values, how_sure = surest(_told(row, of.known)[0, of.characters_at])
    known = of.with_characters(values, how_sure > SURE)
    known[0, of.ends_at] = 0
    return _told(row, known)


def profile(picture: Picture, at: Placed[Layout]) -> Picture:
    """Lightness along the modules, averaged along the bars: ``PER_MODULE`` samples to a module."""
    across = at.layout.known.shape[1]
    a, b, c, d = at.corners
    high = (math.dist(a, d) + math.dist(b, c)) / 2
    rows = int(min(max(high / ROWS_PX, 8), MOST_ROWS))
    first, last = -2 * BESIDE * PER_MODULE, (across + 2 * BESIDE) * PER_MODULE
    x = np.arange(first, last + 1) / PER_MODULE
    down = (np.arange(rows) + 0.5) / rows
    places = np.stack(np.meshgrid(x, down), -1).reshape(-1, 2)
    points = projected(at.corners[None], (across, 1), places)
    seen = sampled(picture, points.reshape(rows, len(x), 2))
    return np.asarray(seen.mean(0, keepdims=True), np.float32)


def _told(row: Picture, known: Grid) -> Grid:
    """The ratios by a profile, its margins known too."""
    return likelihoods(row, _with_margins(known), _along, REACH)[:, BESIDE:-BESIDE]


def _with_margins(known: Grid) -> Grid:
    return np.pad(known, ((0, 0), (BESIDE, BESIDE)), constant_values=-1)


def _along(modules: NDArray[np.float64]) -> NDArray[np.float32]:
    """Where places in modules, from the margin on, are in a profile."""
    x = (modules[:, 0] + BESIDE) * PER_MODULE + 0.5
    return np.stack([x, np.full(len(x), 0.5)], -1).astype(np.float32)


def _rated(picture: Picture, pair: Ends) -> Iterator[Placed[Layout]]:
    """The layouts that there may be between two patterns, each where it is likest to them."""
    a, b, c, d = pair.corners
    modules = (math.dist(a, b) + math.dist(d, c)) / 2 / pair.module
    guess = (modules - len(STOP)) / MODULES - 1
    near = range(math.floor((1 - SPREAD) * guess), math.ceil((1 + SPREAD) * guess) + 1)
    # From twenty modules before the symbol to as many behind it.
    beyond = 20 / modules
    count = round(FINE * modules * (1 + 2 * beyond))
    along = np.linspace(-beyond, 1 + beyond, count)[:, None]
    top, bottom = a + along * (b - a), d + along * (c - d)
    points = top + MIDDLE[:, None, None] * (bottom - top)
    row = -sampled(picture, points.astype(np.float32)).mean(0)
    for characters in near:
        if characters in CHARACTERS:
            yield _likest(row, beyond, pair, characters)


def _likest(row: NDArray[np.float32], beyond: float, pair: Ends, characters: int) -> Placed[Layout]:
    of = [layout(start, characters) for start in STARTS]
    known = np.concatenate([_with_margins(one.known) for one in of])
    (columns,) = np.nonzero(known[0])
    symbol = of[0].known.size
    t = (columns + 0.5 - BESIDE) / symbol
    # Shares of the way that are moved at both ends, and how much larger modules are at the end.
    moves = NUDGES / symbol
    lefts, rights, ratio = (one.ravel() for one in np.meshgrid(moves, moves, RATIOS))
    place = t / (t + (1 - t) * ratio[:, None])
    place = lefts[:, None] + place * (1 + rights - lefts)[:, None]
    index = np.rint((place + beyond) / (1 + 2 * beyond) * (len(row) - 1)).astype(int)
    seen = row[np.clip(index, 0, len(row) - 1)]
    centred = seen - seen.mean(1, keepdims=True)
    wanted = known[:, columns]
    wanted -= wanted.mean(1, keepdims=True)
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    fit = centred @ wanted.T / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-3)
    best, start = np.unravel_index(int(fit.argmax()), fit.shape)
    corners = _corners(pair.corners, lefts[best], rights[best], ratio[best])
    return Placed(of[start], corners, float(fit[best, start]))


def _corners(corners: Corners, left: float, right: float, ratio: float) -> Corners:
    """The corners moved along by shares of the width, their heights in so large a ratio."""
    a, b, c, d = corners
    a, b = a + left * (b - a), b + right * (b - a)
    d, c = d + left * (c - d), c + right * (c - d)
    height = math.sqrt(math.dist(a, d) * math.dist(b, c))
    moved = []
    for top, bottom, high in ((a, d, height / math.sqrt(ratio)), (b, c, height * math.sqrt(ratio))):
        middle, half = (top + bottom) / 2, (bottom - top) / 2 * high / math.dist(top, bottom)
        half *= 1 - 2 * INNER
        moved.append((middle - half, middle + half))
    return np.array([moved[0][0], moved[1][0], moved[1][1], moved[0][1]])


def _mended(picture: Picture, at: Placed[Layout]) -> Steps[Placed[Layout]]:
    """The map once characters that are sure have their say."""
    told = _told(profile(picture, at), at.layout.known)
    yield
    values, how_sure = surest(told[0, at.layout.characters_at])
    fits = _Fits(picture, at.layout.with_characters(values, how_sure > SURE))
    a, b, *_ = at.corners
    module = math.dist(a, b) / at.layout.known.size
    corners, _fit = settled(fits, at.corners, float(fits(at.corners[None])[0]), module, 0.5)
    fit = float(_Fits(picture, at.layout.known)(corners[None])[0])
    return Placed(at.layout, corners, fit)


class _Fits:
    """How well corners fit: correlation with what is known, at several heights."""

    def __init__(self, picture: Picture, known: Grid) -> None:
        self._picture, self._size = picture, known.shape[::-1]
        known = _with_margins(known)
        (columns,) = np.nonzero(known[0])
        x, y = np.meshgrid(columns + 0.5 - BESIDE, HEIGHTS)
        self._at = np.stack([x.ravel(), y.ravel()], 1)
        wanted = np.tile(-known[0, columns], len(HEIGHTS))
        self._wanted = normalised(wanted)

    def __call__(self, corners: NDArray[np.float64]) -> NDArray[np.float32]:
        seen = sampled(self._picture, projected(corners, self._size, self._at))
        return correlations(seen, self._wanted)


_ENDS = EndPatterns.of(
    [np.append(PATTERNS[start], 1) for start in STARTS],
    np.insert(STOP, 0, -1),
    width(CHARACTERS[0]),
    margin=6,
    together=1,
    pairs=3,
)
