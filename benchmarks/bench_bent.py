"""How many tickets on crumpled, folded and rolled paper are read, beside zxing-cpp and OpenCV.

    python benchmarks/bench_bent.py [--seed SEED] [--count N] [--keep DIR]

Draws QR tickets of versions 2 to 6 on paper that is bent, tilted before a camera, a little out of
focus, noisy and compressed. A crumple moves the modules by a sum of smooth waves, by as many
modules on average as its name says; a fold is a crease with a plane on either side; a roll is a
cylinder. Each is counted as read by the stream (one second of a trembling hand), by one look of
full effort, and by the peers, with the processor's time for it. Take seeds that nothing was tuned
on.
"""

import argparse
import hashlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

from benchmarks.hidden import is_read
from benchmarks.scenes import Scene

WIDTH, HEIGHT = 1280, 720
FOCAL = 1.1 * WIDTH
TEXTURE_PX = 8
"""Pixels a module before the camera."""
PAPER = 10
"""Modules of white around a symbol: its margin, and the rest of the slip."""
OVER = 2
"""Samples a pixel, along and across."""
COARSE = 4
"""Pixels between those of which is searched what they see."""
STEPS = 40
"""Of the search for what a pixel sees."""
WAVES = 6
SETS = ("flat", "crumple 0.25", "crumple 0.5", "crumple 1.0", "fold", "roll")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

Points = NDArray[np.float64]
"""(…, 2) in modules from the symbol's middle, or (…, 3) in space."""


class Bend(NamedTuple):
    """A sheet in space: where each of its points is, and how light it is there."""

    shape: Callable[[Points], Points]
    light: Callable[[Points], NDArray[np.float64]]


def crumpled(amount: float, side: float, rng: np.random.Generator) -> Bend:
    """Smooth waves of half the symbol's side to one and a half, ``amount`` modules on average."""
    length = side * rng.uniform(0.5, 1.5, WAVES)
    angle, phase = rng.uniform(0, 2 * math.pi, (2, WAVES))
    towards = np.stack([np.cos(angle), np.sin(angle)]) * 2 * math.pi / length
    push = rng.normal(0, 1, (WAVES, 2))
    push *= amount / math.sqrt(float((push**2).sum()) / 2)

    def shape(at: Points) -> Points:
        return np.concatenate(
            [at + np.sin(at @ towards + phase) @ push, np.zeros_like(at[..., :1])], -1
        )

    def light(at: Points) -> NDArray[np.float64]:
        slope = np.cos(at @ towards + phase) @ (push[:, 0] * towards[0])
        return np.asarray(0.9 - 0.6 * np.clip(slope, -0.4, 0.4))

    return Bend(shape, light)


def folded(side: float, rng: np.random.Generator) -> Bend:
    """A crease somewhere through the symbol, by 20 to 45 degrees to either side."""
    across, turn = rng.uniform(0, math.pi), rng.choice([-1, 1]) * math.radians(rng.uniform(20, 45))
    normal = np.array([math.cos(across), math.sin(across)])
    crease = rng.uniform(-0.25, 0.25) * side
    shade = rng.uniform(0.6, 0.9)

    def shape(at: Points) -> Points:
        beyond = np.maximum(at @ normal - crease, 0)[..., None]
        flat = at - beyond * normal * (1 - math.cos(turn))
        return np.concatenate([flat, beyond * math.sin(turn)], -1)

    return Bend(shape, lambda at: np.where(at @ normal > crease, shade, 0.95))


def rolled(side: float, rng: np.random.Generator) -> Bend:
    """A cylinder of which the symbol covers 60 to 110 degrees, seen from outside or within."""
    across, covers = rng.uniform(0, math.pi), math.radians(rng.uniform(60, 110))
    normal = np.array([math.cos(across), math.sin(across)])
    radius, inward = side / covers, rng.choice([-1, 1])

    def angle(at: Points) -> NDArray[np.float64]:
        return np.asarray(np.clip(at @ normal / radius, -1.3, 1.3))

    def shape(at: Points) -> Points:
        around = angle(at)[..., None]
        flat = at - (at @ normal)[..., None] * normal + radius * np.sin(around) * normal
        return np.concatenate([flat, inward * radius * (1 - np.cos(around))], -1)

    return Bend(shape, lambda at: 0.25 + 0.7 * np.cos(angle(at)))


def bend(kind: str, side: float, rng: np.random.Generator) -> Bend:
    """The sheet of one of ``SETS`` with a symbol of ``side`` modules."""
    name, _space, amount = kind.partition(" ")
    if name == "fold":
        return folded(side, rng)
    if name == "roll":
        return rolled(side, rng)
    return crumpled(float(amount or 0), side, rng)


def pose(rng: np.random.Generator, module_px: float) -> Callable[[Points], Points]:
    """From space to pixels: turned by some degrees, tilted, as far away as the size says."""
    turn, tilt = math.radians(rng.normal(0, 15)), math.radians(rng.uniform(2, 20))
    axis = rng.uniform(0, 2 * math.pi)
    leaning, _jacobian = cv2.Rodrigues(tilt * np.array([math.cos(axis), math.sin(axis), 0]))
    turning, _jacobian = cv2.Rodrigues(np.array([0, 0, turn]))
    whole = leaning @ turning
    away = FOCAL / module_px
    middle = np.array([WIDTH, HEIGHT]) * rng.uniform(0.42, 0.58, 2)

    def project(points: Points) -> Points:
        seen = points @ whole.T
        return np.asarray(FOCAL * seen[..., :2] / (seen[..., 2:] + away) + middle)

    return project


