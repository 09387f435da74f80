"""A person's data: told and erased on request, at the server, its copies, the gates, a backup."""

import asyncio
import json
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from sqlalchemy import Engine, select

from gate.core.outcome import Outcome
from gate.core.ticket_feed import Changes, ResyncNeeded, Snapshot
from gate.core.verdict import Scan
from gate.storage import snapshot_cache
from gate.storage.audit import audit_journal
from gate.storage.certificates import Membership, save_membership
from gate.storage.event import EventRow
from gate.storage.event_end import drop_personal
from gate.storage.folder import Folder
from gate.storage.ticket_feed import TicketFeed
from gate.storage.ticket_rows import bare_body
from gate.storage.tickets import Tickets
from sync.cardapi import persons as cards
from sync.cardapi import tables as of_cards
from sync.server import erasing, events, feed, issuing, persons
from sync.server import tables as t
from sync.server.database import in_transaction, reading
from sync.server.retention import Retention
from sync.worker.feed_follower import unpack
from sync.worker.peer_feed import PeerFeed
from tests.conftest import MakeLane, needs
from tests.support import postgres
from tests.support.cardapi import Api, account, meeting
from tests.support.central import TABLES, Central, Maker, ask, central, open_central, parts
from tests.support.venue import NOW, TICKETS, TYPES

