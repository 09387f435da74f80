"""How many tickets are read beside a poster's code, fine print, stripes or checks.

    python benchmarks/bench_clutter.py [--seed SEED] [--frames DIR] [--count N]

Takes drawn frames (``../shared/decode_bench/gen.py``) whose ticket full effort reads, paints clutter
into the part of the picture that the ticket leaves free, and counts in how many the ticket is still
read: by the stream, which gets the same scene for one second of a trembling hand, by full effort,
and by zxing-cpp with every option. The limits are printed beside the figures. Take seeds that
nothing was tuned on.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import decoders
import numpy as np
import segno

from gate.capture.decode import Decoder
from gate.capture.regions import Frame

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared"
LOOKS = 30
"""Frames of one scene that the stream gets: a second."""
POSTER = "https://sponsor.example/win-a-car"
BARS = {"alone": 49 / 50, "poster": 45 / 50, "fine print": 27 / 30, "stripes": 26 / 30, "checks": 26 / 30}
"""Share of tickets that the stream is to read."""
Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""


def free_boxes(size: tuple[int, int], ticket: Box, rng: np.random.Generator) -> Box:
    """The largest upright box beside the ticket."""
    height, width = size
    left, top, wide, high = ticket
    beside = [
        (0, 0, left, height),
        (left + wide, 0, width - left - wide, height),
        (0, 0, width, top),
        (0, top + high, width, height - top - high),
    ]
    return max(beside, key=lambda box: (min(box[2], box[3]), box[2] * box[3]))


def inner(box: Box, wide: int, high: int, rng: np.random.Generator) -> Box:
    """A box of at most that size somewhere in another."""
    wide, high = min(wide, box[2]), min(high, box[3])
    left = box[0] + int(rng.integers(0, box[2] - wide + 1))
    top = box[1] + int(rng.integers(0, box[3] - high + 1))
    return left, top, wide, high


def poster(frame: Frame, box: Box, rng: np.random.Generator) -> None:
    """A clear QR symbol of somebody else's."""
    symbol = np.array([list(row) for row in segno.make(POSTER, micro=False, error="m").matrix])
    light = np.where(np.pad(symbol, 4), 0, 255).astype(np.uint8)
    side = min(box[2], box[3], int(rng.integers(180, 260)))
    left, top, wide, high = inner(box, side, side, rng)
    drawn = cv2.resize(light, (wide, high), interpolation=cv2.INTER_AREA)
    frame[top : top + high, left : left + wide] = drawn[..., None]


