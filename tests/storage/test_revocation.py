"""A device that was revoked lets nobody in, keeps its journal, and forgets the rest for good."""

import sqlite3
import threading
from pathlib import Path

import pytest

from gate.cli.enrol_device import enrol_device
from gate.cli.sync_report import status
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction, Role
from gate.core.signed_tip import SignedTip
from gate.core.verdict import Scan
from gate.errors import GateError, ImportFault, RevokedError
from gate.lane.lane import Lane
from gate.lane.operators import Operators
from gate.lane.post import Operator
from gate.reports.ticket_import import import_files
from gate.reports.wipe import wipe
from gate.storage import revocation
from gate.storage.bundle import sign
from gate.storage.certificates import Authority
from gate.storage.device_key import DeviceKey, is_good
from gate.storage.feed_signatures import is_revocation, key_of
from gate.storage.folder import Folder
from gate.storage.forgetting import is_of_others
from gate.storage.journal_reader import JournalReader
from gate.storage.revocation import heads_of, is_revoked, revoke
from gate.ui.tui.status import status_of
from tests.conftest import MakeLane
from tests.support.programs import run
from tests.support.screen import running
from tests.support.venue import FixedClock

BOSS = Operator("boss", Role.SUPERVISOR)
KEPT = {"journal.db", "journal.db-wal", "journal.db-shm", "device", "revoked.json"}


@pytest.fixture
def worked(venue: Folder, lane: Lane) -> Folder:
    """A gate in the middle of its evening, with everything that a thief would like to have."""
    lane.open()
    DeviceKey(venue)
    Operators(venue).add("boss", Role.SUPERVISOR, "80521")
    for name in ("server.json", "member.json", "venue.json", "sync.json", "peers.db-wal"):
        (venue.path / name).write_text("secret")
    for room in (venue.inbox, venue.shared):
        room.mkdir()
        (room / "something").write_text("secret")
    assert lane.admit(Scan("GOOD001")).outcome is Outcome.ADMIT
    return venue


def revoke_it(folder: Folder) -> None:
    revoke(folder, lambda marks: sign(folder, marks))


def entries(folder: Folder) -> int:
    reader = JournalReader(folder.journal)
    try:
        return reader.newest_row()
    finally:
        reader.close()


def test_a_lane_at_work_lets_nobody_in_from_then_on(worked: Folder, lane: Lane) -> None:
    """Not by code, in any direction, by hand, by override; and it writes nothing more."""
    held = entries(worked)
    revoke_it(worked)
    for direction in Direction:
        lane.direction = direction
        for code in ("GOOD001", "GOOD002", "NOBODY"):
            verdict = lane.admit(Scan(code))
            assert (verdict.outcome, verdict.reason) == (Outcome.REFUSE, Reason.GATE_REVOKED)
            checked = lane.check(code, "keyboard")
            assert (checked.outcome, checked.reason) == (Outcome.REFUSE, Reason.GATE_REVOKED)
    for do in (
        lambda: lane.admit_by_hand("good-3", BOSS, "let in"),
        lambda: lane.override(BOSS, "let in"),
        lane.next_person,
        lane.undo,
        lambda: lane.sign_in(BOSS),
        lambda: lane.retire("1" * 16, BOSS, "gone"),
        lane.open,
    ):
        with pytest.raises(GateError):
            do()
    lane.idle()
    assert entries(worked) == held


