"""How long a camera exposes: by the light of what may be a ticket, where its driver can be told.

Cameras meter the whole picture. In a dark hall that burns out the screen of a phone, which is what
has to be read. So the exposure is brought down, or up, step by step until the screen or the code is
well lit, and left to the driver again once nothing is in sight.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from gate.capture.camera import Capture, Source, load_cv2
from gate.capture.regions import CELL, Frame, Region, is_like_a_code, regions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

BY_HAND, BY_ITSELF = 1, 3
"""How V4L2 names the ways to expose: as it is told, or by the driver with a fixed aperture."""
BLOWN = 245
"""Grey level from which on a spot is burnt out."""
SCREEN = (0.01, 0.5)
"""Shares of a picture that the burnt out screen of a phone covers; lamps are less, windows more."""
DIM, LIT = 90, 170
"""Grey levels: lightest parts of a code that is too dark, and of one that is not."""
BURNT = 0.25
"""Share of a code that is burnt out."""
GAMMA = 2.2
"""A grey level is the light to the power of one over that."""
STEP = 3.0
"""A change is by that factor at most: what is metered may be wrong."""
FINE = 1.2
"""A smaller change is none."""
SETTLES = 4
"""Frames after a change that may still have been exposed as before."""
GONE = 30
"""Frames without anything in sight after which the driver exposes by itself again."""
MOVED = 0.05
"""Share of the picture by which what turned out to be no ticket has to move to be one."""
OBEYS = 0.2
"""A driver may round what it is told by this share."""


class Light(NamedTuple):
    """How something in a picture is lit."""

    change: float
    """The exposure that it wants, in times of the present one."""
    place: tuple[float, float]
    """Its middle, in shares of the picture's width and height."""
    is_code: bool
    """Whether it looks like a code, and not only like a screen."""


class Device(Capture, Protocol):
    """A camera whose driver can be asked and told: ``cv2.VideoCapture``."""

    def get(self, what: int, /) -> float:
        """What a control stands at."""

    def set(self, what: int, value: float, /) -> object:
        """Ask for it; whether that was done shows when it is read back."""


def light_of(grey: Frame) -> Light | None:
    """What in a frame may be a ticket, and how it is lit."""
    codes = [
        one for one in regions(grey, 3) if one.is_worth_a_look and is_like_a_code(one.of(grey))
    ]
    screen = _screen(grey)
    if screen is not None:
        within = [one for one in codes if _is_within(one, screen)]
        if not any(_wish(one.of(grey)) == 1 for one in within):
            return Light(1 / STEP, _middle(screen, grey), bool(within))
        codes = within
    if not codes:
        return None
    code = max(codes, key=lambda one: _lightest(one.of(grey)))
    change = _wish(code.of(grey))
    bright = _screen(grey, LIT)
    if change > 1 and bright is not None and not _is_within(code, bright):
        # A striped shirt beside a screen.
        change = 1.0
    return Light(change, _middle(code, grey), is_code=True)


def _wish(part: "NDArray[np.uint8]") -> float:
    """By how much more or less a code should be exposed; 1 where it is well lit."""
    # How far beyond white its light is cannot be seen, and dark modules shrink by it.
    if (part >= BLOWN).mean() > BURNT:
        return 0.5
    light = _lightest(part)
    return (LIT / max(light, 1.0)) ** GAMMA if light < DIM else 1.0


def _lightest(part: "NDArray[np.uint8]") -> float:
    import numpy as np  # noqa: PLC0415  loaded with the camera

    return float(np.percentile(part, 95))


