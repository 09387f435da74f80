"""Where in a picture a start and a stop pattern of bars run down it.

Both are the same in every row, so that averaged down the picture they stay and all else goes grey.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.patterns import apart
from gate.capture.matrix.plane import Corners, Grid, Picture
from gate.capture.regions import Frame, lean
from gate.capture.steps import Steps

LARGEST_PX = 1000
"""Longer sides are scaled down to that: a row has up to 200 modules."""
BAND_PX = 8
"""Rows of the picture to a band."""
PLOT_PX = 32
"""Bars are looked for in squares of that."""
UNLIKE = 6.0
"""Degrees from which on a second way to turn the picture is worth a look."""
MODULE_PX = 2
"""Bands are scaled so that a module of the size looked for has so many pixels."""
SIZES = tuple(1.15 * 1.12**step for step in range(16))
"""Widths of modules looked for, in pixels of the picture."""
LASTING, LIKENESS = 3, 0.5
"""Bands below each other that look like a pattern, and their correlation with it, at least."""
FAINT = 1.0
"""What counts as nothing beside the norm of the edges that are compared."""
TRIED = 8
"""Places that are paired, of each pattern."""
TRACED = 0.7
"""Share of its likeness down to which a pattern is followed."""
ASLANT = 0.35
"""Height between start and stop, in their distance, at most."""
ALIKE = 1.7
"""Modules at the start are at most so much wider than at the stop, or narrower."""
_SWAY = np.ones((1, 3), np.uint8)
"""So far may a pattern be off the upright from band to band."""
_NEIGHBOURS = np.ones((3, 9), np.uint8)
_CHANGE = np.array([[-1, 0, 1]], np.float32)


class _Spot(NamedTuple):
    """Where bands look like a pattern."""

    likeness: float
    at: tuple[int, int]
    """Row and column of the map."""
    module: float
    """Pixels."""
    outer: int
    """From the column to the edge of the symbol."""
    sign: int
    """-1 where it is light on dark."""
    map: Picture
    """Likeness of each band at each column, at this size."""

    @property
    def place(self) -> NDArray[np.float64]:
        """Of the symbol's edge, in pixels."""
        row, column = self.at
        return np.array([(column + self.outer) * self.module / MODULE_PX, (row + 0.5) * BAND_PX])


class _Pair(NamedTuple):
    """A start and a stop pattern that may go together."""

    likeness: float
    start: _Spot
    stop: _Spot
    is_turned: bool


class _Line(NamedTuple):
    """An edge of a symbol that runs down the picture."""

    slope: float
    offset: float
    top: float
    bottom: float
    """Where it is seen, roughly."""

    def at(self, y: float) -> tuple[float, float]:
        """Its (x, y)."""
        return self.offset + self.slope * y, y


class Ends(NamedTuple):
    """A start and a stop pattern that go together."""

    likeness: float
    corners: Corners
    module: float
    """Pixels."""
    sign: int
    """-1 where it is light on dark."""


