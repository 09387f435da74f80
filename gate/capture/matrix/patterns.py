"""Where a picture looks like a drawn pattern of concentric squares, of any size."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import cv2
import numpy as np

from gate.capture.matrix.plane import Grid, Picture
from gate.capture.steps import Steps

MODULE_PX = 2.0
"""Pictures are scaled so that a module of the size looked for has so many pixels."""
MODULES = tuple(1.35 * 1.25**step for step in range(9))
"""The sizes looked for, in pixels of the picture."""
GRAIN_PX = 128


P = TypeVar("P")


class Peak(NamedTuple):
    """Something like the pattern."""

    x: float
    y: float
    module: float
    """Pixels."""
    likeness: float
    """Correlation; below 0 it is light on dark."""


def template(modules: Grid) -> Picture:
    """The pattern as a camera shows it; light is high."""
    large = cv2.resize(modules, None, fx=12, fy=12, interpolation=cv2.INTER_NEAREST)
    side = round(len(modules) * MODULE_PX)
    soft = cv2.GaussianBlur(large, (0, 0), 6, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(soft, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def peaks(
    picture: Picture, pattern: Picture, least: float, sides: tuple[int, int]
) -> Steps[list[Peak]]:
    """Places at which correlation is highest, and higher than ``least``.

    No symbol has more modules to the picture's longer side than the second of ``sides``, nor fewer
    than the first.
    """
    # Correlation with nothing at all is noise of the arithmetic: better a little noise of our own.
    height, width = picture.shape
    tiles = height // GRAIN_PX + 1, width // GRAIN_PX + 1
    picture = picture + np.tile(_GRAIN, tiles)[:height, :width]
    found: list[Peak] = []
    half = len(pattern) / 2
    for module in MODULES:
        factor = MODULE_PX / module
        if not sides[0] * module < max(picture.shape) < sides[1] * module:
            continue
        how = cv2.INTER_LINEAR if factor > 1 else cv2.INTER_AREA
        scaled = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=how)
        if min(scaled.shape) < len(pattern):
            continue
        likeness = cv2.matchTemplate(scaled, pattern, cv2.TM_CCOEFF_NORMED)
        size = np.abs(likeness)
        rows, columns = np.nonzero((size == cv2.dilate(size, _NEIGHBOURS)) & (size > least))
        found += [
            Peak((x + half) / factor, (y + half) / factor, module, float(likeness[y, x]))
            for y, x in zip(rows, columns, strict=True)
        ]
        yield
    return found


def apart(found: Iterable[P], most: int, is_near: Callable[[P, P], bool]) -> list[P]:
    """The first so many of which none ``is_near`` one that was kept before it."""
    kept: list[P] = []
    for one in found:
        if not any(is_near(one, former) for former in kept):
            kept.append(one)
        if len(kept) == most:
            break
    return kept


def within(modules: float) -> Callable[[Peak, Peak], bool]:
    """Whether a peak lies within so many of another one's modules from it."""
    return lambda one, other: bool(
        np.hypot(one.x - other.x, one.y - other.y) <= modules * other.module
    )


_GRAIN = np.random.default_rng(1).normal(0, 0.1, (GRAIN_PX, GRAIN_PX)).astype(np.float32)
_NEIGHBOURS = np.ones((5, 5), np.uint8)
