"""What the first console of a machine shows to whoever stands before it."""

import itertools
import json
import re
import threading
import time

from gate.text.outcome_words import REASON_WORDS
from tests.system.machine.emulator import NoAnswer, Pc

LONG_S = 900.0
"""By software on a busy host a minute may take ten."""
_REASONS = frozenset(REASON_WORDS.values())


class WatchedScreen:
    """Every picture that came from one start of a machine, as rows of text."""

    def __init__(self, pc: Pc) -> None:
        self._pc = pc
        self._lock = threading.Lock()
        self._pictures: list[list[str]] = []
        self._decoded = 0

    @property
    def pictures(self) -> list[list[str]]:
        """All of them, the newest last."""
        with self._lock:
            came = self._pc.watch.came
            end = came.rfind("\n") + 1
            lines = came[self._decoded : end].splitlines()
            self._pictures += [json.loads(line) for line in lines if line.startswith("[")]
            self._decoded = end
            return list(self._pictures)

    @property
    def rows(self) -> list[str]:
        """The newest picture."""
        pictures = self.pictures
        return pictures[-1] if pictures else []

    @property
    def text(self) -> str:
        """The newest picture in one."""
        return "\n".join(self.rows)

    def wait_for(self, words: str, timeout_s: float = LONG_S) -> str:
        """The screen once it shows these words."""
        end = time.monotonic() + timeout_s
        while words not in self.text:
            if time.monotonic() > end:
                raise NoAnswer(
                    f"{words!r} within {timeout_s} s; the screen:\n{self.text}\n"
                    f"the serial console: {self._pc.shell.came[-1500:]!r}"
                )
            time.sleep(0.1)
        return self.text


def answer(rows: list[str]) -> tuple[str, str, int] | None:
    """Sign, reason and guest of the newest scan: ``+`` and ``!`` let in, ``X`` stops.

    ``None`` while panel and last scans do not say the same: a picture may be half drawn.
    """
    line = last_scan(rows)
    panel = list(itertools.takewhile(lambda row: "last scans" not in row, rows))
    reasons = [words for row in panel if (words := row.strip(" |")) in _REASONS]
    named = re.search(r"Guest (\d{4})", "\n".join(panel))
    if not (reasons and reasons[0] in line and named):
        return None
    return line[0], reasons[0], int(named[1])


def last_scan(rows: list[str]) -> str:
    """The newest line of the last scans."""
    for title, line in itertools.pairwise(rows):
        if "last scans" in title:
            return line[title.index("last scans") :]
    return ""
