"""The lane's word to systemd that it lives: given while all that a scan needs answers, no longer.

Nothing of it is there unless systemd has started the lane and listens (``NOTIFY_SOCKET``).
"""

import faulthandler
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import IO

log = logging.getLogger(__name__)

WITHIN_S = 60.0
"""Whoever is silent for so long is started anew: longer than a slow card keeps a lane waiting."""
_LOOKS = 4
"""How often within that time."""

Asked = Callable[[Callable[[], object]], object]
"""Has a part call back as soon as it comes to it; waits for nothing."""


class Loop:
    """A loop that can be asked whether it still turns."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def ask(self, then: Callable[[], object]) -> None:
        """Have it call back when it comes around; from any thread."""
        self._asked.put(then)

    def turn(self) -> None:
        """It has come around."""
        while not self._asked.empty():
            self._asked.get()()


class Watchdog:
    """Asks each part now and then, and tells systemd while all have answered the last time.

    A context manager. The unit needs ``NotifyAccess=main``; without a ``WatchdogSec=`` the time is
    asked for here, so that a program that knows nothing of this is not killed by the same unit.
    """

    def __init__(
        self,
        parts: Mapping[str, Asked],
        dumps: Path,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """``dumps``: the log that gets all threads' stacks when systemd ends a lane that hangs."""
        self._parts, self._dumps = parts, dumps
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._is_armed = environment.get("WATCHDOG_USEC", "").isdecimal()
        self._within_s = int(environment["WATCHDOG_USEC"]) / 1e6 if self._is_armed else WITHIN_S
        self._answered = {name: threading.Event() for name in parts}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._dump: IO[bytes] | None = None

    def __enter__(self) -> "Watchdog":
        """Begin, where somebody listens."""
        if self._address:
            with suppress(OSError):
                self._dump = self._dumps.open("ab")
                faulthandler.enable(self._dump)
            self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        """Ask no more. systemd goes on counting: a lane that hangs while it closes is ended too."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._dump is not None:
            faulthandler.disable()
            self._dump.close()

    def _run(self) -> None:
        if not self._is_armed:
            self._tell(f"WATCHDOG_USEC={self._within_s * 1e6:.0f}")
        self._tell("WATCHDOG=1")
        silent: list[str] = []
        self._ask(list(self._parts))
        while not self._ending.wait(self._within_s / _LOOKS):
            before, silent = silent, [n for n, one in self._answered.items() if not one.is_set()]
            if not silent:
                self._tell("WATCHDOG=1")
            elif silent != before:
                log.error("watchdog: no answer from: %s", ", ".join(silent))
            self._ask([name for name in self._parts if name not in silent])

    def _ask(self, names: list[str]) -> None:
        for name in names:
            self._answered[name].clear()
            self._parts[name](self._answered[name].set)

    def _tell(self, word: str) -> None:
        address = self._address
        if address.startswith("@"):
            # In a name space of Linux's own, without a file.
            address = "\0" + address[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(word.encode(), address)
        except OSError as error:
            log.warning("watchdog: systemd cannot be told: %s", error)
