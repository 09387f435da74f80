"""Files of the data folder that rot: nothing wrong is said, and what can be had again is."""

import os
import random
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from gate.cli.sync_report import as_text, status
from gate.config import Config
from gate.core import entry_codec
from gate.core.entry import Act
from gate.core.outcome import Basis, Outcome, Reason
from gate.core.replication import DIGITS, Tip
from gate.core.verdict import Scan, Verdict
from gate.credential import parse
from gate.errors import DamagedError, StoreError
from gate.lane.lane import Lane
from gate.reports.checks.finding import Status
from gate.reports.doctor import Check, examine
from gate.storage import checksums, code_look_up, damage, peers, replica_reader
from gate.storage.audit import audit_journal
from gate.storage.bundle import write_bundle, write_salvaged
from gate.storage.bundle_import import import_bundle
from gate.storage.code_look_up import CodeLookUp
from gate.storage.folder import Folder
from gate.storage.histories import read_history
from gate.storage.journal_reader import JournalReader
from gate.storage.mending import mend
from gate.storage.peer_store import PeerStore
from gate.storage.replica_file import live_replica
from gate.storage.sqlite import open_writer
from gate.storage.ticket_feed import TicketFeed, check_replica
from gate.storage.ticket_filling import erase_ticket
from gate.storage.tickets import Tickets
from tests.conftest import MakeLane
from tests.support.central import Maker
from tests.support.venue import TICKETS, FixedClock, fill

FLIPS = int(os.environ.get("GATE_TEST_FLIPS", "100"))
CODES = [
    *(str(row["code"]) for row in TICKETS),
    "OLD1", "M1QR DATA", "good003", "NOBODYS1", "\u00a0vip1",
]  # fmt: skip


def answers(folder: Folder, codes: Iterable[str] = CODES) -> dict[str, object]:
    """What the replica says of each code: a ticket, nobody's, or that it is damaged."""
    found: dict[str, object] = {}
    with closing(Tickets(folder)) as replica:
        for code in codes:
            try:
                found[code] = replica.codes.match(code).tickets
            except StoreError as fault:
                found[code] = fault
    return found


