"""How many tickets are read beside a poster's code, fine print, stripes or checks.

    python benchmarks/bench_clutter.py [--seed SEED] [--frames DIR] [--count N]

Takes drawn frames (``../shared/decode_bench/gen.py``) whose ticket full effort reads and a glance
does not, paints clutter into the part of the picture that the ticket leaves free, and counts in how
many the ticket is still read: by the stream, which gets the same scene for one second of a
trembling hand, by full effort, and by zxing-cpp with every option. The limits are printed beside
the figures. Take seeds that nothing was tuned on.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
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
BARS = {
    "alone": 49 / 50,
    "poster": 45 / 50,
    "fine print": 27 / 30,
    "stripes": 26 / 30,
    "checks": 26 / 30,
}
"""Share of tickets that the stream is to read."""
Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""
Scene = tuple[Frame, str, Box]


def free_box(size: tuple[int, int], ticket: Box) -> Box:
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
        cv2.putText(
            page, text, (3, line), cv2.FONT_HERSHEY_SIMPLEX, step / 40, (30, 30, 30), 1, cv2.LINE_AA
        )
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
    """Whether the stream reads a ticket in one second."""
    rng = np.random.default_rng(seed)
    decoders.reset()
    looks = (decoders.stream(trembling(frame, rng)) for _n in range(LOOKS))
    return any(text == one for look in looks for one, _kind in look)


def by(decode: Callable[[Frame], decoders.Read], frame: Frame, text: str) -> bool:
    """Whether one look reads it."""
    return any(text == one for one, _kind in decode(frame))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", default="fresh-1", help="of the drawn frames")
    parser.add_argument("--frames", type=Path, help="frames drawn before")
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--count", type=int, default=50, help="tickets")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        frames = options.frames or Path(name)
        if not (frames / "manifest.json").exists():
            gen = [sys.executable, str(options.shared / "decode_bench/gen.py"), str(frames)]
            subprocess.run([*gen, "--seed", options.seed, "--only", "mixed"], check=True)
        scenes = tickets(frames, options.count)
    print(f"{len(scenes)} tickets: read by the stream, by full effort, by zxing-cpp")
    kept = [row(kind, scenes) for kind in ("alone", *CLUTTER)]
    sys.exit(not all(kept))


def row(kind: str, scenes: Sequence[Scene]) -> bool:
    """Print how many are read beside one kind of clutter; whether they are enough."""
    read = [0, 0, 0]
    for number, (frame, text, box) in enumerate(scenes):
        scene = frame.copy()
        if kind in CLUTTER:
            rng = np.random.default_rng([number, len(kind)])
            CLUTTER[kind](scene, free_box(frame.shape[:2], box), rng)
            scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), 0.5), np.uint8)
        read[0] += by_stream(scene, text, number)
        read[1] += by(decoders.still, scene, text)
        read[2] += by(decoders.zxing_full, scene, text)
    limit = round(BARS.get(kind, 0) * len(scenes))
    print(f"{' ' if read[0] >= limit else '!'} {kind:12} {read} (the stream at least {limit})")
    return read[0] >= limit


def tickets(frames: Path, count: int) -> list[Scene]:
    """Frames whose ticket full effort reads and a glance does not: text, and the box around it."""
    found: list[Scene] = []
    for one in json.loads((frames / "manifest.json").read_text()):
        if one["set"] != "mixed" or len(found) == count:
            continue
        frame = np.asarray(cv2.imread(str(frames / one["file"])), np.uint8)
        if by(decoders.zxing_fast, frame, one["truth"]):
            continue
        codes = [code for code in Decoder().read_fully(frame) if code.text == one["truth"]]
        found += [(frame, code.text, around(code.corners)) for code in codes[:1]]
    return found


def around(corners: Sequence[tuple[int, int]]) -> Box:
    """The upright box around a symbol, with a margin."""
    left, right = min(x for x, _y in corners), max(x for x, _y in corners)
    top, bottom = min(y for _x, y in corners), max(y for _x, y in corners)
    margin = round(0.15 * max(right - left, bottom - top))
    return left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin


if __name__ == "__main__":
    main()
