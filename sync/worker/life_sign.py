"""Ends a worker that has come to nothing for minutes: whoever looks after it begins another.

Its one thread waits at one place, every quarter of a second. Where it does not come there any more
it hears of nobody, and nobody of this gate, while the lane scans on and its process lives.
"""

import faulthandler
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NoReturn

log = logging.getLogger(__name__)

LOOKS = 300
"""So many looks in a row without a sign: more than the largest list takes on the slowest card."""
EVERY_S = 1.0
EXIT_CODE = 70
"""An internal fault of the program (sysexits.h, ``EX_SOFTWARE``)."""


def _end() -> NoReturn:
    # No part of it can be relied on to end in order; its files are safe from a crash.
    os._exit(EXIT_CODE)


class LifeSign:
    """Counts looks, not time: where the machine sleeps or is stopped, this is as well.

    A context manager.
    """

    def __init__(
        self,
        stacks: Path,
        *,
        looks: int = LOOKS,
        every_s: float = EVERY_S,
        end: Callable[[], object] = _end,
    ) -> None:
        """``stacks``: the log that gets those of all threads before the end."""
        self._stacks = stacks
        self._looks, self._every_s, self._end = looks, every_s, end
        self._signs = self._seen = self._silent = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="life sign", daemon=True)

    def sign(self) -> None:
        """It has come around once more."""
        self._signs += 1

    def __enter__(self) -> "LifeSign":
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def is_silent(self) -> bool:
        """Look once: whether so many looks in a row have found no sign."""
        before, self._seen = self._seen, self._signs
        self._silent = 0 if self._seen != before else self._silent + 1
        return self._silent >= self._looks

    def _watch(self) -> None:
        while not self._over.wait(self._every_s):
            if self.is_silent():
                log.critical("no sign of life for %d looks: the worker ends", self._silent)
                with suppress(OSError), self._stacks.open("ab") as file:
                    faulthandler.dump_traceback(file)
                self._end()
                return
