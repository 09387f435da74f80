"""In which frame a ticket is read in bad light, exposed by the driver or as we follow it.

    python benchmarks/bench_camera.py [--seed SEED] [--count N] [--stale]

There is no camera here: a drawn one meters its whole picture as web cameras do, two frames late and
a little too much, so that it hunts. Its pictures have what an exposure does to them: light that is
clipped, light that spills over in the lens, noise by the gain, and motion by the time. What it sees
is drawn by ``scenes``: an empty hall to which it gets used, then a ticket that comes into it.
"""

import argparse
import hashlib
import math
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import mean
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks import decoders, scenes
from benchmarks.scenes import HEIGHT, WIDTH, Faults, Picture
from gate.capture.exposure import BY_HAND, BY_ITSELF, GAMMA, Followed
from gate.capture.regions import Frame

KINDS = ("QRCode", "Aztec", "QRCode", "Code128")
LOOKS, SETTLED = 45, 40
"""Frames in which a ticket is held up, and before that."""
LONGEST, MOST_GAIN = 333.0, 8.0
"""Of the exposure, in 100 us, at 30 frames a second."""
LATE = 2
"""Frames until a control, or what was metered, takes effect."""
METERED = 0.42
"""Grey level that the driver would have on the average."""
KEPT = 60.0
"""Light beyond this, in times of white, spills over no further."""


class Place(NamedTuple):
    """How light a hall and what is held up in it are; 1 is white at 10 ms."""

    hall: float
    ticket: float
    window: float = 0.0
    """What there is behind the ticket, all over the picture."""


PLACES = {
    "phone in a dark hall": Place(0.06, 1.0),
    "phone in a dim hall": Place(0.25, 0.9),
    "phone in a lit hall": Place(0.9, 0.8),
    "paper in a lit hall": Place(1.0, 0.35),
    "paper in a dim hall": Place(0.25, 0.1),
    "paper against a window": Place(0.8, 0.05, 0.8),
}


