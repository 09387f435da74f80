"""Disowned: a revoked device's entries stay in every journal, and have no effect any more."""

import sqlite3
from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from gate.cli.main import main
from gate.core import entry_codec
from gate.core.disowning import counted, kept_until
from gate.core.entry import Act
from gate.core.intake import read_bodies
from gate.core.outcome import Outcome, Reason
from gate.core.place import HouseRules, Place, Role
from gate.core.replication import Step, Tip
from gate.core.verdict import Scan
from gate.errors import UsageError
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.storage import disowned, venue_host
from gate.storage.conflicts import find_conflicts
from gate.storage.figures import used_tickets
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from gate.storage.ticket_filling import MemberRow
from sync.server import journals
from sync.server import tables as t
from tests.support.central import Central, Maker, ask, central
from tests.support.venue import NOW_MS, FixedClock, fill

LIAR, HONEST = "f" * 16, "1" * 16


def step(seq: int, name: str, prev: str = "") -> Step:
    return Step(seq, name, prev)


LINE = [step(1, "a"), step(2, "b", "a"), step(3, "c", "b")]
FORK = [*LINE[:2], step(2, "x", "a"), step(3, "y", "x"), LINE[2]]


@pytest.mark.parametrize(
    ("steps", "tips", "counting"),
    [
        (LINE, [], ""),
        (LINE, [Tip(2, "b")], "ab"),
        (LINE, [Tip(9, "later")], "abc"),
        (LINE[:1], [Tip(2, "b")], "a"),
        (FORK, [Tip(3, "c")], "abc"),
        (FORK, [Tip(2, "b")], "ab"),
        (FORK, [Tip(2, "b"), Tip(3, "y")], "abxy"),
        ([*LINE[:1], *FORK[2:4]], [Tip(2, "b")], "ax"),
    ],
)
def test_what_is_behind_a_tip_counts(steps: list[Step], tips: list[Tip], counting: str) -> None:
    """Its chain, whatever other branch has its numbers; what is not held yet goes by number."""
    steps = sorted(steps, key=lambda one: one.seq)
    assert counted(steps, tips) == set(counting)


def test_until_when_a_device_counts() -> None:
    """What it did before the moment; nothing after the first that is not."""
    maker = Maker(LIAR)
    times = [1, 5, 9, 2]
    carried, _rejected = read_bodies([entries_at(maker, at) for at in times])
    assert kept_until(carried, 0) == {}
    ((tip,),) = kept_until(carried, 6).values()
    assert tip.seq == 2
    ((tip,),) = kept_until(carried, 100).values()
    assert tip.seq == 4


def entries_at(maker: Maker, at_ms: int) -> bytes:
    """An admission at a moment of its maker's clock."""
    body = maker.make(ticket="t").replace(
        b'"at_ms":%d' % (NOW_MS + maker.seq), b'"at_ms":%d' % at_ms
    )
    maker.prev = entry_codec.digest(body).hex()
    return body


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "gate")
    made.create()
    fill(made)
    return made


def tables_of(folder: Folder) -> dict[str, Any]:
    """What is held and folded, whatever the order it came in."""
    db = sqlite3.connect(folder.peers)
    names = "SELECT e.origin || ':' || e.seq || ':' || hex(e.hash) FROM entry e"
    found = {
        "entries": set(db.execute(names)),
        "disowned": set(db.execute(f"{names} JOIN disowned d ON d.entry = e.id")),
        "states": set(db.execute("SELECT ticket, used, inside, redemptions FROM state")),
        "tally": set(db.execute("SELECT * FROM tally")),
        "taken_back": set(db.execute("SELECT * FROM taken_back")),
        "claimed": set(db.execute("SELECT * FROM claimed")),
    }
    db.close()
    return found


def story() -> tuple[list[list[bytes]], MemberRow]:
    """Batches that may come in any order, a liar's and an honest gate's; how the liar is disowned.

    The liar counts up to its third entry; later it goes on from its first once more.
    """
    liar, honest = Maker(LIAR), Maker(HONEST, "cc")
    first = [honest.make(ticket="good-1"), honest.make(ticket="good-2")]
    begins = [liar.make(ticket="good-3")]
    stem = liar.seq, liar.prev
    goes_on = [
        liar.make(Act.ANNULMENT, ticket="good-1", target=f"{honest.origin}:1"),
        liar.make(ticket="good-4"),
    ]
    row = MemberRow(
        LIAR,
        "liar",
        liar.public,
        "revoked",
        counts_until={liar.origin: [f"{liar.seq}:{liar.prev[:32]}"]},
    )
    later = [
        liar.make(Act.EXIT, ticket="good-2", persons=1, outcome=Outcome.EXIT),
        liar.make(Act.ANNULMENT, ticket="good-4", target=f"{liar.origin}:3"),
    ]
    liar.seq, liar.prev = stem
    branch = [liar.make(ticket="good-5"), liar.make(ticket="good-6")]
    return [first, begins + goes_on, later, begins + branch], row


