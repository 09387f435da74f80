"""An unmodified client library drives the whole life of all four kinds against ``gate serve``."""

import io
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from wechatpy import WeChatClient
from wechatpy.client.api import WeChatCard
from wechatpy.exceptions import APILimitedException, WeChatClientException

from tests.conftest import needs
from tests.support import postgres
from tests.support.cardapi import MAKERS, meeting
from tests.support.terminal import Terminal
from tests.sync.cardapi.test_card_ext import signed
from tests.system.network import EVENT, Server


def client_of(server: Server, appid: str, secret: str) -> WeChatClient:
    """Wechatpy with its addresses pointed at the server, as its classes allow."""

    class Card(WeChatCard):  # type: ignore[misc]
        API_BASE_URL = f"{server.url}/"

    class Client(WeChatClient):  # type: ignore[misc]
        API_BASE_URL = f"{server.url}/cgi-bin/"
        card = Card()

        def fetch_access_token(self) -> Any:
            return self._fetch_access_token(
                url=f"{server.url}/cgi-bin/token",
                params={
                    "grant_type": "client_credential",
                    "appid": self.appid,
                    "secret": self.secret,
                },
            )

    return Client(appid, secret, timeout=60)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """``gate serve`` as a process, on either database."""
    if request.param == "sqlite":
        server = Server(tmp_path / "server")
        yield server
        server.close()
        return
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        server = Server(tmp_path / "server", "--database", url)
        yield server
        server.close()


@pytest.fixture
def client(server: Server) -> Iterator[WeChatClient]:
    """A client with an account of its own."""
    made = server.admin("POST", "/accounts", {"event": EVENT})
    client = client_of(server, made["appid"], made["secret"])
    yield client
    client._http.close()


def errcode(call: Any, *arguments: Any, **named: Any) -> int:
    """The errcode with which a call is refused."""
    with pytest.raises(WeChatClientException) as told:
        call(*arguments, **named)
    return int(told.value.errcode)


def ours(client: WeChatClient, server: Server, path: str, **body: Any) -> Any:
    """One of the calls that stand for what happens in the app."""
    return client.post(f"{server.url}/v1/{path}", data=body)


@pytest.mark.timeout(180)
@pytest.mark.long
def test_the_whole_life_of_all_four_kinds(server: Server, client: WeChatClient) -> None:
    """Created by the reference's examples, claimed, updated, given, used, voided, counted."""
    card = client.card
    assert {"name": "Color010", "value": "#63b359"} in card.get_colors()
    cards = {kind: card.create(make(get_limit=9)) for kind, make in MAKERS.items()}
    assert sorted(card.batch_get()["card_id_list"]) == sorted(cards.values())
    codes = {}
    for kind, card_id in cards.items():
        shown = card.get(card_id)
        assert shown["card_type"] == kind
        assert shown[kind.lower()]["base_info"]["status"] == "CARD_STATUS_VERIFY_OK"
        ticket = card.create_qrcode(
            {"action_name": "QR_CARD", "action_info": {"card": {"card_id": card_id}}}
        )
        codes[kind] = ours(client, server, "claims", ticket=ticket, openid="oFan")["code"]

    client.post(
        f"{server.url}/card/meetingticket/updateuser",
        data={"code": codes["MEETING_TICKET"], "zone": "C区", "entrance": "东北门",
              "seat_number": "2排15号"},
    )  # fmt: skip
    card.update_movie_ticket(
        codes["MOVIE_TICKET"], "4D", int(time.time()) + 600, 120, "5号影厅",
        ["5 排14 号", "5排15号"],
    )  # fmt: skip
    flight = codes["BOARDING_PASS"]
    card.checkin_boardingpass(flight, "乘客姓名", "舱等", "7812345678901", seat="座位号",
                              gate="A11", qrcode_data="M1二维码数据")  # fmt: skip
    card.checkin_boardingpass(flight, "乘客姓名", "舱等", "7812345678901", is_cancel=True)
    scenic = {"card_id": cards["SCENIC_TICKET"], "scenic_ticket": {"guide_url": "http://map"}}
    assert card.update(scenic)["send_check"] is False
    assert card.get(cards["SCENIC_TICKET"])["scenic_ticket"]["guide_url"] == "http://map"

    assert card.get_code(flight)["can_consume"] is False
    assert card.get_code(codes["MOVIE_TICKET"])["can_consume"] is False
    server.admin("POST", f"/accounts/{client.appid}", {"early_s": 900})
    card.checkin_boardingpass(flight, "乘客姓名", "舱等", "7812345678901")
    for kind, code in codes.items():
        told = card.get_code(code)
        assert (told["user_card_status"], told["can_consume"]) == ("NORMAL", True)
        listed = card.get_card_list("oFan", cards[kind])["card_list"]
        assert listed == [{"code": code, "card_id": cards[kind]}]
        give = {"code": code, "from": "oFan", "to": "oB"}
        ours(client, server, "gifts", action="start", **give)
        assert errcode(card.consume_code, code) == 40127
        new = ours(client, server, "gifts", action="accept", **give)["code"]
        assert errcode(card.get_code, code) == 40056
        if kind == "BOARDING_PASS":
            assert errcode(card.consume_code, new, cards[kind]) == 40127
            card.checkin_boardingpass(new, "另一乘客", "舱等", "7812345678902")
        assert card.consume_code(new, cards[kind])["openid"] == "oB"
        assert errcode(card.consume_code, new) == 40099
        assert card.get_code(new, check_consume=False)["user_card_status"] == "CONSUMED"
        other = ours(client, server, "claims", card_id=cards[kind], openid="oC")
        assert card.decrypt_code(other["encrypt_code"]) == other["code"]
        card.invalid_code(other["code"])
        assert errcode(card.consume_code, other["code"]) == 40127
        card.modify_stock(cards[kind], 5)
        card.delete(cards[kind])
        assert errcode(ours, client, server, "claims", card_id=cards[kind], openid="oD") == 40078


