"""How a lane is ended from outside: by a signal, or because its window was closed.

All other lanes wait for one that ends without a word: so it is given the time to say it.
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

WITHIN_S = 4.0
"""How long whoever shows the lane may take to come to an end, before that is done without it."""
LOOK_EVERY_S = 0.5
_CLOSED_WINDOW = (2, 5, 6)
"""What Windows calls a closed console, a log-off and a shutdown."""


class Ending:
    """Hears SIGTERM, SIGHUP and the end of the terminal while it is open; in the main thread."""

    def __init__(self, last: Callable[[], object]) -> None:
        """``last`` closes the lane where nobody else does in time; then the process ends."""
        self._last = last
        self._end: Callable[[], object] | None = None
        self._asked, self._over = threading.Event(), threading.Event()
        self._begins = threading.Lock()
        self._before: list[tuple[int, object]] = []
        # A handler may interrupt anything: it does nothing but wake whoever listens here.
        self._bell, self._wake = os.pipe()
        self._handler: object = None
        self._thread = threading.Thread(target=self._listen, name="ending", daemon=True)

    def __enter__(self) -> "Ending":
        """Listen from now on."""
        for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            # Whoever started it with nohup wants it to outlive the window.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before.append((number, signal.signal(number, self._signalled)))
        self._thread.start()
        if sys.platform == "win32":
            self._follow_console()
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._over.set()
        os.write(self._wake, b"o")
        self._thread.join(1)
        if not self._thread.is_alive():
            # Not before: what is closed may be another file's in a moment.
            os.close(self._bell)
            os.close(self._wake)

    def then(self, end: Callable[[], object]) -> None:
        """Call this, in another thread, once the lane is to end; at once if it is already."""
        with self._begins:
            self._end = end
            is_asked = self._asked.is_set()
        if is_asked:
            end()

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        with suppress(OSError):
            os.write(self._wake, b"s")

    def _listen(self) -> None:
        if sys.platform == "win32":
            rung = os.read(self._bell, 1)
        else:
            rung = self._listen_to_terminal()
        if rung == b"s":
            self._begin()

    def _listen_to_terminal(self) -> bytes:
        terminals = [number for number in (0, 1) if os.isatty(number)]
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            terminals = []
        while True:
            ready, _w, _x = select.select([self._bell], [], [], LOOK_EVERY_S)
            if ready:
                return os.read(self._bell, 1)
            # A terminal that is nobody's own sends no signal when it goes.
            if any(_is_hung_up(number) for number in terminals):
                return b"s"

    def _begin(self) -> None:
        with self._begins:
            self._asked.set()
            end = self._end
        if sys.platform != "win32":
            _let_go_of_terminal()
        if end is not None:
            end()
        if not self._over.wait(WITHIN_S):
            self._last()
            os._exit(0)

    def _follow_console(self) -> None:
        import ctypes

        def closing(event: int) -> bool:
            if event not in _CLOSED_WINDOW:
                return False
            self._signalled(0, None)
            # Once this returns the process is ended, whatever it is doing.
            self._over.wait(WITHIN_S)
            return True

        # Kept, for Windows does not keep it.
        self._handler = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(closing)  # type: ignore[attr-defined,unused-ignore]
        ctypes.windll.kernel32.SetConsoleCtrlHandler(self._handler, 1)  # type: ignore[attr-defined,unused-ignore]


def _is_hung_up(number: int) -> bool:
    poll = select.poll()
    try:
        poll.register(number, 0)
        return any(event & (select.POLLHUP | select.POLLERR) for _fd, event in poll.poll(0))
    except OSError:
        return False


def _let_go_of_terminal() -> None:
    """Put nothing in the place of a terminal that is gone: whoever paints on would never end."""
    painted = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
    for number in {0, 1, 2, painted}:
        if _is_hung_up(number):
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, number)
            os.close(nothing)