def bar_leans(part: Frame) -> list[float]:
    """How far bars may lean from upright, in degrees: where they are most, and like other edges."""
    soft = cv2.GaussianBlur(part, (0, 0), 0.9)
    x, y = cv2.Scharr(soft, cv2.CV_32F, 1, 0), cv2.Scharr(soft, cv2.CV_32F, 0, 1)
    size = max(1, part.shape[1] // PLOT_PX), max(1, part.shape[0] // PLOT_PX)
    # A gradient as a complex number: its square is the same on both sides of a bar.
    real, imaginary = (
        cv2.blur(cv2.resize(one, size, interpolation=cv2.INTER_AREA), (3, 3)).ravel()
        for one in (x * x - y * y, 2 * x * y)
    )
    most = np.hypot(real, imaginary).argmax()
    first = math.degrees(math.atan2(imaginary[most], real[most])) / 2
    twice = 2 * math.radians(lean(part))
    across = real * math.cos(twice) + imaginary * math.sin(twice)
    second = math.degrees(twice) / 2 + (0 if across.max() > -across.min() else 90)
    apart = abs((second - first + 90) % 180 - 90)
    return [first, second] if apart > UNLIKE else [first]


@dataclass(frozen=True, slots=True, eq=False)
class EndPatterns:
    """What symbols of a kind begin and end with, by the edges of the pattern and beside it."""

    templates: tuple[tuple[bool, bool, Picture], ...]
    """Each with whether it is a stop pattern, and upside down."""
    least: int
    """Modules of the narrowest symbol."""
    together: int
    """Bands that are averaged: rows of a symbol differ, bars that lean go grey."""
    margin: int
    """Modules of margin that belong to the patterns."""
    pairs: int
    """How many of them are told, at most."""

    @classmethod
    def of(
        cls,
        starts: Sequence[Grid],
        stop: Grid,
        least: int,
        *,
        together: int = 3,
        margin: int = 1,
        pairs: int = 1,
    ) -> "EndPatterns":
        """A light ``margin`` is put before ``starts``, and behind ``stop``.

        ``starts`` end with the first module of what follows, ``stop`` begins with the last one of
        what was before.
        """
        light = np.full(margin, -1, np.float32)
        patterns = [(False, np.concatenate([light, start])) for start in starts]
        patterns.append((True, np.concatenate([stop, light])))
        templates = tuple(
            (is_stop, is_turned, _template(pattern, is_turned=is_turned))
            for is_turned in (False, True)
            for is_stop, pattern in patterns
        )
        return cls(templates, least, together, margin, pairs)


def ends(picture: Picture, of: EndPatterns) -> Steps[list[Ends]]:
    """The start and stop patterns that go together, in a picture with upright bars; best first."""
    spots = yield from _spots(picture, of)
    pairs = [
        pair
        for is_turned in (False, True)
        for pair in _pairs(
            spots[False, is_turned], spots[True, is_turned], of.least, is_turned=is_turned
        )
    ]
    yield
    lines: dict[int, _Line] = {}
    traced = (_traced_pair(one, lines) for one in sorted(pairs, key=lambda one: -one.likeness))
    return apart(traced, of.pairs, _are_same)


def _bands(picture: Picture, together: int) -> Picture:
    """Rows of the picture averaged by so many bands, each a band further down."""
    size = picture.shape[1], max(1, picture.shape[0] // BAND_PX)
    bands = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(bands, (1, together)), np.float32)


def _edges(bands: Picture) -> Picture:
    """How light changes across: a wide bar or a wall is then not likest to everything."""
    return np.asarray(cv2.filter2D(bands, -1, _CHANGE), np.float32)


def _template(pattern: Grid, *, is_turned: bool) -> Picture:
    """The edges of a start or stop pattern as a camera shows them, and of what is beside it."""
    signs = -pattern[None]
    fine = np.repeat(signs[:, ::-1] if is_turned else signs, 8, 1).astype(np.float32)
    soft = cv2.GaussianBlur(fine, (0, 0), 4, borderType=cv2.BORDER_REPLICATE)
    size = MODULE_PX * signs.size, 1
    edges = _edges(np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_AREA), np.float32))
    return np.asarray(edges / np.linalg.norm(edges), np.float32)


