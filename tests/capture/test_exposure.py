"""A camera's exposure follows the light of what may be a ticket, and is else the driver's own."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from cv2.typing import MatLike

from gate.capture import exposure
from gate.capture.camera import Capture, Source
from gate.capture.exposure import (
    BY_HAND,
    BY_ITSELF,
    GAMMA,
    GONE,
    SETTLES,
    STEP,
    Followed,
    Follower,
    Light,
    followed,
    light_of,
    obeys,
)
from gate.capture.regions import Frame
from gate.config_tables import Camera as CameraConfig
from gate.lane.inputs import camera_source

EMPTY = np.full((480, 640), 0.004)
HERE, THERE = (0.5, 0.5), (0.2, 0.5)


def hall() -> MatLike:
    """Light in a dark hall in which a phone shows a code; 1 is white at an exposure of 100."""
    rng = np.random.default_rng(3)
    light = EMPTY.copy()
    code = rng.integers(0, 2, (24, 24)).repeat(5, 0).repeat(5, 1)
    light[100:380, 200:400] = 1.0
    light[180:300, 240:360] = np.where(code, 1.0, 0.01)
    return cv2.GaussianBlur(light, (0, 0), 1.0)


def taken(light: MatLike, exposed: float) -> Frame:
    grey = 255 * np.clip(light * exposed / 100, 0, 1) ** (1 / GAMMA)
    return grey.round().astype(np.uint8)


class Driver:
    """A camera's driver with a picture to it."""

    def __init__(self, exposed: float = 3000.0, *, auto: float = BY_ITSELF) -> None:
        self.controls = {cv2.CAP_PROP_AUTO_EXPOSURE: auto, cv2.CAP_PROP_EXPOSURE: exposed}
        self.told: list[tuple[int, float]] = []
        self.light: MatLike = hall()
        self.is_open = True

    def isOpened(self) -> bool:  # noqa: N802
        return self.is_open

    def read(self) -> tuple[bool, Frame]:
        return True, taken(self.light, self.controls[cv2.CAP_PROP_EXPOSURE])

    def release(self) -> None:
        self.is_open = False

    def get(self, what: int) -> float:
        return self.controls[what]

    def set(self, what: int, value: float) -> bool:
        self.told.append((what, value))
        self.controls[what] = value
        return True


class Deaf(Driver):
    """One that takes no orders."""

    def set(self, what: int, value: float) -> bool:
        self.told.append((what, value))
        return True


class Silent(Driver):
    """One that exposes by itself without saying how, as ``uvcvideo`` does of most cameras."""

    def __init__(self, exposed: float) -> None:
        super().__init__(156.0)
        self._exposed = exposed

    def read(self) -> tuple[bool, Frame]:
        by_hand = self.controls[cv2.CAP_PROP_AUTO_EXPOSURE] == BY_HAND
        exposed = self.controls[cv2.CAP_PROP_EXPOSURE] if by_hand else self._exposed
        return True, taken(self.light, exposed)


def play(device: Driver, frames: int) -> Followed:
    camera = Followed(device)
    for _n in range(frames):
        _good, frame = camera.read()
        assert frame is not None
        camera.look(frame, False)
    return camera


@pytest.mark.parametrize(
    ("exposed", "wanted"), [(3000, "less"), (60, "the same"), (2, "more")], ids=str
)
def test_what_is_metered_is_the_code(exposed: float, wanted: str) -> None:
    """A burnt out screen wants less light, a dark code more, a good one what it has."""
    light = light_of(taken(hall(), exposed))
    assert light is not None
    assert ("less" if light.change < 1 else "more" if light.change > 1 else "the same") == wanted
    assert light.place == pytest.approx((0.47, 0.5), abs=0.06)


def test_a_hall_without_a_ticket_is_not_metered() -> None:
    """Nor is a picture that is too small for anything, or burnt out as a whole."""
    assert light_of(taken(EMPTY, 3000)) is None
    assert light_of(np.full((5, 300), 255, np.uint8)) is None
    assert light_of(np.full((480, 640), 255, np.uint8)) is None


def test_a_burnt_out_phone_becomes_a_code() -> None:
    """Within a second the exposure is one at which light and dark are told apart."""
    device = Driver()
    play(device, 30)
    assert device.controls[cv2.CAP_PROP_AUTO_EXPOSURE] == BY_HAND
    light = light_of(device.read()[1])
    assert light == (1.0, light.place if light else (), True)


def test_the_driver_meters_again_once_nothing_is_in_sight() -> None:
    """A while after the phone is gone, and at the end, for other programs."""
    device = Driver()
    camera = play(device, 30)
    device.light = EMPTY
    for _n in range(GONE + SETTLES + 2):
        _good, frame = camera.read()
        assert frame is not None
        camera.look(frame, False)
    assert device.controls[cv2.CAP_PROP_AUTO_EXPOSURE] == BY_ITSELF
    device = Driver()
    play(device, 30).release()
    assert device.controls[cv2.CAP_PROP_AUTO_EXPOSURE] == BY_ITSELF
    assert not device.is_open


