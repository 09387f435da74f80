"""A gate that hears nobody goes on for as long as the event says, and then holds everybody."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gate.core import rules
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction, Role
from gate.core.verdict import Scan
from gate.errors import UsageError
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.storage import sync_status
from gate.storage import venue_host as venues
from gate.storage.checksums import put_meta
from gate.storage.folder import Folder
from gate.storage.sync_status import SyncStatus, note_heard
from gate.storage.tickets import Tickets
from gate.text.lane_words import isolation_words
from gate.ui.tui.status import status_of
from tests.conftest import MakeLane
from tests.support.central import Central, central
from tests.support.programs import run
from tests.support.screen import running
from tests.support.venue import NOW_MS, FixedClock
from tests.system.network import Server

HOUR_MS = 3_600_000
BOSS = Operator("boss", Role.SUPERVISOR)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def bound(folder: Folder, hours: int) -> None:
    """What the feed would have brought."""
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(folder.path / folder.pointer.read_text().strip()) as db:
        put_meta(db, {"isolated_hours": hours})


@pytest.fixture
def lonely(venue: Folder) -> Folder:
    """An enrolled gate of an event with a bound of two hours, which was heard just now."""
    venue.enrolment.write_text("{}")
    os.utime(venue.enrolment, (NOW_MS / 1000 - 10**6, NOW_MS / 1000 - 10**6))
    note_heard(venue, NOW_MS)
    bound(venue, 2)
    return venue


def reason(lane: Lane, code: str) -> tuple[Outcome, Reason]:
    verdict = lane.admit(Scan(code, deliberate=True))
    return verdict.outcome, verdict.reason


HELD = (Outcome.HOLD, Reason.ISOLATED)


def test_it_goes_on_and_then_holds(lonely: Folder, lane: Lane, clock: FixedClock) -> None:
    """Alone for two hours, to the second; what would be refused is refused; exits are exits."""
    clock.pass_seconds(2 * 3600 - 1)
    assert reason(lane, "GOOD001")[0] is Outcome.ADMIT
    clock.pass_seconds(1)
    assert reason(lane, "GOOD002") == HELD
    assert reason(lane, "VOID1")[1] is Reason.REVOKED
    assert reason(lane, "GOOD001")[1] is Reason.ALREADY_USED
    lane.direction = Direction.OUT
    assert reason(lane, "GOOD001")[0] is Outcome.EXIT
    lane.direction = Direction.IN
    assert reason(lane, "GOOD003") == HELD
    assert lane.override(BOSS, "on the guest list").outcome is Outcome.ADMIT


def test_without_the_rule_it_would_go_on(
    lonely: Folder, lane: Lane, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation beside the test above."""
    others = tuple(rule for rule in rules.RULES if rule.__name__ != "_isolated")
    monkeypatch.setattr(rules, "RULES", others)
    clock.pass_seconds(3 * 3600)
    assert reason(lane, "GOOD002")[0] is Outcome.ADMIT


def test_a_restart_does_not_begin_anew(
    lonely: Folder, make_lane: MakeLane, clock: FixedClock
) -> None:
    """Nor does setting the clock back: then how long it was cannot be told."""
    clock.pass_seconds(3 * 3600)
    clock.boot_id, clock.boot_ms = "boot-2", 1000
    lane = make_lane()
    assert reason(lane, "GOOD001") == HELD
    clock.jump_seconds(-4 * 3600)
    assert reason(lane, "GOOD001") == HELD
    clock.jump_seconds(1.5 * 3600)
    assert reason(lane, "GOOD001")[0] is Outcome.ADMIT


def test_within_a_boot_the_clock_on_the_wall_does_not_count(
    lonely: Folder, lane: Lane, clock: FixedClock
) -> None:
    """Heard an hour ago by the boot clock, it goes on, whatever the time is set to."""
    boot_ms = clock.boot_ms
    sync_status.write(
        lonely,
        SyncStatus(boot_id=clock.boot_id, boot_ms=boot_ms, server="s", server_boot_ms=boot_ms),
    )
    clock.pass_seconds(3600)
    clock.jump_seconds(86_400)
    assert reason(lane, "GOOD001") != HELD
    clock.pass_seconds(3600)
    assert reason(lane, "GOOD002") == HELD