def test_in_whatever_order_it_comes(tmp_path: Path) -> None:
    """The row before the entries, after them, between, twice: one state, and nothing is lost."""
    batches, row = story()
    found = []
    steps: list[list[bytes] | None] = [*batches, None]
    for number, order in enumerate(permutations(range(len(steps)))):
        if number % 12:
            continue
        at = Folder(tmp_path / str(number))
        at.create()
        holdings = PeerStore(at)
        for n in order:
            if (batch := steps[n]) is None:
                holdings.disown([row])
            else:
                holdings.intake.accept(batch, None)
        for batch in batches:
            holdings.intake.accept(batch, None)
        holdings.disown([row])
        holdings.close()
        found.append(tables_of(at))
    assert all(one == found[0] for one in found)
    assert len(found[0]["entries"]) == 9
    used = {ticket: used for ticket, used, _inside, _redemptions in found[0]["states"]}
    assert used == {"good-1": 1, "good-2": 1, "good-3": 1, "good-4": 1}
    assert len(found[0]["disowned"]) == 4


@pytest.mark.long
def test_a_branch_that_is_judged_by_number_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: taken for what has its numbers, a liar's second story counts."""

    def by_number(steps: list[Step], tips: Any) -> set[str]:
        last = max((tip.seq for tip in tips), default=0)
        return {one.hash for one in steps if one.seq <= last}

    monkeypatch.setattr(disowned, "counted", by_number)
    with pytest.raises(AssertionError):
        test_in_whatever_order_it_comes(tmp_path)


def test_taken_back_it_counts_again(folder: Folder) -> None:
    """A feed that does not say so, or says another tip: the state is that of the feed."""
    batches, row = story()
    holdings = PeerStore(folder)
    for batch in batches:
        holdings.intake.accept(batch, None)
    holdings.close()
    before = tables_of(folder)
    holdings = PeerStore(folder)
    holdings.disown([row])
    assert tables_of(folder) != before
    holdings.close()
    holdings = PeerStore(folder)
    holdings.disown([])
    holdings.close()
    assert tables_of(folder) == before


def test_the_lane_goes_by_it(folder: Folder, clock: FixedClock) -> None:
    """A ticket that only a disowned gate has let in on is good; an exit it made up is none."""
    batches, row = story()
    holdings = PeerStore(folder)
    holdings.intake.accept([body for batch in batches for body in batch], None)
    lane = Lane(folder, clock, Place("North"), HouseRules())
    try:
        assert lane.admit(Scan("GOOD005")).reason is Reason.ALREADY_USED
        assert lane.admit(Scan("GOOD002")).reason is Reason.REENTRY
        lane.undo()
        holdings.disown([row])
        clock.pass_seconds(30)
        assert lane.admit(Scan("GOOD005")).outcome is Outcome.ADMIT
        assert lane.admit(Scan("GOOD002")).reason is Reason.ALREADY_USED
        with pytest.raises(UsageError, match="counts no more"):
            lane.undo(f"{LIAR}.aa:4", Operator("boss", Role.SUPERVISOR), "made up")
    finally:
        lane.close()
        holdings.close()
    with Fleet(folder) as venue:
        assert {one.ticket for one in find_conflicts(venue)} == set()


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    async with central(tmp_path / "server") as made:
        yield made


