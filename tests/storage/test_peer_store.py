"""Which peer store is read, whether the worker speaks of that one, and what it lacks."""

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gate.core.outcome import Basis, Reason
from gate.core.replication import Span
from gate.core.verdict import Scan
from gate.errors import DamagedError, StoreError
from gate.lane.lane import Lane
from gate.storage import own_journal, sync_status
from gate.storage.folder import Folder
from gate.storage.held_entries import HeldEntries
from gate.storage.peer_store import PeerStore
from gate.storage.peers import PeerStoreReader
from gate.storage.sqlite import Presence
from gate.storage.sync_status import SyncStatusReader
from gate.storage.ticket_feed import TicketFeed
from gate.text.lane_words import unheard_at
from gate.text.verdict_line import verdict_line
from sync.session.watermarks import Watermarks, Way
from sync.worker.device_directory import DeviceDirectory
from tests.reports.test_report import ZONE
from tests.support.venue import FixedClock
from tests.system.neighbours import bodies, carry, enrol, known, neighbour, say

SOUTH = "ffffffffffffffff"


@pytest.fixture
def south(tmp_path: Path, clock: FixedClock) -> Folder:
    """A gate that was started three times, and let three guests in."""
    path = tmp_path / "south"
    for n in (1, 2, 3):
        with neighbour(path, clock) as lane:
            lane.admit(Scan(f"GOOD00{n}"))
    return Folder(path)


def tip_of(folder: Folder) -> str:
    with closing(PeerStore(folder)) as peer_store:
        peer_store.follow_journal()
        return peer_store.journal.tip


def test_a_tip_is_held_with_everything_the_device_did_before(tmp_path: Path, south: Folder) -> None:
    """Also in its earlier starts: each is taken in by itself, and says what came before it."""
    here = Folder(tmp_path / "here")
    here.create()
    everything, tip = bodies(south), tip_of(south)
    with closing(PeerStore(here)) as peer_store:
        assert peer_store.entries.lacking("") == 0
        assert peer_store.entries.lacking(tip) == 2
        peer_store.intake.accept(everything[4:], south.device_id())
        assert peer_store.entries.hashes_at(*_split(tip))
        assert peer_store.entries.lacking(tip) == 2
        peer_store.intake.accept(everything[:1], south.device_id())
        peer_store.intake.accept(everything[2:4], south.device_id())
        assert peer_store.entries.lacking(tip) == 1
        peer_store.intake.accept(everything[1:2], south.device_id())
        assert peer_store.entries.lacking(tip) == 0
        # A branch that is not held is another tip.
        origin, seq = _split(tip)
        assert peer_store.entries.lacking(f"{origin}:{seq}:{'ab' * 16}") > 0


