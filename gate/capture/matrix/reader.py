"""From a region of a frame to a clean drawing of the symbol that is in it.

What one frame leaves open, the next may tell: likelihoods of the same symbol's modules add up over
frames, wherever in them it is, for they are counted in modules and not in pixels.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

import cv2
import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.equaliser import likelihoods
from gate.capture.matrix.placed import L, Layout, Placed
from gate.capture.matrix.plane import Corners, Grid, Map, Picture
from gate.capture.regions import Frame, Region, Sighted, evened, lean, turned
from gate.capture.steps import Steps

MARGIN = 0.25
"""Share of a region's longer side that is looked at around it."""
LARGEST_PX = 500
"""Longer sides are scaled down to that: a symbol that large has large modules."""
SCALE, QUIET = 3, 4
"""Pixels a module and modules of margin of the drawing."""
SIGHTED_FIT = 0.65
"""Nothing but a symbol fits so well."""
SAME = 0.25
"""Correlation from which on two frames show the same symbol; two tickets have about 0."""
BENT_EVERY = 2
"""Looks in vain at a symbol from one at which it may lie on bent paper to the next."""
FORGET_FRAMES = 10
"""A symbol out of view for so many looks does not go on."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A symbol that was made out."""

    picture: Frame
    """Drawn anew, without a flaw."""
    corners: tuple[tuple[int, int], ...]
    """Where it is in the frame, clockwise from the symbol's own top left."""
    frames: int
    """How many frames it took."""


@dataclass(slots=True, eq=False)
class _Sum:
    layout: Layout
    ratios: Grid
    middle: NDArray[np.float64]
    side: float
    """Pixels."""
    last: int
    """Number of the last frame that was added."""
    frames: int = 1


def _by_modules(picture: Picture, at: Placed[L]) -> Grid:
    return likelihoods(picture, at.layout.known, at.points)


class MatrixReader(Generic[L]):
    """Makes symbols of one kind out, over several frames where one does not do."""

    def __init__(
        self,
        placed: Callable[[Picture], Steps[Placed[L] | None]],
        made_out: Callable[[Grid, L], NDArray[np.bool_] | None],
        *,
        bent: Callable[[Picture, Placed[L]], Map | None] | None = None,
        leans: Callable[[Frame], Sequence[float]] = lambda part: (lean(part),),
        largest_px: int = LARGEST_PX,
        ratios: Callable[[Picture, Placed[L]], Grid] = _by_modules,
        sighted_fit: float = SIGHTED_FIT,
    ) -> None:
        """``placed`` finds one in a picture; ``made_out`` draws what its modules say, corrected.

        ``bent`` says where bent paper has them; ``None``: it is flat. ``leans`` tells in degrees
        how far the picture may have to be turned; its longer side is made smaller down to
        ``largest_px``. ``ratios`` tells for each module the log-likelihood ratio of dark to
        light. What fits better than ``sighted_fit`` is a symbol, readable or not.
        """
        self._placed, self._made_out, self._bent = placed, made_out, bent
        self._leans, self._largest_px, self._ratios = leans, largest_px, ratios
        self._sighted_fit = sighted_fit
        self._sum: _Sum | None = None
        self._frame = self._vain = 0
        self.sighted: Sighted | None = None
        """The symbol that the last frame had and that could not be made out."""

    def read(self, grey: Frame, within: list[Region]) -> Steps[Drawing | None]:
        """Look for a symbol in regions of the next frame."""
        self._frame += 1
        sighted = None
        for region in within:
            found = yield from self._found(grey, region.grown(MARGIN, grey.shape))
            if found is None:
                continue
            yield
            picture, at, corners = found
            left, top = corners.min(0)
            right, bottom = corners.max(0)
            place = Region(
                int(left), int(top), int(right - left), int(bottom - top), region.density
            )
            ratios = self._ratios(picture, at)
            frames = 1
            symbol = self._made_out(ratios, at.layout)
            # A map of bent paper costs as much as all the rest.
            if symbol is None and self._bent is not None and self._vain % BENT_EVERY == 0:
                yield
                points = self._bent(picture, at)
                if points is not None:
                    anew = likelihoods(picture, at.layout.known, points)
                    symbol = self._made_out(anew, at.layout)
                    # Where the map was grown in vain, the flat one may be nearer the truth.
                    ratios = max(ratios, anew, key=_sureness)
            if symbol is None:
                gathered = self._gathered(ratios, at.layout, corners)
                frames = gathered.frames
                if frames > 1:
                    symbol = self._made_out(gathered.ratios, at.layout)
            if symbol is not None:
                self.sighted = None
                self._vain = 0
                # The same symbol seen again is made out anew: a second opinion is one.
                self._sum = None
                outline = tuple((round(x), round(y)) for x, y in corners.tolist())
                return Drawing(_picture(symbol), outline, frames)
            across = math.dist(corners[0], corners[1]) + math.dist(corners[3], corners[2])
            module_px = across / 2 / at.layout.known.shape[1]
            if abs(at.fit) > self._sighted_fit:
                sighted = Sighted(place, module_px)
            break
        self.sighted = sighted
        self._vain = self._vain + 1 if sighted else 0
        return None

    def _gathered(self, ratios: Grid, of: L, corners: Corners) -> _Sum:
        """The likelihoods together with those of former frames, if they are of one symbol."""
        middle, side = corners.mean(0), float(np.ptp(corners, 0).max())
        new, before = _Sum(of, ratios, middle, side, self._frame), self._sum
        data = of.data_at.ravel()
        if (
            before is not None
            and before.layout is of
            and self._frame - before.last <= FORGET_FRAMES
            and np.hypot(*(middle - before.middle)) < max(side, before.side)
            and _correlation(before.ratios.ravel()[data], ratios.ravel()[data]) > SAME
        ):
            new.ratios, new.frames = ratios + before.ratios, before.frames + 1
        self._sum = new
        return new

    def _found(
        self, grey: Frame, region: Region
    ) -> "Steps[tuple[Picture, Placed[L], Corners] | None]":
        """A picture with evened contrast, the symbol in it, and its corners in the frame."""
        part = region.of(grey)
        factor = min(1.0, self._largest_px / max(part.shape))
        if factor < 1:
            how = cv2.INTER_AREA
            smaller = cv2.resize(part, None, fx=factor, fy=factor, interpolation=how)
            part = np.asarray(smaller, np.uint8)
        yield
        picture = evened(part)
        soft = cv2.GaussianBlur(picture, (0, 0), 0.7)
        yield
        for degrees in self._leans(part):
            yield
            upright, back = turned(soft, degrees, beyond=0.0)
            yield
            found = yield from self._placed(upright)
            if found is not None:
                break
        else:
            return None
        # Affine maps of OpenCV count from the middle of the first pixel, corners from its edge.
        corners = (found.corners - 0.5) @ back[:, :2].T + back[:, 2] + 0.5
        at = Placed(found.layout, corners, found.fit)
        return (
            picture if found.fit > 0 else -picture,
            at,
            corners / factor + (region.left, region.top),
        )


def _correlation(one: "NDArray[np.float32]", other: "NDArray[np.float32]") -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-6))


def _sureness(ratios: Grid) -> float:
    return float(np.abs(ratios).mean())


def _picture(symbol: "NDArray[np.bool_]") -> Frame:
    light = np.where(np.pad(symbol, QUIET), 0, 255).astype(np.uint8)
    return np.repeat(np.repeat(light, SCALE, 0), SCALE, 1)