async def test_at_the_server(running: Central) -> None:
    """Told before it is done, and done; entries stay, counts and conflicts follow."""
    liar, honest = Maker(LIAR), Maker(HONEST, "cc")
    await running.enrol(liar, "Liar")
    await running.enrol(honest, "South")
    await running.exchange(honest, ask([honest.make(ticket="t1"), honest.make(ticket="t2")]))
    await running.exchange(
        liar,
        ask([
            liar.make(ticket="t1"), liar.make(ticket="t3"),
            liar.make(Act.EXIT, ticket="t2", persons=1, outcome=Outcome.EXIT),
            liar.make(Act.ANNULMENT, ticket="t2", target=f"{honest.origin}:2"),
            liar.make(Act.RETIREMENT, target=HONEST, covers=(f"{honest.origin}:2",)),
        ]),
    )  # fmt: skip
    path = f"/events/show/devices/{LIAR}/disown"
    answer = await running.admin("GET", path)
    assert (answer.status_code, answer.json()["error"]) == (409, "not_revoked")
    await running.admin("POST", f"/events/show/devices/{LIAR}/revoke")
    assert len((await running.admin("GET", "/events/show/conflicts")).json()) == 1
    foreseen = await running.admin("GET", path)
    assert foreseen.json() == {
        "admissions": 2, "exits": 1, "annulments": 1, "freed": ["t1", "t3"], "spent": ["t2"],
    }  # fmt: skip
    assert (await running.admin("GET", "/events/show/counts")).json()["admitted"] == 4
    done = await running.admin("POST", path, json={})
    assert done.json() == foreseen.json()
    assert (await running.admin("GET", "/events/show/conflicts")).json() == []
    counts = (await running.admin("GET", "/events/show/counts")).json()
    assert (counts["admitted"], counts["exited"]) == (2, 0)
    assert running.entries() == 7
    (line,) = [
        one for one in (await running.admin("GET", "/events/show/devices")).json()
        if one["id"] == LIAR
    ]  # fmt: skip
    assert line["disowned"]
    # What an unaware gate brings of it yet counts no more either.
    await running.exchange(honest, ask([liar.make(ticket="t9")], [liar.head()]))
    assert running.entries() == 8
    assert (await running.admin("GET", "/events/show/counts")).json()["admitted"] == 2
    with running.engine.connect() as connection:
        assert journals.history(connection, "show", "t9").used == 0
        rows = connection.execute(select(t.disowned.c.number)).all()
    assert len(rows) == 6
    token = await running.token("again")
    back = await running.http.post(
        "/v1/enrol", json={"token": token, "device": LIAR, "key": liar.public}
    )
    assert (back.status_code, back.json()["error"]) == (403, "revoked")


async def test_from_a_moment_on(running: Central) -> None:
    """What it did before counts; with another moment, what is before that."""
    liar = Maker(LIAR)
    await running.enrol(liar, "Liar")
    await running.exchange(liar, ask(liar.run(4)))
    await running.admin("POST", f"/events/show/devices/{LIAR}/revoke")
    path = f"/events/show/devices/{LIAR}/disown"
    for from_ms, left in ((NOW_MS + 3, 2), (0, 0), (NOW_MS + 100, 4)):
        await running.admin("POST", path, json={"from_ms": from_ms})
        assert (await running.admin("GET", "/events/show/counts")).json()["admitted"] == left
    wrong = await running.admin("GET", f"{path}?from_ms=soon")
    assert wrong.status_code == 400


def test_at_the_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Told, and done only when somebody says so; what waits in the inbox is heard by all."""
    at = ["--data-dir", str(tmp_path / "host")]
    host = Folder(tmp_path / "host")
    assert main(["venue", "create", *at, "--name", "V", "--time-zone", "UTC"]) == 0
    batches, row = story()
    venue_host.publish(host, MemberRow(LIAR, "liar", row.key, "enrolled"))
    holdings = PeerStore(host)
    for batch in batches:
        holdings.intake.accept(batch, None)
    holdings.close()
    capsys.readouterr()
    assert main(["venue", "disown", LIAR, *at, "--yes"]) == 2
    assert "First: gate venue revoke" in capsys.readouterr().err
    assert main(["venue", "revoke", LIAR, *at]) == 0
    assert main(["venue", "disown", LIAR, *at]) == 2, "nobody is there to be asked"
    told = capsys.readouterr()
    assert "without effect: 4 admissions, 1 exits, 2 undos" in told.out
    assert "good again, 3: good-3, good-5, good-6" in told.out
    assert venue_host.devices(host)[LIAR].counts_until is None
    assert main(["venue", "disown", LIAR, *at, "--yes", "--from", "tomorrow"]) == 2
    assert main(["venue", "disown", LIAR, *at, "--yes"]) == 0
    with Fleet(host) as seen:
        assert used_tickets(seen) == 2
    assert main(["venue", "devices", *at]) == 0
    assert "revoked, disowned" in capsys.readouterr().out
