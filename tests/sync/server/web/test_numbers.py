"""The pages count what ``gate report --venue`` counts, to the person, at server and host."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gate.core.place import Direction
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.reports import fleet_report, report
from gate.storage.device_key import DeviceKey
from gate.storage.folder import Folder
from gate.storage.tickets import Tickets
from sync.host.folder_numbers import EVENT, FolderSource
from sync.server.web import server_numbers
from sync.server.web.numbers import Numbers
from sync.server.web.server_numbers import ServerSource
from tests.reports.test_report import ZONE
from tests.support.central import Central, Maker, ask, central
from tests.support.venue import FixedClock
from tests.system.neighbours import bodies, carry, enrol, neighbour


@contextmanager
def evening(venue: Folder, lane: Lane, clock: FixedClock, path: Path) -> Iterator[Folder]:
    """Two lanes let people in and out, refuse, undo, and count at the door; both are known here."""
    with neighbour(path / "south", clock) as south:
        for code in ("GOOD001", "GOOD002", "NONE", "GOOD003"):
            lane.admit(Scan(code))
        lane.undo()
        for code in ("GOOD002", "GOOD003", "GOOD004", "VOID1", "GOOD004"):
            south.admit(Scan(code))
        lane.direction = Direction.OUT
        lane.admit(Scan("GOOD001"))
        lane.count_people(3, Direction.IN)
        lane.count_people(1, Direction.OUT)
        enrol(venue)
        carry(Folder(path / "south"), venue)
        yield Folder(path / "south")


def expect_same(numbers: Numbers, venue: Folder, clock: FixedClock) -> None:
    seen = fleet_report.look(venue, clock.read(), 10.0).numbers
    counted = {
        "issued": numbers.issued, "expected": numbers.expected,
        "used_tickets": numbers.used_tickets, "no_show": numbers.no_show,
        "admitted": numbers.all.admitted, "exited": numbers.all.exited,
        "inside": numbers.all.inside, "refused": numbers.all.refused,
        "annulled": numbers.all.annulled, "without_ticket": numbers.without_ticket,
    }  # fmt: skip
    assert counted == {name: getattr(seen, name) for name in counted}
    assert numbers.all.admitted > 3
    assert numbers.without_ticket == 2


async def bring(running: Central, *folders: Folder) -> list[Maker]:
    """Have the server hold what these folders' devices did, and their tickets."""
    tickets = Tickets(folders[0])
    every = list(tickets.every())
    tickets.close()
    kinds = {one.type.id: {"id": one.type.id, "kind": one.type.kind.value} for one in every}
    rows = [
        {"id": one.id, "type": one.type.id, "code": f"X{n}", "status": one.status.value}
        for n, one in enumerate(every)
    ]
    stated = {"types": list(kinds.values()), "tickets": rows}
    answer = await running.admin("POST", "/events/show/tickets", json=stated)
    assert answer.status_code == 200, answer.text
    makers = []
    for folder in folders:
        maker = Maker(folder.device_id())
        maker.key = DeviceKey(folder)._key
        await running.enrol(maker, folder.path.name)
        await running.exchange(maker, ask(bodies(folder)))
        makers.append(maker)
    return makers


async def test_the_server_counts_as_the_report_does(
    venue: Folder,
    lane: Lane,
    clock: FixedClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From its tables, in one go and entry by entry alike."""
    # Where counting was slow, tickets are counted again so much later.
    monkeypatch.setattr("sync.server.web.server_numbers.CENSUS_SHARE", 0.0)
    async with central(tmp_path / "server") as running:
        early = ServerSource(running.server)
        await early.numbers("show")
        with evening(venue, lane, clock, tmp_path) as south:
            await bring(running, venue, south)
            for source in (early, ServerSource(running.server)):
                expect_same(await source.numbers("show"), venue, clock)


async def test_the_host_counts_as_the_report_does(
    venue: Folder, lane: Lane, clock: FixedClock, tmp_path: Path
) -> None:
    """From its own journal and those that it has heard."""
    source = FolderSource(venue, list)
    with evening(venue, lane, clock, tmp_path):
        expect_same(await source.numbers(EVENT), venue, clock)
        before = await source.version(EVENT)
        lane.admit(Scan("GOOD007"))
        assert await source.version(EVENT) != before
        expect_same(await source.numbers(EVENT), venue, clock)
    source.close()


async def test_groups_are_those_of_the_report(
    venue: Folder, lane: Lane, clock: FixedClock, tmp_path: Path
) -> None:
    """By gate, by type and by reason."""
    source = FolderSource(venue, list)
    with evening(venue, lane, clock, tmp_path):
        numbers = await source.numbers(EVENT)
        gates = {one.name: one for one in report.grouped(venue, "gate", ZONE, everywhere=True)}
        for name, count in numbers.gates.items():
            line = gates[name or "-"]
            assert (count.admitted, count.exited, count.refused) == (
                line.admitted, line.exited, line.refused,
            )  # fmt: skip
        reasons = report.grouped(venue, "reason", ZONE, everywhere=True)
        refused = {one.name: one.refused for one in reasons if one.refused}
        assert numbers.reasons == refused
    source.close()


async def test_a_disowned_device_counts_no_more(
    venue: Folder, lane: Lane, clock: FixedClock, tmp_path: Path
) -> None:
    """And what was read before is read again; without that it would go on to count."""
    async with central(tmp_path / "server") as running:
        source = ServerSource(running.server)
        with evening(venue, lane, clock, tmp_path) as south:
            await bring(running, venue, south)
            before = await source.numbers("show")
            await running.admin("POST", f"/events/show/devices/{south.device_id()}/revoke")
            path = f"/events/show/devices/{south.device_id()}/disown"
            answer = await running.admin("POST", path, json={})
            assert answer.status_code == 200, answer.text
            after = await source.numbers("show")
            fresh = await ServerSource(running.server).numbers("show")
        assert after.used_tickets == fresh.used_tickets == before.used_tickets - 2


async def test_an_undo_that_comes_late_frees_the_ticket(
    venue: Folder, lane: Lane, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the admission was counted before; without another look it stays used."""
    async with central(tmp_path / "server") as running:
        source, blind = ServerSource(running.server), ServerSource(running.server)
        lane.admit(Scan("GOOD001"))
        (maker,) = await bring(running, venue)
        for one in (source, blind):
            assert (await one.numbers("show")).used_tickets == 1
        lane.undo()
        await running.exchange(maker, ask(bodies(venue)))
        assert (await source.numbers("show")).used_tickets == 0
        monkeypatch.setattr(server_numbers, "_is_used", lambda _facts: True)
        assert (await blind.numbers("show")).used_tickets == 1
