"""``gate watch``: the venue on a device that opens no lane, and makes no other lane doubt."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.cli.parser import build_parser
from gate.clock import SystemClock
from gate.core import coverage
from gate.core.entry import WATCHES, Act
from gate.core.outcome import Basis
from gate.core.place import Role
from gate.errors import UsageError
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.storage.connectivity import Connectivity, ConnectivityReader
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import all_devices
from gate.storage.folder import Folder
from gate.storage.sync_status import DeviceStatus, SyncStatusReader
from gate.ui.tui.bars import StatusBar
from gate.ui.tui.screens.questions import PinQuestion
from gate.ui.tui.watch import Board, WatchApp
from tests.conftest import MakeLane
from tests.support.lanes import journal_of
from tests.support.screen import BOSS, BOSS_PIN, Screen, make_app, with_operators
from tests.support.venue import FixedClock
from tests.system.lan import Member, Venue
from tests.system.neighbours import enrol, known, say
from tests.system.network import until

NORTH = "5" * 16


def lane_of(member: Member) -> Lane:
    config = member.config()
    return Lane(member.folder, SystemClock(), config.place(), config.house_rules())


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Venue]:
    """Two gates without a server."""
    venue = Venue(tmp_path, 2)
    yield venue
    venue.close()


def basis(member: Member, within_s: float = 10.0) -> Basis:
    return ConnectivityReader(member.folder, within_s).read(SystemClock().read()).coverage.basis


def other_of(member: Member) -> DeviceStatus:
    (lane,) = SyncStatusReader(member.folder).read(SystemClock().read().boot_id).lanes
    return lane


def come_and_go(gates: Venue) -> set[Basis]:
    """What the only lane is worth with a watcher beside it: while it comes, is there and is gone.

    The basis is read as if nobody had been heard any more, too.
    """
    first, second = gates.gates
    first.lane()
    watcher = lane_of(second)
    watcher.watch()
    gates.start()
    until(lambda: other_of(first).watches, 10)
    seen = {basis(first), basis(first, 0)}
    watcher.retire("f" * 16, Operator("boss", Role.SUPERVISOR), "went home")
    watcher.close()
    second.nudge()
    until(lambda: first.held() >= 2)
    seen |= {basis(first)}
    second.stop()
    until(lambda: first.connected() == 0)
    return seen | {basis(first), basis(first, 0)}


def test_no_lane_is_alone_because_of_a_watcher(gates: Venue) -> None:
    """The only lane stays that: while it is heard, and when the laptop was shut and taken home."""
    assert come_and_go(gates) == {Basis.ONLY}
    acts = [(entry.act, entry.flags) for entry in journal_of(gates.gates[1].folder)]
    assert acts == [(Act.LANE_CLOSED, (WATCHES,)), (Act.RETIREMENT, ())]


@pytest.mark.long
def test_mutation_a_watcher_that_may_have_opened_makes_it_alone(
    gates: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were a watcher waited for like any enrolled device, the lane would be alone once it left."""
    real = coverage.may_have_opened

    def waited_for(lane: coverage.OtherLane, opened_boot_ms: int | None) -> bool:
        return lane.watches or real(lane, opened_boot_ms)

    monkeypatch.setattr("gate.storage.connectivity.may_have_opened", waited_for)
    assert Basis.ALONE in come_and_go(gates)


@pytest.mark.long
def test_a_watcher_that_opens_a_lane_is_waited_for(gates: Venue) -> None:
    """It says so itself; from then on it counts like any other, also after it has closed."""
    first, second = gates.gates
    first.lane()
    watcher = lane_of(second)
    watcher.watch()
    watcher.close()
    gates.start()
    until(lambda: other_of(first).watches, 10)
    second.lane()
    until(lambda: other_of(first).active)
    assert not other_of(first).watches
    second.close_lane()
    until(lambda: not other_of(first).active)
    assert not other_of(first).watches


def test_it_says_so_once_and_of_an_open_lane_that_it_is_closed(
    venue: Folder, clock: FixedClock, make_lane: MakeLane
) -> None:
    """However often it is started; the lane of one that died is closed by it."""
    lane = make_lane()
    lane.open()
    lane.watch()
    lane.watch()
    lane.close()
    assert [entry.act for entry in journal_of(venue)] == [Act.LANE_OPENED, Act.LANE_CLOSED]
    with Fleet(venue) as fleet:
        (own,) = all_devices(fleet, clock.wall_ms, connectivity_of(venue, clock))
    assert own.state == "watches"


def connectivity_of(folder: Folder, clock: FixedClock) -> Connectivity:
    return ConnectivityReader(folder).read(clock.read())


def test_a_device_of_no_venue_has_nothing_to_watch(venue: Folder) -> None:
    """It is told what to do first."""
    options = build_parser().parse_args(["watch", "--data-dir", str(venue.path)])
    with pytest.raises(UsageError, match="belongs to no venue"):
        options.command(options)


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
@pytest.mark.long
async def test_the_board_is_all_there_is(
    venue: Folder, clock: FixedClock, size: tuple[int, int]
) -> None:
    """Escape does not end it, Ctrl+Q does; a supervisor retires a gate from it."""
    with_operators(venue)
    enrol(venue)
    say(venue, clock, known(NORTH, clock, name="North"))
    scanning = make_app(venue, clock)
    scanning.lane.close()
    lane = Lane(venue, clock, scanning.lane.place, scanning.lane.rules)
    lane.watch()
    app = WatchApp(lane, scanning.config, venue)
    try:
        async with app.run_test(size=size) as pilot:
            screen = Screen(app, pilot)
            await pilot.pause()
            assert isinstance(app.screen, Board)
            await screen.press("escape")
            assert isinstance(app.screen, Board)
            assert "WATCHES" in str(app.screen.query_one(StatusBar).content)
            await screen.until(lambda: app.screen.query_one("#device-table").row_count == 2)  # type: ignore[attr-defined]
            await screen.press("2", "down", "r")
            assert isinstance(app.screen, PinQuestion)
            await screen.answer(BOSS, BOSS_PIN, "went home")
            await screen.until(lambda: journal_of(venue)[-1].act is Act.RETIREMENT)
            app.announce("Heard again: North")
            await screen.until(lambda: len(app._notifications) > 0)
            await screen.press("ctrl+q")
            await screen.until(lambda: app.return_code == 0)
    finally:
        lane.close()
    assert Act.ADMISSION not in {entry.act for entry in journal_of(venue)}
