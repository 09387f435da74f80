"""Pixels in, codes out: zxing-cpp reads, pyzbar stands in for it and has the last look.

A glance is cast at every frame. Rescue passes, each against another fault of pictures, take turns
where the glance found nothing new, within a budget of time. ``docs/decoders.md`` says what they are
worth. A frame is hostile input: looking at it gives codes or none.
"""

import importlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib import metadata
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from gate.capture.camera import load_cv2
from gate.capture.regions import Frame, Region, Sighted, evened, lean, regions, turned
from gate.errors import InputError
from gate.i18n import _

if TYPE_CHECKING:
    from gate.capture.qr.reader import QrReader

SYMBOLOGIES = ("QRCode", "Aztec", "PDF417", "DataMatrix", "Code128", "Code39", "EAN13")
LEAST_SIDE, MOST_SIDE = 8, 16_000
"""In pixels. Nothing smaller holds a symbol; OpenCV cannot turn much larger ones."""
MOST_PIXELS = 4_000_000
"""Nothing is enlarged beyond that: a large frame need not cost more."""
ENOUGH_PIXELS = 500_000
"""To tell how most edges lie."""
REGION_PIXELS = 1_000_000
"""No region is enlarged beyond that."""
BUDGET = 4.0
"""What rescue passes may take, in times of the glances at the same frames."""
OF_IDLENESS = 0.5
"""Share of the time until the next frame that they may take as well."""
REST = 2
"""Frames without a rescue pass after each one, as long as no symbol is in sight."""
TRACKED = 12
"""Frames in a row in which a symbol that is in sight but not made out is gone after."""
STILL = 10
"""Grey levels that a spot of a scene may change by while nothing moves: noise."""
LOOK_AGAIN = 10
"""Every so many frames a still scene is searched all the same."""

_ALL = frozenset(SYMBOLOGIES)
_MATRIX = frozenset({"QRCode", "Aztec", "DataMatrix"})
_BARS = _ALL - _MATRIX
# zxing-cpp's QRCode takes noise for Micro QR, and its Code39 takes "/A" for "!".
_ZXING = {name: name for name in SYMBOLOGIES} | {"QRCode": "QRCodeModel2", "Code39": "Code39Std"}
_ZBAR = {"QRCode": "QRCODE", "Code128": "CODE128", "Code39": "CODE39", "EAN13": "EAN13"}
_TURNED = {"UP": 0, "RIGHT": 1, "DOWN": 2, "LEFT": 3}
_MODULES = {"zxing-cpp": "zxingcpp", "pyzbar": "pyzbar.pyzbar"}

_Name = tuple[str, bytes]
"""What makes a code: its symbology and bytes. The same one twice in a frame is one."""


@dataclass(frozen=True, slots=True)
class Code:
    """One symbol found in a frame."""

    text: str
    raw: bytes
    symbology: str
    corners: tuple[tuple[int, int], ...]
    """Four (x, y) in pixels of the frame, clockwise from the symbol's own top left."""
    frames: int = 1
    """How many frames it took. Where it is several, another ticket may have been among them."""


