"""Undos that nobody has confirmed, and what each start of a device has done."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from gate.core.entry import Act
from gate.core.origins import by_origin, unseen_exits
from gate.core.place import Role
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.reports import fleet_report
from gate.storage.conflicts import unconfirmed_undos
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.matters import Watch, matters
from gate.text.fleet_words import matter, sides, what_next
from tests.core.test_history import entry
from tests.reports.test_report import ZONE
from tests.support.central import Central, Maker, ask, central
from tests.support.venue import FixedClock
from tests.system.neighbours import carry, neighbour

BOSS = Operator("boss", Role.SUPERVISOR)


@pytest.fixture
def south(tmp_path: Path, clock: FixedClock) -> Iterator[Lane]:
    with neighbour(tmp_path / "south", clock) as lane:
        yield lane


def test_a_claim_waits_for_a_word(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Told at every gate with both sides, on the badge, until it is confirmed or settled."""
    watch = Watch(venue)
    admitted = lane.admit(Scan("GOOD001"))
    carry(venue, south._folder)
    assert south.undo(admitted.entry, BOSS, "wrong guest").is_claim
    carry(south._folder, venue)
    assert watch.look() == {"good-1"}
    with Fleet(venue) as seen:
        (found,) = matters(venue, seen)
    assert (matter(found), found.is_open, found.conflict) == ("undo not confirmed", True, None)
    first, second = sides(found, ZONE)
    assert first.startswith("North · ")
    assert second == "  undone at South by boss, 12:26, not confirmed: wrong guest"
    assert what_next(found, ZONE).startswith("c confirms")
    lane.resolve("good-1", BOSS, "South was wrong")
    assert watch.look() == frozenset()
    with Fleet(venue) as seen:
        (found,) = matters(venue, seen)
        assert found.resolution is not None
    lane.undo(admitted.entry, BOSS, "no, they were right")
    with Fleet(venue) as seen:
        assert matters(venue, seen) == []


def test_settled_for_one_gate_it_is_open_for_the_next(
    lane: Lane, south: Lane, venue: Folder, tmp_path: Path, clock: FixedClock
) -> None:
    """A word covers the undos that it names, and no later one."""
    admitted = lane.admit(Scan("GOOD001"))
    with neighbour(tmp_path / "west", clock, "West") as west:
        for other in (south, west):
            carry(venue, other._folder)
            other.undo(admitted.entry, BOSS, "wrong guest")
        carry(south._folder, venue)
        lane.resolve("good-1", BOSS, "South was wrong")
        carry(west._folder, venue)
    with Fleet(venue) as seen:
        (found,) = unconfirmed_undos(seen)
    assert (len(found.undos), found.resolution) == (2, None)


def test_who_undoes_what_others_did_stands_out(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the venue's report by device and start: in the table, as JSON and as CSV."""
    admitted = lane.admit(Scan("GOOD001")).entry
    carry(venue, south._folder)
    south.undo(admitted, BOSS, "=1+1")
    carry(south._folder, venue)
    seen = fleet_report.look(venue, clock.read(), 10)
    table = fleet_report.as_table(seen, ZONE)
    assert "! since 12:26: in 0, out 0, undone 1 · 1 undo of another gate's" in table
    assert "since 12:26: in 1, out 0, undone 0\n" in table
    assert "undos that are not confirmed: 1" in table
    told = json.loads(fleet_report.as_json(seen))
    assert {one["device"]: one["stands_out"] for one in told["origins"]} == {
        venue.device_id(): False, south._folder.device_id(): True,
    }  # fmt: skip
    (claim,) = told["claims"]
    assert claim["undos"][0]["target"] == admitted
    assert f"claim,good-1,undo_1_target,{admitted}" in fleet_report.as_csv(seen)


def test_an_exit_of_nobody_stands_out() -> None:
    """Of an honest lane all that went out had come in; a second exit did not."""
    done = [
        entry(1), entry(2, Act.EXIT, device="b"), entry(3, Act.EXIT, device="c"),
        entry(4, device="a"), entry(5, Act.ANNULMENT, device="a", target="a.i:4"),
    ]  # fmt: skip
    assert {one.device for one in unseen_exits(done)} == {"c"}
    lines = {line.device: line for line in by_origin(done)}
    assert (lines["a"].admissions, lines["a"].annulments, lines["a"].stands_out) == (2, 1, False)
    assert (lines["b"].exits, lines["b"].stands_out) == (1, False)
    assert (lines["c"].exits_without_entry, lines["c"].stands_out) == (1, True)


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    async with central(tmp_path / "server") as made:
        yield made


async def test_the_organiser_confirms(running: Central) -> None:
    """Both sides at the API; confirmed there by a person, it counts everywhere."""
    north, liar = Maker(), Maker("f" * 16)
    await running.enrol(north)
    await running.enrol(liar, "South")
    await running.exchange(north, ask([north.make(ticket="t1")]))
    undo = liar.make(Act.ANNULMENT, ticket="t1", target=f"{north.origin}:1", operator="Kim")
    await running.exchange(liar, ask([undo]))
    assert (await running.admin("GET", "/events/show/counts")).json()["admitted"] == 1
    (claim,) = (await running.admin("GET", "/events/show/claims")).json()
    assert claim["undos"][0]["evidence"]["device_name"] == "South"
    assert claim["targets"][0]["device_name"] == "North"
    origins = (await running.admin("GET", "/events/show/origins")).json()
    assert [(one["device_name"], one["stands_out"]) for one in origins] == [
        ("North", False), ("South", True),
    ]  # fmt: skip
    name = claim["undos"][0]["evidence"]["entry"]
    path = f"/events/show/claims/{name}/confirm"
    asked = {"who": "Ann", "note": "Kim called"}
    done = await running.admin("POST", path, json=asked)
    assert done.json()["who"] == "Ann"
    assert (await running.admin("GET", "/events/show/claims")).json() == []
    assert (await running.admin("GET", "/events/show/counts")).json()["admitted"] == 0
    again = await running.admin("POST", path, json=asked)
    assert (again.status_code, again.json()["error"]) == (404, "no_claim")
