"""Pixels in, codes out: zxing-cpp reads, pyzbar stands in for it and has the last look.

A glance is cast at every frame. Other passes, each against another fault of pictures, take turns
where the glance found nothing new. ``benchmarks/bench_decode.py`` measures what they are worth.
A frame is hostile input: looking at it gives codes or none.
"""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib import metadata
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from gate.errors import InputError
from gate.language import _
from gate.scanner.camera import load_cv2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Frame: TypeAlias = "NDArray[np.uint8]"
"""Grey (height, width), or colour (height, width, 3) as blue, green, red."""

SYMBOLOGIES = ("QRCode", "Aztec", "PDF417", "DataMatrix", "Code128", "Code39", "EAN13")
LEAST_SIDE, MOST_SIDE = 8, 16_000
"""In pixels. Nothing smaller holds a symbol; OpenCV cannot turn much larger ones."""
MOST_PIXELS = 4_000_000
"""Nothing is enlarged beyond that: a large frame need not cost more."""
ENOUGH_PIXELS = 500_000
"""To tell how most edges lie."""
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


class Decoder:
    """Finds codes in frames. It belongs to one thread, for it remembers what it saw."""

    def __init__(self, symbologies: Sequence[str] = SYMBOLOGIES) -> None:
        self._symbologies = frozenset(symbologies)
        self._last: frozenset[_Name] = frozenset()
        self._turn = 0
        self._scene: Frame | None = None
        self._vain = 0

    def read(self, frame: Frame) -> list[Code]:
        """Look quickly, as at every frame of a camera."""
        grey = _grey(frame)
        if grey is None or self._is_exhausted(grey):
            return []
        codes = _look(_GLANCE, self._reader, grey)
        # Also beside known codes: a poster in view must not hide a ticket that is harder to read.
        if codes.keys() <= self._last:
            more = _look(_IN_TURN[self._turn], self._reader, grey)
            if more.keys() <= codes.keys():
                self._turn = (self._turn + 1) % len(_IN_TURN)
            codes = more | codes
        self._last = frozenset(codes)
        self._vain = 0 if codes else self._vain + 1
        return list(codes.values())

    def read_fully(self, frame: Frame) -> list[Code]:
        """Look with everything there is until something is found."""
        grey = _grey(frame)
        if grey is None:
            return []
        for how in (_GLANCE, *_IN_TURN, *_AT_LAST):
            if codes := _look(how, self._reader, grey):
                return list(codes.values())
        return list(_look(_THOROUGH, self._second, grey).values()) if self._second else []

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
        # The bars that zbar reads where zxing-cpp sees none are at times cut short.
        return _Zbar(zbar, self._symbologies & _MATRIX) if zbar else None

    def _is_exhausted(self, grey: Frame) -> bool:
        """Whether nothing has moved since every pass looked in vain."""
        cv2 = load_cv2()
        scene = cv2.resize(grey, (160, 90), interpolation=cv2.INTER_AREA)
        if self._scene is None or cv2.norm(scene, self._scene, cv2.NORM_INF) > STILL:
            self._scene, self._vain = scene, 0
        skips = self._vain >= len(_IN_TURN) and self._vain % LOOK_AGAIN != 0
        self._vain += skips
        return skips


def backends() -> dict[str, str]:
    """The decoders and their versions; one that cannot be loaded has an empty one."""
    return {name: metadata.version(name) if _load(name) else "" for name in _MODULES}


class _View(NamedTuple):
    """A picture made of a frame, and the affine way back to the frame."""

    picture: Frame
    back: Sequence[float] = (1, 0, 0, 0, 1, 0)


class _Pass(NamedTuple):
    """One way to look."""

    view: Callable[[Frame], _View]
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
        # Its decoders of DataBar and PDF417, on by default, write warnings to the terminal.
        kinds = [self._module.ZBarSymbol[kind] for kind in wanted]
        try:
            found = self._module.decode(picture, kinds)
            if not found and how.all_ways:
                found = self._module.decode(~picture, kinds)
        except ValueError:
            # pyzbar 0.1.9 cannot say how a symbol lies that is one part of several.
            return []
        return [
            Code(_text(one.data), one.data, wanted[one.type], _outline(one))
            for one in found
            if one.data and one.type in wanted
        ]


