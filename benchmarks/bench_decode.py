"""How many real photographs are read, how long that takes, and what is read wrong.

    python benchmarks/bench_decode.py [FOLDER]

FOLDER, or else ../shared/corpus beside the repository, holds folders of pictures, each with what it
says beside it as .txt (or .bin, as bytes). Those named falsepositives-* hold no code. All ways look
at each picture in turn, on one core.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import zxingcpp
from pyzbar import pyzbar

from gate.scanner.decode import Decoder, Frame

CORPUS = Path(__file__).parent.parent / "../shared/corpus"
Read = tuple[str, bytes]
Way = Callable[[Frame], list[Read]]


def decoder_fully(frame: Frame) -> list[Read]:
    return [(code.text, code.raw) for code in Decoder().read_fully(frame)]


def decoder_in(frames: int) -> Way:
    def read(frame: Frame) -> list[Read]:
        decoder = Decoder()
        for _ in range(frames):
            if codes := decoder.read(frame):
                return [(code.text, code.raw) for code in codes]
        return []

    return read


def zxing_alone(frame: Frame) -> list[Read]:
    return [(code.text, code.bytes) for code in zxingcpp.read_barcodes(frame)]


def pyzbar_alone(frame: Frame) -> list[Read]:
    try:
        return [(code.data.decode("utf-8", "replace"), code.data) for code in pyzbar.decode(frame)]
    except ValueError:
        return []


WAYS: dict[str, Way] = {
    "read_fully": decoder_fully,
    "read, 1 frame": decoder_in(1),
    "read, 8 frames": decoder_in(8),
    "zxing-cpp alone": zxing_alone,
    "pyzbar alone": pyzbar_alone,
}


def pictures(corpus: Path) -> Iterator[tuple[str, Frame, bytes | None]]:
    """Each picture with its folder and what it says; ``None`` where it says nothing."""
    for path in sorted(corpus.glob("*/*.*")):
        said = [path.with_name(path.stem + end) for end in (".txt", ".bin")]
        content = next((one.read_bytes() for one in said if one.exists()), None)
        is_empty = path.parent.name.startswith("falsepositives")
        if path in said or (content is None and not is_empty):
            continue
        frame = cv2.imread(str(path))
        if frame is not None:
            yield path.parent.name, frame, None if is_empty else content


def says(read: Read, expected: bytes) -> bool:
    """Whether a reading is right, but for line ends and what pads the last block."""
    text, raw = read
    both = {tidy(text.encode()), tidy(raw)}
    return bool(both & {tidy(expected), tidy(expected.decode("latin-1").encode())})


def tidy(content: bytes) -> bytes:
    return content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").strip(b"\0\n ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=CORPUS)
    parser.add_argument("--verbose", action="store_true", help="name what is missed or wrong")
    options = parser.parse_args()
    if not options.folder.is_dir():
        parser.error(f"{options.folder}: no such folder")
    cv2.setNumThreads(1)
    of: dict[str, int] = defaultdict(int)
    hits: dict[tuple[str, str], int] = defaultdict(int)
    false: dict[tuple[str, str], int] = defaultdict(int)
    ms: dict[tuple[str, str], list[float]] = defaultdict(list)
    for folder, frame, expected in pictures(options.folder):
        of[folder] += expected is not None
        for name, way in WAYS.items():
            started = time.perf_counter()
            found = way(frame)
            ms[folder, name].append((time.perf_counter() - started) * 1000)
            right = [read for read in found if expected is not None and says(read, expected)]
            hits[folder, name] += bool(right)
            false[folder, name] += len(found) - len(right)
            if options.verbose and (len(found) > len(right) or (expected and not right)):
                print(f"{folder:18}{name:16}{expected!s:.40} {[text[:40] for text, _ in found]}")
    print(f"{'hits false ms':22}" + "".join(f"{name:>20}" for name in WAYS))
    for folder, total in of.items():
        cells = (
            f"{hits[folder, name]:>6}{false[folder, name]:>5}"
            f"{statistics.median(ms[folder, name]):>9.1f}"
            for name in WAYS
        )
        print(f"{folder:16}{total:>6}" + "".join(cells))
    total = sum(of.values())
    for name in WAYS:
        got = sum(hits[folder, name] for folder in of)
        wrong = sum(false[folder, name] for folder in of)
        print(f"{name:18}{got:>4} of {total} = {got / total:.1%}, {wrong} false")


if __name__ == "__main__":
    main()
