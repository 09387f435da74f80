"""Drawn pictures of a ticket held up at a gate, with what stands in its way.

A ticket is a symbol on a page: dark on light, in the dark mode of a phone, or without a margin on
black. It is held up in a foyer, beside clutter or not, and taken by a camera that is soft, dim,
noisy and compresses. A picture depends on nothing but its generator of chance.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from gate.capture.regions import Frame
from gate.demo.drawing import COATS, SKINS, draw_foyer, draw_person, pick

Random = np.random.Generator
Picture = NDArray[np.float32]
"""Light from 0 to 255, as a frame, before the camera has had its way with it."""
Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""

KINDS = ("QRCode", "Aztec", "PDF417", "DataMatrix", "Code128")
WIDTH, HEIGHT = 1280, 720
DRAWN_PX = 10
"""Pixels of a page to a module."""
FINER = {"PDF417": 0.62, "Code128": 0.7}
"""Modules of what is long are smaller, for the whole of it has to fit."""
QUIET = 4
"""Modules of margin."""
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
POSTER = "https://sponsor.example/win-a-car"
LIGHT = ((1.0, 0, 2.0), (0.55, 10, 4.0), (0.36, 14, 6.0), (0.2, 19, 8.5))
"""Contrast, what is added to all of it, and noise: the darker, the more."""


class Page(NamedTuple):
    """What a ticket is shown on, and where the symbol lies on it."""

    picture: Frame
    symbol: Box


class Faults(NamedTuple):
    """What a hand and a camera do to a picture."""

    module_px: float
    turn_deg: float
    tilt_deg: float
    motion_px: float
    soft_px: float
    """Standard deviation of the blur of a lens out of focus."""
    light: int
    """Of ``LIGHT``."""
    jpeg: int


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture of one ticket."""

    frame: Frame
    text: str


def mixed(rng: Random) -> Faults:
    """Faults of an evening: most small, some large, now and then several at once."""
    return Faults(
        module_px=math.exp(rng.uniform(math.log(1.8), math.log(5))),
        turn_deg=rng.normal(0, 18),
        tilt_deg=min(45, abs(rng.normal(0, 13))),
        motion_px=max(0, rng.exponential(1.2) - 0.5),
        soft_px=0.4 + rng.exponential(0.25),
        light=int(rng.choice(4, p=(0.55, 0.2, 0.13, 0.12))),
        jpeg=int(rng.choice((90, 80, 70, 55))),
    )


def slight(rng: Random) -> Faults:
    """Faults that keep nobody from reading a symbol: a steady hand and a good camera."""
    return Faults(rng.uniform(3.5, 6), rng.normal(0, 10), rng.uniform(0, 15), 0, 0.6, 0, 85)


def ticket_text(kind: str, rng: Random) -> str:
    """What a ticket's symbol says."""

    def letters(count: int) -> str:
        return "".join(LETTERS[i] for i in rng.integers(0, len(LETTERS), count))

    if kind in ("Aztec", "PDF417"):
        return f"M1{letters(9):20}E{letters(6)} {letters(6)}LH 0{rng.integers(100, 999)} 233Y023A"
    return letters(int(rng.integers(10, 17 if kind == "Code128" else 40)))


