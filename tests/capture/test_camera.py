"""Cameras that freeze, block, fail, vanish and come back; files and folders that end."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from gate.capture.camera import (
    Camera,
    Capture,
    Shot,
    Source,
    State,
    Wish,
    device_source,
    file_source,
    folder_source,
    read_picture,
)
from gate.config_tables import Camera as CameraConfig
from gate.errors import InputError
from gate.lane.inputs import camera_source, capture_source

if TYPE_CHECKING:
    from gate.capture.camera import Frame

QUICK = {"timeout_s": 0.3, "frozen_s": 0.15, "backoff_s": (0.02, 0.04), "let_go_s": 0.2}
PATIENT = {"timeout_s": 60.0, "let_go_s": 60.0}
"""Where nothing is to be given up, however long a busy machine lets a frame wait."""


class FakeCapture:
    """A capture whose behaviour is a function of the frame number."""

    def __init__(self, behave: "Callable[[int], tuple[bool, Frame | None]]") -> None:
        self._behave = behave
        self.number = 0
        self.released = threading.Event()

    def isOpened(self) -> bool:  # noqa: N802
        return not self.released.is_set()

    def read(self) -> "tuple[bool, Frame | None]":
        self.number += 1
        time.sleep(0.005)
        return self._behave(self.number)

    def release(self) -> None:
        self.released.set()


def noisy(number: int) -> "tuple[bool, Frame | None]":
    frame = np.random.default_rng(number).integers(0, 255, (12, 16, 3), np.uint8)
    frame[0, 0] = number % 250
    return True, frame


def frozen(_number: int) -> "tuple[bool, Frame | None]":
    return True, np.zeros((12, 16, 3), np.uint8)


class Port:
    """A place where captures are plugged in, one after the other."""

    def __init__(self, *behaviours: "Callable[[int], tuple[bool, Frame | None]]") -> None:
        self.behaviours = list(behaviours)
        self.opened: list[FakeCapture] = []
        self.refused = 0
        self.device: Path | None = None

    def open(self) -> tuple[Capture, Path | None]:
        if len(self.opened) >= len(self.behaviours):
            self.refused += 1
            raise InputError("no camera found")
        capture = FakeCapture(self.behaviours[len(self.opened)])
        self.opened.append(capture)
        return capture, self.device


class Watched:
    """A camera and what it told."""

    def __init__(self, source: Source, **times: float) -> None:
        self.states: list[State] = []
        self.details: list[str] = []
        self.camera = Camera(source, on_state=self._tell, **QUICK | times)  # type: ignore[arg-type]

    def _tell(self, state: State, detail: str) -> None:
        self.states.append(state)
        self.details.append(detail)

    def shots_until(self, ready: Callable[[], bool], limit_s: float = 60.0) -> list[Shot]:
        shots: list[Shot] = []
        until = time.monotonic() + limit_s
        while not ready():
            assert time.monotonic() < until, (self.states, self.details)
            shot = self.camera.next_shot(0.02)
            shots += [shot] if shot else []
        return shots


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    made: list[Watched] = []

    def make(port: Port, *, is_live: bool = True, **times: float) -> Watched:
        watched = Watched(Source("test", port.open, is_live=is_live), **times)
        made.append(watched)
        return watched

    yield make
    for watched in made:
        watched.camera.close()


def test_the_newest_frame_and_never_a_backlog(watch: Callable[..., Watched]) -> None:
    """Who looks away for a while sees the present, not the past."""
    looked_away, looks = threading.Event(), threading.Event()

    def held(number: int) -> "tuple[bool, Frame | None]":
        if number == 2:
            looked_away.wait(60)
        if number == 20:
            looks.wait(60)
        return noisy(number)

    port = Port(held)
    watched = watch(port, **PATIENT)
    watched.shots_until(lambda: watched.states == [State.LIVE])
    looked_away.set()
    while port.opened[0].number < 20:
        time.sleep(0.005)
    late = watched.camera.next_shot(0.05)
    assert late is not None
    assert late.number == 19
    looks.set()
    again = watched.camera.next_shot(60)
    assert again is not None
    assert again.number > late.number


def test_a_dead_camera_that_returns_its_last_frame_is_reopened_once(
    watch: Callable[..., Watched],
) -> None:
    """Equal frames are no life: reopen, and live on with the new picture."""
    port = Port(lambda n: noisy(min(n, 10)), noisy)
    watched = watch(port, **PATIENT)
    watched.shots_until(lambda: len(port.opened) == 2 and port.opened[1].number > 5)
    assert State.LOST not in watched.states
    assert port.opened[0].released.wait(30)


def test_a_frozen_camera_is_reopened_once_it_was_let_go_of(watch: Callable[..., Watched]) -> None:
    """While the frame that is under way has the device, nobody else can open it."""

    class Busy(Port):
        def open(self) -> tuple[Capture, Path | None]:
            if self.opened and not self.opened[-1].released.is_set():
                raise InputError("cannot open camera")
            return super().open()

    def slow(number: int) -> "tuple[bool, Frame | None]":
        time.sleep(0.05)
        return noisy(min(number, 3))

    port = Busy(slow, noisy)
    watched = watch(port, **PATIENT)
    watched.shots_until(lambda: len(port.opened) == 2 and port.opened[1].number > 5)
    assert watched.states == [State.LIVE]


def test_a_dead_camera_that_cannot_be_reopened_is_lost(watch: Callable[..., Watched]) -> None:
    """Frozen, and nothing there when it is opened again: the operator is told."""
    watched = watch(Port(frozen))
    watched.shots_until(lambda: State.LOST in watched.states)
    assert watched.details[-1] == "no camera found"


@pytest.mark.parametrize("hangs", [False, True])
def test_closing_waits_for_the_frame_that_is_under_way(
    monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    """A program that ends while OpenCV works is aborted by it; a driver that hangs is left."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(number: int) -> "tuple[bool, Frame | None]":
        begun.set()
        go_on.wait(30)
        return noisy(number)

    capture = FakeCapture(slow)
    camera = Camera(Source("slow", lambda: (capture, None), is_live=True))
    camera.next_shot(0.01)
    assert begun.wait(30)
    if hangs:
        monkeypatch.setattr("gate.capture.camera.CLOSE_S", 0.05)
    else:
        threading.Timer(0.1, go_on.set).start()
    camera.close()
    assert capture.released.is_set() is not hangs
    go_on.set()
    assert capture.released.wait(30)