def ticket(kind: str, rng: np.random.Generator) -> Scene:
    """One frame of a camera at a gate."""
    version, module_px = int(rng.integers(2, 7)), rng.uniform(3.0, 5.0)
    text = "TKT:" + "".join(rng.choice(list(LETTERS), 14 + 8 * (version - 2)))
    symbol = segno.make(text, version=version, error="m", mode="byte", boost_error=False)
    modules = np.pad(np.array([list(row) for row in symbol.matrix]), PAPER)
    sheet = cv2.resize(
        np.where(modules, 45.0, 228.0),
        None,
        fx=TEXTURE_PX,
        fy=TEXTURE_PX,
        interpolation=cv2.INTER_NEAREST,
    )
    side = len(modules) - 2 * PAPER
    paper = bend(kind, side, rng)
    project = pose(rng, module_px)
    at, box = seen(lambda points: project(paper.shape(points)), len(modules))
    places = ((at + len(modules) / 2) * TEXTURE_PX - 0.5).astype(np.float32)
    drawn = cv2.remap(sheet, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderValue=-1)
    is_paper = (np.abs(at) < len(modules) / 2).all(-1)
    light = paper.light(at)
    left, top, wide, high = box
    frame = wall(rng)
    part = frame[top : top + high, left : left + wide]
    large = cv2.resize(part, (wide * OVER, high * OVER))
    mixed = np.where(is_paper, drawn * light, large)
    part[:] = cv2.resize(mixed, (wide, high), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(frame, (0, 0), rng.uniform(0.5, 1.1))
    noisy = np.clip(soft + rng.normal(0, rng.uniform(2, 5), soft.shape), 0, 255).astype(np.uint8)
    _done, jpeg = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return Scene(np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8), text)


def seen(
    project: Callable[[Points], Points], side: int
) -> tuple[Points, tuple[int, int, int, int]]:
    """What of the sheet each pixel of a box around it sees, and the box.

    By Newton's method with one slope everywhere, that of the flat sheet; between every fourth
    pixel, in a straight line.
    """
    edge = np.linspace(-side / 2, side / 2, 60)
    outline = project(np.stack(np.meshgrid(edge, edge), -1))
    low = np.maximum(outline.min((0, 1)) - COARSE, 0).astype(int)
    high = np.minimum(outline.max((0, 1)) + COARSE, (WIDTH, HEIGHT)).astype(int)
    cells = (high - low) // COARSE
    middle = project(np.zeros(2))
    slope = np.stack([project(one) - project(-one) for one in 0.5 * side * np.eye(2)], 1) / side
    back = np.linalg.inv(slope).T
    pixels = low + (np.indices(cells).T + 0.5) * COARSE
    at = (pixels - middle) @ back
    for _step in range(STEPS):
        at = np.clip(at + 0.8 * (pixels - project(at)) @ back, -side, side)
    wide, high_px = (int(count) * COARSE for count in cells)
    fine = cv2.resize(at, (wide * OVER, high_px * OVER), interpolation=cv2.INTER_LINEAR)
    return np.asarray(fine), (int(low[0]), int(low[1]), wide, high_px)


def wall(rng: np.random.Generator) -> NDArray[np.float32]:
    """What is behind the paper: large soft shapes."""
    small = rng.normal(100, 25, (9, 16)).astype(np.float32)
    return np.asarray(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.float32)


def tickets(seed: str, kind: str, count: int) -> list[Scene]:
    """Tickets of one of ``SETS``; the same for the same seed."""
    digests = (hashlib.sha256(f"{seed}:{kind}:{n}".encode()).digest() for n in range(count))
    return [ticket(kind, np.random.default_rng(list(digest))) for digest in digests]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", default="fresh-1")
    parser.add_argument("--count", type=int, default=24, help="tickets of each set")
    parser.add_argument("--keep", type=Path, help="where to keep the frames")
    options = parser.parse_args()
    looks = {
        "full effort": "still",
        "zxing-cpp": "zxing_full",
        "OpenCV": "opencv_qr",
        "OpenCV curved": "opencv_curved",
    }
    names = "".join(f"{name:>16}" for name in looks)
    print(f"{'of ' + str(options.count):14}{'stream':>10}{names}")
    for kind in SETS:
        drawn = tickets(options.seed, kind, options.count)
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            for number, one in enumerate(drawn):
                cv2.imwrite(str(options.keep / f"{kind}-{number}.png"), one.frame)
        stream = sum(is_read("stream", one, n) for n, one in enumerate(drawn))
        line = f"{kind:14}{stream:>10}"
        for look in looks.values():
            began = time.process_time()
            read = sum(is_read(look, one) for one in drawn)
            each_ms = 1000 * (time.process_time() - began) / len(drawn)
            line += f"{read:>6} {each_ms:>6.0f} ms"
        print(line, flush=True)


if __name__ == "__main__":
    main()
