"""What WeChat says becomes tickets: pushes, looks, and calls that pass through us."""

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import check_signature

from gate.clock import read_wall_ms
from gate.core.entry import Act
from gate.core.ticket import CodeState, Status
from sync.cardapi import accounts as card_accounts
from sync.cardapi import issued_codes, projection
from sync.push_crypto import signature
from sync.server.console import Console
from sync.server.database import open_database, reading
from sync.server.tables import outbox as waiting
from sync.upstream import links
from sync.upstream.wechat import accounts, inbox, mapping, pairing, pull, tables
from sync.upstream.wechat.client import WeChatClient
from sync.upstream.wechat.mapping import card_of, type_row
from sync.upstream.wechat.pairing import AtConsole, Secrets, Wanted
from sync.upstream.wechat.pushes import WINDOW_S
from sync.upstream.wechat.wechat import WeChat
from tests.support.cardapi import MAKERS, boarding, meeting, movie
from tests.support.central import Maker
from tests.support.places import Place
from tests.support.wechat import AES_KEY, PUSH_TOKEN, URL, Venue, venue
from tests.sync.server.test_migrations import seen


async def give(here: Venue, code: str, friend: str = "oFriend") -> str:
    """Give a ticket to a friend; the answer is the friend's code."""
    giver = {"code": code, "from": "oFan", "to": friend}
    await here.wechat.ok("/v1/gifts", {"action": "start", **giver})
    taken = await here.wechat.ok("/v1/gifts", {"action": "accept", **giver})
    return str(taken["code"])


async def test_a_claim_is_a_ticket_at_the_gates(here: Venue) -> None:
    """With its card as its type; nobody asks WeChat for it."""
    code = await here.wechat.claim(here.card)
    asked = len(here.weather.asked)
    await here.step()
    ticket, state = here.shown(code)
    assert ticket is not None
    assert (ticket.type.title, ticket.status, state) == ("XX会议", Status.NORMAL, CodeState.LIVE)
    assert ticket.claimed_at == pytest.approx(time.time(), abs=10)
    assert len(here.weather.asked) == asked
    assert code not in ticket.id


async def test_a_gift_replaces_the_code_of_the_same_ticket(here: Venue) -> None:
    """While it is on its way neither opens; then the old one says that it was given on."""
    code = await here.wechat.claim(here.card)
    await here.step()
    before, _state = here.shown(code)
    giver = {"code": code, "from": "oFan", "to": "oB"}
    await here.wechat.ok("/v1/gifts", {"action": "start", **giver})
    await here.step()
    assert here.shown(code)[0].status is Status.GIFTING  # type: ignore[union-attr]
    new = (await here.wechat.ok("/v1/gifts", {"action": "accept", **giver}))["code"]
    await here.step()
    after, state = here.shown(new)
    assert (after.id, after.status, state) == (before.id, Status.NORMAL, CodeState.LIVE)  # type: ignore[union-attr]
    assert here.shown(code)[1] is CodeState.TRANSFERRED


async def test_a_gift_that_is_given_back_is_good_again(here: Venue) -> None:
    """By its own code."""
    code = await here.wechat.claim(here.card)
    await here.wechat.ok("/v1/gifts", {"action": "start", "code": code, "from": "oFan"})
    await here.wechat.ok("/v1/gifts", {"action": "return", "code": code, "from": "oFan"})
    await here.step()
    assert here.shown(code)[0].status is Status.NORMAL  # type: ignore[union-attr]


async def test_what_was_deleted_is_void(here: Venue) -> None:
    """Whoever has deleted a card has no ticket."""
    code = await here.wechat.claim(here.card)
    await here.wechat.ok("/v1/actions", {"code": code, "action": "delete"})
    await here.step()
    assert here.shown(code)[0].status is Status.DELETED  # type: ignore[union-attr]


