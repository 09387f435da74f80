"""Where in a frame a code may be: codes are the densest edges of most pictures.

What costs too much for a whole frame is affordable for the few per cent of it that matter.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from gate.capture.camera import load_cv2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Frame: TypeAlias = "NDArray[np.uint8]"
"""Grey (height, width), or colour (height, width, 3) as blue, green, red."""


CELL = 8
"""Pixels a side within which edges are counted together."""
SPREAD = 2.0
"""Cells over which counts are smoothed: gaps within a symbol are no borders."""
LEAST = 2.0
"""Grey levels of mean edge above those of the frame; less is noise."""
CUT = 0.45
"""A region goes as far as edges are this share of its densest spot."""
WINDOW_PX = 24
"""Contrast is evened within squares of twice that."""
MARGIN, BORDER = 1.3, 1
"""In sides of a known symbol, and cells around that: its own, with the quiet zone's edge."""
LEAST_PX = 32
"""A region with a shorter side is too little to say anything about."""
DENSE = 4.0
"""Grey levels of mean edge: less dense regions are no code in sight."""
DARK = (0.36, 0.62)
"""Share of a code that is dark; lines of text have less."""
SLENDER = 4.0
"""Longer for their height are lines of text, and bars of which little is seen."""
CHANGES = 3
"""Between light and dark across the shorter side, at least."""
SECOND = 0.12
"""A further region is at least this dense, beside the first."""


@dataclass(frozen=True, slots=True)
class Region:
    """An upright part of a frame."""

    left: int
    top: int
    width: int
    height: int
    density: float
    """Grey levels of edge above the frame's, at its densest spot."""

    @property
    def is_worth_a_look(self) -> bool:
        """Whether it is dense and large enough for a code."""
        return self.density >= DENSE and min(self.width, self.height) >= LEAST_PX

    def grown(self, share: float, size: tuple[int, int]) -> "Region":
        """The region with a margin, within a frame of (height, width)."""
        margin = round(share * max(self.width, self.height))
        left, top = max(0, self.left - margin), max(0, self.top - margin)
        right = min(size[1], self.left + self.width + margin)
        bottom = min(size[0], self.top + self.height + margin)
        return Region(left, top, right - left, bottom - top, self.density)

    def is_much_like(self, other: "Region") -> bool:
        """Whether each has the middle of the other, and neither is four times as large."""
        smaller, larger = sorted((self.width * self.height, other.width * other.height))
        return larger < 4 * smaller and _has_middle(self, other) and _has_middle(other, self)

    def of(self, frame: Frame) -> Frame:
        """Its pixels."""
        return frame[self.top : self.top + self.height, self.left : self.left + self.width]


def _has_middle(one: Region, other: Region) -> bool:
    x, y = other.left + other.width / 2, other.top + other.height / 2
    return one.left <= x < one.left + one.width and one.top <= y < one.top + one.height


@dataclass(frozen=True, slots=True)
class Sighted:
    """Where a symbol was found that could not be made out."""

    region: Region
    module_px: float
    """Pixels a module."""


Outline: TypeAlias = "Sequence[tuple[float, float]]"
"""The corners of a symbol, in pixels of the frame."""


