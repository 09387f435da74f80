"""Whatever is sent to the card API: HTTP 200, an errcode, and never the server's own fault."""

import asyncio
import copy
import itertools
import logging
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.core.ticket import Kind
from gate.storage.log_file import open_log
from sync.cardapi.errcodes import Errcode
from sync.cardapi.fields import BASE_INFO, DETAILS, NODES
from sync.cardapi.routes import CALLS
from tests.support.cardapi import MAKERS, Api, card_api, meeting
from tests.sync.cardapi.test_cardapi import DEPOSIT

pytestmark = pytest.mark.system

PATHS = [call.path for call in CALLS if call.path != "/cgi-bin/ticket/getticket"]
"""Of calls that have a body."""
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
        many = {"get_limit": 10**8}
        self.cards = {kind: self.do(self.api.create(make())) for kind, make in MAKERS.items()}
        self.spared = {
            kind: self.do(self.api.create(make(**many))) for kind, make in MAKERS.items()
        }
        """No test changes these."""
        self.custom = self.do(self.api.create(use_custom_code=True, **many))
        self.deposit = self.do(self.api.create(meeting(**DEPOSIT)))
        self.numbers = itertools.count()
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


@pytest.mark.examples(12)
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(call.path, marks=[pytest.mark.long] if n % 5 else [])
        for n, call in enumerate(CALLS)
    ],
)
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


def good(world: World, path: str) -> dict[str, Any]:
    """A body with which the call is done, about a ticket of its own where that matters."""
    kind = _KIND_OF.get(path, "MEETING_TICKET")
    card = {"card_id": world.spared[kind]}
    if path in _ABOUT_CARDS:
        # A card of its own, because it is changed.
        return copy.deepcopy(_ABOUT_CARDS[path]) | {"card_id": world.do(world.api.create())}
    if path in _ABOUT_NEITHER:
        return copy.deepcopy(_ABOUT_NEITHER[path])
    if path == "/cgi-bin/clear_quota":
        return {"appid": world.api.appid}
    if path == "/card/landingpage/create":
        shelf = card | {"thumb_url": "http://x/1.png"}
        return {"banner": "http://x", "page_title": "t", "can_share": True, "scene": "SCENE_H5",
                "card_list": [shelf]}  # fmt: skip
    if path == "/card/create":
        return meeting(advanced_info={"time_limit": [{"type": "MONDAY", "end_hour": 3}]})
    if path == "/card/qrcode/create":
        return {"action_name": "QR_CARD", "action_info": {"card": card | {"outer_str": "x"}}}
    if path.startswith(("/card/code/deposit", "/card/code/getdeposit", "/card/code/checkcode")):
        return {"card_id": world.deposit, "code": [f"D{next(world.numbers)}"]}
    number = next(world.numbers)
    order = {"order_id": f"A{number}", "openid": f"o{number}", "paid_at": 1}
    order |= {"items": [card | {"count": 2}]}
    if path == "/v1/orders":
        return order
    if path == "/v1/refunds":
        codes = world.do(world.api.ok("/v1/orders", order))["codes"]
        return {"refund_id": f"R{number}", "order_id": f"A{number}", "codes": codes, "reason": ""}
    claim = card | {"openid": "oFan", "outer_str": "x"}
    if path == "/v1/claims":
        return claim
    if path == "/card/code/update":
        own = {"card_id": world.custom, "code": f"C{number}"}
        world.do(world.api.ok("/v1/claims", claim | own))
        return own | {"new_code": f"N{number}"}
    claimed = world.do(world.api.ok("/v1/claims", claim))
    if path == "/card/code/decrypt":
        return {"encrypt_code": claimed["encrypt_code"]}
    return card | {"code": claimed["code"]} | _ABOUT_CODES.get(path, {})


