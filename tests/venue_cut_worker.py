"""Says things of a venue's devices while a sync worker is at work, and is that worker.

Run under strace by ``test_venue_create``: python -m tests.venue_cut_worker FOLDER LEVEL
"""

import sys
from contextlib import closing
from pathlib import Path

from gate.store.filling import MemberRow
from gate.store.folder import Folder, Lock
from sync import feed as feed_module
from sync import venue
from sync.feed import Feed

DEVICES = 5


def main(folder: Folder, level: str) -> None:
    venue.create(folder, "Gala", "North", "UTC")
    lock = Lock(folder, "sync")
    feed_module.OWN_CHANGES = level  # type: ignore[misc]
    with closing(Feed(folder)) as feed:
        for n in range(DEVICES):
            venue.say(folder, MemberRow(f"{n:016x}", "South", "ab" * 32, "revoked"))
            venue.take_requests(folder, feed, n)
    lock.close()


if __name__ == "__main__":
    main(Folder(Path(sys.argv[1])), sys.argv[2])