def test_without_what_came_before_a_start_too_much_counts_as_held(
    tmp_path: Path, south: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation of the test before: two guests are unknown here, and nobody says so."""
    monkeypatch.setattr(HeldEntries, "_before", lambda _entries, _origin: "")
    here = Folder(tmp_path / "here")
    here.create()
    with closing(PeerStore(here)) as peer_store:
        peer_store.intake.accept(bodies(south)[4:], south.device_id())
        assert peer_store.entries.lacking(tip_of(south)) == 0


def _split(tip: str) -> tuple[str, int]:
    origin, seq, _hash = tip.split(":")
    return origin, int(seq)


@pytest.mark.parametrize("is_lost", [False, True])
def test_what_a_worker_knew_is_known_after_its_restart_if_it_is_still_held(
    venue: Folder, clock: FixedClock, south: Folder, is_lost: bool
) -> None:
    """The word outlives the worker, but not the store of which it was said."""
    tip = tip_of(south)
    before = known(SOUTH, clock, held_tip=tip)
    if not is_lost:
        carry(south, venue)
    with closing(PeerStore(venue)) as peer_store, closing(TicketFeed(venue)) as feed:
        marks = Watermarks(peer_store.entries.lacking)
        DeviceDirectory(peer_store, feed, marks).recall([before])
        found = marks.held_boot_ms(SOUTH, Way.CENTRAL)
        assert found == (None if is_lost else clock.boot_ms)
        assert marks.held_boot_ms(SOUTH, Way.LAN) is None


@pytest.mark.parametrize("follows", ["nonsense", f"{SOUTH}.aa:", f"{SOUTH}.aa:{'9' * 30}"])
def test_a_start_that_follows_nonsense_is_never_whole(
    tmp_path: Path, south: Folder, follows: str
) -> None:
    """What a member that lies says of its own past holds nobody up, and is not believed."""
    here = Folder(tmp_path / "here")
    here.create()
    tip = tip_of(south)
    with closing(PeerStore(here)) as peer_store:
        peer_store.intake.accept(bodies(south), south.device_id())
        peer_store.file.connection.execute("UPDATE origin SET follows = ?", (follows,))
        assert peer_store.entries.lacking(tip) > 0


def test_a_store_is_complete_once_and_says_which_it_is(tmp_path: Path) -> None:
    """A new file is another store, and lacks what was held in the old one."""
    here = Folder(tmp_path / "here")
    here.create()
    with closing(PeerStore(here)) as peer_store:
        first = peer_store.file.store
        assert first
        assert not peer_store.file.is_complete
        peer_store.file.complete()
    with closing(PeerStore(here)) as peer_store:
        assert (peer_store.file.store, peer_store.file.is_complete) == (first, True)
        here.peers.rename(here.path / "aside.db")
        assert peer_store.file.store == ""
    with closing(PeerStore(here)) as peer_store:
        assert peer_store.file.store not in ("", first)
        assert not peer_store.file.is_complete


def test_a_lane_reads_the_store_that_is_there_now(
    lane: Lane, venue: Folder, clock: FixedClock, south: Folder
) -> None:
    """One that was put in place of another is opened at the next scan; the lost one still helps."""
    carry(south, venue)
    assert lane.admit(Scan("GOOD001")).reason is Reason.ALREADY_USED
    for suffix in ("", "-wal", "-shm"):
        Path(f"{venue.peers}{suffix}").unlink(missing_ok=True)
    assert lane.admit(Scan("GOOD002")).reason is Reason.ALREADY_USED
    PeerStore(venue).close()
    assert lane.admit(Scan("GOOD003")).is_green
    carry(south, venue)
    assert lane.admit(Scan("GOOD002")).reason is Reason.ALREADY_USED


@pytest.mark.parametrize("how", ["deleted", "deleted and noticed", "another", "an old copy", "new"])
def test_what_is_not_the_worker_s_store_makes_nothing_sure(
    lane: Lane, venue: Folder, clock: FixedClock, south: Folder, how: str
) -> None:
    """The worker speaks of one file and the lane reads another: it says so, and why."""
    enrol(venue)
    carry(south, venue)
    old = venue.path / "old.db"
    shutil.copy(venue.peers, old)
    say(venue, clock, known(SOUTH, clock))
    assert lane.admit(Scan("GOOD004")).basis is Basis.CENTRAL
    if how == "new":
        say(venue, clock, known(SOUTH, clock), is_complete=False)
    else:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{venue.peers}{suffix}").unlink(missing_ok=True)
    if how == "deleted and noticed":
        sync_status.write(venue, replace(SyncStatusReader(venue).read(clock.boot_id), store=""))
    if how == "another":
        PeerStore(venue).close()
    elif how == "an old copy":
        # It has the id of the one that the worker has open still.
        shutil.move(old, venue.peers)
    verdict = lane.admit(Scan("GOOD005"))
    assert verdict.basis is Basis.ALONE
    told = unheard_at(lane, verdict, ZONE)
    assert told == "what the others did is being fetched again"
    assert f"alone: {told}" in verdict_line(verdict, lane.place, ZONE, unheard=told)


def test_a_store_is_known_without_having_been_opened(
    lane: Lane, venue: Folder, clock: FixedClock, south: Folder
) -> None:
    """The screen tells before the first scan, and tells what the first scan will find."""
    enrol(venue)
    carry(south, venue)
    say(venue, clock, known(SOUTH, clock))
    assert lane.connectivity().coverage.basis is Basis.CENTRAL
    venue.peers.rename(venue.path / "aside.db")
    assert lane.connectivity().coverage.is_refetching


def test_a_damaged_store_has_no_name(venue: Folder) -> None:
    """Who looks which it is learns that it is none; who reads it is told what is wrong."""
    venue.peers.write_bytes(b"\x00garbage\xff" * 3000)
    peers = PeerStoreReader(venue)
    peers.refresh()
    assert peers.store == ""
    peers.close()


def test_a_peer_store_that_was_lost_is_damage_in_idle_moments_too(venue: Folder) -> None:
    """Whoever looks it over finds that its file is gone, which can be mended."""
    with closing(PeerStore(venue)) as peer_store:
        peer_store.file.checkpoint()
        venue.peers.unlink()
        with pytest.raises(DamagedError):
            peer_store.file.checkpoint()


def test_a_lost_peer_store_that_is_not_looked_for_is_nobodys_to_mend(
    venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: its presence is not required."""
    monkeypatch.setattr(Presence, "require", lambda _presence: None)
    with pytest.raises(StoreError) as fault:
        test_a_peer_store_that_was_lost_is_damage_in_idle_moments_too(venue)
    assert not isinstance(fault.value, DamagedError)


def begun_anew(south: Folder, clock: FixedClock, lost: str) -> tuple[list[bytes], list[bytes]]:
    """What was read of a lane that began anew once its journal was lost, and what it has done."""
    first = south.journal
    first.rename(first.with_name(lost))
    with closing(PeerStore(south)) as peer_store:
        peer_store.follow_journal()
        before = peer_store.journal.tip
        south.journal.unlink()
        peer_store.follow_journal()
        assert peer_store.journal.tip == before, "what is open can still be told"
        with neighbour(south.path, clock) as lane:
            lane.admit(Scan("GOOD004"))
        assert south.journal == first
        peer_store.look_after_files()
        spans = [Span(origin, 0) for origin in peer_store.own_have()]
        return [one.body for one in peer_store.entries.frame(spans)[0]], bodies(south)


@pytest.mark.parametrize("lost", ["journal.db", "journal-3.db"])
def test_a_journal_that_begins_anew_is_followed(
    south: Folder, clock: FixedClock, lost: str
) -> None:
    """Under the same number or a lower one: it is another file, whatever it is called."""
    read, made = begun_anew(south, clock, lost)
    assert made
    assert read == made


def test_a_journal_that_is_known_by_its_name_is_not_followed(
    south: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: one file is taken for the other."""
    monkeypatch.setattr(own_journal, "file_id", lambda path: (1, 1) if path.exists() else None)
    read, made = begun_anew(south, clock, "journal.db")
    assert read != made
