"""Cameras, video files and folders of pictures: always the newest frame, never a backlog.

A camera that died may go on returning its last picture, or block for ever. So the age of frames
and whether they differ are watched from outside the thread that reads them.
"""

import logging
import os
import sys
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gate.errors import InputError
from gate.i18n import _

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frame = NDArray[np.uint8]

log = logging.getLogger(__name__)

TIMEOUT_S = 3.0
"""A camera that has shown nothing for so long is taken for dead."""
FROZEN_S = 1.5
"""Frames equal to the last bit for so long come from no living sensor."""
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
LET_GO_S = 12.0
"""A capture that was left may have the device for so long: OpenCV waits 10 s for V4L2's frames."""
PICTURE_S = 1.0
"""How long each picture of a folder is held up."""
CLOSE_S = 2.0
"""How long closing waits for a frame that is under way."""
PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


class Capture(Protocol):
    """What we use of ``cv2.VideoCapture``."""

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's spelling
        """Whether frames can be read."""

    def read(self) -> "tuple[bool, Frame | None]":
        """The next frame; may block, lie or fail."""

    def release(self) -> None:
        """Let go of the device."""


class State(StrEnum):
    """How the camera is."""

    STARTING = "starting"
    LIVE = "live"
    STILL = "still"
    """It gives one picture over and over, though it was begun anew: a closed lens, or it hangs."""
    LOST = "lost"
    ENDED = "ended"
    """A file or folder that has been seen to its end."""


