"""Rotating codes at the lane: live ones pass, pictures do not, no clock refuses by its error."""

import shutil
from pathlib import Path

import pytest

from gate.core.clock_error import TIME_SERVER_ERROR_MS, WATCH_ERROR_MS, Measured, Source
from gate.core.code_formats import CodeFormats
from gate.core.entry import Act
from gate.core.history import conflict
from gate.core.outcome import Flag, Outcome, Reason
from gate.core.place import Direction, HouseRules, Policy
from gate.core.verdict import Scan
from gate.credential.repair import Flaw, Kind
from gate.credential.rotating import Pattern, current
from gate.lane.files import LaneFiles
from gate.lane.lane import Lane
from gate.storage import sync_status
from gate.storage.folder import Folder
from gate.storage.sync_status import SyncStatus
from tests.conftest import MakeLane
from tests.support.lanes import BOSS, decided, journal_of, typed, write_peer_entries
from tests.support.signing import code as signed_code
from tests.support.signing import event_key, give_keys
from tests.support.venue import NOW_MS, FixedClock, fill
from tests.system.neighbours import enrol, say

LIVE = Pattern("{code}-{totp_timestamp_seconds}-{totp_value_0}")
BARE = Pattern("{code}*{totp_value_0}", 30_000, 8)
KEY, OTHER = b"12345678901234567890", b"09876543210987654321"
IN = (Outcome.ADMIT, Reason.ADMITTED)
PICTURE = (Outcome.REFUSE, Reason.STALE_CODE)
AGAIN = (Outcome.REFUSE, Reason.REPLAYED_CODE)


@pytest.fixture
def venue(venue: Folder) -> Folder:
    """The venue with tickets whose codes rotate, with and without their time."""
    live = {"rotating": LIVE.text}
    bare = {"rotating": BARE.text, "rotating_period_ms": 30_000, "rotating_digits": 8}
    kind = {"kind": "meeting", "time_zone": "Asia/Shanghai"}
    fill(
        venue,
        [
            {"id": "LIVE", **kind, **live},
            {"id": "BARE", **kind, **bare},
            {"id": "SEASON", **kind, **live, "use_limit": 10},
            *(
                {"code": f"{name}-{n}", "type": name, "id": f"{name.lower()}-{n}",
                 "rotating_keys": KEY.hex()}
                for name in ("LIVE", "BARE", "SEASON") for n in range(4)
            ),
            {"code": "PAPER-1", "type": "LIVE", "id": "paper-1"},
        ],
    )  # fmt: skip
    return venue


def code(text: str, at_ms: int, pattern: Pattern = LIVE, key: bytes = KEY) -> str:
    """What a phone shows at a moment."""
    return current(pattern, text, [key], at_ms).text


def measured(folder: Folder, clock: FixedClock, ahead_s: float = 0, error_ms: int = 50) -> None:
    """The server has told the time: so far ahead of the gate's clock."""
    zero_ms = clock.wall_ms - clock.boot_ms + int(ahead_s * 1000)
    clocks = (Measured(Source.SERVER, zero_ms, error_ms, clock.boot_ms),)
    sync_status.write(
        folder, SyncStatus(boot_id=clock.boot_id, boot_ms=clock.boot_ms, clocks=clocks)
    )


@pytest.mark.parametrize("pattern", [LIVE, BARE])
def test_a_live_code_finds_its_ticket_and_lets_in(
    lane: Lane, venue: Folder, clock: FixedClock, pattern: Pattern
) -> None:
    """By any source; the entry has the moment of the code, and nothing of the code itself."""
    name = "LIVE" if pattern is LIVE else "BARE"
    shown = current(pattern, f"{name}-0", [KEY], clock.wall_ms)
    assert decided(lane, shown.text) == IN
    (entry,) = journal_of(venue)
    assert (entry.ticket, entry.code_ms) == (f"{name.lower()}-0", shown.begin_ms)
    assert not entry.code
    assert typed(lane, code(f"{name}-1", clock.wall_ms, pattern)) == IN


@pytest.mark.parametrize("pattern", [LIVE, BARE])
def test_a_picture_of_an_hour_ago_is_refused(
    lane: Lane, clock: FixedClock, pattern: Pattern
) -> None:
    """And the live code after it lets in: nothing was spent."""
    name = "LIVE-0" if pattern is LIVE else "BARE-0"
    picture = code(name, clock.wall_ms, pattern)
    clock.pass_seconds(3600)
    assert decided(lane, picture) == PICTURE
    assert decided(lane, code(name, clock.wall_ms, pattern)) == IN