def _spots(picture: Picture, of: EndPatterns) -> Steps[dict[tuple[bool, bool], list[_Spot]]]:
    """Where bands look like start and stop patterns, upright or upside down; the likest first."""
    bands = _bands(picture, of.together)
    found: dict[tuple[bool, bool], list[_Spot]] = {
        (is_stop, is_turned): [] for is_stop, is_turned, _template in of.templates
    }
    for module in SIZES:
        if of.least * module > picture.shape[1]:
            break
        factor = MODULE_PX / module
        size = round(factor * bands.shape[1]), len(bands)
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        scaled = _edges(np.asarray(cv2.resize(bands, size, interpolation=how), np.float32))
        squares = scaled * scaled
        strengths: dict[int, Picture] = {}
        for is_stop, is_turned, template in of.templates:
            if template.size not in strengths:
                sums = cv2.boxFilter(squares, -1, (template.size, 1), normalize=False)
                root = np.sqrt(np.maximum(sums, 0)) + FAINT
                strengths[template.size] = np.asarray(root, np.float32)
            strength = strengths[template.size]
            likeness = np.asarray(cv2.filter2D(scaled, -1, template) / strength, np.float32)
            # From the middle of what is looked for.
            outer = template.size // 2 - of.margin * MODULE_PX
            outer = outer if is_stop != is_turned else -outer
            lasting = cv2.blur(cv2.dilate(np.abs(likeness), _SWAY), (1, LASTING))
            if lasting.max() < LIKENESS:
                continue
            is_peak = (lasting > LIKENESS) & (lasting == cv2.dilate(lasting, _NEIGHBOURS))
            for index in np.flatnonzero(is_peak).tolist():
                row, column = at = divmod(index, size[0])
                near = likeness[row, max(0, column - 1) : column + 2]
                sign = 1 if near[np.abs(near).argmax()] > 0 else -1
                spot = _Spot(float(lasting[at]), at, module, outer, sign, likeness)
                found[is_stop, is_turned].append(spot)
            yield
    return {
        name: apart(sorted(spots, key=lambda one: -one.likeness), TRIED, _is_near)
        for name, spots in found.items()
    }


def _is_near(one: _Spot, other: _Spot) -> bool:
    across, down = np.abs(one.place - other.place)
    return bool(across <= 3 * one.module and down <= 4 * BAND_PX)


def _pairs(
    starts: list[_Spot], stops: list[_Spot], least: int, *, is_turned: bool
) -> Iterator[_Pair]:
    """The start and stop patterns of these that may go together."""
    for start, stop in product(starts, stops):
        away = stop.place - start.place
        if is_turned:
            away = -away
        module = math.sqrt(start.module * stop.module)
        if (
            start.sign == stop.sign
            and 1 / ALIKE < start.module / stop.module < ALIKE
            and away[0] > 0.8 * least * module
            and abs(away[1]) < ASLANT * away[0] + BAND_PX
        ):
            yield _Pair(start.likeness + stop.likeness, start, stop, is_turned)


def _traced_pair(pair: _Pair, traced: dict[int, _Line]) -> Ends:
    """Both patterns as lines; ``traced`` are those of spots that were traced before."""
    likeness, start, stop, is_turned = pair
    for spot in (start, stop):
        if id(spot) not in traced:
            traced[id(spot)] = _traced(spot)
    lines = traced[id(start)], traced[id(stop)]
    top, bottom = min(line.top for line in lines), max(line.bottom for line in lines)
    (a, d), (b, c) = ([line.at(top), line.at(bottom)] for line in lines)
    corners = np.array([d, c, b, a] if is_turned else [a, b, c, d])
    return Ends(likeness, corners, math.sqrt(start.module * stop.module), start.sign)


def _are_same(one: Ends, other: Ends) -> bool:
    """Whether both are of one symbol, seen at other bands or at another size."""
    far = np.abs(one.corners[:, 0] - other.corners[:, 0]).max()
    return bool(far <= 3 * one.module)


def _traced(spot: _Spot) -> _Line:
    """The edge of a pattern, followed up and down the picture from a spot."""
    seen: list[tuple[int, int, float]] = []
    row, column = spot.at
    for step in (-1, 1):
        y, x, missed = row, column, 0
        while 0 <= y < len(spot.map) and missed < 2:
            left = max(0, x - 2)
            near = spot.sign * spot.map[y, left : x + 3]
            likeness = float(near.max())
            if likeness > TRACED * spot.likeness:
                x, missed = left + int(near.argmax()), 0
                seen.append((y, x, likeness))
            else:
                missed += 1
            y += step
    rows, columns, weights = np.array(seen or [(row, column, spot.likeness)]).T
    down = (rows + 0.5) * BAND_PX
    across = (columns + spot.outer) * spot.module / MODULE_PX
    slope, offset = np.polyfit(down, across, 1, w=weights) if np.ptp(down) else (0.0, across[0])
    return _Line(float(slope), float(offset), down.min() - BAND_PX / 2, down.max() + BAND_PX / 2)
