"""Law 1: what was shown green survives a power cut at any moment."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gate.core.entry import Act, Entry
from gate.errors import DamagedError
from gate.storage.audit import audit_journal
from gate.storage.journal import Journal
from tests.conftest import needs
from tests.system.disk import TRACED, Call, cut, parse

pytestmark = pytest.mark.system

CUTS = int(os.environ.get("GATE_TEST_CUTS", "40"))
SEED = int(os.environ.get("GATE_TEST_SEED", "20261122"))
DEVICE = "0123456789abcdef"


def record(folder: Path, mutation: str = "") -> list[Call]:
    """What the disk saw of the worker's whole life."""
    needs(shutil.which("strace") is not None, "strace")
    folder.mkdir()
    trace = folder.parent / f"{folder.name}.trace"
    worker = [sys.executable, "-m", "tests.system.power_cut_worker", str(folder), mutation]
    command = ["strace", "-f", "-y", "-x", "-s", "70000", "-e", f"trace={TRACED}", "-o", str(trace)]
    ran = subprocess.run(
        [*command, *worker], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    needs(b"ptrace" not in ran.stderr, "permission to trace")
    assert ran.returncode == 0, ran.stderr.decode()
    return parse(trace, folder)


def lost_after_cut(
    calls: list[Call], at: int, folder: Path, into: Path, *, is_sound: bool = True
) -> set[str]:
    """The greens that were said before the cut and are not in the journal after it."""
    into.mkdir()
    chance = random.Random(f"{SEED}:{at}")
    cut(calls[:at], folder, into, chance)
    if chance.random() < 0.5:
        # The index of the log lives in memory pages; after a cut it may hold anything.
        (into / "journal.db-shm").write_bytes(chance.randbytes(32768))
    said = {call.data.split()[1].decode() for call in calls[:at] if call.name == "say"}
    path = into / "journal.db"
    journal = Journal(path, DEVICE)
    kept = {name for name in said if journal.find(name) is not None}
    with journal.transaction():
        link = journal.link(9_000_000)._asdict()
        journal.append(Entry(act=Act.LANE_OPENED, at_ms=9_000_000, boot_ms=9, **link))
    journal.close()
    # A disk that breaks its promises may leave anything behind.
    assert not is_sound or audit_journal(path).findings == []
    shutil.rmtree(into)
    return said - kept


def moments(calls: list[Call]) -> list[int]:
    chance = random.Random(SEED)
    # Half of the cuts fall right after something was said: that is when it hurts.
    said = [i + 1 for i, call in enumerate(calls) if call.name == "say"]
    anywhere = [chance.randint(0, len(calls)) for _ in range(CUTS - CUTS // 2)]
    return anywhere + [chance.choice(said) for _ in range(CUTS // 2)]


@pytest.mark.timeout(600)
def test_no_green_is_lost_in_a_power_cut(tmp_path: Path) -> None:
    """At every cut all greens said so far are there, the chain is whole, and work goes on."""
    folder = tmp_path / "disk"
    calls = record(folder)
    assert sum(call.name == "say" for call in calls) == 90
    assert sum(call.name == "unlink" for call in calls) > 3
    for n, at in enumerate(moments(calls)):
        assert lost_after_cut(calls, at, folder, tmp_path / f"cut-{n}") == set(), f"cut at {at}"


@pytest.mark.timeout(600)
@pytest.mark.long
def test_without_full_sync_greens_are_lost(tmp_path: Path) -> None:
    """Mutation: NORMAL for FULL loses what was shown."""
    folder = tmp_path / "disk"
    calls = record(folder, "NORMAL")
    lost = 0
    for n, at in enumerate(moments(calls)):
        lost += len(lost_after_cut(calls, at, folder, tmp_path / f"cut-{n}"))
    assert lost > CUTS // 4


@pytest.mark.long
def test_without_the_folder_sync_a_new_log_file_may_vanish(tmp_path: Path) -> None:
    """Mutation of the disk: were SQLite not to sync the folder, greens would go with the log."""
    folder = tmp_path / "disk"
    calls = [call for call in record(folder) if call.name != "sync folder"]
    lost = 0
    for n, at in enumerate(moments(calls)):
        try:
            into = tmp_path / f"cut-{n}"
            lost += len(lost_after_cut(calls, at, folder, into, is_sound=False))
        except (DamagedError, sqlite3.DatabaseError):
            lost += 1
    assert lost > 0
