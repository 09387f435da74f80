"""Ways to look at a frame: pictures made of it, each against another fault of pictures.

``docs/decoders.md`` says what each is worth.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import NamedTuple

from gate.capture.camera import load_cv2
from gate.capture.regions import (
    Frame,
    Outline,
    Region,
    evened,
    grain,
    is_like_a_code,
    lean,
    regions,
    turned,
)
from gate.capture.steps import Steps, finished
from gate.core.symbologies import ALL, BARS, MATRIX, Symbology

MOST_PIXELS = 4_000_000
"""Nothing is enlarged beyond that: a large frame need not cost more."""
ENOUGH_PIXELS = 500_000
"""To tell how most edges lie."""
CANDIDATES, MOST_REGIONS = 6, 3
"""So many of the densest regions are considered, and so many looked at."""
REGION_PIXELS = 1_000_000
"""No region is enlarged beyond that, with full effort."""


@dataclass(slots=True)
class Scene:
    """A frame in grey, and where in it codes may be."""

    grey: Frame
    most: int = MOST_REGIONS
    """How many regions are looked at."""
    known: Sequence[Outline] = ()
    """Symbols that are made out: they are no region."""
    place: int | None = None
    """Which of the regions alone is looked at; the densest where there are not so many."""
    pixels: int = REGION_PIXELS
    """No region is enlarged beyond that."""
    found: list[Region] | None = None
    """The regions, once they were looked for."""
    hurries: bool = False
    """Whether readers are spared the regions that seldom are theirs."""
    _grains: dict[Region, float] = field(default_factory=dict)

    @property
    def regions(self) -> list[Region]:
        """The densest regions, the densest first; looked for once."""
        return finished(self.looked_over())

    def looked_over(self) -> Steps[list[Region]]:
        """The same, in steps."""
        if self.found is None:
            dense = regions(self.grey, 1 if self.place == 0 else CANDIDATES, self.known)
            yield
            # Behind the densest come those that look like a code.
            others: list[Region] = []
            like = 0
            for one in dense[1:]:
                if is_like_a_code(one.of(self.grey)):
                    others.insert(like, one)
                    like += 1
                else:
                    others.append(one)
                yield
            dense = [*dense[:1], *others][: self.most]
            if self.place is not None:
                dense = dense[self.place : self.place + 1] or dense[:1]
            self.found = dense
        return self.found

    def worth(self, how: "Pass") -> list[Region]:
        """The regions that a reader of our own is to look at."""
        if not self.hurries:
            return self.regions
        least, most = how.grain
        return [one for one in self.regions if least <= self.grain_of(one) <= most]

    def grain_of(self, region: Region) -> float:
        """How much the edges in a region lie one way; counted once."""
        if region not in self._grains:
            self._grains[region] = grain(region.of(self.grey))
        return self._grains[region]

    @property
    def is_worth_a_look(self) -> bool:
        """Whether there is something that looks like a code."""
        return any(
            region.is_worth_a_look and is_like_a_code(region.of(self.grey))
            for region in self.regions
        )


class View(NamedTuple):
    """A picture made of a frame, and the affine way back to the frame."""

    picture: Frame
    back: Sequence[float] = (1, 0, 0, 0, 1, 0)


class Pass(NamedTuple):
    """One way to look."""

    views: Callable[[Scene], Iterable[View | None]]
    """``None`` is a step on the way to the next one."""
    symbologies: frozenset[Symbology] = ALL
    all_ways: bool = False
    """Also lying on its side, and light on dark."""
    all_sizes: bool = False
    grain: tuple[float, float] = (0.0, 1.0)
    """How much the edges of a region lie one way for which it pays in haste: from, and to."""


def _plain(scene: Scene) -> Iterator[View]:
    yield View(scene.grey)


def _larger(scene: Scene, factor: float) -> Iterator[View]:
    yield scaled(scene.grey, factor)


def scaled(grey: Frame, factor: float) -> View:
    """The picture larger or smaller, as far as that is worth its price."""
    cv2 = load_cv2()
    factor = min(factor, math.sqrt(MOST_PIXELS / grey.size))
    how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    picture = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=how)
    return View(picture, (1 / factor, 0, 0, 0, 1 / factor, 0))


def _sharpened(
    scene: Scene, factor: float = 1.5, sigma: float = 2.0, amount: float = 3.0
) -> Iterator[View]:
    picture, back = scaled(scene.grey, factor)
    yield View(_sharp(picture, sigma, amount), back)


def _sharp(picture: Frame, sigma: float, amount: float) -> Frame:
    cv2 = load_cv2()
    soft = cv2.GaussianBlur(picture, (0, 0), sigma)
    sharp: Frame = cv2.addWeighted(picture, 1 + amount, soft, -amount, 0)
    return sharp


def _thickened(scene: Scene) -> Iterator[View]:
    """For dark modules eaten by the bloom of a bright screen."""
    cv2 = load_cv2()
    yield View(cv2.erode(scene.grey, cv2.getStructuringElement(cv2.MORPH_RECT, (2, 2))))


def _straightened(scene: Scene, factor: float = 1.0) -> Iterator[View | None]:
    """For rows of bars, which are only read where they lie straight."""
    factor = min(factor, math.sqrt(MOST_PIXELS / scene.grey.size))
    tilt = _tilt(scene.grey)
    yield None
    yield _turned(scene.grey, tilt, factor)


def _inverted(scene: Scene) -> Iterator[View | None]:
    """For light bars on dark, which zxing-cpp looks for in matrix symbols only."""
    for view in chain(_upright(scene, factor=2.0), _straightened(scene)):
        yield None if view is None else View(~view.picture, view.back)


def _framed(scene: Scene) -> Iterator[View]:
    """The regions with a light margin, for dark symbols that a dark page leaves without one.

    The light modules of a symbol touch each other, or lie between others that do, and reach all of
    its four sides, so it ends where they do. Letters beside it are apart, and what is behind the
    page reaches the border.
    """
    cv2 = load_cv2()
    for picture, back in _upright(scene, factor=2.0):
        _level, light = cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        height, width = picture.shape
        _count, _labels, boxes, _middles = cv2.connectedComponentsWithStats(light)
        inner = [
            (left, top, left + wide, top + high)
            for left, top, wide, high, _area in boxes[1:].tolist()
            if left and top and left + wide < width and top + high < height
        ]
        if inner:
            left, top, right, bottom = _joined(inner)
            framed = cv2.max(picture, 255)
            symbol = slice(top, bottom), slice(left, right)
            framed[symbol] = picture[symbol]
            yield View(framed, back)


def _joined(boxes: list[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    """The largest of boxes (left, top, right, bottom) with all that it overlaps, and so on."""
    around = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    while True:
        in_it = [
            box
            for box in boxes
            if box[0] < around[2] and around[0] < box[2]
            and box[1] < around[3] and around[1] < box[3]
        ]  # fmt: skip
        lefts, tops, rights, bottoms = zip(*in_it, strict=True)
        joined = min(lefts), min(tops), max(rights), max(bottoms)
        if joined == around:
            return around
        around = joined


def _upright(scene: Scene, factor: float, share: float = 0.25) -> Iterator[View]:
    """The regions, each turned to its own axes and enlarged."""
    for region in scene.regions:
        whole = region.grown(share, scene.grey.shape)
        part = whole.of(scene.grey)
        limit = max(1.0, math.sqrt(scene.pixels / part.size))
        view = _turned(part, lean(region.of(scene.grey)), min(factor, limit))
        yield _moved(view, whole)


def _evened(scene: Scene, factor: float, sigma: float, amount: float) -> Iterator[View | None]:
    """The regions with evened contrast, upright, enlarged and sharpened."""
    cv2 = load_cv2()
    for region in scene.regions:
        whole = region.grown(0.25, scene.grey.shape)
        part = cv2.convertScaleAbs(cv2.max(50 * evened(whole.of(scene.grey)) + 128, 0))
        yield None
        limit = max(1.0, math.sqrt(scene.pixels / part.size))
        picture, back = _turned(part, lean(region.of(scene.grey)), min(factor, limit))
        yield _moved(View(_sharp(picture, sigma * min(factor, limit), amount), back), whole)


def _smoothed(scene: Scene, factor: float, sigma: float) -> Iterator[View]:
    """The regions upright, with bars averaged along their length: noise goes, edges stay."""
    cv2 = load_cv2()
    for picture, back in _upright(scene, factor):
        yield View(cv2.GaussianBlur(picture, (0, 0), sigmaX=0.01, sigmaY=sigma * factor), back)


def _turned(grey: Frame, degrees: float, factor: float) -> View:
    picture, back = turned(grey, degrees, factor)
    return View(picture, back.ravel().tolist())


def _moved(view: View, region: Region) -> View:
    a, b, c, d, e, f = view.back
    return View(view.picture, (a, b, c + region.left, d, e, f + region.top))


def _tilt(grey: Frame) -> float:
    return lean(scaled(grey, min(0.5, math.sqrt(ENOUGH_PIXELS / grey.size))).picture)


GLANCE = Pass(_plain)
THOROUGH = Pass(_plain, all_ways=True, all_sizes=True)
ROWS, LINEAR = 0.25, 0.6
"""The grain from which on a region is most often PDF417, and from which on bars alone."""
QR = Pass(_plain, frozenset({Symbology.QR}), grain=(0.0, LINEAR))
AZTEC = Pass(_plain, frozenset({Symbology.AZTEC}), grain=(0.0, LINEAR))
PDF417 = Pass(_plain, frozenset({Symbology.PDF417}), grain=(0.0, 0.65))
CODE128 = Pass(_plain, frozenset({Symbology.CODE128}), grain=(0.45, 1.0))
DATA_MATRIX = Pass(_plain, frozenset({Symbology.DATA_MATRIX}), grain=(0.0, LINEAR))
OWN = (QR, AZTEC, PDF417, CODE128, DATA_MATRIX)
"""What packages of their own beside this one make of the regions."""


def likeliest(grain: float) -> Pass:
    """The reader whose symbol a region with such a grain most often is."""
    return QR if grain < ROWS else PDF417 if grain < LINEAR else CODE128


_BARS_SMOOTHED = Pass(partial(_smoothed, factor=1.0, sigma=1.2), all_ways=True)
_EVENED = Pass(partial(_evened, factor=1.5, sigma=1.33, amount=2.0), all_ways=True)
_EVENED_LARGE = Pass(partial(_evened, factor=2.0, sigma=1.33, amount=2.0))
_THICKENED = Pass(_thickened, all_ways=True, all_sizes=True)
_STRAIGHTENED = Pass(_straightened, BARS, all_ways=True)
_INVERTED = Pass(_inverted, BARS, all_ways=True)
_FRAMED = Pass(_framed, frozenset({Symbology.QR}))
_UPRIGHT = Pass(partial(_upright, factor=2.0), all_ways=True)
_FIRST = (_BARS_SMOOTHED, QR)
IN_TURN: tuple[tuple[Pass, ...], ...] = (
    _FIRST,
    (AZTEC, _EVENED),
    (*_FIRST, CODE128, PDF417, DATA_MATRIX),
    (_UPRIGHT, _THICKENED),
    _FIRST,
    (AZTEC, _EVENED_LARGE, THOROUGH),
    _FIRST,
    (CODE128, PDF417, DATA_MATRIX, _STRAIGHTENED, _INVERTED, _FRAMED),
)
"""What a camera's frames get in turn: what pays most by the millisecond comes first and often."""
FOR_OTHERS = (Pass(partial(_upright, factor=1.0), all_ways=True), _UPRIGHT, THOROUGH)
"""For symbologies that are switched off, in turn."""
# Sharpened bars, and turned ones at all sizes, have been misread.
FULLY = (
    *OWN,
    _EVENED,
    _UPRIGHT,
    _BARS_SMOOTHED,
    Pass(partial(_larger, factor=2.0)),
    _STRAIGHTENED,
    Pass(_sharpened, MATRIX),
    _THICKENED,
    _INVERTED,
    _FRAMED,
    _EVENED_LARGE,
    Pass(partial(_evened, factor=3.0, sigma=1.33, amount=2.0), all_ways=True),
    Pass(partial(_smoothed, factor=2.0, sigma=1.2), all_ways=True),
    Pass(partial(_upright, factor=3.0), all_ways=True),
    Pass(partial(_sharpened, factor=2.0, sigma=2.5, amount=1.0), MATRIX, all_ways=True),
    Pass(partial(_straightened, factor=1.5), BARS, all_ways=True),
)
