"""A symbol's plane in the picture: four corners, and where they put each module."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Grid = NDArray[np.float32]
"""Modules of a symbol."""
Corners = NDArray[np.float64]
"""Four (x, y) in pixels of the picture, clockwise from the symbol's own top left."""
Map = Callable[[NDArray[np.float64]], NDArray[np.float32]]
"""Where places in modules (P, 2) are in pixels."""
Fits = Callable[[NDArray[np.float64]], NDArray[np.float32]]
"""How well each of many sets of corners (K, 4, 2) fits."""
STEPS = (1.0, 0.5, 0.25, 0.12)
"""Modules by which corners are moved to fit better, ever less."""


def sampled(picture: Picture, at: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture at (…, 2) places in pixels, between pixels by interpolation."""
    points = at - np.float32(0.5)
    flat = points.reshape(-1, points.shape[-2], 2)
    seen = cv2.remap(
        picture, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(seen, np.float32).reshape(points.shape[:-1])


def normalised(pattern: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a pattern shows, as ``correlations`` takes it."""
    return np.asarray((pattern - pattern.mean()) / (pattern.std() * len(pattern)), np.float32)


def correlations(seen: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.float32]:
    """How like each row of what is seen (K, P) is to a normalised pattern (P), from -1 to 1."""
    centred = seen - seen.mean(1, keepdims=True)
    return np.asarray(centred @ wanted / (centred.std(1) + 1e-3), np.float32)


def projected(
    corners: NDArray[np.float64], size: int | tuple[int, int], at: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Places in modules as pixels (K, P, 2), for each of many sets of four corners (K, 4, 2).

    ``size`` is a side in modules, or how many there are across and down.
    """
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
    unit = np.concatenate([(at / size).T, np.ones((1, len(at)))]).astype(np.float32)
    x, y, depth = np.moveaxis(maps @ unit, 1, 0)
    return np.stack([x / depth, y / depth], -1)


def settled(
    fits: Fits, corners: Corners, fit: float, module_px: float, most: float = 1.0
) -> tuple[Corners, float]:
    """The corners nearby that fit best, and how well: they are moved by modules, then by parts."""
    for reach in (step for step in STEPS if step <= most):
        for _again in range(2):
            tried = corners[None] + NUDGES * (reach * module_px)
            rated = fits(tried)
            best = int(rated.argmax())
            if rated[best] <= fit + 1e-3:
                break
            corners, fit = tried[best], float(rated[best])
    return corners, fit


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


NUDGES = _nudges()
