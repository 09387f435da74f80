"""Nothing of a person whose ticket lives at WeChat is in any table once it has to be gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sync.server import events, persons
from sync.upstream import links
from sync.upstream.links import Link
from sync.upstream.wechat import accounts
from sync.upstream.wechat.accounts import KIND
from tests.support.cardapi import boarding
from tests.support.places import Place
from tests.support.wechat import PARTS, URL, Venue, venue
from tests.sync.cardapi.test_retention import found
from tests.sync.server.test_persons import end_event

OPENID, FRIEND, STRANGER = "oPlanted-7731", "oPlantedFriend-7731", "oStranger-1"
SEAT, NAME = "planted-seat", "Planted Quill"
PLANTED = (OPENID, FRIEND, SEAT, NAME)
CALL = "/card/meetingticket/updateuser"


async def _down(_request: object) -> Response:
    return PlainTextResponse("later", 503)


BACKEND = Starlette(routes=[Route("/hook", _down, methods=["POST"])])


@asynccontextmanager
async def lived(place: Place) -> AsyncIterator[tuple[Venue, dict[str, str]]]:
    """A person has been everywhere: drawn, still waiting, to be read, to be passed on."""
    url = "https://backend.test/hook"
    async with venue(place, relay=url, backend=BACKEND, cards=[]) as here:
        codes = {
            "kept": await here.wechat.claim(here.card, OPENID),
            "given": await here.wechat.claim(here.card, OPENID),
            "other": await here.wechat.claim(here.card, STRANGER),
        }
        await here.step()
        gift = {"code": codes["given"], "from": OPENID, "to": FRIEND}
        await here.wechat.ok("/v1/gifts", {"action": "start", **gift})
        taken = await here.wechat.ok("/v1/gifts", {"action": "accept", **gift})
        codes["friend's"] = taken["code"]
        flight = await here.wechat.create(boarding(get_limit=9))
        codes["flight"] = await here.wechat.claim(flight, OPENID)
        await here.step()
        query = {"access_token": await _token(here)}
        seat = {"code": codes["kept"], "card_id": here.card, "seat_number": SEAT[:12]}
        await here.ours.http.post(CALL, params=query, json=seat)
        check_in = {"code": codes["flight"], "card_id": flight, "passenger_name": NAME,
                    "class": "x", "seat": "1A", "etkt_bnr": "1", "gate": "A1",
                    "qrcode_data": "M1"}  # fmt: skip
        path = "/card/boardingpass/checkin"
        assert (await here.ours.http.post(path, params=query, json=check_in)).json() == {
            "errcode": 0, "errmsg": "ok",
        }  # fmt: skip
        await here.admit(codes["kept"])
        await here.step()
        # Two pushes more that nobody has drawn anything from, and what is to be asked for.
        codes["new"] = await here.wechat.claim(here.card, OPENID)
        await here.pushes()
        here.write(lambda c: accounts.ask_for(c, "show", "openid", [(OPENID, "")]))
        here.write(lambda c: accounts.ask_for(c, "show", "code", [(codes["kept"], here.card)]))
        yield here, codes


async def _token(here: Venue) -> str:
    query = {"grant_type": "client_credential", "appid": here.wechat.appid,
             "secret": here.wechat.secret}  # fmt: skip
    return str((await here.ours.http.get("/cgi-bin/token", params=query)).json()["access_token"])


async def test_nothing_of_a_person_outlives_the_event(place: Place) -> None:
    """Openids, codes, seats, names and the account's secrets: somewhere before, nowhere after."""
    async with lived(place) as (here, codes):
        planted = (OPENID, FRIEND, SEAT[:12], NAME, *codes.values())
        account = here.account()
        secrets = (account.secret, account.key, account.push_token, account.aes_key)
        before = found(here.ours.engine, *planted)
        assert {text for texts in before.values() for text in texts} == set(planted)
        assert {
            "wechat_code.openid", "wechat_code.code", "wechat_code.next_code",
            "wechat_code.attributes", "wechat_push.body", "wechat_reading.name", "outbox.body",
            "ticket.body",
        } <= set(before)  # fmt: skip
        await end_event(here.ours)
        assert found(here.ours.engine, *planted) == {}
        # The card API has an account of its own by that appid and secret, for other events too.
        assert set(found(here.ours.engine, *secrets)) <= {"account.secret"}