def fine_print(frame: Frame, box: Box, rng: np.random.Generator) -> None:
    """A page of small letters."""
    left, top, wide, high = inner(box, frame.shape[1] // 3, frame.shape[0] // 2, rng)
    page = np.full((high, wide, 3), 240, np.uint8)
    step = int(rng.integers(9, 14))
    letters = "ABCDEFGHIKLMNOPRSTUVWZ aeiou nrst "
    for line in range(step, high, step):
        text = "".join(letters[i] for i in rng.integers(0, len(letters), wide // 4))
        cv2.putText(page, text, (3, line), cv2.FONT_HERSHEY_SIMPLEX, step / 40, (30, 30, 30), 1, cv2.LINE_AA)
    frame[top : top + high, left : left + wide] = page


def stripes(frame: Frame, box: Box, rng: np.random.Generator) -> None:
    """A striped shirt."""
    left, top, wide, high = inner(box, frame.shape[1] // 3, frame.shape[0] // 2, rng)
    pitch = int(rng.integers(6, 16))
    columns = np.where(np.arange(wide) // (pitch // 2) % 2, 225, 30).astype(np.uint8)
    frame[top : top + high, left : left + wide] = columns[None, :, None]


def checks(frame: Frame, box: Box, rng: np.random.Generator) -> None:
    """A checked table cloth."""
    left, top, wide, high = inner(box, frame.shape[1] // 3, frame.shape[0] // 2, rng)
    pitch = int(rng.integers(6, 16))
    y, x = np.indices((high, wide)) // pitch
    cloth = np.where((x + y) % 2, 225, 40).astype(np.uint8)
    frame[top : top + high, left : left + wide] = cloth[..., None]


CLUTTER: dict[str, Callable[[Frame, Box, np.random.Generator], None]] = {
    "poster": poster, "fine print": fine_print, "stripes": stripes, "checks": checks,
}  # fmt: skip


def trembling(frame: Frame, rng: np.random.Generator) -> Frame:
    """The scene as the next frame has it: a pixel aside, with noise of its own."""
    shift = np.array([[1, 0, rng.normal(0, 1)], [0, 1, rng.normal(0, 1)]], np.float32)
    moved = cv2.warpAffine(frame, shift, frame.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.clip(moved + rng.normal(0, 3, frame.shape), 0, 255).astype(np.uint8)


def by_stream(frame: Frame, text: str, seed: int) -> bool:
    rng = np.random.default_rng(seed)
    decoders.reset()
    return any(
        text in {one for one, _kind in decoders.stream(trembling(frame, rng))} for _n in range(LOOKS)
    )


def by(decode: Callable[[Frame], decoders.Read], frame: Frame, text: str) -> bool:
    return text in {one for one, _kind in decode(frame)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", default="fresh-1", help="of the drawn frames")
    parser.add_argument("--frames", type=Path, help="frames drawn before")
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--count", type=int, default=50, help="tickets")
    parser.add_argument("--only", default="", help="kinds of clutter, with commas")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        frames = options.frames or Path(name)
        if not (frames / "manifest.json").exists():
            gen = [sys.executable, str(options.shared / "decode_bench/gen.py"), str(frames)]
            subprocess.run([*gen, "--seed", options.seed, "--only", "mixed"], check=True)
        scenes = tickets(frames, options.count)
    wrong = False
    for kind in ["alone", *CLUTTER]:
        if options.only and kind not in options.only.split(","):
            continue
        read = {"stream": 0, "full effort": 0, "zxing-cpp": 0}
        for number, (frame, text, box) in enumerate(scenes):
            scene = frame.copy()
            if kind != "alone":
                rng = np.random.default_rng([number, len(kind)])
                CLUTTER[kind](scene, free_boxes(scene.shape[:2], box, rng), rng)
                scene = cv2.GaussianBlur(scene, (0, 0), 0.5)
            read["stream"] += by_stream(scene, text, number)
            read["full effort"] += by(decoders.still, scene, text)
            read["zxing-cpp"] += by(decoders.zxing_full, scene, text)
        limit = round(BARS[kind] * len(scenes))
        is_kept = read["stream"] >= limit
        wrong |= not is_kept
        told = ", ".join(f"{who} {count}" for who, count in read.items())
        print(f"{'  ' if is_kept else '! '}{kind}: {told} of {len(scenes)} (stream at least {limit})", flush=True)
    sys.exit(wrong)


def tickets(frames: Path, count: int) -> list[tuple[Frame, str, Box]]:
    """Frames whose ticket full effort reads and a glance does not: text, and the box around it."""
    found: list[tuple[Frame, str, Box]] = []
    for one in json.loads((frames / "manifest.json").read_text()):
        if one["set"] != "mixed" or len(found) == count:
            continue
        frame = cv2.imread(str(frames / one["file"]))
        if by(decoders.zxing_fast, frame, one["truth"]):
            continue
        for code in Decoder().read_fully(frame):
            if code.text == one["truth"]:
                (left, top), (right, bottom) = np.min(code.corners, 0), np.max(code.corners, 0)
                margin = int(0.15 * max(right - left, bottom - top))
                box = (left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin)
                found.append((frame, code.text, tuple(int(side) for side in box)))
    return found


if __name__ == "__main__":
    main()