def test_an_address_around_a_live_code(make_lane: MakeLane, clock: FixedClock) -> None:
    """As the event's pattern has it; the moving part counts there as everywhere."""
    formats = CodeFormats(urls=("https://tickets.example/t/{code}",))
    lane = make_lane(rules=HouseRules(formats=formats))
    shown = code("LIVE-0", clock.wall_ms)
    assert decided(lane, f"https://elsewhere.example/t/{shown}")[1] is Reason.UNKNOWN
    picture = code("LIVE-0", clock.wall_ms - 3_600_000)
    assert decided(lane, f"https://tickets.example/t/{picture}") == PICTURE
    assert decided(lane, f"https://tickets.example/t/{shown}?utm=1") == IN


def test_a_code_in_the_list_is_its_own_ticket(venue: Folder, lane: Lane, clock: FixedClock) -> None:
    """Even if it looks like another ticket's code and value: the text as it stands comes first."""
    long = code("BARE-1", clock.wall_ms - 60_000, BARE, key=OTHER)
    fill(venue, [{"id": "LONG", "kind": "meeting"}, {"code": long, "type": "LONG", "id": "long"}])
    verdict = lane.admit(Scan(long))
    assert (verdict.outcome, verdict.ticket and verdict.ticket.id) == (Outcome.ADMIT, "long")


def test_a_scanner_that_is_known_to_type_wrongly(lane: Lane, clock: FixedClock) -> None:
    """What is established of it is undone of live codes too, and a picture stays one."""
    lane.scanner_tested("keyboard", (Flaw(Kind.CASE, "swap"),))
    picture = code("LIVE-0", clock.wall_ms - 3_600_000).swapcase()
    assert typed(lane, picture) == PICTURE
    assert typed(lane, code("LIVE-0", clock.wall_ms).swapcase()) == IN


@pytest.mark.parametrize("listed", [True, False])
def test_what_is_signed_does_not_move(
    venue: Folder, make_lane: MakeLane, clock: FixedClock, listed: bool
) -> None:
    """A signed code of a type whose codes rotate is a static one, whether or not it is listed."""
    give_keys(venue, event_key())
    enrol(venue)
    say(venue, clock, ago_s=600)
    shown = signed_code("live-0" if listed else "new-0", "LIVE")
    assert decided(make_lane(), shown) == (Outcome.REFUSE, Reason.STATIC_CODE)
    lane = make_lane(rules=HouseRules(static_codes=Policy.FLAG))
    verdict = lane.admit(Scan(shown))
    assert verdict.outcome is Outcome.ATTENTION
    assert Flag.STATIC_CODE in verdict.flags


def test_a_clock_before_1970_is_no_fault(make_lane: MakeLane, clock: FixedClock) -> None:
    """A machine that has lost its time finds no value, and says that it does not know the time."""
    shown = code("BARE-0", clock.wall_ms, BARE)
    clock.wall_ms = -60_000
    assert decided(make_lane(), shown) == (Outcome.ATTENTION, Reason.CLOCK_NOT_TRUSTED)


def test_a_ticket_without_a_key_is_as_any_other(lane: Lane) -> None:
    """Its type rotates, and it was printed."""
    assert decided(lane, "PAPER-1") == IN


def test_the_part_that_does_not_move_is_the_events_decision(make_lane: MakeLane) -> None:
    """Refused unless the event says otherwise, and flagged wherever it lets in."""
    assert decided(make_lane(), "LIVE-0") == (Outcome.REFUSE, Reason.STATIC_CODE)
    lane = make_lane(rules=HouseRules(static_codes=Policy.ADMIT))
    verdict = lane.admit(Scan("LIVE-0"))
    assert (verdict.outcome, verdict.flags) == (Outcome.ADMIT, (Flag.STATIC_CODE,))


def test_another_key_and_another_ticket_are_wrong(lane: Lane, clock: FixedClock) -> None:
    """A value is good for one ticket, and unknown stays unknown."""
    wrong = (Outcome.REFUSE, Reason.WRONG_CODE)
    assert decided(lane, code("LIVE-0", clock.wall_ms, key=OTHER)) == wrong
    moved = code("LIVE-0", clock.wall_ms).replace("LIVE-0", "NOBODY-0")
    assert decided(lane, moved) == (Outcome.REFUSE, Reason.UNKNOWN)