@dataclass(frozen=True, slots=True)
class Source:
    """A picture source and how to open it."""

    name: str
    open: "Callable[[], tuple[Capture, Path | None]]"
    """The capture, and the device's file, whose absence means that it is unplugged.

    Raises InputError when it cannot be opened.
    """
    is_live: bool = True
    """Whether it is a device, which may die, rather than a file, which ends."""
    look: "Callable[[Frame, bool], None] | None" = None
    """Wants to know each frame that was looked at, and whether a code was read in it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a camera is asked for; it does what it can. 0 and empty ask for nothing."""

    width: int = 1280
    height: int = 720
    fps: float = 30.0
    fourcc: str = "MJPG"
    exposure: float = 0.0


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame, numbered and timed."""

    number: int
    frame: "Frame"
    taken_ns: int
    """``time.perf_counter_ns`` when it arrived."""


class Camera:
    """Keeps one source open and its newest frame at hand.

    ``next_shot`` belongs to one consuming thread, which thereby also watches over the source.
    """

    def __init__(
        self,
        source: Source,
        *,
        timeout_s: float = TIMEOUT_S,
        frozen_s: float = FROZEN_S,
        backoff_s: tuple[float, ...] = BACKOFF_S,
        let_go_s: float = LET_GO_S,
        on_state: Callable[[State, str], None] | None = None,
    ) -> None:
        self.source = source
        self.state = State.STARTING
        self.detail = ""
        self._timeout_s = timeout_s
        self._frozen_s = frozen_s
        self._backoff_s = backoff_s
        self._let_go_s = let_go_s
        self._on_state = on_state
        self._reader: _Reader | None = None
        self._left: _Reader | None = None
        self._left_at = 0.0
        self._device: Path | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._reopened_frozen = False

    def next_shot(self, wait_s: float) -> Shot | None:
        """The newest frame not seen yet, waiting a little for it; ``None`` when there is none."""
        reader = self._watch()
        if reader is None:
            if (left := self._in_the_way()) is not None:
                left.join(wait_s)
            time.sleep(min(wait_s, max(0.0, self._retry_at - time.monotonic())))
            return None
        shot = reader.next_shot(wait_s)
        if shot is not None:
            self._failures = 0
            if self._reopened_frozen and reader.frozen_s > self._frozen_s:
                self._become(State.STILL, _("the picture stands still: is the lens covered?"))
            elif not self._reopened_frozen or reader.differs:
                self._become(State.LIVE, "")
        return shot

    def close(self) -> None:
        """Stop reading. The frame that is under way is waited for, a driver that hangs is not."""
        self._leave()
        if self._left is not None:
            # A program that ends while OpenCV works is aborted by it.
            self._left.join(CLOSE_S)

    def _leave(self) -> None:
        if self._reader is not None:
            self._reader.stop()
            self._left, self._left_at = self._reader, time.monotonic()
        self._reader = None

    def _in_the_way(self) -> "_Reader | None":
        """The reader that was left, while it may still have the device: nobody else can open it."""
        left = self._left
        if left is None or left.is_over or time.monotonic() - self._left_at > self._let_go_s:
            return None
        return left

    def _watch(self) -> "_Reader | None":
        """The reader to take frames from, after looking whether it still lives."""
        if self.state is State.ENDED:
            return None
        reader = self._reader
        if reader is None:
            if time.monotonic() >= self._retry_at and self._in_the_way() is None:
                self._reader = _Reader(self.source)
        elif reader.is_over and not self.source.is_live and not reader.error:
            if not reader.has_news:
                self._leave()
                self._become(State.ENDED, "")
        elif trouble := self._trouble(reader):
            self._lose(trouble)
        else:
            self._thaw(reader)
        return self._reader

    def _thaw(self, reader: "_Reader") -> None:
        if reader.frozen_s <= self._frozen_s or not self.source.is_live:
            self._reopened_frozen = self._reopened_frozen and not reader.differs
        elif not self._reopened_frozen:
            # A closed lens also gives equal frames: one reopening must do.
            self._reopened_frozen = True
            log.warning("camera %s: frozen picture, reopening", self.source.name)
            self._leave()

    def _trouble(self, reader: "_Reader") -> str:
        self._device = reader.device or self._device
        is_gone = self._device is not None and not self._device.exists()
        # It may be another camera's turn, which is still being opened.
        if is_gone and (reader.device is not None or reader.error):
            return _("the camera is unplugged")
        if reader.error:
            return reader.error
        if reader.is_over:
            return _("the camera stopped")
        if reader.age_s > self._timeout_s:
            return _("the camera shows nothing")
        return ""

    def _lose(self, trouble: str) -> None:
        self._leave()
        wait_s = self._backoff_s[min(self._failures, len(self._backoff_s) - 1)]
        self._failures += 1
        self._retry_at = time.monotonic() + wait_s
        self._become(State.LOST, trouble)

    def _become(self, state: State, detail: str) -> None:
        if (state, detail) == (self.state, self.detail):
            return
        self.state, self.detail = state, detail
        log.info("camera %s: %s %s", self.source.name, state, detail)
        if self._on_state:
            self._on_state(state, detail)


class _Reader:
    """One thread reading one opened capture until told to stop; it may block for ever."""

    def __init__(self, source: Source) -> None:
        self.error = ""
        self.device: Path | None = None
        self.is_over = False
        self.differs = False
        self._source = source
        self._news = threading.Condition()
        self._shot: Shot | None = None
        self._taken = 0
        self._started = self._changed = self._arrived = time.monotonic()
        self._print = -1
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="camera-read", daemon=True)
        self._thread.start()

    @property
    def age_s(self) -> float:
        """Seconds since a frame came."""
        return time.monotonic() - self._arrived

    @property
    def frozen_s(self) -> float:
        """Seconds for which frames have come and have all been the same."""
        return max(0.0, self._arrived - self._changed)

    @property
    def has_news(self) -> bool:
        """Whether there is a frame not taken yet."""
        return self._shot is not None and self._shot.number > self._taken

    def next_shot(self, wait_s: float) -> Shot | None:
        """The newest frame not taken yet."""
        with self._news:
            self._news.wait_for(lambda: self.is_over or self.has_news, wait_s)
            if not self.has_news or (shot := self._shot) is None:
                return None
            self._taken = shot.number
            return shot

    def stop(self) -> None:
        """Ask the thread to release the capture; it is not waited for."""
        self._stopping = True

    def join(self, wait_s: float) -> None:
        """Wait for the thread to end, but not for ever."""
        self._thread.join(wait_s)

    def _run(self) -> None:
        capture: Capture | None = None
        try:
            capture, self.device = self._source.open()
            number = 0
            while not self._stopping:
                is_good, frame = capture.read()
                if not is_good or frame is None:
                    break
                number += 1
                self._take(Shot(number, frame, time.perf_counter_ns()))
        except InputError as error:
            self.error = error.message
        except Exception as error:  # noqa: BLE001  whatever a driver throws, the camera is lost
            self.error = str(error) or type(error).__name__
        finally:
            if capture is not None:
                capture.release()
            with self._news:
                self.is_over = True
                self._news.notify_all()

    def _take(self, shot: Shot) -> None:
        fingerprint = zlib.crc32(shot.frame[::4, ::4].tobytes())
        now = time.monotonic()
        with self._news:
            if fingerprint != self._print:
                self.differs = self._print != -1
                self._print, self._changed = fingerprint, now
            self._arrived = now
            self._shot = shot
            self._news.notify_all()


def device_source(device: str, wish: Wish) -> Source:
    """A camera by index, path or ``auto`` (the first that gives a picture)."""

    def open_device() -> tuple[Capture, Path | None]:
        for one in _devices() if device == "auto" else [device]:
            capture = _open_device(one, wish)
            if capture is not None:
                path = Path(f"/dev/video{one}") if one.isdecimal() else Path(one)
                return capture, path if sys.platform == "linux" else None
        message = _("no camera found") if device == "auto" else _("cannot open camera {device}")
        raise InputError(
            message.format(device=device),
            _("Plug one in; who may use it: group video. A Pi camera module: libcamerify gate"),
        )

    return Source(device, open_device)


def file_source(path: Path) -> Source:
    """A video file, played once at its own speed."""

    def open_file() -> tuple[Capture, None]:
        cv2 = load_cv2()
        capture = cv2.VideoCapture(str(path))
        if not capture.isOpened():
            raise InputError(
                _("cannot play {file}").format(file=path.name), _("Is it a video file?")
            )
        return _Paced(capture, 1 / (capture.get(cv2.CAP_PROP_FPS) or 25.0)), None

    return Source(path.name, open_file, is_live=False)


def folder_source(path: Path) -> Source:
    """A folder of pictures, each held up for a second."""
    return Source(path.name, lambda: (_Pictures(path), None), is_live=False)


def read_picture(path: Path) -> "Frame":
    """A picture file as a frame. Raises InputError when it is none."""
    cv2 = load_cv2()
    import numpy as np  # noqa: PLC0415  loaded when a picture is

    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(
            _("cannot read {file}: {detail}").format(file=path, detail=error.strerror)
        ) from error
    frame = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if frame is None:
        raise InputError(
            _("{file} is no picture").format(file=path.name),
            _("Formats: {formats}").format(formats=" ".join(p[1:] for p in PICTURES)),
        )
    return frame  # type: ignore[no-any-return]


def load_cv2() -> Any:
    """OpenCV, silenced: the terminal belongs to the screen. Raises InputError without it.

    Comes before the first ``import numpy``.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # numpy's matrices here are small: its threads would only wait for each other, and on a machine
    # that others use too that has cost seventy times the time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        import cv2  # noqa: PLC0415  90 MB, loaded when a camera is used
    except ImportError as error:
        raise InputError(
            _("OpenCV is not there: {detail}").format(detail=error),
            _("Scanning by USB scanner works without it. Install: opencv-python-headless"),
        ) from error
    return cv2


