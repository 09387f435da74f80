"""Whoever forges pushes: bounded, refused alike, and one line for each that names nobody."""

import asyncio
import base64
import logging
import struct
import time
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sync.push_crypto import BLOCK, encrypt, signature
from sync.upstream.wechat import endpoint, pushes
from sync.upstream.wechat import tables as t
from sync.upstream.wechat.pushes import NotWeChat
from tests.support.central import stop_limits
from tests.support.places import Place, in_folder
from tests.support.wechat import AES_KEY, PARTS, PUSH_TOKEN, Venue, venue

OPENID, CODE = "oVictim-4471", "884471000000"
_BOMB: Final = (
    '<!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    + "]><xml><MsgType>&a8;</MsgType></xml>"
)
_FILE: Final = (
    '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    "<xml><MsgType>event</MsgType><Event>user_get_card</Event><UserCardCode>&f;</UserCardCode></xml>"
)


@pytest.fixture
def plain_place(tmp_path: Path) -> Place:
    """What is refused before anything is kept is so whatever the database."""
    return in_folder(tmp_path, PARTS)


@pytest.fixture
async def plain(plain_place: Place) -> AsyncIterator[Venue]:
    """An account without a key: its signature is not about the body."""
    async with venue(plain_place, aes_key="") as made:
        yield made


def event(card: str, **more: str) -> str:
    """A push as WeChat would write it."""
    fields = {"ToUserName": "gh_1", "FromUserName": OPENID, "CreateTime": str(int(time.time())),
              "MsgType": "event", "Event": "user_get_card", "CardId": card,
              "UserCardCode": CODE} | more  # fmt: skip
    parts = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    return f"<xml>{parts}</xml>"


def signed(nonce: str = "n1", sealed: str = "", token: str = PUSH_TOKEN) -> dict[str, str]:
    """The parameters of a push of now."""
    stamp = str(int(time.time()))
    query = {"timestamp": stamp, "nonce": nonce, "signature": signature(token, stamp, nonce)}
    if sealed:
        query |= {
            "encrypt_type": "aes", "msg_signature": signature(token, stamp, nonce, sealed),
        }  # fmt: skip
    return query


async def send(here: Venue, body: bytes | str, query: dict[str, str], appid: str = "") -> int:
    """Push it; the status of the answer."""
    content = body.encode() if isinstance(body, str) else body
    path = f"{endpoint.PATH}/{appid or here.wechat.appid}"
    return (await here.ours.http.post(path, params=query, content=content)).status_code


def wrapped(sealed: str) -> str:
    return f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"


def kept(here: Venue) -> int:
    return here.ours.count(t.push)


async def test_a_push_that_is_signed_is_taken(here: Venue) -> None:
    """What the others of this file are compared with: the same made well is a ticket."""
    sealed = encrypt(AES_KEY, here.wechat.appid, event(here.card))
    assert await send(here, wrapped(sealed), signed(sealed=sealed)) == 200
    await here.step()
    assert here.shown(CODE)[0] is not None


async def test_another_token_is_none_of_wechat_s(here: Venue) -> None:
    """However well the rest is made."""
    sealed = encrypt(AES_KEY, here.wechat.appid, event(here.card))
    assert await send(here, wrapped(sealed), signed(sealed=sealed, token="guessed")) == 403
    assert kept(here) == 0


@pytest.mark.parametrize("sealed_for", ["another account", "another key"])
async def test_what_was_sealed_for_others_is_nothing(here: Venue, sealed_for: str) -> None:
    """Even by who knows our Token: the appid within is another, or the key is."""
    key = "b" * 43 if sealed_for == "another key" else AES_KEY
    appid = here.wechat.appid if key != AES_KEY else "wx0000000000000000"
    sealed = encrypt(key, appid, event(here.card))
    assert await send(here, wrapped(sealed), signed(sealed=sealed)) == 403
    assert kept(here) == 0


@pytest.mark.examples(1)
@pytest.mark.parametrize("pad", [0, 33, 255])
async def test_a_padding_that_cannot_be_is_refused(here: Venue, pad: int) -> None:
    """As everything else is: the answer tells nothing of what was wrong."""
    sealed = _padded(here.wechat.appid, event(here.card), pad)
    assert await send(here, wrapped(sealed), signed(sealed=sealed)) == 403
    assert kept(here) == 0


def _padded(appid: str, xml: str, pad: int) -> str:
    """A push whose last byte says that so much of it is padding."""
    content = xml.encode()
    plain = bytes(16) + struct.pack(">I", len(content)) + content + appid.encode()
    plain += bytes(BLOCK - 1 - len(plain) % BLOCK) + bytes([pad])
    key = base64.b64decode(f"{AES_KEY}=")
    sealing = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(sealing.update(plain) + sealing.finalize()).decode()


