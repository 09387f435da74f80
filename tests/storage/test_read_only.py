"""A data folder on a file system that went read-only: everything in it can still be read."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from gate.core.verdict import Scan
from gate.errors import StoreError
from gate.storage import sqlite
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from tests.conftest import MakeLane
from tests.ui.test_terminal import hidden

if sys.platform == "win32":
    pytest.skip("mount namespaces are Linux's", allow_module_level=True)

READING = (
    "log", "report", "report --venue", "verify", "lookup GOOD001", "log --bundle $AWAY/out.bundle",
)  # fmt: skip
_KILLED = """
mkfifo "$AWAY/in"
"$PYTHON" -m gate scan --plain --camera off <"$AWAY/in" >"$AWAY/out" & at=$!
exec 3>"$AWAY/in"
echo GOOD001 >&3
until grep -q ADMIT "$AWAY/out"; do sleep 0.1; done
kill -9 $at
wait $at || true
test -s journal.db-wal
test -s journal.db-shm
"""
LEFT = {
    "clean end": '(echo GOOD001; sleep 0.5) | gate scan --plain --camera off >"$AWAY/out"\n',
    "killed": _KILLED,
    "killed, and the index is lost": _KILLED + "rm -f journal.db-shm\n",
}


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.long
def test_a_card_that_went_read_only_is_read(venue: Folder, left: str) -> None:
    """Journal, report, audit, look-up and bundle of it say what they always say."""
    away = venue.path.parent
    ran = hidden(
        f'AWAY="{away}"; cd "$AWAY"; mkdir card tmp; mount -t tmpfs none card\n'
        f'cp -r "{venue.path}" card/data; cd card/data; export GATE_DATA_DIR="$PWD"\n'
        'gate() { "$PYTHON" -m gate "$@"; }\n'
        f'{LEFT[left]}mount -o remount,bind,ro ..; export TMPDIR="$AWAY/tmp"\n'
        + "".join(f"echo '== {one}'; gate {one} 2>&1 || echo FAILED\n" for one in READING)
    )
    said = dict(part.split("\n", 1) for part in ran.stdout.split("== ")[1:])
    assert tuple(said) == READING, ran
    assert "FAILED" not in ran.stdout, ran.stdout
    assert " ADMIT " in said["log"]
    assert "0 problems" in said["verify"]
    assert "used 1 of 1" in said["lookup GOOD001"]
    assert list((away / "tmp").iterdir()) == []


def test_what_waits_in_the_log_is_read_from_a_copy(
    make_lane: MakeLane, venue: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the index of the log cannot be made, nothing is missed, and no copy is left."""
    lane = make_lane()
    lane.admit(Scan("GOOD001"))
    kept = Folder(tmp_path / "kept")
    kept.create()
    for name in ("journal.db", "journal.db-wal"):
        (kept.path / name).write_bytes((venue.path / name).read_bytes())
    assert (kept.path / "journal.db-wal").stat().st_size > 0
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    reader = JournalReader(kept.journal)
    assert [entry.ticket for _row, entry in reader.page()] == ["good-1"]
    reader.close()
    assert not list(tmp_path.glob("venue-gate-*"))
    assert not (kept.path / "journal.db-shm").exists()


def test_without_the_copy_the_last_admission_is_missed(
    make_lane: MakeLane, venue: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Mutation of the test before: the file alone does not know what waits in the log."""
    monkeypatch.setattr(sqlite, "_has_log", lambda _path: False)
    monkeypatch.setattr(sqlite, "_is_read_only", lambda _path: True)
    with pytest.raises(StoreError):
        test_what_waits_in_the_log_is_read_from_a_copy(make_lane, venue, monkeypatch, tmp_path)


def test_a_folder_that_can_be_written_is_read_in_place(venue: Folder, make_lane: MakeLane) -> None:
    """Beside a lane at work, nobody copies anything."""
    make_lane().admit(Scan("GOOD001"))
    reader, uri = sqlite.open_readable(venue.journal)
    assert uri.endswith("?mode=ro")
    reader.close()
