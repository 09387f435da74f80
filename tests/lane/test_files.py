"""The lane's files: read together, damaged or full, and a fault is a HOLD."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from gate.core.entry import Act, Entry
from gate.core.outcome import Outcome, Reason
from gate.core.verdict import Scan
from gate.lane import entries
from gate.lane.lane import Lane
from gate.reports.ticket_import import import_files
from gate.storage.folder import Folder
from tests.conftest import MakeLane
from tests.support.lanes import decided, journal_of, write_peer_entries
from tests.support.venue import NOW_MS, FixedClock, write_rows


def test_space_is_kept_for_admissions(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 12: on a nearly full disk refusals are shown but only people's movements written."""
    nearly_full = shutil.disk_usage(venue.path)._replace(free=entries.RESERVED_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: nearly_full)
    assert decided(lane, "NOBODY") == (Outcome.REFUSE, Reason.UNKNOWN)
    assert decided(lane, "VOID1") == (Outcome.REFUSE, Reason.REVOKED)
    assert decided(lane, "GOOD001")[0] is Outcome.ADMIT
    assert [entry.act for entry in journal_of(venue)] == [Act.ADMISSION]


def test_no_tickets_is_a_hold_with_a_hint(tmp_path: Path, make_lane: MakeLane) -> None:
    """An empty folder admits nobody and says what to do."""
    empty = Folder(tmp_path / "empty")
    empty.create()
    verdict = make_lane(folder=empty).admit(Scan("GOOD001"))
    assert (verdict.outcome, verdict.reason) == (Outcome.HOLD, Reason.FAULT)
    assert "gate import" in verdict.hint


@pytest.mark.parametrize("damage", ["journal", "tickets", "pointer", "locked"])
def test_a_fault_is_a_hold(
    damage: str, make_lane: MakeLane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 4: a damaged or locked file is never green, never red, and is kept."""
    victim = {
        "journal": venue.journal,
        "tickets": next(venue.path.glob("tickets-*.db")),
        "pointer": venue.pointer,
        "locked": venue.journal,
    }[damage]
    holder = None
    if damage == "locked":
        make_lane().admit(Scan("GOOD000"))
        holder = sqlite3.connect(venue.journal, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("gate.storage.sqlite.BUSY_TIMEOUT_S", 0.05)
    else:
        victim.write_bytes(b"\x00garbage\xff" * 3000)
    before = victim.read_bytes()
    lane = make_lane()
    verdict = lane.admit(Scan("GOOD001"))
    assert (verdict.outcome, verdict.reason, verdict.entry) == (
        Outcome.HOLD,
        Reason.FAULT,
        "",
    )
    assert verdict.hint
    assert victim.read_bytes() == before
    if holder is not None:
        holder.execute("ROLLBACK")
        holder.close()
        assert lane.admit(Scan("GOOD001")).is_green


def test_a_disk_gone_read_only_is_a_hold(lane: Lane) -> None:
    """When writing is taken away in the middle of the evening, nobody is let in unrecorded."""
    assert lane.admit(Scan("GOOD001")).is_green
    connection = lane._files.journal()._connection

    def make_read_only(mode: int) -> None:
        lane._do(lambda: connection.execute(f"PRAGMA query_only = {mode}"))

    make_read_only(1)
    verdict = lane.admit(Scan("GOOD002"))
    assert verdict.outcome is Outcome.HOLD
    assert "read-only" in verdict.hint
    make_read_only(0)
    assert lane.admit(Scan("GOOD002")).is_green


def test_own_and_peers_entries_fold_together(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """Admitted here, undone at the server: the ticket is good again."""
    here = lane.admit(Scan("GOOD001"))
    annulment = Entry(
        origin="central.1", seq=1, prev="", act=Act.ANNULMENT, at_ms=NOW_MS + 1000,
        boot_ms=1, hlc=(NOW_MS + 1000) << 16, ticket="good-1", target=here.entry,
    )  # fmt: skip
    write_peer_entries(venue, [annulment])
    clock.pass_seconds(60)
    assert decided(lane, "GOOD001") == (Outcome.ADMIT, Reason.ADMITTED)
    clock.pass_seconds(60)
    assert decided(lane, "GOOD001") == (Outcome.REFUSE, Reason.ALREADY_USED)


def test_what_peers_admitted_is_used_here(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """The other devices' journals count as history, this device's own lost past included."""
    other = Entry(
        origin="ffffffffffffffff.1", seq=1, prev="", act=Act.ADMISSION, at_ms=NOW_MS - 90_000,
        boot_ms=1, hlc=(NOW_MS - 90_000) << 16, ticket="good-1", uses=1, persons=1, gate="South",
    )  # fmt: skip
    write_peer_entries(venue, [other])
    verdict = lane.admit(Scan("GOOD001"))
    assert verdict.reason is Reason.ALREADY_USED
    assert verdict.history.first is not None
    assert verdict.history.first.gate == "South"


def test_a_new_replica_is_seen_at_the_next_scan(lane: Lane, venue: Folder, tmp_path: Path) -> None:
    """The pointer moves, the lane follows; what was used stays used."""
    assert decided(lane, "GOOD001")[0] is Outcome.ADMIT
    assert decided(lane, "LATER1")[1] is Reason.UNKNOWN
    rows = write_rows(
        tmp_path / "more.jsonl",
        [
            {"code": "LATER1", "type": "SHOW"},
            {"code": "GOOD002", "type": "SHOW", "id": "good-2", "status": "revoked"},
        ],
    )
    import_files(venue, [rows])
    assert decided(lane, "LATER1")[0] is Outcome.ADMIT
    assert decided(lane, "GOOD002")[1] is Reason.REVOKED
    assert decided(lane, "GOOD001")[0] is Outcome.RESCAN


def test_without_the_reserve_refusals_take_the_room(
    lane: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside the test of the nearly full disk."""
    full = shutil.disk_usage(venue.path)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    monkeypatch.setattr(entries, "RESERVED_BYTES", 0)
    decided(lane, "NOBODY")
    assert [entry.act for entry in journal_of(venue)] == [Act.REFUSAL]
