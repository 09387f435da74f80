"""The organiser's webhooks hear of a refund, once, and only of one that was made."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sync.server import tables as t
from tests.support.cardapi import Api, card_api


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A server that tells nothing by itself, with an account and a webhook."""
    async with card_api(tmp_path / "server", runs_jobs=False, callback_to=("127.0.0.1",)) as api:
        hook = {"url": "http://127.0.0.1:1/", "kinds": ["refund"]}
        made = await api.running.admin("POST", "/events/show/webhooks", json=hook)
        assert made.status_code == 201, made.text
        yield api


def waiting(api: Api) -> list[dict[str, Any]]:
    """What waits to be told, as it will be posted."""
    o = t.outbox.c
    with api.running.engine.connect() as connection:
        rows = connection.execute(select(o.body).where(o.channel == "webhooks").order_by(o.id))
        return [json.loads(body) for body in rows.scalars()]


async def test_a_refund_is_told_once(api: Api) -> None:
    """With the ids of its tickets, when the call is answered; again by the same id it is none."""
    card = await api.create(get_limit=9)
    order = {"order_id": "o1", "openid": "oFan", "paid_at": 1,
             "items": [{"card_id": card, "count": 2}]}  # fmt: skip
    codes = (await api.ok("/v1/orders", order))["codes"]
    refund = {"refund_id": "r1", "order_id": "o1", "codes": codes, "reason": "for Ann Quill"}
    for _time in range(2):
        await api.ok("/v1/refunds", refund)
    (told,) = waiting(api)
    assert (told["type"], told["event"], told["data"]["refund"]) == ("refund", "show", "r1")
    with api.running.engine.connect() as connection:
        tickets = set(connection.execute(select(t.ticket.c.id)).scalars())
    assert set(told["data"]["tickets"]) == tickets
    said = json.dumps(told)
    assert not [one for one in (*codes, "oFan", "Quill") if one in said]


async def test_a_refund_that_is_refused_is_not_told(api: Api) -> None:
    """As where a ticket was used: nothing became void, so there is nothing to hear."""
    card = await api.create(get_limit=9)
    order = {"order_id": "o1", "openid": "oFan", "paid_at": 1,
             "items": [{"card_id": card, "count": 2}]}  # fmt: skip
    codes = (await api.ok("/v1/orders", order))["codes"]
    await api.ok("/card/code/consume", {"code": codes[0]})
    await api.fails(40099, "/v1/refunds", {"refund_id": "r1", "order_id": "o1", "reason": ""})
    assert waiting(api) == []
    only = {"refund_id": "r2", "order_id": "o1", "codes": codes[1:], "reason": ""}
    await api.ok("/v1/refunds", only)
    assert [len(one["data"]["tickets"]) for one in waiting(api)] == [1]