@pytest.mark.timeout(120)
def test_deposited_and_custom_codes(server: Server, client: WeChatClient) -> None:
    """Handed over, checked, stocked, claimed, updated and used by the library's own calls."""
    card = client.card
    card_id = card.create(meeting(
        use_custom_code=True, get_custom_code_mode="GET_CUSTOM_CODE_MODE_DEPOSIT",
        sku={"quantity": 0},
    ))  # fmt: skip
    codes = [f"CODE-{n}" for n in range(100)]
    assert card.deposit_code(card_id, codes)["succ_code"] == codes
    assert card.get_deposit_count(card_id)["count"] == 100
    assert card.check_code(card_id, ["CODE-1", "no"])["not_exist_code"] == ["no"]
    card.modify_stock(card_id, 100)
    code = ours(client, server, "claims", card_id=card_id, openid="oFan")["code"]
    assert code in codes
    card.update_code(card_id, code, "NEW")
    assert errcode(card.get_code, "NEW") == 41012
    card.consume_code("NEW", card_id)
    card.set_test_whitelist(["oTester"], [])


def test_pictures_pages_and_tickets_to_sign_with(server: Server, client: WeChatClient) -> None:
    """By the library's own calls: a logo that is served, a page that is shown, a card added."""
    picture = b"\x89PNG\r\n\x1a\n" + b"p" * 40
    logo = client.media.upload_image(io.BytesIO(picture))
    assert httpx.get(logo, trust_env=False).content == picture
    card_id = client.card.create(meeting(logo_url=logo))
    page = client.card.create_landingpage({
        "banner": logo, "page_title": "Gala", "can_share": True, "scene": "SCENE_MENU",
        "card_list": [{"card_id": card_id, "thumb_url": logo}],
    })  # fmt: skip
    assert "Gala" in httpx.get(page["url"], trust_env=False).text
    assert server.url in client.card.get_html(card_id)
    ticket = client.jsapi.get_jsapi_card_ticket()
    assert client.jsapi.get_jsapi_card_ticket() == ticket
    ext = signed(ticket, card_id)
    added = httpx.post(
        f"{server.url}/v1/addcard",
        json={"cardList": [{"cardId": card_id, "cardExt": ext}]},
        trust_env=False,
    ).json()
    code = client.card.decrypt_code(added["cardList"][0]["code"])
    assert client.card.consume_code(code)["openid"] == "oFan"
    assert errcode(client.card.set_paycell, card_id, True) == 45030


def test_a_token_that_ended_is_fetched_again(server: Server, client: WeChatClient) -> None:
    """The library's own retry works: a token that is nobody's is replaced by a good one."""
    client.session.set(client.access_token_key, "nobody", 7000)
    client.expires_at = int(time.time()) + 7000
    assert client.card.get_colors()
    wrong = client_of(server, client.appid, "0" * 32)
    assert errcode(lambda: wrong.access_token) == 40125
    wrong._http.close()
    with suppress(APILimitedException):
        assert client.card.get_colors()


def test_behind_a_proxy_addresses_are_the_proxy_s(tmp_path: Path) -> None:
    """What ``--url`` says is where pictures of QR codes are to be fetched, whoever asks."""
    public = "https://gates.example.org/venue"
    server = Server(tmp_path / "server", "--proxy", "127.0.0.1", "--url", f"{public}/")
    made = server.admin("POST", "/accounts", {"event": EVENT})
    client = client_of(server, made["appid"], made["secret"])
    card = {"card_id": client.card.create(meeting())}
    told = client.post(
        f"{server.url}/card/qrcode/create",
        data={"action_name": "QR_CARD", "action_info": {"card": card}},
    )
    assert told["show_qrcode_url"] == f"{public}/cgi-bin/showqrcode?ticket={told['ticket']}"
    client._http.close()
    server.close()


def test_the_account_that_is_printed_works(tmp_path: Path) -> None:
    """On a terminal ``gate serve`` makes an account, prints it once, and keeps no secret of it."""
    folder = tmp_path / "server"
    begun = (
        "serve",
        "--server-dir",
        str(folder),
        "--listen",
        "127.0.0.1:0",
        "--time-zone",
        "Asia/Shanghai",
    )

    def begin() -> tuple[str, Terminal]:
        terminal = Terminal(*begun, HOME=str(tmp_path))
        return terminal.wait(lambda text: "End with Ctrl-C" in text), terminal

    def end(terminal: Terminal) -> None:
        terminal.process.terminate()
        terminal.wait_for_end()
        terminal.close()

    told, terminal = begin()
    try:
        found = re.search(r"appid (wx[0-9a-f]{16}), secret ([0-9a-f]{32})", told)
        assert found is not None, told
        appid, secret = found.groups()
        answers = Server.__new__(Server)
        answers.url = told.splitlines()[0].split()[-1]
        client = client_of(answers, appid, secret)
        assert client.card.create(meeting()).startswith("p")
        client._http.close()
    finally:
        end(terminal)
    again, terminal = begin()
    end(terminal)
    assert "appid" not in again
    kept = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    assert appid.encode() in kept
    assert secret.encode() not in kept
