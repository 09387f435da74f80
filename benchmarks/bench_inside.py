"""What the list of everybody inside costs, among a million tickets: time and memory.

    python benchmarks/bench_inside.py [--tickets 1000000] [--inside 150000] [--folder DIR]

The tickets are imported, and other gates' entries taken in as the sync worker does; one in a
hundred was seen by two gates. With ``--folder`` they stay there for the next run. Then ``gate
report --list inside`` is done in a process of its own, as a table and as CSV. Beside it stands a
process that reads the same tickets by their ids, one statement for each.

Limit: 9 s and 52 MB for 150,000 of a million.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gate.clock import SystemClock
from gate.reports.ticket_import import import_files
from gate.storage import attendees
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from gate.storage.presence import with_any
from gate.storage.tickets import Tickets
from gate.text import attendee_forms
from tests.support.central import Maker

LIMIT_S, LIMIT_MB = 9.0, 52.0
BATCH = 500


def fill(folder: Folder, tickets: int, inside: int) -> None:
    """A venue with so many tickets, and people inside on so many of them."""
    folder.create()
    path = folder.path / "tickets.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.write(
            json.dumps({"kind": "meeting", "id": "A", "title": "Gala", "party_size": 2}) + "\n"
        )
        for n in range(tickets):
            row = {"code": f"C{n:08}", "id": id_of(n), "type": "A", "holder": f"Guest {n}",
                   "zone": f"Z{n % 7}", "seats": [f"{n % 90}-{n % 40}"]}  # fmt: skip
            file.write(json.dumps(row) + "\n")
    import_files(folder, [path])
    path.unlink()
    chance = random.Random(7)
    chosen = chance.sample(range(tickets), inside)
    makers = [Maker(f"{n:x}" * 16) for n in range(1, 5)]
    with closing(PeerStore(folder)) as peer_store:
        for nth, maker in enumerate(makers):
            own = chosen[nth :: len(makers)]
            more = chosen[(nth + 1) % len(makers) :: len(makers)][: inside // 400]
            bodies = [maker.make(ticket=id_of(n), zone=f"Z{n % 7}") for n in (*own, *more)]
            for first in range(0, len(bodies), BATCH):
                peer_store.intake.accept(bodies[first : first + BATCH], None)


def id_of(number: int) -> str:
    """Scattered over the list, as the hashes of codes are."""
    return f"{number * 2654435761 % 2**32:08x}{number:08x}"


def report(folder: Folder, form: attendee_forms.Form) -> None:
    """What the command does; its length goes nowhere."""
    now = SystemClock().read()
    with closing(attendees.gather(folder, "inside", now, 10.0, show_names=True)) as found:
        length = sum(map(len, attendee_forms.FORMS[form](found, ZoneInfo("UTC"))))
    print(f"{length / 1e6:.1f} MB of text, ", end="")


def read_alone(folder: Folder) -> None:
    """Every one of those tickets, by its id."""
    tickets = Tickets(folder)
    tickets.refresh()
    with Fleet(folder) as fleet:
        ids = [one.ticket for one in with_any(fleet, "inside")]
    began = time.perf_counter()
    for id_ in ids:
        tickets.get(id_)
    print(f"{len(ids)} tickets read in {time.perf_counter() - began:.1f} s, ", end="")


def measure(folder: Folder, what: str) -> None:
    """In a process of its own: what it took, and by how much it grew."""
    began, before_kb = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    busy = time.process_time()
    if what == "tickets":
        read_alone(folder)
    else:
        report(folder, what)  # type: ignore[arg-type]
    took, busy = time.perf_counter() - began, time.process_time() - busy
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    print(f"{took:.1f} s ({busy:.1f} of CPU), {grown_kb / 1024:.0f} MB more")


def main() -> None:
    """Print the figures, each beside its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--inside", type=int, default=150_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(Folder(options.folder), options.measure)
        return
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(options.folder or Path(path) / "gate")
        if not folder.pointer.exists():
            fill(folder, options.tickets, options.inside)
        for what in ("table", "csv", "tickets"):
            print(f"{what:8} (limit {LIMIT_S:.0f} s, {LIMIT_MB:.0f} MB): ", end="", flush=True)
            subprocess.run(
                [sys.executable, __file__, "--folder", str(folder.path), "--measure", what],
                check=True,
            )


if __name__ == "__main__":
    main()
