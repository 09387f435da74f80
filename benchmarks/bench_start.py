"""How long until help answers and until the lane can scan, whatever the number of tickets.

    python benchmarks/bench_start.py [--sizes 1000,1000000] [--runs 5]

Ready means: the screen is painted in a pseudo-terminal, and the first typed code has its verdict.
"""

import argparse
import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bench_verdict import make
from gate.storage.folder import Folder

HELP_LIMIT_S, READY_LIMIT_S = 0.3, 2.0
PATIENCE_S = 300.0
"""Between two signs of life; an emulated machine takes its time."""
GATE = [sys.executable, "-m", "gate"]


def help_cpu_s() -> float:
    """CPU seconds of ``gate --help``."""
    before = os.times()
    subprocess.run([*GATE, "--help"], stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )


def painted(folder: Folder, *settings: str) -> tuple[subprocess.Popen[bytes], int]:
    """A lane whose screen takes codes, and the terminal that it is on."""
    master, slave = pty.openpty()
    gate = subprocess.Popen(
        [*GATE, "scan", "--data-dir", str(folder.path), "--camera", "off"]
        + [word for setting in settings for word in ("--set", setting)],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env=os.environ | {"TERM": "xterm-256color", "GATE_LANGUAGE": "en"},
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while b"Ready." not in shown:
        assert select.select([master], [], [], PATIENCE_S)[0], shown
        shown += os.read(master, 65536)
    return gate, master


def ready(folder: Folder) -> tuple[float, float]:
    """Seconds from the command to a painted screen that takes codes, and of CPU meanwhile."""
    started = time.perf_counter()
    gate, master = painted(folder)
    took = time.perf_counter() - started
    gate.kill()
    _pid, status, used = os.wait4(gate.pid, 0)
    gate.returncode = status
    os.close(master)
    return took, used.ru_utime + used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default="1000,1000000")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    helps = statistics.median(help_cpu_s() for _ in range(options.runs))
    print(f"gate --help: {helps:.2f} s of CPU (limit {HELP_LIMIT_S})")
    is_good = helps <= HELP_LIMIT_S
    with tempfile.TemporaryDirectory() as path:
        for size in (int(size) for size in options.sizes.split(",")):
            folder = Folder(Path(path) / str(size))
            make(folder, size)
            took = statistics.median(ready(folder)[0] for _ in range(options.runs))
            print(f"gate scan ready with {size} tickets: {took:.2f} s (limit {READY_LIMIT_S})")
            is_good = is_good and took <= READY_LIMIT_S
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
