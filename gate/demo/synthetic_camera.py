"""The moving camera picture of the demo: people at a gate hold up phones and paper tickets.

A frame depends on nothing but the film time, the showings and the seed. Colours are blue, green,
red; a drawing has a fourth channel that says how much it covers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import cv2
    import numpy as np
    import numpy.typing as npt
    import zxingcpp
    from cv2.typing import MatLike

    Frame = npt.NDArray[np.uint8]
    Random = np.random.Generator

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
Limb = tuple[float, float, float, float, float]
"""From x, y to x, y and half a thickness, in widths, heights and widths of a whole."""

WIDTH, HEIGHT = 960, 540
"""A frame is drawn in this size, then brought to the one asked for."""
COUNTER = 350
"""Above this the far side of the foyer is seen."""
FOCAL_PX = 1050
EXPOSURE_S = 1 / 80
AROUND_S = 0.4
"""How much sooner than their ticket people come, and how much later they are gone."""
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


@dataclass(frozen=True, slots=True)
class Showing:
    """Somebody holds something up."""

    text: str
    symbology: str
    """``QRCode``, ``Code128``, ``PDF417`` or ``Aztec``."""
    carrier: str = "phone"
    """``phone`` or ``paper``."""
    begin_s: float = 0.0
    """Second of the film at which it comes into view."""
    seconds: float = 2.0
    """How long until it is out of view again."""
    title: str = ""
    """Printed above the symbol; ASCII."""
    turn_deg: float = 0.0
    """In its own plane, while it is held still; a wide symbol is straightened halfway."""
    tilt_deg: float = 10.0
    """Out of its plane."""
    light: float = 1.0
    """1 is bright, 0.3 is dim."""

    @property
    def end_s(self) -> float:
        """Second of the film at which it is out of view again."""
        return self.begin_s + self.seconds


class DrawnCamera:
    """A capture that draws what it sees; the same face as ``cv2.VideoCapture``."""

    def __init__(
        self,
        showings: Sequence[Showing],
        *,
        width: int = WIDTH,
        height: int = HEIGHT,
        fps: float = 25.0,
        seed: int = 1,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        _load_libraries()
        self._showings = tuple(showings)
        self._size = (width, height)
        self._fps = fps
        self._seed = seed
        self._now = now
        self._sleep = sleep
        self._is_open = True
        self._started: float | None = None
        self._next = 0
        rng = np.random.default_rng(seed)
        self._foyer = _draw_foyer(rng)
        self._passers = [_draw_passer(rng) for _ in range(7)]
        self._speeds = rng.uniform(-50, 50, 7)
        self._grains = _draw_grains(rng)
        self._guests: dict[int, _Guest] = {}

    @property
    def film_seconds(self) -> float:
        """The end of the last showing and a second more; then the empty foyer goes on."""
        return max((showing.end_s for showing in self._showings), default=0.0) + 1.0

    def isOpened(self) -> bool:  # noqa: N802
        """Whether frames still come."""
        return self._is_open

    def release(self) -> None:
        """End the film."""
        self._is_open = False

    def read(self) -> tuple[bool, Frame | None]:
        """Wait for the next frame; whoever is late gets the newest that is due."""
        if self._started is None:
            self._started = self._now()
        elapsed_s = self._now() - self._started
        number = max(self._next, math.floor(elapsed_s * self._fps))
        self._next = number + 1
        due_s = number / self._fps
        if self._is_open and due_s > elapsed_s:
            self._sleep(due_s - elapsed_s)
        return (True, self.frame_at(due_s)) if self._is_open else (False, None)

    def frame_at(self, seconds: float) -> Frame:
        """What is seen at a second of the film."""
        frame = self._foyer.copy()
        for number, (passer, speed) in enumerate(zip(self._passers, self._speeds, strict=True)):
            high, wide = passer.colour.shape[:2]
            x = (140 * number + speed * seconds) % (WIDTH + wide) - wide
            passer.lay(frame[:COUNTER], x, COUNTER + 8 - high + 2 * math.sin(4 * seconds + number))
        guests = self._guests_at(seconds)
        for guest in guests:
            guest.stand(frame, seconds)
        for guest in guests:
            guest.hold_up(frame, seconds)
        rng = np.random.default_rng((self._seed, round(abs(seconds) * 1000)))
        for apply, grain in zip((cv2.add, cv2.subtract), self._grains, strict=True):
            x, y = rng.integers(0, 65, 2)
            apply(frame, grain[y : y + HEIGHT, x : x + WIDTH], dst=frame)
        if self._size != (WIDTH, HEIGHT):
            return np.asarray(cv2.resize(frame, self._size), np.uint8)
        return frame

    def _guests_at(self, seconds: float) -> list[_Guest]:
        # A guest is megabytes of drawings: only those in view are kept.
        self._guests = {
            number: self._guests.get(number) or self._guest(number)
            for number, showing in enumerate(self._showings)
            if showing.begin_s - AROUND_S <= seconds <= showing.end_s + AROUND_S
        }
        return list(self._guests.values())

    def _guest(self, number: int) -> _Guest:
        showing = self._showings[number]
        at_once = sum(
            other.begin_s < showing.end_s and showing.begin_s < other.end_s
            for other in self._showings
        )
        column = number % 2 * 2 - 1 if at_once > 1 else 0
        return _Guest(showing, column, np.random.default_rng((self._seed, number)))


def _load_libraries() -> None:
    """Only a gate with a camera waits for these: they take a third of a second."""
    global cv2, np, zxingcpp  # noqa: PLW0603
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    import zxingcpp  # noqa: PLC0415


class _Guest:
    """One who comes, holds a ticket still for half of its time, and goes on through the gate."""

    def __init__(self, showing: Showing, column: int, rng: Random) -> None:
        """Stand left (-1), right (1), or in the middle (0)."""
        self._showing = showing
        self._side = column or int(rng.choice((-1, 1)))
        self._phases = rng.uniform(0, math.tau, 4)
        self._tilts_to = rng.uniform(0, math.tau)
        gloom = 0.4 + 0.6 * showing.light
        skin, self._coat = (_dimmed(_pick(rng, colours), gloom) for colours in (SKINS, COATS))
        self._person = _draw_person(rng, skin, self._coat)
        self._sheen = _draw_sheen(rng) if showing.carrier == "phone" else None
        self._carrier, (left, top, wide, high) = _draw_carrier(showing, rng, skin)
        self._middle = np.array((left + wide / 2, top + high / 2))
        self._is_wide = wide > 1.5 * high

        turn, tilt = math.radians(showing.turn_deg), math.radians(showing.tilt_deg)
        cos, sin = abs(math.cos(turn)), abs(math.sin(turn))
        reach = np.array((wide * cos + high * sin, wide * sin + high * cos)) / 2
        module = MODULE_PX[showing.symbology]
        self._scale = min(module / math.ceil(module) / math.cos(tilt), *(440, 240) / reach)
        reach = reach * self._scale + 16
        wish = (0.5 + 0.23 * column, 0.6 + 0.2 * column if self._is_wide else 0.52)
        self._place = np.clip(np.multiply(wish, (WIDTH, HEIGHT)), reach, (WIDTH, HEIGHT) - reach)

    def stand(self, frame: Frame, seconds: float) -> None:
        """Draw the person, a little out of focus behind what they hold up."""
        away, way = self._away(seconds, AROUND_S)
        person = self._person.scaled(1 - 0.25 * away) if away else self._person
        x = self._place[0] + self._side * (40 if self._is_wide else 165) + way * 780
        sway = 3 * math.sin(seconds * 1.7 + self._phases[1]) + 5 * away * math.sin(seconds * 9)
        person.lay(frame, x - person.colour.shape[1] / 2, 16 + 60 * away + sway)

    def hold_up(self, frame: Frame, seconds: float) -> None:
        """Draw the arm and what its hand holds."""
        if not self._showing.begin_s <= seconds <= self._showing.end_s:
            return
        high, wide = self._carrier.shape[:2]
        matrix, spot = self._matrix(seconds), self._spot(seconds)
        corners = np.array([((0, 0), (wide, 0), (wide, high), (0, high))], np.float32)
        box = cv2.boundingRect(cv2.perspectiveTransform(corners, matrix))
        left, top = box[0] - 8, box[1] - 8
        view = np.array(((1, 0, -left), (0, 1, -top), (0, 0, 1)))
        picture = cv2.warpPerspective(self._carrier, view @ matrix, (box[2] + 16, box[3] + 16))
        if self._sheen is not None:
            slide = 60 * math.sin(seconds * 2.1 + self._phases[0])
            self._sheen.lay(picture, spot[0] - left - 150 + slide, spot[1] - top - 150 - slide)
        away, _way = self._away(seconds)
        blur = np.abs(self._spot(seconds - EXPOSURE_S) - spot) + 4 * away
        if blur.max() > 0.5:
            cv2.blur(picture, [1 + round(part) for part in blur], dst=picture)
        wrist = matrix @ (wide * (0.9 if self._is_wide else 0.56), high * 0.9, 1)
        x, y = wrist[:2] / wrist[2]
        sleeve = (x, y + 30, x + self._side * 120, max(y, HEIGHT) + 80, 38)
        _draw_limbs(frame, [sleeve], self._coat, (0, 0, 1, 1))
        _Sprite.of(picture).lay(frame, left, top)

    def _away(self, seconds: float, around_s: float = 0.0) -> tuple[float, float]:
        """How far from where it is held still: 0 in the middle half; and to which side."""
        part = (seconds - self._showing.begin_s + around_s) / (self._showing.seconds + 2 * around_s)
        away = (1 - min(1.0, max(0.0, 4 * min(part, 1 - part)))) ** 3
        return away, math.copysign(away, self._side * (0.5 - part))

    def _spot(self, seconds: float) -> MatLike:
        """Where the middle of the symbol is."""
        away, way = self._away(seconds)
        shake = np.sin(np.multiply(seconds, (5.1, 6.3, 23.0, 29.0)) + self._phases)
        trembling = 2.5 * shake[:2] + 0.6 * shake[2:]
        spot: MatLike = self._place + trembling + np.array((500 * way, 430 * away))
        return spot

    def _matrix(self, seconds: float) -> MatLike:
        """From pixels of the drawn carrier to pixels of the frame."""
        away, _way = self._away(seconds)
        turn = self._showing.turn_deg + 12 * away * self._side
        if self._is_wide:
            # Steep bars are read by nobody; people see that it takes long, and straighten them.
            part = (seconds - self._showing.begin_s) / self._showing.seconds
            turn *= min(1.0, max(0.0, (0.52 - part) / 0.12))
        turn = math.radians(turn + 1.2 * math.sin(4.3 * seconds + self._phases[2]))
        tilt = math.radians(self._showing.tilt_deg + 20 * away)
        axis = np.array((math.cos(self._tilts_to), math.sin(self._tilts_to), 0.0))
        pose = cv2.Rodrigues(axis * tilt)[0] @ cv2.Rodrigues(np.array((0.0, 0.0, turn)))[0]
        x, y = self._spot(seconds) - (WIDTH / 2, HEIGHT / 2)
        pose[:, 2] = np.array((x, y, FOCAL_PX)) / (self._scale * (1 - 0.6 * away))
        lens = np.array(((FOCAL_PX, 0, WIDTH / 2), (0, FOCAL_PX, HEIGHT / 2), (0, 0, 1)))
        from_middle = np.array(((1, 0, -self._middle[0]), (0, 1, -self._middle[1]), (0, 0, 1)))
        matrix: MatLike = lens @ pose @ from_middle
        return matrix


class _Sprite(NamedTuple):
    """A picture with soft edges: its colours times its cover, and how much shines through."""

    colour: MatLike
    clear: MatLike

    @classmethod
    def of(cls, drawing: MatLike) -> _Sprite:
        """Split a drawing of four channels."""
        cover = cv2.cvtColor(cv2.extractChannel(drawing, 3), cv2.COLOR_GRAY2BGR)
        colour = cv2.min(cv2.cvtColor(drawing, cv2.COLOR_BGRA2BGR), cover)
        return cls(colour, cv2.bitwise_not(cover))

    def scaled(self, scale: float) -> _Sprite:
        """The same, smaller."""
        return _Sprite(*(cv2.resize(part, None, fx=scale, fy=scale) for part in self))

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


def _draw_carrier(showing: Showing, rng: Random, skin: Colour) -> tuple[MatLike, Box]:
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
    _draw_limbs(drawing, behind, skin, (margin, margin, wide, high))
    body = drawing[margin : margin + high, margin : margin + wide]
    draw_body = _draw_phone if is_phone else _draw_paper
    white = draw_body(body, showing.title, _pick(rng, INKS), is_wide=is_wide)
    x = round(0.045 * wide) if is_wide else (wide - columns) // 2
    y = round((0.6 if is_wide else 0.54) * high - rows / 2)
    body[y : y + rows, x : x + columns, :3] = np.where(code[..., None], white, PHONE)
    if not is_wide:
        seat = f"ROW {rng.integers(1, 40)}  SEAT {rng.integers(1, 60)}"
        _print(body, seat, (0.15 * wide, 0.22 * high, 0.8 * wide, 0.26 * high), PRINT)
    bend = showing.light * (0.94 + 0.06 * np.cos(np.linspace(0, 5, wide, dtype=np.float32)))
    body[..., :3] = body[..., :3] * bend[:, None]
    _draw_limbs(drawing, before, skin, (margin, margin, wide, high))
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


def _draw_limbs(drawing: MatLike, limbs: Iterable[Limb], colour: Colour, box: Box) -> None:
    """Round limbs of somebody who fills the box (left, top, width, height), lit from above."""
    left, top, wide, high = box
    for x0, y0, x1, y1, half in limbs:
        for part in (1.0, 0.95, 0.88, 0.8, 0.7, 0.6, 0.48, 0.35, 0.2):
            light = 1.08 - 0.38 * part**3
            up = (1 - part) * half * wide * 0.4
            begin = round(left + x0 * wide - up), round(top + y0 * high - up)
            end = round(left + x1 * wide - up), round(top + y1 * high - up)
            thick = max(1, round(2 * part * half * wide))
            cv2.line(drawing, begin, end, (*_dimmed(colour, light), 255), thick, cv2.LINE_AA)


def _draw_person(rng: Random, skin: Colour, coat: Colour) -> _Sprite:
    """Head to waist; drawn small, because nobody sees it sharp."""
    drawing = np.zeros((290, 220, 4), np.uint8)
    colours = {"skin": skin, "eyes": _dimmed(skin, 0.55), "coat": coat}
    colours |= {"hair": _pick(rng, HAIRS), "shirt": _dimmed(_pick(rng, SHIRTS), 0.8)}
    for part, limb in PERSON:
        _draw_limbs(drawing, [limb], colours[part], (0, 0, 220, 290))
    return _Sprite.of(cv2.resize(cv2.GaussianBlur(drawing, (0, 0), 1.7), None, fx=2, fy=2))


def _draw_passer(rng: Random) -> _Sprite:
    """Somebody far away who has nothing to do with us."""
    skin, coat = _dimmed(_pick(rng, SKINS), 0.4), _dimmed(_pick(rng, COATS), 0.5)
    return _draw_person(rng, skin, coat).scaled(rng.uniform(0.22, 0.3))


def _draw_sheen(rng: Random) -> _Sprite:
    """The foyer's lamps in the glass of a phone."""
    y, x = np.mgrid[-1:1:300j, -1:1:300j]
    slant, strength = rng.uniform(0.2, 0.8), rng.uniform(20, 100)
    glow = np.exp(-(((x + slant * y) / 0.16) ** 2) - (y / 0.55) ** 2)
    light = (strength * glow).astype(np.uint8)[..., None] * np.array((1, 1, 1, 0), np.uint8)
    return _Sprite(light, np.full_like(light, 255))