def regions(grey: Frame, most: int = 2, known: "Iterable[Outline]" = ()) -> list[Region]:
    """The densest regions of a frame but those of known symbols, the densest first."""
    cv2 = load_cv2()
    import numpy as np  # noqa: PLC0415  loaded with the camera

    height, width = (side // CELL for side in grey.shape)
    if min(height, width) < 3:
        return []
    grey = grey[: height * CELL, : width * CELL]
    # Every second line tells as much; whole cells are counted eight times as fast as parts of them.
    even = grey[::2]
    across = cv2.copyMakeBorder(
        cv2.absdiff(even[:, 2:], even[:, :-2]), 0, 0, 0, 2, cv2.BORDER_REPLICATE
    )
    down = cv2.copyMakeBorder(cv2.absdiff(even[1:], even[:-1]), 0, 1, 0, 0, cv2.BORDER_REPLICATE)
    edges = sum(
        cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        for one in (across, down)
    )
    edges = np.maximum(edges - np.median(edges), 0)
    for outline in known:
        corners = np.array(outline, np.float32) / CELL
        middle = corners.mean(0)
        corners = np.round(middle + MARGIN * (corners - middle)).astype(np.int32)
        cv2.fillConvexPoly(edges, corners, 0.0)
        cv2.polylines(edges, [corners], isClosed=True, color=0.0, thickness=2 * BORDER + 1)
    edges = cv2.GaussianBlur(edges, (0, 0), SPREAD)
    found: list[Region] = []
    for _n in range(most):
        _least, density, _at, (x, y) = cv2.minMaxLoc(edges)
        if density < (max(LEAST, SECOND * found[0].density) if found else LEAST):
            break
        dense = (edges > CUT * density).astype(np.uint8)
        _count, labels, stats, _middles = cv2.connectedComponentsWithStats(dense, connectivity=4)
        left, top, wide, high, _area = (int(value) for value in stats[labels[y, x]])
        found.append(Region(left * CELL, top * CELL, wide * CELL, high * CELL, density))
        edges[max(0, top - 1) : top + high + 1, max(0, left - 1) : left + wide + 1] = 0
    return found


def grain(part: Frame) -> float:
    """How much all edges lie one way: 1 for nothing but bars, near 0 for modules of a matrix.

    An edge is its gradient as a complex number, whose square is the same on both sides of a bar.
    """
    cv2 = load_cv2()
    soft = cv2.GaussianBlur(part, (0, 0), 0.9)
    across, down = cv2.Scharr(soft, cv2.CV_32F, 1, 0), cv2.Scharr(soft, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.sumElems(one)[0] for one in (across * across, down * down, across * down))
    return math.hypot(xx - yy, 2 * xy) / float(xx + yy + 1)


def lean(grey: Frame) -> float:
    """The angle of most edges to the nearest axis, in degrees from -45 to 45.

    An edge is its gradient as a complex number, whose fourth power is the same on all four sides
    of a square.
    """
    cv2 = load_cv2()
    soft = cv2.GaussianBlur(grey, (0, 0), 0.9)
    real, imaginary = cv2.Scharr(soft, cv2.CV_32F, 1, 0), cv2.Scharr(soft, cv2.CV_32F, 0, 1)
    for _power in (2, 4):
        real, imaginary = real * real - imaginary * imaginary, 2 * real * imaginary
    return math.degrees(math.atan2(cv2.sumElems(imaginary)[0], cv2.sumElems(real)[0])) / 4


def evened(part: Frame) -> "NDArray[np.float32]":
    """Lightness against that of the surroundings, in units of their contrast."""
    cv2 = load_cv2()
    light = part.astype("float32")
    window = (2 * WINDOW_PX + 1,) * 2
    mean = cv2.boxFilter(light, -1, window)
    spread = cv2.sqrt(cv2.max(cv2.boxFilter(light * light, -1, window) - mean * mean, 0))
    even: NDArray[np.float32] = (light - mean) / (spread + 1)
    return even


def is_like_a_code(part: Frame) -> bool:
    """Whether light and dark are in balance and change often, as they do in codes."""
    dark, across, down = _darkness(part)
    height, width = part.shape
    return bool(
        DARK[0] < dark < DARK[1]
        and max(across, down) * min(height, width) > CHANGES
        and max(width, height) < SLENDER * min(width, height)
    )


def _darkness(part: Frame) -> tuple[float, float, float]:
    """The share that is dark for its surroundings; changes to each pixel, across and down."""
    cv2 = load_cv2()
    dark = evened(cv2.GaussianBlur(part, (0, 0), 1.0)) < 0
    across, down = dark[:, 1:] != dark[:, :-1], dark[1:] != dark[:-1]
    return float(dark.mean()), float(across.mean()), float(down.mean())


def turned(
    picture: "NDArray[Any]", degrees: float, factor: float = 1.0, beyond: float | None = None
) -> "tuple[NDArray[Any], NDArray[np.float64]]":
    """The whole picture turned and scaled, and the affine map back.

    Around it is ``beyond``, or its border drawn out.
    """
    cv2 = load_cv2()
    height, width = picture.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, factor)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    size = math.ceil(width * cosine + height * sine), math.ceil(width * sine + height * cosine)
    # Whole pixels, so that what lies straight is not blurred.
    turn[:, 2] += (size[0] - width) // 2, (size[1] - height) // 2
    border = cv2.BORDER_REPLICATE if beyond is None else cv2.BORDER_CONSTANT
    upright = cv2.warpAffine(picture, turn, size, borderMode=border, borderValue=(beyond or 0.0,))
    return upright, cv2.invertAffineTransform(turn)
