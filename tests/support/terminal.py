"""The real program in a pseudo-terminal: typed at as a USB scanner types, read as it is painted."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable

ESCAPES = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\)|\x1b[@-Z\\-_()][A-Z0-9]?"
)


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A program on its own pseudo-terminal."""

    def __init__(
        self,
        *command: str,
        size: tuple[int, int] = (80, 24),
        owns_terminal: bool = False,
        **env: str,
    ) -> None:
        """Begin it; what owns its terminal is sent a signal when that is gone."""
        self._master, slave = pty.openpty()
        columns, lines = size
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gate", *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=os.environ | {"TERM": "xterm-256color", "GATE_LANGUAGE": "en"} | env,
            start_new_session=True,
            preexec_fn=_own_terminal if owns_terminal else None,  # noqa: PLW1509  one system call
        )
        os.close(slave)
        self.painted = b""

    @property
    def text(self) -> str:
        """What was painted since the last ``forget``, without colours and cursor movements."""
        return ESCAPES.sub(b"", self.painted).decode("utf-8", "replace")

    def resize(self, columns: int, lines: int) -> None:
        """Give it another size, so that all is painted anew."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def hang_up(self) -> None:
        """Close the window it is shown in."""
        os.close(self._master)
        self._master = -1

    def forget(self) -> None:
        """Begin to read anew."""
        self.painted = b""

    def type(self, text: str) -> None:
        """Type a burst."""
        os.write(self._master, text.encode())

    def wait(self, ready: Callable[[str], bool], seconds: float = 60.0) -> str:
        """Read until the text is as it should be."""
        until = time.monotonic() + seconds
        while not ready(self.text):
            left = until - time.monotonic()
            assert left > 0, f"it never came; painted:\n{self.text[-2000:]}"
            if select.select([self._master], [], [], min(left, 0.2))[0]:
                try:
                    data = os.read(self._master, 65536)
                except OSError:
                    data = b""
                if not data:
                    assert ready(self.text), f"it ended; painted:\n{self.text[-2000:]}"
                    break
                self.painted += data
        return self.text

    def wait_for_end(self, seconds: float = 60.0) -> int:
        """Read until the program ends; its exit code."""
        until = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < until, f"it did not end; painted:\n{self.text[-2000:]}"
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self.painted += os.read(self._master, 65536)
                except OSError:
                    break
        return self.process.wait(5)

    def close(self) -> None:
        """End the program if it has not ended."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
