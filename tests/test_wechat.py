"""The card API, call by call."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.wechat import MAKERS, Api, card_api


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """An account at a server."""
    async with card_api(tmp_path / "server") as api:
        yield api


@pytest.mark.parametrize("kind", MAKERS)
async def test_the_reference_s_examples_are_taken(api: Api, kind: str) -> None:
    """Each kind is created by the reference's own body, shown as it was, claimed and used once."""
    card_id = await api.create(MAKERS[kind]())
    shown = (await api.ok("/card/get", {"card_id": card_id}))["card"]
    base = shown[kind.lower()]["base_info"]
    assert shown["card_type"] == kind
    assert (base["id"], base["title"], base["color"]) == (card_id, "XX会议", "#63b359")
    assert base["date_info"]["type"] == "DATE_TYPE_FIX_TIME_RANGE"
    assert base["status"] == "CARD_STATUS_VERIFY_OK"
    code = await api.claim(card_id)
    assert len(code) == 12
    assert code.isdecimal()
    assert await api.status(code) == "NORMAL"
    answer = await api.ok("/card/code/consume", {"code": code})
    assert answer["card"] == {"card_id": card_id}
    assert answer["openid"] == "oFan"
    assert await api.status(code) == "CONSUMED"
    await api.fails(40099, "/card/code/consume", {"code": code})
    await api.fails(40099, "/card/code/get", {"code": code})
