"""The sync worker as a child of the gate: started, nudged, started again when it dies."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from gate.storage.folder import Folder, is_locked

log = logging.getLogger(__name__)

BACK_OFF_S = (1.0, 15.0)
"""How long a worker that ended is left alone, ever longer; nobody hears of the others meanwhile."""
WELL_S = 20.0
"""Who has worked for so long did not end of what it met as it began."""
STOP_WITHIN_S = 5.0


class WorkerChild:
    """Keeps a worker alive for an enrolled folder. A worker that lives already is adopted.

    The child lives no longer than its parent: it watches its standard input for the end.
    """

    def __init__(
        self, folder: Folder, arguments: list[str], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._now_s = now_s
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._began = self._not_before = 0.0

    def look_after(self) -> None:
        """Start a worker when there is none; to be called every few seconds."""
        if self._process is not None and self._process.poll() is not None:
            log.warning("sync worker ended with code %s", self._process.returncode)
            self._let_go()
            if self._now_s() - self._began >= WELL_S:
                self._failures = 0
            least, most = BACK_OFF_S
            self._not_before = self._now_s() + min(most, least * 2**self._failures)
            self._failures = min(self._failures + 1, 10)
        if (
            self._process is None
            and self._now_s() >= self._not_before
            and not is_locked(self._folder, "sync")
        ):
            self._start()

    def nudge(self) -> None:
        """Say that there is something new to tell."""
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(OSError, ValueError):
                os.write(process.stdin.fileno(), b"\n")

    def close(self) -> None:
        """End the child."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def _start(self) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603  ourselves
                [sys.executable, "-m", "gate", "sync", "--child", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # What ends the lane must not end who tells of it: a window that is closed, a key.
                start_new_session=sys.platform != "win32",
            )
        except OSError as error:
            log.warning("sync worker cannot be started: %s", error)
            self._not_before = self._now_s() + BACK_OFF_S[1]
            return
        self._began = self._now_s()
        assert self._process.stdin is not None
        if sys.platform != "win32":
            # A worker that does not read must not keep the gate waiting.
            os.set_blocking(self._process.stdin.fileno(), False)
        log.info("sync worker started as process %s", self._process.pid)

    def _let_go(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process = None