def test_closing_waits_for_a_camera_that_was_given_up_too() -> None:
    """Its frame may still come, and OpenCV be at work on it."""
    go_on = threading.Event()

    def slow(number: int) -> "tuple[bool, Frame | None]":
        go_on.wait(30)
        return noisy(number)

    capture = FakeCapture(slow)
    camera = Camera(Source("slow", lambda: (capture, None)), timeout_s=0.05)
    while camera.state is not State.LOST:
        camera.next_shot(0.01)
    threading.Timer(0.1, go_on.set).start()
    camera.close()
    assert capture.released.is_set()


def test_a_closed_lens_is_reopened_only_once(watch: Callable[..., Watched]) -> None:
    """Equal frames from a camera that opens well go on being frames, and the operator is told.

    Once it shows something else it is what it was.
    """
    seen, opened = threading.Event(), threading.Event()

    def covered(number: int) -> "tuple[bool, Frame | None]":
        if number == 2:
            seen.wait(60)
        return frozen(number)

    port = Port(covered, lambda n: noisy(n) if opened.is_set() else frozen(n), noisy)
    watched = watch(port, **PATIENT)
    watched.shots_until(lambda: watched.states == [State.LIVE])
    seen.set()
    watched.shots_until(lambda: watched.camera.state is State.STILL)
    until = time.monotonic() + 0.5
    watched.shots_until(lambda: time.monotonic() > until)
    assert len(port.opened) == 2
    assert watched.states == [State.LIVE, State.STILL]
    assert "is the lens covered" in watched.details[-1]
    opened.set()
    watched.shots_until(lambda: watched.camera.state is State.LIVE)
    assert len(port.opened) == 2


def test_a_blocked_read_is_timed_out(watch: Callable[..., Watched]) -> None:
    """A driver that never answers costs a reader thread and a while, not the evening.

    Until another picture comes the screen says what is wrong, and not that it cannot be opened.
    """
    gate = threading.Event()

    def blocks(number: int) -> "tuple[bool, Frame | None]":
        if number == 4:
            gate.wait(60)
        return noisy(number)

    port = Port(blocks, noisy)
    watched = watch(port, timeout_s=60.0)
    watched.shots_until(lambda: bool(watched.states) and port.opened[0].number == 4)
    watched.camera._timeout_s = QUICK["timeout_s"]  # type: ignore[assignment]
    watched.shots_until(lambda: State.LOST in watched.states)
    watched.camera._timeout_s = 60.0
    watched.shots_until(lambda: len(port.opened) == 2 and watched.camera.state is State.LIVE)
    assert watched.details == ["", "the camera shows nothing", ""]
    gate.set()
    assert port.opened[0].released.wait(30)


