"""What is mounted on the server: any part, by what the server has to know of it, or none."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, delete, insert, inspect, select
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sync.server import serve
from sync.server import tables as t
from sync.server.address import Address
from sync.server.columns import text
from sync.server.database import open_database
from sync.server.part import Key, Part, PersonalData, Subject
from sync.server.server import Server
from sync.server.wanted import Wanted
from tests.support.central import Central, Maker, ask, central

metadata = MetaData()
locker = Table("locker", metadata, text("ticket", key=True), text("holder"))
TICKETS: dict[str, Any] = {
    "types": [{"id": "A", "kind": "meeting"}],
    "tickets": [{"code": "CODE1", "type": "A", "id": "t1"}],
}


class Lockers:
    """A part that is no card API: who has which locker."""

    def __init__(self) -> None:
        self.acts: list[str] = []

    def part(self) -> Part:
        """As the command line would build it."""
        return Part(
            name="lockers",
            migrations=(metadata.create_all,),
            prepare=self._prepare,
            look_again=self._look_again,
            personal=PersonalData(
                finders={"locker": self._by_holder, "code": self._by_holder},
                people=lambda connection, _event: connection.execute(
                    select(locker.c.holder)
                ).scalars(),
                held=self._held,
                erase=self._erase,
                drops=(self._drop,),
            ),
            mount=self._mount,
        )

    def _mount(self, server: Server) -> "Lockers":
        self.acts.append("mount")
        self._server = server
        return self

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/v1/lockers", self._answer)]

    async def start(self) -> None:
        self.acts.append(f"start {await self._server.read(lambda _connection: 'at work')}")

    async def stop(self) -> None:
        self.acts.append(f"stop {await self._server.read(lambda _connection: 'at work')}")

    async def _answer(self, _request: Request) -> Response:
        return PlainTextResponse("here")

    def _prepare(self, _connection: Connection, event: str, _now_ms: int) -> Sequence[str]:
        return [f"lockers of {event}"]

    def _look_again(self, _connection: Connection, event: str, tickets: Iterable[str]) -> None:
        self.acts.append(f"look again {event} {' '.join(tickets)}")

    def _by_holder(self, connection: Connection, _event: str, holder: str) -> Subject:
        query = select(locker.c.ticket).where(locker.c.holder == holder)
        return Subject(frozenset(connection.execute(query).scalars()))

    def _held(self, connection: Connection, _event: str, subject: Subject) -> Mapping[str, Any]:
        query = select(locker.c.holder).where(locker.c.ticket.in_(subject.tickets))
        return {"lockers": list(connection.execute(query).scalars())}

    def _erase(self, connection: Connection, _event: str, subject: Subject) -> int:
        gone = delete(locker).where(locker.c.ticket.in_(subject.tickets))
        return connection.execute(gone).rowcount

    def _drop(self, connection: Connection, _event: str, after: Key) -> Key:
        connection.execute(delete(locker))
        return None


async def issue(running: Central) -> None:
    """One ticket, whose locker is Ann's."""
    issued = await running.admin("POST", "/events/show/tickets", json=TICKETS)
    assert issued.status_code == 200, issued.text
    with running.engine.begin() as connection:
        if inspect(connection).has_table(locker.name):
            connection.execute(insert(locker).values(ticket="t1", holder="Ann"))


async def person(running: Central, act: str, who: str) -> Any:
    """What comes of asking about a person."""
    return await running.admin("POST", f"/events/show/persons/{act}", json={"who": who})


async def test_a_part_is_served_between_its_start_and_its_stop(tmp_path: Path) -> None:
    """Its routes answer; it starts when the server is at work, and stops while it still is."""
    lockers = Lockers()
    async with central(tmp_path / "s", mounted=(lockers.part(),)) as running:
        assert lockers.acts == ["mount", "start at work"]
        assert (await running.http.get("/v1/lockers")).text == "here"
    assert lockers.acts[2:] == ["stop at work"]


async def test_a_person_is_whole_over_all_parts(tmp_path: Path) -> None:
    """Found by what only the part knows, told with what it holds, and erased there too."""
    async with central(tmp_path / "s", mounted=(Lockers().part(),)) as running:
        await issue(running)
        for who in ("locker:Ann", "code:Ann", "code:CODE1", "ticket:t1", "Ann"):
            told = (await person(running, "export", who)).json()
            assert ([one["id"] for one in told["tickets"]], told["lockers"]) == (["t1"], ["Ann"])
        assert (await person(running, "erase", "code:CODE1")).json()["codes"] == 1
        assert running.count(locker) == 0


async def test_an_event_that_is_over_takes_its_parts_along(tmp_path: Path) -> None:
    """What a part holds of people goes with what the server does."""
    async with central(tmp_path / "s", mounted=(Lockers().part(),)) as running:
        await issue(running)
        ended = {"ends": int(time.time()) - 40 * 86_400, "keep_days": 30}
        assert (await running.admin("PATCH", "/events/show", json=ended)).status_code == 200
        await running.app.state.retention.look(time.time_ns() // 1_000_000)
        assert running.count(locker) == 0


async def test_a_part_hears_which_entries_count_no_more(tmp_path: Path) -> None:
    """By the tickets that they were on, in the transaction in which the device is disowned."""
    lockers = Lockers()
    async with central(tmp_path / "s", mounted=(lockers.part(),)) as running:
        await issue(running)
        await running.enrol(thief := Maker())
        await running.exchange(thief, ask([thief.make(ticket="t1")], [thief.head()]))
        device = f"/events/show/devices/{thief.device}"
        assert (await running.admin("POST", f"{device}/revoke")).status_code == 200
        assert (await running.admin("GET", f"{device}/disown")).status_code == 200
        assert "look again show t1" not in lockers.acts, "it was only asked"
        disowned = await running.admin("POST", f"{device}/disown", json={"from_ms": 0})
        assert disowned.status_code == 200, disowned.text
        assert lockers.acts[-1] == "look again show t1"


def test_a_part_prepares_itself_at_the_start(tmp_path: Path) -> None:
    """In the transaction that prepares the server, for its event; what it tells is told."""
    parts = (Lockers().part(),)
    engine = open_database(f"sqlite:///{tmp_path / 'c.db'}", parts)
    wanted = Wanted(event="gala", time_zone="UTC", parts=parts)
    ready = serve._prepare(engine, wanted, tmp_path, Address("http://localhost", ""))
    assert ready.of_parts == ["lockers of gala"]
    engine.dispose()


async def test_a_server_without_parts_is_a_server(tmp_path: Path) -> None:
    """It has its own tables only, finds and erases its own people, and answers for nobody else."""
    async with central(tmp_path / "s", mounted=()) as running:
        assert set(inspect(running.engine).get_table_names()) == set(t.metadata.tables)
        await issue(running)
        assert (await running.http.post("/card/create")).status_code == 404
        assert (await person(running, "export", "openid:oFan")).status_code == 404
        erased = await person(running, "erase", "code:CODE1")
        assert erased.json() == {"tickets": ["t1"], "codes": 0}
        await running.app.state.retention.look(time.time_ns() // 1_000_000)
