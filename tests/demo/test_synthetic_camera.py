"""The drawn camera: what it shows can be read, and it behaves like a camera."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zxingcpp

from gate.demo.showing import Showing
from gate.demo.synthetic_camera import DrawnCamera

FORMATS: Any = (
    zxingcpp.BarcodeFormat.QRCodeModel2,
    zxingcpp.BarcodeFormat.Aztec,
    zxingcpp.BarcodeFormat.PDF417,
    zxingcpp.BarcodeFormat.Code128,
)
TEXTS = {
    "QRCode": "https://t.example/AB12CD34EF56GH7890abcd",
    "Aztec": "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 326J001A0025 100",
    "PDF417": "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 326J001A0025 100",
    "Code128": "AB12CD34EF56GH78",
}
LEAST_PX = {"QRCode": 3, "Aztec": 3, "PDF417": 2, "Code128": 2}
EACH = [(symbology, carrier) for symbology in TEXTS for carrier in ("phone", "paper")]
FPS = 25

Frame = npt.NDArray[np.uint8]


def read(frame: Frame) -> dict[str, zxingcpp.Barcode]:
    found = zxingcpp.read_barcodes(
        frame,
        formats=FORMATS,
        try_rotate=True,
        try_downscale=True,
        try_invert=False,
        text_mode=zxingcpp.TextMode.Plain,
    )
    return {barcode.text: barcode for barcode in found}


def showing(symbology: str, carrier: str = "phone", **more: float) -> Showing:
    return Showing(TEXTS[symbology], symbology, carrier, title="NIGHT OF LIGHTS", **more)


def corners(barcode: zxingcpp.Barcode) -> npt.NDArray[np.float64]:
    at = barcode.position
    spots = (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
    return np.array([(spot.x, spot.y) for spot in spots], np.float64)


def seconds(begin: float, end: float, step: int = 1) -> list[float]:
    return [number / FPS for number in range(round(begin * FPS), round(end * FPS), step)]


@pytest.mark.examples(3)
@pytest.mark.parametrize(("symbology", "carrier"), EACH)
def test_what_is_held_still_is_read(symbology: str, carrier: str) -> None:
    """Every symbology is read from phones and paper in a third of the frames of the middle half."""
    camera = DrawnCamera([showing(symbology, carrier)])
    times = seconds(0.5, 1.5, 2)
    hits = sum(TEXTS[symbology] in read(camera.frame_at(at)) for at in times)
    assert hits >= len(times) / 3


@pytest.mark.examples(3)
@pytest.mark.parametrize(("symbology", "carrier"), EACH)
def test_what_is_held_still_is_large_and_in_the_frame(symbology: str, carrier: str) -> None:
    """Modules are 3 pixels in the middle half, those of bars 2, and the whole symbol is seen."""
    barcode = zxingcpp.create_barcode(TEXTS[symbology], getattr(zxingcpp.BarcodeFormat, symbology))
    modules = np.array(barcode.to_image(scale=1, add_quiet_zones=False)).shape[1]
    camera = DrawnCamera([showing(symbology, carrier, tilt_deg=20)], seed=4)
    seen = [read(camera.frame_at(at)).get(TEXTS[symbology]) for at in seconds(0.5, 1.5, 4)]
    found = [corners(barcode) for barcode in seen if barcode is not None]
    assert found
    for spots in found:
        assert np.hypot(*(spots[1] - spots[0])) / modules >= LEAST_PX[symbology]
        assert (spots >= 0).all()
        assert (spots <= (960, 540)).all()


@pytest.mark.parametrize("symbology", TEXTS)
@pytest.mark.parametrize(
    ("turn_deg", "tilt_deg", "light"),
    [
        (30, 20, 0.5),
        *(
            pytest.param(*one, marks=pytest.mark.long)
            for one in ((20, 10, 1), (-40, 10, 1), (0, 35, 1), (0, 10, 0.3))
        ),
    ],
)
def test_awkward_guests_are_read_at_last(
    symbology: str, turn_deg: float, tilt_deg: float, light: float
) -> None:
    """A turned, tilted or dim symbol is read at some moment of its time."""
    one = showing(symbology, turn_deg=turn_deg, tilt_deg=tilt_deg, light=light)
    camera = DrawnCamera([one], seed=2)
    assert any(TEXTS[symbology] in read(camera.frame_at(at)) for at in seconds(0.4, 2, 3))


def test_it_comes_from_afar_and_stays_nearly_still() -> None:
    """A symbol grows while it comes; in the middle half it only trembles."""
    camera = DrawnCamera([showing("QRCode", seconds=4)])

    def spots(times: list[float]) -> list[npt.NDArray[np.float64]]:
        found = [read(camera.frame_at(at)).get(TEXTS["QRCode"]) for at in times]
        return [corners(barcode) for barcode in found if barcode is not None]

    def width(spot: npt.NDArray[np.float64]) -> float:
        return float(np.hypot(*(spot[1] - spot[0])))

    coming, still = spots(seconds(0, 0.7)), spots(seconds(1, 3, 5))
    assert width(coming[0]) < 0.95 * width(still[0])
    steps = [float(np.abs(after - before).max()) for before, after in pairwise(still)]
    assert 0 < max(steps) < 15


def test_guests_at_once_are_both_read() -> None:
    """Two who hold up something at the same time stand side by side and are read in one frame."""
    peer_session = [showing("QRCode"), showing("PDF417", "paper", begin_s=0.3)]
    wide = [showing("Code128"), showing("PDF417", "paper", begin_s=0.3)]
    for showings in (peer_session, wide):
        camera = DrawnCamera(showings)
        texts = {one.text for one in showings}
        assert any(texts <= set(read(camera.frame_at(at))) for at in seconds(0.8, 1.5, 2))


def test_nothing_is_read_in_the_empty_scene() -> None:
    """Before, between and after the showings there is no code in the picture."""
    showings = [showing("QRCode", begin_s=1), showing("Code128", begin_s=5)]
    camera = DrawnCamera(showings)
    for begin, end in ((0, 1), (3.04, 5), (7.04, 10)):
        for at in seconds(begin, end, 5):
            assert not read(camera.frame_at(at)), at


def test_a_frame_depends_on_time_and_seed_only() -> None:
    """The same seed gives the same frame whatever was drawn before; another seed another one."""
    showings = [showing("QRCode"), showing("Aztec", begin_s=1.5)]
    one, same = DrawnCamera(showings, seed=3), DrawnCamera(showings, seed=3)
    other = DrawnCamera(showings, seed=4)
    for at in (3.2, 1.0, 1.8, 1.0):
        one.frame_at(at)
    for at in (1.0, 1.8, 3.9):
        assert np.array_equal(one.frame_at(at), same.frame_at(at))
        assert not np.array_equal(one.frame_at(at), other.frame_at(at))


def test_frames_always_differ() -> None:
    """No two consecutive frames are equal, not even of the empty scene."""
    camera = DrawnCamera([showing("QRCode", begin_s=1)])
    frames = [camera.frame_at(at) for at in seconds(0.6, 1.4)]
    assert not any(np.array_equal(before, after) for before, after in pairwise(frames))


def test_people_pass_in_the_distance() -> None:
    """The empty scene moves by more than the noise of the sensor."""
    camera = DrawnCamera([])
    first, later = (
        np.mean([camera.frame_at(begin + at / 1000) for at in range(8)], axis=0)
        for begin in (0.0, 4.0)
    )
    assert np.abs(first - later).max() > 40


@pytest.mark.parametrize(("width", "height"), [(960, 540), (640, 480), (1280, 720)])
def test_frames_have_the_size_asked_for(width: int, height: int) -> None:
    """Every frame is blue, green and red bytes of the size asked for, and still readable."""
    camera = DrawnCamera([showing("QRCode")], width=width, height=height)
    for at in (-1.0, 0.1, 1.0, 9.0):
        frame = camera.frame_at(at)
        assert frame.shape == (height, width, 3)
        assert frame.dtype == np.uint8
    assert TEXTS["QRCode"] in read(camera.frame_at(1.0))


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.at = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    def sleep(self, duration: float) -> None:
        self.slept.append(duration)
        self.at += duration


def test_an_early_reader_waits() -> None:
    """The first frame comes at once and is that of second 0; each next one a 25th later."""
    clock = Clock()
    camera = DrawnCamera([showing("QRCode")], now=clock.now, sleep=clock.sleep)
    frames = [camera.read()[1] for _ in range(4)]
    assert clock.slept == pytest.approx([1 / FPS] * 3)
    for number, frame in enumerate(frames):
        assert frame is not None
        assert np.array_equal(frame, camera.frame_at(number / FPS))


def test_a_late_reader_skips() -> None:
    """Whoever comes late gets the newest frame that is due, without waiting, then the next."""
    clock = Clock()
    camera = DrawnCamera([], now=clock.now, sleep=clock.sleep)
    camera.read()
    clock.at += 10.5 / FPS
    for number in (10, 11):
        frame = camera.read()[1]
        assert frame is not None
        assert np.array_equal(frame, camera.frame_at(number / FPS))
    assert clock.slept == pytest.approx([0.5 / FPS])


def test_release_ends_the_film() -> None:
    """After release no frame comes, not even to a reader who was waiting for one."""
    clock = Clock()

    def released_while_waiting(_duration: float) -> None:
        camera.release()

    camera = DrawnCamera([], now=clock.now, sleep=released_while_waiting)
    assert camera.isOpened()
    assert camera.read()[0]
    assert camera.read() == (False, None)
    assert not camera.isOpened()
    assert camera.read() == (False, None)