def test_false_is_a_stop_and_backing_off_brings_it_back(watch: Callable[..., Watched]) -> None:
    """A capture that returns False is opened again, after a moment."""
    port = Port(lambda n: (False, None) if n > 3 else noisy(n), lambda n: (False, None), noisy)
    watched = watch(port)
    watched.shots_until(lambda: len(port.opened) == 3 and watched.camera.state is State.LIVE)
    assert watched.states.count(State.LOST) >= 1


def test_an_unplugged_device_is_lost_at_once(watch: Callable[..., Watched], tmp_path: Path) -> None:
    """The device's file is gone: lost, though frames still seem to come, and nothing else said."""
    port = Port(noisy)
    port.device = tmp_path / "video0"
    port.device.touch()
    watched = watch(port, **PATIENT)
    watched.shots_until(lambda: watched.states == [State.LIVE])
    port.device.unlink()
    watched.shots_until(lambda: State.LOST in watched.states)
    watched.shots_until(lambda: port.refused > 1)
    assert watched.details == ["", "the camera is unplugged"]


def test_another_camera_takes_the_place_of_one_that_is_unplugged(
    watch: Callable[..., Watched], tmp_path: Path
) -> None:
    """``auto``: the first that gives a picture, whatever its file is called."""
    port = Port(noisy, noisy)
    first, second = (tmp_path / name for name in ("video0", "video2"))
    first.touch()
    port.device = first
    watched = watch(port, **PATIENT)
    watched.shots_until(lambda: watched.states == [State.LIVE])
    port.device = second
    second.touch()
    first.unlink()
    watched.shots_until(lambda: watched.states == [State.LIVE, State.LOST, State.LIVE])


def test_whatever_a_driver_throws_the_camera_is_lost(watch: Callable[..., Watched]) -> None:
    """An exception in the reader thread is a state, not a crash."""

    def explodes(number: int) -> "tuple[bool, Frame | None]":
        raise RuntimeError("driver")

    watched = watch(Port(explodes))
    watched.shots_until(lambda: State.LOST in watched.states)
    assert "driver" in watched.details


def test_files_may_show_equal_frames_and_end(watch: Callable[..., Watched]) -> None:
    """A still picture is no dead camera; the end of a file is no loss."""
    seen = threading.Event()

    def still(number: int) -> "tuple[bool, Frame | None]":
        if number == 2:
            seen.wait(60)
        return frozen(number) if number < 60 else (False, None)

    port = Port(still)
    watched = watch(port, is_live=False, **PATIENT)
    watched.shots_until(lambda: watched.states == [State.LIVE])
    seen.set()
    watched.shots_until(lambda: watched.camera.state is State.ENDED)
    assert watched.states == [State.LIVE, State.ENDED]
    assert len(port.opened) == 1


def frames_of(source: Source) -> "list[Frame]":
    """All that a source shows, though whoever looks may be too slow for some of it."""
    capture, _device = source.open()
    frames: list[Frame] = []
    while True:
        is_good, frame = capture.read()
        if not is_good or frame is None:
            capture.release()
            return frames
        frames.append(frame)


def write_picture(path: Path, grey: int) -> None:

    cv2.imwrite(str(path), np.full((40, 60, 3), grey, np.uint8))