async def test_an_account_that_has_another_event_stays_without_the_people(place: Place) -> None:
    """Its secret is needed there; what is known of people of this event is not."""
    async with lived(place) as (here, codes):
        other = Link("ball", KIND, URL, here.wechat.appid, target={"cards": ["another"]})

        def pair(connection: object) -> None:
            events.create_event(connection, "ball", "", "UTC", 1)  # type: ignore[arg-type]
            links.make(connection, other)  # type: ignore[arg-type]

        here.write(pair)
        await here.step()
        await end_event(here.ours)
        assert here.account().secret
        assert found(here.ours.engine, *codes.values()) == {}


@pytest.mark.long
@pytest.mark.parametrize("step", ["codes", "pushes"])
async def test_the_mutation_a_step_that_is_forgotten(
    place: Place, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Without either of them something of the person stays, and is found."""
    name = {"codes": "accounts.forget_event", "pushes": "inbox.forget_account"}[step]
    monkeypatch.setattr(f"sync.upstream.wechat.personal.{name}", lambda *_stated: None)
    async with lived(place) as (here, codes):
        await end_event(here.ours)
        assert found(here.ours.engine, OPENID, *codes.values()) != {}


async def test_a_person_is_told_all_that_is_held(place: Place) -> None:
    """By the openid, and by any code; nothing of anybody else."""
    async with lived(place) as (here, codes):
        for asked in (f"openid:{OPENID}", f"code:{codes['kept']}"):
            held = here.read(persons.export, "show", asked, PARTS)
            mine = {row["code"] for row in held["wechat_codes"]}
            assert codes["kept"] in mine
            assert codes["other"] not in mine
        by_openid = here.read(persons.export, "show", f"openid:{OPENID}", PARTS)
        told = msgspec.json.encode(by_openid).decode()
        assert all(text in told for text in (OPENID, SEAT[:12], NAME, codes["given"]))
        assert STRANGER not in told


async def test_who_is_erased_is_in_no_table_and_does_not_come_back(place: Place) -> None:
    """Whatever WeChat says of them afterwards; the friend and the others keep their tickets."""
    async with lived(place) as (here, codes):
        await _erase(here)
        mine = (OPENID, codes["kept"], codes["given"], codes["flight"], codes["new"], NAME)
        assert found(here.ours.engine, *mine) == {}
        assert here.shown(codes["other"])[0] is not None
        assert here.shown(codes["friend's"])[0] is not None
        for push in list(here.post.passed):
            if f"/wechat/push/{here.wechat.appid}" == push.url.path and push.method == "POST":
                await here.post.let(push)
        here.write(lambda c: accounts.ask_for(c, "show", "openid", [(OPENID, "")]))
        await here.again()
        assert here.shown(codes["kept"])[0] is None
        again = found(here.ours.engine, codes["kept"], codes["flight"])
        assert again == {}, again


@pytest.mark.long
async def test_who_does_not_look_whether_one_was_erased_takes_them_in_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: the next look at the person then brings code and openid back."""
    monkeypatch.setattr("sync.upstream.wechat.codes._is_erased", lambda *_stated: False)
    async with lived(place) as (here, codes):
        await _erase(here)
        here.write(lambda c: accounts.ask_for(c, "show", "openid", [(OPENID, "")]))
        await here.again()
        assert found(here.ours.engine, codes["kept"]) != {}


async def _erase(here: Venue) -> None:
    job = partial(
        persons.erase, event="show", asked=f"openid:{OPENID}", folder=here.ours.folder,
        parts=PARTS,
    )  # fmt: skip
    here.write(job)
