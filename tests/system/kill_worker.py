"""Scans until it is killed, again and again, and checks what the next start finds.

python -m tests.system.kill_worker FOLDER KILLS SEED; prints a summary as JSON. One is forked per
life, so that a life costs milliseconds; it is killed with SIGKILL at a random moment of its work,
the opening and closing of the journal included.
"""

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

from gate.clock import SystemClock
from gate.core.entry import Act
from gate.core.place import HouseRules, Place
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder, Lock
from gate.storage.journal import Journal
from gate.storage.journal_reader import JournalReader

LIFE_S = 30.0
"""A machine that is so busy that no green comes for so long is no test."""


def main(folder: Folder, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    shown: list[str] = []
    next_ticket = 0
    for _ in range(kills):
        said = live_and_die(folder, next_ticket, chance.randrange(12), chance.uniform(0.0, 0.02))
        shown += said
        # The last ticket may have been written and not shown: it is left out, as a guest who
        # walks off is.
        next_ticket += len(said) + 1
    audit = audit_journal(folder.journal)
    reader = JournalReader(folder.journal)
    names = {e.name for _row, e in reader.page(limit=10**6) if e.act is Act.ADMISSION}
    reader.close()
    journal = Journal(folder.journal, folder.device_id())
    summary = {
        "shown": len(shown),
        "lost": len([name for name in shown if name not in names]),
        "written": len(names),
        "findings": audit.findings,
        "admitted": journal.totals.admitted,
        "origins": audit.origins,
    }
    journal.close()
    print(json.dumps(summary))


def live_and_die(folder: Folder, first: int, greens: int, seconds: float) -> list[str]:
    """One life, which ends a moment after its n-th green; with none, a moment after its birth."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            scan_for_ever(folder, first, writing)
        finally:
            os._exit(1)
    os.close(writing)
    said = b""
    while said.count(b"\n") < greens and select.select([reading], [], [], LIFE_S)[0]:
        said += os.read(reading, 65536)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reading, 65536):
        said += more
    os.close(reading)
    return [line.decode() for line in said.split(b"\n")[:-1]]


def scan_for_ever(folder: Folder, ticket: int, out: int) -> None:
    while True:
        lock = Lock(folder)
        lane = Lane(folder, SystemClock(), Place("Kill"), HouseRules())
        for _ in range(15):
            verdict = lane.admit(Scan(f"KILL{ticket:06d}"))
            if not verdict.is_green:
                os.write(2, f"{verdict}\n".encode())
                os._exit(2)
            os.write(out, f"{verdict.entry}\n".encode())
            ticket += 1
        lane.idle()
        lane.close()
        lock.close()


if __name__ == "__main__":
    main(Folder(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3]))