def test_a_folder_of_pictures_is_held_up_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sorted by name, what is no picture passed over, then the end."""
    monkeypatch.setattr("gate.capture.camera.PICTURE_S", 0.1)
    for n, name in enumerate(["b.png", "a.jpg", "c.webp"]):
        write_picture(tmp_path / name, 40 + 40 * n)
    (tmp_path / "d.png").write_bytes(b"not a picture")
    (tmp_path / "notes.txt").write_text("x")
    frames = frames_of(folder_source(tmp_path))
    assert list(dict.fromkeys(int(frame[5, 5, 0]) // 10 for frame in frames)) == [8, 4, 12]
    watched = Watched(folder_source(tmp_path), **PATIENT)
    watched.shots_until(lambda: watched.camera.state is State.ENDED)


def test_the_last_picture_is_seen_too(watch: Callable[..., Watched]) -> None:
    """Also by who is slower than a file is long."""
    port = Port(lambda number: noisy(number) if number <= 3 else (False, None))
    watched = watch(port, is_live=False, **PATIENT)
    watched.camera.next_shot(0)
    until = time.monotonic() + 60
    while not (port.opened and port.opened[0].released.wait(0.05)):
        assert time.monotonic() < until
    reader = watched.camera._reader
    assert reader is not None
    reader.join(60)
    shot = watched.camera.next_shot(60)
    assert shot is not None
    assert shot.number == 3
    assert watched.camera.next_shot(0.05) is None
    assert watched.camera.state is State.ENDED


def test_a_video_file_plays_at_its_speed_and_ends(tmp_path: Path) -> None:
    """Ten frames at 20 fps take half a second."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (64, 48))
    for n in range(10):
        writer.write(np.full((48, 64, 3), n * 20, np.uint8))
    writer.release()
    started = time.monotonic()
    assert len(frames_of(file_source(path))) == 10
    assert time.monotonic() - started >= 0.4
    watched = Watched(file_source(path), **PATIENT)
    watched.shots_until(lambda: watched.camera.state is State.ENDED)


@pytest.mark.parametrize("source", ["file", "folder", "device"])
def test_what_is_not_there_is_told(source: str, tmp_path: Path) -> None:
    """A missing file, folder or camera is an InputError with words, on standard error nothing."""
    missing = tmp_path / "missing"
    made = {
        "file": file_source(missing),
        "folder": folder_source(missing),
        "device": device_source(str(missing), Wish()),
    }[source]
    with pytest.raises(InputError) as caught:
        made.open()
    assert caught.value.message


def test_no_picture_is_told(tmp_path: Path) -> None:
    """An empty, a broken and a missing picture."""
    (tmp_path / "empty.png").touch()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 50)
    for name in ("empty.png", "broken.png", "missing.png"):
        with pytest.raises(InputError):
            read_picture(tmp_path / name)


def test_the_configuration_chooses_the_source(tmp_path: Path) -> None:
    """File before folder before device; off is none."""
    assert camera_source(CameraConfig(device="off")) is None
    assert camera_source(CameraConfig(device="")) is None
    file = camera_source(CameraConfig(file=str(tmp_path / "f.mp4"), folder="x"))
    assert file is not None
    assert (file.name, file.is_live) == ("f.mp4", False)
    auto = camera_source(CameraConfig())
    assert auto is not None
    assert auto.is_live
    assert not capture_source("x", FakeCapture(noisy)).is_live


def test_the_wishes_are_told_in_the_right_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pixel format before the size, exposure only when asked for, metadata nodes passed by."""
    said: list[tuple[object, float]] = []

    class Device(FakeCapture):
        def __init__(self, name: object, backend: int) -> None:
            super().__init__(noisy if name == 1 else lambda n: (False, None))

        def set(self, what: int, value: float) -> None:
            said.append((what, value))

    monkeypatch.setattr(cv2, "VideoCapture", Device)
    monkeypatch.setattr("gate.capture.camera._devices", lambda: ["0", "1"])
    capture, _device = device_source("auto", Wish(exposure=50, fps=0)).open()
    assert isinstance(capture, Device)
    told = [what for what, _value in said]
    assert told.index(cv2.CAP_PROP_FOURCC) < told.index(cv2.CAP_PROP_FRAME_WIDTH)
    assert cv2.CAP_PROP_FPS not in told
    assert (cv2.CAP_PROP_EXPOSURE, 50) in said


LOADED = """
import os
from gate.capture.camera import load_cv2
{before}
load_cv2()
import numpy
print(len(os.listdir("/proc/self/task")))
"""


def threads(before: str) -> int:
    """How many a process has that has loaded OpenCV and numpy."""
    program = [sys.executable, "-c", LOADED.format(before=before)]
    environment = {name: value for name, value in os.environ.items() if "THREADS" not in name}
    done = subprocess.run(program, env=environment, capture_output=True, check=True, timeout=120)
    return int(done.stdout)


@pytest.mark.system
@pytest.mark.skipif(
    not Path("/proc/self/task").is_dir() or os.cpu_count() == 1,
    reason="counts threads as Linux does, on several cores",
)
def test_numpy_starts_no_threads_of_its_own() -> None:
    """On a busy machine they only wait for each other; mutation: two that are asked for."""
    assert threads(before="") == 1
    assert threads(before="os.environ['OPENBLAS_NUM_THREADS'] = '2'") > 1
