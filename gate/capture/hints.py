"""What a guest can do about a code that is in sight and cannot be read.

It looks at the densest region of a frame in which nothing was read. One frame may deceive: only
what most of the last frames say is said.
"""

from collections import Counter, deque
from enum import StrEnum
from typing import TypeAlias

from gate.capture.camera import load_cv2
from gate.capture.parts import InParts
from gate.capture.regions import CELL, Frame, Region, Sighted, is_like_a_code, regions
from gate.capture.switched_off import OffHere


class Advice(StrEnum):
    """What to ask of the guest."""

    WHOLE = "whole"
    """Part of the code is outside of the picture."""
    FURTHER = "further"
    """It is so near that it fills the picture, or is out of focus."""
    NEARER = "nearer"
    """Its modules are smaller than can be told apart."""
    TILT = "tilt"
    """A lamp is mirrored in it."""
    BRIGHTER = "brighter"
    DIMMER = "dimmer"
    """The screen outshines its own dark modules."""
    STILL = "still"
    """It is smeared."""


Hint: TypeAlias = Advice | OffHere | InParts
"""What to say of a code that is in sight and gives no scan."""

SMALL_SHARE, LARGE_SHARE = 0.012, 0.85
"""Of the frame: area of a code too far away, height or width of one too near."""
SMALL_PX = 2.0
"""Pixels a module."""
DIM, BRIGHT = 70, 250
"""Grey levels: the lightest parts of a dim code; what is blown out."""
GREY = 110
"""Grey level that the darkest parts of a code stay below, unless light spills over them."""
SPOT = (0.008, 0.4)
"""Shares of a code that a mirrored lamp covers."""
SOFT = 1.65
"""Contrast over the steepest edges, in pixels; a sharp picture has 1.45."""
ONE_WAY = 0.45
"""Edges across over edges along; a smaller ratio is that of bars, or of motion."""
SQUARE = 1.5
"""Longer for their height are codes of bars."""
BLURRED = 2.0
"""Soft in all directions by so much is out of focus."""
LOOKS, AGREED = 12, 7
"""Of so many missed frames so many must say the same."""


class Guide:
    """Watches the frames in which nothing was read."""

    def __init__(self) -> None:
        self._recent: deque[Advice | None] = deque(maxlen=LOOKS)

    def missed(self, grey: Frame, sighted: Sighted | None = None) -> Advice | None:
        """Take a frame in which nothing was read; the answer is what to say by now.

        ``sighted`` is where a symbol is known to be.
        """
        self._recent.append(advice(grey, sighted))
        ((most, times),) = Counter(self._recent).most_common(1)
        return most if times >= AGREED else None

    def forget(self) -> None:
        """Begin anew: something was read."""
        self._recent.clear()


def advice(grey: Frame, sighted: Sighted | None = None) -> Advice | None:
    """What keeps the code in one frame from being read; ``None`` where there may be none."""
    region = sighted.region if sighted else next(iter(regions(grey, 1)), None)
    if region is None or not region.is_worth_a_look:
        return None
    part = region.of(grey)
    light = _by_light(part)
    # What is blown out or dark no longer looks like a code.
    if light is None and sighted is None and not is_like_a_code(part):
        return None
    if sighted and sighted.module_px < SMALL_PX:
        return Advice.NEARER
    return _by_place(region, grey.shape) or light or _by_edges(part)


def _by_place(region: Region, size: tuple[int, ...]) -> Advice | None:
    height, width = size[:2]
    right, bottom = region.left + region.width, region.top + region.height
    # Regions end at whole cells; what is left at the right and the bottom is part of none.
    outside = (
        (region.left < CELL)
        + (region.top < CELL)
        + (right > width - 2 * CELL)
        + (bottom > height - 2 * CELL)
    )
    if outside > 1 or max(region.width / width, region.height / height) > LARGE_SHARE:
        return Advice.FURTHER
    if outside:
        return Advice.WHOLE
    is_small = region.width * region.height < SMALL_SHARE * width * height
    return Advice.NEARER if is_small else None


def _by_light(part: Frame) -> Advice | None:
    import numpy as np  # noqa: PLC0415  loaded with the camera

    cv2 = load_cv2()
    dark, light = np.percentile(part, (10, 95))
    if light < DIM:
        return Advice.BRIGHTER
    blown = (part >= BRIGHT).astype(np.uint8)
    if dark > GREY and blown.mean() > SPOT[1]:
        return Advice.DIMMER
    # Light modules of a white screen are blown out as well; a lamp covers dark ones too.
    side = max(3, min(part.shape) // 8) | 1
    spot = cv2.erode(blown, np.ones((side, side), np.uint8)).mean()
    return Advice.TILT if SPOT[0] < spot < SPOT[1] else None


def _by_edges(part: Frame) -> Advice | None:
    import numpy as np  # noqa: PLC0415  loaded with the camera

    cv2 = load_cv2()
    soft = cv2.GaussianBlur(part.astype(np.float32), (0, 0), 1.0)
    across, down = cv2.Scharr(soft, cv2.CV_32F, 1, 0), cv2.Scharr(soft, cv2.CV_32F, 0, 1)
    steepest = float(np.percentile(cv2.magnitude(across, down), 95)) / 32
    width_px = float(part.std()) / max(1.0, steepest)
    mixed = float((across * down).mean())
    tensor = [[float((across * across).mean()), mixed], [mixed, float((down * down).mean())]]
    least, most = np.linalg.eigvalsh(np.array(tensor))
    height, width = part.shape
    if least < ONE_WAY * most and (
        width_px > SOFT or max(height, width) < SQUARE * min(height, width)
    ):
        return Advice.STILL
    if width_px < SOFT:
        return None
    # Cameras without autofocus see nothing sharp that is near.
    return Advice.FURTHER if width_px > BLURRED else Advice.STILL
