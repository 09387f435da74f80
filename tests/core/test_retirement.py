"""Retiring a device at a gate: by whom, for how long, and who hears of it."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from textual.widgets import DataTable, Static

from gate.core import hlc, retirement
from gate.core.entry import Act, Entry
from gate.core.hlc import COUNTER_BITS, MAX_AHEAD_MS
from gate.core.outcome import Basis
from gate.core.place import Role
from gate.core.retirement import newest, stands
from gate.core.verdict import Scan
from gate.errors import OperatorError, UsageError
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import all_devices
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from gate.storage.ticket_feed import TicketFeed
from gate.text.fleet_words import retired
from sync.session.watermarks import Watermarks
from sync.worker.device_directory import DeviceDirectory
from tests.conftest import MakeLane
from tests.reports.test_report import ZONE
from tests.support.screen import BOSS as BOSS_NAME
from tests.support.screen import BOSS_PIN, with_operators
from tests.support.venue import NOW_MS, FixedClock
from tests.system.lan import Venue as LanVenue
from tests.system.neighbours import carry, enrol, neighbour, say
from tests.system.network import until
from tests.system.test_lan_venue import on_screen

BOSS = Operator("Kim", Role.SUPERVISOR)
DEVICE = "ffffffffffffffff"
HLC = NOW_MS << COUNTER_BITS


def entry(act: Act, hlc: int, origin: str = "aaaaaaaaaaaaaaaa.1", seq: int = 1) -> Entry:
    return Entry(origin, seq, "", act, NOW_MS, 1, HLC + hlc)


def word(act: Act, hlc: int, **more: object) -> Entry:
    return replace(entry(act, hlc), target=DEVICE, **more)  # type: ignore[arg-type]


def did(hlc: int, seq: int = 5) -> Entry:
    return entry(Act.ADMISSION, hlc, f"{DEVICE}.1", seq)


RETIRED = word(Act.RETIREMENT, 10)
FROM_THE_FUTURE = word(Act.RETIREMENT, (MAX_AHEAD_MS + 1) << COUNTER_BITS)


@pytest.mark.parametrize(
    ("words", "tips", "is_retired"),
    [
        ([], [], False),
        ([RETIRED], [], True),
        ([RETIRED], [did(9)], True),
        ([RETIRED], [did(11)], False),
        ([word(Act.RETIREMENT, 10, covers=(f"{DEVICE}.1:5",))], [did(99)], True),
        ([word(Act.RETIREMENT, 10, covers=(f"{DEVICE}.1:4",))], [did(99)], False),
        ([word(Act.RETIREMENT, 10, covers=("x:9", "x", f"{DEVICE}.1:²"))], [did(99)], False),
        ([RETIRED, word(Act.REINSTATEMENT, 11)], [], False),
        ([word(Act.REINSTATEMENT, 11), RETIRED], [], False),
        ([word(Act.REINSTATEMENT, 9), RETIRED], [], True),
        ([replace(RETIRED, origin=f"{DEVICE}.1")], [], False),
        ([FROM_THE_FUTURE], [], False),
    ],
    ids=["nobody", "retired", "told late", "at work since", "a fast clock", "a fast clock, since",
         "nonsense", "taken back", "in any order", "once more", "by itself", "from the future"],
)  # fmt: skip
def test_who_is_retired(words: list[Entry], tips: list[Entry], is_retired: bool) -> None:
    """By the newest word, unless the device did something afterwards."""
    found = newest(words).get(DEVICE)
    assert stands(found, tips, NOW_MS) is is_retired


def test_a_word_from_the_future_would_retire_a_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation of the test before: every clock is believed."""
    monkeypatch.setattr(hlc, "MAX_AHEAD_MS", 2**40)
    with pytest.raises(AssertionError):
        test_who_is_retired([FROM_THE_FUTURE], [], is_retired=False)


def told_by_worker(folder: Folder, clock: FixedClock) -> None:
    """Be the sync worker of a venue without a server, with what the folder really holds."""
    peer_store, feed = PeerStore(folder), TicketFeed(folder)
    peer_store.follow_journal()
    lanes = DeviceDirectory(peer_store, feed, Watermarks(peer_store.entries.lacking)).lanes(
        None, clock.read().wall_ms
    )
    say(folder, clock, *lanes, server="", server_boot_ms=None, knows_members=True)
    peer_store.close()
    feed.close()


