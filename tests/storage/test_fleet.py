"""The whole venue by what was heard: figures, devices, conflicts and their settling."""

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gate.cli.main import main
from gate.core.entry import Act
from gate.core.entry_codec import MAX_NOTE
from gate.core.history import Conflict
from gate.core.place import Direction, Role
from gate.core.verdict import Scan
from gate.errors import OperatorError, UsageError
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.reports import fleet_report, report
from gate.storage.conflicts import find_conflicts
from gate.storage.connectivity import NOBODY_HEARD
from gate.storage.figures import fleet_figures, used_tickets
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import (
    _OWN_LANE,
    Device,
    alarmed_devices,
    all_devices,
    newest_of_peers_ms,
)
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.peer_store import PeerStore
from gate.storage.sync_status import NOTHING
from gate.text.fleet_words import bounded_time, evidence, excess, last_heard, offset
from tests.conftest import MakeLane
from tests.reports.test_report import ZONE
from tests.support.venue import NOW_MS, TICKETS, FixedClock
from tests.system.neighbours import bodies, carry, enrol, known, neighbour, say

BOSS = Operator("boss", Role.SUPERVISOR)
KIM = Operator("kim", Role.STAFF)


@pytest.fixture
def south(tmp_path: Path, clock: FixedClock) -> Iterator[Lane]:
    """A lane at the south gate that hears nobody."""
    with neighbour(tmp_path / "south", clock) as lane:
        yield lane


def conflicts(folder: Folder) -> list[Conflict]:
    with Fleet(folder) as venue:
        return find_conflicts(venue)


def devices(folder: Folder, lane: Lane) -> list[Device]:
    with Fleet(folder) as venue:
        return all_devices(venue, lane.now_ms(), lane.connectivity())


def both_admit(lane: Lane, south: Lane, code: str = "GOOD001") -> None:
    """Two gates that cannot hear each other, one ticket, two people."""
    south.sign_in(KIM)
    assert south.admit(Scan(code)).is_green
    assert lane.admit(Scan(code)).is_green


def test_nothing_was_heard(lane: Lane, venue: Folder) -> None:
    """Without a file of peers the venue is this lane."""
    lane.admit(Scan("GOOD001"))
    (own,) = devices(venue, lane)
    assert (own.is_own, own.gate, own.figures.admitted) == (True, "North", 1)
    assert conflicts(venue) == []
    with Fleet(venue) as seen:
        assert newest_of_peers_ms(seen) is None
        assert report.venue_overview(venue, seen, NOW_MS) == report.overview(venue)


def test_an_empty_folder_is_an_empty_venue(folder: Folder) -> None:
    """Neither journal, nor peers, nor tickets, and no fault."""
    with Fleet(folder) as seen:
        assert (find_conflicts(seen), used_tickets(seen), alarmed_devices(seen)) == ([], 0, set())
        assert [d.is_own for d in all_devices(seen, NOW_MS, NOBODY_HEARD)] == [True]


def test_what_was_heard_without_an_own_journal(south: Lane, venue: Folder) -> None:
    """A device that only listens sees the venue too."""
    south.admit(Scan("GOOD001"))
    carry(south._folder, venue)
    with Fleet(venue) as seen:
        assert (used_tickets(seen), fleet_figures(seen, NOW_MS).admitted) == (1, 1)
        assert find_conflicts(seen) == []


