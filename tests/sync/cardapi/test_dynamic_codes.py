"""``use_dynamic_code``: what a phone shows moves on, and calls take it for its code."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gate.credential.rotating import Pattern, read
from sync.cardapi import accounts, codes, dynamic_codes
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.projection import DYNAMIC_CODE
from sync.server import ticket_store
from sync.server.database import reading
from tests.support.cardapi import Api, card_api

CONSUME, GET = "/card/code/consume", "/card/code/get"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A server with an account."""
    async with card_api(tmp_path / "server") as api:
        yield api


async def shown(api: Api, code: str) -> str:
    """What the phone shows now."""
    return str((await api.ok(GET, {"code": code}))["dynamic_code"]["code"])


def called(api: Api, call: Any, at_ms: int, **asked: Any) -> dict[str, Any]:
    with api.running.engine.begin() as connection:
        account = accounts.find(connection, api.appid)
        assert account is not None
        answer: dict[str, Any] = call(connection, account, asked, at_ms)
    return answer


async def test_a_card_with_dynamic_codes_is_taken(api: Api) -> None:
    """Its type rotates and its tickets have keys; a card without says nothing of it."""
    code = await api.claim(await api.create(use_dynamic_code=True))
    begun_s = time.time()
    answer = await api.ok(GET, {"code": code})
    text, end_s = answer["dynamic_code"]["code"], answer["dynamic_code"]["end_time"]
    assert begun_s < end_s <= time.time() + 15
    parts = read(Pattern(DYNAMIC_CODE), text)
    assert parts is not None
    assert parts.code == code
    with reading(api.running.engine) as connection:
        types = dict(ticket_store.all_types(connection, "show"))
    assert any(DYNAMIC_CODE in body for body in types.values())
    plain = await api.claim(await api.create())
    assert "dynamic_code" not in await api.ok(GET, {"code": plain})


async def test_a_dynamic_code_stands_for_its_code(api: Api) -> None:
    """For get and consume alike, once."""
    code = await api.claim(await api.create(use_dynamic_code=True))
    text = await shown(api, code)
    assert (await api.ok(GET, {"code": text}))["card"]["code"] == code
    await api.ok(CONSUME, {"code": text})
    assert await api.status(code) == "CONSUMED"
    await api.fails(40099, CONSUME, {"code": text})


async def test_five_minutes_later_it_is_expired_unless_asked_for(api: Api) -> None:
    """``is_expire_dynamic_code`` is for what waited while there was no network."""
    code = await api.claim(await api.create(use_dynamic_code=True))
    text, now_ms = await shown(api, code), int(time.time() * 1000)
    later_ms = now_ms + dynamic_codes.GOOD_MS + 20_000
    assert called(api, codes.get, now_ms + 200_000, code=text)["card"]["code"] == code
    with pytest.raises(Refused) as refused:
        called(api, codes.consume, later_ms, code=text)
    assert refused.value.code is Errcode.BAD_CODE
    found = called(api, codes.get, later_ms, code=text, is_expire_dynamic_code=True)
    assert found["card"]["code"] == code


@pytest.mark.examples(1)
@pytest.mark.parametrize("at", [-1, -8, 5])
async def test_one_digit_wrong_is_no_code(api: Api, at: int) -> None:
    """Of the value, of the time or of the code itself."""
    code = await api.claim(await api.create(use_dynamic_code=True))
    text = await shown(api, code)
    wrong = [*text]
    wrong[at] = str((int(wrong[at]) + 5) % 10) if wrong[at].isdecimal() else "0"
    if at == -8:
        wrong[-12] = str((int(wrong[-12]) + 5) % 10)
    await api.fails(Errcode.BAD_CODE, GET, {"code": "".join(wrong)})


@pytest.mark.examples(2)
@pytest.mark.parametrize("text", ["1636", "1636" + "0" * 16, "1636" + "0" * 17, "1636x" * 40])
async def test_what_only_begins_like_one_is_no_code(api: Api, text: str) -> None:
    """However long it is."""
    await api.fails(Errcode.BAD_CODE, GET, {"code": text})
