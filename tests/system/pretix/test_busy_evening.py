"""A pretix on PostgreSQL with several processes, and many pretixSCANs at once, beside our gates.

Only on demand: ``GATE_TEST_PRETIX_CLIENTS`` says how many, ``GATE_TEST_PRETIX_S`` for how long.
"""

import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.conftest import needs
from tests.support import postgres
from tests.support.pretix import python
from tests.system.pretix.paired import Gate, PairedServer
from tests.system.pretix.pretixscan import PretixScan
from tests.system.pretix.starting import real_pretix

CLIENTS = int(os.environ.get("GATE_TEST_PRETIX_CLIENTS", "0"))
SECONDS = float(os.environ.get("GATE_TEST_PRETIX_S", "60"))
TICKETS = 400
pytestmark = [
    pytest.mark.system,
    pytest.mark.pretix,
    pytest.mark.postgres,
    pytest.mark.long,
    pytest.mark.timeout(900 + SECONDS),
    pytest.mark.skipif(not CLIENTS, reason="on demand: GATE_TEST_PRETIX_CLIENTS=8"),
    pytest.mark.skipif(python() is None, reason="no pretix: tests/system/pretix/make_venv.sh"),
]


def test_two_fleets_at_once(tmp_path: Path) -> None:
    """Both let in, out and back as fast as they can: at the end both sides have the same."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as theirs, postgres.postgres() as ours:
        at = make_url(theirs)
        database = (
            f"backend=postgresql\nname={at.database}\nuser={at.username}\n"
            f"host={at.host}\nport={at.port}"
        )
        with real_pretix(tmp_path, database, processes=4) as pretix:
            pretix.do("sell", count=TICKETS, prefix="B")
            found = pretix.do("secrets")
            codes = [found[order][0] for order in found if order.startswith("B0")]
            (tmp_path / "ours").mkdir()
            server = PairedServer(tmp_path / "ours" / "server", pretix, "--database", ours)
            gates = [Gate(tmp_path / name, server, name) for name in ("north", "south")]
            of_list = int(server.event.partition(".")[2])
            scans = [PretixScan(pretix, f"scan {n}", of_list) for n in range(CLIENTS)]
            until = time.monotonic() + SECONDS

            def scan(one: PretixScan, seed: int) -> int:
                by, done = random.Random(seed), 0
                while time.monotonic() < until:
                    kind = by.choice(("entry", "entry", "exit"))
                    done += one.scan(by.choice(codes), kind)[0] == 201
                return done

            try:
                with ThreadPoolExecutor(CLIENTS) as pool:
                    counts = pool.map(scan, scans, range(CLIENTS))
                    by = random.Random(19)
                    while time.monotonic() < until:
                        by.choice(gates).scan(by.choice(codes))
                        time.sleep(0.2)
                    assert all(counts)
                server.agrees(gates, bound_s=600)
                rows = [one for one in pretix.do("checkins") if one["ok"]]
                entries = Counter(one["position"] for one in rows if one["type"] == "entry")
                print(f"{len(rows)} check-ins, {server.conflicts()} conflicts")
                assert sum(entries.values()) > CLIENTS
            finally:
                for gate in gates:
                    gate.close()
                for one in scans:
                    one.close()
                server.close()
