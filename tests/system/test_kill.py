"""A scanning process killed at random moments loses no green and leaves no half entry."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gate.reports.ticket_import import import_files
from gate.storage.folder import Folder
from tests.conftest import needs
from tests.support.venue import TYPES, write_rows

pytestmark = pytest.mark.system

KILLS = int(os.environ.get("GATE_TEST_KILLS", "20"))
SEED = os.environ.get("GATE_TEST_SEED", "20261122")
TICKETS = 40 * KILLS + 500


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "kill")
    rows = [{"code": f"KILL{n:06d}", "type": "SHOW", "id": f"k{n}"} for n in range(TICKETS)]
    import_files(folder, [write_rows(tmp_path / "kill.jsonl", [TYPES[0], *rows])], built_ms=1)
    folder.device_id()
    return folder


def run(folder: Folder, module: str) -> dict[str, object]:
    needs(hasattr(os, "fork"), "fork")
    ran = subprocess.run(
        [sys.executable, "-m", module, str(folder.path), str(KILLS), SEED],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    found: dict[str, object] = json.loads(ran.stdout)
    return found


@pytest.mark.timeout(600)
def test_kill_9_loses_no_green(folder: Folder) -> None:
    """Killed again and again: everything shown is there, the chain holds, the counts agree."""
    found = run(folder, "tests.system.kill_worker")
    assert int(str(found["shown"])) > 2 * KILLS
    assert found["lost"] == 0
    assert found["findings"] == []
    assert found["admitted"] == found["written"]


@pytest.mark.timeout(600)
@pytest.mark.long
def test_showing_before_writing_loses_greens(folder: Folder) -> None:
    """Mutation: a lane that shows the verdict before the commit is caught."""
    found = run(folder, "tests.system.kill_worker_mutant")
    assert int(str(found["lost"])) > 0