def flipped(venue: Folder, into: Path, chance: random.Random, near: bytes = b"") -> Folder:
    """The venue with one bit of its ticket file another one; within 300 bytes of some if named."""
    live = live_replica(venue)
    content = bytearray(live.read_bytes())
    first, last = 0, len(content)
    if near:
        first = content.index(near)
        last = first + 300
    bit = chance.randrange(first * 8, last * 8)
    content[bit // 8] ^= 1 << bit % 8
    folder = Folder(into)
    shutil.rmtree(into, ignore_errors=True)
    folder.create()
    (into / live.name).write_bytes(content)
    folder.pointer.write_text(live.name)
    return folder


def wrong_after_flips(
    venue: Folder, into: Path, flips: int = FLIPS, near: bytes = b""
) -> Counter[str]:
    """Of so many flips, how often something wrong was said, and how often that it is damaged."""
    true, found = answers(venue), Counter[str]()
    for seed in range(flips):
        told = answers(flipped(venue, into, random.Random(seed), near))
        kinds = set()
        for code, said in told.items():
            if isinstance(said, StoreError):
                kinds.add("held")
            elif said != true[code]:
                kinds.add("unknown" if not said else "another")
        found.update(kinds)
    return found


def test_no_flipped_bit_says_anything_wrong(venue: Folder, tmp_path: Path) -> None:
    """No silent unknown, no other ticket, none made good; some hold, and most change nothing."""
    found = wrong_after_flips(venue, tmp_path / "flipped")
    assert set(found) == {"held"}, found
    assert found["held"] < FLIPS


def test_the_same_flips_show_where_rows_are_not_checked(
    venue: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled ticket's row says something else, and is believed."""
    flips, near = 60, b"revoked"
    assert set(wrong_after_flips(venue, tmp_path / "flipped", flips, near)) == {"held"}
    for module in (code_look_up, replica_reader):
        monkeypatch.setattr(module, "require", lambda *_row: None)
    assert wrong_after_flips(venue, tmp_path / "flipped", flips, near)["another"]


@pytest.mark.long
def test_the_same_flips_show_where_an_unknown_is_believed(
    venue: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Codes that are not found where a page of the table or of its root is rotten."""
    monkeypatch.setattr(CodeLookUp, "_require_unknown", lambda _self: None)
    assert wrong_after_flips(venue, tmp_path / "flipped", 250)["unknown"]


def test_pages_that_are_cut_or_empty_hold(venue: Folder, tmp_path: Path) -> None:
    """Whichever page of the file is nothing but zeros, or the first that is missing."""
    true, live = answers(venue), live_replica(venue)
    content = live.read_bytes()
    pages = range(0, len(content), 4096)
    for start in pages:
        for rotten in (
            content[:start],
            content[:start] + bytes(4096) + content[start + 4096 :],
        ):
            folder = Folder(tmp_path / "cut")
            folder.create()
            (folder.path / live.name).write_bytes(rotten)
            folder.pointer.write_text(live.name)
            for code, said in answers(folder).items():
                assert isinstance(said, StoreError) or said == true[code], (start, code, said)


def test_two_things_broken_are_found_too(venue: Folder) -> None:
    """A code that is gone from its table and whose block is rotten is not called unknown."""
    hashed = hash_of(venue, "GOOD003")
    with closing(open_writer(live_replica(venue), "NORMAL")) as connection:
        connection.execute("DELETE FROM code WHERE hash = ?", (hashed,))
        connection.execute(
            "UPDATE code_block SET tails = zeroblob(length(tails)) WHERE bucket = ?",
            (int.from_bytes(hashed[:2]),),
        )
    said = answers(venue, ["GOOD003"])["GOOD003"]
    assert isinstance(said, StoreError)


def hash_of(folder: Folder, code: str) -> bytes:
    with closing(Tickets(folder)) as replica:
        return replica.codes.hash_of(parse(code).code)


def test_blocks_grow_with_the_codes(folder: Folder) -> None:
    """Codes added one by one make the blocks that all of them at once make."""
    fill(folder)
    with closing(open_writer(live_replica(folder), "NORMAL")) as connection:
        at_once = blocks(connection)
        hashes = [row[0] for row in connection.execute("SELECT hash FROM code")]
        connection.execute("DELETE FROM code_block")
        random.Random(1).shuffle(hashes)
        for hashed in hashes:
            checksums.add_codes(connection, [hashed])
        checksums.add_codes(connection, hashes)
        assert blocks(connection) == at_once
        assert all(checksums.names_code(connection, hashed) for hashed in hashes)
        assert not checksums.names_code(connection, bytes(16))


def blocks(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT * FROM code_block ORDER BY bucket").fetchall()


def scanned(make_lane: MakeLane, guests: Iterable[int]) -> Lane:
    """A lane on which these guests went in."""
    lane = make_lane()
    lane.open()
    for guest in guests:
        assert lane.admit(Scan(f"GOOD{guest:03d}")).is_green
    return lane


def rot(path: Path, pattern: bytes) -> None:
    """Another byte wherever the pattern stands in a file or its log."""
    for part in (path, Path(f"{path}-wal")):
        if part.exists():
            content = part.read_bytes()
            with part.open("r+b") as file:
                for match in re.finditer(re.escape(pattern), content):
                    file.seek(match.start())
                    file.write(b"\x00")


def test_a_journal_without_its_name_goes_on_in_another(venue: Folder, make_lane: MakeLane) -> None:
    """Deleted under the lane: one scan holds, nothing is lost, and nobody goes in twice."""
    lane = scanned(make_lane, range(5))
    before = admitted_in(venue)
    venue.journal.unlink()
    assert lane.admit(Scan("GOOD010")).outcome is Outcome.HOLD
    assert venue.journal.name == "journal-2.db"
    assert lane.admit(Scan("GOOD010")).basis is Basis.ONLY
    assert lane.admit(Scan("GOOD003", deliberate=True)).reason is Reason.ALREADY_USED
    assert admitted_in(venue)[: len(before)] == before
    lane.close()
    audit = audit_journal(venue.journal)
    assert (audit.findings, audit.origins) == ([], 2)
    assert damage.unmended(venue, damage.JOURNAL) is None


def admitted_in(folder: Folder) -> list[str]:
    with closing(JournalReader(folder.journal)) as reader:
        return [entry.ticket for _row, entry in reader.page() if entry.ticket]


@pytest.mark.parametrize("guest", [1, 4])
def test_a_lost_entry_makes_the_lane_unsure(venue: Folder, make_lane: MakeLane, guest: int) -> None:
    """Whole ones count on, those after it too; of the lost one nobody knows, so nothing is sure."""
    scanned(make_lane, range(5)).close()
    rot(venue.journal, f'"ticket":"good-{guest}"'.encode())
    lane = make_lane()
    lane.open()
    while venue.journal.name == "journal.db":
        lane.idle()  # the lane reads a part of it each time
    sure = lane.admit(Scan("GOOD012"))
    assert (sure.is_green, sure.basis) == (True, Basis.ALONE)
    assert lane.connectivity().coverage.basis is Basis.ALONE
    for known in {0, 1, 2, 3, 4} - {guest}:
        assert lane.admit(Scan(f"GOOD{known:03d}", deliberate=True)).reason is Reason.ALREADY_USED
    found = damage.read(venue, damage.JOURNAL)
    assert found is not None
    assert found.mended_ms
    assert found.lost == 1
    lane.close()
    assert audit_journal(venue.journal).findings == []


def test_a_journal_is_looked_over_while_the_lane_is_idle(
    venue: Folder, make_lane: MakeLane
) -> None:
    """Rot in a page that no scan reads is found; what the lane has in memory is not lost."""
    lane = scanned(make_lane, range(3))
    for n in range(200):
        lane.admit(Scan(f"NOBODYS-{n}"))
    lane.idle()
    rot(venue.journal, b'"ticket":"good-1"')
    lane.idle()
    assert venue.journal.name == "journal-2.db"
    assert lane.admit(Scan("GOOD001", deliberate=True)).reason is Reason.ALREADY_USED
    found = damage.read(venue, damage.JOURNAL)
    assert found is not None
    assert found.lost == 0
    lane.close()
    assert audit_journal(venue.journal).findings == []


def test_an_entry_that_is_kept_under_another_name_is_found(
    venue: Folder, make_lane: MakeLane
) -> None:
    """Its body is what was hashed, and the column beside it is not what that says."""
    lane = scanned(make_lane, range(3))
    lane.idle()
    with closing(sqlite3.connect(venue.journal)) as connection, connection:
        connection.execute("UPDATE entry SET origin = 'x' || substr(origin, 2) WHERE id = 2")
    lane.idle()
    assert venue.journal.name == "journal-2.db"
    lane.close()
    assert audit_journal(venue.journal).findings == []


@pytest.mark.examples(2)
@pytest.mark.parametrize("seed", range(8))
def test_a_journal_is_damaged_again_and_again(
    venue: Folder, make_lane: MakeLane, seed: int
) -> None:
    """What was lost before is still told as lost: every file that goes on verifies."""
    chance = random.Random(seed)
    admitted: set[int] = set()
    for round_ in range(4):
        first = 5 * round_
        for guests in ({first, first + 1}, {first + 2, first + 3}):
            lane = scanned(make_lane, guests)
            admitted |= guests
            lane.close()
        damage_some(venue.journal, chance)
        lane = make_lane()
        lane.open()
        for _idle in range(8):
            lane.idle()
        assert lane.admit(Scan(f"GOOD{first + 4:03d}")).is_green
        admitted.add(first + 4)
        lane.close()
        assert audit_journal(venue.journal).findings == []
    lane = make_lane()
    lane.open()
    lost = {f"good-{n}" for n in admitted} - set(admitted_in(venue)) - waiting_in(venue)
    assert not lost or lane.connectivity().coverage.basis is Basis.ALONE
    for n in admitted:
        if f"good-{n}" not in lost:
            assert lane.admit(Scan(f"GOOD{n:03d}", deliberate=True)).reason is Reason.ALREADY_USED


def damage_some(journal: Path, chance: random.Random) -> None:
    """Entries that are no longer what was hashed, or half a file."""
    how = chance.randrange(3)
    content = journal.read_bytes()
    if how == 0:
        with journal.open("r+b") as file:
            file.truncate(chance.randrange(len(content) // 2, len(content)))
        return
    places = [match.start() for match in re.finditer(rb'"act":"', content)]
    for at in chance.sample(places, min(len(places), how * 2)):
        with journal.open("r+b") as file:
            file.seek(at)
            file.write(b"\x00")


def waiting_in(folder: Folder) -> set[str]:
    """Tickets of whole entries that follow a lost one."""
    with closing(sqlite3.connect(folder.journal)) as connection:
        return {ticket for (ticket,) in connection.execute("SELECT ticket FROM orphan")}


def test_whole_entries_leave_a_journal_that_sqlite_cannot_open(
    venue: Folder, make_lane: MakeLane, tmp_path: Path
) -> None:
    """Its first page is gone: every entry comes into the bundle, which another device takes in."""
    scanned(make_lane, range(5)).close()
    with closing(JournalReader(venue.journal)) as reader:
        held = {body for _row, body in reader.bodies()}
    with venue.journal.open("r+b") as file:
        file.write(os.urandom(4096))
    bundle = tmp_path / "north.bundle"
    assert write_salvaged(venue, bundle, "North") == len(held)
    other = Folder(tmp_path / "other")
    brought = import_bundle(other, bundle)
    assert (brought.new, brought.waiting) == (len(held), 0)


def test_salvaged_entries_after_a_lost_one_wait_for_it(
    venue: Folder, make_lane: MakeLane, tmp_path: Path
) -> None:
    """What precedes it is taken in at once, the rest once somebody has told the lost one."""
    scanned(make_lane, range(5)).close()
    whole, salvaged = tmp_path / "whole.bundle", tmp_path / "salvaged.bundle"
    count = write_bundle(venue, whole, "North")
    rot(venue.journal, b'"ticket":"good-2"')
    assert write_salvaged(venue, salvaged, "North") == count - 1
    other = Folder(tmp_path / "other")
    first = import_bundle(other, salvaged)
    assert (first.new, first.waiting) == (3, count - 4)
    import_bundle(other, whole)
    assert import_bundle(other, salvaged).waiting == 0


def test_what_was_damaged_is_told_in_words(
    venue: Folder, make_lane: MakeLane, clock: FixedClock
) -> None:
    """In the doctor and in ``sync status``: what it was, and what has become of it."""
    assert check_of(venue, clock).status is Status.OK
    fault = DamagedError("tickets-x.db is damaged: \x1b[31m", "", venue.path / "tickets-x.db")
    damage.found(venue, damage.TICKETS, fault, "aa:7:")
    found = check_of(venue, clock)
    assert (found.status, "being fetched again" in found.detail) == (Status.FAIL, True)
    assert "\x1b" not in found.detail
    damage.mended(venue, damage.TICKETS)
    assert "a new one goes on" in check_of(venue, clock).detail
    (told,) = status(venue)["damaged"]
    assert (told["file"], told["is_mended"], told["lost"]) == ("tickets-x.db", True, 0)
    lines = as_text({**status(venue), "server": "http://x"})
    assert "damaged" in lines
    assert "\x1b" not in lines


def check_of(folder: Folder, clock: FixedClock) -> Check:
    config = Config()
    return next(c for c in examine(config, folder, clock, camera=False) if c.name == "damage")


def test_an_older_list_is_not_used_in_place_of_a_damaged_one(
    venue: Folder, make_lane: MakeLane
) -> None:
    """Until the feed is where the damaged one was: a ticket that was cancelled since stays so."""
    with closing(Tickets(venue)) as replica:
        replica.refresh()
        epoch, seq, id_ = replica.replica.cursor.split(":")
    gone = DamagedError("x", "", venue.path / "tickets-00-1.db")
    damage.found(venue, damage.TICKETS, gone, f"{epoch}:{int(seq) + 1}:{id_}")
    lane = make_lane()
    held = lane.admit(Scan("GOOD001"))
    assert (held.outcome, "fetched again" in held.hint) == (Outcome.HOLD, True)
    damage.mended(venue, damage.TICKETS)
    lane._do(lane._files.tickets.close)
    assert lane.admit(Scan("GOOD001")).is_green


def rotten_past(venue: Folder, make_lane: MakeLane, rot: str = "DELETE FROM state") -> Verdict:
    """What a lane says of a ticket whose history at the others is gone from its table."""
    maker = Maker(incarnation="ab")
    with closing(PeerStore(venue)) as peer_store:
        body = maker.make(ticket="good-1", uses=1, persons=1)
        peer_store.intake.accept([body], None, [maker.head()], lambda _head: True)
    with closing(sqlite3.connect(venue.peers)) as connection:
        connection.execute(rot)
        connection.commit()
    return make_lane().admit(Scan("GOOD001"))


@pytest.mark.parametrize("rot", ["DELETE FROM state", "DELETE FROM entry"])
def test_a_history_is_looked_at_twice(venue: Folder, make_lane: MakeLane, rot: str) -> None:
    """Where what counts uses or the entries say nothing, and the others do, nobody is let in."""
    held = rotten_past(venue, make_lane, rot)
    assert (held.outcome, held.reason) == (Outcome.HOLD, Reason.FAULT)
    told = damage.unmended(venue, damage.PEERS)
    assert told is not None
    assert told.file == "peers.db"


def test_a_history_that_is_looked_at_once_lets_two_in(
    venue: Folder, make_lane: MakeLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: the entries are not asked."""
    monkeypatch.setattr(peers, "read_sound_history", read_history)
    assert rotten_past(venue, make_lane).is_green


def test_a_damaged_peer_store_is_made_anew_from_what_is_whole(venue: Folder) -> None:
    """Entries, tips and heads are in the next file; a fault of another file is nobody's to mend."""
    maker = Maker(incarnation="ab")
    with closing(PeerStore(venue)) as peer_store:
        peer_store.intake.accept(maker.run(40), None, [maker.head()], lambda _head: True)
        have = peer_store.have()
    old = venue.peers
    assert mend(venue, DamagedError("rot", "", old))
    assert (old.exists(), venue.peers.name) == (True, "peers-2.db")
    with closing(PeerStore(venue)) as peer_store:
        assert peer_store.have() == have
        assert peer_store.signed_tips.of("0000000000000000.ab", 1, 99)
    assert not mend(venue, DamagedError("rot", "", venue.journal))
    assert not mend(venue, DamagedError("the server said nonsense"))


def test_a_signed_tip_that_rot_has_emptied_is_left_out(venue: Folder) -> None:
    """The others are taken; the worker does not end for good by one that is none."""
    maker = Maker(incarnation="ab")
    with closing(PeerStore(venue)) as peer_store:
        peer_store.intake.accept(maker.run(40), None, [maker.head()], lambda _head: True)
    with closing(sqlite3.connect(venue.peers, isolation_level=None)) as rotten:
        rotten.executescript(
            "CREATE TABLE kept AS SELECT * FROM signed_tip; DROP TABLE signed_tip; "
            "ALTER TABLE kept RENAME TO signed_tip; "
            "INSERT INTO signed_tip VALUES (NULL, 1, 'ab', 'cd'), ('x', 'y', x'00', NULL)"
        )
    assert mend(venue, DamagedError("rot", "", venue.peers))
    with closing(PeerStore(venue)) as peer_store:
        assert len(peer_store.signed_tips.of("0000000000000000.ab", 1, 99)) == 1


@pytest.mark.parametrize("act", ["lane_opened", "admission"])
def test_an_entry_that_is_no_json_is_damage(venue: Folder, act: str) -> None:
    """Whoever opens the peer store meets it, and it is mended: the worker does not end for good."""
    maker = Maker(incarnation="ab")
    with closing(PeerStore(venue)) as peer_store:
        bodies = [maker.make(act=Act.LANE_OPENED), *maker.run(3)]
        peer_store.intake.accept(bodies, None, [maker.head()], lambda _head: True)
    rot(venue.peers, f'"act":"{act}"'.encode())
    with pytest.raises(DamagedError) as found, closing(PeerStore(venue)) as peer_store:
        peer_store.file.checkpoint()
        peer_store.devices.look_again()
    assert mend(venue, found.value)
    PeerStore(venue).close()


def test_a_peer_store_is_looked_over_in_idle_moments(venue: Folder) -> None:
    """Rot in a page that the worker has in memory is found before the next start meets it."""
    maker = Maker(incarnation="ab")
    with closing(PeerStore(venue)) as peer_store:
        peer_store.intake.accept(maker.run(40), None, [maker.head()], lambda _head: True)
        peer_store.file.checkpoint()
        content = venue.peers.read_bytes()
        at = content.index(b'"act":"admission"')
        with venue.peers.open("r+b") as file:
            file.seek(at + 1)
            file.write(b"A")
        with pytest.raises(DamagedError):
            peer_store.file.checkpoint()


def held_beyond_its_journal(venue: Folder, make_lane: MakeLane) -> list[bytes]:
    """A gate's journal is put back to an earlier hour, and others tell what came after."""
    lane = scanned(make_lane, range(4))
    lane.idle()
    kept = venue.path.with_name("kept.db")
    with closing(sqlite3.connect(venue.journal)) as now, closing(sqlite3.connect(kept)) as copy:
        now.backup(copy)
    for guest in range(4, 9):
        lane.admit(Scan(f"GOOD{guest:03d}"))
    lane.close()
    with closing(JournalReader(venue.journal)) as reader:
        bodies = [body.encode() for _row, body in reader.bodies()]
    for part in venue.path.glob("journal*"):
        part.unlink()
    kept.rename(venue.journal)
    with closing(PeerStore(venue)) as peer_store:
        peer_store.intake.accept(bodies, None)
        peer_store.look_after_files()
        assert peer_store.have() == {bodies_origin(bodies): {tip_of(bodies)}}
    return bodies


def bodies_origin(bodies: list[bytes]) -> str:
    return entry_codec.decode(bodies[-1]).origin


def tip_of(bodies: list[bytes]) -> Tip:
    newest = entry_codec.decode(bodies[-1])
    return Tip(newest.seq, entry_codec.digest(bodies[-1]).hex()[:DIGITS])


def test_what_came_back_does_not_hide_what_the_journal_lost(
    venue: Folder, make_lane: MakeLane
) -> None:
    """An old backup, then rot: the end that others told of is not told as held, and comes again."""
    bodies = held_beyond_its_journal(venue, make_lane)
    rot(venue.journal, b'"ticket":"good-1"')
    lane = make_lane()
    lane.open()
    while venue.journal.name == "journal.db":
        lane.idle()
    lane.close()
    with closing(PeerStore(venue)) as peer_store, pytest.raises(DamagedError) as torn:
        peer_store.look_after_files()
    assert mend(venue, torn.value)
    with closing(PeerStore(venue)) as peer_store:
        peer_store.look_after_files()
        (own,) = peer_store.have()[bodies_origin(bodies)]
        assert own.seq == 2
        peer_store.intake.accept(bodies[own.seq :], None)
        peer_store.look_after_files()
        assert peer_store.have()[bodies_origin(bodies)] == {tip_of(bodies)}
    lane = make_lane()
    for guest in range(9):
        again = lane.admit(Scan(f"GOOD{guest:03d}", deliberate=True))
        assert again.reason is Reason.ALREADY_USED


def test_codes_that_are_dropped_are_unknown(venue: Folder) -> None:
    """Of a ticket that was erased: its code is nobody's, and not taken for a rotten page."""
    with closing(open_writer(live_replica(venue), "NORMAL")) as connection:
        erase_ticket(connection, "good-3", '{"id":"good-3","type_id":"SHOW"}')
    said = answers(venue, ["GOOD003", "GOOD004"])
    assert said["GOOD003"] == ()
    assert said["GOOD004"]


def spoil_schema(live: Path) -> None:
    """Make a word of it no text: SQLite quotes that in its complaint, which then is none either."""
    with closing(sqlite3.connect(live)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = live.read_bytes()
    at = content.index(b"CREATE TABLE ticket ") + len("CREATE TAB")
    live.write_bytes(content[:at] + b"\xc2" + content[at + 1 :])


def test_a_schema_that_is_no_text_is_damage(venue: Folder) -> None:
    """No fault of another kind, whoever opens the file."""
    spoil_schema(live_replica(venue))
    with pytest.raises(DamagedError):
        check_replica(live_replica(venue))
    with closing(Tickets(venue)) as tickets, pytest.raises(DamagedError):
        tickets.get("t1")


def test_what_the_next_start_would_meet_is_found_in_idle_moments(venue: Folder) -> None:
    """The worker has the file open, and its pages in memory: it looks with a fresh connection."""
    with closing(TicketFeed(venue)) as feed:
        feed.position()
        content = live_replica(venue).read_bytes()
        at = content.index(b"CREATE TABLE ticket ")
        with live_replica(venue).open("r+b") as file:
            file.seek(at)
            file.write(b"CREATE TUBLE")
        feed.position()
        assert damage.unmended(venue, damage.TICKETS) is None
        feed.checkpoint()
        assert damage.unmended(venue, damage.TICKETS) is not None


@pytest.mark.parametrize("byte", [18, 19, 47])
def test_a_journal_of_a_format_that_there_is_not_goes_on_in_another(
    venue: Folder, make_lane: MakeLane, byte: int
) -> None:
    """It is neither a full disk nor a file of a newer program."""
    scanned(make_lane, range(5)).close()
    with venue.journal.open("r+b") as file:
        file.seek(byte)
        file.write(b"\x09")
    lane = make_lane()
    lane.open()
    assert venue.journal.name == "journal-2.db"
    assert lane.admit(Scan("GOOD003", deliberate=True)).reason is Reason.ALREADY_USED
    assert lane.admit(Scan("GOOD010")).is_green
