"""Moves a program's wall clock by the milliseconds in a file; Python loads it at its start."""

import os
import time
from pathlib import Path

_real, _file = time.time_ns, os.environ.get("GATE_TEST_CLOCK", "")
_kept = {"offset": 0, "until": 0.0}


def _time_ns() -> int:
    now = time.monotonic()
    if now >= _kept["until"]:
        try:
            _kept["offset"] = int(Path(_file).read_text()) * 1_000_000
        except (OSError, ValueError):
            _kept["offset"] = 0
        _kept["until"] = now + 0.2
    return int(_real() + _kept["offset"])


if _file:
    time.time_ns = _time_ns
    time.time = lambda: _time_ns() / 1e9
