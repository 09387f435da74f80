"""Where a pretix is that may be run beside the tests: never in their own process."""

import os
import platform
from pathlib import Path

VERSION = "2026.8.0"


def python() -> Path | None:
    """The Python of its virtual environment, which ``tests/system/pretix/make_venv.sh`` makes."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = cache / "venue-gate" / f"pretix-{VERSION}"
    found = Path(os.environ.get("GATE_TEST_PRETIX") or kept)
    # Until all of it is installed it is none.
    is_there = (found / "ready").exists() and platform.system() == "Linux"
    return found / "bin" / "python" if is_there else None