def test_an_older_code_is_refused_after_a_newer_one(lane: Lane, clock: FixedClock) -> None:
    """Of a pass that may come again: what was shown before is not shown again."""
    older = code("SEASON-0", clock.wall_ms - 15_000)
    assert decided(lane, code("SEASON-0", clock.wall_ms)) == IN
    clock.pass_seconds(11)
    assert decided(lane, older) == AGAIN


def test_mutation_an_older_code_passes_where_no_history_is_read(
    make_lane: MakeLane, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if nobody remembered which was the newest."""
    monkeypatch.setattr(LaneFiles, "newest_code_ms", lambda *_any: None)
    lane = make_lane(rules=HouseRules(pass_back=Policy.ADMIT))
    older = code("SEASON-0", clock.wall_ms - 15_000)
    assert decided(lane, code("SEASON-0", clock.wall_ms)) == IN
    clock.pass_seconds(11)
    assert decided(lane, older)[0] in (Outcome.ADMIT, Outcome.ATTENTION)


def test_what_another_lane_let_in_is_newer_here_too(
    make_lane: MakeLane, venue: Folder, clock: FixedClock
) -> None:
    """With history no lane takes an older code, by whatever gate the newer one went in."""
    first = make_lane(rules=HouseRules(pass_back=Policy.ADMIT))
    assert decided(first, code("SEASON-0", clock.wall_ms)) == IN
    (entry,) = journal_of(venue)
    first.close()
    venue.journal.unlink()
    write_peer_entries(venue, [entry])
    clock.pass_seconds(11)
    second = make_lane(rules=HouseRules(pass_back=Policy.ADMIT))
    assert decided(second, code("SEASON-0", clock.wall_ms - 26_000)) == AGAIN


def test_two_lanes_that_are_cut_off_from_each_other(
    make_lane: MakeLane, venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """A picture that is sent on at once gets in at both, and is a conflict; later at none."""
    other = Folder(tmp_path / "other")
    shutil.copytree(venue.path, other.path)
    here, there = make_lane(), make_lane(folder=other)
    live = code("LIVE-0", clock.wall_ms)
    assert decided(here, live) == decided(there, live) == IN
    made = [*journal_of(venue), *journal_of(other)]
    found = conflict(made, use_limit=1, party_size=1)
    assert found is not None
    assert (found.excess, len({one.code_ms for one in found.admissions})) == (1, 1)
    clock.pass_seconds(1000)
    later = code("LIVE-1", clock.wall_ms - 990_000)
    assert decided(here, later) == decided(there, later) == PICTURE
    assert decided(here, live) == PICTURE


def test_the_phones_clock_or_ours_is_off(lane: Lane, clock: FixedClock) -> None:
    """A little late or from ahead is looked at, and never turned away."""
    off = (Outcome.ATTENTION, Reason.CODE_CLOCK)
    assert decided(lane, code("LIVE-0", clock.wall_ms - 60_000)) == off
    assert decided(lane, code("LIVE-1", clock.wall_ms + 60_000)) == off
    assert decided(lane, code("LIVE-2", clock.wall_ms + 3_600_000)) == off


def test_a_clock_that_is_not_trusted_refuses_no_code(
    make_lane: MakeLane, clock: FixedClock
) -> None:
    """Hours behind, with nobody to ask: the guest comes in, and somebody looks."""
    true_ms = clock.wall_ms
    clock.jump_seconds(-3 * 3600)
    lane = make_lane()
    look = (Outcome.ATTENTION, Reason.CLOCK_NOT_TRUSTED)
    assert decided(lane, code("LIVE-0", true_ms)) == look
    assert decided(lane, code("BARE-0", true_ms, BARE)) == look
    assert decided(lane, code("LIVE-1", true_ms, key=OTHER))[1] is Reason.WRONG_CODE


def test_the_servers_time_counts_where_the_gates_own_is_wrong(
    make_lane: MakeLane, venue: Folder, clock: FixedClock
) -> None:
    """Three hours behind and told so: live codes pass, pictures are refused, times count."""
    true_ms = clock.wall_ms
    clock.jump_seconds(-3 * 3600)
    measured(venue, clock, ahead_s=3 * 3600)
    lane = make_lane()
    assert decided(lane, code("LIVE-0", true_ms)) == IN
    assert decided(lane, code("BARE-0", true_ms, BARE)) == IN
    assert decided(lane, code("LIVE-1", true_ms - 3_600_000)) == PICTURE
    assert decided(lane, "EARLY1") == (Outcome.REFUSE, Reason.TOO_EARLY)
    assert lane.admit(Scan("EARLY1")).at_ms == true_ms


def test_the_servers_word_lasts_by_the_boot_clock(
    make_lane: MakeLane, venue: Folder, clock: FixedClock
) -> None:
    """Hours after the server was last heard, and although somebody has set the machine's clock."""
    measured(venue, clock)
    lane = make_lane()
    assert decided(lane, code("LIVE-0", clock.wall_ms)) == IN
    true_ms = clock.wall_ms + 7_200_000
    clock.pass_seconds(7200)
    clock.jump_seconds(-3600)
    sync_status.write(venue, SyncStatus(boot_id=clock.boot_id, boot_ms=clock.boot_ms))
    known, at_ms = lane.true_time()
    assert known is not None
    assert (known.at_ms, at_ms) == (true_ms, true_ms - 3_600_000)
    assert 1000 < known.error_ms < 2000
    assert decided(lane, code("LIVE-1", true_ms)) == IN
    assert decided(lane, code("LIVE-2", true_ms - 3_600_000)) == PICTURE


def test_other_gates_are_not_believed_where_the_time_was_lost(
    make_lane: MakeLane, venue: Folder, clock: FixedClock
) -> None:
    """Five machines without a battery agree on the day of their last shutdown."""
    clock.jump_seconds(-3 * 3600)
    zero_ms = clock.wall_ms - clock.boot_ms
    clocks = (Measured(Source.PEERS, zero_ms, 5, clock.boot_ms),)
    sync_status.write(
        venue, SyncStatus(boot_id=clock.boot_id, boot_ms=clock.boot_ms, clocks=clocks)
    )
    lane = make_lane()
    assert decided(lane, "EARLY1") == (Outcome.ATTENTION, Reason.CLOCK_NOT_TRUSTED)
    assert lane.true_time()[0] is None


def test_a_watch_bounds_the_clock_by_a_minute(make_lane: MakeLane, clock: FixedClock) -> None:
    """What a supervisor sets is read to the minute; a time server is believed to the second."""
    lane = make_lane()
    lane.set_clock(NOW_MS, BOSS)
    known, _at_ms = lane.true_time()
    assert known is not None
    assert (known.sources, known.error_ms) == ((Source.WATCH,), WATCH_ERROR_MS)
    clock.synchronised = True
    clock.pass_seconds(20)
    known, _at_ms = lane.true_time()
    assert known is not None
    assert known.error_ms == TIME_SERVER_ERROR_MS


def test_the_next_person_goes_by_the_code_that_was_read(
    make_lane: MakeLane, venue: Folder, clock: FixedClock
) -> None:
    """Three minutes later by key, the code is no picture; one that was a picture stays one."""
    fill(
        venue,
        [
            {"id": "TEAM", "kind": "meeting", "time_zone": "UTC", "rotating": LIVE.text,
             "use_limit": 3, "party_size": 3},
            {"code": "TEAM-0", "type": "TEAM", "id": "team-0", "rotating_keys": KEY.hex()},
        ],
    )  # fmt: skip
    lane = make_lane()
    picture = code("TEAM-0", clock.wall_ms - 3_600_000)
    assert decided(lane, picture) == PICTURE
    clock.pass_seconds(5)
    assert lane.next_person(1).reason is Reason.STALE_CODE
    assert decided(lane, code("TEAM-0", clock.wall_ms)) == IN
    clock.pass_seconds(180)
    assert lane.next_person(1).outcome is Outcome.ADMIT


def test_whoever_leaves_is_not_kept_in_by_a_picture(
    make_lane: MakeLane, venue: Folder, clock: FixedClock
) -> None:
    """It is written into the entry."""
    lane = make_lane()
    assert decided(lane, code("LIVE-0", clock.wall_ms)) == IN
    lane.direction = Direction.OUT
    clock.pass_seconds(3600)
    assert decided(lane, code("LIVE-0", clock.wall_ms - 1_000_000)) == (Outcome.EXIT, Reason.EXITED)
    last = journal_of(venue)[-1]
    assert (last.act, last.flags) == (Act.EXIT, ("stale_code",))


def test_the_key_is_not_on_the_disk(venue: Folder) -> None:
    """Neither as it is nor as it is written: only with the code can it be opened."""
    for path in venue.path.glob("tickets*"):
        held = path.read_bytes()
        assert KEY not in held
        assert KEY.hex().encode() not in held
