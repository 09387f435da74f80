"""Says things of a venue's devices while a sync worker is at work, and is that worker.

Run under strace by ``test_venue_create``: python -m tests.system.venue_cut_worker FOLDER LEVEL
"""

import sys
from contextlib import closing
from pathlib import Path

from gate.storage import host_feed, venue_host
from gate.storage.folder import Folder, Lock
from gate.storage.ticket_feed import TicketFeed
from gate.storage.ticket_filling import MemberRow

DEVICES = 5


def main(folder: Folder, level: str) -> None:
    venue_host.create(folder, "Gala", "North", "UTC")
    lock = Lock(folder, "sync")
    host_feed.OWN_CHANGES = level  # type: ignore[misc]
    with closing(TicketFeed(folder)) as feed:
        for n in range(DEVICES):
            venue_host.publish(folder, MemberRow(f"{n:016x}", "South", "ab" * 32, "revoked"))
            venue_host.take_requests(folder, feed, n)
    lock.close()


if __name__ == "__main__":
    main(Folder(Path(sys.argv[1])), sys.argv[2])
