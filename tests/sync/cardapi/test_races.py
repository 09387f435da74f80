"""Many at once, on SQLite and PostgreSQL, through one server and two: never one too many."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select, update

from gate.core.entry import Act
from sync.cardapi import codes, routes
from sync.cardapi import tables as t
from sync.cardapi.accounts import is_tester
from sync.cardapi.errcodes import Refused
from sync.server import events, journals
from sync.server import tables as of_server
from sync.server.database import reading
from tests.conftest import needs
from tests.support import postgres
from tests.support.cardapi import Api, account
from tests.support.central import Central, card_api_of, central, open_central

pytestmark = pytest.mark.system

CLIENTS = 64
CALM: dict[str, Any] = {"address_per_s": 1e6, "address_burst": 1e6}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/c.db"
        return
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        yield url


@asynccontextmanager
async def several(url: str, path: Path) -> AsyncIterator[list[Api]]:
    """One server on SQLite, two on PostgreSQL, with one account."""
    count = 1 if url.startswith("sqlite") else 2
    engines = [open_central(url) for _n in range(count)]
    with engines[0].begin() as connection:
        events.create_event(connection, "show", "", "Asia/Shanghai", 0)
    async with AsyncExitStack() as stack:
        running: list[Central] = [
            await stack.enter_async_context(central(path / str(n), engine=engine, **CALM))
            for n, engine in enumerate(engines)
        ]
        first = await account(running[0])
        yield [Api(one, first.appid, first.secret, first.token) for one in running]
    for engine in engines:
        engine.dispose()


async def at_once(apis: list[Api], path: str, bodies: list[Any]) -> Counter[int]:
    """All of them at once, spread over the servers; how often each errcode came."""
    calls = [apis[n % len(apis)].post(path, body) for n, body in enumerate(bodies)]
    return Counter(answer["errcode"] for answer in await asyncio.gather(*calls))


async def test_races(url: str, tmp_path: Path) -> None:
    """One code consumed, the last stock claimed, an order paid, a gift taken, by 64 at once."""
    async with several(url, tmp_path) as apis:
        api = apis[0]
        card_id = await api.create(get_limit=99)
        code = await api.claim(card_id)
        told = await at_once(apis, "/card/code/consume", [{"code": code}] * CLIENTS)
        assert told == {0: 1, 40099: CLIENTS - 1}
        assert admissions(api) == 1

        few = await api.create(sku={"quantity": 5})
        claims = [{"card_id": few, "openid": f"o{n}"} for n in range(CLIENTS)]
        assert await at_once(apis, "/v1/claims", claims) == {0: 5, 45031: CLIENTS - 5}
        assert held(api, few) == 5

        narrow = await api.create(get_limit=3)
        claims = [{"card_id": narrow, "openid": "oFan"}] * CLIENTS
        assert await at_once(apis, "/v1/claims", claims) == {0: 3, 45033: CLIENTS - 3}

        items = [{"card_id": card_id, "count": 3}]
        order = {"order_id": "A", "openid": "oB", "items": items, "paid_at": 1}
        before = held(api, card_id)
        answers = await asyncio.gather(
            *(apis[n % len(apis)].ok("/v1/orders", order) for n in range(CLIENTS))
        )
        assert len({tuple(answer["codes"]) for answer in answers}) == 1
        assert held(api, card_id) == before + 3
        refund = {"refund_id": "R", "order_id": "A", "reason": ""}
        assert await at_once(apis, "/v1/refunds", [refund] * CLIENTS) == {0: CLIENTS}

        gift = await api.claim(card_id)
        start = {"code": gift, "action": "start", "from": "oFan"}
        assert (await at_once(apis, "/v1/gifts", [start] * CLIENTS))[0] == 1
        accepts = [start | {"action": "accept", "to": f"o{n}"} for n in range(CLIENTS)]
        told = await at_once(apis, "/v1/gifts", accepts)
        assert (told[0], told[40056] + told[40127]) == (1, CLIENTS - 1)


async def test_consuming_against_voiding_and_gates(url: str, tmp_path: Path) -> None:
    """A code is used or void, never both; both chains of the server's own journal are one."""
    async with several(url, tmp_path) as apis:
        api = apis[0]
        card_id = await api.create(get_limit=99)
        held_codes = [await api.claim(card_id) for _n in range(10)]
        calls = []
        for code in held_codes:
            calls += [apis[0].post("/card/code/consume", {"code": code}),
                      apis[-1].post("/card/code/unavailable", {"code": code})]  # fmt: skip
        answers = [answer["errcode"] for answer in await asyncio.gather(*calls)]
        for n, code in enumerate(held_codes):
            used, voided = answers[2 * n : 2 * n + 2]
            assert (used, voided) in ((0, 40099), (40127, 0))
            assert await api.status(code) == ("CONSUMED" if used == 0 else "UNAVAILABLE")
        with reading(api.running.engine) as connection:
            tips = connection.execute(select(of_server.tip.c.origin)).all()
        # Where every code was voided first the server's journal has not begun.
        assert len(tips) == (1 if 0 in answers[::2] else 0)


def admissions(api: Api) -> int:
    with reading(api.running.engine) as connection:
        query = select(func.count()).select_from(of_server.entry)
        return int(
            connection.execute(query.where(of_server.entry.c.act == Act.ADMISSION)).scalar_one()
        )


def held(api: Api, card_id: str) -> int:
    with reading(api.running.engine) as connection:
        query = select(func.count()).select_from(t.issued_code)
        return int(connection.execute(query.where(t.issued_code.c.card_id == card_id)).scalar_one())


