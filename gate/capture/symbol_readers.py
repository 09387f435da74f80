"""The libraries that read symbols: zxing-cpp, and pyzbar, which stands in for it."""

import importlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from gate.capture.camera import load_cv2
from gate.capture.passes import Pass, Scene, scaled
from gate.capture.regions import Frame
from gate.capture.steps import Steps
from gate.core.symbologies import BARS, MATRIX, Symbology
from gate.errors import InputError
from gate.i18n import _

if TYPE_CHECKING:
    from gate.capture.qr.structured_append import Part

# zxing-cpp's QRCode takes noise for Micro QR, its Code39 takes "/A" for "!", and its Aztec takes
# the middle of a torn symbol for a rune.
_ZXING = {name: (str(name),) for name in Symbology} | {
    Symbology.QR: ("QRCodeModel2",),
    Symbology.CODE39: ("Code39Std",),
    Symbology.AZTEC: ("AztecCode",),
    Symbology.DATABAR: ("DataBarOmni", "DataBarStk", "DataBarStkOmni"),
    Symbology.DATABAR_EXPANDED: ("DataBarExp", "DataBarExpStk"),
    Symbology.DATABAR_LIMITED: ("DataBarLtd",),
}
# Its DataBar writes warnings to the terminal, and its UPC-E is spelled in another way.
_ZBAR = {
    Symbology.QR: "QRCODE",
    Symbology.CODE128: "CODE128",
    Symbology.CODE39: "CODE39",
    Symbology.EAN13: "EAN13",
    Symbology.EAN8: "EAN8",
    Symbology.ITF: "I25",
    Symbology.CODABAR: "CODABAR",
    Symbology.CODE93: "CODE93",
}
_DARK = 128
"""Grey levels below are dark modules."""
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
    part: "Part | None" = None
    """What it is a part of; then it is no code by itself."""

    @property
    def name(self) -> "Name":
        """What makes it that code; the same one twice in a frame is one."""
        return self.symbology, self.raw, self.part


Name: TypeAlias = "tuple[str, bytes, Part | None]"


class Zxing:
    """Reads all symbologies, and says how each symbol lies."""

    def __init__(self, module: ModuleType, symbologies: frozenset[Symbology]) -> None:
        self._module = module
        self._formats = {
            name: [getattr(module.BarcodeFormat, form) for form in _ZXING[name]]
            for name in symbologies
        }
        # Some it finds by the name of their family.
        self._names = {form: name for name in symbologies for form in (*_ZXING[name], name.value)}

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

    def _found(self, picture: Frame, symbologies: frozenset[Symbology], how: Pass) -> list[Code]:
        formats = [
            form for name, forms in self._formats.items() if name in symbologies for form in forms
        ]
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
            Code(
                one.text or _text(one.bytes),
                one.bytes,
                name.value,
                _corners(one),
                part=_part(one) if name is Symbology.QR else None,
            )
            for one in found
            if one.bytes and not _is_guess(one) and (name := self._names.get(one.format.name))
        ]


class Zbar:
    """Reads the most usual symbologies."""

    def __init__(self, module: ModuleType, symbologies: frozenset[Symbology]) -> None:
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
        return [
            Code(_text(one.data), one.data, wanted[one.type].value, _outline(one)) for one in found
        ]

    def _decoded(self, picture: Frame, wanted: dict[str, Symbology]) -> list[Any]:
        # Its decoders of DataBar and PDF417, on by default, write warnings to the terminal.
        # UPC-E that it is not asked for it would give as EAN-13.
        kinds = [self._module.ZBarSymbol[kind] for kind in (*wanted, "UPCE")]
        found = self._module.decode(picture, kinds)
        return [one for one in found if one.data and one.type in wanted]


SymbolReader = Zxing | Zbar


def reader_of(symbologies: frozenset[Symbology]) -> SymbolReader:
    """The best library that is there. Raises InputError when none is."""
    if zxing := _load("zxing-cpp"):
        return Zxing(zxing, symbologies)
    if zbar := _load("pyzbar"):
        return Zbar(zbar, symbologies)
    raise InputError(
        _("no decoder for pictures is there"),
        _("Scanning by USB scanner works without it. Install: pip install zxing-cpp"),
    )


def second_opinion(first: SymbolReader, symbologies: frozenset[Symbology]) -> SymbolReader | None:
    """Another library than the first one, if it is there."""
    zbar = _load("pyzbar") if isinstance(first, Zxing) else None
    return Zbar(zbar, symbologies) if zbar else None


def look(how: Pass, reader: SymbolReader, scene: Scene) -> Steps[dict[Name, Code]]:
    """What one way to look finds in a scene: all codes of the first picture that has any."""
    found: dict[Name, Code] = {}
    for view in how.views(scene):
        yield
        if view is None:
            continue
        picture, (a, b, c, d, e, f) = view
        for codes in reader(picture, how):
            for code in codes:
                corners = [(a * x + b * y + c, d * x + e * y + f) for x, y in code.corners]
                outline = tuple((round(x), round(y)) for x, y in corners)
                found.setdefault(code.name, replace(code, corners=outline))
            yield
        if found:
            break
    return found


def backends() -> dict[str, str]:
    """The decoders and their versions; one that cannot be loaded has an empty one."""
    return {name: metadata.version(name) if _load(name) else "" for name in _MODULES}


def _is_guess(found: Any) -> bool:
    """Whether a PDF417 spent all of its error correction: all that was misread had."""
    return found.symbology.name == "PDF417" and (found.extra or {}).get("UEC") == 0


def _part(found: Any) -> "Part | None":
    """Which part of a message a QR symbol holds, if it is not whole."""
    import numpy as np  # noqa: PLC0415  loaded with the camera

    from gate.capture.qr.structured_append import part_of  # noqa: PLC0415

    symbol = np.array(found.to_image(scale=1, add_quiet_zones=False)) < _DARK
    of: dict[str, Any] = found.extra
    level, mask = of["ECLevel"].lower(), int(of["DataMask"])
    return part_of(symbol, level, mask, is_clean=of["UEC"] == 1)


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
