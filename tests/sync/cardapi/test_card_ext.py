"""``cardExt``: what a backend signs with an ``api_ticket`` a phone may add, once."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from sync.cardapi import api_tickets
from sync.cardapi import tables as t
from sync.cardapi.accounts import LIFE_S, OVERLAP_S
from sync.cardapi.errcodes import Errcode
from tests.support.cardapi import Api, account, card_api, meeting

ADD = "/v1/addcard"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A server with an account."""
    async with card_api(tmp_path / "server") as api:
        yield api


async def ticket_of(api: Api, kind: str = "wx_card") -> dict[str, Any]:
    """What ``ticket/getticket`` answers."""
    query = {"access_token": api.token, "type": kind}
    answer: dict[str, Any] = (
        await api.running.http.get("/cgi-bin/ticket/getticket", params=query)
    ).json()
    return answer


def signed(ticket: str, card_id: str, **stated: Any) -> str:
    """A ``cardExt`` as the documentation says to make it: SHA-1 over the sorted values."""
    ext = {"timestamp": str(int(time.time())), "nonce_str": "n1", "openid": "oFan", **stated}
    unsigned = {"outer_str", "fixed_begintimestamp"}
    values = [ticket, card_id, *(v for k, v in ext.items() if k not in unsigned)]
    ext["signature"] = hashlib.sha1("".join(sorted(values)).encode()).hexdigest()
    return json.dumps(ext)


async def add(api: Api, *cards: tuple[str, Any]) -> dict[str, Any]:
    """As a mini program hands it on: it has no access token."""
    body = {"cardList": [{"cardId": card_id, "cardExt": ext} for card_id, ext in cards]}
    return await api.post(ADD, body, token="")


class TestTicket:
    """``ticket/getticket``."""

    async def test_it_is_the_same_until_shortly_before_its_end(self, api: Api) -> None:
        """Told with the seconds that it has left; then there is a new one beside it."""
        first = await ticket_of(api)
        assert first["errcode"] == 0
        assert LIFE_S - 5 <= first["expires_in"] <= LIFE_S
        assert (await ticket_of(api))["ticket"] == first["ticket"]
        soon = int(time.time() * 1000) + OVERLAP_S * 1000
        with api.running.engine.begin() as connection:
            connection.execute(update(t.api_ticket).values(ends_ms=soon))
        assert (await ticket_of(api))["ticket"] != first["ticket"]

    async def test_another_type_another_account_another_ticket(self, api: Api) -> None:
        """And no table has any of them."""
        other = await account(api.running)
        told = [
            (await ticket_of(api))["ticket"],
            (await ticket_of(api, "jsapi"))["ticket"],
            (await ticket_of(other))["ticket"],
        ]
        assert len(set(told)) == 3
        with api.running.engine.connect() as connection:
            kept = str(connection.execute(select(t.api_ticket)).all())
        assert not [one for one in told if one in kept]

    @pytest.mark.parametrize("kind", ["", "card", "WX_CARD"])
    async def test_an_unknown_type(self, api: Api, kind: str) -> None:
        """40097."""
        assert (await ticket_of(api, kind))["errcode"] == Errcode.BAD_ARGUMENTS

    async def test_without_a_token_there_is_none(self, api: Api) -> None:
        """41001."""
        api.token = ""
        assert (await ticket_of(api))["errcode"] == Errcode.NO_TOKEN


