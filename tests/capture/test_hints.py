"""Advice for a code that is seen and cannot be read: each fault has its own."""

import cv2
import numpy as np
import pytest

from gate.capture.hints import AGREED, Advice, Guide, advice
from gate.capture.regions import Frame, Region, Sighted
from tests.capture.test_qr import held_up
from tests.support.held_up import smeared


def bright(frame: Frame) -> Frame:
    """A screen: white is white."""
    return np.asarray(np.clip((frame.astype(np.float32) - 30) * 1.3 + 10, 0, 255), np.uint8)


def softened(frame: Frame, sigma: float) -> Frame:
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma), np.uint8)


def with_lamp(frame: Frame) -> Frame:
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    lamp = 600 * np.exp(-(((x - 320) / 30) ** 2) - ((y - 240) / 26) ** 2)
    return np.asarray(np.clip(frame + lamp, 0, 255), np.uint8)


def outshone(frame: Frame) -> Frame:
    """Light spills over the dark modules."""
    lit = frame.astype(np.float32) * 2.4
    return np.clip(lit + 0.4 * cv2.GaussianBlur(lit, (0, 0), 9), 0, 255).astype(np.uint8)


def shifted(frame: Frame, x: int) -> Frame:
    return np.roll(frame, x, axis=1)[:, : frame.shape[1]]


GOOD = bright(held_up(px=5, degrees=0))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (GOOD, None),
        (smeared(GOOD, length=13, noise=2), Advice.STILL),
        (softened(GOOD, 2.6), Advice.FURTHER),
        ((GOOD * 0.2 + 12).astype(np.uint8), Advice.BRIGHTER),
        (with_lamp(GOOD), Advice.TILT),
        (outshone(GOOD), Advice.DIMMER),
        (bright(held_up(px=1.2, degrees=0)), Advice.NEARER),
        (bright(held_up(px=15, degrees=0)), Advice.FURTHER),
        (GOOD[:, 320:], Advice.WHOLE),
        (np.full((480, 640), 90, np.uint8), None),
    ],
    ids=["good", "moved", "blurred", "dim", "lamp", "dazzling", "far", "near", "cut", "nothing"],
)
def test_each_fault_has_its_advice(frame: Frame, expected: Advice | None) -> None:
    """What is wrong with a frame is what the guest is asked to change."""
    assert advice(frame) is expected


def test_small_modules_are_known_where_a_symbol_was_found() -> None:
    """A large symbol of many tiny modules is to come nearer too."""
    sighted = Sighted(Region(200, 120, 240, 240, 60.0), module_px=1.7)
    assert advice(GOOD, sighted) is Advice.NEARER


def test_one_frame_is_not_believed() -> None:
    """Advice is given once most of the last frames agree, and withdrawn when they do not."""
    guide = Guide()
    dim = (GOOD * 0.2 + 12).astype(np.uint8)
    said = [guide.missed(dim) for _n in range(AGREED)]
    assert said == [None] * (AGREED - 1) + [Advice.BRIGHTER]
    guide.forget()
    assert guide.missed(dim) is None