def test_without_looking_it_would_go_on(
    worked: Folder, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside the test above: a lane has its files open."""
    lane.admit(Scan("GOOD001"))
    for module in ("files", "entries"):
        monkeypatch.setattr(f"gate.lane.{module}.require_not_revoked", lambda _folder: None)
    monkeypatch.setattr(revocation, "delete", lambda *_: 0)
    revoke_it(worked)
    assert lane.admit(Scan("GOOD002")).outcome is Outcome.ADMIT


def test_names_codes_and_keys_go_and_the_journal_stays(worked: Folder, lane: Lane) -> None:
    """All of the journal, signed to its last entry; no file that says a name or opens a door."""
    public = DeviceKey(worked).public
    revoke_it(worked)
    left = {path.name for path in worked.path.iterdir() if path.is_file()}
    assert {name for name in left if not name.endswith(".lock")} == KEPT
    assert not [*worked.inbox.iterdir(), *worked.shared.iterdir()]
    (head,) = heads_of(worked)
    signed = SignedTip(**head)
    assert is_good(signed, public)
    with sqlite3.connect(worked.journal) as db:
        (newest,) = db.execute("SELECT hex(hash) FROM entry ORDER BY id DESC LIMIT 1").fetchone()
    assert signed.hash == newest.lower()
    assert sign(worked, []) == [signed]


def test_what_fails_to_go_goes_at_the_next_try(
    worked: Folder, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lets nobody in at once; what could not be deleted is deleted later."""
    monkeypatch.setattr(revocation, "delete", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        revoke_it(worked)
    assert lane.admit(Scan("GOOD002")).reason is Reason.GATE_REVOKED
    before = heads_of(worked)
    monkeypatch.undo()
    revoke(worked, lambda _marks: [])
    assert heads_of(worked) == before
    assert not any(is_of_others(path.name) for path in worked.path.iterdir())


@pytest.mark.parametrize("is_mutant", [False, True])
def test_what_the_lane_is_writing_is_signed_too(
    worked: Folder, monkeypatch: pytest.MonkeyPatch, is_mutant: bool
) -> None:
    """The note waits for the entry that is being written, or that would not be signed."""
    if is_mutant:
        monkeypatch.setattr(revocation, "_holding_back", lambda f: sqlite3.connect(f.journal))
    with sqlite3.connect(worked.journal, isolation_level=None) as writing:
        writing.execute("BEGIN IMMEDIATE")
        revoking = threading.Thread(target=revoke_it, args=(worked,))
        revoking.start()
        revoking.join(30.0 if is_mutant else 0.3)
        assert is_revoked(worked) is is_mutant
        writing.execute("ROLLBACK")
    revoking.join()
    assert is_revoked(worked)


def test_a_journal_that_cannot_be_read_does_not_keep_the_rest(venue: Folder) -> None:
    """It is deleted all the same, without a signature."""
    venue.journal.write_bytes(b"no database" * 500)
    revoke_it(venue)
    assert heads_of(venue) == []
    assert not venue.pointer.exists()


def test_an_entry_that_cannot_be_read_does_not_keep_the_rest(worked: Folder, lane: Lane) -> None:
    """The file is sound, and one of its entries is none any more."""
    lane.close()
    reason = Reason.ADMITTED.value
    with sqlite3.connect(worked.journal) as db:
        other = db.execute(
            "UPDATE entry SET body = replace(body, ?, '\"rotten\"')", (f'"{reason}"',)
        )
        assert other.rowcount
    revoke_it(worked)
    assert is_revoked(worked)
    assert not any(is_of_others(path.name) for path in worked.path.iterdir())


def test_it_is_for_good(worked: Folder, lane: Lane, make_lane: MakeLane, tmp_path: Path) -> None:
    """After a restart too; it cannot be enrolled until it is wiped, as another device."""
    device = worked.device_id()
    lane.close()
    revoke_it(worked)
    again = make_lane(folder=worked)
    assert again.admit(Scan("GOOD003")).reason is Reason.GATE_REVOKED
    again.close()
    with pytest.raises(RevokedError):
        import_files(worked, [])
    with pytest.raises(RevokedError):
        enrol_device(worked, "VENUEGATE:X//HTTP://127.0.0.1:1", again=True)
    assert status(worked)["revoked"]
    wiped = wipe(worked, tmp_path / "kept.jsonl")
    assert wiped.entries == 3
    assert not is_revoked(worked)
    assert worked.device_id() != device


def test_only_the_authority_s_word_is_believed() -> None:
    """Not that on another device, of another authority, or something else that it signed."""
    ours, other, device = Authority.mint(), Authority.mint(), "1" * 16
    key = key_of(ours.certificate)
    assert is_revocation(ours.revocation(device), device, key)
    checkpoint = ours.checkpoint("a:1:b", bytes(32), 0).signature
    for proof in ("", "00", "x", checkpoint, other.revocation(device), ours.revocation("2" * 16)):
        assert not is_revocation(proof, device, key)


def test_plain_lines_say_so(venue: Folder) -> None:
    """At the start, and of every scan; there is no other word than STOP."""
    revoke_it(venue)
    ran = run("scan", "--plain", "--camera", "off", "--data-dir", str(venue.path),
              input_="GOOD001\n", timeout=60)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "# STOP: This gate was revoked. It lets nobody in any more." in ran.stdout
    (told,) = [line for line in ran.stdout.splitlines() if "REFUSE" in line]
    assert "This gate was revoked" in told
    assert "ADMIT" not in ran.stdout
    assert "Traceback" not in ran.stderr


@pytest.mark.long
async def test_the_screen_says_so_all_the_time(venue: Folder, clock: FixedClock) -> None:
    """From the moment it is heard, before and after a scan, whatever key acknowledges it."""
    async with running(venue, clock) as screen:
        assert screen.panel.outcome is None
        revoke_it(venue)
        screen.app.scan_screen._tick()
        await screen.settle()
        assert screen.panel.outcome is Outcome.REFUSE
        assert "This gate was revoked" in screen.text
        await screen.type("GOOD001")
        assert screen.panel.outcome is Outcome.REFUSE
        await screen.press("escape")
        assert screen.panel.outcome is Outcome.REFUSE
        assert "It lets nobody in any more" in screen.text
        assert list(status_of(screen.app).values()) == [screen.lane.place.gate, "REVOKED"]
        for key in ("f3", "f4", "f9", "f1"):
            await screen.press(key)
            await screen.settle()
            await screen.press("escape")
            await screen.settle()
        for key in ("f7", "ctrl+z", "ctrl+o", "ctrl+n", "escape"):
            await screen.press(key)
            await screen.settle()
        assert screen.app.is_running
        assert screen.panel.outcome is Outcome.REFUSE


def test_tickets_are_not_imported_into_it(venue: Folder) -> None:
    """An operator who tries hears why."""
    revoke_it(venue)
    ran = run("import", "x.csv", "--data-dir", str(venue.path), timeout=60)
    assert ran.returncode != 0
    assert "this gate was revoked and lets nobody in" in ran.stderr
    assert not issubclass(RevokedError, ImportFault)