def test_a_retired_lane_is_waited_for_nowhere(
    make_lane: MakeLane, venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """South went home with its lane open: all others hear who said so, and it can be taken back."""
    enrol(venue)
    here = make_lane()
    here.open()
    with neighbour(tmp_path / "south", clock) as south, neighbour(tmp_path / "west", clock) as west:
        gone, third = south._folder, west._folder
        enrol(third)
        south.open()
        west.open()
        carry(gone, venue)
        carry(gone, third)

        def are_active() -> list[bool]:
            for _n in range(2):
                clock.pass_seconds(5)
                carry(venue, third)
                found = []
                for lane, folder in ((here, venue), (west, third)):
                    told_by_worker(folder, clock)
                    connectivity = lane.connectivity()
                    mine = [
                        one
                        for one in connectivity.sync_status.lanes
                        if one.device == gone.device_id()
                    ]
                    assert len(mine) == 1
                    found.append(mine[0].active)
            return found

        assert are_active() == [True, True]
        here.retire(gone.device_id(), BOSS, "went home")
        assert are_active() == [False, False]
        with Fleet(third) as seen:
            (device,) = [
                one
                for one in all_devices(seen, clock.read().wall_ms, west.connectivity())
                if one.id == gone.device_id()
            ]
        assert device.state == "retired"
        assert retired(device, ZONE).startswith("retired by Kim at ")
        assert retired(device, ZONE).endswith(": went home")
        here.retire(gone.device_id(), BOSS, "no, it is there", back=True)
        assert are_active() == [True, True]
        here.retire(gone.device_id(), BOSS, "gone now")
        assert are_active() == [False, False]
        clock.pass_seconds(1)
        south.admit(Scan("GOOD001"))
        carry(gone, venue)
        carry(gone, third)
        assert are_active() == [True, True]


def test_without_the_rule_a_lane_at_work_could_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: where nothing is later, a device at work stays retired."""
    monkeypatch.setattr(retirement, "is_later", lambda _made, _word: False)
    assert stands(RETIRED, [did(11)], NOW_MS)


def test_retiring_takes_a_supervisor_a_reason_and_another_device(lane: Lane) -> None:
    """Law 5: what was done is told by whom, and why."""
    with pytest.raises(OperatorError):
        lane.retire(DEVICE, Operator("Jo", Role.STAFF), "x")
    with pytest.raises(UsageError):
        lane.retire(DEVICE, BOSS, " ")
    with pytest.raises(UsageError):
        lane.retire(lane._files.device, BOSS, "x")
    made = lane.retire(DEVICE, BOSS, "went home")
    assert (made.act, made.target, made.operator, made.note) == (
        Act.RETIREMENT, DEVICE, "Kim", "went home",
    )  # fmt: skip


@pytest.mark.long
async def test_a_key_on_the_board_retires_a_lane_that_went_home(tmp_path: Path) -> None:
    """PIN and reason at one gate; at another one the lane is missed no more, and back again."""
    made = LanVenue(tmp_path, 3)
    here, there, gone = made.gates
    try:
        for member in made.gates:
            member.lane()
        with_operators(here.folder)
        made.start()
        until(lambda: there.lane().connectivity().coverage.basis is Basis.LAN)
        gone.kill()
        until(lambda: there.lane().connectivity().coverage.basis is Basis.ALONE, 30)

        def waits_as(basis: Basis) -> bool:
            return there.lane().connectivity().coverage.basis is basis

        async with on_screen(here) as screen:
            await screen.press("f3")
            table = screen.app.screen.query_one("#device-table", DataTable)
            await screen.until(lambda: table.row_count == 3)
            await screen.press("2")
            rows = [str(table.get_row_at(n)[0]) for n in range(3)]
            table.move_cursor(row=rows.index("G2"))
            line = screen.app.screen.query_one("#device Static", Static)
            for words, is_shown, basis in (
                ("went home", lambda: "retired by boss" in str(line.content), Basis.LAN),
                ("it is back", lambda: "retired by" not in str(line.content), Basis.ALONE),
            ):
                await screen.press("r")
                await screen.answer(BOSS_NAME, BOSS_PIN, words)
                await screen.until(is_shown)
                until(partial(waits_as, basis), 30)
            await screen.press("t")
            await screen.until(here.folder.nudge.exists)
    finally:
        made.close()