def _screen(grey: Frame, least: int = BLOWN) -> Region | None:
    """The largest spot that is as light, or burnt out, if a screen may be as large."""
    cv2 = load_cv2()
    height, width = (side // CELL for side in grey.shape)
    if min(height, width) < 1:
        return None
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    blown = (small >= least).astype("uint8")
    _count, _labels, boxes, _middles = cv2.connectedComponentsWithStats(blown)
    *box, area = max(boxes[1:].tolist(), key=lambda one: one[-1], default=[0, 0, 0, 0, 0])
    if not SCREEN[0] < area / (width * height) < SCREEN[1]:
        return None
    left, top, wide, high = (CELL * side for side in box)
    return Region(left, top, wide, high, 0.0)


def _middle(region: Region, grey: Frame) -> tuple[float, float]:
    height, width = grey.shape
    return (region.left + region.width / 2) / width, (region.top + region.height / 2) / height


def _is_within(region: Region, other: Region) -> bool:
    across, down = region.left + region.width / 2, region.top + region.height / 2
    return (
        other.left <= across <= other.left + other.width
        and other.top <= down <= other.top + other.height
    )


class Follower:
    """From what is seen, frame by frame, to how the exposure is to change. It knows no camera."""

    def __init__(self) -> None:
        self.follows = False
        """Whether the exposure is ours, and not the driver's."""
        self._settling = 0
        self._missing = 0
        self._reach = STEP
        self._last = 1.0
        self._was_code = False
        self._followed: list[tuple[float, float]] = []
        self._vain: Sequence[tuple[float, float]] = ()

    @property
    def is_settling(self) -> bool:
        """Whether the next frame tells nothing, because the last change is too recent."""
        return self._settling > 0

    def next(self, light: Light | None, *, is_read: bool = False) -> float:
        """What the exposure is to be multiplied by; 0: it is the driver's again."""
        if self._settling:
            self._settling -= 1
            return 1.0
        if is_read:
            self._missing, self._was_code = 0, True
            return 1.0
        if light is None or (not self.follows and not light.is_code and self._is_vain(light)):
            return self._missed()
        self._missing = 0
        self._was_code |= light.is_code
        change = self._bounded(light.change)
        if change == 1:
            return 1.0
        self.follows = True
        self._settling = SETTLES
        self._followed.append(light.place)
        return change

    def _missed(self) -> float:
        self._missing += 1
        if not self.follows or self._missing <= GONE:
            return 1.0
        # A window or a lamp that was taken for a screen is left alone from now on.
        self._vain = () if self._was_code else tuple(self._followed)
        self.follows = self._was_code = False
        self._followed.clear()
        self._missing, self._reach, self._last = 0, STEP, 1.0
        self._settling = SETTLES
        return 0.0

    def _is_vain(self, light: Light) -> bool:
        return any(
            max(abs(here - there) for here, there in zip(light.place, place, strict=True)) < MOVED
            for place in self._vain
        )

    def _bounded(self, change: float) -> float:
        """At most a step; a smaller one where the last went the other way, so that it ends."""
        if (change - 1) * (self._last - 1) < 0:
            self._reach = self._reach**0.5
        bounded = min(max(change, 1 / self._reach), self._reach)
        if 1 / FINE < bounded < FINE:
            return 1.0
        self._last = bounded
        return bounded


class Followed:
    """A camera that is exposed as a follower says; the same face as the camera alone.

    It is read in one thread; ``look`` may be called in another.
    """

    def __init__(self, device: Device) -> None:
        cv2 = load_cv2()
        self._auto, self._exposure = cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_EXPOSURE
        self._device = device
        self._follower = Follower()
        self._change = 1.0
        self._is_by_hand = False
        self._told = 0.0
        """The exposure that it was told last."""

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's spelling
        """Whether frames can be read."""
        return self._device.isOpened()

    def read(self) -> "tuple[bool, Frame | None]":
        """The next frame, once the driver was told what the last one asked for."""
        change, self._change = self._change, 1.0
        if change == 0:
            self._device.set(self._auto, BY_ITSELF)
            self._is_by_hand = False
        elif change != 1:
            self._expose(change)
        return self._device.read()

    def _expose(self, change: float) -> None:
        exposure = self._device.get(self._exposure)
        if not self._is_by_hand and exposure == self._told:
            # A driver that does not say how it exposes by itself, as ``uvcvideo`` of most cameras:
            # a share of an old value is nobody's wish, and what suited the last ticket is near.
            change = 1.0
        self._device.set(self._auto, BY_HAND)
        self._device.set(self._exposure, max(1.0, round(exposure * change)))
        self._is_by_hand, self._told = True, self._device.get(self._exposure)
        log.debug("exposure %s x %.2f", exposure, change)

    def release(self) -> None:
        """Leave the camera as it was found: other programs use it too."""
        self._device.set(self._auto, BY_ITSELF)
        self._device.release()

    def look(self, frame: Frame, is_read: bool) -> None:
        """Take notice of a frame, and whether a code was read in it."""
        light = None if is_read or self._follower.is_settling else light_of(_grey(frame))
        change = self._follower.next(light, is_read=is_read)
        if change != 1:
            self._change = change


def followed(source: Source) -> Source:
    """A camera that is followed where its driver can be told, and left alone where it cannot."""
    current: list[Followed] = []

    def open_followed() -> tuple[Capture, Path | None]:
        capture, path = source.open()
        # What opens devices opens them by OpenCV.
        device = cast("Device", capture)
        # Only V4L2 has controls as they are told here, and a file of the device.
        can_follow = path is not None and obeys(device)
        log.info("camera %s: exposure %s", source.name, "followed" if can_follow else "its own")
        current[:] = [Followed(device)] if can_follow else []
        return (current[0] if current else capture), path

    def look(frame: Frame, is_read: bool) -> None:
        for one in current:
            one.look(frame, is_read)

    return replace(source, open=open_followed, look=look)


def obeys(device: Device) -> bool:
    """Whether a driver exposes as it is told, and says so. One that does is left to itself."""
    cv2 = load_cv2()
    auto, exposure = cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_EXPOSURE
    mode, before = device.get(auto), device.get(exposure)
    wish = float(round(before / 2)) if before > 1 else 100.0
    device.set(auto, BY_HAND)
    device.set(exposure, wish)
    is_told = device.get(auto) == BY_HAND and abs(device.get(exposure) - wish) <= OBEYS * wish
    device.set(exposure, before)
    device.set(auto, BY_ITSELF)
    if is_told and device.get(auto) == BY_ITSELF:
        return True
    device.set(auto, mode)
    return False


def _grey(frame: Frame) -> Frame:
    """Green stands for grey, as in the preview."""
    import numpy as np  # noqa: PLC0415  loaded with the camera

    return frame if frame.ndim == 2 else np.ascontiguousarray(frame[:, :, 1])