def test_each_ticket_begins_as_the_last_one_was_exposed() -> None:
    """Where a driver does not say how it exposes by itself: and not with a third of that."""
    device = Silent(3000.0)
    camera = Followed(device)
    exposures = []
    for _ticket in range(4):
        for light, frames in ((hall(), 30), (EMPTY, GONE + SETTLES + 2)):
            device.light = light
            for _n in range(frames):
                _good, frame = camera.read()
                assert frame is not None
                camera.look(frame, False)
            exposures.append(device.controls[cv2.CAP_PROP_EXPOSURE])
        assert device.controls[cv2.CAP_PROP_AUTO_EXPOSURE] == BY_ITSELF
    assert len({*exposures}) == 1


def changes(follower: Follower, light: Light | None, frames: int) -> list[float]:
    return [change for _n in range(frames) if (change := follower.next(light)) != 1]


def test_steps_are_bounded_and_wait_for_the_last_one() -> None:
    """Whatever is metered: by a step at a time, and not before it shows."""
    follower = Follower()
    assert changes(follower, Light(1e-6, HERE, is_code=False), 2 + SETTLES) == [1 / STEP, 1 / STEP]
    follower = Follower()
    assert changes(follower, Light(1e6, HERE, is_code=True), 1 + SETTLES) == [STEP]


def test_what_swings_comes_to_rest() -> None:
    """Two things that want opposite light end in between."""
    follower = Follower()
    made: list[float] = []
    for number in range(300):
        light = Light(100.0 if number // (SETTLES + 1) % 2 else 0.01, HERE, is_code=True)
        made += changes(follower, light, 1)
    assert 2 < len(made) < 10


def test_without_smaller_steps_it_swings_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail."""
    monkeypatch.setattr(
        exposure.Follower,
        "_bounded",
        lambda _self, change: min(max(change, 1 / STEP), STEP),
    )
    with pytest.raises(AssertionError):
        test_what_swings_comes_to_rest()


def test_a_window_is_left_alone_once_it_turned_out_to_be_none() -> None:
    """What was brought down and showed no code is followed again only where it has moved."""
    window = Light(1 / STEP, HERE, is_code=False)
    follower = Follower()
    assert changes(follower, window, 1) == [1 / STEP]
    assert changes(follower, None, GONE + SETTLES + 1) == [0.0]
    assert changes(follower, window, 100) == []
    assert changes(follower, Light(1 / STEP, THERE, is_code=False), SETTLES + 1) == [1 / STEP]


def test_a_phone_that_was_read_is_followed_again() -> None:
    """The next one is held up at the same place."""
    phone = Light(1 / STEP, HERE, is_code=False)
    follower = Follower()
    changes(follower, phone, 1 + SETTLES)
    assert follower.next(None, is_read=True) == 1
    assert changes(follower, None, GONE + SETTLES + 1) == [0.0]
    assert changes(follower, phone, 1 + SETTLES) == [1 / STEP]


def test_only_a_driver_that_obeys_is_followed() -> None:
    """It is asked at the opening, and left as it was."""
    device = Driver()
    assert obeys(device)
    assert device.controls == Driver().controls
    assert not obeys(Deaf())
    # One that a program left exposing by hand as it was killed.
    left = Driver(auto=BY_HAND)
    assert obeys(left)
    assert left.controls[cv2.CAP_PROP_AUTO_EXPOSURE] == BY_ITSELF


@pytest.mark.parametrize(
    ("device", "path", "is_followed"),
    [(Driver(), Path("/dev/video0"), True), (Deaf(), Path("/dev/video0"), False),
     (Driver(), None, False)],
    ids=["obeys", "deaf", "not V4L2"],
)  # fmt: skip
def test_others_are_read_as_they_are(device: Driver, path: Path | None, is_followed: bool) -> None:
    """A driver that does not obey, or speaks otherwise, is told nothing."""

    def opened() -> tuple[Capture, Path | None]:
        return device, path

    source = followed(Source("x", opened))
    capture, _path = source.open()
    assert isinstance(capture, Followed) is is_followed
    device.told.clear()
    assert source.look is not None
    for _n in range(10):
        _good, frame = capture.read()
        assert frame is not None
        source.look(frame, False)
    assert bool(device.told) is is_followed


def test_the_configuration_chooses_how_to_expose() -> None:
    """Left to the driver unless it says follow."""
    sources = [camera_source(CameraConfig(exposure=how)) for how in ("auto", "follow", 50.0)]
    assert [one is not None and one.look is not None for one in sources] == [False, True, False]