class DrawnCamera:
    """A web camera with the face of ``cv2.VideoCapture``, which sees a ticket after a while."""

    def __init__(self, place: Place, kind: str, rng: scenes.Random, *, is_stale: bool) -> None:
        self.text = scenes.ticket_text(kind, rng)
        size = math.exp(rng.uniform(math.log(2.6), math.log(4.5)))
        faults = Faults(size, rng.normal(0, 15), abs(rng.normal(0, 10)), 0, 0.7, 0, 80)
        page = scenes.light_page(scenes.symbol(kind, self.text), rng)
        drawn, self._cover, _box = scenes.held(page, faults, rng)
        self._ticket = _linear(drawn) * place.ticket
        self._hall = _linear(scenes.foyer(rng)) * place.hall + np.float32(place.window)
        self._rng = rng
        self._hand_px = rng.uniform(10, 60)
        """How fast it trembles, in pixels a second."""
        self._is_stale = is_stale
        """Whether the driver tells an exposure of its own only once it was told one."""
        self._frame = 0
        self._is_auto, self._time, self._gain = True, 100.0, 1.0
        self._told = 156.0
        self._coming: deque[tuple[int, int, float]] = deque()
        self._metered = deque([METERED] * LATE, LATE + 1)

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's spelling
        return True

    def release(self) -> None:
        """Nothing is kept."""

    def get(self, what: int) -> float:
        if what == cv2.CAP_PROP_AUTO_EXPOSURE:
            return BY_ITSELF if self._is_auto else BY_HAND
        return self._told if self._is_stale and self._is_auto else self._time

    def set(self, what: int, value: float) -> bool:
        if what == cv2.CAP_PROP_AUTO_EXPOSURE:
            self._is_auto = value == BY_ITSELF
        elif what == cv2.CAP_PROP_EXPOSURE:
            self._told = min(max(value, 1.0), LONGEST)
        self._coming.append((self._frame + LATE, what, value))
        return True

    def read(self) -> tuple[bool, Frame]:
        while self._coming and self._coming[0][0] <= self._frame:
            _frame, what, value = self._coming.popleft()
            if what == cv2.CAP_PROP_EXPOSURE and not self._is_auto:
                self._time = min(max(value, 1.0), LONGEST)
        self._frame += 1
        shown = self._frame - SETTLED
        grey = self._exposed(self._seen(shown), 6.0 if 0 <= shown < 6 else 1.0)
        self._metered.append(float(grey.mean()) / 255)
        if self._is_auto and self._frame % 2:
            self._meter()
        noisy = grey + scenes.grain(1.5 + 1.2 * math.sqrt(self._gain), self._rng)
        frame = np.clip(noisy, 0, 255).astype(np.uint8)
        _done, packed = cv2.imencode(".jpg", frame, (cv2.IMWRITE_JPEG_QUALITY, 80))
        return True, np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)

    def _seen(self, shown: int) -> Picture:
        """The light that falls in: nobody's, or a ticket's that comes in from the side."""
        if shown < 0:
            return self._hall
        aside = 60 * math.exp(-shown / 4)
        across, down = self._rng.normal(0, 1, 2)
        matrix = np.array([[1, 0, across + aside], [0, 1, down]], np.float32)
        ticket, cover = (
            cv2.warpAffine(part, matrix, (WIDTH, HEIGHT)) for part in (self._ticket, self._cover)
        )
        return np.asarray(ticket + self._hall * (1 - cover), np.float32)

    def _exposed(self, light: Picture, haste: float) -> Picture:
        light = np.minimum(light * np.float32(self._time * self._gain / 100), KEPT)
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), 0.7), np.float32)
        if (streak := haste * self._hand_px * self._time / 10_000) > 0.3:
            light = scenes.smeared(light, streak, 0.5)
        # What is spilt is soft: a small picture has all of it.
        small = cv2.resize(light, (WIDTH // 8, HEIGHT // 8), interpolation=cv2.INTER_AREA)
        near, far = (cv2.GaussianBlur(small, (0, 0), reach) for reach in (2.5, 12))
        spilt = cv2.resize(0.012 * near + 0.008 * far, (WIDTH, HEIGHT))
        grey = 255 * np.clip(light + spilt, 0, 1) ** np.float32(1 / GAMMA)
        return np.asarray(grey, np.float32)

    def _meter(self) -> None:
        """Expose longer or shorter by the average that was seen a while ago."""
        error = math.log2(METERED / max(0.02, self._metered[0]))
        if abs(error) > 0.15:
            exposure = self._time * self._gain * 2 ** (0.8 * min(max(error, -1), 1))
            exposure = min(max(exposure, 1.0), LONGEST * MOST_GAIN)
            self._time = min(exposure, LONGEST)
            self._gain = exposure / self._time


def _linear(grey: Picture) -> Picture:
    return np.asarray((grey / 255) ** np.float32(GAMMA), np.float32)


def first_read(camera: DrawnCamera, *, is_followed: bool) -> int:
    """The frame in which a ticket is read, from 0; LOOKS where none is."""
    decoders.reset()
    followed = Followed(camera)
    for number in range(-SETTLED, LOOKS):
        _good, frame = followed.read()
        assert frame is not None
        texts = [text for text, _kind in decoders.stream(frame)] if number >= 0 else []
        if camera.text in texts:
            return number
        if is_followed:
            followed.look(frame, bool(texts))
    return LOOKS


def row(name: str, firsts: Sequence[int]) -> str:
    read = sum(first < LOOKS for first in firsts)
    return f"{name:32} {read:2} of {len(firsts)}, first at {mean(firsts):4.1f}   {firsts}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", default=datetime.now(UTC).date().isoformat())
    parser.add_argument("--count", type=int, default=12, help="tickets at each place")
    parser.add_argument("--stale", action="store_true", help="a driver that hides its exposure")
    options = parser.parse_args()
    for name, place in PLACES.items():
        for is_followed in (False, True):
            firsts = []
            for number in range(options.count):
                seed = hashlib.sha256(f"{options.seed}:{name}:{number}".encode()).digest()
                rng = np.random.default_rng(list(seed))
                kind = KINDS[number % len(KINDS)]
                camera = DrawnCamera(place, kind, rng, is_stale=options.stale)
                firsts.append(first_read(camera, is_followed=is_followed))
            print(row(f"{name}, {'followed' if is_followed else 'auto'}", firsts), flush=True)


if __name__ == "__main__":
    main()