class Decoder:
    """Finds codes in frames. It belongs to one thread, for it remembers what it saw."""

    def __init__(
        self,
        symbologies: Sequence[str] = SYMBOLOGIES,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._symbologies = frozenset(symbologies)
        self._last: frozenset[_Name] = frozenset()
        self._turn = 0
        self._scene: Frame | None = None
        self._vain = 0
        self._now = now
        self._ended: float | None = None
        self._credit_s = 0.0
        self._tracked = 0
        self._rested = 0
        self.missed: Frame | None = None
        """The last frame in grey, if nothing was read in it and it was worth a look."""

    def read(self, frame: Frame) -> list[Code]:
        """Look quickly, as at every frame of a camera."""
        self.missed = None
        grey = _grey(frame)
        if grey is None or self._is_exhausted(grey):
            return []
        began = self._now()
        codes = _look(_GLANCE, self._reader, _Scene(grey))
        glance_s = self._now() - began
        idle_s = began - self._ended if self._ended is not None else 0.0
        # Also beside known codes: a poster in view must not hide a ticket that is harder to read.
        if codes.keys() <= self._last:
            self._credit_s += max(BUDGET * glance_s, OF_IDLENESS * idle_s)
            codes = self._rescued(_Scene(grey), codes.keys()) | codes
        self._last = frozenset(codes)
        if codes:
            self._vain = 0
        else:
            self.missed = grey
        self._ended = self._now()
        return list(codes.values())

    def read_fully(self, frame: Frame) -> list[Code]:
        """Look with everything there is until something is found."""
        self.missed = None
        grey = _grey(frame)
        if grey is None:
            return []
        scene = _Scene(grey, most=3)
        for how in (_GLANCE, *_FULLY):
            if codes := self._looked(how, scene):
                return list(codes.values())
        return list(_look(_THOROUGH, self._second, scene).values()) if self._second else []

    @property
    def sighted(self) -> Sighted | None:
        """The QR symbol that the last look had and that could not be made out."""
        return self._qr.sighted if self._qr is not None else None

    def _rescued(self, scene: "_Scene", known: Iterable[_Name]) -> dict[_Name, Code]:
        """What the pass whose turn it is finds, if there is time for it."""
        tracks = self.sighted is not None and self._tracked < TRACKED
        self._rested += 1
        looks_again = self._vain >= len(_IN_TURN)
        if not (tracks or looks_again or (self._credit_s > 0 and self._rested > REST)):
            return {}
        self._rested = 0
        began = self._now()
        found: dict[_Name, Code] = {}
        for how in (_QR,) if tracks else _IN_TURN[self._turn]:
            found |= self._looked(how, scene)
            if not found.keys() <= set(known):
                break
        self._credit_s = min(0.0, self._credit_s - (self._now() - began))
        if found.keys() <= set(known):
            # What has been tracked in vain is tracked again only after it was out of sight.
            self._tracked = self._tracked + tracks if self.sighted else 0
            if not tracks:
                self._vain += 1
                self._turn = (self._turn + 1) % len(_IN_TURN)
        else:
            # What has paid is done again at once.
            self._rested, self._tracked = REST, 0
        return found

    def _looked(self, how: "_Pass", scene: "_Scene") -> dict[_Name, Code]:
        if how is not _QR:
            return _look(how, self._reader, scene)
        if self._qr is None:
            return {}
        drawing = self._qr.read(scene.grey, scene.regions)
        if drawing is None:
            return {}
        found = self._reader(drawing.picture, _GLANCE)
        return {
            (code.symbology, code.raw): replace(
                code, corners=drawing.corners, frames=drawing.frames
            )
            for code in found
        }

    @cached_property
    def _qr(self) -> "QrReader | None":
        if "QRCode" not in self._symbologies:
            return None
        from gate.capture.qr.reader import QrReader  # noqa: PLC0415  loaded with OpenCV

        return QrReader()

    @cached_property
    def _reader(self) -> "_Reader":
        if zxing := _load("zxing-cpp"):
            return _Zxing(zxing, self._symbologies)
        if zbar := _load("pyzbar"):
            return _Zbar(zbar, self._symbologies)
        raise InputError(
            _("no decoder for pictures is there"),
            _("Scanning by USB scanner works without it. Install: pip install zxing-cpp"),
        )

    @cached_property
    def _second(self) -> "_Reader | None":
        zbar = _load("pyzbar") if isinstance(self._reader, _Zxing) else None
        return _Zbar(zbar, self._symbologies) if zbar else None

    def _is_exhausted(self, grey: Frame) -> bool:
        """Whether nothing has moved since every pass looked in vain."""
        cv2 = load_cv2()
        scene = cv2.resize(grey, (160, 90), interpolation=cv2.INTER_AREA)
        if self._scene is None or cv2.norm(scene, self._scene, cv2.NORM_INF) > STILL:
            self._scene, self._vain = scene, 0
        skips = self._vain >= len(_IN_TURN) and (self._vain - len(_IN_TURN)) % LOOK_AGAIN != 0
        self._vain += skips
        return skips


def backends() -> dict[str, str]:
    """The decoders and their versions; one that cannot be loaded has an empty one."""
    return {name: metadata.version(name) if _load(name) else "" for name in _MODULES}


@dataclass(slots=True)
class _Scene:
    """A frame in grey, and where in it codes may be."""

    grey: Frame
    most: int = 1
    """How many regions are looked at."""
    _regions: list[Region] | None = None

    @property
    def regions(self) -> list[Region]:
        """The densest regions, the densest first; looked for once."""
        if self._regions is None:
            self._regions = regions(self.grey, self.most)
        return self._regions


class _View(NamedTuple):
    """A picture made of a frame, and the affine way back to the frame."""

    picture: Frame
    back: Sequence[float] = (1, 0, 0, 0, 1, 0)


class _Pass(NamedTuple):
    """One way to look."""

    views: Callable[[_Scene], Iterable[_View]]
    symbologies: frozenset[str] = _ALL
    all_ways: bool = False
    """Also lying on its side, and light on dark."""
    all_sizes: bool = False


class _Zxing:
    def __init__(self, module: ModuleType, symbologies: frozenset[str]) -> None:
        self._module = module
        self._formats = {name: getattr(module.BarcodeFormat, _ZXING[name]) for name in symbologies}
        self._names = {form.symbology: name for name, form in self._formats.items()}

    def __call__(self, picture: Frame, how: _Pass) -> list[Code]:
        formats = [form for name, form in self._formats.items() if name in how.symbologies]
        if not formats:
            return []
        found = self._module.read_barcodes(
            picture,
            formats=formats,
            text_mode=self._module.TextMode.Plain,
            try_rotate=how.all_ways,
            try_invert=how.all_ways,
            try_downscale=how.all_sizes,
        )
        return [
            # zxing-cpp has no text for a character set unknown to it.
            Code(one.text or _text(one.bytes), one.bytes, self._names[one.symbology], _corners(one))
            for one in found
            if one.bytes and not _is_guess(one)
        ]


class _Zbar:
    def __init__(self, module: ModuleType, symbologies: frozenset[str]) -> None:
        self._module = module
        self._names = {_ZBAR[name]: name for name in symbologies if name in _ZBAR}

    def __call__(self, picture: Frame, how: _Pass) -> list[Code]:
        wanted = {kind: name for kind, name in self._names.items() if name in how.symbologies}
        if not wanted:
            return []
        try:
            found = self._decoded(picture, wanted)
            if not found and how.all_ways:
                picture = ~picture
                found = self._decoded(picture, wanted)
            if any(wanted[one.type] in _BARS for one in found):
                # Its bars are at times cut short: they are believed once a second look agrees.
                again = {one.data for one in self._decoded(_scaled(picture, 1.5).picture, wanted)}
                found = [one for one in found if wanted[one.type] in _MATRIX or one.data in again]
        except ValueError:
            # pyzbar 0.1.9 cannot say how a symbol lies that is one part of several.
            return []
        return [Code(_text(one.data), one.data, wanted[one.type], _outline(one)) for one in found]

    def _decoded(self, picture: Frame, wanted: dict[str, str]) -> list[Any]:
        # Its decoders of DataBar and PDF417, on by default, write warnings to the terminal.
        kinds = [self._module.ZBarSymbol[kind] for kind in wanted]
        found = self._module.decode(picture, kinds)
        return [one for one in found if one.data and one.type in wanted]


_Reader = _Zxing | _Zbar


def _look(how: _Pass, reader: _Reader, scene: _Scene) -> dict[_Name, Code]:
    found: dict[_Name, Code] = {}
    for picture, (a, b, c, d, e, f) in how.views(scene):
        for code in reader(picture, how):
            corners = [(a * x + b * y + c, d * x + e * y + f) for x, y in code.corners]
            found[code.symbology, code.raw] = replace(
                code, corners=tuple((round(x), round(y)) for x, y in corners)
            )
        if found:
            break
    return found


def _plain(scene: _Scene) -> Iterator[_View]:
    yield _View(scene.grey)


def _larger(scene: _Scene, factor: float) -> Iterator[_View]:
    yield _scaled(scene.grey, factor)


def _scaled(grey: Frame, factor: float) -> _View:
    cv2 = load_cv2()
    factor = min(factor, math.sqrt(MOST_PIXELS / grey.size))
    how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    picture = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=how)
    return _View(picture, (1 / factor, 0, 0, 0, 1 / factor, 0))