async def test_another_s_use_is_an_entry_of_the_server(here: Venue) -> None:
    """Every gate knows of it, and one that lets in all the same makes a conflict."""
    code = await here.wechat.claim(here.card)
    await here.step()
    await here.wechat.ok("/card/code/consume", {"code": code, "outer_str": "kiosk 3"})
    await here.step()
    ticket, _state = here.shown(code)
    assert ticket is not None
    (entry,) = here.facts(ticket.id)
    assert (entry.act, entry.source, entry.note) == (Act.ADMISSION, "wechat", "WeChat FROM_API")
    await here.admit(code)
    conflicts = (await here.ours.admin("GET", "/events/show/conflicts")).json()
    assert [one["ticket"] for one in conflicts] == [ticket.id]
    await here.step()
    assert here.weather.calls("/card/code/consume") == []


@pytest.mark.examples(1)
@pytest.mark.parametrize("aes_key", [AES_KEY, ""], ids=["encrypted", "plain"])
async def test_a_push_that_comes_thrice_counts_once(place: Place, aes_key: str) -> None:
    """It is answered as if it were new, and nothing follows of it."""
    async with venue(place, aes_key=aes_key) as here:
        code = await here.wechat.claim(here.card)
        await here.step()
        await here.wechat.ok("/card/code/consume", {"code": code})
        await here.step()
        for request in [*here.post.passed[-2:], *here.post.passed[-2:]]:
            assert await here.post.let(request) == 200
        await here.step()
        ticket, _state = here.shown(code)
        assert ticket is not None
        assert len(here.facts(ticket.id)) == 1


async def test_pushes_in_any_order_come_to_the_same(here: Venue) -> None:
    """A gift of a gift before the claim, and a word of before behind a word of after."""
    here.post.kept = []
    code = await here.wechat.claim(here.card)
    await here.pushes()
    new = await give(here, code)
    await here.pushes()
    kept, here.post.kept = here.post.kept, None
    assert len(kept) == 3
    for request in reversed(kept):
        assert await here.post.let(request) == 200
        await here.step()
    ticket, state = here.shown(new)
    assert ticket is not None
    assert (ticket.status, state) == (Status.NORMAL, CodeState.LIVE)
    assert here.shown(code)[1] is CodeState.TRANSFERRED
    assert here.kept(code).ticket == here.kept(new).ticket


