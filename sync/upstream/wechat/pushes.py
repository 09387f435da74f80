"""Event pushes as WeChat sends them: whether one is WeChat's, and what it says. Pure.

Blanks round CDATA, empty numbers and elements that nobody documents are as its samples have them.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

import msgspec

from sync.push_crypto import Unreadable, decrypt, signature
from sync.upstream.wechat.accounts import Account

WINDOW_S: Final = 600
"""How far a push's own time may be from ours: WeChat tries three times within seconds."""
_DEPTH: Final = 2
"""Of the elements that say something, within the one round all."""


class NotWeChat(Exception):
    """It is not signed by the account's token, too old, or no push at all."""


class Push(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happened to a card at WeChat, as far as it matters here."""

    event: str
    """``user_get_card`` and so on, in lower case; empty: it is no event, such as a message."""
    created_s: int
    openid: str = ""
    card_id: str = ""
    code: str = ""
    old_code: str = ""
    """The code of before it was given on; empty: it was not given."""
    is_returned: bool = False
    outer_str: str = ""
    by: str = ""
    """Who used it, in WeChat's words."""

    @property
    def digest(self) -> str:
        """The same however often the push comes, whatever signed it."""
        parts = (self.openid, self.created_s, self.event, self.card_id, self.code, self.old_code,
                 self.is_returned)  # fmt: skip
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


@dataclass(frozen=True, slots=True)
class Received:
    """A push that is WeChat's."""

    push: Push
    xml: str
    """As it came, decrypted where it was encrypted."""
    nonce: str
    """Of the parameters that signed it."""


def is_signed(account: Account, query: Mapping[str, str], now_s: int) -> bool:
    """Whether parameters are signed with the account's token, lately."""
    stamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    wanted = signature(account.push_token, stamp, nonce)
    is_number = stamp.isascii() and stamp.isdecimal() and len(stamp) < 13
    return (
        hmac.compare_digest(wanted, _ascii(query.get("signature", "")))
        and is_number
        and abs(int(stamp) - now_s) <= WINDOW_S
    )


def receive(account: Account, query: Mapping[str, str], body: bytes, now_s: int) -> Received:
    """The push that came. Raises NotWeChat.

    Where the account has a key only what is encrypted counts: the other signature is not about
    the body, and whoever saw one could put any body under it.
    """
    if not is_signed(account, query, now_s):
        raise NotWeChat
    nonce = f"{query['timestamp']} {query['nonce']}"
    xml = _text(body)
    fields = _fields(xml)
    if account.aes_key:
        sealed = fields.get("Encrypt", "")
        parts = (account.push_token, query["timestamp"], query["nonce"], sealed)
        stated = _ascii(query.get("msg_signature", ""))
        if not sealed or not hmac.compare_digest(signature(*parts), stated):
            raise NotWeChat
        try:
            xml = decrypt(account.aes_key, account.appid, sealed)
        except Unreadable as error:
            raise NotWeChat from error
        fields = _fields(xml)
    return Received(_push(fields, now_s), xml, nonce)


def _push(fields: Mapping[str, str], now_s: int) -> Push:
    is_event = fields.get("MsgType", "").casefold() == "event"
    is_gift = fields.get("IsGiveByFriend") == "1"
    by = (fields.get("ConsumeSource", ""), fields.get("LocationName", ""))
    return Push(
        event=fields.get("Event", "").casefold() if is_event else "",
        created_s=_whole(fields.get("CreateTime", "")) or now_s,
        openid=fields.get("FromUserName", ""),
        card_id=fields.get("CardId", ""),
        code=fields.get("UserCardCode", ""),
        old_code=fields.get("OldUserCardCode", "") if is_gift else "",
        is_returned=fields.get("IsReturnBack") == "1",
        outer_str=fields.get("OuterStr", ""),
        by=" ".join(filter(None, by)),
    )


def _text(body: bytes) -> str:
    """Raises NotWeChat for what is not UTF-8."""
    try:
        return body.decode()
    except UnicodeError as error:
        raise NotWeChat from error


class _Elements:
    """The elements of a push, one level deep, as they are met."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._depth = 0
        self._parts: list[str] = []

    def begin(self, _name: str, _attributes: object) -> None:
        self._depth += 1
        self._parts.clear()

    def text(self, text: str) -> None:
        if self._depth == _DEPTH:
            self._parts.append(text)

    def end(self, name: str) -> None:
        if self._depth == _DEPTH:
            self.found[name] = "".join(self._parts).strip()
        self._depth -= 1


def _fields(xml: str) -> dict[str, str]:
    """The elements of a push, one level deep. Raises NotWeChat.

    Nothing is expanded, in whatever encoding it is written: where a document type begins it ends.
    """
    parser, elements = expat.ParserCreate("utf-8"), _Elements()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = elements.begin
    parser.CharacterDataHandler = elements.text
    parser.EndElementHandler = elements.end
    try:
        parser.Parse(xml, True)  # noqa: FBT003  theirs
    except (expat.ExpatError, ValueError) as error:
        raise NotWeChat from error
    return elements.found


def _refuse(*_doctype: object) -> None:
    raise NotWeChat


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 13 else 0


def _ascii(text: str) -> str:
    """What can be compared without telling how far it was right."""
    return text if text.isascii() else ""
