"""What each symbology costs that can be switched on: time of a glance, and false reads.

    python benchmarks/bench_symbologies.py --frames DIR [--shared DIR] [--docs]

``DIR`` has drawn frames (``../shared/decode_bench/gen.py DIR --only empty,mixed``), and
``../shared/corpus`` photographs. Times are of a glance at empty frames, with the usual symbologies
and with one more. False reads are what a camera's passes and full effort read of a symbology that
is in none of the pictures: such as have fooled decoders, empty frames, tickets of other kinds.
``--docs`` writes the table into docs/decoders.md.
"""

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from gate.capture.decode import Decoder
from gate.capture.passes import GLANCE, IN_TURN, OWN, THOROUGH, Scene
from gate.capture.regions import Frame
from gate.capture.steps import finished
from gate.capture.symbol_readers import look, reader_of
from gate.core.symbologies import ALL, USUAL, Symbology, title

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "decoders.md"
SHARED = HERE.parent.parent / "shared"
BEGIN, END = "<!-- symbologies -->", "<!-- /symbologies -->"
Misread = Counter[str]
"""In how many pictures by symbology."""
LARGEST = 1280
"""Longer sides of photographs are scaled down to that, as a camera would have them."""


def pictures(paths: Iterable[Path]) -> list[Frame]:
    """Those that can be read, in grey, at a camera's size."""
    found = []
    for path in paths:
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            continue
        factor = min(1.0, LARGEST / max(picture.shape))
        if factor < 1:
            how = cv2.INTER_AREA
            picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=how)
        found.append(np.asarray(picture, np.uint8))
    return found


def glances_ms(sets: list[frozenset[Symbology]], frames: list[Frame]) -> list[float]:
    """For each set the median time of a glance; they take turns, for others use the machine too."""
    readers = [reader_of(one) for one in sets]
    times: list[list[float]] = [[] for _one in sets]
    for _round in range(3):
        for frame in frames:
            for reader, taken in zip(readers, times, strict=True):
                began = time.thread_time()
                finished(look(GLANCE, reader, Scene(frame)))
                taken.append(time.thread_time() - began)
    return [statistics.median(one) * 1000 for one in times]


def misread(symbologies: frozenset[Symbology], frames: list[Frame]) -> tuple[Misread, Misread]:
    """In how many pictures a camera's passes, and full effort, read what is not there."""
    reader = reader_of(symbologies)
    turns = dict.fromkeys(how for turn in IN_TURN for how in turn)
    passes = [how for how in (GLANCE, THOROUGH, *turns) if how not in OWN]
    camera, fully = Misread(), Misread()
    for frame in frames:
        scene = Scene(frame)
        looks = [finished(look(how, reader, scene)).values() for how in passes]
        camera.update({code.symbology for codes in looks for code in codes})
        fully.update({code.symbology for code in Decoder(sorted(symbologies)).read_fully(frame)})
    return camera, fully


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=Path, required=True, help="frames drawn before")
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--most", type=int, default=60, help="drawn frames of each set")
    parser.add_argument("--docs", action="store_true", help="write the table into the docs")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    drawn: dict[str, list[Frame]] = {}
    manifest = json.loads((options.frames / "manifest.json").read_text())
    for name in ("empty", "mixed"):
        files = [options.frames / one["file"] for one in manifest if one["set"] == name]
        drawn[name] = pictures(files[: options.most])
    fooled = pictures(sorted((options.shared / "corpus").glob("falsepositives-*/*")))
    usual = frozenset(USUAL)
    others = [one for one in Symbology if one not in usual]
    base, all_ms, *each_ms = glances_ms(
        [usual, ALL, *(usual | {one} for one in others)], drawn["empty"]
    )
    head = (
        "A glance at an empty frame with the usual seven: {:.1f} ms, with all {:.1f} ms. In how"
        " many pictures a camera's passes + full effort read what is not there, of {} that have"
        " fooled decoders, {} empty frames and {} with tickets of other symbologies:"
    )
    rows = [
        head.format(base, all_ms, len(fooled), len(drawn["empty"]), len(drawn["mixed"])),
        "",
        "| switched on | ms a glance more | fooling pictures | empty frames | other tickets |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    found = [misread(frozenset(others), each) for each in (fooled, *drawn.values())]
    for one, ms in zip(others, each_ms, strict=True):
        cells = [f"{camera[one]} + {fully[one]}" for camera, fully in found]
        more_ms = round(ms - base, 1) + 0  # no zero below zero
        rows.append(f"| `{one}` ({title(one)}) | {more_ms} | {' | '.join(cells)} |")
    table = "\n".join(rows)
    print(table)
    if options.docs:
        before, _begin, rest = PAGE.read_text().partition(BEGIN)
        _table, _end, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")
    sys.exit(0)


if __name__ == "__main__":
    main()
