"""Symbols as somebody holds them up before a camera."""

import cv2
import numpy as np
from numpy.typing import NDArray

from gate.capture.regions import Frame

FINER = 8
"""Pixels a module from which the frame is sampled."""


def on_paper(dark: NDArray[np.bool_], margin: int, px: float, degrees: float) -> Frame:
    """Modules, ``px`` pixels each, with so many of margin, turned, before a grey wall."""
    light = np.where(np.pad(dark, margin), 0, 1).astype(np.float32)
    height, width = light.shape
    turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, px), np.float64)
    turn[:, 2] += (320 - width / 2, 240 - height / 2)
    large = cv2.resize(light, None, fx=FINER, fy=FINER, interpolation=cv2.INTER_NEAREST)
    turn[:, :2] /= FINER
    frame = cv2.warpAffine(large * 180 + 30, turn, (640, 480), borderValue=(90,))
    return frame.astype(np.uint8)


def tilted(frame: Frame, to: list[tuple[int, int]]) -> Frame:
    """The frame with its corners there, clockwise from the top left, before the same wall."""
    height, width = frame.shape
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    turn = cv2.getPerspectiveTransform(corners, np.array(to, np.float32))
    return np.asarray(
        cv2.warpPerspective(frame, turn, (width, height), borderValue=(90,)), np.uint8
    )


def smeared(frame: Frame, length: int, noise: float, seed: int = 1) -> Frame:
    """The frame as a moving hand and a noisy sensor show it."""
    streak = np.zeros((length, length), np.float32)
    streak[length // 2] = 1 / length
    moved = cv2.filter2D(frame.astype(np.float32), -1, streak)
    grain = np.random.default_rng(seed).normal(0, noise, frame.shape)
    return np.clip(moved + grain, 0, 255).astype(np.uint8)
