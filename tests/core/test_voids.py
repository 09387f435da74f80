"""Voids of tickets: dated where they are stated, kept through everything, told on both sides."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate.cli.main import main
from gate.core import entry_codec, voids
from gate.core.entry import Act
from gate.core.irregular import Irregularity
from gate.core.outcome import Outcome, Reason
from gate.core.place import Role
from gate.core.verdict import Scan
from gate.core.voids import with_voids
from gate.errors import UsageError
from gate.lane.lane import Lane
from gate.lane.post import Operator
from gate.reports.lookup import look_up
from gate.reports.ticket_import import import_files
from gate.storage.conflicts import irregular_admissions
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.matters import Watch, matters
from gate.storage.short_ids import short_of
from gate.storage.tickets import Tickets
from sync.server import ticket_store
from sync.server.database import reading
from tests.support.central import Central, Maker, ask, central
from tests.support.venue import NOW_MS, FixedClock, fill, write_rows
from tests.system.neighbours import carry, neighbour

BOSS = Operator("boss", Role.SUPERVISOR)
MINUTE = 60_000


def voids_of(body: str) -> list[Any]:
    return list(msgspec.json.decode(body).get("voids", []))


def test_a_void_is_kept_through_every_statement() -> None:
    """Void, stated again, good again, void again: two times, each with both its ends."""
    body = '{"id":"t"}'
    told = []
    for n, status in enumerate(["", "revoked", "deleted", "", "gifting", "deleted"], 1):
        stated = f'{{"id":"t","status":"{status}"}}' if status else '{"id":"t"}'
        body = with_voids(body, stated, f"e:{n}", n * 1000)
        told.append(voids_of(body))
    assert told[0] == []
    assert told[1] == told[2] == [{"at": "e:2", "at_ms": 2000}]
    ended = {"at": "e:2", "at_ms": 2000, "until": "e:4", "until_ms": 4000}
    assert told[3] == told[4] == [ended]
    assert told[5] == [ended, {"at": "e:6", "at_ms": 6000}]


def test_a_ticket_that_never_was_void_is_left_as_it_is() -> None:
    """Not a byte more for it; and no text in a ticket looks like the mark."""
    for body in ('{"id":"t"}', '{"id":"t","status":"gifting"}'):
        assert with_voids('{"id":"t"}', body, "e:1", 1) == body
    text = msgspec.json.encode({"id": "t", "holder": '"voids":[', "zone": voids.MARK}).decode()
    assert voids.MARK not in text


def test_the_newest_voids_are_kept() -> None:
    """A ticket that is void and good in turn for ever does not grow for ever."""
    body = '{"id":"t"}'
    for n in range(100):
        body = with_voids(body, '{"id":"t","status":"revoked"}', f"e:{n}", n)
        body = with_voids(body, '{"id":"t"}', f"e:{n}", n)
    assert len(voids_of(body)) == voids.KEPT
    assert voids_of(body)[-1]["at"] == "e:99"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with an event and three tickets."""
    async with central(tmp_path / "server") as running:
        await state(
            running,
            types=[{"id": "S", "kind": "meeting"}],
            tickets=[{"code": f"C{n}", "type": "S", "id": f"t{n}"} for n in range(3)],
        )
        yield running


async def state(running: Central, **rows: Any) -> str:
    answer = await running.admin("POST", "/events/show/tickets", json=rows)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["cursor"]).rpartition(":")[0]