def _devices() -> list[str]:
    if sys.platform != "linux":
        return ["0", "1"]
    return sorted(
        (str(path) for path in Path("/dev").glob("video[0-9]*")), key=lambda p: (len(p), p)
    )


def _open_device(device: str, wish: Wish) -> Capture | None:
    cv2 = load_cv2()
    name = int(device) if device.isdecimal() else device
    capture = cv2.VideoCapture(name, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
    settings = [
        # The pixel format comes before the size: USB 2 has no room for raw pictures of 720 lines.
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*wish.fourcc) if wish.fourcc else 0),
        (cv2.CAP_PROP_FRAME_WIDTH, wish.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, wish.height),
        (cv2.CAP_PROP_FPS, wish.fps),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ]
    if wish.exposure:
        settings += [(cv2.CAP_PROP_AUTO_EXPOSURE, 1), (cv2.CAP_PROP_EXPOSURE, wish.exposure)]
    for setting, value in settings:
        if value:
            capture.set(setting, value)
    # Nodes for metadata open and never give a picture.
    if capture.isOpened() and capture.read()[0]:
        return capture  # type: ignore[no-any-return]
    capture.release()
    return None


class _Paced:
    """A file that plays at its own speed; frames nobody waited for are skipped by the reader."""

    def __init__(self, capture: Capture, every_s: float) -> None:
        self._capture = capture
        self._every_s = every_s
        self._due = time.monotonic()

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's spelling
        return self._capture.isOpened()

    def read(self) -> "tuple[bool, Frame | None]":
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due += self._every_s
        return self._capture.read()

    def release(self) -> None:
        self._capture.release()


class _Pictures:
    """A folder whose pictures are held up one after the other."""

    def __init__(self, folder: Path) -> None:
        try:
            names = sorted(p for p in folder.iterdir() if p.suffix.casefold() in PICTURES)
        except OSError as error:
            raise InputError(
                _("cannot read {file}: {detail}").format(file=folder, detail=error.strerror)
            ) from error
        self._left = names
        self._frame: Frame | None = None
        self._until = 0.0

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's spelling
        return True

    def read(self) -> "tuple[bool, Frame | None]":
        while time.monotonic() >= self._until:
            if not self._left:
                return False, None
            try:
                self._frame = read_picture(self._left.pop(0))
            except InputError as error:
                log.warning("%s", error.message)
                continue
            self._until = time.monotonic() + PICTURE_S
        time.sleep(0.05)
        return True, self._frame

    def release(self) -> None:
        self._left = []
