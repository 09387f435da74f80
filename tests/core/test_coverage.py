"""What a verdict is worth: who was heard, how lately, and what follows for it."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gate.config import load
from gate.core import hlc
from gate.core.coverage import Coverage, Hysteresis, OtherLane, coverage, may_have_opened
from gate.core.entry import Entry
from gate.core.outcome import Basis, Flag, Outcome, Reason
from gate.core.place import HouseRules, Policy
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.reports.checks import network
from gate.reports.checks.finding import Status
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.peer_store import PeerStore
from gate.storage.peers import PeerStoreReader
from gate.storage.ticket_feed import TicketFeed
from gate.text.connectivity_words import basis_words
from gate.text.lane_words import unheard_at
from gate.text.verdict_line import verdict_line
from sync.session.watermarks import Watermarks
from sync.worker.device_directory import DeviceDirectory
from tests.conftest import MakeLane
from tests.reports.test_report import ZONE
from tests.support.venue import FixedClock
from tests.system.neighbours import carry, enrol, known, neighbour, say

OTHER = "ffffffffffffffff"
THIRD = "eeeeeeeeeeeeeeee"
WITHIN_MS = 10_000


def newest(folder: Folder) -> Entry:
    reader = JournalReader(folder.journal)
    (entry,) = reader.newest(1)
    reader.close()
    return entry


def lane_of(
    *, central: int | None = None, lan: int | None = None, active: bool = True
) -> OtherLane:
    """One that was heard, of which all is held up to that moment."""
    return OtherLane(
        OTHER, "South", active, central, lan, central_held_boot_ms=central, lan_held_boot_ms=lan
    )


@pytest.mark.parametrize(
    ("others", "basis", "unheard"),
    [
        ([], Basis.ONLY, 0),
        ([lane_of(active=False)], Basis.ONLY, 0),
        ([lane_of(central=90_000)], Basis.CENTRAL, 0),
        ([lane_of(central=89_999)], Basis.ALONE, 1),
        ([lane_of(lan=90_000)], Basis.LAN, 0),
        ([lane_of(central=90_000, lan=90_000)], Basis.CENTRAL, 0),
        ([lane_of(central=90_000), lane_of(lan=90_000)], Basis.CENTRAL, 0),
        ([lane_of(central=100_000), lane_of()], Basis.ALONE, 1),
        ([lane_of(central=1), lane_of(lan=2)], Basis.ALONE, 2),
    ],
)
def test_coverage_of_the_lanes_at_work(others: list[OtherLane], basis: Basis, unheard: int) -> None:
    """Every active lane must have been heard within the time, by whatever path."""
    found = coverage(others, 100_000, WITHIN_MS)
    assert (found.basis, len(found.unheard)) == (basis, unheard)


def test_a_device_that_is_not_enrolled_is_the_only_lane(lane: Lane, venue: Folder) -> None:
    """As before there were servers: nothing to hear, nothing to miss."""
    assert lane.admit(Scan("GOOD001")).basis is Basis.ONLY
    assert newest(venue).basis is Basis.ONLY
    assert lane.connectivity().is_enrolled is False


def test_a_lane_that_hears_all_others_is_sure(lane: Lane, venue: Folder, clock: FixedClock) -> None:
    """The basis stands in the verdict, in the entry, and beside it how the clock stood."""
    say(venue, clock, known(OTHER, clock), ahead_ms=-40, error_ms=7)
    assert lane.admit(Scan("GOOD001")).basis is Basis.CENTRAL
    entry = newest(venue)
    assert (entry.basis, entry.server_ahead_ms, entry.server_error_ms) == (Basis.CENTRAL, -40, 7)


def test_before_the_offset_was_measured_entries_say_none(lane: Lane, venue: Folder) -> None:
    """An unknown offset is unknown, never 0."""
    lane.admit(Scan("GOOD001"))
    entry = newest(venue)
    assert (entry.server_ahead_ms, entry.server_error_ms) == (None, None)


def test_a_lane_that_goes_unheard_is_told_of_by_name(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Admitted and flagged, and the line says who is unheard since when."""
    say(venue, clock, known(OTHER, clock))
    clock.pass_seconds(10)
    assert lane.admit(Scan("GOOD001")).basis is Basis.CENTRAL
    clock.pass_seconds(60)
    verdict = lane.admit(Scan("GOOD002"))
    assert (verdict.outcome, verdict.basis) == (Outcome.ADMIT, Basis.ALONE)
    assert Flag.ALONE in verdict.flags
    assert newest(venue).basis is Basis.ALONE
    told = unheard_at(lane, verdict, ZONE)
    assert told == "South unheard since 12:26"
    assert f"alone: {told}" in verdict_line(verdict, lane.place, ZONE, unheard=told)