async def test_a_gift_whose_giver_nobody_knows_is_taken_in_the_end(
    here: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the pushes of before were lost for good; both codes are one ticket's."""
    here.post.kept = []
    code = await here.wechat.claim(here.card)
    await here.pushes()
    here.post.kept.clear()
    new = await give(here, code)
    await here.pushes()
    kept, here.post.kept = here.post.kept, None
    await here.post.let(kept[-1])
    await here.step()
    assert here.shown(new)[0] is None
    monkeypatch.setattr("sync.upstream.wechat.pull.PATIENCE_MS", 0)
    await here.again()
    ticket, _state = here.shown(new)
    assert ticket is not None
    assert ticket.status is Status.NORMAL
    assert here.shown(code)[0].id == ticket.id  # type: ignore[union-attr]


@pytest.mark.examples(2)
@pytest.mark.parametrize(
    "change",
    ["signature", "msg_signature", "timestamp", "body", "appid"],
)
async def test_who_is_not_wechat_is_told_nothing(here: Venue, change: str) -> None:
    """A wrong signature, an old one, another body, another account: the same refusal."""
    await here.wechat.claim(here.card)
    await here.step()
    push = here.post.passed[-1]
    query, body = dict(push.url.params), push.content
    path = push.url.path
    if change == "body":
        body = body.replace(b"Encrypt><![CDATA[", b"Encrypt><![CDATA[AAAA")
    elif change == "appid":
        path = path[:-1] + "x"
    elif change == "timestamp":
        old = str(int(time.time()) - WINDOW_S - 5)
        query |= {"timestamp": old, "signature": signature(PUSH_TOKEN, old, query["nonce"])}
    else:
        query[change] = "0" * 40
    answer = await here.ours.http.post(path, params=query, content=body)
    assert (answer.status_code, answer.json()["error"]) == (403, "not_wechat")


async def test_plain_text_under_a_signature_that_was_used_is_nothing(place: Place) -> None:
    """In plain mode the signature is not about the body: it is good for the first that came."""
    async with venue(place, aes_key="") as here:
        code = await here.wechat.claim(here.card)
        await here.step()
        push = here.post.passed[-1]
        forged = push.content.replace(b"user_get_card", b"user_del_card")
        assert forged != push.content
        answer = await here.ours.http.post(
            push.url.path, params=dict(push.url.params), content=forged
        )
        assert answer.status_code == 403
        await here.again()
        assert here.shown(code)[0].status is Status.NORMAL  # type: ignore[union-attr]


async def test_plain_text_is_nothing_where_there_is_a_key(here: Venue) -> None:
    """Whoever saw one signature could put any body under it."""
    await here.wechat.claim(here.card)
    await here.step()
    query = dict(here.post.passed[-1].url.params)
    body = b"<xml><MsgType>event</MsgType><Event>user_del_card</Event></xml>"
    answer = await here.ours.http.post(here.post.passed[-1].url.path, params=query, content=body)
    assert answer.status_code == 403


async def test_a_body_with_entities_is_no_push(place: Place) -> None:
    """Nothing of it is expanded."""
    async with venue(place, aes_key="") as here:
        stamp = str(int(time.time()))
        query = {"timestamp": stamp, "nonce": "n", "signature": signature(PUSH_TOKEN, stamp, "n")}
        body = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><MsgType>&a;</MsgType></xml>'
        path = f"/wechat/push/{here.wechat.appid}"
        assert (await here.ours.http.post(path, params=query, content=body)).status_code == 403


async def test_what_was_missed_is_read_anew(here: Venue) -> None:
    """After hours in which nobody listened: what was used, deleted and got meanwhile."""
    first, second = [await here.wechat.claim(here.card) for _n in range(2)]
    await here.step()
    here.post.kept = []
    await here.wechat.ok("/card/code/consume", {"code": first})
    await here.wechat.ok("/card/code/unavailable", {"code": second})
    third = await here.wechat.claim(here.card)
    await here.pushes()
    here.post.kept = None
    long_ago = {**here.link().cursor, "alive_ms": read_wall_ms() - pull.GAP_MS - 1}
    here.write(lambda c: links.start_again(c, "show", cursor=long_ago))
    await here.step()
    assert here.shown(third)[0].status is Status.NORMAL  # type: ignore[union-attr]
    assert here.shown(second)[0].status is Status.REVOKED  # type: ignore[union-attr]
    (entry,) = here.facts(here.kept(first).ticket)
    assert (entry.act, entry.source) == (Act.ADMISSION, "wechat")


@pytest.mark.long
async def test_what_nobody_listened_for_is_not_found_without_reading(
    here: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: where a gap is not seen, a ticket that was voided in it stays good."""
    monkeypatch.setattr("sync.upstream.wechat.pull.GAP_MS", 1 << 60)
    code = await here.wechat.claim(here.card)
    await here.step()
    here.post.kept = []
    await here.wechat.ok("/card/code/unavailable", {"code": code})
    await here.pushes()
    long_ago = {**here.link().cursor, "alive_ms": 1}
    here.write(lambda c: links.start_again(c, "show", cursor=long_ago))
    await here.step()
    assert here.shown(code)[0].status is Status.NORMAL  # type: ignore[union-attr]


async def test_a_card_that_is_made_later_is_met_by_its_first_push(place: Place) -> None:
    """Of an event that has all the account's cards; and by a call that passes through."""
    async with venue(place, cards=[]) as here:
        for make, how in ((meeting, "push"), (movie, "call")):
            card_id = await here.wechat.create(make())
            here.post.kept = [] if how == "call" else None
            code = await here.wechat.claim(card_id)
            if how == "call":
                body = {"code": code, "card_id": card_id, **CALLS["movie"][2]}
                query = {"access_token": await _token(here)}
                answer = await here.ours.http.post(CALLS["movie"][1], params=query, json=body)
                assert answer.json()["errcode"] == 0
            await here.step()
            ticket, _state = here.shown(code)
            assert ticket is not None, how
            assert ticket.type.id == card_id
            assert here.standing().error == ""


async def test_persons_are_asked_for_what_they_hold(place: Place) -> None:
    """Tickets that were claimed before the pairing; gates enrol when all of them are read."""
    async with venue(place) as here:
        here.post.kept = []
        codes = [await here.wechat.claim(here.card, openid) for openid in ("oA", "oB", "oB")]
        await here.pushes()
        here.write(
            lambda c: accounts.ask_for(c, "show", "openid", [("oA", ""), ("oB", ""), ("oX", "")])
        )
        await here.again()
        assert all(here.shown(code)[0] is not None for code in codes)
        assert here.kept(codes[2]).openid == "oB"
        await here.ours.enrol(Maker("1" * 16))


CALLS: dict[str, tuple[Any, str, dict[str, Any], dict[str, Any]]] = {
    "meeting": (
        meeting, "/card/meetingticket/updateuser",
        {"zone": "C区", "entrance": "东北门", "seat_number": "2排15号"},
        {"zone": "C区", "entrance": "东北门", "seats": ("2排15号",)},
    ),
    "movie": (
        movie, "/card/movieticket/updateuser",
        {"ticket_class": "4D", "show_time": 2_000_000_000, "duration": 120,
         "screening_room": "5号影厅", "seat_number": ["5 排14 号", "5排15号"]},
        {"ticket_class": "4D", "show_time": 2_000_000_000, "duration": 120,
         "screening_room": "5号影厅", "seats": ("5 排14 号", "5排15号")},
    ),
    "boarding": (
        boarding, "/card/boardingpass/checkin",
        {"passenger_name": "乘客", "class": "舱等", "seat": "5C", "etkt_bnr": "7812345678901",
         "gate": "A11", "qrcode_data": "M1DATA"},
        {"holder": "乘客", "travel_class": "舱等", "seats": ("5C",), "gate": "A11",
         "checked_in": True},
    ),
}  # fmt: skip


@pytest.mark.examples(1)
@pytest.mark.parametrize("kind", CALLS)
async def test_what_cannot_be_read_back_passes_through_us(place: Place, kind: str) -> None:
    """WeChat gets it, the gates have it, and what WeChat refuses nobody keeps."""
    make, path, stated, seen_at_gate = CALLS[kind]
    async with venue(place, card=make()) as here:
        code = await here.wechat.claim(here.card)
        await here.step()
        token = await _token(here)
        body = {"code": code, "card_id": here.card, **stated}
        answer = await here.ours.http.post(path, params={"access_token": token}, json=body)
        assert answer.json()["errcode"] == 0
        await here.step()
        ticket, _state = here.shown(code)
        assert {name: getattr(ticket, name) for name in seen_at_gate} == seen_at_gate
        wrong = body | {"code": "404", "entrance": "nowhere", "gate": "X"}
        answer = await here.ours.http.post(path, params={"access_token": token}, json=wrong)
        assert answer.json()["errcode"] == 40056
        await here.step()
        assert here.kept("404") is None


async def _token(here: Venue) -> str:
    query = {"grant_type": "client_credential", "appid": here.wechat.appid,
             "secret": here.wechat.secret}  # fmt: skip
    return str((await here.ours.http.get("/cgi-bin/token", params=query)).json()["access_token"])


async def test_a_refund_and_a_new_code_by_the_backend_are_known_at_once(place: Place) -> None:
    """Whatever of it WeChat pushes or not."""
    async with venue(place, card=meeting(use_custom_code=True)) as here:
        for code in ("AAA1", "BBB1"):
            await here.wechat.claim(here.card, code=code)
        await here.step()
        token = await _token(here)

        async def call(path: str, **body: Any) -> int:
            stated = {"card_id": here.card, **body}
            answer = await here.ours.http.post(path, params={"access_token": token}, json=stated)
            return int(answer.json()["errcode"])

        assert await call("/card/code/unavailable", code="AAA1", reason="refund") == 0
        assert await call("/card/code/update", code="BBB1", new_code="BBB2") == 0
        await here.step()
        assert here.shown("AAA1")[0].status is Status.REVOKED  # type: ignore[union-attr]
        assert here.shown("BBB2")[1] is CodeState.LIVE
        assert await call("/card/code/consume", code="BBB2") == 0
        await here.step()
        assert len(here.facts(here.kept("BBB2").ticket)) == 1


async def test_pushes_go_on_to_the_backend(place: Place) -> None:
    """As WeChat would send them: wechatpy reads them; and again while it does not take them."""
    received: list[dict[str, str]] = []
    answers = ["later", "success"]
    appid = ""

    async def hook(request: Request) -> Response:
        stated = request.query_params
        crypto = WeChatCrypto(PUSH_TOKEN, AES_KEY, appid)
        xml = crypto.decrypt_message(
            (await request.body()).decode(),
            stated["msg_signature"],
            stated["timestamp"],
            stated["nonce"],
        )
        check_signature(PUSH_TOKEN, stated["signature"], stated["timestamp"], stated["nonce"])
        received.append(dict(parse_message(xml)._data))
        return PlainTextResponse(answers[min(len(received), len(answers)) - 1])

    backend = Starlette(routes=[Route("/hook", hook, methods=["POST"])])
    url = "https://backend.test/hook?tenant=7"
    async with venue(place, relay=url, backend=backend) as here:
        appid = here.wechat.appid
        code = await here.wechat.claim(here.card)
        await here.step()
        at_once = waiting.update().where(waiting.c.channel == inbox.CHANNEL).values(due_ms=0)
        here.write(lambda connection: connection.execute(at_once))
        await here.relayed()
        await here.relayed()
        told = [(one["Event"], one["UserCardCode"]) for one in received]
        assert told == [("user_get_card", code)] * 2


@pytest.mark.examples(2)
@pytest.mark.parametrize("kind", MAKERS)
async def test_a_card_of_theirs_is_the_type_that_it_is_at_their_gates(
    here: Venue, kind: str
) -> None:
    """What card/get says is read as the card API itself makes a type of it."""
    card_id = await here.wechat.create(MAKERS[kind]())
    card = card_of(await here.wechat.ok("/card/get", {"card_id": card_id}))
    assert card is not None
    with reading(here.wechat.running.engine) as connection:
        theirs = issued_codes.find_card(connection, card_id)
    assert theirs is not None
    wanted = projection.type_row(theirs)
    assert type_row(card_id, card) == {k: v for k, v in wanted.items() if v not in ("",)}


def test_the_steps_make_what_the_tables_say(tmp_path: Path) -> None:
    """A table that is changed without a step is seen here."""
    made = open_database(f"sqlite:///{tmp_path}/steps.db", (WeChat().part,))
    created = create_engine(f"sqlite:///{tmp_path}/tables.db")
    tables.metadata.create_all(created)
    wanted = seen(created)
    assert {name: seen(made)[name] for name in wanted} == wanted
    made.dispose()
    created.dispose()


async def test_every_call_of_a_card_goes_on_as_it_was_asked(here: Venue) -> None:
    """By GET or POST, of kinds that we refuse ourselves; our own token goes nowhere."""
    token = await _token(here)
    query = {"access_token": token, "type": "wx_card"}
    tickets = (await here.ours.http.get("/cgi-bin/ticket/getticket", params=query)).json()
    assert tickets["errcode"] == 0
    there = {"access_token": here.wechat.token, "type": "wx_card"}
    again = await here.wechat.running.http.get("/cgi-bin/ticket/getticket", params=there)
    assert tickets["ticket"] == again.json()["ticket"]
    body = {"card_id": here.card, "is_open": True}
    path = "/card/selfconsumecell/set"
    query = {"access_token": token}
    answer = (await here.ours.http.post(path, params=query, json=body)).json()
    assert here.weather.calls(path) == [body]
    assert answer == await here.wechat.post(path, body)


async def test_a_picture_goes_on_as_it_came(here: Venue) -> None:
    """A form is passed on whole, and its address is WeChat's; one that is too long stays here."""
    query = {"access_token": await _token(here)}
    path, picture = "/cgi-bin/media/uploadimg", b"\x89PNG\r\n\x1a\n" + b"p" * 5000
    answer = (
        await here.ours.http.post(path, params=query, files={"buffer": ("a.png", picture)})
    ).json()
    shown = await here.wechat.running.http.get(answer["url"].removeprefix("http://wechat"))
    assert shown.content == picture
    too_long = {"buffer": ("a.png", picture[:8] + bytes(1024 * 1024 + 20_000))}
    answer = (await here.ours.http.post(path, params=query, files=too_long)).json()
    assert answer["errcode"] == 40009
    assert len(here.weather.calls(path)) == 1
    here.weather.is_out = True
    answer = (
        await here.ours.http.post(path, params=query, files={"buffer": ("a.png", picture)})
    ).json()
    assert answer["errcode"] == -1


async def test_a_gift_whose_push_was_lost_for_good_leaves_one_ticket_that_is_good(
    here: Venue,
) -> None:
    """Within a day the giver's is looked at; the friend's comes by whatever tells of it."""
    code = await _gift_that_nobody_heard_of(here)
    assert here.shown(code)[0].status is Status.NORMAL  # type: ignore[union-attr]
    a_day_ago = {**here.link().cursor, "begun_ms": read_wall_ms() - pull.COMPARE_EVERY_MS - 1}
    here.write(lambda c: links.start_again(c, "show", cursor=a_day_ago))
    await here.step()
    assert here.shown(code)[0].status is Status.TRANSFERRED  # type: ignore[union-attr]


@pytest.mark.long
async def test_a_comparison_that_does_not_look_leaves_both_good(
    here: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: without the day's look the giver's ticket stays good for ever."""
    code = await _gift_that_nobody_heard_of(here)
    monkeypatch.setattr("sync.upstream.wechat.pull.COMPARE_EVERY_MS", 1 << 60)
    long_ago = {**here.link().cursor, "begun_ms": 1}
    here.write(lambda c: links.start_again(c, "show", cursor=long_ago))
    await here.step()
    assert here.shown(code)[0].status is Status.NORMAL  # type: ignore[union-attr]


async def _gift_that_nobody_heard_of(here: Venue) -> str:
    """The giver's code; the friend's ticket is known by a use of it, as one of its own."""
    code = await here.wechat.claim(here.card)
    await here.step()
    here.post.kept = []
    new = await give(here, code)
    await here.pushes()
    here.post.kept = None
    await here.wechat.ok("/card/code/consume", {"code": new})
    await here.step()
    assert here.kept(new).ticket != here.kept(code).ticket
    assert len(here.facts(here.kept(new).ticket)) == 1
    return code


async def test_a_code_that_cannot_be_taken_in_is_tried_again_with_its_card(
    here: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named meanwhile, however many others come."""
    row = mapping.ticket_row
    monkeypatch.setattr(
        "sync.upstream.wechat.pull.mapping.ticket_row",
        lambda code, old: row(code, old) | {"type": "none"},
    )
    bad = await here.wechat.claim(here.card)
    await here.step()
    monkeypatch.undo()
    good = await here.wechat.claim(here.card)
    await here.step()
    assert here.shown(good)[0] is not None
    assert here.shown(bad)[0] is None
    assert "tickets that cannot be taken in: 1; " in here.standing().error
    monkeypatch.setattr("sync.upstream.wechat.pull.CARDS_MS", 0)
    await here.again()
    assert here.shown(bad)[0] is not None
    assert here.standing().error == ""


async def test_an_account_is_paired_caught_up_and_ended_on_each_database(here: Venue) -> None:
    """At the console of a server that runs; an end leaves neither secret nor code behind."""
    code = await here.wechat.claim(here.card, "oEarly")
    await here.step()
    console = Console(here.ours.engine, "")
    pairing.unpair(console, "show")
    assert here.account() is None
    assert here.kept(code) is None
    client = WeChatClient(AtConsole(console), here.weather)
    secrets = Secrets(here.wechat.secret, PUSH_TOKEN, AES_KEY)
    wanted = Wanted("show", here.wechat.appid, secrets, URL)
    made = await pairing.pair(client, console, wanted, card_accounts.adopt)
    await client.close()
    assert (made.is_new, list(made.titles)) == (True, ["XX会议"])
    assert pairing.catch_up(console, "show", ["oEarly"], []) == 1
    await here.step()
    assert here.shown(code)[0] is not None
    assert here.link().is_complete