@pytest.mark.parametrize("why", ["no bound", "nobody's gate", "the host"])
def test_who_is_not_bounded(lonely: Folder, lane: Lane, clock: FixedClock, why: str) -> None:
    """An event that says nothing, a gate on its own, and the host, which is the authority."""
    if why == "no bound":
        bound(lonely, 0)
    elif why == "the host":
        lonely.venue.write_text("{}")
    else:
        lonely.enrolment.unlink()
    clock.pass_seconds(1000 * 3600)
    assert reason(lane, "GOOD001") != HELD


async def test_it_is_told_before(lonely: Folder, clock: FixedClock) -> None:
    """From the first minute on: when it will be, and then that it is."""
    async with running(lonely, clock) as screen:
        lane = screen.lane
        for seconds, told in ((30, ""), (60, "nobody heard: all wait from 14:26"),
                              (7200, "NOBODY HEARD: ALL WAIT")):  # fmt: skip
            clock.pass_seconds(seconds)
            lane.idle()
            assert isolation_words(lane, SHANGHAI) == told
            assert not told or told in status_of(screen.app).values()


def test_the_host_sets_it(folder: Folder) -> None:
    """For all gates of its venue; its zone and name stay, and the other way round."""
    venues.create(folder, "Gala", "North", "Asia/Shanghai")
    ran = run("event", "set", "isolated_hours=5", "--data-dir", str(folder.path), timeout=60)
    assert "isolated_hours=5" in ran.stdout.splitlines()
    tickets = Tickets(folder)
    tickets.refresh()
    assert (tickets.replica.isolated_ms(), tickets.replica.meta("event_name")) == (
        5 * HOUR_MS,
        "Gala",
    )
    assert venues.set_zone(folder, "Europe/Berlin").isolated_hours == 5
    assert venues.set_isolated_hours(folder, 0).time_zone == "Europe/Berlin"
    assert tickets.replica.isolated_ms() == 0
    tickets.close()
    ran = run("event", "set", "isolated_hours=-1", "--data-dir", str(folder.path), timeout=60)
    assert ran.returncode == 2


async def test_the_server_sets_it(tmp_path: Path) -> None:
    """What is no bound is refused; who says nothing changes nothing."""
    async with central(tmp_path) as running:
        await set_it(running)


async def set_it(running: Central) -> None:
    answer = await running.admin("PATCH", "/events/show", json={"isolated_hours": 12})
    assert answer.json()["isolated_hours"] == 12
    for wrong in (-1, 10_001, "x"):
        answer = await running.admin("PATCH", "/events/show", json={"isolated_hours": wrong})
        assert answer.status_code == 422
    assert (await running.admin("PATCH", "/events/show", json={})).status_code == 200


def test_it_comes_to_the_gates(tmp_path: Path) -> None:
    """From the command line of the server into the replica of a gate, which notes whom it hears."""
    from tests.system.network import EVENT, Device  # noqa: PLC0415

    server = Server(tmp_path / "server")
    try:
        server.issue(2)
        gate = Device(tmp_path / "gate", server, "gate")
        ran = run("event", "set", "--server-dir", str(server.folder), "--event", EVENT,
                  "isolated_hours=3", timeout=60)  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert gate.once().returncode == 0
        tickets = Tickets(gate.folder)
        tickets.refresh()
        assert tickets.replica.isolated_ms() == 3 * HOUR_MS
        tickets.close()
        assert gate.folder.heard.exists()
    finally:
        server.close()


def test_hours_that_are_none(folder: Folder) -> None:
    """Not at a gate that is no host."""
    with pytest.raises(UsageError):
        venues.set_isolated_hours(folder, 1)