class TestServer:
    """Where changes are numbered."""

    async def test_each_way_of_stating_a_ticket_dates_it(self, running: Central) -> None:
        """Voids, changes and whole tickets, several at once; each by its own place in the feed."""
        first = await state(
            running, voids=[{"id": "t0", "note": "x"}], changes=[{"id": "t1", "status": "deleted"}]
        )
        good = await state(
            running,
            tickets=[{"code": "C0", "type": "S", "id": "t0"}],
            changes=[{"id": "t1", "status": "normal"}],
        )
        again = await state(
            running, tickets=[{"code": "C0", "type": "S", "id": "t0", "status": "revoked"}]
        )
        with reading(running.engine) as connection:
            zero, one = (ticket_store.find_ticket(connection, "show", id_) for id_ in ("t0", "t1"))
        assert zero is not None
        assert one is not None
        epoch, seq = first.split(":")
        assert [v.at for v in zero.voids] == [first, again]
        assert [v.at for v in one.voids] == [f"{epoch}:{int(seq) - 1}"]
        assert (zero.voids[0].until, one.voids[0].until) == (f"{epoch}:{int(seq) + 1}", good)
        assert abs(zero.voids[1].at_ms - time.time() * 1000) < 60_000

    async def test_nobody_states_voids(self, running: Central) -> None:
        """They are the feed's own; a row that has some is a mistake."""
        for rows in (
            {"changes": [{"id": "t0", "voids": []}]},
            {"tickets": [{"code": "C0", "type": "S", "id": "t0", "voids": []}]},
        ):
            answer = await running.admin("POST", "/events/show/tickets", json=rows)
            assert answer.status_code == 422

    async def test_the_organiser_is_told_and_settles(self, running: Central) -> None:
        """Both sides by the API and in the numbers; a word settles it, and opens no other."""
        maker = Maker()
        await running.enrol(maker)
        before = await state(running, changes=[{"id": "t2", "zone": "A"}])
        void = await state(running, voids=[{"id": "t0", "note": "x"}, {"id": "t1", "note": "x"}])
        now_ms = time.time_ns() // 1_000_000
        made = [
            with_clock(maker, now_ms + MINUTE, ticket="t0", position=before),
            with_clock(maker, now_ms - MINUTE, ticket="t1", position=before),
            with_clock(maker, now_ms, ticket="t2", position=void),
        ]
        await running.exchange(maker, ask(made))
        lines = (await running.admin("GET", "/events/show/irregular")).json()
        assert [(x["ticket"], x["kind"], x["is_open"]) for x in lines] == [
            ("t0", "irregular", True), ("t1", "used_before_void", False),
        ]  # fmt: skip
        side = lines[0]["admissions"][0]
        assert (side["admission"]["gate"], side["admission"]["position"]) == ("North", before)
        assert side["void"]["at"].split(":")[1] == str(int(void.split(":")[1]) - 1)
        text = (await running.http.get("/metrics")).text
        assert 'gate_irregular{kind="irregular"} 1.0' in text
        assert 'gate_irregular{kind="against_list"} 0.0' in text
        assert "gate_irregular_open 1.0" in text
        path = "/events/show/conflicts/t0/resolve"
        done = await running.admin("POST", path, json={"note": "was sold again", "who": "Eve"})
        assert done.status_code == 200, done.text
        lines = (await running.admin("GET", "/events/show/irregular")).json()
        assert [x["is_open"] for x in lines] == [False, False]
        assert {x["ticket"]: x.get("resolution", {}).get("who") for x in lines}["t0"] == "Eve"
        none = await running.admin("POST", "/events/show/conflicts/t2/resolve", json={
            "note": "x", "who": "Eve"})  # fmt: skip
        assert none.status_code == 404


def with_clock(maker: Maker, at_ms: int, **said: Any) -> bytes:
    """An admission by a clock that was compared with the server's."""
    body = entry_codec.decode(maker.make(server_ahead_ms=0, server_error_ms=2, **said))
    raw = entry_codec.encode(replace(body, at_ms=at_ms, hlc=at_ms << 16))
    maker.prev = entry_codec.digest(raw).hex()
    return raw


def make_void(folder: Folder, id_: str, at_ms: int, status: str = "revoked") -> None:
    """The list says from now on that a ticket is void."""
    code = id_.replace("good-", "GOOD00")
    row: dict[str, object] = {"code": code, "type": "SHOW", "id": id_, "status": status}
    source = write_rows(folder.path / "more.jsonl", [row])
    import_files(folder, [source], built_ms=at_ms)


@pytest.fixture
def south(tmp_path: Path, clock: FixedClock) -> Iterator[Lane]:
    """A lane at the south gate, whose list nobody brings up to date."""
    with neighbour(tmp_path / "south", clock) as lane:
        yield lane


def judged(folder: Folder) -> list[tuple[str, Irregularity, bool]]:
    with Fleet(folder) as venue:
        return [(x.ticket, x.kind, x.is_open) for x in irregular_admissions(venue)]


