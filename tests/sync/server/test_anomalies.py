"""What is unlike an honest evening, as the organiser's side of the server tells it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import delete

from gate.core.anomalies.anomaly import Sold
from gate.core.anomalies.sight import read_sight
from gate.core.entry_codec import NoEntryError
from sync.server import tables as t
from sync.server.anomalies import _SoldTickets
from sync.server.database import reading
from sync.server.events import create_event
from tests.conftest import needs
from tests.support import postgres
from tests.support.central import Central, Maker, ask, central, open_central

PATH = "/events/show/anomalies"


@pytest.fixture(scope="module")
def pg_url() -> Iterator[str]:
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        yield url


@pytest_asyncio.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def running(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Central]:
    """A server with an event of its own on either database."""
    engine = None
    if request.param == "postgresql":
        engine = open_central(request.getfixturevalue("pg_url"))
        with engine.begin() as connection:
            for table in t.metadata.sorted_tables:
                if table.name != "meta":
                    connection.execute(delete(table))
            create_event(connection, "show", "", "Asia/Shanghai", 0)
    async with central(tmp_path / "server", engine=engine) as made:
        yield made
    if engine is not None:
        engine.dispose()


async def lines(running: Central) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await running.admin("GET", PATH)).json()
    return found


async def fast(running: Central, maker: Maker, count: int) -> None:
    """So many admissions within a moment."""
    await running.exchange(maker, ask(maker.run(count)))


async def test_it_is_told_with_its_entries(running: Central) -> None:
    """Kind, severity, sentence, what to do, and the names of the entries; nothing before."""
    maker = Maker()
    await running.enrol(maker)
    assert await lines(running) == []
    await fast(running, maker, 60)
    (line,) = await lines(running)
    assert (line["kind"], line["severity"], line["about"]) == ("fast_lane", "high", "North")
    assert str(line["sentence"]).startswith("North let 60 tickets in within a minute")
    assert line["remedy"] != ""
    entries = line["entries"]
    assert isinstance(entries, list)
    assert (entries[0], len(entries)) == (f"{maker.origin}:1", 40)


async def test_what_comes_later_is_added(running: Central) -> None:
    """Asked again, what was seen is kept and what came since is read."""
    maker = Maker()
    await running.enrol(maker)
    await fast(running, maker, 40)
    assert await lines(running) == []
    await fast(running, maker, 20)
    assert [line["kind"] for line in await lines(running)] == ["fast_lane"]


async def test_what_the_event_says_counts(running: Central) -> None:
    """Its limits, from the next question on."""
    maker = Maker()
    await running.enrol(maker)
    await fast(running, maker, 60)
    rules: dict[str, object] = {"settings": {"rules": {"scans_a_minute": 70}}}
    assert (await running.admin("PATCH", "/events/show", json=rules)).status_code == 200
    assert await lines(running) == []
    rules = {"settings": {"rules": {"scans_a_minute": None, "anomalies_off": ["undos"]}}}
    assert (await running.admin("PATCH", "/events/show", json=rules)).status_code == 200
    assert len(await lines(running)) == 1
    wrong = {"settings": {"rules": {"opening_hours": "always"}}}
    assert (await running.admin("PATCH", "/events/show", json=wrong)).status_code == 422


async def test_it_names_people_so_it_takes_that_right(running: Central) -> None:
    """A token for numbers does not open it, one for names does."""
    answers = []
    for rights in (["counts"], ["names"]):
        asked = {"name": "desk", "event": "show", "rights": rights, "lifetime_s": 600}
        token = (await running.admin("POST", "/organisers", json=asked)).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        answers.append((await running.http.get(f"/v1{PATH}", headers=headers)).status_code)
    assert answers == [403, 200]


async def test_who_does_not_follow_is_seen(
    running: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: one that reads a page and stops misses what comes after it."""
    maker = Maker()
    await running.enrol(maker)
    await fast(running, maker, 60)
    seen = []

    def first_ones(body: str) -> object:
        seen.append(body)
        if len(seen) > 30:
            raise NoEntryError
        return read_sight(body)

    monkeypatch.setattr("sync.server.anomalies.read_sight", first_ones)
    assert await lines(running) == []


async def test_what_the_rules_need_of_the_tickets(running: Central) -> None:
    """Of a ticket its order and its party, its own before its type's; of an order its size."""
    stated = {
        "types": [{"id": "GALA", "kind": "MEETING_TICKET", "title": "Gala", "party_size": 2}],
        "tickets": [
            {"id": f"o{n}", "type": "GALA", "code": f"ORD{n}", "order": 'A "1"'} for n in range(3)
        ] + [{"id": "g1", "type": "GALA", "code": "GRP1", "party": 4}],
    }  # fmt: skip
    answer = await running.admin("POST", "/events/show/tickets", json=stated)
    assert answer.status_code == 200, answer.text
    with reading(running.engine) as connection:
        sold = _SoldTickets(connection, "show", {})
        assert sold.sold(["o0", "g1", "nobody's"]) == {"o0": Sold('A "1"', 2), "g1": Sold("", 4)}
        assert (sold.order_size('A "1"'), sold.order_size("A")) == (3, 0)