def _sharpened(
    scene: _Scene, factor: float = 1.5, sigma: float = 2.0, amount: float = 3.0
) -> Iterator[_View]:
    picture, back = _scaled(scene.grey, factor)
    yield _View(_sharp(picture, sigma, amount), back)


def _sharp(picture: Frame, sigma: float, amount: float) -> Frame:
    cv2 = load_cv2()
    soft = cv2.GaussianBlur(picture, (0, 0), sigma)
    sharp: Frame = cv2.addWeighted(picture, 1 + amount, soft, -amount, 0)
    return sharp


def _thickened(scene: _Scene) -> Iterator[_View]:
    """For dark modules eaten by the bloom of a bright screen."""
    cv2 = load_cv2()
    yield _View(cv2.erode(scene.grey, cv2.getStructuringElement(cv2.MORPH_RECT, (2, 2))))


def _straightened(scene: _Scene, factor: float = 1.0) -> Iterator[_View]:
    """For rows of bars, which are only read where they lie straight."""
    factor = min(factor, math.sqrt(MOST_PIXELS / scene.grey.size))
    yield _turned(scene.grey, _tilt(scene.grey), factor)


def _inverted(scene: _Scene) -> Iterator[_View]:
    """For light bars on dark, which zxing-cpp looks for in matrix symbols only."""
    for picture, back in _straightened(scene):
        yield _View(~picture, back)


