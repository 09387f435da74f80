"""What an account's callback is told: all of it, in order, signed, and after a restart too."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import wechatpy
from sqlalchemy import delete, select, update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException
from wechatpy.utils import check_signature

from gate.core import entry_codec
from gate.core.entry import Act
from sync.cardapi import callback, webhook_outbox
from sync.cardapi import tables as of_cards
from sync.cardapi.background_jobs import Callbacks, CardJobs
from sync.cardapi.webhook_outbox import CHANNEL
from sync.push_crypto import encrypt, signature
from sync.server import events
from sync.server import tables as t
from sync.server.database import reading
from sync.server.webhooks import delivery, outbox
from sync.server.webhooks.deliveries import Deliveries
from sync.server.webhooks.delivery import WebhookDelivery, client
from tests.support.cardapi import DAY_S, Api, account, card_api
from tests.support.central import Maker, ask, card_api_of, open_central
from tests.sync.cardapi.test_cardapi import gate, kept, redeem_at_gate

TOKEN, KEY = "AAAAA", "a" * 43
URL = "https://backend.test/hook?tenant=7"


@dataclass(slots=True)
class Backend:
    """An organiser's backend: checks the signature, parses with wechatpy, keeps what it heard."""

    appid: str = ""
    is_deaf: bool = False
    """It answers something that is not "success"."""
    deaf_to: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    queries: list[dict[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/hook", self.hook, methods=["GET", "POST"])])

    async def hook(self, request: Request) -> Response:
        said = dict(request.query_params)
        check_signature(TOKEN, said["signature"], said["timestamp"], said["nonce"])
        assert said["tenant"] == "7"
        if request.method == "GET":
            return PlainTextResponse("no" if self.is_deaf else said["echostr"])
        self.asked += 1
        body = (await request.body()).decode()
        self.queries.append(said)
        self.bodies.append(body)
        if "encrypt_type" in said:
            crypto = WeChatCrypto(TOKEN, KEY, self.appid)
            body = crypto.decrypt_message(
                body, said["msg_signature"], said["timestamp"], said["nonce"]
            )
        message = wechatpy.parse_message(body)
        told = dict(message._data)
        if self.deaf_to and self.deaf_to in body:
            return PlainTextResponse("success", 500)
        if self.is_deaf:
            return PlainTextResponse("later")
        self.heard.append(told)
        return PlainTextResponse("success")

    def events(self, **fields: str) -> list[str]:
        return [
            one["Event"] for one in self.heard
            if all(one.get(name) == value for name, value in fields.items())
        ]  # fmt: skip


def jobs_of(api: Api) -> CardJobs:
    return card_api_of(api.running.app).jobs


def deliveries_of(api: Api) -> Deliveries:
    return api.running.server.deliveries


async def connect(api: Api, backend: Backend) -> None:
    """Let the server reach the backend, whose word it asks for first."""
    backend.appid = api.appid
    await deliveries_of(api).http.aclose()
    deliveries_of(api).http = httpx.AsyncClient(transport=httpx.ASGITransport(backend.app()))


@asynccontextmanager
async def heard_by(path: Path, backend: Backend, **settings: Any) -> AsyncIterator[Api]:
    # Everything here is driven by hand, step by step.
    async with card_api(path, runs_jobs=False, **settings) as api:
        await connect(api, backend)
        answer = await api.set(callback=URL, callback_token=TOKEN)
        assert answer.status_code == 200, answer.text
        yield api


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
async def api(tmp_path: Path, backend: Backend) -> AsyncIterator[Api]:
    """An account with a callback."""
    async with heard_by(tmp_path / "server", backend) as api:
        yield api


async def settle(api: Api, *, now_ms: int | None = None) -> None:
    """Let the server draw all consequences and tell all that is due, waiting for each."""
    if now_ms is not None:
        with api.running.engine.begin() as connection:
            shift = now_ms - time.time_ns() // 1_000_000
            due = t.outbox.c.due_ms - shift
            connection.execute(update(t.outbox).values(due_ms=due, leased_ms=0))
    await jobs_of(api).follow()
    for _n in range(100):
        if not await deliveries_of(api).deliver():
            break
        await deliveries_of(api).settled()


def waiting(api: Api, state: str = "waiting") -> int:
    with reading(api.running.engine) as connection:
        return len(connection.execute(select(t.outbox).where(t.outbox.c.state == state)).all())


async def test_the_whole_life_of_a_ticket_is_told(api: Api, backend: Backend) -> None:
    """Review, claim, gift, view, session, use: each event with its documented fields, in order."""
    card_id = await api.create(need_push_on_view=True)
    await settle(api)
    code = await api.claim(card_id, outer_str="12b")
    start = {"code": code, "action": "start", "from": "oFan", "to": "oB"}
    await api.ok("/v1/gifts", start)
    new = (await api.ok("/v1/gifts", start | {"action": "accept"}))["code"]
    for action in ("view", "enter_session"):
        await api.ok("/v1/actions", {"code": new, "action": action})
    await api.ok("/card/code/consume", {"code": new, "outer_str": "gate-7"})
    await settle(api)
    await api.ok("/v1/actions", {"code": new, "action": "delete"})
    await settle(api)
    assert [one["Event"] for one in backend.heard] == [
        "card_pass_check", "user_get_card", "user_gifting_card", "user_get_card",
        "user_view_card", "user_enter_session_from_card", "user_consume_card", "user_del_card",
    ]  # fmt: skip
    passed, got, giving, given, _view, _enter, used, _gone = backend.heard
    assert passed["CardId"] == got["CardId"] == card_id
    assert (got["FromUserName"], got["UserCardCode"], got["OuterStr"]) == ("oFan", code, "12b")
    assert (got["IsGiveByFriend"], got["MsgType"]) == ("0", "event")
    assert (giving["IsReturnBack"], giving["FriendUserName"]) == ("0", "oB")
    assert (given["FromUserName"], given["FriendUserName"]) == ("oB", "oFan")
    assert (given["IsGiveByFriend"], given["OldUserCardCode"]) == ("1", code)
    assert given["UserCardCode"] == used["UserCardCode"] == new
    assert (used["ConsumeSource"], used["OuterStr"]) == ("FROM_API", "gate-7")
    assert waiting(api) == 0


async def test_other_events(api: Api, backend: Backend) -> None:
    """A rejected card with the reason, a returned gift, and stock that gets low, at most once."""
    await api.set(review="held")
    card_id = await api.create(sku={"quantity": 203}, get_limit=1000)
    await api.running.admin("POST", f"/cards/{card_id}/reject", json={"reason": "模糊 \a]]> <b>"})
    await api.running.admin("POST", f"/cards/{card_id}/approve", content=b"{}")
    code = await api.claim(card_id)
    start = {"code": code, "action": "start", "from": "oFan"}
    await api.ok("/v1/gifts", start)
    await api.ok("/v1/gifts", start | {"action": "return"})
    order = {"order_id": "A", "openid": "oFan", "items": [{"card_id": card_id, "count": 102}]}
    await api.ok("/v1/orders", order)
    await api.claim(card_id)
    await settle(api)
    (rejected,) = [one for one in backend.heard if one["Event"] == "card_not_pass_check"]
    assert rejected["RefuseReason"] == "模糊 \ufffd]]> <b>"
    gifts = [one for one in backend.heard if one["Event"] == "user_gifting_card"]
    assert [one["IsReturnBack"] for one in gifts] == ["0", "1"]
    few = await api.create(sku={"quantity": 200}, get_limit=1000)
    await api.running.admin("POST", f"/cards/{few}/approve", content=b"{}")
    many = {"order_id": "B", "openid": "oFan", "items": [{"card_id": few, "count": 150}]}
    await api.ok("/v1/orders", many)
    filled = await api.create(sku={"quantity": 150}, get_limit=1000)
    await api.running.admin("POST", f"/cards/{filled}/approve", content=b"{}")
    await api.ok("/card/modifystock", {"card_id": filled, "increase_stock_value": 51})
    more = {"order_id": "C", "openid": "oFan", "items": [{"card_id": filled, "count": 102}]}
    await api.ok("/v1/orders", more)
    await settle(api)
    low = [one for one in backend.heard if one["Event"] == "card_sku_remind"]
    assert [(one["CardId"], one["Detail"]) for one in low] == [
        (card_id, "the card's quantity is equal to 100"),
        (filled, "the card's quantity is equal to 99"),
    ]


@pytest.mark.parametrize("mode", ["compatible", "safe"])
async def test_encrypted_pushes(api: Api, backend: Backend, mode: str) -> None:
    """Wechatpy decrypts them; in safe mode nothing of the ticket is readable without the key."""
    assert (await api.set(mode=mode)).status_code == 422
    assert (await api.set(mode=mode, aes_key="short")).status_code == 422
    assert (await api.set(mode=mode, aes_key=KEY)).status_code == 200
    code = await api.claim(await api.create())
    await settle(api)
    assert backend.events(UserCardCode=code) == ["user_get_card"]
    assert any(code in body for body in backend.bodies) == (mode == "compatible")


def test_signatures_and_encryption_fit_the_published_vector() -> None:
    """The vector of WeChat's own page; wechatpy opens what is sealed, and only for that appid."""
    good = "899cf89e464efb63f54ddac96b0a0a235f53aa78"
    assert signature("AAAAA", "1714037059", "486452656") == good
    sealed = encrypt(KEY, "wx1", "<xml>票</xml>")
    assert sealed != encrypt(KEY, "wx1", "<xml>票</xml>")
    body = f"<xml><Encrypt>{sealed}</Encrypt></xml>"
    signed = signature(TOKEN, "1", "2", sealed)
    opened = WeChatCrypto(TOKEN, KEY, "wx1").decrypt_message(body, signed, "1", "2")
    assert opened in ("<xml>票</xml>", "<xml>票</xml>".encode())
    with pytest.raises(InvalidAppIdException):
        WeChatCrypto(TOKEN, KEY, "wx2").decrypt_message(body, signed, "1", "2")


async def test_a_callback_is_verified_when_it_is_set(api: Api, backend: Backend) -> None:
    """One that does not give echostr back changes nothing; nor does an impossible address."""
    backend.is_deaf = True
    answer = await api.set(callback="https://backend.test/hook?tenant=7", callback_token=TOKEN)
    assert (answer.status_code, answer.json()["error"]) == (422, "callback")
    for url in ("ftp://x", "nonsense", "http://[", "http://backend.test:99999/"):
        answer = await api.set(callback=url)
        assert answer.status_code == 422, url
    assert (await api.set(callback_token="b d")).status_code == 422
    told = (await api.running.admin("GET", "/accounts")).json()
    assert [one["callback"] for one in told] == [URL]
    assert not re.search("secret|token|key", " ".join(told[0]))


async def test_three_tries_and_the_order_of_a_ticket(api: Api, backend: Backend) -> None:
    """A ticket's second event waits for its first; other tickets go on; three tries are all."""
    card_id = await api.create()
    await settle(api)
    first, second = await api.claim(card_id), await api.claim(card_id)
    await api.ok("/card/code/consume", {"code": first})
    backend.heard.clear()
    backend.asked, backend.deaf_to = 0, f"{first}]]></UserCardCode><IsGive"
    await settle(api)
    assert backend.events() == ["user_get_card"]
    assert backend.heard[0]["UserCardCode"] == second
    assert backend.asked == 2
    await settle(api)
    assert backend.asked == 2, "the next try waits"
    for tries in (3, 4):
        await settle(api, now_ms=int(time.time() * 1000) + 10_000)
        assert backend.asked == tries + (tries == 4)
    assert backend.events(UserCardCode=first) == ["user_consume_card"]
    assert (waiting(api), waiting(api, "failed")) == (0, 1)


async def test_only_success_is_success(api: Api, backend: Backend) -> None:
    """Another word, or the right one with another status, is tried again."""
    await api.create()
    backend.is_deaf = True
    await settle(api)
    assert (backend.asked, backend.heard, waiting(api)) == (1, [], 1)
    backend.is_deaf, backend.deaf_to = False, "card_pass_check"
    await settle(api, now_ms=int(time.time() * 1000) + 2_000)
    assert (backend.asked, backend.heard, waiting(api)) == (2, [], 1)
    backend.deaf_to = ""
    await settle(api, now_ms=int(time.time() * 1000) + 6_000)
    assert (backend.events(), waiting(api)) == (["card_pass_check"], 0)


async def test_a_restart_forgets_nothing(tmp_path: Path, backend: Backend) -> None:
    """What was not told before is told after, also what a dead server had begun to tell."""
    engine = open_central(f"sqlite:///{tmp_path}/central.db")
    async with card_api(tmp_path / "one") as _other:
        pass
    with engine.begin() as connection:
        events.create_event(connection, "show", "", "Asia/Shanghai", 0)
    backend.is_deaf = False
    async with heard_by(tmp_path / "a", backend, engine=engine) as api:
        code = await api.claim(await api.create())
        with engine.begin() as connection:
            soon_ms = int(time.time() * 1000) + 1000
            (first, *_rest) = outbox.due(connection, [CHANNEL], soon_ms)
            assert outbox.lease(connection, [first], soon_ms - 1000)
            assert first not in outbox.due(connection, [CHANNEL], soon_ms)
        appid, token = api.appid, api.token
    assert backend.heard == []
    async with heard_by(tmp_path / "b", Backend(), engine=engine) as api:
        api.appid, api.token = appid, token
        await connect(api, backend)
        await settle(api)
        assert backend.events() == ["user_get_card"], "the leased one belongs to its server yet"
        await settle(api, now_ms=int(time.time() * 1000) + 31_000)
    assert sorted(backend.events()) == ["card_pass_check", "user_get_card"]
    assert backend.events(UserCardCode=code) == ["user_get_card"]
    engine.dispose()


async def test_several_servers_tell_each_event_once(tmp_path: Path, backend: Backend) -> None:
    """Both look at one database; a lease decides who tells."""
    async with heard_by(tmp_path / "server", backend) as api:
        other = Deliveries(api.running.server)
        other.open_channel(CHANNEL, Callbacks(api.running.server))
        await other.start()
        await other.http.aclose()
        other.http = httpx.AsyncClient(transport=httpx.ASGITransport(backend.app()))
        card_id = await api.create(get_limit=99)
        for _n in range(30):
            await api.claim(card_id)
        for _n in range(20):
            await asyncio.gather(deliveries_of(api).deliver(), other.deliver())
            for one in (deliveries_of(api), other):
                await one.settled()
        await other.stop()
        assert len(backend.heard) == 31
        assert len({one.get("UserCardCode") for one in backend.heard}) == 31


async def test_a_gate_s_redemption_waits_for_its_undo(api: Api, backend: Backend) -> None:
    """It is told after the grace, with gate and time; one that was undone is never told."""
    card_id, maker = await api.create(), await gate(api)
    kept_in, undone = await api.claim(card_id), await api.claim(card_id)
    await settle(api)
    first = entry_codec.decode(await redeem_at_gate(api, maker, kept_in))
    second = entry_codec.decode(await redeem_at_gate(api, maker, undone))
    await settle(api)
    assert "user_consume_card" not in backend.events()
    assert waiting(api) == 2
    back = maker.make(Act.ANNULMENT, ticket=second.ticket, target=second.name)
    await api.running.exchange(maker, ask([back]))
    await settle(api)
    assert waiting(api) == 1
    # As much is left for all this on a busy machine.
    await settle(api, now_ms=int(time.time() * 1000) + 90_000)
    assert "user_consume_card" not in backend.events()
    await settle(api, now_ms=int(time.time() * 1000) + 31_000)
    (told,) = [one for one in backend.heard if one["Event"] == "user_consume_card"]
    assert (told["UserCardCode"], told["LocationName"]) == (kept_in, "North")
    assert told["ConsumeSource"] == "FROM_MOBILE_HELPER"
    assert int(told["CreateTime"]) == first.at_ms // 1000


async def test_two_gates_that_both_let_in_are_told_once(api: Api, backend: Backend) -> None:
    """The first that stands; when it is undone in time, the other one is told instead."""
    card_id = await api.create()
    north, south = await gate(api), Maker("1" * 16, "bb")
    await api.running.enrol(south)
    code = await api.claim(card_id)
    one = entry_codec.decode(await redeem_at_gate(api, north, code))
    await redeem_at_gate(api, south, code)
    await settle(api)
    assert waiting(api) == 1
    back = north.make(Act.ANNULMENT, ticket=one.ticket, target=one.name)
    await api.running.exchange(north, ask([back]))
    await settle(api)
    assert waiting(api) == 1
    assert await api.status(code) == "CONSUMED"
    await settle(api, now_ms=int(time.time() * 1000) + 121_000)
    assert backend.events().count("user_consume_card") == 1


async def test_a_use_of_a_void_code_is_told_as_such(api: Api, backend: Backend) -> None:
    """After the grace, with kind, gate and the void's time; an undo takes it back; once each."""
    card_id, maker = await api.create(), await gate(api)
    refunded, undone, good = [await api.claim(card_id) for _n in range(3)]
    kept_ = {code: kept(api, code)[0] for code in (refunded, undone, good)}
    for code in (refunded, undone):
        await api.ok("/card/code/unavailable", {"code": code, "reason": "refund"})
    await settle(api)
    late_ms = int(time.time() * 1000) + 3_600_000
    made = []
    for ticket in kept_.values():
        entry = entry_codec.decode(
            maker.make(ticket=ticket.id, server_ahead_ms=late_ms, server_error_ms=1)
        )
        made.append(entry_codec.encode(replace(entry, at_ms=0)))
        maker.prev = entry_codec.digest(made[-1]).hex()
    await api.running.exchange(maker, ask(made))
    await settle(api)
    assert webhook_outbox.IRREGULAR not in backend.events()
    target = entry_codec.decode(made[1])
    back = maker.make(Act.ANNULMENT, ticket=target.ticket, target=target.name)
    await api.running.exchange(maker, ask([back]))
    for _n in range(2):
        await settle(api)
        await settle(api, now_ms=int(time.time() * 1000) + 121_000)
    (told,) = [one for one in backend.heard if one["Event"] == webhook_outbox.IRREGULAR]
    assert (told["UserCardCode"], told["Kind"], told["LocationName"]) == (
        refunded, "irregular", "North",
    )  # fmt: skip
    assert abs(int(told["VoidTime"]) - time.time()) < 120


async def test_what_the_api_did_is_always_told(api: Api, backend: Backend) -> None:
    """Also when an earlier admission of a gate that was cut off is heard in the same moment."""
    code, maker = await api.claim(await api.create()), await gate(api)
    await settle(api)
    await api.ok("/card/code/consume", {"code": code, "outer_str": "mine"})
    await redeem_at_gate(api, maker, code)
    await settle(api)
    await settle(api, now_ms=int(time.time() * 1000) + 121_000)
    told = [one for one in backend.heard if one["Event"] == "user_consume_card"]
    assert [one["OuterStr"] for one in told] == ["mine"]


async def test_an_earlier_use_that_is_heard_later_is_not_told(api: Api, backend: Backend) -> None:
    """A ticket is told as used once: here by the API, before a cut-off gate was heard again."""
    code, maker = await api.claim(await api.create()), await gate(api)
    await api.ok("/card/code/consume", {"code": code})
    await settle(api)
    with api.running.engine.begin() as connection:
        # The gate's use is the first of the two.
        ticket = connection.execute(select(of_cards.issued_code.c.ticket)).scalar_one()
    early = entry_codec.decode(maker.make(ticket=ticket))
    raw = entry_codec.encode(replace(early, hlc=1 << 16))
    await api.running.exchange(maker, ask([raw]))
    await settle(api)
    assert waiting(api) == 0
    assert backend.events().count("user_consume_card") == 1


async def test_what_may_have_been_heard_is_not_forgotten(api: Api, backend: Backend) -> None:
    """An undo takes back what waits; what was tried once is tried again, as it may be known."""
    code, maker = await api.claim(await api.create()), await gate(api)
    await settle(api)
    used = entry_codec.decode(await redeem_at_gate(api, maker, code))
    await settle(api)
    backend.is_deaf = True
    await settle(api, now_ms=int(time.time() * 1000) + 121_000)
    back = maker.make(Act.ANNULMENT, ticket=used.ticket, target=used.name)
    await api.running.exchange(maker, ask([back]))
    backend.is_deaf = False
    await settle(api, now_ms=int(time.time() * 1000) + 10_000)
    assert backend.events().count("user_consume_card") == 1


async def test_nobody_is_reminded_of_what_has_begun(api: Api, backend: Backend) -> None:
    """A time that is over, or none, makes no reminder; one within two hours is told at once."""
    code = await api.claim(await api.create())
    for begin, told in ((int(time.time()) - 60, 0), (0, 0), (int(time.time()) + 3600, 1)):
        body = {"code": code, "begin_time": begin}
        await api.ok("/card/meetingticket/updateuser", body)
        await settle(api)
        assert backend.events().count(webhook_outbox.REMINDER) == told
    for begin, left in ((int(time.time()) + DAY_S, 1), (0, 0)):
        await api.ok("/card/meetingticket/updateuser", {"code": code, "begin_time": begin})
        assert waiting(api) == left


async def test_guests_are_reminded_two_hours_before(api: Api, backend: Backend) -> None:
    """Once, for the newest time; never of a ticket that was used or voided meanwhile."""
    card_id = await api.create(get_limit=9)
    begin = int(time.time()) + DAY_S
    codes = [await api.claim(card_id) for _n in range(4)]
    for code in codes:
        body = {"code": code, "begin_time": begin}
        await api.ok("/card/meetingticket/updateuser", body | {"begin_time": begin + 60})
        await api.ok("/card/meetingticket/updateuser", body)
        await api.ok("/card/meetingticket/updateuser", {"code": code, "zone": "C"})
    await api.ok("/card/code/unavailable", {"code": codes[1]})
    await api.set(early_s=86_400)
    await api.ok("/card/code/consume", {"code": codes[2]})
    give = {"code": codes[3], "from": "oFan", "to": "oB"}
    await api.ok("/v1/gifts", give | {"action": "start"})
    new = (await api.ok("/v1/gifts", give | {"action": "accept"}))["code"]
    await settle(api)
    assert webhook_outbox.REMINDER not in backend.events()
    assert waiting(api) == 2
    await settle(api, now_ms=(begin - 7201) * 1000)
    assert webhook_outbox.REMINDER not in backend.events()
    with api.running.engine.begin() as connection:
        connection.execute(update(t.outbox).values(due_ms=t.outbox.c.due_ms - 2000))
    await settle(api)
    told = [one for one in backend.heard if one["Event"] == webhook_outbox.REMINDER]
    assert {(one["UserCardCode"], one["FromUserName"]) for one in told} == {
        (codes[0], "oFan"), (new, "oB"),
    }  # fmt: skip
    assert {one["BeginTime"] for one in told} == {str(begin)}
    await settle(api)
    assert backend.events().count(webhook_outbox.REMINDER) == 2


async def test_a_backend_that_trickles_is_not_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five seconds are for all of an answer, however often a piece of it comes."""

    async def trickle(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b" ", "more_body": True})
                await asyncio.sleep(0.01)

    assert delivery.TIMEOUT_S == 5.0
    monkeypatch.setattr(delivery, "TIMEOUT_S", 0.1)
    await deliveries_of(api).http.aclose()
    deliveries_of(api).http = httpx.AsyncClient(transport=httpx.ASGITransport(trickle))
    await api.create()
    async with asyncio.timeout(30):
        await settle(api)
        assert (await api.set(callback=URL, callback_token=TOKEN)).status_code == 422
    assert (waiting(api), waiting(api, "failed")) == (1, 0)


async def test_a_callback_is_asked_where_it_was_said_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No redirect is followed and no proxy of the environment asked: both could lead anywhere."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        asked.append(line.partition("?")[0])
        echo = httpx.URL(line).params.get("echostr", "")
        head = f"200 OK\r\nContent-Length: {len(echo)}"
        if asked[-1] == "/moved":
            head, echo = f"302 Found\r\nLocation: /hook?echostr={echo}\r\nContent-Length: 0", ""
        writer.write(f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n{echo}".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, client(WebhookDelivery(["127.0.0.1"])) as http:
        assert await callback.answers(http, f"{url}/hook", TOKEN)
        assert not await callback.answers(http, f"{url}/moved", TOKEN)
    assert asked == ["/hook", "/moved"]


async def test_an_account_without_a_callback_piles_nothing_up(tmp_path: Path) -> None:
    """Nothing is kept for nobody."""
    async with card_api(tmp_path / "server") as api:
        await api.claim(await api.create())
        assert waiting(api) == 0


async def test_a_backend_that_hangs_holds_nobody_up(api: Api, backend: Backend) -> None:
    """One account's callbacks take no more than their share; another's are told meanwhile."""
    other = await account(api.running)
    stuck = asyncio.Event()
    quick = Backend(other.appid)
    quick_app = quick.app()

    async def both(scope: Any, receive: Any, send: Any) -> None:
        if dict(scope["headers"]).get(b"host") == b"slow.test":
            await stuck.wait()
        await quick_app(scope, receive, send)

    await deliveries_of(api).http.aclose()
    deliveries_of(api).http = httpx.AsyncClient(transport=httpx.ASGITransport(both))
    stuck.set()
    slow_url = "https://slow.test/hook?tenant=7"
    assert (await api.set(callback=slow_url, callback_token=TOKEN)).is_success
    assert (await other.set(callback=URL, callback_token=TOKEN)).is_success
    stuck.clear()
    card_id = await api.create(get_limit=99)
    for _n in range(40):
        await api.claim(card_id)
    code = await other.claim(await other.create())
    for _n in range(500):
        await deliveries_of(api).deliver()
        await asyncio.sleep(0.02)
        if quick.events(UserCardCode=code):
            break
    assert quick.events(UserCardCode=code) == ["user_get_card"]
    assert 0 < Counter(deliveries_of(api)._under_way.values())[api.appid] <= 16
    stuck.set()
    await deliveries_of(api).settled()


def test_the_mutation_that_forgets_to_wait(tmp_path: Path) -> None:
    """Without the order of a line, both notices of one ticket would be due at once."""
    engine = open_central(f"sqlite:///{tmp_path}/c.db")
    with engine.begin() as connection:
        for n in (1, 2):
            connection.execute(t.outbox.insert().values(
                channel=CHANNEL, recipient="wx", line="ticket", state="waiting", due_ms=n,
                leased_ms=0, tries=0, entry="", body="{}"))  # fmt: skip
        assert len(outbox.due(connection, [CHANNEL], 10)) == 1
        mutant = select(t.outbox.c.id).where(t.outbox.c.state == "waiting")
        assert len(connection.execute(mutant).all()) == 2
        connection.execute(delete(t.outbox))
    engine.dispose()
