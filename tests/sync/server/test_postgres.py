"""Several server processes on one PostgreSQL behave as one server."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gate.clock import SystemClock
from gate.core.intake import read_bodies
from gate.core.outcome import Outcome
from gate.core.verdict import Scan
from gate.storage.sync_status import SyncStatusReader
from sync.server import events, intake, serve, tables
from sync.server.address import Address
from sync.server.database import open_database
from sync.server.prepared import MANY
from sync.server.wanted import Wanted
from tests.conftest import needs
from tests.support import postgres
from tests.support.central import Maker
from tests.system.network import EVENT, Device, Server, until


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Two processes, one database."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        one = Server(tmp_path / "server", "--database", url)
        two = Server(tmp_path / "server", "--database", url)
        yield one, two
        one.close()
        two.close()


def sure_by_server(device: Device) -> bool:
    word = SyncStatusReader(device.folder).read(SystemClock().read().boot_id)
    now_ms = SystemClock().read().boot_ms
    return any(now_ms - (one.central_held_boot_ms or 0) < 10_000 for one in word.lanes)


@pytest.mark.timeout(180)
@pytest.mark.postgres
@pytest.mark.long
def test_two_processes_are_one_server(servers: tuple[Server, Server], tmp_path: Path) -> None:
    """Issued at one, fetched at the other; told to one, heard from the other; either may die."""
    one, two = servers
    one.issue(50)
    north = Device(tmp_path / "north", one, "north")
    south = Device(tmp_path / "south", two, "south")
    try:
        for device in (north, south):
            assert device.once().returncode == 0
            device.open()
            device.start()
        assert north.lane is not None
        assert south.lane is not None
        assert north.lane.admit(Scan("C000001")).outcome is Outcome.ADMIT
        until(lambda: north.own() <= south.heard())
        assert south.lane.admit(Scan("C000001")).outcome is Outcome.REFUSE
        one.admin("POST", f"/events/{EVENT}/tickets", {"voids": [{"id": "t2", "note": "x"}]})
        lane = south.lane
        until(lambda: lane.admit(Scan("C000002", deliberate=True)).outcome is Outcome.REFUSE)
        # Neither hears the other itself: each server tells what the other one has heard.
        until(lambda: all(sure_by_server(device) for device in (north, south)))
        one.kill()
        assert north.lane.admit(Scan("C000003")).outcome is Outcome.ADMIT
        assert south.lane.admit(Scan("C000004")).outcome is Outcome.ADMIT
        until(lambda: south.status()["unacked"] == 0)
        one.start()
        until(lambda: north.status()["unacked"] == 0, 90)
        until(lambda: north.own() <= south.heard() and south.own() <= north.heard(), 60)
        counts = two.admin("GET", f"/events/{EVENT}/counts")
        assert counts["admitted"] >= 3
        assert two.admin("GET", f"/events/{EVENT}/alarms") == []
    finally:
        north.close()
        south.close()


def test_what_is_written_by_the_hundred_is_what_came() -> None:
    """Texts of strangers come through the one JSON that PostgreSQL is given as they are."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    odd = [
        "%s %(rows)s",
        "a\"b'c",
        "back\\slash",
        "\u2028 line",
        "票 🎫",
        "NULL",
        '{"x":[1]}',
        "\x1b[",
    ]
    maker = Maker("00000000000000aa", "bb")
    bodies = [maker.make(ticket=f"{n} {odd[n % len(odd)]}") for n in range(5 * MANY)]
    with postgres.postgres() as url:
        engine = open_database(url)
        with engine.begin() as connection:
            events.create_event(connection, EVENT, "Show", "UTC", 1)
            push = intake.Push(maker.device, read_bodies(bodies)[0], ())
            intake.accept(connection, EVENT, [push])
            held = connection.execute(tables.entry.select().order_by(tables.entry.c.number)).all()
        engine.dispose()
    assert [row.body.encode() for row in held] == bodies
    told = [(row.number, row.ticket, row.hash) for row in held]
    carried = push.carried
    assert told == [(n, one.entry.ticket, one.hash) for n, one in enumerate(carried, 1)]


@pytest.mark.postgres
@pytest.mark.long
def test_servers_that_start_at_once_make_one_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an empty database the second waits for the first, and finds what it has made."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    at_it = threading.Semaphore(0)
    create = events.create_event

    def slowly(*said: Any) -> None:
        at_it.release()
        # As long as it takes another to come this far, if any can.
        if at_it.acquire(timeout=1) and at_it.acquire(timeout=1):
            at_it.release(2)
        create(*said)

    monkeypatch.setattr(events, "create_event", slowly)
    here = Address("http://localhost", "")
    with postgres.postgres() as url:
        engine = open_database(url)

        def start(name: str) -> bool:
            folder = tmp_path / name
            folder.mkdir()
            wanted = Wanted(event="gala", time_zone="UTC")
            return serve._prepare(engine, wanted, folder, here).is_new

        with ThreadPoolExecutor(2) as pool:
            made = list(pool.map(start, ["one", "two"]))
        engine.dispose()
    assert sorted(made) == [False, True]