def test_many_unheard_lanes_are_counted_and_escaped(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Three are named, without anything that moves a cursor; of the rest the number is told."""
    names = ["\x1b[2J", "B", "C", "D", "E"]
    say(venue, clock, *(known(f"{n:016x}", clock, ago_s=None, name=x) for n, x in enumerate(names)))
    told = unheard_at(lane, lane.admit(Scan("GOOD001")), ZONE)
    assert told == "\\x1b[2J never heard, B never heard, C never heard, 2 more"


@pytest.mark.parametrize(
    ("lanes", "silent_s", "server_s", "basis"),
    [
        ([{}], 0, 0, Basis.CENTRAL),
        ([{}], 11, 0, Basis.ALONE),
        ([{"active": False}], 0, 0, Basis.ONLY),
        ([{"active": False}], 11, 0, Basis.ALONE),
        ([{"active": False}], 0, 11, Basis.ALONE),
        ([{"active": False, "state": "retired"}], 11, 0, Basis.ONLY),
        ([], 11, 0, Basis.ONLY),
    ],
    ids=["heard", "worker silent", "closed", "closed, worker silent", "closed, server silent",
         "retired", "nobody ever"],
)  # fmt: skip
def test_silence_is_no_certainty(
    lane: Lane,
    venue: Folder,
    clock: FixedClock,
    lanes: list[dict[str, Any]],
    silent_s: int,
    server_s: int,
    basis: Basis,
) -> None:
    """A closed lane may have opened since the server was last heard; a retired one may not."""
    enrol(venue)
    say(venue, clock, *(known(OTHER, clock, **one) for one in lanes), ago_s=server_s)
    clock.pass_seconds(silent_s)
    assert lane.admit(Scan("GOOD001")).basis is basis


def test_an_enrolled_device_without_any_word_is_alone(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """No worker, another boot's word, a broken word: each is no word at all."""
    enrol(venue)
    assert lane.admit(Scan("GOOD001")).basis is Basis.ALONE
    say(venue, clock, known(OTHER, clock), boot_id="another")
    assert lane.admit(Scan("GOOD002")).basis is Basis.ALONE
    venue.sync_status.write_bytes(b'{"boot_id": 7')
    assert lane.admit(Scan("GOOD003")).basis is Basis.ALONE
    say(venue, clock, known(OTHER, clock))
    assert lane.admit(Scan("GOOD004")).basis is Basis.ALONE
    clock.pass_seconds(3)
    say(venue, clock, known(OTHER, clock))
    assert lane.admit(Scan("GOOD005")).basis is Basis.CENTRAL


def test_what_is_looked_at_between_scans_settles_too(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """A lane that scans once an hour is not called alone for an hour after a loose cable."""
    enrol(venue)
    assert lane.admit(Scan("GOOD001")).basis is Basis.ALONE
    for _ in range(2):
        say(venue, clock, known(OTHER, clock))
        lane.connectivity()
        clock.pass_seconds(3)
    say(venue, clock, known(OTHER, clock))
    lane.connectivity()
    assert lane.admit(Scan("GOOD002")).basis is Basis.CENTRAL


def test_worse_is_told_at_once_and_better_when_it_has_lasted() -> None:
    """A loose cable does not make the screen flicker, and never makes it say too much."""
    alone, lan, central = Coverage(Basis.ALONE), Coverage(Basis.LAN), Coverage(Basis.CENTRAL)
    hysteresis = Hysteresis(3000)
    seen = [
        (0, lan, lan), (100, alone, alone), (200, lan, alone), (3100, central, alone),
        (3150, alone, alone), (3200, lan, alone), (6100, lan, alone), (6200, central, central),
        (6300, lan, lan), (6400, lan, lan),
    ]  # fmt: skip
    for at_ms, found, shown in seen:
        assert hysteresis.settle(found, at_ms) == shown, at_ms


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [(Policy.HOLD, Outcome.HOLD), (Policy.REFUSE, Outcome.REFUSE), (Policy.ADMIT, Outcome.ADMIT)],
)
def test_the_policy_for_being_alone(
    make_lane: MakeLane, venue: Folder, policy: Policy, outcome: Outcome
) -> None:
    """The venue decides what an unheard lane costs."""
    enrol(venue)
    verdict = make_lane(rules=HouseRules(alone=policy)).admit(Scan("GOOD001"))
    assert (verdict.outcome, verdict.flags) == (outcome, ())


def test_every_entry_is_later_than_anything_heard(
    lane: Lane, venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """Also of other tickets, and also when it is heard while the lane is open."""
    lane.open()
    clock.jump_seconds(30)
    with neighbour(tmp_path / "south", clock) as other:
        other.admit(Scan("GOOD009"))
        clock.jump_seconds(-30)
        carry(other._folder, venue)
        heard = newest(other._folder).hlc
        lane.admit(Scan("GOOD001"))
        assert newest(venue).hlc > heard
        clock.jump_seconds(30)
        other.admit(Scan("GOOD008"))
        clock.jump_seconds(-30)
        carry(other._folder, venue)
        lane.open()
        assert newest(venue).hlc > newest(other._folder).hlc


def test_without_what_was_heard_an_entry_comes_too_early(
    lane: Lane, venue: Folder, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation of the test before: a lane that merges nothing is behind what it has heard."""
    monkeypatch.setattr(PeerStoreReader, "greatest_hlc", lambda _peers, _now_ms: 0)
    clock.jump_seconds(30)
    with neighbour(tmp_path / "south", clock) as other:
        other.admit(Scan("GOOD009"))
        clock.jump_seconds(-30)
        carry(other._folder, venue)
        lane.admit(Scan("GOOD001"))
        assert newest(venue).hlc < newest(other._folder).hlc


def test_a_clock_too_far_ahead_is_not_followed_until_time_has_caught_up(
    lane: Lane, venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """One wrong clock must not drag the venue into the future."""
    clock.jump_seconds(90)
    with neighbour(tmp_path / "south", clock) as other:
        other.admit(Scan("GOOD009"))
        clock.jump_seconds(-90)
        carry(other._folder, venue)
        heard = newest(other._folder).hlc
        lane.admit(Scan("GOOD001"))
        assert newest(venue).hlc < heard
        clock.pass_seconds(40)
        lane.admit(Scan("GOOD002"))
        assert newest(venue).hlc > heard


def test_a_lane_that_believes_every_clock_is_caught(
    lane: Lane, venue: Folder, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation of the test before: what others' newest entries say is merged without a limit."""
    monkeypatch.setattr(hlc, "MAX_AHEAD_MS", 2**40)
    with pytest.raises(AssertionError):
        test_a_clock_too_far_ahead_is_not_followed_until_time_has_caught_up(
            lane, venue, clock, tmp_path
        )


@pytest.mark.parametrize("half", ["empty", "no tables"])
def test_a_half_made_file_of_peers_holds_nobody_up(lane: Lane, venue: Folder, half: str) -> None:
    """While the sync worker is making it, nothing has been heard yet."""
    venue.peers.touch()
    connection = sqlite3.connect(venue.peers)
    if half == "no tables":
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE begun (name)")
        connection.commit()
    assert lane.admit(Scan("GOOD001")).is_green
    connection.close()
    PeerStore(venue).close()
    assert lane.admit(Scan("GOOD002")).is_green
    peers = PeerStoreReader(venue)
    assert (peers.history("good-1"), peers.facts("good-1"), peers.device(OTHER)) == (None, [], None)
    peers.close()


def test_what_is_heard_while_open_counts_at_the_next_scan(
    lane: Lane, venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """The file appears, grows, and is believed without opening anything again."""
    with neighbour(tmp_path / "south", clock) as other:
        assert lane.admit(Scan("GOOD001")).is_green
        other.admit(Scan("GOOD002"))
        carry(other._folder, venue)
        assert lane.admit(Scan("GOOD002")).reason is Reason.ALREADY_USED
        other.admit(Scan("GOOD003"))
        carry(other._folder, venue)
        assert lane.admit(Scan("GOOD003")).reason is Reason.ALREADY_USED


def test_damaged_peers_hold_the_scan_but_not_the_closing(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Law 4 for a verdict, whose past cannot be read; the lane's own events go on."""
    lane.admit(Scan("GOOD001"))
    venue.peers.write_bytes(b"\x00garbage\xff" * 3000)
    assert lane.admit(Scan("GOOD002")).outcome is Outcome.HOLD
    lane.close()
    assert newest(venue).act == "lane_closed"


@pytest.mark.parametrize(
    ("word", "status", "told"),
    [
        (None, Status.WARN, "central not heard yet"),
        ({}, Status.OK, "central 0.0 s ago, 0 unsent"),
        ({"ago_s": 3600, "unacked": 9}, Status.WARN, "central unheard since 11:26, 9 unsent"),
        ({"boot_ms": 1}, Status.WARN, "central 0.0 s ago"),
        ({"quarantined": 2}, Status.WARN, "2 entries refused and kept"),
        ({"alarms": (OTHER,)}, Status.FAIL, OTHER),
        ({"floods": (OTHER,)}, Status.FAIL, "tells far more than others do: " + OTHER),
        ({"is_full": True}, Status.FAIL, "the disk is full: nothing of others is taken in"),
    ],
)
def test_the_doctor_on_the_server(
    venue: Folder, clock: FixedClock, word: dict[str, object] | None, status: Status, told: str
) -> None:
    """Unheard is a warning, a clone is a failure; without a server there is nothing to say."""
    config = load(None, {}, [])
    assert network.server(config, venue, clock).status is Status.SKIP
    enrol(venue)
    if word is not None:
        say(venue, clock, **word)  # type: ignore[arg-type]
    found = network.server(config, venue, clock)
    assert found.status is status
    assert told in found.detail


def test_the_doctor_on_the_other_devices(
    lane: Lane, venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """How many are heard of, and what waits for a supervisor."""
    assert network.other_devices(venue).status is Status.SKIP
    lane.admit(Scan("GOOD001"))
    with neighbour(tmp_path / "south", clock) as other:
        other.admit(Scan("GOOD001"))
        carry(other._folder, venue)
    found = network.other_devices(venue)
    assert (found.status, found.detail.partition(", log")[0]) == (
        Status.WARN, "1 heard of, 1 open conflicts",
    )  # fmt: skip


def told_by_worker(folder: Folder, clock: FixedClock) -> None:
    """Be the sync worker of a venue without a server, with what the folder really holds."""
    peer_store, feed = PeerStore(folder), TicketFeed(folder)
    peer_store.follow_journal()
    others = DeviceDirectory(peer_store, feed, Watermarks(peer_store.entries.lacking))
    reading = clock.read()
    opened = peer_store.journal.opened_boot_ms(reading.boot_id)
    say(
        folder, clock, *others.lanes(None), server="", server_boot_ms=None, knows_members=True,
        opened_boot_ms=opened,
    )  # fmt: skip
    peer_store.close()
    feed.close()


@pytest.mark.parametrize("is_restarted", [False, True])
def test_the_last_open_lane_is_the_only_one_when_the_other_was_closed(
    make_lane: MakeLane, venue: Folder, clock: FixedClock, tmp_path: Path, is_restarted: bool
) -> None:
    """As long as it works, and after a restart: whoever closed beside it takes it to be open."""
    enrol(venue)
    lane = make_lane()
    lane.open()
    clock.pass_seconds(5)
    with neighbour(tmp_path / "south", clock) as south:
        south.open()
    carry(south._folder, venue)
    if is_restarted:
        clock.pass_seconds(5)
        lane.close()
        clock.pass_seconds(5)
        lane = make_lane()
        lane.open()
    for _hour in range(3):
        clock.pass_seconds(3600)
        told_by_worker(venue, clock)
        assert lane.connectivity().coverage.basis in (Basis.ALONE, Basis.ONLY)
        clock.pass_seconds(4)
        assert lane.connectivity().coverage == Coverage(Basis.ONLY)
    assert lane.admit(Scan("GOOD001")).basis is Basis.ONLY


def test_of_two_lanes_in_the_dark_one_knows_that_it_is_alone(
    make_lane: MakeLane, venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """North closed first, then South; both open again without hearing each other."""
    enrol(venue)
    with neighbour(tmp_path / "south", clock) as south:
        folder = south._folder
        enrol(folder)
        south.open()
        clock.pass_seconds(1)
        carry(folder, venue)
        north = make_lane()
        north.open()
        clock.pass_seconds(1)
        north.close()
        carry(venue, folder)
        clock.pass_seconds(1)
    carry(folder, venue)
    clock.pass_seconds(3600)
    with neighbour(tmp_path / "south", clock) as south:
        again = make_lane()
        for one in (again, south):
            one.open()
            told_by_worker(one._folder, clock)
            one.connectivity()
        clock.pass_seconds(4)
        bases = [one.connectivity().coverage.basis for one in (again, south)]
    assert bases == [Basis.ALONE, Basis.ONLY]


@pytest.mark.parametrize(
    ("heard_ms", "knows_us", "may"),
    [(None, False, True), (49_999, False, True), (50_000, False, False), (None, True, False)],
)
def test_who_was_heard_since_we_opened_or_closed_beside_us_takes_us_to_be_open(
    heard_ms: int | None, knows_us: bool, may: bool
) -> None:
    """Of all others that are closed nobody knows whether they have opened since."""
    lane = OtherLane(OTHER, lan_boot_ms=heard_ms, knows_us=knows_us)
    assert may_have_opened(lane, 50_000) is may
    assert may_have_opened(lane, None) is not knows_us


@pytest.mark.parametrize(
    ("knows_members", "state", "basis"),
    [
        (False, "retired", Basis.ALONE),
        (True, "retired", Basis.ONLY),
        (True, "enrolled", Basis.ALONE),
    ],
)
def test_when_all_others_are_retired_a_venue_without_a_server_has_one_lane(
    lane: Lane, venue: Folder, clock: FixedClock, knows_members: bool, state: str, basis: Basis
) -> None:
    """Nobody is waited for; only who does not know who belongs to the venue cannot say so."""
    enrol(venue)
    other = known(OTHER, clock, ago_s=None, active=False, state=state)
    say(venue, clock, other, server="", server_boot_ms=None, knows_members=knows_members)
    assert lane.connectivity().coverage.basis is basis


def test_what_is_sure_tells_how_old_it_is_rounded_up(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """In the verdict's line, in the entry, and shorter in a bar; only what is sure has one."""
    say(venue, clock, known(OTHER, clock, ago_s=0.61))
    verdict = lane.admit(Scan("GOOD001"))
    assert (verdict.basis_age_ms, newest(venue).basis_age_ms) == (610, 610)
    assert "sure: server, 0.7 s" in verdict_line(verdict, lane.place, ZONE)
    assert basis_words(Basis.LAN, 400, is_brief=True) == "sure: 0.4 s"
    assert basis_words(Basis.LAN, 0) == "sure: all gates, 0.1 s"
    assert basis_words(Basis.ALONE, 400) == "alone"


@pytest.mark.parametrize(
    ("more", "told"),
    [({"behind": 1200}, "South: 1200 behind"), ({}, "South: catching up")],
)
def test_who_is_heard_and_not_caught_up_with_is_told(
    lane: Lane, venue: Folder, clock: FixedClock, more: dict[str, object], told: str
) -> None:
    """Heard this moment, and nothing is sure all the same."""
    say(venue, clock, known(OTHER, clock, central_boot_ms=clock.boot_ms, ago_s=None, **more))
    verdict = lane.admit(Scan("GOOD001"))
    assert verdict.basis is Basis.ALONE
    assert unheard_at(lane, verdict, ZONE) == told
