"""Wiping: everything about the event goes, nothing before its journal is safe elsewhere."""

from pathlib import Path

import pytest

from gate.core.place import Role
from gate.core.verdict import Scan
from gate.errors import BusyError, UsageError
from gate.lane.operators import Operators
from gate.reports.wipe import wipe
from gate.storage.folder import Folder, Lock
from tests.conftest import MakeLane


@pytest.fixture
def worked(make_lane: MakeLane, venue: Folder) -> Folder:
    lane = make_lane()
    for code in ("GOOD001", "NAMED1", "NOBODY"):
        lane.admit(Scan(code))
    lane.close()
    Operators(venue).add("boss", Role.SUPERVISOR, "80521")
    return venue


def test_the_journal_is_exported_and_the_rest_is_gone(worked: Folder, tmp_path: Path) -> None:
    """Four entries in the file, no tickets, no names of guests or operators, no journal."""
    export = tmp_path / "kept.jsonl"
    wiped = wipe(worked, export)
    assert wiped.entries == len(export.read_text().splitlines()) == 4
    left = {path.name for path in worked.path.iterdir()}
    assert left == {"device", "operators.lock", "gate.lock", "import.lock",
                    "sync.lock"}  # fmt: skip


@pytest.mark.parametrize("name", ["gate.log", "sync.log", "invite.log"])
def test_older_logs_go_too(worked: Folder, tmp_path: Path, name: str) -> None:
    """A log that was full was put away under its name with a number."""
    older = worked.path / f"{name}.1"
    older.write_text("what the program did")
    wipe(worked, tmp_path / "kept.jsonl")
    assert not older.exists()


def test_without_a_place_for_the_journal_nothing_is_wiped(worked: Folder) -> None:
    """Entries that are nowhere else are never deleted."""
    before = sorted(path.name for path in worked.path.iterdir())
    with pytest.raises(UsageError, match="4 entries"):
        wipe(worked, None)
    after = sorted(path.name for path in worked.path.iterdir())
    assert set(before) <= set(after)


def test_an_existing_file_is_never_overwritten(worked: Folder, tmp_path: Path) -> None:
    """Yesterday's export stays what it was."""
    export = tmp_path / "kept.jsonl"
    export.write_text("yesterday")
    with pytest.raises(UsageError, match="there already"):
        wipe(worked, export)
    assert export.read_text() == "yesterday"
    assert worked.journal.exists()


def test_an_export_that_does_not_read_back_stops_the_wipe(
    worked: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is compared with the journal's own hashes first."""
    monkeypatch.setattr("gate.reports.wipe.entry_codec.digest", lambda body: b"x" * 32)
    with pytest.raises(UsageError, match="does not hold"):
        wipe(worked, tmp_path / "kept.jsonl")
    assert worked.journal.exists()


def test_a_gate_at_work_is_not_wiped(worked: Folder, tmp_path: Path) -> None:
    """The lock keeps the folder whole."""
    lock = Lock(worked)
    with pytest.raises(BusyError):
        wipe(worked, tmp_path / "kept.jsonl")
    lock.close()


def test_a_folder_without_entries_needs_no_export(venue: Folder) -> None:
    """Tickets alone can be forgotten at once."""
    assert wipe(venue, None).entries == 0
    assert not list(venue.path.glob("tickets*"))


def test_what_a_server_holds_needs_no_export(worked: Folder) -> None:
    """Receipted to the last entry: wiped without a file; one entry short: refused."""
    with pytest.raises(UsageError, match="4 entries"):
        wipe(worked, None, unacked=1)
    assert worked.journal.exists()
    wipe(worked, None, unacked=0)
    assert not worked.journal.exists()


def test_a_wiped_device_is_unknown_to_its_server(worked: Folder) -> None:
    """Credential and key go with the event."""
    worked.enrolment.write_text("{}")
    (worked.path / "device.key").write_text("00")
    wipe(worked, None, unacked=0)
    assert not worked.enrolment.exists()
    assert not (worked.path / "device.key").exists()
