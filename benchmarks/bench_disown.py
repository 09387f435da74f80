"""What disowning a device costs a gate, beside taking in the same entries.

    python benchmarks/bench_disown.py [--entries 10000]

Limit: no longer than it took to take them in, as it is done between two scans of the others.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from gate.storage.ticket_filling import MemberRow
from tests.support.central import Maker

LIMIT = 1.0
BATCH = 500


def main() -> None:
    """Take in, disown, and tell both times with their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=10_000)
    count = parser.parse_args().entries
    maker = Maker("f" * 16)
    bodies = maker.run(count)
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(Path(path) / "gate")
        folder.create()
        peer_store = PeerStore(folder)
        began = time.perf_counter()
        for first in range(0, count, BATCH):
            peer_store.intake.accept(bodies[first : first + BATCH], None)
        taken_s = time.perf_counter() - began
        row = MemberRow(maker.device, "liar", maker.public, "revoked", counts_until={})
        began = time.perf_counter()
        peer_store.disown([row])
        disowned_s = time.perf_counter() - began
        peer_store.close()
    ratio = disowned_s / taken_s
    print(f"{count} entries: taken in {taken_s:.2f} s, disowned {disowned_s:.2f} s")
    print(f"ratio {ratio:.2f}, limit {LIMIT:.1f}: {'ok' if ratio <= LIMIT else 'TOO SLOW'}")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