def unlocked(connection: Connection, event: str) -> tuple[int, int]:
    """What ``journals.lock`` answers, without standing in line."""
    at = select(of_server.stream.c.entries, of_server.stream.c.head).where(
        of_server.stream.c.event == event
    )
    return tuple(connection.execute(at).one())


@pytest.mark.postgres
@pytest.mark.long
async def test_the_mutation_without_the_event_s_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL, with nobody standing in line, more than one of many consumes succeeds."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        async with several(url, tmp_path) as apis:
            card_id = await apis[0].create(get_limit=99)
            monkeypatch.setattr(journals, "lock", unlocked)

            def slowly(connection: Any, *rest: str) -> bool:
                # Who comes later has looked before, and writes after, whoever was first.
                connection.exec_driver_sql("SELECT pg_sleep(random() * 0.2)")
                return is_tester(connection, *rest)

            monkeypatch.setattr(codes, "is_tester", slowly)
            twice = 0
            for _n in range(25):
                if twice:
                    break
                code = await apis[0].claim(card_id)
                told = await at_once(apis, "/card/code/consume", [{"code": code}] * 2)
                twice += told[0] == 2
            assert twice > 0


async def test_stock_is_counted_down_in_the_table(tmp_path: Path) -> None:
    """What is left is what was there less what was claimed, however claims are mixed."""
    async with several(f"sqlite:///{tmp_path}/c.db", tmp_path) as (api,):
        card_id = await api.create(sku={"quantity": 40}, get_limit=99)
        orders = [
            {"order_id": str(n), "openid": f"o{n}", "items": [{"card_id": card_id, "count": n}]}
            for n in range(1, 12)
        ]
        told = await at_once([api], "/v1/orders", orders)
        with api.running.engine.begin() as connection:
            left = connection.execute(select(t.card.c.quantity)).scalar_one()
            connection.execute(update(t.card).values(quantity=0))
        assert left == 40 - held(api, card_id) >= 0
        assert told[0] + told[45031] == 11


async def test_cost_does_not_grow_with_what_is_there(tmp_path: Path) -> None:
    """No statement of the busy calls reads through a card's or an event's rows: each has its index.

    Law 11; the mutation is a question about one person that forgets the account.
    """
    asked: dict[str, Any] = {}
    async with several(f"sqlite:///{tmp_path}/c.db", tmp_path) as (api,):
        engine = api.running.engine

        def listen(_c: Any, _cursor: Any, statement: str, bound: Any, _x: Any, many: bool) -> None:
            asked.setdefault(statement, bound[0] if many else bound)

        card_id = await api.create(get_limit=9)
        # A process reads once what it then remembers.
        await api.ok("/card/code/consume", {"code": await api.claim(card_id, "first")})
        event.listen(engine, "before_cursor_execute", listen)
        order = {"order_id": "A", "openid": "o", "items": [{"card_id": card_id, "count": 2}]}
        first, second = (await api.ok("/v1/orders", order))["codes"]
        await api.ok("/card/code/consume", {"code": first})
        await api.ok("/card/code/get", {"code": second})
        give = {"code": second, "from": "o", "to": "p"}
        await api.ok("/v1/gifts", give | {"action": "start"})
        await api.ok("/v1/gifts", give | {"action": "accept"})
        await card_api_of(api.running.app).jobs.follow()
        event.remove(engine, "before_cursor_execute", listen)
        with reading(engine) as connection:

            def wasteful(statement: str, bound: Any) -> list[str]:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", bound)
                return [row[-1] for row in plan if _WASTEFUL.search(row[-1])]

            read = ("SELECT", "UPDATE", "DELETE")
            busy = {s: b for s, b in asked.items() if s.lstrip().startswith(read)}
            assert len(busy) > 20
            assert {s: w for s, b in busy.items() if (w := wasteful(s, b))} == {}
            mutant = "SELECT count(*) FROM issued_code WHERE card_id = ? AND openid = ?"
            assert wasteful(mutant, (card_id, "o"))


_WASTEFUL = re.compile(
    r"SCAN (?:issued_code|ticket|code|entry|change|card|outbox)\b"
    r"|SEARCH (?:issued_code|ticket|code|entry|change|outbox) .*\((?:event|appid|recipient)=\?\)"
    r"|SEARCH issued_code .*\(card_id=\?\)"
)


async def test_a_refusal_takes_nobody_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that commit together are each done once: a refused one does not undo the others.

    The mutation raises the refusal out of the job, and everybody's work is done again.
    """
    real, runs = routes._work, 0

    def counting(*arguments: Any, **named: Any) -> Any:
        nonlocal runs
        runs += 1
        return real(*arguments, **named)

    def raising(*arguments: Any, **named: Any) -> Any:
        answer = counting(*arguments, **named)
        if isinstance(answer, Refused):
            raise answer
        return answer

    async with several(f"sqlite:///{tmp_path}/c.db", tmp_path) as (api,):
        card_id = await api.create(get_limit=99)
        again = {}
        for work in (counting, raising):
            monkeypatch.setattr(routes, "_work", work)
            code = await api.claim(card_id)
            runs = 0
            told = await at_once([api], "/card/code/consume", [{"code": code}] * CLIENTS)
            assert told == {0: 1, 40099: CLIENTS - 1}
            again[work] = runs - CLIENTS
        assert again[counting] == 0
        assert again[raising] > 0