def _upright(scene: _Scene, factor: float, share: float = 0.25) -> Iterator[_View]:
    """The regions, each turned to its own axes and enlarged."""
    for region in scene.regions:
        whole = region.grown(share, scene.grey.shape)
        part = whole.of(scene.grey)
        limit = math.sqrt(REGION_PIXELS / part.size)
        view = _turned(part, lean(region.of(scene.grey)), min(factor, limit))
        yield _moved(view, whole)


def _evened(scene: _Scene, factor: float, sigma: float, amount: float) -> Iterator[_View]:
    """The regions with evened contrast, upright, enlarged and sharpened."""
    cv2 = load_cv2()
    for region in scene.regions:
        whole = region.grown(0.25, scene.grey.shape)
        part = cv2.convertScaleAbs(cv2.max(50 * evened(whole.of(scene.grey)) + 128, 0))
        factor = min(factor, math.sqrt(REGION_PIXELS / part.size))
        picture, back = _turned(part, lean(region.of(scene.grey)), factor)
        yield _moved(_View(_sharp(picture, sigma * factor, amount), back), whole)


def _smoothed(scene: _Scene, factor: float, sigma: float) -> Iterator[_View]:
    """The regions upright, with bars averaged along their length: noise goes, edges stay."""
    cv2 = load_cv2()
    for picture, back in _upright(scene, factor):
        yield _View(cv2.GaussianBlur(picture, (0, 0), sigmaX=0.01, sigmaY=sigma * factor), back)


def _turned(grey: Frame, degrees: float, factor: float) -> _View:
    picture, back = turned(grey, degrees, factor)
    return _View(picture, back.ravel().tolist())


def _moved(view: _View, region: Region) -> _View:
    a, b, c, d, e, f = view.back
    return _View(view.picture, (a, b, c + region.left, d, e, f + region.top))


def _tilt(grey: Frame) -> float:
    return lean(_scaled(grey, min(0.5, math.sqrt(ENOUGH_PIXELS / grey.size))).picture)


