"""From the verdict's message to the painted panel, alone and with everything else going on.

    python benchmarks/bench_screen.py [--size 160x48] [--verdicts 200]

The same repaint is timed twice in alternating rounds: with nothing else, and with the lane deciding
and the drawn camera's picture decoded and previewed at 5 fps. Painted means that the driver has
been handed the bytes of the panel.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from textual.drivers.headless_driver import HeadlessDriver

from gate.capture.camera import Camera, Capture, Source
from gate.capture.decode import Decoder
from gate.capture.picture import PictureScanner
from gate.clock import SystemClock
from gate.core.verdict import Scan, Verdict
from gate.demo.demo import prepare
from gate.demo.synthetic_camera import DrawnCamera
from gate.errors import InputError
from gate.lane.lane import Lane
from gate.ui.tui.app import GateApp
from gate.ui.tui.verdict_panel import VerdictPanel

LIMIT = 1.5
ROUND = 20


def _nothing() -> tuple[Capture, None]:
    msg = "no camera: the bench brings its own"
    raise InputError(msg)


NO_SOURCE = Source("none", _nothing, is_live=False)


class Timed(HeadlessDriver):
    """A terminal that notes when it was written to."""

    painted_at = 0.0
    waiting = False

    @property
    def is_headless(self) -> bool:
        """Claim to be a terminal: to a headless driver nothing is written."""
        return False

    def write(self, data: str) -> None:
        """Note the first frame that holds the verdict's word."""
        if Timed.waiting and ("██" in data):
            Timed.painted_at = time.perf_counter()
            Timed.waiting = False


async def measure(size: tuple[int, int], count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each paint: alone, and with preview and lane."""
    alone: list[float] = []
    busy: list[float] = []
    with tempfile.TemporaryDirectory() as path:
        demo = prepare(Path(path))
        config = demo.config
        lane = Lane(demo.folder, SystemClock(), config.place(), config.house_rules())
        lane.open()
        app = GateApp(lane, config, demo.folder, source=NO_SOURCE, quits_at_once=True)
        app.driver_class = Timed
        good, bad = lane.admit(Scan("GALA-1001-7919")), lane.admit(Scan("nobody"))
        running = asyncio.create_task(app.run_async(size=size))
        await asyncio.sleep(1)
        for start in range(0, count, ROUND):
            is_busy = (start // ROUND) % 2 == 1
            if is_busy:
                everything_else = Busy(app, demo.camera)
                await asyncio.sleep(0.5)
            for n in range(ROUND):
                took = await paint(app, good if n % 2 else bad)
                (busy if is_busy else alone).append(took)
            if is_busy:
                await asyncio.to_thread(everything_else.stop)
        app.exit(0)
        await running
        lane.close()
    return alone, busy


class Busy:
    """The drawn picture decoded and previewed, and a scan decided every quarter of a second."""

    def __init__(self, app: GateApp, drawn: DrawnCamera) -> None:
        self._lane = app.lane
        self._stopping = threading.Event()
        self._picture = PictureScanner(
            Camera(Source("drawn", lambda: (Kept(drawn), None), is_live=False)),
            Decoder(),
            lambda _codes: None,
            knows=lambda seen: app.lane.look_up(Scan(seen.text)).result() is not None,
            on_preview=app._previewed,
            preview_fps=app.config.screen.preview_fps,
        )
        self._scanning = threading.Thread(target=self._scan, daemon=True)
        self._picture.start()
        self._scanning.start()

    def stop(self) -> None:
        """Be still again."""
        self._stopping.set()
        self._scanning.join()
        self._picture.stop()

    def _scan(self) -> None:
        n = 0
        while not self._stopping.wait(0.25):
            n += 1
            self._lane.admit(Scan(f"GALA-{1000 + n % 300}-{n % 300 * 7919 % 10_000:04d}"))


class Kept:
    """The drawn camera, which goes on being open when one reader lets go of it."""

    def __init__(self, drawn: DrawnCamera) -> None:
        self.isOpened, self.read = drawn.isOpened, drawn.read

    def release(self) -> None:
        """Leave it open for the next."""


async def paint(app: GateApp, verdict: Verdict) -> float:
    """Clear the panel, show a verdict, and wait until it was written."""
    app.scan_screen.query_one(VerdictPanel).clear("")
    await asyncio.sleep(0.08)
    Timed.waiting = True
    started = time.perf_counter()
    app.decided(verdict)
    while Timed.waiting:
        await asyncio.sleep(0.0005)
        assert time.perf_counter() - started < 5
    return (Timed.painted_at - started) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", default="160x48")
    parser.add_argument("--verdicts", type=int, default=240)
    options = parser.parse_args()
    width, height = (int(n) for n in options.size.split("x"))
    alone, busy = asyncio.run(measure((width, height), options.verdicts))
    for name, times in (("alone", alone), ("with preview and lane", busy)):
        p95 = statistics.quantiles(times, n=20)[18]
        print(f"{name:>22}: p50 {statistics.median(times):6.1f} ms, p95 {p95:6.1f} ms")
    ratio = statistics.median(busy) / statistics.median(alone)
    print(f"{'ratio of the medians':>22}: {ratio:.2f} (limit {LIMIT})")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
