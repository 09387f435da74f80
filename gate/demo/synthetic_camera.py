"""The moving camera picture of the demo: people at a gate hold up phones and paper tickets.

A frame depends on nothing but the film time, the showings and the seed. Loading it takes a third
of a second, for OpenCV.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from gate.demo.drawing import (
    COATS,
    HEIGHT,
    MODULE_PX,
    SKINS,
    WIDTH,
    Sprite,
    dimmed,
    draw_carrier,
    draw_foyer,
    draw_grains,
    draw_limbs,
    draw_passer,
    draw_person,
    draw_sheen,
    pick,
)

if TYPE_CHECKING:
    from cv2.typing import MatLike

    from gate.demo.drawing import Frame, Random
    from gate.demo.showing import Showing

COUNTER = 350
"""Above this the far side of the foyer is seen."""
FOCAL_PX = 1050
EXPOSURE_S = 1 / 80
AROUND_S = 0.4
"""How much sooner than their ticket people come, and how much later they are gone."""


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
        self._foyer = draw_foyer(rng)
        self._passers = [draw_passer(rng) for _ in range(7)]
        self._speeds = rng.uniform(-50, 50, 7)
        self._grains = draw_grains(rng)
        self._guests: dict[int, _Guest] = {}

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


class _Guest:
    """One who comes, holds a ticket still for half of its time, and goes on through the gate."""

    def __init__(self, showing: Showing, column: int, rng: Random) -> None:
        """Stand left (-1), right (1), or in the middle (0)."""
        self._showing = showing
        self._side = column or int(rng.choice((-1, 1)))
        self._phases = rng.uniform(0, math.tau, 4)
        self._tilts_to = rng.uniform(0, math.tau)
        gloom = 0.4 + 0.6 * showing.light
        skin, self._coat = (dimmed(pick(rng, colours), gloom) for colours in (SKINS, COATS))
        self._person = draw_person(rng, skin, self._coat)
        self._sheen = draw_sheen(rng) if showing.carrier == "phone" else None
        self._carrier, (left, top, wide, high) = draw_carrier(showing, rng, skin)
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
        draw_limbs(frame, [sleeve], self._coat, (0, 0, 1, 1))
        Sprite.of(picture).lay(frame, left, top)

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