class TestGate:
    """Where people go in."""

    def test_an_entry_tells_the_list_it_was_decided_on(self, lane: Lane, venue: Folder) -> None:
        """Admitted, refused and unknown alike, and the next after the list went on."""
        tickets_ = Tickets(venue)

        def position() -> str:
            tickets_.refresh()
            return tickets_.replica.meta("cursor").rpartition(":")[0]

        first = position()
        named = [lane.admit(Scan(code)).entry for code in ("GOOD001", "VOID1", "NONE")]
        make_void(venue, "good-2", NOW_MS)
        second = position()
        named += [lane.admit(Scan(code)).entry for code in ("GOOD003", "NONE2")]
        found = lane._do(lambda: [lane._files.journal().find(name) for name in named])
        assert [e.position for e in found if e] == [first] * 3 + [second] * 2
        assert first != second
        tickets_.close()

    def test_a_gate_that_was_cut_off_is_irregular(
        self, lane: Lane, south: Lane, venue: Folder, clock: FixedClock
    ) -> None:
        """Both sides, settled with a reason, which another gate knows too."""
        make_void(venue, "good-1", NOW_MS)
        clock.pass_seconds(600)
        assert south.admit(Scan("GOOD001")).is_green
        assert south.admit(Scan("GOOD002")).is_green
        carry(south._folder, venue)
        assert judged(venue) == [("good-1", Irregularity.AFTER_VOID, True)]
        lane.admit(Scan("GOOD003"))
        with pytest.raises(UsageError):
            lane.resolve("good-2", BOSS, "nothing")
        word = lane.resolve("good-1", BOSS, "it was paid again")
        assert len(word.covers) == 1
        assert judged(venue) == [("good-1", Irregularity.AFTER_VOID, False)]

    def test_used_and_refunded_afterwards(
        self, lane: Lane, venue: Folder, clock: FixedClock
    ) -> None:
        """It is told, and nobody has to look into it."""
        assert lane.admit(Scan("GOOD001")).is_green
        clock.pass_seconds(600)
        make_void(venue, "good-1", NOW_MS + 600_000)
        assert judged(venue) == [("good-1", Irregularity.USED_BEFORE, False)]

    def test_an_override_of_a_void_is_against_the_list(self, lane: Lane, venue: Folder) -> None:
        """Whoever signed for it has said why: it is told, and settled by that."""
        refused = lane.admit(Scan("VOID1"))
        assert (refused.outcome, refused.reason) == (Outcome.REFUSE, Reason.REVOKED)
        lane.override(BOSS, "paid at the desk")
        with Fleet(venue) as seen:
            (one,) = irregular_admissions(seen)
        assert (one.kind, one.is_open) == (Irregularity.AGAINST_LIST, False)
        assert one.resolution is not None
        assert one.resolution.note == "paid at the desk"

    def test_what_is_irregular_is_in_the_report(
        self, lane: Lane, south: Lane, venue: Folder, clock: FixedClock,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        """On paper, as rows and as values; with both sides, and a short id that is found again."""
        make_void(venue, "good-1", NOW_MS)
        clock.pass_seconds(600)
        south.admit(Scan("GOOD001"))
        carry(south._folder, venue)
        lane.close()
        command = ["report", "--venue", "--data-dir", str(venue.path)]
        assert main(command) == 0
        text = capsys.readouterr().out
        assert "irregular admissions: 1 (1 not settled)" in text
        assert "South" in text
        assert "void since" in text
        assert main([*command, "--format", "json"]) == 0
        (one,) = json.loads(capsys.readouterr().out)["irregular"]
        assert (one["ticket"], one["kind"], one["is_open"]) == ("good-1", "irregular", True)
        assert one["admissions"][0]["void"]["at_ms"] == NOW_MS
        assert main([*command, "--format", "csv"]) == 0
        assert "irregular,good-1,admission_1_void_at_ms," in capsys.readouterr().out

    def test_watch_is_kept_without_looking_at_everything(
        self, lane: Lane, south: Lane, venue: Folder, clock: FixedClock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        """Conflicts, voids and words as they come; the same as a look at all of it."""
        watch = Watch(venue)
        assert watch.look() == frozenset()
        make_void(venue, "good-1", NOW_MS)
        watch.look()
        monkeypatch.setattr(
            "gate.storage.matters.matters", lambda *_given: pytest.fail("looked at all")
        )
        clock.pass_seconds(600)
        for code in ("GOOD001", "GOOD002", "GOOD003"):
            south.admit(Scan(code))
        lane.admit(Scan("GOOD002"))
        carry(south._folder, venue)
        assert watch.look() == {"good-1", "good-2"}
        lane.resolve("good-2", BOSS, "two people")
        assert watch.look() == {"good-1"}
        south.undo(supervisor=BOSS, note="x", target=_admission(south, "good-1"))
        carry(south._folder, venue)
        assert watch.look() == frozenset()
        assert watch.look() == frozenset()


def _admission(lane: Lane, ticket: str) -> str:
    facts = lane._do(lambda: lane._files.journal().facts(ticket))
    return next(e.name for e in facts if e.act is Act.ADMISSION)


def test_a_short_id_is_found_again(folder: Folder) -> None:
    """As long as it takes to be no other's; shorter ones and other beginnings find nothing."""
    ids = ["order-2026-000001-1", "order-2026-000001-2", "order-2026-000417-1", "abcdef0123456789"]
    rows: list[dict[str, object]] = [
        {"code": f"K{n}", "type": "SHOW", "id": id_} for n, id_ in enumerate([*ids, "t1", "t10"])
    ]
    fill(folder, rows)
    found = Tickets(folder)
    try:
        shorts = {id_: short_of(found, id_) for id_ in [*ids, "t1", "t10"]}
    finally:
        found.close()
    assert shorts["abcdef0123456789"] == "abcdef"
    assert shorts["order-2026-000417-1"] == "order-2026-0004"
    for id_, short in shorts.items():
        assert [one.ticket.id for one in look_up(folder, short).found] == [id_]
    assert look_up(folder, "order-2026").found == ()


def test_matters_have_guest_and_short_id(
    lane: Lane, south: Lane, venue: Folder, clock: FixedClock
) -> None:
    """A conflict and an irregular admission of one ticket are one line, the open ones first."""
    make_void(venue, "good-1", NOW_MS)
    clock.pass_seconds(600)
    for code in ("GOOD001", "NAMED1"):
        south.admit(Scan(code))
    lane.admit(Scan("NAMED1"))
    carry(south._folder, venue)
    with Fleet(venue) as seen:
        found = matters(venue, seen)
    assert {one.ticket for one in found} == {"good-1", "named-1"}
    (named,) = [one for one in found if one.ticket == "named-1"]
    assert named.details is not None
    assert (named.details.holder, named.short) == ("José Ångström", "named-1")
    assert all(one.is_open for one in found)
