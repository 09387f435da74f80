"""What a gate's work costs a machine: a verdict, a glance, a rescue turn, the start.

    python benchmarks/bench_machine.py [--rounds 3] [--frames 12]

CPU time, not time: of a machine that is shared, emulated or told to run slowly it is what remains
comparable. The yardstick is the n-body program of ``benchmarks/pi4.py``, timed in the same run, so
that each figure is said in the time of a Raspberry Pi 4 as well: an estimate. Under QEMU's
``-icount shift=0`` a machine's clock counts instructions, and a millisecond is a million of them.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.bench_start import ready
from benchmarks.bench_verdict import Measured, make
from benchmarks.pi4 import PI_4_S, slower_here
from gate.capture.decode import Decoder
from gate.capture.passes import GLANCE, IN_TURN, Scene
from gate.capture.regions import Frame
from gate.capture.steps import Steps, finished
from gate.capture.symbol_readers import look
from gate.demo.showing import Showing
from gate.demo.synthetic_camera import DrawnCamera
from gate.storage.folder import Folder

TICKETS = 1000
SIZE = 1280, 720
"""Of a camera's frame, in pixels."""


def cpu_ms(work: Callable[[], object]) -> float:
    """CPU of all threads of this process while it works."""
    began = time.process_time_ns()
    work()
    return (time.process_time_ns() - began) / 1e6


def verdict_ms(path: Path, rounds: int) -> float:
    """A verdict on a known code: the lane's thread and that of whoever waits for it."""
    measured = Measured(path, TICKETS, entries=TICKETS)
    for _ in range(rounds):
        measured.round()
    measured.lane.close()
    return statistics.median(measured.cpu_us) / 1e3


def frames(count: int) -> Iterator[Frame]:
    """A guest who comes with a phone, holds it up and goes, as the demo draws it."""
    showing = Showing("K7QX-0001", "QRCode", begin_s=0.5, seconds=2.0)
    camera = DrawnCamera([showing], width=SIZE[0], height=SIZE[1])
    for number in range(count):
        yield camera.frame_at(3.0 * number / count)


def looks_ms(count: int) -> tuple[float, float]:
    """A glance at a frame, and a rescue turn: all that take turns, each at every frame, in mean."""
    decoder = Decoder()
    glances: list[float] = []
    turns: list[float] = []
    for frame in frames(count):
        # What is loaded at the first look is no part of one.
        decoder.read(frame)
        grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
        glances.append(cpu_ms(partial(_finish, look, GLANCE, decoder._reader, Scene(grey))))
        turns += [
            cpu_ms(partial(_finish, decoder._looked, turn, Scene(grey), {})) for turn in IN_TURN
        ]
    return statistics.mean(glances), statistics.mean(turns)


def _finish(look: Callable[..., Steps[object]], *words: object) -> None:
    """Take all steps of a look at once."""
    finished(look(*words))


def start_ms(path: Path, rounds: int) -> float:
    """From the command to a screen that takes codes."""
    folder = Folder(path)
    make(folder, TICKETS)
    return statistics.median(ready(folder)[1] for _ in range(rounds)) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=12)
    options = parser.parse_args()
    here_s, slower = slower_here()
    print(f"n-body, 5,000,000 steps: {here_s:.0f} s here, {PI_4_S:.0f} s on a Pi 4, as published")
    print(f"{'CPU':>24}{'measured here':>16}{'estimated there':>17}", flush=True)
    with tempfile.TemporaryDirectory() as path:
        costs = {
            "a verdict": verdict_ms(Path(path) / "verdict", options.rounds),
            **dict(zip(("a glance", "a rescue turn"), looks_ms(options.frames), strict=True)),
            "start to ready": start_ms(Path(path) / "start", options.rounds),
        }
    for name, cost in costs.items():
        print(f"{name:>24}{cost:>13.2f} ms{cost * slower:>14.1f} ms")
    glance = costs["a glance"] * slower
    print(f"{'frames a second':>24}{1e3 / costs['a glance']:>16.1f}{1e3 / glance:>17.1f}")


if __name__ == "__main__":
    main()
