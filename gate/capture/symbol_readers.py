"""The libraries that read symbols: zxing-cpp, and pyzbar, which stands in for it."""

import importlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import pairwise
from types import ModuleType
from typing import Any

from gate.capture.camera import load_cv2
from gate.capture.passes import BARS, MATRIX, SYMBOLOGIES, Pass, scaled
from gate.capture.regions import Frame
from gate.errors import InputError
from gate.i18n import _

# zxing-cpp's QRCode takes noise for Micro QR, its Code39 takes "/A" for "!", and its Aztec takes
# the middle of a torn symbol for a rune.
_ZXING = {name: name for name in SYMBOLOGIES} | {
    "QRCode": "QRCodeModel2", "Code39": "Code39Std", "Aztec": "AztecCode",
}  # fmt: skip
_ZBAR = {"QRCode": "QRCODE", "Code128": "CODE128", "Code39": "CODE39", "EAN13": "EAN13"}
_TURNED = {"UP": 0, "RIGHT": 1, "DOWN": 2, "LEFT": 3}
_MODULES = {"zxing-cpp": "zxingcpp", "pyzbar": "pyzbar.pyzbar"}


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


class Zxing:
    """Reads all symbologies, and says how each symbol lies."""

    def __init__(self, module: ModuleType, symbologies: frozenset[str]) -> None:
        self._module = module
        self._formats = {name: getattr(module.BarcodeFormat, _ZXING[name]) for name in symbologies}
        self._names = {form.symbology: name for name, form in self._formats.items()}

    def __call__(self, picture: Frame, how: Pass) -> Iterator[list[Code]]:
        """Every symbol that it finds in a picture, way by way."""
        yield self._found(picture, how.symbologies, how)
        if not how.all_ways:
            return
        # Its own options look at everything again: matrix symbols are read however they lie, and
        # bars are not looked for in negative.
        if how.symbologies & BARS:
            cv2 = load_cv2()
            aside = cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE)
            bottom = picture.shape[0] - 1
            yield [
                replace(code, corners=tuple((y, bottom - x) for x, y in code.corners))
                for code in self._found(aside, how.symbologies & BARS, how)
            ]
        if how.symbologies & MATRIX:
            yield self._found(~picture, how.symbologies & MATRIX, how)

    def _found(self, picture: Frame, symbologies: frozenset[str], how: Pass) -> list[Code]:
        formats = [form for name, form in self._formats.items() if name in symbologies]
        if not formats:
            return []
        found = self._module.read_barcodes(
            picture,
            formats=formats,
            text_mode=self._module.TextMode.Plain,
            try_rotate=False,
            try_invert=False,
            try_downscale=how.all_sizes,
        )
        return [
            # zxing-cpp has no text for a character set unknown to it.
            Code(one.text or _text(one.bytes), one.bytes, self._names[one.symbology], _corners(one))
            for one in found
            if one.bytes and not _is_guess(one)
        ]


class Zbar:
    """Reads the most usual symbologies."""

    def __init__(self, module: ModuleType, symbologies: frozenset[str]) -> None:
        self._module = module
        self._names = {_ZBAR[name]: name for name in symbologies if name in _ZBAR}

    def __call__(self, picture: Frame, how: Pass) -> Iterator[list[Code]]:
        """Every symbol that it finds in a picture."""
        yield self._found(picture, how)

    def _found(self, picture: Frame, how: Pass) -> list[Code]:
        wanted = {kind: name for kind, name in self._names.items() if name in how.symbologies}
        if not wanted:
            return []
        try:
            found = self._decoded(picture, wanted)
            if not found and how.all_ways:
                picture = ~picture
                found = self._decoded(picture, wanted)
            if any(wanted[one.type] in BARS for one in found):
                # Its bars are at times cut short: they are believed once a second look agrees.
                again = {one.data for one in self._decoded(scaled(picture, 1.5).picture, wanted)}
                found = [one for one in found if wanted[one.type] in MATRIX or one.data in again]
        except ValueError:
            # pyzbar 0.1.9 cannot say how a symbol lies that is one part of several.
            return []
        return [Code(_text(one.data), one.data, wanted[one.type], _outline(one)) for one in found]

    def _decoded(self, picture: Frame, wanted: dict[str, str]) -> list[Any]:
        # Its decoders of DataBar and PDF417, on by default, write warnings to the terminal.
        kinds = [self._module.ZBarSymbol[kind] for kind in wanted]
        found = self._module.decode(picture, kinds)
        return [one for one in found if one.data and one.type in wanted]


SymbolReader = Zxing | Zbar


def reader_of(symbologies: frozenset[str]) -> SymbolReader:
    """The best library that is there. Raises InputError when none is."""
    if zxing := _load("zxing-cpp"):
        return Zxing(zxing, symbologies)
    if zbar := _load("pyzbar"):
        return Zbar(zbar, symbologies)
    raise InputError(
        _("no decoder for pictures is there"),
        _("Scanning by USB scanner works without it. Install: pip install zxing-cpp"),
    )


def second_opinion(first: SymbolReader, symbologies: frozenset[str]) -> SymbolReader | None:
    """Another library than the first one, if it is there."""
    zbar = _load("pyzbar") if isinstance(first, Zxing) else None
    return Zbar(zbar, symbologies) if zbar else None


def backends() -> dict[str, str]:
    """The decoders and their versions; one that cannot be loaded has an empty one."""
    return {name: metadata.version(name) if _load(name) else "" for name in _MODULES}


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
