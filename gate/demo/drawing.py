"""What the drawn camera sees: people, what they hold, and the foyer behind them.

Colours are blue, green, red; a drawing has a fourth channel that says how much it covers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import zxingcpp

if TYPE_CHECKING:
    import numpy.typing as npt
    from cv2.typing import MatLike

    from gate.demo.showing import Showing

    Frame = npt.NDArray[np.uint8]
    Random = np.random.Generator

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
Limb = tuple[float, float, float, float, float]
"""From x, y to x, y and half a thickness, in widths, heights and widths of a whole."""

WIDTH, HEIGHT = 960, 540
"""A frame is drawn in this size, then brought to the one asked for."""
MODULE_PX = {"QRCode": 5.0, "Aztec": 5.5, "PDF417": 3.0, "Code128": 2.4}
"""How large the modules of a symbol are when it is held still."""
QUIET = {"QRCode": 4, "Aztec": 2, "PDF417": 4, "Code128": 10}
"""Modules of white left and right of a symbol."""

SKINS = ((150, 178, 222), (118, 148, 196), (78, 106, 150), (58, 76, 112))
COATS = ((92, 66, 48), (58, 62, 122), (74, 92, 66), (70, 66, 68), (52, 104, 148), (112, 104, 92))
SHIRTS = ((176, 180, 184), (60, 56, 54), (140, 116, 96), (96, 108, 140))
HAIRS = ((20, 22, 26), (24, 38, 60), (58, 92, 128), (98, 98, 104))
INKS = ((150, 84, 30), (52, 46, 150), (78, 110, 40), (110, 50, 96))
PHONE, SCREEN, PAPER, PRINT = (34, 30, 30), (250, 250, 250), (226, 234, 236), (104, 98, 98)

PERSON: tuple[tuple[str, Limb], ...] = (
    ("coat", (0.25, 0.55, 0.75, 0.55, 0.13)),
    ("coat", (0.19, 0.61, 0.14, 1.1, 0.1)),
    ("coat", (0.81, 0.61, 0.86, 1.1, 0.1)),
    ("coat", (0.5, 0.75, 0.5, 1.2, 0.29)),
    ("shirt", (0.5, 0.5, 0.5, 1.1, 0.06)),
    ("hair", (0.5, 0.16, 0.5, 0.22, 0.14)),
    ("skin", (0.5, 0.38, 0.5, 0.45, 0.075)),
    ("skin", (0.5, 0.22, 0.5, 0.285, 0.12)),
    ("eyes", (0.445, 0.24, 0.46, 0.24, 0.01)),
    ("eyes", (0.54, 0.24, 0.555, 0.24, 0.01)),
    ("eyes", (0.465, 0.318, 0.535, 0.318, 0.004)),
)
HANDS: dict[str, tuple[tuple[Limb, ...], tuple[Limb, ...]]] = {
    "phone": (
        ((0.3, 0.97, 0.75, 1.0, 0.22), (1.02, 0.98, 1.05, 0.66, 0.14)),
        (
            (1.04, 0.68, 0.96, 0.47, 0.085),
            *((-0.06, y, 0.02, y - 0.01, 0.068) for y in (0.5, 0.575, 0.65, 0.72)),
        ),
    ),
    "paper": (
        ((0.34, 1.08, 0.66, 1.1, 0.19), (0.24, 0.99, 0.6, 1.0, 0.08)),
        ((0.62, 1.12, 0.52, 0.92, 0.08),),
    ),
    "wide": (((1.03, 1.02, 1.04, 0.72, 0.075),), ((1.05, 0.86, 0.97, 0.62, 0.048),)),
}
"""What of a hand is behind and in front of an upright phone or paper, or of a wide one."""


class Sprite(NamedTuple):
    """A picture with soft edges: its colours times its cover, and how much shines through."""

    colour: MatLike
    clear: MatLike

    @classmethod
    def of(cls, drawing: MatLike) -> Sprite:
        """Split a drawing of four channels."""
        cover = cv2.cvtColor(cv2.extractChannel(drawing, 3), cv2.COLOR_GRAY2BGR)
        colour = cv2.min(cv2.cvtColor(drawing, cv2.COLOR_BGRA2BGR), cover)
        return cls(colour, cv2.bitwise_not(cover))

    def scaled(self, scale: float) -> Sprite:
        """The same, smaller."""
        return Sprite(*(cv2.resize(part, None, fx=scale, fy=scale) for part in self))

    def lay(self, frame: MatLike, x: float, y: float) -> None:
        """Put it onto a frame, its upper left corner there."""
        left, top = round(x), round(y)
        view = frame[max(0, top) : max(0, top + self.colour.shape[0]), max(0, left) :]
        colour, clear = (part[max(0, -top) :, max(0, -left) :] for part in self)
        high, wide = min(view.shape[0], colour.shape[0]), min(view.shape[1], colour.shape[1])
        if high > 0 and wide > 0:
            view = view[:high, :wide]
            cv2.multiply(view, clear[:high, :wide], dst=view, scale=1 / 255)
            cv2.add(view, colour[:high, :wide], dst=view)


def draw_carrier(showing: Showing, rng: Random, skin: Colour) -> tuple[MatLike, Box]:
    """A phone or paper in its hand; and left, top, width and height of the symbol on it."""
    code = _draw_symbol(showing)
    rows, columns = code.shape
    is_wide = columns > 1.5 * rows
    is_phone = showing.carrier == "phone"
    wide = max(round(columns * (1.2 if is_wide else 1.35)), 200)
    high = round(max(wide * (0.48 if is_wide else 2.0 if is_phone else 1.7), 1.45 * rows))
    margin = round(wide * (0.12 if is_wide else 0.32))
    drawing = np.zeros((high + 2 * margin, wide + 2 * margin, 4), np.uint8)
    behind, before = HANDS["wide" if is_wide else showing.carrier]
    draw_limbs(drawing, behind, skin, (margin, margin, wide, high))
    body = drawing[margin : margin + high, margin : margin + wide]
    draw_body = _draw_phone if is_phone else _draw_paper
    white = draw_body(body, showing.title, pick(rng, INKS), is_wide=is_wide)
    x = round(0.045 * wide) if is_wide else (wide - columns) // 2
    y = round((0.6 if is_wide else 0.54) * high - rows / 2)
    body[y : y + rows, x : x + columns, :3] = np.where(code[..., None], white, PHONE)
    if not is_wide:
        seat = f"ROW {rng.integers(1, 40)}  SEAT {rng.integers(1, 60)}"
        _print(body, seat, (0.15 * wide, 0.22 * high, 0.8 * wide, 0.26 * high), PRINT)
    bend = showing.light * (0.94 + 0.06 * np.cos(np.linspace(0, 5, wide, dtype=np.float32)))
    body[..., :3] = body[..., :3] * bend[:, None]
    draw_limbs(drawing, before, skin, (margin, margin, wide, high))
    return drawing, (margin + x, margin + y, columns, rows)


def _draw_symbol(showing: Showing) -> MatLike:
    """The symbol, 0 on 255, with white around it."""
    kind = getattr(zxingcpp.BarcodeFormat, showing.symbology)
    barcode = zxingcpp.create_barcode(showing.text, kind)
    code = np.array(barcode.to_image(scale=1, add_quiet_zones=False))
    quiet = QUIET[showing.symbology]
    code = np.pad(code, ((min(4, quiet),) * 2, (quiet,) * 2), constant_values=255)
    pixels = math.ceil(MODULE_PX[showing.symbology])
    return code.repeat(pixels, 0).repeat(pixels, 1)


def _draw_phone(body: MatLike, title: str, ink: Colour, *, is_wide: bool) -> Colour:
    high, wide = body.shape[:2]
    edge = min(wide, high) / 28
    top = high * (0.24 if is_wide else 0.17)
    _draw_plate(body, (0, 0, wide, high), 4 * edge, PHONE)
    _draw_plate(body, (edge, edge, wide - edge, high - edge), 3 * edge, ink)
    _draw_plate(body, (2 * edge, top, wide - 2 * edge, high - 2 * edge), 2 * edge, SCREEN)
    _print(body, title, (4 * edge, top * 0.35, wide - 4 * edge, top * 0.85), SCREEN)
    return SCREEN


def _draw_paper(body: MatLike, title: str, ink: Colour, *, is_wide: bool) -> Colour:
    high, wide = body.shape[:2]
    top = high * (0.2 if is_wide else 0.13)
    _draw_plate(body, (0, 0, wide, high), 2, PAPER)
    _draw_plate(body, (0, 0, wide, top), 2, ink)
    _print(body, title, (0.05 * wide, top * 0.2, 0.88 * wide, top * 0.85), PAPER)
    tear, length = (round(0.91 * wide), high) if is_wide else (round(0.86 * high), wide)
    for along in range(0, length, 9):
        cv2.circle(body, (tear, along) if is_wide else (along, tear), 2, (0, 0, 0, 0), -1)
    return PAPER


def _draw_plate(drawing: MatLike, box: Box, radius: float, colour: Colour) -> None:
    """A rectangle with round corners."""
    left, top, right, bottom = box
    first = round(left + radius), round(top + radius)
    last = round(right - radius) - 1, round(bottom - radius) - 1
    for thick in (cv2.FILLED, round(2 * radius)):
        cv2.rectangle(drawing, first, last, (*colour, 255), thick, cv2.LINE_AA)


def _print(drawing: MatLike, text: str, box: Box, colour: Colour) -> None:
    """One line, as large as it fits."""
    font, (left, top, right, bottom) = cv2.FONT_HERSHEY_SIMPLEX, box
    (wide, high), _below = cv2.getTextSize(text or " ", font, 1.0, 2)
    size = min((right - left) / wide, (bottom - top) / high / 1.3)
    spot = round(left), round((top + bottom + high * size) / 2)
    thick = max(1, round(2 * size))
    cover = drawing[..., 3].copy()
    cv2.putText(drawing, text, spot, font, size, (*colour, 255), thick, cv2.LINE_AA)
    # OpenCV 5 makes the edges of letters holes.
    drawing[..., 3] = cover


def draw_limbs(drawing: MatLike, limbs: Iterable[Limb], colour: Colour, box: Box) -> None:
    """Round limbs of somebody who fills the box (left, top, width, height), lit from above."""
    left, top, wide, high = box
    for x0, y0, x1, y1, half in limbs:
        for part in (1.0, 0.95, 0.88, 0.8, 0.7, 0.6, 0.48, 0.35, 0.2):
            light = 1.08 - 0.38 * part**3
            up = (1 - part) * half * wide * 0.4
            begin = round(left + x0 * wide - up), round(top + y0 * high - up)
            end = round(left + x1 * wide - up), round(top + y1 * high - up)
            thick = max(1, round(2 * part * half * wide))
            cv2.line(drawing, begin, end, (*dimmed(colour, light), 255), thick, cv2.LINE_AA)


def draw_person(rng: Random, skin: Colour, coat: Colour) -> Sprite:
    """Head to waist; drawn small, because nobody sees it sharp."""
    drawing = np.zeros((290, 220, 4), np.uint8)
    colours = {"skin": skin, "eyes": dimmed(skin, 0.55), "coat": coat}
    colours |= {"hair": pick(rng, HAIRS), "shirt": dimmed(pick(rng, SHIRTS), 0.8)}
    for part, limb in PERSON:
        draw_limbs(drawing, [limb], colours[part], (0, 0, 220, 290))
    return Sprite.of(cv2.resize(cv2.GaussianBlur(drawing, (0, 0), 1.7), None, fx=2, fy=2))


def draw_passer(rng: Random) -> Sprite:
    """Somebody far away who has nothing to do with us."""
    skin, coat = dimmed(pick(rng, SKINS), 0.4), dimmed(pick(rng, COATS), 0.5)
    return draw_person(rng, skin, coat).scaled(rng.uniform(0.22, 0.3))


def draw_sheen(rng: Random) -> Sprite:
    """The foyer's lamps in the glass of a phone."""
    y, x = np.mgrid[-1:1:300j, -1:1:300j]
    slant, strength = rng.uniform(0.2, 0.8), rng.uniform(20, 100)
    glow = np.exp(-(((x + slant * y) / 0.16) ** 2) - (y / 0.55) ** 2)
    light = (strength * glow).astype(np.uint8)[..., None] * np.array((1, 1, 1, 0), np.uint8)
    return Sprite(light, np.full_like(light, 255))