_GLANCE = _Pass(_plain)
_THOROUGH = _Pass(_plain, all_ways=True, all_sizes=True)
_QR = _Pass(_plain, frozenset({"QRCode"}))
"""What ``gate.capture.qr`` makes of the regions."""
_BARS_SMOOTHED = _Pass(partial(_smoothed, factor=1.0, sigma=1.2), all_ways=True)
_EVENED = _Pass(partial(_evened, factor=1.5, sigma=1.33, amount=2.0), all_ways=True)
_EVENED_LARGE = _Pass(partial(_evened, factor=2.0, sigma=1.33, amount=2.0))
_THICKENED = _Pass(_thickened, all_ways=True, all_sizes=True)
_STRAIGHTENED = _Pass(_straightened, _BARS, all_ways=True)
_INVERTED = _Pass(_inverted, _BARS, all_ways=True)
_UPRIGHT = _Pass(partial(_upright, factor=2.0), all_ways=True)
_FIRST = (_QR, _BARS_SMOOTHED)
_IN_TURN: tuple[tuple[_Pass, ...], ...] = (
    _FIRST,
    (_EVENED,),
    _FIRST,
    (_UPRIGHT, _THICKENED),
    _FIRST,
    (_EVENED_LARGE, _THOROUGH),
    _FIRST,
    (_STRAIGHTENED, _INVERTED),
)
"""What a camera's frames get in turn: what pays most by the millisecond comes first and often."""
# Sharpened bars, and turned ones at all sizes, have been misread.
_FULLY = (
    _THOROUGH,
    _QR,
    _EVENED,
    _UPRIGHT,
    _BARS_SMOOTHED,
    _Pass(partial(_larger, factor=2.0)),
    _STRAIGHTENED,
    _Pass(_sharpened, _MATRIX),
    _THICKENED,
    _INVERTED,
    _EVENED_LARGE,
    _Pass(partial(_evened, factor=3.0, sigma=1.33, amount=2.0), all_ways=True),
    _Pass(partial(_smoothed, factor=2.0, sigma=1.2), all_ways=True),
    _Pass(partial(_upright, factor=3.0), all_ways=True),
    _Pass(partial(_sharpened, factor=2.0, sigma=2.5, amount=1.0), _MATRIX, all_ways=True),
    _Pass(partial(_straightened, factor=1.5), _BARS, all_ways=True),
)


def _grey(frame: Frame) -> "Frame | None":
    sides = frame.shape[:2]
    if min(sides) < LEAST_SIDE or max(sides) > MOST_SIDE:
        return None
    if frame.ndim == 2:
        return frame
    cv2 = load_cv2()
    grey: Frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    return grey


def _is_guess(found: Any) -> bool:
    """Whether a PDF417 spent all of its error correction: all that was misread had."""
    return found.symbology.name == "PDF417" and (found.extra or {}).get("UEC") == 0


def _corners(found: Any) -> tuple[tuple[int, int], ...]:
    place = found.position
    corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    points = [(corner.x, corner.y) for corner in corners]
    area = sum(a * d - b * c for (a, b), (c, d) in pairwise([*points, points[0]]))
    # Bars read from right to left come with top and bottom exchanged.
    return tuple(points if area >= 0 else points[::-1])


def _outline(found: Any) -> tuple[tuple[int, int], ...]:
    """Four corners from pyzbar's hull of any number of points."""
    points = [(point.x, point.y) for point in found.polygon]
    if len(points) != 4:
        left, top, width, height = found.rect
        right, bottom = left + width, top + height
        points = [(left, top), (right, top), (right, bottom), (left, bottom)]
    middle_x, middle_y = sum(x for x, _y in points) / 4, sum(y for _x, y in points) / 4
    points.sort(key=lambda point: math.atan2(point[1] - middle_y, point[0] - middle_x))
    first = points.index(min(points, key=sum)) + _TURNED.get(found.orientation, 0)
    return tuple(points[(first + index) % 4] for index in range(4))


def _text(raw: bytes) -> str:
    """Bytes of an unknown character set; Latin-1 has a letter for each."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _load(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(_MODULES[name])
    except (ImportError, OSError):  # OSError: a library of Windows that will not load
        return None