class TestAdding:
    """``/v1/addcard``, which stands for ``wx.addCard``."""

    async def test_what_was_signed_is_added(self, api: Api) -> None:
        """The answer is what ``wx.addCard`` hands back: the code, sealed, for the backend."""
        card = await api.create()
        ext = signed((await ticket_of(api))["ticket"], card, outer_str="poster")
        answer = await add(api, (card, ext))
        (added,) = answer["cardList"]
        assert (answer["errcode"], added["isSuccess"], added["cardExt"]) == (0, True, ext)
        code = (await api.ok("/card/code/decrypt", {"encrypt_code": added["code"]}))["code"]
        told = await api.ok("/card/code/get", {"code": code})
        assert (told["openid"], told["outer_str"]) == ("oFan", "poster")

    async def test_as_node_libraries_sign_it(self, api: Api) -> None:
        """Without a nonce, the time as a number, and empty what is not said."""
        card = await api.create()
        signing = {"nonce_str": "", "code": "", "timestamp": "1796239872"}
        ext = json.loads(signed((await ticket_of(api))["ticket"], card, **signing))
        del ext["nonce_str"]
        assert (await add(api, (card, ext | {"timestamp": 1796239872})))["errcode"] == 0

    async def test_several_are_added_or_none(self, api: Api) -> None:
        """One that cannot be had keeps the others from being handed out, and no nonce is used."""
        good, none_left = await api.create(), await api.create(sku={"quantity": 1})
        await api.claim(none_left)
        ticket = (await ticket_of(api))["ticket"]
        two = [(good, signed(ticket, good, nonce_str="a")),
               (none_left, signed(ticket, none_left, nonce_str="b"))]  # fmt: skip
        assert (await add(api, *two))["errcode"] == Errcode.NO_STOCK
        listed = await api.ok("/card/user/getcardlist", {"openid": "oFan", "card_id": good})
        assert listed["card_list"] == []
        assert (await add(api, two[0]))["errcode"] == 0
        same = [(good, signed(ticket, good, nonce_str="c"))] * 2
        assert (await add(api, *same))["errcode"] == Errcode.BAD_CARD_EXT
        assert (await add(api, same[0]))["errcode"] == 0

    async def test_a_nonce_is_good_once(self, api: Api) -> None:
        """Whatever else is signed with it; and what has no nonce is good once as it is."""
        card, ticket = await api.create(get_limit=9), (await ticket_of(api))["ticket"]
        ext = signed(ticket, card)
        assert (await add(api, (card, ext)))["errcode"] == 0
        assert (await add(api, (card, ext)))["errcode"] == Errcode.BAD_CARD_EXT
        again = signed(ticket, card, timestamp="1700000000")
        assert (await add(api, (card, again)))["errcode"] == Errcode.BAD_CARD_EXT
        bare = signed(ticket, card, nonce_str="")
        assert (await add(api, (card, bare)))["errcode"] == 0
        assert (await add(api, (card, bare)))["errcode"] == Errcode.BAD_CARD_EXT

    async def test_of_two_at_once_one_is_added(self, api: Api) -> None:
        """The nonce is used in the transaction that hands the ticket out."""
        card = await api.create(get_limit=9)
        ext = signed((await ticket_of(api))["ticket"], card)
        codes = [
            one["errcode"] for one in await asyncio.gather(*(add(api, (card, ext)) for _ in "1234"))
        ]
        assert sorted(codes) == [0, *[Errcode.BAD_CARD_EXT] * 3]

    @pytest.mark.examples(2)
    @pytest.mark.parametrize("field", ["openid", "code", "timestamp", "nonce_str", "card_id"])
    async def test_all_that_is_signed_is_bound(self, api: Api, field: str) -> None:
        """Nobody puts another person, code or card in the place of what was signed."""
        card, other = await api.create(), await api.create()
        ext = json.loads(signed((await ticket_of(api))["ticket"], card))
        if field == "card_id":
            card = other
        else:
            ext[field] = {"timestamp": "1700000001"}.get(field, "other")
        assert (await add(api, (card, json.dumps(ext))))["errcode"] == Errcode.BAD_CARD_EXT

    @pytest.mark.long
    async def test_the_mutation_a_signature_of_our_own_making_is_good(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Were any signature good, what is refused above would be added."""
        monkeypatch.setattr(api_tickets, "signature", lambda *_parts: "0" * 40)
        await ticket_of(api)
        ext = json.dumps({"timestamp": "1", "openid": "oThief", "signature": "0" * 40})
        assert (await add(api, (await api.create(), ext)))["errcode"] == 0

    async def test_a_ticket_that_ended_signs_nothing(self, api: Api) -> None:
        """But five minutes after its end what it had signed is still taken."""
        card, ticket = await api.create(get_limit=9), (await ticket_of(api))["ticket"]
        now_ms = int(time.time() * 1000)
        for ago_s, code in ((OVERLAP_S - 60, 0), (OVERLAP_S + 60, Errcode.BAD_CARD_EXT)):
            with api.running.engine.begin() as connection:
                connection.execute(update(t.api_ticket).values(ends_ms=now_ms - ago_s * 1000))
            ext = signed(ticket, card, nonce_str=f"n{ago_s}")
            assert (await add(api, (card, ext)))["errcode"] == code

    async def test_tickets_of_other_accounts_and_types_sign_nothing(self, api: Api) -> None:
        """Whoever has an account of their own adds none of another's cards."""
        card, other = await api.create(), await account(api.running)
        await ticket_of(api)
        for ticket in (await ticket_of(other), await ticket_of(api, "jsapi")):
            answer = await add(api, (card, signed(ticket["ticket"], card)))
            assert answer["errcode"] == Errcode.BAD_CARD_EXT

    async def test_a_person_has_to_be_signed_for(self, api: Api) -> None:
        """A phone can say anything of who it is."""
        card = await api.create()
        ext = signed((await ticket_of(api))["ticket"], card, openid="")
        assert (await add(api, (card, ext)))["errcode"] == Errcode.NO_OPENID

    async def test_a_code_of_the_organiser_s(self, api: Api) -> None:
        """A custom code is named in the ``cardExt``, and had once."""
        card = await api.create(meeting(use_custom_code=True))
        ticket = (await ticket_of(api))["ticket"]
        ext = signed(ticket, card, code="ROW-1-SEAT-7")
        assert (await add(api, (card, ext)))["errcode"] == 0
        assert await api.status("ROW-1-SEAT-7", card_id=card) == "NORMAL"
        again = signed(ticket, card, code="ROW-1-SEAT-7", nonce_str="n2")
        assert (await add(api, (card, again)))["errcode"] == Errcode.CODE_NOT_FREE

    @pytest.mark.examples(4)
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, Errcode.BAD_ARGUMENTS),
            ({"cardList": []}, Errcode.BAD_ARGUMENTS),
            ({"cardList": [{}] * 6}, Errcode.BAD_ARGUMENTS),
            ({"cardList": ["x"]}, Errcode.BAD_ARGUMENTS),
            ({"cardList": [{"cardExt": "{}"}]}, Errcode.NO_CARD_ID),
            ({"cardList": [{"cardId": "p1"}]}, Errcode.BAD_CARD_EXT),
            ({"cardList": [{"cardId": "p1", "cardExt": "{"}]}, Errcode.BAD_CARD_EXT),
            ({"cardList": [{"cardId": "p1", "cardExt": "[]"}]}, Errcode.BAD_CARD_EXT),
            ({"cardList": [{"cardId": "p1", "cardExt": {"timestamp": 1}}]}, Errcode.BAD_CARD_EXT),
            (
                {"cardList": [{"cardId": "p1", "cardExt": {"timestamp": 1, "signature": "s"}}]},
                Errcode.BAD_CARD_ID,
            ),
        ],
    )
    async def test_what_cannot_be_read(self, api: Api, body: Any, code: Errcode) -> None:
        """Refused with the code of what is wrong with it."""
        assert (await api.post(ADD, body, token=""))["errcode"] == code

    async def test_what_is_over_is_forgotten(self, api: Api) -> None:
        """Tickets that sign nothing more, and the nonces that they had signed."""
        card = await api.create()
        await add(api, (card, signed((await ticket_of(api))["ticket"], card)))
        later = int(time.time() + LIFE_S + OVERLAP_S + 60) * 1000
        with api.running.engine.begin() as connection:
            assert connection.execute(select(t.used_card_ext)).all()
            api_tickets.forget(connection, later)
            assert not connection.execute(select(t.used_card_ext)).all()
            assert not connection.execute(select(t.api_ticket)).all()
