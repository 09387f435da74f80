"""When an event is over nothing of a person is in any table of the database, whatever it is."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, select

from sync.cardapi import persons
from sync.cardapi import tables as t
from sync.server import events
from sync.server.database import in_transaction
from tests.conftest import needs
from tests.support import postgres
from tests.support.cardapi import Api, account, boarding, meeting
from tests.support.central import Maker, ask, card_api_of, central
from tests.sync.cardapi.test_card_ext import add, signed, ticket_of
from tests.sync.server.test_persons import emptied, end_event

OPENID, FRIEND, TESTER = "oPlanted-7731", "oPlantedFriend-7731", "oPlantedTester-7731"
SAID = {
    "passenger_name": "Planted Quill", "etkt_bnr": "99977311234567", "seat": "77F",
    "qrcode_data": "PLANTEDPASS7731", "class": "planted-class",
}  # fmt: skip
OUTER, ORDER_REASON, SEAT = "planted-letter", "planted-reason", "planted-seat"
PLANTED = (OPENID, FRIEND, TESTER, OUTER, ORDER_REASON, SEAT,
           *(v for k, v in SAID.items() if k != "seat"))  # fmt: skip


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine | None]:
    """An empty PostgreSQL; ``None``: SQLite in the server's folder."""
    if request.param == "sqlite":
        yield None
        return
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        made = emptied(url)
        in_transaction(made, lambda c: events.create_event(c, "show", "", "UTC", 1))
        yield made
        made.dispose()


@asynccontextmanager
async def sold(path: Path, engine: Engine | None) -> AsyncIterator[tuple[Api, list[str]]]:
    """A server on which a person has been, in every way there is; and the codes that they had."""
    async with central(path, engine=engine, runs_jobs=False) as running:
        api = await account(running)
        with running.engine.begin() as connection:
            connection.execute(t.account.update().values(callback="https://x", callback_token="a"))
        yield api, await _be_everywhere(api)


async def _be_everywhere(api: Api) -> list[str]:
    card = await api.create(meeting(get_limit=9))
    flight = await api.create(boarding(get_limit=9))
    bound = await api.create(meeting(bind_openid=True))
    await api.ok("/card/testwhitelist/set", {"openid": [TESTER]})
    offer = {"card_id": bound, "openid": OPENID, "outer_str": OUTER}
    await api.ok("/card/qrcode/create", {"action_name": "QR_CARD", "action_info": {"card": offer}})
    codes = [await api.claim(card, OPENID, outer_str=OUTER), await api.claim(flight, OPENID)]
    await api.ok("/card/boardingpass/checkin", {"code": codes[1], **SAID})
    begins = int(time.time()) + 86_400
    show = {"code": codes[0], "seat_number": SEAT[:12], "begin_time": begins}
    await api.ok("/card/meetingticket/updateuser", show)
    order = {"order_id": "o1", "openid": OPENID, "paid_at": 1,
             "items": [{"card_id": card, "count": 3}]}  # fmt: skip
    codes += (await api.ok("/v1/orders", order))["codes"]
    refund = {"refund_id": "r1", "order_id": "o1", "codes": codes[2:3], "reason": ORDER_REASON}
    await api.ok("/v1/refunds", refund)
    gift = {"code": codes[3], "from": OPENID, "to": FRIEND}
    await api.ok("/v1/gifts", {**gift, "action": "start"})
    codes.append((await api.ok("/v1/gifts", {**gift, "action": "accept"}))["code"])
    await api.ok("/v1/gifts", {"code": codes[4], "from": OPENID, "to": FRIEND, "action": "start"})
    await api.ok("/v1/actions", {"code": codes[0], "action": "view"})
    ext = signed((await ticket_of(api))["ticket"], card, openid=OPENID, nonce_str=OUTER)
    assert (await add(api, (card, ext)))["errcode"] == 0
    await _go_in(api)
    return codes


async def _go_in(api: Api) -> None:
    """At a gate, which the callback is to hear."""
    with api.running.engine.connect() as connection:
        tickets = connection.execute(
            select(t.issued_code.c.ticket).where(t.issued_code.c.openid == OPENID)
        )
        ticket = str(tickets.scalars().first())
    maker = Maker()
    await api.running.enrol(maker)
    await api.running.exchange(maker, ask([maker.make(ticket=ticket)], [maker.head()]))
    await card_api_of(api.running.app).jobs.follow()


def found(engine: Engine, *texts: str) -> dict[str, set[str]]:
    """In which columns any of the texts stands: of all tables that the database has."""
    tables = MetaData()
    tables.reflect(engine)
    where: dict[str, set[str]] = {}
    with engine.connect() as connection:
        for table in tables.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                for name, value in row.items():
                    held = bytes(value).decode("utf-8", "replace") if isinstance(
                        value, bytes | memoryview
                    ) else str(value)  # fmt: skip
                    for text in texts:
                        if text in held:
                            where.setdefault(f"{table.name}.{name}", set()).add(text)
    return where


async def test_nothing_of_a_person_is_in_any_table(tmp_path: Path, engine: Engine | None) -> None:
    """Openids, codes, seats, what was said of them: all stand somewhere before, and nowhere after.

    What is not dropped is what the tables have of a ticket by its id, and how many there were.
    """
    async with sold(tmp_path / "s", engine) as (api, codes):
        before = found(api.running.engine, *PLANTED, *codes)
        planted = {text for texts in before.values() for text in texts}
        assert {*PLANTED, *codes} - planted <= {SEAT}, "the seat is cut to twelve bytes"
        assert {
            "issued_code.openid", "issued_code.claimed_by", "issued_code.friend",
            "issued_code.said", "issued_code.note", "issued_code.outer_str", "card_order.openid",
            "card_order.codes", "card_refund.codes", "offer.body", "tester.openid",
            "card_view.openid", "outbox.body", "ticket.body",
        } <= set(before)  # fmt: skip
        await end_event(api.running)
        assert found(api.running.engine, *PLANTED, *codes, SEAT[:12]) == {}
        with api.running.engine.connect() as connection:
            assert len(connection.execute(select(t.issued_code)).all()) > len(codes)
            assert connection.execute(select(t.card_order)).all()


@pytest.mark.long
@pytest.mark.parametrize("step", range(len(persons.DROPS)))
async def test_the_mutation_a_step_that_is_forgotten(tmp_path: Path, step: int) -> None:
    """Without any one of the steps of the card API something of the person stays, and is found."""
    async with sold(tmp_path / "s", None) as (api, codes):
        steps = api.running.app.state.retention._steps
        forgotten = persons.DROPS[step]
        api.running.app.state.retention._steps = [one for one in steps if one is not forgotten]
        await end_event(api.running)
        assert found(api.running.engine, *PLANTED, *codes) != {}


async def test_testers_stay_while_an_event_of_their_account_lasts(tmp_path: Path) -> None:
    """They are the account's: they go with the last of its events."""
    async with central(tmp_path / "s", runs_jobs=False) as running:
        await running.admin("POST", "/events", json={"id": "next", "time_zone": "UTC"})
        api = await account(running)
        assert (await api.set(events=["next"])).is_success
        await api.ok("/card/testwhitelist/set", {"openid": [TESTER]})
        await end_event(running)
        assert found(running.engine, TESTER) != {}
        long_ago = int(time.time()) - 40 * 86_400
        over = {"ends": long_ago, "keep_days": 30}
        assert (await running.admin("PATCH", "/events/next", json=over)).is_success
        await running.app.state.retention.look(time.time_ns() // 1_000_000)
        assert found(running.engine, TESTER) == {}