def symbol(kind: str, text: str) -> Frame:
    """The symbol, 0 on 255, a pixel a module, without a margin."""
    made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    drawn = np.array(made.to_image(scale=1, add_quiet_zones=False), np.uint8)
    return drawn[:1].repeat(max(40, drawn.shape[1] // 3), 0) if kind == "Code128" else drawn


def light_page(code: Frame, rng: Random) -> Page:
    """Dark on light: a screen, or paper."""
    dark, light = (12, 250) if rng.random() < 0.6 else (44, 232)
    margined = np.pad(code, QUIET, constant_values=255)
    return _page(np.where(margined > 0, light, dark), light, rng)


def dark_page(code: Frame, rng: Random) -> Page:
    """Light on dark: a phone in dark mode, or a dark card with a narrow margin on paper."""
    paper = rng.random() < 0.4
    dark, light = (44, 232) if paper else (12, 250)
    margined = np.pad(code, QUIET, constant_values=255)
    return _page(np.where(margined > 0, dark, light), light if paper else dark, rng)


def bare_page(code: Frame, rng: Random) -> Page:
    """Dark on light as it should be, but on black, and without a margin."""
    return _page(np.where(code > 0, 250, 12), 12, rng)


def _page(code: NDArray[np.int_], ground: int, rng: Random) -> Page:
    """A symbol on its page, with lines of text above and below."""
    high, wide = (DRAWN_PX * side for side in code.shape)
    margin = DRAWN_PX * 8
    width, height = wide + 2 * margin, int(max(1.5 * (wide + 2 * margin), high + 4 * margin))
    picture = np.full((height, width), ground, np.uint8)
    top = int((height - high) * rng.uniform(0.35, 0.55))
    drawn = code.astype(np.uint8).repeat(DRAWN_PX, 0).repeat(DRAWN_PX, 1)
    picture[top : top + high, margin : margin + wide] = drawn
    ink = 30 if ground > 128 else 235
    for line in (*range(60, top - 30, 60), *range(top + high + 70, height - 30, 60)):
        text = "".join(LETTERS[i] for i in rng.integers(0, len(LETTERS), 12))
        where = margin, line
        cv2.putText(picture, text, where, cv2.FONT_HERSHEY_SIMPLEX, 1, ink, 2, cv2.LINE_AA)
    return Page(picture, (margin, top, wide, high))


def foyer(rng: Random) -> Picture:
    """What is behind a ticket: the room and somebody in it, at times in a striped shirt."""
    room = cv2.resize(draw_foyer(rng), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    person = draw_person(rng, pick(rng, SKINS), pick(rng, COATS))
    left = int(rng.integers(50, WIDTH - 500))
    person.lay(room, left, HEIGHT - person.colour.shape[0] + 60)
    if rng.random() < 0.4:
        pitch = int(rng.integers(4, 14))
        for x in range(left + 130, left + 310, 2 * pitch):
            cv2.rectangle(room, (x, 400), (x + pitch, HEIGHT), (225, 225, 225), cv2.FILLED)
    return np.asarray(cv2.cvtColor(room, cv2.COLOR_BGR2GRAY), np.float32)


def held(page: Page, faults: Faults, rng: Random) -> tuple[Picture, Picture, Box]:
    """A page as a lens sees it, how much of each pixel it covers (0 to 1), the symbol's box."""
    left, top, wide, high = page.symbol
    scale = min(faults.module_px, 0.92 * DRAWN_PX * min(WIDTH / wide, HEIGHT / high)) / DRAWN_PX
    away = rng.uniform(0, math.tau)
    tilt = math.radians(faults.tilt_deg) * np.array((math.cos(away), math.sin(away), 0))
    turn = math.radians(faults.turn_deg) * np.array((0.0, 0.0, 1.0))
    pose = cv2.Rodrigues(tilt)[0] @ cv2.Rodrigues(turn)[0]
    far = 1.1 * WIDTH
    middle = rng.uniform(0.4, 0.6, 2) * (WIDTH, HEIGHT)
    pose[:, 2] = 0, 0, far / scale
    lens = np.array(((far, 0, middle[0]), (0, far, middle[1]), (0, 0, 1)))
    back = np.array(((1, 0, -left - wide / 2), (0, 1, -top - high / 2), (0, 0, 1)))
    # Shrunk first, and taken at twice the size: thin modules would else come and go.
    smaller = max(1, int(1 / (2 * scale)))
    picture = cv2.resize(
        page.picture, None, fx=1 / smaller, fy=1 / smaller, interpolation=cv2.INTER_AREA
    )
    matrix = lens @ pose @ back
    seen = np.diag((2.0, 2.0, 1.0)) @ matrix @ np.diag((smaller, smaller, 1.0))
    drawn, cover = (
        cv2.resize(
            cv2.warpPerspective(part, seen, (2 * WIDTH, 2 * HEIGHT)),
            (WIDTH, HEIGHT),
            interpolation=cv2.INTER_AREA,
        )
        for part in (picture, np.full_like(picture, 255))
    )
    right, bottom = left + wide, top + high
    corners = np.array([[(left, top), (right, top), (right, bottom), (left, bottom)]], np.float32)
    x, y, w, h = cv2.boundingRect(cv2.perspectiveTransform(corners, matrix))
    return drawn.astype(np.float32), cover.astype(np.float32) / np.float32(255), (x, y, w, h)


def taken(picture: Picture, faults: Faults, rng: Random) -> Frame:
    """What a camera makes of what it sees, in colour as cameras give it."""
    picture = cv2.GaussianBlur(picture, (0, 0), faults.soft_px).astype(np.float32)
    if faults.motion_px > 0.2:
        picture = smeared(picture, faults.motion_px, rng.uniform(0, math.pi))
    contrast, lift, strength = LIGHT[faults.light]
    picture = picture * contrast + lift
    # More in the light, as of shots.
    noise = grain(strength, rng) * (0.6 + 0.4 * cv2.sqrt(picture / 255))
    frame = np.clip(picture + noise, 0, 255).astype(np.uint8)
    _done, packed = cv2.imencode(".jpg", frame, (cv2.IMWRITE_JPEG_QUALITY, faults.jpeg))
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def smeared(picture: Picture, length_px: float, angle: float) -> Picture:
    """A picture that has moved while it was taken."""
    fine, side = 8, (math.ceil(length_px) | 1) + 2
    drawn = np.zeros((fine * side,) * 2, np.float32)
    across, down = (fine * length_px / 2 * part for part in (math.cos(angle), math.sin(angle)))
    middle = fine * side / 2
    begin = round(middle - across), round(middle - down)
    end = round(middle + across), round(middle + down)
    cv2.line(drawn, begin, end, 1, fine)
    kernel = cv2.resize(drawn, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.float32)


def scene(
    kind: str,
    page: Callable[[Frame, Random], Page],
    faults: Faults,
    rng: Random,
    clutter: "Clutter | None" = None,
) -> Scene:
    """One ticket held up, and clutter in the largest part of the picture that it leaves free."""
    text = ticket_text(kind, rng)
    drawn, cover, box = held(page(symbol(kind, text), rng), faults, rng)
    picture = drawn + foyer(rng) * (1 - cover)
    # Drawn without clutter as well: all else is then the same.
    chance = np.random.default_rng(rng.integers(2**32))
    if clutter is not None:
        margin = round(0.15 * max(box[2:]))
        ticket = box[0] - margin, box[1] - margin, box[2] + 2 * margin, box[3] + 2 * margin
        clutter(picture, _free_box(ticket), chance)
    return Scene(taken(picture, faults, rng), text)


Clutter = Callable[[Picture, Box, Random], None]
"""Draws something into a box of a picture."""


def _free_box(ticket: Box) -> Box:
    """The largest upright box beside the ticket."""
    left, top, wide, high = ticket
    beside = [
        (0, 0, left, HEIGHT),
        (left + wide, 0, WIDTH - left - wide, HEIGHT),
        (0, 0, WIDTH, top),
        (0, top + high, WIDTH, HEIGHT - top - high),
    ]
    return max(beside, key=lambda box: (min(box[2], box[3]), box[2] * box[3]))


def _spot(box: Box, wide: int, high: int, rng: Random) -> tuple[slice, slice]:
    """Rows and columns of that size at most, somewhere in a box."""
    wide, high = min(wide, box[2]), min(high, box[3])
    left = box[0] + int(rng.integers(0, box[2] - wide + 1))
    top = box[1] + int(rng.integers(0, box[3] - high + 1))
    return slice(top, top + high), slice(left, left + wide)


def _sized(picture: Picture, box: Box, rng: Random) -> Picture:
    """A part of the picture in that box, to be drawn over."""
    return picture[_spot(box, WIDTH // 3, HEIGHT // 2, rng)]


def poster(picture: Picture, box: Box, rng: Random) -> None:
    """A clear QR symbol of somebody else's."""
    side = min(box[2], box[3], int(rng.integers(180, 260)))
    drawn = np.pad(symbol("QRCode", POSTER), QUIET, constant_values=255)
    part = picture[_spot(box, side, side, rng)]
    high, wide = part.shape
    part[:] = cv2.resize(drawn, (wide, high), interpolation=cv2.INTER_AREA)


def fine_print(picture: Picture, box: Box, rng: Random) -> None:
    """A page of small letters."""
    part = _sized(picture, box, rng)
    high, wide = part.shape
    page = np.full((high, wide), 240, np.uint8)
    step = int(rng.integers(9, 14))
    letters = "ABCDEFGHIKLMNOPRSTUVWZ aeiou nrst "
    for line in range(step, high, step):
        text = "".join(letters[i] for i in rng.integers(0, len(letters), wide // 4))
        cv2.putText(page, text, (3, line), cv2.FONT_HERSHEY_SIMPLEX, step / 40, 30, 1, cv2.LINE_AA)
    part[:] = page


def stripes(picture: Picture, box: Box, rng: Random) -> None:
    """A striped shirt."""
    part = _sized(picture, box, rng)
    pitch = int(rng.integers(3, 8))
    part[:] = np.where(np.arange(part.shape[1]) // pitch % 2, 225, 30)


def checks(picture: Picture, box: Box, rng: Random) -> None:
    """A checked table cloth."""
    part = _sized(picture, box, rng)
    pitch = int(rng.integers(6, 16))
    high, wide = part.shape
    down, across = np.arange(high)[:, None] // pitch, np.arange(wide) // pitch
    part[:] = np.where((across + down) % 2, 225, 40)


def trembling(frame: Frame, rng: Random) -> Frame:
    """The scene as the next frame has it: a pixel aside, with noise of its own."""
    shift = np.array([[1, 0, rng.normal(0, 1)], [0, 1, rng.normal(0, 1)]], np.float32)
    moved = cv2.warpAffine(frame, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.add(moved, grain(3, rng)[..., None].repeat(3, 2), dtype=cv2.CV_8U))


def grain(strength: float, rng: Random) -> Picture:
    """A sensor's noise, by its standard deviation: a piece of one large plane of it."""
    left, top = rng.integers(0, 65, 2)
    return _plane()[top : top + HEIGHT, left : left + WIDTH] * np.float32(strength)


@cache
def _plane() -> Picture:
    return np.random.default_rng(7).standard_normal((HEIGHT + 64, WIDTH + 64), np.float32)