def draw_foyer(rng: Random) -> Frame:
    """The empty scene, out of focus: doors and posters, lamps, a barrier and the floor."""
    foyer: MatLike = np.zeros((270, 480, 3), np.uint8)
    rows = np.arange(270)[:, None, None]
    foyer[:] = np.where(rows < 170, 24 + 0.24 * rows, 74 - 0.3 * (rows - 170)) * (0.86, 0.92, 1.08)
    for x in range(int(rng.integers(-40, 0)), 480, 96):
        cv2.rectangle(foyer, (x, 62), (x + 46, 170), (74, 104, 132), -1)
        cv2.rectangle(foyer, (x + 60, 84), (x + 84, 128), pick(rng, INKS), -1)
    foyer = cv2.blur(foyer, (7, 7))
    cv2.rectangle(foyer, (0, 172), (480, 200), (34, 36, 44), -1)
    cv2.rectangle(foyer, (0, 168), (480, 173), (60, 66, 80), -1)
    for x, y, size in rng.integers((0, 4, 3), (480, 46, 9), (9, 3)):
        cv2.circle(foyer, (int(x), int(y)), int(size), (150, 190, 220), -1, cv2.LINE_AA)
    foyer = cv2.GaussianBlur(foyer, (0, 0), 1.6)
    return np.asarray(cv2.resize(foyer, (WIDTH, HEIGHT)), np.uint8)


def draw_grains(rng: Random) -> tuple[MatLike, MatLike]:
    """The sensor's noise, what it adds and what it takes; a little larger than the frame."""
    noise = rng.standard_normal((HEIGHT + 64, WIDTH + 64, 3), np.float32)
    grain = cv2.convertScaleAbs(2 * noise + 3 * noise[::-1, :, :1])
    return grain, cv2.flip(grain, -1)


def pick(rng: Random, colours: Sequence[Colour]) -> Colour:
    """One of them, by chance."""
    return colours[int(rng.integers(len(colours)))]


def dimmed(colour: Colour, light: float) -> Colour:
    """The colour in less light, or in more."""
    blue, green, red = (min(255, round(part * light)) for part in colour)
    return blue, green, red