_Reader = _Zxing | _Zbar


def _look(how: _Pass, reader: _Reader, grey: Frame) -> dict[_Name, Code]:
    picture, (a, b, c, d, e, f) = how.view(grey)
    return {
        (code.symbology, code.raw): replace(
            code,
            corners=tuple(
                (round(a * x + b * y + c), round(d * x + e * y + f)) for x, y in code.corners
            ),
        )
        for code in reader(picture, how)
    }


def _scaled(grey: Frame, factor: float) -> _View:
    cv2 = load_cv2()
    factor = min(factor, math.sqrt(MOST_PIXELS / grey.size))
    how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    picture = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=how)
    return _View(picture, (1 / factor, 0, 0, 0, 1 / factor, 0))


def _sharpened(grey: Frame, factor: float = 1.5, sigma: float = 2.0, amount: float = 3.0) -> _View:
    cv2 = load_cv2()
    picture, back = _scaled(grey, factor)
    soft = cv2.GaussianBlur(picture, (0, 0), sigma)
    return _View(cv2.addWeighted(picture, 1 + amount, soft, -amount, 0), back)


def _thickened(grey: Frame) -> _View:
    """For dark modules eaten by the bloom of a bright screen."""
    cv2 = load_cv2()
    return _View(cv2.erode(grey, cv2.getStructuringElement(cv2.MORPH_RECT, (2, 2))))


def _straightened(grey: Frame, factor: float = 1.0) -> _View:
    """For rows of bars, which are only read where they lie straight."""
    cv2 = load_cv2()
    height, width = grey.shape
    factor = min(factor, math.sqrt(MOST_PIXELS / grey.size))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), _tilt(grey), factor)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    size = math.ceil(width * cosine + height * sine), math.ceil(width * sine + height * cosine)
    # Whole pixels, so that a frame that lies straight is not blurred.
    turn[:, 2] += (size[0] - width) // 2, (size[1] - height) // 2
    picture = cv2.warpAffine(grey, turn, size, borderMode=cv2.BORDER_REPLICATE)
    return _View(picture, cv2.invertAffineTransform(turn).ravel().tolist())


def _inverted(grey: Frame) -> _View:
    """For light bars on dark, which zxing-cpp looks for in matrix symbols only."""
    picture, back = _straightened(grey)
    return _View(~picture, back)


_GLANCE = _Pass(_View)
_THOROUGH = _Pass(_View, all_ways=True, all_sizes=True)
# Sharpened bars, and turned ones at all sizes, have been misread.
_IN_TURN = (
    _THOROUGH,
    _Pass(partial(_scaled, factor=2.0)),
    _Pass(_straightened, _BARS, all_ways=True),
    _Pass(_sharpened, _MATRIX),
    _Pass(_thickened, all_ways=True, all_sizes=True),
    _Pass(_inverted, _BARS, all_ways=True),
)
_AT_LAST = (
    _Pass(partial(_sharpened, factor=2.0, sigma=2.5, amount=1.0), _MATRIX, all_ways=True),
    _Pass(partial(_straightened, factor=1.5), _BARS, all_ways=True),
)


def _tilt(grey: Frame) -> float:
    """The angle of most edges to the nearest axis, in degrees from -45 to 45.

    An edge is its gradient as a complex number, whose fourth power is the same on all four sides
    of a square.
    """
    cv2 = load_cv2()
    small = _scaled(grey, min(0.5, math.sqrt(ENOUGH_PIXELS / grey.size))).picture
    small = cv2.GaussianBlur(small, (0, 0), 0.7)
    real, imaginary = cv2.Scharr(small, cv2.CV_32F, 1, 0), cv2.Scharr(small, cv2.CV_32F, 0, 1)
    for _power in (2, 4):
        real, imaginary = real * real - imaginary * imaginary, 2 * real * imaginary
    return math.degrees(math.atan2(cv2.sumElems(imaginary)[0], cv2.sumElems(real)[0])) / 4


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