DIED = "died"
NAME, SEAT, OPENID = "Annabelle Quill", "Row 17 seat 4", "oAnnabelle-77"
ROWS: dict[str, Any] = {
    "types": TYPES,
    "tickets": [
        *TICKETS,
        {"code": "QUILLCODE", "type": "SHOW", "id": "quill-1", "holder": NAME, "seats": [SEAT],
         "attention": "needs a ramp"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def pg_url() -> Iterator[str]:
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        yield url


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with tickets, one of them somebody's."""
    async with central(tmp_path / "server", runs_jobs=False) as made:
        issued = await made.admin("POST", "/events/show/tickets", json=ROWS)
        assert issued.status_code == 200, issued.text
        yield made


@pytest.fixture
async def maker(running: Central) -> Maker:
    """An enrolled device."""
    await running.enrol(made := Maker())
    return made


class Gate:
    """A gate's replica, fed from the server by hand."""

    def __init__(self, running: Central, maker: Maker, path: Path) -> None:
        self.running, self.maker, self.folder = running, maker, Folder(path)
        self.folder.create()
        with running.engine.connect() as connection:
            authority = feed.authority_of(connection, "show").certificate
        save_membership(self.folder, Membership(self.folder.device_id(), "", authority))
        self.feed = TicketFeed(self.folder)

    async def begin(self) -> None:
        """Take a snapshot, and keep the packed copy for others."""
        told = msgspec.convert((await self.running.get(self.maker, "/snapshot")).json(), Snapshot)
        answer = await self.running.get(self.maker, f"/snapshot/{told.name}")
        part = self.folder.path / "fetched.part"
        copy = self.folder.path / "copy.part"
        copy.write_bytes(answer.content)
        unpack(copy, part, told)
        self.feed.install(part, told)
        self.folder.shared.mkdir()
        snapshot_cache.keep(copy, self.folder.shared, snapshot_cache.CachedSnapshot(told))

    async def follow(self) -> int:
        """Read on to the end; the answer is the status."""
        while True:
            self.running.server.tip_cache.forget("show")
            answer = await self.running.get(self.maker, f"/changes?cursor={self.feed.cursor}")
            if answer.status_code != 200:
                return answer.status_code
            page = msgspec.json.decode(answer.content, type=Changes)
            if page.changes:
                self.feed.apply(page)
            if not page.more:
                return 200


@pytest.fixture
async def gate(running: Central, maker: Maker, tmp_path: Path) -> AsyncIterator[Gate]:
    """A gate with the tickets, and what it hands on to others."""
    made = Gate(running, maker, tmp_path / "gate")
    await made.begin()
    yield made
    made.feed.close()


def holding(folder: Path, *texts: str) -> list[tuple[str, str]]:
    """In which files of a folder, packed ones unpacked, which of the texts stand."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # a server that is at work has just deleted it
            continue
        if path.suffix == ".zst":
            with zstandard.ZstdDecompressor().stream_reader(content) as reader:
                content = reader.read()
        # The index has their words apart and joined, in small letters, and without their beginning.
        low = content.lower()
        found += [(path.name, one) for one in texts if one.lower().encode() in low]
    return found


async def erase(running: Central, who: str, status: int = 200) -> Any:
    answer = await running.admin("POST", "/events/show/persons/erase", json={"who": who})
    assert answer.status_code == status, answer.text
    return answer.json()


WORDS = (NAME, "nnabelle", SEAT, "ow17seat", "a ramp")


class TestErasure:
    """Nothing is left of a person but what was counted."""

    async def test_no_file_has_the_name_any_more(self, running: Central, gate: Gate) -> None:
        """Not the database, its log, the ready copies, the gate's replica, nor its own copies."""
        server = running.folder
        assert {name.partition(".")[2][:2] for name, _w in holding(server, *WORDS)} == {"db"}
        assert holding(gate.folder.path, *WORDS)
        assert list((server / "snapshots" / "show").iterdir())
        assert (await erase(running, "quill-1"))["tickets"] == ["quill-1"]
        assert holding(server, *WORDS) == []
        assert await gate.follow() == 200
        assert holding(gate.folder.path, *WORDS) == []
        assert list(gate.folder.shared.iterdir()) == []
        with closing(Tickets(gate.folder)) as replica:
            assert replica.codes.match("QUILLCODE").tickets == ()
            kept = replica.get("quill-1")
            assert kept is not None
            assert (kept.holder, kept.seats, kept.attention) == ("", (), "")
            assert sum(line.tickets for line in replica.census()) == len(ROWS["tickets"])
            assert replica.search("Annabelle") == replica.search("row 17") == []
            assert [one.id for one in replica.search("José")] == ["named-1"]

    async def test_a_reader_of_old_changes_does_not_get_it(
        self, running: Central, maker: Maker, tmp_path: Path
    ) -> None:
        """Who has not read so far begins with a new snapshot; who has goes on, and seals hold."""
        epoch = (await running.get(maker, "/snapshot")).json()["cursor"].partition(":")[0]
        old = await running.get(maker, f"/changes?cursor={epoch}:0:&limit=5")
        behind = old.json()["cursor"]
        gate = Gate(running, maker, tmp_path / "gate")
        await gate.begin()
        await erase(running, "code:QUILLCODE")
        for cursor in (f"{epoch}:0:", behind):
            answer = await running.get(maker, f"/changes?cursor={cursor}")
            assert (answer.status_code, answer.json()["error"]) == (409, "resync")
        assert await gate.follow() == 200
        with PeerFeed(gate.folder) as shared, pytest.raises(ResyncNeeded):
            shared.page(behind)
        later = Gate(running, maker, tmp_path / "later")
        await later.begin()
        assert later.feed.cursor == gate.feed.cursor
        assert holding(later.folder.path, *WORDS) == []
        gate.feed.close()
        later.feed.close()

    async def test_a_gate_that_read_only_the_ticket_goes_on(
        self, running: Central, gate: Gate
    ) -> None:
        """The position right after what was erased stays one to go on from."""
        rows = [{"code": "LAST1", "type": "SHOW", "id": "last-1", "holder": NAME}]
        await running.admin("POST", "/events/show/tickets", json={"tickets": rows})
        assert await gate.follow() == 200
        await erase(running, "last-1")
        assert await gate.follow() == 200

    async def test_it_stays_erased(self, running: Central) -> None:
        """Whoever states the ticket again is refused; so is a change of it."""
        await erase(running, "quill-1")
        for rows in (
            {"tickets": ROWS["tickets"][-1:]},
            {"changes": [{"id": "quill-1", "holder": NAME}]},
        ):
            answer = await running.admin("POST", "/events/show/tickets", json=rows)
            assert answer.status_code == 422
            assert "quill-1: this ticket was erased" in answer.json()["reason"]

    async def test_what_it_did_stays(
        self, running: Central, maker: Maker
    ) -> None:  # fmt: skip
        """Entries, counts and conflicts are as they were: they never had a name."""
        other = Maker("2" * 16)
        await running.enrol(other, "South")
        for one in (maker, other):
            await running.exchange(one, ask([one.make(ticket="quill-1")], [one.head()]))
        before = [(await running.admin("GET", f"/events/show/{what}")).json()
                  for what in ("counts", "conflicts")]  # fmt: skip
        assert before[1][0]["ticket"] == "quill-1"
        await erase(running, "quill-1")
        after = [(await running.admin("GET", f"/events/show/{what}")).json()
                 for what in ("counts", "conflicts")]  # fmt: skip
        assert after == before

    @pytest.mark.parametrize(
        ("who", "status"), [("nobody", 404), ("code:nobody", 404), ("order:1", 404), ("", 422)]
    )
    async def test_nobody(self, running: Central, who: str, status: int) -> None:
        """What is nobody's is told as such, and nothing is changed."""
        changes = running.count(t.change)
        await erase(running, who, status)
        assert running.count(t.change) == changes

    async def test_which_is_asked(self, running: Central) -> None:
        """A text that is one person's ticket and another's code is nobody's until it is said."""
        rows = [{"code": "quill-1", "type": "SHOW", "id": "other-1"}]
        await running.admin("POST", "/events/show/tickets", json={"tickets": rows})
        assert (await erase(running, "quill-1", 409))["error"] == "ambiguous"
        assert (await erase(running, "code:quill-1"))["tickets"] == ["other-1"]

    async def test_a_backup_does_not_bring_it_back(self, running: Central, tmp_path: Path) -> None:
        """Before it serves, a server on an old database erases again who was erased since."""
        backup = tmp_path / "backup.db"
        with closing(sqlite3.connect(running.folder / "central.db")) as db:
            db.execute("VACUUM INTO ?", (str(backup),))
        await erase(running, "quill-1")
        await erase(running, "good-1")
        list_ = (running.folder / persons.FILE).read_text()
        assert NAME not in list_
        # The power was cut within a line once.
        (running.folder / persons.FILE).write_text(list_ + '["show","good')
        engine = open_central(f"sqlite:///{backup}")
        assert erase_again(engine, running.folder) == 2
        assert erase_again(engine, running.folder) == 0
        with reading(engine) as connection:
            for table in (t.ticket, t.change):
                assert NAME not in str(connection.execute(select(table.c.body)).all())
        engine.dispose()

    async def test_every_server_of_a_database_knows(self, running: Central, tmp_path: Path) -> None:
        """What one has erased the others write down too, so that any may come back first."""
        await erase(running, "quill-1")
        other = tmp_path / "other"
        other.mkdir()
        with reading(running.engine) as connection:
            assert persons.keep_list(connection, other) == 1
            assert persons.keep_list(connection, other) == 0
        assert json.loads((other / persons.FILE).read_text().strip()) == ["show", "quill-1"]


class TestCards:
    """What the card API holds of a person."""

    @pytest.fixture
    async def api(self, running: Central) -> Api:
        """An account whose callback is never reached."""
        made = await account(running)
        with running.engine.begin() as connection:
            connection.execute(
                of_cards.account.update().values(callback="https://x", callback_token="abc")
            )
        return made

    @pytest.fixture
    async def bought(self, api: Api) -> tuple[str, list[str]]:
        """A card, and the codes that somebody has of it: claimed, ordered, given to a friend."""
        card = await api.create(meeting(get_limit=9))
        codes = [await api.claim(card, OPENID, outer_str="spring-letter")]
        items = [{"card_id": card, "count": 2}]
        order = {"order_id": "o-1", "openid": OPENID, "items": items}
        codes += (await api.ok("/v1/orders", order))["codes"]
        gift = {"code": codes[2], "from": OPENID, "to": "oFriend"}
        await api.ok("/v1/gifts", {**gift, "action": "start"})
        codes.append((await api.ok("/v1/gifts", {**gift, "action": "accept"}))["code"])
        await api.ok("/v1/actions", {"code": codes[0], "action": "view"})
        return card, codes

    async def test_everything_is_told(
        self, running: Central, api: Api, bought: tuple[str, list[str]]
    ) -> None:
        """Codes, orders, what waits to be told to callbacks: a person may have all of it."""
        path = "/events/show/persons/export"
        told = (await running.admin("POST", path, json={"who": f"openid:{OPENID}"})).json()
        assert len(told["tickets"]) == 2
        assert {row["code"] for row in told["issued_codes"]} >= set(bought[1][:3])
        assert [row["order_id"] for row in told["orders"]] == ["o-1"]
        assert told["notices"]
        assert told["views"]
        by_order = (await running.admin("POST", path, json={"who": "order:o-1"})).json()
        assert len(by_order["tickets"]) == 2

    async def test_everything_goes(
        self, running: Central, api: Api, bought: tuple[str, list[str]]
    ) -> None:
        """But the friend's ticket, and what is counted."""
        card, codes = bought
        before = await stock(running)
        # Of the codes one is the friend's now, who keeps it.
        erased = await erase(running, OPENID)
        assert len(erased["tickets"]) == 2
        assert holding(running.folder, OPENID, "spring-letter", *codes[:2]) == []
        assert await api.status(codes[3]) == "NORMAL"
        await api.fails(40056, "/card/code/get", {"code": codes[0], "check_consume": False})
        assert await stock(running) == before
        # A repeated order must not be taken for a new one.
        order = {"order_id": "o-1", "openid": OPENID, "items": [{"card_id": card, "count": 2}]}
        assert (await api.post("/v1/orders", order))["errcode"] != 0
        assert await stock(running) == before

    async def test_a_backup_erases_the_person_again(
        self, running: Central, api: Api, bought: tuple[str, list[str]], tmp_path: Path
    ) -> None:
        """By a hash of their id with the event's key, which is all that is written down of it."""
        backup = tmp_path / "old"
        backup.mkdir()
        with closing(sqlite3.connect(running.folder / "central.db")) as db:
            db.execute("VACUUM INTO ?", (str(backup / "central.db"),))
        await erase(running, OPENID)
        assert holding(running.folder, OPENID) == []
        engine = open_central(f"sqlite:///{backup / 'central.db'}")
        assert erase_again(engine, running.folder) == 3
        engine.dispose()
        assert holding(backup, OPENID, *bought[1][:2]) == []

    @pytest.mark.postgres
    async def test_on_postgresql(self, pg_url: str, tmp_path: Path) -> None:
        """The same statements there: no row of any table has the person, or anybody afterwards."""
        engine = emptied(pg_url)
        in_transaction(engine, lambda c: events.create_event(c, "show", "", "UTC", 1))
        async with central(tmp_path / "pg", engine=engine, runs_jobs=False) as running:
            assert (await running.admin("POST", "/events/show/tickets", json=ROWS)).is_success
            api = await account(running)
            card = await api.create(meeting(get_limit=9))
            code = await api.claim(card, OPENID, outer_str="spring-letter")
            items = [{"card_id": card, "count": 1}]
            await api.ok("/v1/orders", {"order_id": "o-1", "openid": OPENID, "items": items})
            other = await api.claim(card, "oSomebody")
            told = await running.admin(
                "POST", "/events/show/persons/export", json={"who": f"code:{code}"}
            )
            assert told.json()["issued_codes"][0]["openid"] == OPENID
            await erase(running, "quill-1")
            assert len((await erase(running, OPENID))["tickets"]) == 2
            assert rows_with(engine, NAME, SEAT, OPENID, code, "spring-letter") == []
            assert rows_with(engine, other) != []
            await end_event(running)
            assert rows_with(engine, other, "oSomebody", "José") == []
        engine.dispose()

    async def test_an_event_that_is_over_has_nobody(
        self, running: Central, api: Api, bought: tuple[str, list[str]]
    ) -> None:
        """Its codes, orders and people go; a claim is refused from then on."""
        before = await stock(running)
        await end_event(running)
        assert holding(running.folder, OPENID, "oFriend", "o-spring", *bought[1]) == []
        assert await stock(running) == before
        await api.fails(40078, "/v1/claims", {"card_id": bought[0], "openid": "oLate"})


def erase_again(engine: Engine, folder: Path) -> int:
    """What a server does at its start."""
    return in_transaction(engine, lambda c: persons.erase_again(c, folder, parts()))


def emptied(url: str) -> Engine:
    """A database with nothing in it."""
    engine = open_central(url)
    with engine.begin() as connection:
        for table in reversed(TABLES):
            if table is not t.meta:
                connection.execute(table.delete())
        connection.execute(t.meta.update().where(t.meta.c.key == "audit").values(value="0:"))
    return engine


def rows_with(engine: Engine, *texts: str) -> list[str]:
    """In which tables any of the texts stands."""
    with reading(engine) as connection:
        return [
            table.name
            for table in TABLES
            if any(text in str(connection.execute(select(table)).all()) for text in texts)
        ]


async def stock(running: Central) -> list[Any]:
    """What is counted of codes, by kind of time; and how many people that is."""
    h = of_cards.issued_code.c
    with reading(running.engine) as connection:
        rows = connection.execute(select(h.claimed_s > 0, h.redeemed_s > 0, h.openid)).all()
    return [len(rows), sum(row[0] for row in rows), len({row[2] for row in rows})]


async def end_event(running: Central, days: int = 40) -> None:
    """An event that ended so many days ago, looked at now."""
    ends = int(time.time()) - days * 86_400
    answer = await running.admin("PATCH", "/events/show", json={"ends": ends, "keep_days": 30})
    assert answer.status_code == 200, answer.text
    await running.app.state.retention.look(time.time_ns() // 1_000_000)


class TestRetention:
    """After the event's end."""

    async def test_names_and_codes_go_and_counts_stay(
        self, running: Central, gate: Gate, maker: Maker
    ) -> None:
        """At the server by itself, at a gate that hears of it, at one that begins afterwards."""
        await running.exchange(maker, ask([maker.make(ticket="quill-1")], [maker.head()]))
        before = (await running.admin("GET", "/events/show/counts")).json()
        await end_event(running)
        assert holding(running.folder, *WORDS, "QUILLCODE") == []
        with reading(running.engine) as connection:
            assert connection.execute(select(t.code)).first() is None
        assert (await running.admin("GET", "/events/show/counts")).json() == before
        assert await gate.follow() == 200
        event = gate.feed.event()
        assert event is not None
        assert event.dropped_ms
        assert drop_personal(gate.feed.file, event.dropped_ms)
        assert not drop_personal(gate.feed.file, event.dropped_ms)
        assert holding(gate.folder.path, *WORDS) == []
        with closing(Tickets(gate.folder)) as replica:
            assert sum(line.tickets for line in replica.census()) == len(ROWS["tickets"])
        await self._begins_bare(running, maker, gate.folder.path.parent / "late")

    async def _begins_bare(self, running: Central, maker: Maker, path: Path) -> None:
        late = Gate(running, maker, path)
        await late.begin()
        assert holding(late.folder.path, *WORDS) == []
        late.feed.close()

    @pytest.mark.parametrize(("days", "is_dropped"), [(29, False), (31, True)])
    async def test_when(self, running: Central, days: int, *, is_dropped: bool) -> None:
        """So many days after the end, and not before."""
        await end_event(running, days)
        event = (await running.admin("GET", "/events")).json()[0]
        assert bool(event.get("dropped_ms")) is is_dropped
        assert bool(holding(running.folder, NAME)) is not is_dropped

    async def test_without_an_end_all_is_kept(self, running: Central) -> None:
        """Nothing is dropped of an event of which nobody has said when it ends."""
        await running.app.state.retention.look(10**15)
        assert holding(running.folder, NAME)

    async def test_it_goes_on_where_a_server_died(
        self, running: Central, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever was begun is finished by the next look, and a snapshot meanwhile has nobody."""
        calls = 0
        real = erasing.drop_some

        def dies(connection: Any, event: str, after: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise OSError(DIED)
            return real(connection, event, after)

        monkeypatch.setattr(erasing, "_DROPPED", 10)
        looking = running.app.state.retention
        monkeypatch.setattr(looking, "_steps", (dies, *looking._steps[1:]))
        with pytest.raises(OSError, match=DIED):
            await end_event(running)
        assert holding(running.folder, NAME)
        await running.enrol(maker := Maker("3" * 16))
        await self._begins_bare(running, maker, running.folder.parent / "meanwhile")
        again = Retention(running.server, parts())
        await again.look(time.time_ns() // 1_000_000)
        assert holding(running.folder, *WORDS) == []

    async def test_a_slip_of_the_pen_drops_nothing(self, running: Central) -> None:
        """An end so long ago is taken only with the days it is kept, said in the same breath."""
        ends = {"ends": "2020-08-02"}
        answer = await running.admin("PATCH", "/events/show", json=ends)
        assert (answer.status_code, answer.json()["error"]) == (422, "at_once")
        await running.app.state.retention.look(time.time_ns() // 1_000_000)
        assert holding(running.folder, NAME)
        answer = await running.admin("PATCH", "/events/show", json=ends | {"keep_days": 1})
        assert answer.status_code == 200

    async def test_nothing_can_be_issued_any_more(self, running: Central) -> None:
        """Nor the end be moved: what is gone is gone."""
        await end_event(running)
        rows = {"tickets": [{"code": "X1", "type": "SHOW"}]}
        answer = await running.admin("POST", "/events/show/tickets", json=rows)
        assert (answer.status_code, "the event is over" in answer.text) == (422, True)
        answer = await running.admin("PATCH", "/events/show", json={"ends": 0})
        assert answer.status_code == 409

    @pytest.mark.postgres
    async def test_two_servers_at_once(self, pg_url: str, tmp_path: Path) -> None:
        """On PostgreSQL two may look at the same moment; it is written down once."""
        engine = emptied(pg_url)
        with engine.begin() as connection:
            events.create_event(connection, "show", "", "UTC", 1, ends_s=NOW)
            issuing.issue(connection, "show", issuing.Issue(ROWS["types"], ROWS["tickets"]))
        now_ms = (NOW + 31 * 86_400) * 1000
        async with (
            central(tmp_path / "a", engine=engine) as one,
            central(tmp_path / "b", engine=engine) as two,
        ):
            await asyncio.gather(
                *(made.app.state.retention.look(now_ms) for made in (one, two, one))
            )
            assert bare_everywhere(engine)
            rows = (await one.admin("GET", "/audit")).json()
            assert [row["act"] for row in rows].count("drop") == 1
            erased = await two.admin("GET", "/events")
            assert erased.json()[0]["dropped_ms"] == now_ms
        engine.dispose()


def bare_everywhere(engine: Engine) -> bool:
    """Whether no ticket and no change of any event has anything personal."""
    with reading(engine) as connection:
        bodies = connection.execute(select(t.ticket.c.body)).scalars().all()
        told = connection.execute(select(t.change.c.body)).scalars().all()
        codes = connection.execute(select(t.code)).all()
    return not codes and NAME not in str(told) and all(bare_body(body) == body for body in bodies)


class TestGate:
    """A gate by itself, after the event."""

    def test_a_lane_holds_and_its_journal_is_whole(
        self, venue: Folder, make_lane: MakeLane
    ) -> None:
        """Codes that were dropped are nobody's fault: it holds, with what to do."""
        lane = make_lane()
        lane.open()
        assert lane.admit(Scan("GOOD001")).outcome is Outcome.ADMIT
        with closing(TicketFeed(venue)) as feed:
            assert drop_personal(feed.file, 1)
        held = lane.admit(Scan("GOOD002"))
        assert held.outcome is Outcome.HOLD
        assert "codes were dropped" in held.hint
        lane.close()
        audit = audit_journal(venue.journal)
        assert audit.findings == []
        assert holding(venue.path, "Ångström", "李小龙") == []

    def test_older_replicas_go_when_nobody_scans(self, venue: Folder) -> None:
        """What was live once goes too, but not under a lane."""
        with closing(TicketFeed(venue)) as feed:
            live = (venue.path / venue.pointer.read_text().strip()).name
            shutil.copy(venue.path / live, venue.path / "tickets-aa-1.db")
            drop_personal(feed.file, 1)
        assert [path.name for path in venue.path.glob("tickets-*.db")] == [live]

    def test_how_long_is_kept(self) -> None:
        """By the end and the days; without an end for ever."""
        assert EventRow("e", "E", "UTC").keeps_until_ms == 0
        assert EventRow("e", "E", "UTC", 100, 2).keeps_until_ms == (100 + 2 * 86_400) * 1000


def test_people_are_found_everywhere() -> None:
    """Every table that has an id of a person is looked at: a new column makes this fail."""
    known = {(table.name, name) for table, name in cards._PEOPLE} | {
        ("card_order", "openid"), ("tester", "openid"),
    }  # fmt: skip
    people = {"openid", "claimed_by", "friend"}
    found = {(table.name, c.name) for table in TABLES for c in table.c
             if c.name in people}  # fmt: skip
    assert found == known
