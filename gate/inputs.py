"""Everything that reads codes, joined to one lane: cameras and scanners at once."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from gate.config import Camera as CameraConfig
from gate.config import Config
from gate.domain.model import Outcome, Scan, Verdict
from gate.lane import Lane
from gate.language import _
from gate.scanner.camera import (
    Camera,
    Capture,
    Source,
    State,
    Wish,
    device_source,
    file_source,
    folder_source,
)
from gate.scanner.debounce import Debounce
from gate.scanner.decode import Decoder
from gate.scanner.evdev import EvdevScanner
from gate.scanner.guidance import Advice
from gate.scanner.picture import PictureScanner, Preview, Seen


class Inputs:
    """Takes codes from every reader, drops second readings of one scan, asks the lane.

    ``on_verdict`` is called in any thread, once for every scan, after the verdict is durable.
    """

    def __init__(
        self,
        lane: Lane,
        config: Config,
        on_verdict: Callable[[Verdict], None],
        *,
        on_preview: Callable[[Preview], None] | None = None,
        on_advice: Callable[[Advice | None], None] | None = None,
        on_camera: Callable[[State, str], None] | None = None,
        on_scanner: Callable[[str], None] | None = None,
        source: Source | None = None,
    ) -> None:
        self._lane = lane
        self._on_verdict = on_verdict
        self._diverted: Callable[[str], None] | None = None
        self.paused = False
        """While set, nothing that is read is a scan."""
        self._debounce = Debounce(
            out_of_view_ms=config.debounce.out_of_view_ms,
            camera_ms=config.debounce.camera_ms,
            scanner_ms=config.debounce.scanner_ms,
        )
        self.picture: PictureScanner | None = None
        self._evdev: EvdevScanner | None = None
        source = source or camera_source(config.camera)
        if source is not None:
            self.picture = PictureScanner(
                Camera(source, on_state=on_camera),
                Decoder(config.camera.formats),
                self.seen,
                knows=lane.knows,
                on_preview=on_preview if config.screen.preview else None,
                on_advice=on_advice,
                preview_fps=config.screen.preview_fps,
                rotation=config.camera.rotation,
            )
        if config.scanner.evdev:
            self._evdev = EvdevScanner(
                config.scanner.evdev,
                lambda code: self.scanned(code, "evdev"),
                on_scanner or _ignore,
                gap_ms=config.scanner.gap_ms,
                on_device=lambda device: self._plugged(device, on_scanner or _ignore),
            )

    def start(self) -> None:
        """Begin to read."""
        for reader in (self.picture, self._evdev):
            if reader is not None:
                reader.start()

    def stop(self) -> None:
        """Stop reading; verdicts that were asked for still come."""
        for reader in (self.picture, self._evdev):
            if reader is not None:
                reader.stop()

    @property
    def are_reading(self) -> bool:
        """Whether anything but the keyboard may still bring a code."""
        return self._evdev is not None or (self.picture is not None and self.picture.is_looking)

    def divert(self, to: Callable[[str], None] | None) -> None:
        """Hand what scanners read to somebody else: a test code is no ticket's."""
        self._diverted = to

    def scanned(self, code: str, source: str) -> None:
        """Take a code from a scanner; the verdict comes later."""
        if self._diverted is not None:
            self._diverted(code)
            return
        if not self.paused and self._debounce.scanned(code, _now_ms()):
            scan = Scan(code, source=source, started_ns=time.perf_counter_ns())
            self._lane.submit(scan).add_done_callback(lambda done: self._decided(code, done))

    def seen(self, seen: Seen) -> None:
        """Take a code from the camera's picture; answers when the verdict is there."""
        if not self.paused and self._debounce.in_view(seen.text, _now_ms()):
            scan = Scan(seen.text, seen.symbology, "camera", started_ns=seen.taken_ns, raw=seen.raw)
            self._decided(seen.text, self._lane.submit(scan))

    def _plugged(self, device: str, tell: Callable[[str], None]) -> None:
        if self._lane.scanner_plugged("evdev", device):
            tell(_("Another scanner: nothing is put right of what it types any more."))

    def _decided(self, code: str, done: "Future[Verdict]") -> None:
        verdict = done.result()
        if verdict.outcome is Outcome.HOLD:
            # Once the fault is mended, the same ticket held up again is a new scan.
            self._debounce.forget(code)
        self._on_verdict(verdict)


def camera_source(config: CameraConfig) -> Source | None:
    """The picture source the configuration names; ``None`` when there is to be none."""
    if config.file:
        return file_source(Path(config.file).expanduser())
    if config.folder:
        return folder_source(Path(config.folder).expanduser())
    if config.device in ("", "off"):
        return None
    wish = Wish(config.width, config.height, config.fps, config.fourcc, config.exposure)
    return device_source(config.device, wish)


def capture_source(name: str, capture: Capture) -> Source:
    """A capture that is open already, as a source that ends with it."""
    return Source(name, lambda: (capture, None), is_live=False)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _ignore(_trouble: str) -> None:
    pass