@pytest.mark.examples(2)
@pytest.mark.parametrize("body", [_BOMB, _FILE], ids=["bomb", "file"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16"])
async def test_what_would_be_expanded_is_refused_in_any_encoding(
    plain: Venue, body: str, encoding: str
) -> None:
    """By who saw one signature of plain mode; in little time, and little memory."""
    stated = f'<?xml version="1.0" encoding="{encoding[:6]}"?>{body}'.encode(encoding)
    account, began = plain.account(), time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(NotWeChat):
            pushes.receive(account, signed(), stated, int(time.time()))
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 10
    assert await send(plain, stated, signed()) == 403
    assert kept(plain) == 0


@pytest.mark.long
async def test_where_a_document_type_is_read_its_entities_are(
    plain: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: a word of the stranger's own making is an event then."""
    doctype = '<!DOCTYPE x [<!ENTITY e "event">]>'
    push = doctype + event(plain.card).replace("<![CDATA[event]]>", "&e;")
    assert await send(plain, push, signed()) == 403
    monkeypatch.setattr("sync.upstream.wechat.pushes._refuse", lambda *_doctype: None)
    assert await send(plain, push, signed()) == 200
    await plain.step()
    assert plain.shown(CODE)[0] is not None


@pytest.mark.examples(3)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"\0", b"<xml>", b"\xff\xfe<xml/>", b"<xml/>" * 2, b"<a>" * 21_000,
        b"<xml><Encrypt>" + b"A" * 65_000 + b"</Encrypt></xml>", b'{"xml": 1}',
    ],
    ids=["nothing", "nul", "cut", "no text", "two", "deep", "long", "json"],
)  # fmt: skip
async def test_what_is_no_push_is_refused(here: Venue, body: bytes) -> None:
    """Nothing of it stays, and nothing fails."""
    assert await send(here, body, signed()) == 403
    assert kept(here) == 0


async def test_a_body_that_is_too_long_is_not_read(here: Venue) -> None:
    """Whether its length was said or not."""

    async def endless() -> AsyncIterator[bytes]:
        for _n in range(1000):
            given.append(1)
            yield b"a" * 8192

    given: list[int] = []
    assert await send(here, b"a" * (endpoint.LARGEST + 1), signed()) == 413
    path = f"{endpoint.PATH}/{here.wechat.appid}"
    answer = await here.ours.http.post(path, params=signed(), content=endless())
    assert answer.status_code == 413
    assert len(given) < 1000


@pytest.mark.examples(2)
@pytest.mark.parametrize(
    "appid", ["wx%00", "wx' OR 1=1", "wx1234567890abcdef", "w" * 5000, "%E4%BC%9A"]
)
async def test_an_account_that_there_is_not_is_refused_alike(here: Venue, appid: str) -> None:
    """On every kind of database."""
    for ask in (here.ours.http.get, here.ours.http.post):
        answer = await ask(f"{endpoint.PATH}/{appid}", params=signed())
        assert (answer.status_code, answer.json()["error"]) == (403, "not_wechat")


async def test_a_push_of_long_ago_is_refused(here: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has recorded one may send it again for ten minutes, in which it is known; not later."""
    await here.wechat.claim(here.card)
    await here.step()
    push, before = here.post.passed[-1], kept(here)
    for _n in range(3):
        assert await here.post.let(push) == 200
    assert kept(here) == before
    later = int(time.time() + pushes.WINDOW_S + 60) * 1000
    monkeypatch.setattr("sync.upstream.wechat.endpoint.read_wall_ms", lambda: later)
    assert await here.post.let(push) == 403


async def test_guesses_have_to_wait_and_each_that_is_answered_is_a_line(
    here: Venue, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which account, from where and why; no code, openid, Token or signature."""
    stop_limits(monkeypatch)
    answers = []
    with caplog.at_level(logging.INFO):
        for n in range(200):
            body = event(here.card, nonce=str(n))
            answers.append(await send(here, body, signed(f"n{n}", token="guessed")))
    assert set(answers) == {403, 429}
    lines = [one.getMessage() for one in caplog.records if "refused a push" in one.getMessage()]
    assert len(lines) == answers.count(403) < 150
    assert lines[0] == (
        f"account={here.wechat.appid} from=127.0.0.1 refused a push: not signed as WeChat signs"
    )
    for hidden in (OPENID, CODE, PUSH_TOKEN, "guessed"):
        assert hidden not in caplog.text
    assert kept(here) == 0


async def test_a_slow_body_is_hung_up_on(here: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger who sends a byte now and then holds nothing for long."""
    monkeypatch.setattr(
        here.ours.server, "settings", replace(here.ours.server.settings, body_s=0.2)
    )

    async def slow() -> AsyncIterator[bytes]:
        yield b"<xml>"
        await asyncio.sleep(60)
        yield b"</xml>"

    began = time.monotonic()
    path = f"{endpoint.PATH}/{here.wechat.appid}"
    answer = await here.ours.http.post(path, params=signed(), content=slow())
    assert answer.status_code == httpx.codes.REQUEST_TIMEOUT
    assert time.monotonic() - began < 30
