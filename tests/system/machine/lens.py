"""What a UVC camera of the tests sees: codes held up before it, as its controls let it see them."""

import math
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from gate.capture.exposure import GAMMA
from tests.system.machine.uvc_camera import BY_APERTURE, HEIGHT, WIDTH, Control, UvcCamera

Light = NDArray[np.float64]
"""1 is white at an exposure of 10 ms."""
MODULE_PX, BLACK = 4, 0.02
LONGEST, MOST_GAIN = 333.0, 16.0
"""In 100 us: how long it exposes by itself; light that is missing then is made up for by gain."""
METERED = 0.42
"""Grey level that it would have on the average."""
LATE, HASTE = 2, 3.0
"""Frames until what was metered shows; in powers of two, how much more for half the grey level."""
SPILT, KEPT = ((2.5, 0.02), (12.0, 0.01)), 60.0
"""Light that spills over in the lens: reach in eight pixels, share; at most so much."""
BLUR_PX_MM = 0.02
"""Blur of a code for each millimetre by which the lens is out of focus."""


@dataclass
class Scene:
    """What is before the camera."""

    code: str = ""
    """Held up; empty: nothing is."""
    hall: float = 0.3
    screen: float = 0.6
    """How light: all around, and what shows the code."""
    distance_mm: int = 300


class Lens:
    """Light to pictures. It meters all of what it sees, late and too much, so that it hunts."""

    def __init__(self, scene: Scene, seed: int = 1) -> None:
        self.scene = scene
        self.is_frozen = False
        """Whether it shows its last picture again and again, until its stream is begun anew."""
        self._rng = np.random.default_rng(seed)
        self._exposure = 100.0
        self._metered = deque([METERED] * LATE, LATE + 1)
        self._last = b""

    def see(self, camera: UvcCamera) -> bytes:
        """One frame, a JPEG."""
        self.is_frozen &= not camera.has_begun
        if self.is_frozen:
            return self._last
        controls = camera.controls
        by_itself = controls[Control.AUTO_EXPOSURE] == BY_APERTURE
        exposure = self._exposure if by_itself else float(controls[Control.EXPOSURE])
        light = np.minimum(self._light() * exposure / 100, KEPT)
        if not controls[Control.AUTO_FOCUS]:
            off_mm = abs(controls[Control.FOCUS] - self.scene.distance_mm)
            light = np.asarray(cv2.GaussianBlur(light, (0, 0), 0.3 + BLUR_PX_MM * off_mm), float)
        gain = max(1.0, exposure / LONGEST)
        noise = self._rng.normal(0, 1.5 + 1.2 * math.sqrt(gain), light.shape)
        grey = 255 * np.clip(light + _spilt(light), 0, 1) ** (1 / GAMMA) + noise
        self._metered.append(float(grey.mean()) / 255)
        if camera.frames % 2:
            self._meter()
        frame = np.clip(grey, 0, 255).astype(np.uint8)
        _done, packed = cv2.imencode(".jpg", frame, (cv2.IMWRITE_JPEG_QUALITY, 80))
        self._last = packed.tobytes()
        return self._last

    def _light(self) -> Light:
        light = np.full((HEIGHT, WIDTH), self.scene.hall)
        if self.scene.code:
            made = zxingcpp.create_barcode(self.scene.code, zxingcpp.BarcodeFormat.QRCode)
            symbol = np.array(made.to_image(scale=MODULE_PX, add_quiet_zones=True))
            drawn = np.where(symbol > 0, 1.0, BLACK) * self.scene.screen
            top, left = (
                (all_ - part) // 2 for all_, part in zip(light.shape, drawn.shape, strict=True)
            )
            light[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
        return light

    def _meter(self) -> None:
        """Expose longer or shorter by the average that was seen a while ago."""
        error = math.log2(METERED / max(0.02, self._metered[0]))
        if abs(error) > 0.15:
            wanted = self._exposure * 2 ** (HASTE * min(max(error, -0.5), 0.5))
            self._exposure = min(max(wanted, 1.0), LONGEST * MOST_GAIN)


def _spilt(light: Light) -> Light:
    # It is soft: a small picture has all of it.
    small = cv2.resize(light, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA)
    spilt = sum(share * cv2.GaussianBlur(small, (0, 0), reach) for reach, share in SPILT)
    return np.asarray(cv2.resize(np.asarray(spilt), (WIDTH, HEIGHT)), float)
