"""What taking a list in costs: at a gate and at the server, in time and memory.

    python benchmarks/bench_list.py [--tickets 1000000] [--again]

Limit: 400 MB at the most, however long the list is; beside it stands reading the rows alone.
``--again`` takes the same list in a second time, which changes nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sync.server import events
from sync.server.database import database_of, in_transaction, open_database

MEMORY_LIMIT_MB = 400
EVENT = "gala"

READ = """
from pathlib import Path
from gate.lists.rows import Reading, open_lists
rows = sum(1 for one in open_lists([Path(sys.argv[1])], Reading()) for _row in one.rows)
"""
IMPORT = """
from gate.cli.main import main
assert main(["import", *sys.argv[1:]]) == 0
"""
MEASURED = """
import json, resource, sys, time
began = time.monotonic()
{work}
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
sys.stderr.write("MEASURED " + json.dumps(
    [time.monotonic() - began, used.ru_utime + used.ru_stime, int(peak) / 1024]) + "\\n")
"""


def measure(what: str, work: str, *arguments: str) -> bool:
    """Print time, CPU and peak memory of a process; whether it kept to the limit."""
    script = MEASURED.replace("{work}", work)
    ran = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    line = next(line for line in ran.stderr.splitlines() if line.startswith("MEASURED "))
    seconds, cpu, peak = json.loads(line.partition(" ")[2])
    print(f"{what:28} {seconds:7.1f} s  {cpu:7.1f} s CPU  {peak:6.0f} MB")
    return bool(peak <= MEMORY_LIMIT_MB)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        types, rows, server = room / "types.csv", room / "tickets.csv", room / "server"
        types.write_text(f"id,kind,title\n{EVENT},meeting,Gala\n")
        with rows.open("w", encoding="utf-8") as file:
            file.write("code,type,holder\n")
            for n in range(options.tickets):
                file.write(f"{n * 2654435761 % 2**40:012X}{n:07d},{EVENT},Guest Number {n}\n")
        print(f"{options.tickets} tickets, {rows.stat().st_size / 1e6:.0f} MB of CSV")
        server.mkdir()
        engine = open_database(database_of(server))
        in_transaction(engine, lambda c: events.create_event(c, EVENT, "Gala", "UTC", 1))
        engine.dispose()
        kept = [measure("rows read alone", READ, str(rows))]
        files = (str(types), str(rows))
        for when in ("", ", again") if options.again else ("",):
            gate = ("--data-dir", str(room / "gate"))
            kept.append(measure(f"at a gate{when}", IMPORT, *gate, *files))
            at = ("--event", EVENT, "--server-dir", str(server))
            kept.append(measure(f"at the server{when}", IMPORT, *at, *files))
        print(f"limit: {MEMORY_LIMIT_MB} MB")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