_KIND_OF = {
    "/card/movieticket/updateuser": "MOVIE_TICKET", "/card/boardingpass/checkin": "BOARDING_PASS",
}  # fmt: skip
_ABOUT_CARDS: dict[str, dict[str, Any]] = {
    "/card/get": {}, "/card/delete": {},
    "/card/modifystock": {"increase_stock_value": 1, "reduce_stock_value": 1},
    "/card/update": {"meeting_ticket": {"base_info": {"notice": "x", "use_limit": 5}}},
    "/card/user/getcardlist": {"openid": "oFan"},
}  # fmt: skip
_DAYS = {"begin_date": "2026-01-01", "end_date": "2026-01-02", "cond_source": 1}
_ABOUT_NEITHER: dict[str, dict[str, Any]] = {
    "/card/batchget": {"offset": 0, "count": 5, "status_list": ["CARD_STATUS_VERIFY_OK"]},
    "/card/testwhitelist/set": {"openid": ["oA"], "username": ["b"]}, "/card/getcolors": {},
    "/datacube/getcardbizuininfo": _DAYS, "/datacube/getcardcardinfo": _DAYS,
    "/datacube/getcardmembercardinfo": _DAYS, "/datacube/getcardmembercarddetail": _DAYS,
}  # fmt: skip
_ABOUT_CODES: dict[str, dict[str, Any]] = {
    "/card/code/consume": {"outer_str": "x"}, "/card/code/get": {"check_consume": False},
    "/card/code/unavailable": {"reason": "x"},
    "/card/meetingticket/updateuser": {"begin_time": 5, "end_time": 6, "zone": "a", "entrance": "b",
                                       "seat_number": ["c"]},
    "/card/movieticket/updateuser": {"ticket_class": "4D", "show_time": 5, "duration": 5,
                                     "screening_room": "a", "seat_number": ["b", "c"]},
    "/card/boardingpass/checkin": {"class": "Y", "etkt_bnr": "1", "passenger_name": "a",
                                   "seat": "b", "gate": "c", "boarding_time": 5,
                                   "is_cancel": False},
    "/v1/gifts": {"action": "start", "from": "oFan", "to": "oB"}, "/v1/actions": {"action": "view"},
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_good_body_is_taken(world: World, path: str) -> None:
    """Of every call: what the next test spoils is not spoilt before."""
    answer = world.do(world.api.post(path, good(world, path)))
    assert answer["errcode"] == 0, answer


@pytest.mark.examples(10)
@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=min(25, settings().max_examples))
@given(data=st.data())
def test_a_good_body_that_is_spoilt_has_an_errcode(
    world: World, path: str, data: st.DataObject
) -> None:
    """One place in it, however deep, left out or replaced by anything: taken or refused."""
    body = good(world, path)
    places = [*_places(body), (body, "unheard_of")]
    node, name = places[data.draw(st.integers(0, len(places) - 1))]
    node[name] = data.draw(values)
    if data.draw(st.booleans()):
        del node[name]
    answer = world.do(world.api.post(path, body))
    assert answer["errcode"] in set(Errcode) - {Errcode.BUSY}, (body, answer)


def _places(body: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every named place of a body, with the object it is in."""
    for name, value in body.items():
        yield body, name
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from _places(inner)


@pytest.mark.parametrize("path", ["/cgi-bin/token", "/cgi-bin/stable_token"])
@given(data=st.data())
def test_any_question_for_a_token_has_an_errcode(
    world: World, path: str, data: st.DataObject
) -> None:
    """A good appid and secret with one of them spoilt, and whatever else: no token, an errcode."""
    api = world.api
    asked: dict[str, Any] = {
        "grant_type": "client_credential", "appid": api.appid, "secret": api.secret,
    }  # fmt: skip
    name = data.draw(st.sampled_from(sorted(asked)))
    spoilt = data.draw(values.filter(lambda value: value != asked[name]))
    body = asked | {name: spoilt, "force_refresh": data.draw(values)}
    if path.endswith("stable_token"):
        told = world.do(api.running.http.post(path, content=msgspec.json.encode(body)))
    else:
        told = world.do(api.running.http.get(path, params=asked | {name: str(spoilt)[:2000]}))
    assert told.status_code == 200
    assert told.json()["errcode"] in {40002, 40013, 40125, 41002, 41004, 47001}, (body, told.json())


@given(ext=values, listed=st.lists(values, max_size=3))
def test_any_card_ext_has_an_errcode(world: World, ext: Any, listed: list[Any]) -> None:
    """Whatever a phone, which has no token, says that it may add: it adds nothing."""
    one = {"cardId": world.cards["MEETING_TICKET"], "cardExt": ext}
    answer = world.do(world.api.post("/v1/addcard", {"cardList": [one, *listed]}, token=""))
    assert answer["errcode"] in set(Errcode) - {Errcode.BUSY, Errcode.OK}, (ext, answer)


@given(raw=st.binary(max_size=400), kind=st.sampled_from(["multipart/form-data", "image/png"]))
def test_any_upload_has_an_errcode(world: World, raw: bytes, kind: str) -> None:
    """A form that is none is no picture, however it is torn."""
    for content_type in (kind, f"{kind}; boundary=x"):
        told = world.do(
            world.api.running.http.post(
                "/cgi-bin/media/uploadimg",
                params={"access_token": world.api.token},
                content=b"--x\r\n" + raw,
                headers={"Content-Type": content_type},
            )
        )
        assert told.json()["errcode"] in (40005, 40009, 41005), (raw, told.text)


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
            connection.exec_driver_sql("DROP TABLE issued_code")
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
