"""Whatever is sent to the card API: HTTP 200, an errcode, and never the server's own fault."""

import asyncio
import logging
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.model import Kind
from gate.log_file import open_log
from sync.wechat.errcodes import Errcode
from sync.wechat.fields import BASE_INFO, DETAILS, NODES
from sync.wechat.routes import CALLS
from tests.wechat import MAKERS, Api, card_api

NAMES = sorted({
    "card_id", "code", "openid", "items", "order_id", "refund_id", "action", "from", "to",
    "new_code", "encrypt_code", "check_consume", "increase_stock_value", "offset", "count",
    "begin_date", "end_date", "codes", "action_info", "action_name", "ticket", "zone", "seat",
    "seat_number", "show_time", "duration", "class", "etkt_bnr", "qrcode_data", "is_cancel",
    "begin_time", "end_time", "card", "card_type", "base_info", "advanced_info", "date_info",
    *(field.name for field in BASE_INFO), *NODES.values(),
    *(field.name for fields in DETAILS.values() for field in fields),
})  # fmt: skip
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40), st.text("0123456789", max_size=20),
    st.sampled_from([kind.value for kind in Kind]), st.just("\0"), st.just("票" * 2000),
    st.integers(-(2**70), 2**70),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=12,
)
bodies = st.dictionaries(st.sampled_from(NAMES), values, max_size=8)


class World:
    """A running server with a card and a code of each kind, and a loop to ask it in."""

    def __init__(self, path: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._context = card_api(path, address_per_s=1e6, address_burst=1e6, account_per_s=1e6)
        self.api: Api = self.do(self._context.__aenter__())
        self.cards = {kind: self.do(self.api.create(make())) for kind, make in MAKERS.items()}
        self.codes = {kind: self.do(self.api.claim(card)) for kind, card in self.cards.items()}

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        self.do(self._context.__aexit__(None, None, None))
        self.loop.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("server"))
    yield world
    world.close()


@pytest.mark.parametrize("path", [call.path for call in CALLS])
@given(data=st.data())
def test_any_json_has_an_errcode(world: World, path: str, data: st.DataObject) -> None:
    """Arbitrary objects, also such as name a real card and code, are answered by the rules."""
    body = data.draw(bodies)
    if data.draw(st.booleans()):
        kind = data.draw(st.sampled_from(sorted(MAKERS)))
        body |= {"card_id": world.cards[kind], "code": world.codes[kind]}
    answer = world.do(world.api.post(path, body))
    assert answer["errcode"] != Errcode.BUSY, (body, answer)
    assert answer["errcode"] in set(Errcode)


@pytest.mark.parametrize("kind", MAKERS)
@given(data=st.data())
def test_any_change_of_a_card_has_an_errcode(world: World, kind: str, data: st.DataObject) -> None:
    """A good card with some fields replaced by anything is taken or refused, and then readable."""
    body = MAKERS[kind]()
    node = body["card"][kind.lower()]
    for fields in (node, node["base_info"]):
        if data.draw(st.booleans()):
            fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(values)
    answer = world.do(world.api.post("/card/create", body))
    assert answer["errcode"] != Errcode.BUSY, (body, answer)
    if answer["errcode"] == 0:
        card_id = answer["card_id"]
        assert world.do(world.api.post("/card/get", {"card_id": card_id}))["errcode"] == 0
        claimed = world.do(
            world.api.post("/v1/claims", {"card_id": card_id, "openid": "o", "code": "1"})
        )
        assert claimed["errcode"] in set(Errcode) - {Errcode.BUSY}


@given(raw=st.binary(max_size=200))
def test_any_bytes_have_an_errcode(world: World, raw: bytes) -> None:
    """What is no JSON is 44002 or 47001 or 47002."""
    answer = world.do(world.api.post("/card/get", raw))
    assert answer["errcode"] in (44002, 47001, 47002, 41012, 40073, 45021)


@given(token=st.text(string.printable, max_size=600))
def test_any_token_has_an_errcode(world: World, token: str) -> None:
    """No token but a real one opens anything."""
    answer = world.do(world.api.post("/card/getcolors", {}, token=token))
    assert answer["errcode"] in (41001, 40001, 40014, 45011)


async def test_secrets_and_codes_stay_out_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither secret, token, code nor openid is logged, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    # As the server begins, so that its libraries keep what they are asked to themselves.
    open_log(tmp_path / "server.log").close()
    async with card_api(tmp_path / "server") as api:
        code = await api.claim(await api.create(), "oVerySecretPerson")
        await api.post("/card/code/consume", {"code": code, "outer_str": "x" * 999})
        await api.post("/card/code/get", msgspec.json.encode({"code": code}) + b"}")
        with api.running.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE holding")
        await api.fails(-1, "/card/code/get", {"code": code})
        await api.fails(-1, "/card/code/consume", {"code": code})
    for secret in (api.secret, api.token, code, "oVerySecretPerson"):
        assert secret not in caplog.text
    assert caplog.text


async def test_guessing_secrets_and_tokens_is_slowed_down(tmp_path: Path) -> None:
    """Whoever guesses too often hears 45011; a good token from there still works."""
    async with card_api(tmp_path / "server", address_per_s=0.01, address_burst=4) as api:
        told = [(await api.post("/card/getcolors", {}, token="guess"))["errcode"] for _n in "12345"]
        assert told == [40001] * 4 + [45011]
        query = {"grant_type": "client_credential", "appid": api.appid, "secret": "guess"}
        answer = await api.running.http.get("/cgi-bin/token", params=query)
        assert answer.json()["errcode"] == 45011
        await api.ok("/card/getcolors", {})


async def test_one_token_s_calls_are_bounded(tmp_path: Path) -> None:
    """Beyond its burst a token is 45011, before anything is read."""
    async with card_api(tmp_path / "server", account_per_s=0.01, account_burst=3) as api:
        told = [(await api.post("/card/getcolors", {}))["errcode"] for _n in range(5)]
        assert told == [0, 0, 0, 45011, 45011]
