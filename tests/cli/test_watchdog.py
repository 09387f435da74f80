"""The lane's word to systemd: given while screen and lane answer, and no longer."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from gate.cli import watchdog
from gate.cli.watchdog import Watchdog
from gate.lane.lane import Lane
from gate.storage.folder import Folder
from tests.support.screen import running
from tests.support.venue import FixedClock

ALIVE, ARM = "WATCHDOG=1", f"WATCHDOG_USEC={watchdog.WITHIN_S * 1e6:.0f}"
SOON = {"WATCHDOG_USEC": "200000"}
"""What systemd says where the unit has a ``WatchdogSec=``; here a fifth of a second."""


class Systemd:
    """Listens as systemd does."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(os.fspath(path))
        self.environment = {"NOTIFY_SOCKET": os.fspath(path)}

    def hear(self, seconds: float = 15.0) -> str:
        """The next word; empty where none comes in time."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return ""

    def is_silent(self, seconds: float = 0.6) -> bool:
        """Whether nothing comes for three times as long as a lane may be silent."""
        time.sleep(seconds / 4)  # what was asked before is still told
        while self.hear(0.0001):
            pass
        # On a busy machine that is told later.
        return any(not self.hear(seconds) for _n in range(3))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    # The tests' own stacks go where they went.
    monkeypatch.setattr("faulthandler.enable", lambda _file: None)
    monkeypatch.setattr("faulthandler.disable", lambda: None)
    listening = Systemd(tmp_path / "notify")
    yield listening
    listening.close()


def at_once(then: Callable[[], object]) -> None:
    then()


def watching(systemd: Systemd, tmp_path: Path, **parts: watchdog.Asked) -> Watchdog:
    return Watchdog(parts, tmp_path / "log", systemd.environment | SOON)


def test_it_says_that_it_lives_while_all_answer(systemd: Systemd, tmp_path: Path) -> None:
    """Again and again, and at its end no more."""
    with watching(systemd, tmp_path, screen=at_once, lane=at_once):
        assert [systemd.hear() for _n in range(4)] == [ALIVE] * 4
    assert systemd.is_silent()


@pytest.mark.parametrize("silent", ["screen", "lane"])
def test_either_that_hangs_ends_it(
    systemd: Systemd, tmp_path: Path, silent: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One that answers again is believed again; meanwhile it is asked once, not ever more often."""
    waiting: list[Callable[[], object]] = []
    parts = {"screen": at_once, "lane": at_once, silent: waiting.append}
    with watching(systemd, tmp_path, **parts):
        assert systemd.hear() == ALIVE
        assert systemd.is_silent()
        assert len(waiting) == 1
        waiting[0]()
        assert systemd.hear() == ALIVE
        assert systemd.is_silent()
    assert [r.message for r in caplog.records if "no answer" in r.message] == [
        f"watchdog: no answer from: {silent}"
    ] * 2


def test_mutation_whoever_asks_nobody_is_found(systemd: Systemd, tmp_path: Path) -> None:
    """A watchdog that only counts time lives on beside a lane that hangs."""
    with watching(systemd, tmp_path), pytest.raises(AssertionError):
        assert systemd.is_silent()


def test_the_time_is_asked_for_where_the_unit_has_none(systemd: Systemd, tmp_path: Path) -> None:
    """So that the same unit does an older program no harm."""
    with Watchdog({"lane": at_once}, tmp_path / "log", systemd.environment):
        assert [systemd.hear(), systemd.hear()] == [ARM, ALIVE]


def test_without_systemd_there_is_nothing(tmp_path: Path) -> None:
    """No thread, no file, no question."""
    threads = threading.active_count()
    with Watchdog({"lane": at_once}, tmp_path / "log", {}):
        assert threading.active_count() == threads
    assert not (tmp_path / "log").exists()


def test_a_systemd_that_is_gone_harms_nobody(systemd: Systemd, tmp_path: Path) -> None:
    """It is a line in the log."""
    systemd.close()
    with watching(systemd, tmp_path, lane=at_once):
        time.sleep(0.2)


def test_a_lane_s_thread_that_hangs_is_silent(systemd: Systemd, tmp_path: Path, lane: Lane) -> None:
    """As behind a disk that does not come back; well again, it says so."""
    lane.open()
    hangs, goes_on = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        goes_on.wait(15)

    with watching(systemd, tmp_path, lane=lane.when_free):
        assert systemd.hear() == ALIVE
        lane.when_free(hang)
        assert hangs.wait(15)
        assert systemd.is_silent()
        goes_on.set()
        assert systemd.hear() == ALIVE


async def test_a_screen_that_hangs_is_silent(
    systemd: Systemd, tmp_path: Path, venue: Folder, clock: FixedClock
) -> None:
    """Its loop is blocked, and the lane's thread answers all the same."""
    async with running(venue, clock) as screen:
        app, pilot = screen.app, screen.pilot

        def ask_screen(then: Callable[[], object]) -> None:
            app.call_later(app.scan_screen.call_later, then)

        heard: list[bool] = []
        with watching(systemd, tmp_path, screen=ask_screen, lane=app.lane.when_free):
            for _n in range(3):
                await pilot.pause(0.1)
            assert systemd.hear() == ALIVE
            # Blocks the loop, as a library would that waits for a device.
            heard.append(systemd.is_silent())
            # The loop turns meanwhile.
            assert await asyncio.to_thread(systemd.hear) == ALIVE
        assert heard == [True]


def lane_of(folder: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "gate", "scan", "--plain", "--data-dir", str(folder)]
    options = ["--set", "camera.device=off", "--set", "lan.enabled=false"]
    return subprocess.Popen(
        [*command, *options], env={**os.environ, **environment}, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_whole_lane_lives_hangs_and_leaves_its_stacks(tmp_path: Path) -> None:
    """A process of its own: heard, not heard while stopped; ended by systemd it says where."""
    systemd = Systemd(tmp_path / "notify")
    lane = lane_of(tmp_path / "data", systemd.environment | {"WATCHDOG_USEC": "1000000"})
    try:
        assert [systemd.hear(60), systemd.hear(60)] == [ALIVE, ALIVE]
        lane.send_signal(signal.SIGSTOP)
        assert systemd.is_silent(2.0)
        lane.send_signal(signal.SIGCONT)
        assert systemd.hear() == ALIVE
        lane.send_signal(signal.SIGABRT)
        assert lane.wait(60) == -signal.SIGABRT
        log = (tmp_path / "data" / "gate.log").read_text()
        assert "Fatal Python error: Aborted" in log
        assert "_wait_plain" in log
    finally:
        assert lane.stdin is not None
        lane.stdin.close()
        lane.kill()
        lane.wait()
        systemd.close()