def _draw_foyer(rng: Random) -> Frame:
    """The empty scene, out of focus: doors and posters, lamps, a barrier and the floor."""
    foyer: MatLike = np.zeros((270, 480, 3), np.uint8)
    rows = np.arange(270)[:, None, None]
    foyer[:] = np.where(rows < 170, 24 + 0.24 * rows, 74 - 0.3 * (rows - 170)) * (0.86, 0.92, 1.08)
    for x in range(int(rng.integers(-40, 0)), 480, 96):
        cv2.rectangle(foyer, (x, 62), (x + 46, 170), (74, 104, 132), -1)
        cv2.rectangle(foyer, (x + 60, 84), (x + 84, 128), _pick(rng, INKS), -1)
    foyer = cv2.blur(foyer, (7, 7))
    cv2.rectangle(foyer, (0, 172), (480, 200), (34, 36, 44), -1)
    cv2.rectangle(foyer, (0, 168), (480, 173), (60, 66, 80), -1)
    for x, y, size in rng.integers((0, 4, 3), (480, 46, 9), (9, 3)):
        cv2.circle(foyer, (int(x), int(y)), int(size), (150, 190, 220), -1, cv2.LINE_AA)
    foyer = cv2.GaussianBlur(foyer, (0, 0), 1.6)
    return np.asarray(cv2.resize(foyer, (WIDTH, HEIGHT)), np.uint8)


def _draw_grains(rng: Random) -> tuple[MatLike, MatLike]:
    """The sensor's noise, what it adds and what it takes; a little larger than the frame."""
    noise = rng.standard_normal((HEIGHT + 64, WIDTH + 64, 3), np.float32)
    grain = cv2.convertScaleAbs(2 * noise + 3 * noise[::-1, :, :1])
    return grain, cv2.flip(grain, -1)


def _pick(rng: Random, colours: Sequence[Colour]) -> Colour:
    return colours[int(rng.integers(len(colours)))]


def _dimmed(colour: Colour, light: float) -> Colour:
    blue, green, red = (min(255, round(part * light)) for part in colour)
    return blue, green, red