def test_figures_of_the_whole_venue(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Both journals together, a ticket used at both counted once, an annulled one not at all."""
    for code in ("GOOD001", "GOOD002", "VOID1"):
        lane.admit(Scan(code))
    for code in ("GOOD002", "GOOD003", "GROUP1"):
        south.admit(Scan(code))
    south.next_person(2)
    south.direction = Direction.OUT
    clock.pass_seconds(15)
    south.admit(Scan("GOOD003"))
    carry(south._folder, venue)
    with Fleet(venue) as seen:
        numbers = report.venue_overview(venue, seen, lane.now_ms())
    assert (numbers.issued, numbers.used_tickets) == (len(TICKETS), 4)
    assert (numbers.admitted, numbers.exited, numbers.inside) == (7, 1, 6)
    assert (numbers.refused, numbers.annulled) == (1, 0)
    lines = report.grouped(venue, "gate", ZONE, everywhere=True)
    assert [(x.name, x.admitted, x.exited) for x in lines] == [("North", 2, 0), ("South", 5, 1)]
    rates = report.rates(venue, lane.now_ms(), everywhere=True)
    assert (rates.last_minute, rates.last_quarter, rates.peak_quarter) == (7, 7, 7)


def test_an_annulment_of_what_another_gate_did(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Taken back here by a supervisor, it counts until the other gate has confirmed it."""
    admitted = south.admit(Scan("GOOD001")).entry
    carry(south._folder, venue)
    lane.undo(admitted, supervisor=BOSS, note="wrong guest")
    carry(south._folder, venue)
    peer_store = PeerStore(venue)
    peer_store.follow_journal()
    peer_store.close()
    with Fleet(venue) as seen:
        assert (used_tickets(seen), fleet_figures(seen, NOW_MS).admitted) == (1, 1)
    carry(venue, south._folder)
    south.undo(admitted, supervisor=BOSS, note="so it was")
    carry(south._folder, venue)
    with Fleet(venue) as seen:
        assert (used_tickets(seen), fleet_figures(seen, NOW_MS).admitted) == (0, 0)
    assert report.grouped(venue, "gate", ZONE, everywhere=True)[-1].admitted == 0


def test_two_gates_admit_one_ticket(lane: Lane, south: Lane, venue: Folder) -> None:
    """Both sides' evidence: gate, operator, time with its bound, basis."""
    both_admit(lane, south)
    assert conflicts(venue) == []
    carry(south._folder, venue)
    (found,) = conflicts(venue)
    assert (found.ticket, found.excess, found.resolution) == ("good-1", 1, None)
    assert {e.gate for e in found.admissions} == {"North", "South"}
    (side,) = [e for e in found.admissions if e.gate == "South"]
    assert evidence(side, ZONE) == (
        "South · operator kim · 12:26:40 (clock not compared) · only lane · 1 person"
    )
    assert excess(found) == "1 too many"


def test_what_is_no_conflict(lane: Lane, south: Lane, venue: Folder, clock: FixedClock) -> None:
    """Another use of a pass, the rest of a group, a way back, what was admitted knowingly."""
    for code in ("PASS1", "GROUP1", "GOOD002"):
        south.admit(Scan(code))
        clock.pass_seconds(20)
    south.direction = Direction.OUT
    south.admit(Scan("GOOD002"))
    carry(south._folder, venue)
    clock.pass_seconds(4000)
    lane.admit(Scan("PASS1"))
    lane.admit(Scan("GROUP1"))
    lane.admit(Scan("GOOD002"))
    south.direction = Direction.IN
    south.admit(Scan("GOOD003"))
    carry(south._folder, venue)
    lane.admit(Scan("GOOD003"))
    lane.override(BOSS, "they left their child outside")
    assert conflicts(venue) == []


def test_a_group_too_large_and_a_way_back_twice(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock
) -> None:
    """More uses than were sold, and one person coming back at two gates."""
    south.admit(Scan("GROUP1"))
    south.next_person(3)
    lane.admit(Scan("GROUP1"))
    lane.next_person(2)
    lane.admit(Scan("GOOD005"))
    lane.direction = Direction.OUT
    clock.pass_seconds(20)
    lane.admit(Scan("GOOD005"))
    carry(lane._folder, south._folder)
    lane.direction = Direction.IN
    clock.pass_seconds(20)
    assert lane.admit(Scan("GOOD005")).is_green
    assert south.admit(Scan("GOOD005")).is_green
    carry(south._folder, venue)
    found = {c.ticket: c.excess for c in conflicts(venue)}
    assert found == {"group-1": 2, "good-5": 1}


def test_pages_of_tickets_do_not_hide_a_conflict(
    lane: Lane, south: Lane, venue: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small the pages, every conflict is found, and once."""
    for n in range(20):
        both_admit(lane, south, f"GOOD{n:03d}")
    carry(south._folder, venue)
    for page in (1, 3, 20, 5000):
        monkeypatch.setattr("gate.storage.conflicts.PAGE", page)
        assert len({c.ticket for c in conflicts(venue)}) == len(conflicts(venue)) == 20


def test_an_undo_anywhere_ends_a_conflict(lane: Lane, south: Lane, venue: Folder) -> None:
    """One of the two is taken back: nobody is in twice."""
    both_admit(lane, south)
    carry(south._folder, venue)
    assert len(conflicts(venue)) == 1
    lane.undo()
    assert conflicts(venue) == []


def test_settling_a_conflict(lane: Lane, south: Lane, venue: Folder, clock: FixedClock) -> None:
    """A supervisor's word covers both admissions, travels, and undoes nobody."""
    both_admit(lane, south)
    carry(south._folder, venue)
    with pytest.raises(OperatorError):
        lane.resolve("good-1", KIM, "seen")
    with pytest.raises(UsageError):
        lane.resolve("good-1", BOSS, "  ")
    with pytest.raises(UsageError):
        lane.resolve("good-2", BOSS, "no such conflict")
    with pytest.raises(UsageError, match="too long"):
        lane.resolve("good-1", BOSS, "x" * (MAX_NOTE + 1))
    entry = lane.resolve("good-1", BOSS, "photo of the ticket was sold twice")
    (found,) = conflicts(venue)
    assert found.resolution == entry
    assert (entry.act, entry.operator, entry.ticket) == (Act.RESOLUTION, "boss", "good-1")
    assert set(entry.covers) == {e.name for e in found.admissions}
    assert lane.totals().inside == 1
    carry(venue, south._folder)
    (there,) = conflicts(south._folder)
    assert there.resolution == entry


def test_a_third_admission_opens_a_settled_conflict_again(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """A word covers the admissions it names and no others; open ones come first."""
    both_admit(lane, south, "GOOD000")
    both_admit(lane, south)
    carry(south._folder, venue)
    lane.resolve("good-0", BOSS, "seen")
    lane.resolve("good-1", BOSS, "seen")
    with neighbour(tmp_path / "west", clock, "West") as west:
        west.admit(Scan("GOOD001"))
        carry(west._folder, venue)
    first, last = conflicts(venue)
    assert (first.ticket, first.excess, first.resolution) == ("good-1", 2, None)
    assert (last.ticket, last.resolution is not None) == ("good-0", True)


def test_devices_are_told_apart(lane: Lane, south: Lane, venue: Folder, clock: FixedClock) -> None:
    """Name, gate, lane, last heard, unsent, offset, version, counts and rate, alarm."""
    enrol(venue)
    lane.admit(Scan("GOOD001"))
    south.admit(Scan("GOOD002"))
    south.admit(Scan("VOID1"))
    carry(south._folder, venue)
    id_ = south._folder.device_id()
    say(
        venue, clock,
        known(id_, clock, ago_s=4, name="South 1", gate="South", version="0.2", unacked=3,
              offset_ms=-80, error_ms=9),
        known("dddddddddddddddd", clock, ago_s=None, name="West 1", active=False, state="retired"),
        unacked=7, alarms=(id_,), ahead_ms=5, error_ms=2,
    )  # fmt: skip
    own, other, third = devices(venue, lane)
    assert (own.is_own, own.unacked, own.report.offset_ms, own.figures.lately) == (True, 7, 5, 1)
    assert (other.name, other.state, other.heard_ago_ms, other.unacked) == (
        "South 1", "open", 4000, 3,
    )  # fmt: skip
    assert (other.figures.admitted, other.figures.refused, other.figures.lately) == (1, 1, 1)
    assert (other.has_alarm, own.has_alarm) == (True, False)
    assert offset(other.report.offset_ms, other.report.error_ms) == "-80 ms ±9 ms"
    assert (third.state, last_heard(third, ZONE, NOW_MS)) == ("retired", "never")
    clock.pass_seconds(16 * 60)
    assert [d.figures.lately for d in devices(venue, lane)] == [0, 0, 0]


def test_without_the_workers_word_devices_are_known_by_what_they_did(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock
) -> None:
    """After a reboot without a network: names as the server told, times of their entries."""
    south.admit(Scan("GOOD002"))
    carry(south._folder, venue)
    id_ = south._folder.device_id()
    peer_store = PeerStore(venue)
    peer_store.devices.put(
        {id_: {"device": id_, "name": "South 1", "active": True, "key": "ab"}, "x": ["odd"]}
    )
    peer_store.close()
    assert lane.connectivity().sync_status is NOTHING
    (other,) = [device for device in devices(venue, lane) if device.id == id_]
    assert (other.name, other.state, other.heard_ago_ms) == ("South 1", "open", None)
    assert last_heard(other, ZONE, NOW_MS) == "last entry 12:26"


def test_a_restored_backup_is_this_device_too(
    make_lane: MakeLane, south: Lane, venue: Folder
) -> None:
    """What was pulled back counts as this device's own, and nothing counts twice."""
    first = make_lane()
    first.admit(Scan("GOOD001"))
    first.close()
    lost = bodies(venue)
    peer_store = PeerStore(south._folder)
    peer_store.intake.accept(lost, venue.device_id())
    peer_store.close()
    for path in venue.path.glob("journal.db*"):
        path.unlink()
    lane = make_lane()
    lane.admit(Scan("GOOD002"))
    peer_store = PeerStore(venue)
    peer_store.intake.accept(lost, None)
    peer_store.close()
    (own,) = devices(venue, lane)
    assert (own.is_own, own.figures.admitted) == (True, 2)


@pytest.mark.parametrize(
    ("ahead", "error", "trusted", "told"),
    [
        (500, 30, True, "12:26:40 ±30 ms"),
        (-3000, 2500, True, "12:26:37 ±2.5 s"),
        (None, None, True, "12:26:40 (clock not compared)"),
        (None, None, False, "12:26:40 (clock not trusted)"),
    ],
)
def test_a_time_with_its_bound(
    lane: Lane, venue: Folder, ahead: int | None, error: int | None, trusted: bool, told: str
) -> None:
    """By the server's clock where the two were compared, and never surer than it is."""
    lane.admit(Scan("GOOD001"))
    reader = JournalReader(venue.journal)
    (entry,) = reader.newest(1)
    reader.close()
    entry = replace(entry, server_ahead_ms=ahead, server_error_ms=error, trusted=trusted)
    assert bounded_time(entry, ZONE) == told


def test_the_report_of_the_venue(lane: Lane, south: Lane, venue: Folder, clock: FixedClock) -> None:
    """Table, CSV and JSON say the same, and how old it is."""
    both_admit(lane, south)
    carry(south._folder, venue)
    lane.resolve("good-1", BOSS, "sold twice \x1b[2J")
    seen = fleet_report.look(venue, clock.read(), 10.0)
    table = fleet_report.as_table(seen, ZONE)
    assert "newest entry of another device: 2026-12-23 12:26:40" in table
    assert "inside, at least" in table
    assert "good-1: 1 too many" in table
    assert "settled by boss, 12:26: sold twice \\x1b[2J" in table
    assert "\x1b" not in table
    told = json.loads(fleet_report.as_json(seen))
    assert (told["event"]["admitted"], len(told["devices"])) == (2, 2)
    assert told["conflicts"][0]["resolution"]["operator"] == "boss"
    rows = list(csv.DictReader(io.StringIO(fleet_report.as_csv(seen))))
    id_ = south._folder.device_id()
    assert {"group": "device", "name": id_, "counted": "admitted", "value": "1"} in rows
    assert {"group": "conflict", "name": "good-1", "counted": "excess", "value": "1"} in rows


def test_the_command_tells_of_conflicts_and_clones(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """`gate report --venue` derives alarms from the entries alone, with no worker about."""
    both_admit(lane, south)
    south.close()
    copy = Folder(tmp_path / "clone")
    copy.create()
    for path in south._folder.path.iterdir():
        (copy.path / path.name).write_bytes(path.read_bytes())
    for folder, code in ((south._folder, "GOOD007"), (copy, "GOOD008")):
        with neighbour(folder.path, clock) as again:
            again.admit(Scan(code))
        carry(folder, venue)
    assert main(["report", "--venue", "--data-dir", str(venue.path)]) == 0
    table = capsys.readouterr().out
    assert "conflicts: 1" in table
    assert f"({south._folder.device_id()}): cloned" in table
    assert main(["report", "--venue", "--format", "json", "--data-dir", str(venue.path)]) == 0
    assert json.loads(capsys.readouterr().out)["alarms"] == [south._folder.device_id()]


def test_reading_leaves_no_transaction_open(lane: Lane, south: Lane, venue: Folder) -> None:
    """The writers' log files can be reset between two reads."""
    both_admit(lane, south)
    carry(south._folder, venue)
    with Fleet(venue) as seen:
        find_conflicts(seen)
        all_devices(seen, NOW_MS, NOBODY_HEARD)
        for path in (venue.peers, venue.journal):
            connection = sqlite3.connect(path)
            (busy, _log, _done) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.close()
            assert busy == 0


class TestOwnLane:
    """Whether this device's own lane is open: it knows that itself."""

    def test_its_own_word_is_newer_than_the_servers(
        self, make_lane: MakeLane, lane: Lane, venue: Folder, clock: FixedClock
    ) -> None:
        """Opened or closed, whatever the server heard last or nobody has said."""

        def state(told: bool | None = None) -> str:
            if told is not None:
                say(venue, clock, known(venue.device_id(), clock, active=told))
            (own,) = devices(venue, lane)
            return own.state

        first = make_lane()
        assert state() == ""
        first.open()
        first.admit(Scan("GOOD001"))
        assert state() == "open"
        assert state(told=False) == "open"
        first.close()
        assert state(told=True) == "closed"
        make_lane().open()
        assert state(told=False) == "open"

    @pytest.mark.parametrize("decided", ["retired", "revoked"])
    def test_what_was_decided_about_it_stays(
        self, lane: Lane, venue: Folder, clock: FixedClock, decided: str
    ) -> None:
        """A lane that is open all the same does not hide that it was shut out."""
        lane.open()
        say(venue, clock, known(venue.device_id(), clock, active=False, state=decided))
        (own,) = devices(venue, lane)
        assert own.state == decided

    def test_it_costs_the_same_after_a_long_evening(self, lane: Lane, venue: Folder) -> None:
        """Two entries are looked at, by an index, and not all since the lane opened."""
        lane.open()
        with Fleet(venue) as seen:
            plan = [row[-1] for row in seen.own.rows(f"EXPLAIN QUERY PLAN {_OWN_LANE}")]
        assert plan == ["SCAN entry USING INDEX entry_lane"]
