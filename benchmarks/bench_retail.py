"""Numbers of retail (EAN-13, UPC-A) with faults, held up: how many are read, and how many misread.

    python benchmarks/bench_retail.py [--seed SEED] [--labels N]

Draws labels with what misleads readers (scratches, blots, blur, motion, noise, few pixels a module,
JPEG), turned and in negative too, and holds each up for two thirds of a second of a trembling hand.
Counts what is accepted of a text that no list knows: by two frames that agree, as it was once, and
by two ways to look that agree, as it is now. Also after how many frames a ticket's code is decided:
at its first reading, or, where a ticket next to it in number is in the list too, once both agree.
"""

import argparse
import math
import sys
import time

import cv2
import numpy as np
import zxingcpp

from gate.capture.decode import Decoder
from gate.capture.regions import Frame
from gate.core.symbologies import RETAIL

LOOKS = 20
SIZE = (640, 480)
MODULE_PX = 8
"""Of the label as it is drawn, before it is seen from afar."""


def number(rng: np.random.Generator) -> str:
    """Any EAN-13; of three one is a UPC-A."""
    digits = [int(digit) for digit in rng.integers(0, 10, 12)]
    digits[0] = 0 if rng.random() < 0.3 else digits[0]
    check = -sum(digit * (1, 3)[at % 2] for at, digit in enumerate(digits)) % 10
    return "".join(map(str, [*digits, check]))


def label(text: str, rng: np.random.Generator) -> Frame:
    """A printed label with scratches and blots, light in its margins."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.EAN13)
    bars = np.array(code.to_image(scale=1, add_quiet_zones=False))[:1] > 127
    row = np.pad(np.where(bars, 255, 0).astype(np.uint8), ((0, 0), (11, 9)), constant_values=255)
    drawn = row.repeat(MODULE_PX, 1).repeat(20 * MODULE_PX, 0)
    drawn = np.pad(drawn, ((6 * MODULE_PX,) * 2, (0, 0)), constant_values=255)
    high, wide = drawn.shape
    for _fault in range(int(rng.integers(0, 4)) if rng.random() < 0.7 else 0):
        ink = int(rng.choice([20, 235]))
        x = int(rng.integers(10 * MODULE_PX, wide - 10 * MODULE_PX))
        if rng.random() < 0.6:
            top, bottom = (x + int(rng.normal(0, 3 * MODULE_PX)) for _end in range(2))
            thick = int(rng.integers(2, 2 * MODULE_PX + 3))
            cv2.line(drawn, (top, 0), (bottom, high), ink, thick, cv2.LINE_AA)
        else:
            axes = int(rng.integers(MODULE_PX, 8 * MODULE_PX)), int(rng.integers(8, high // 2))
            at = (x, int(rng.integers(0, high)))
            cv2.ellipse(drawn, at, axes, float(rng.uniform(0, 180)), 0, 360, ink, -1, cv2.LINE_AA)
    return ~drawn if rng.random() < 0.2 else drawn


class Approach:
    """How one label is held: everything that stays the same from frame to frame."""

    def __init__(self, text: str, rng: np.random.Generator) -> None:
        self._label = label(text, rng)
        self._rng = rng
        self.px = float(rng.uniform(0.9, 2.6))
        upright = float(rng.choice([0, 0, 0, 90, 180]) + rng.normal(0, 8))
        self._degrees = upright if rng.random() < 0.8 else float(rng.uniform(0, 360))
        self._contrast, self._dark = float(rng.uniform(0.25, 1)), float(rng.uniform(10, 80))
        self._blur = float(rng.uniform(0.3, 0.55 * self.px + 0.2)) if rng.random() < 0.5 else 0.0
        self._streak = int(rng.integers(2, round(2.2 * self.px) + 4)) if rng.random() < 0.5 else 0
        self._streaks_to = float(rng.uniform(0, math.pi))
        self._noise = float(rng.uniform(1, 14))
        self._quality = int(rng.integers(30, 92))
        self._behind = float(rng.integers(30, 200))

    def frame(self) -> Frame:
        """The next one of a trembling hand."""
        high, wide = self._label.shape
        factor = self.px / MODULE_PX
        turn = cv2.getRotationMatrix2D((wide / 2, high / 2), self._degrees, factor)
        turn[:, 2] += np.array(SIZE) / 2 - (wide / 2, high / 2) + self._rng.normal(0, 1, 2)
        # Seen through pixels that are as large as the picture's.
        soft = cv2.GaussianBlur(self._label, (0, 0), 0.35 / factor)
        seen = cv2.warpAffine(soft, turn, SIZE, flags=cv2.INTER_LINEAR).astype(np.float32)
        inside = cv2.warpAffine(np.ones(self._label.shape, np.float32), turn, SIZE)
        lit = seen * self._contrast + self._dark
        picture = self._behind * (1 - inside) + lit * inside
        if self._blur:
            picture = cv2.GaussianBlur(picture, (0, 0), self._blur)
        if self._streak:
            picture = cv2.filter2D(picture, -1, self._streaked())
        picture = np.clip(picture + self._rng.normal(0, self._noise, picture.shape), 0, 255)
        picture = picture.astype(np.uint8)
        _ok, sent = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
        return np.asarray(cv2.imdecode(sent, cv2.IMREAD_GRAYSCALE), np.uint8)

    def _streaked(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        length, kernel = self._streak, np.zeros((2 * self._streak + 1,) * 2, np.float32)
        x, y = (math.cos(self._streaks_to) * length / 2, math.sin(self._streaks_to) * length / 2)
        begin = round(length - x), round(length - y)
        cv2.line(kernel, begin, (round(length + x), round(length + y)), 1.0, 1)
        return np.asarray(kernel / kernel.sum(), np.float32)


def held_up(text: str, rng: np.random.Generator) -> dict[str, dict[str, int]]:
    """For each rule the texts that are accepted, each with the frame in which."""
    decoder, approach = Decoder(), Approach(text, rng)
    rules: dict[str, dict[str, int]] = {"read": {}, "two frames": {}, "two ways": {}}
    for at in range(1, LOOKS + 1):
        frame = approach.frame()
        for code in decoder.read(frame):
            if code.symbology not in RETAIL:
                continue
            first = rules["read"].setdefault(code.text, at)
            if first < at:
                rules["two frames"].setdefault(code.text, at)
            if code.text not in rules["two ways"] and decoder.agrees(frame, code):
                rules["two ways"][code.text] = at
    return rules


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--labels", type=int, default=300)
    options = parser.parse_args()
    right = dict.fromkeys(("read", "two frames", "two ways"), 0)
    wrong, frames, later = dict(right), dict(right), 0
    began = time.process_time()
    for n in range(options.labels):
        rng = np.random.default_rng([options.seed, n])
        text = number(rng)
        rules = held_up(text, rng)
        for rule, texts in rules.items():
            right[rule] += text in texts
            frames[rule] += texts.get(text, 0)
            wrong[rule] += any(one != text for one in texts)
        later += rules["two ways"].get(text, LOOKS) > rules["read"].get(text, LOOKS)
    print(f"{options.labels} labels, {time.process_time() - began:.0f} s of CPU")
    for rule in right:
        mean = frames[rule] / max(1, right[rule])
        print(f"{rule:11} right {right[rule]}, at frame {mean:.2f}; wrong {wrong[rule]}")
    print(f"{later} of the right ones agree later than they were first read")
    sys.exit(wrong["two ways"] > wrong["two frames"])


if __name__ == "__main__":
    main()
