"""Tickets that pages and mini programs sign with (``api_ticket``), and what they sign: ``cardExt``.

Every function works in the transaction it is handed. A ticket is derived from the account's key, so
that all server processes tell the same one and the table holds none.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, insert, select

from sync.cardapi import tables as t
from sync.cardapi.accounts import LIFE_S, OVERLAP_S, Account
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.fields import Field, need, openid, read_fields, text
from sync.cardapi.fields import code as read_code
from sync.push_crypto import signature
from sync.server.prepared import insert_into

CARDS: Final = "wx_card"
"""Tickets that ``cardExt`` is signed with; those of ``jsapi`` open WeChat's own pages."""
_KINDS: Final = (CARDS, "jsapi")


def get(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> dict[str, Any]:
    """``ticket/getticket``: the same until five minutes before its end. Raises Refused."""
    kind = params.get("type")
    if kind not in _KINDS:
        raise Refused(Errcode.BAD_ARGUMENTS, "type")
    # Two processes that find it ended make one new ticket.
    connection.execute(
        select(t.account.c.appid).where(t.account.c.appid == account.appid).with_for_update()
    )
    c = t.api_ticket.c
    newest = connection.execute(
        select(c.serial, c.ends_ms)
        .where(c.appid == account.appid, c.kind == kind)
        .order_by(c.ends_ms.desc())
        .limit(1)
    ).first()
    if newest is not None and newest.ends_ms - now_ms > OVERLAP_S * 1000:
        left_s = (newest.ends_ms - now_ms) // 1000
        return {"ticket": _derived(account, kind, newest.serial), "expires_in": left_s}
    serial = secrets.token_hex(16)
    ends_ms = now_ms + LIFE_S * 1000
    connection.execute(
        insert(t.api_ticket).values(appid=account.appid, kind=kind, serial=serial, ends_ms=ends_ms)
    )
    return {"ticket": _derived(account, kind, serial), "expires_in": LIFE_S}


def _derived(account: Account, kind: str, serial: str) -> str:
    said = f"api_ticket:{kind}:{serial}".encode()
    return hmac.digest(bytes.fromhex(account.key), said, hashlib.sha512).hex()[:86]


@dataclass(frozen=True, slots=True)
class CardExt:
    """What a backend lets a phone add: whose it is is signed, ``outer_str`` is not."""

    signature: str
    timestamp: str
    nonce_str: str = ""
    code: str = ""
    openid: str = ""
    outer_str: str = ""

    @property
    def once(self) -> str:
        """What is used up by it.

        Without a nonce that is the signature itself: two people who are handed the same one in one
        second cannot both have it.
        """
        return self.nonce_str or self.signature


def _stamp(name: str, given: Any) -> str:
    stated = str(given)
    if not stated.isascii() or not stated.isdecimal() or len(stated) > 11:
        raise Refused(Errcode.BAD_CARD_EXT, name)
    return stated


_WRONG: Final = Errcode.BAD_CARD_EXT
_EXT: Final = (
    need("signature", text(40, wrong=_WRONG), _WRONG),
    need("timestamp", _stamp, _WRONG),
    Field("nonce_str", text(32, wrong=_WRONG)),
    Field("code", read_code),
    Field("openid", openid),
    Field("outer_str", text(128)),
)


def read_card_ext(given: Any) -> CardExt:
    """A ``cardExt``: a text that is an object, as phones hand it on, or the object itself.

    Raises Refused.
    """
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Refused(_WRONG, "cardExt is an object as text") from error
    if not isinstance(given, dict):
        raise Refused(_WRONG, "cardExt")
    return CardExt(**read_fields(_EXT, given))


def use(connection: Connection, account: Account, card_id: str, ext: CardExt, now_ms: int) -> None:
    """Take a signature as good, this once. Raises Refused."""
    ends_ms = _signed_until(connection, account, card_id, ext, now_ms)
    once = hashlib.sha256(ext.once.encode()).hexdigest()
    used = insert_into(connection, t.used_card_ext).values(
        appid=account.appid, hash=once, ends_ms=ends_ms
    )
    if not connection.execute(used.on_conflict_do_nothing()).rowcount:
        raise Refused(_WRONG, "nonce_str was used")


def is_signed(
    connection: Connection, account: Account, card_id: str, ext: CardExt, now_ms: int
) -> bool:
    """Whether one of the account's tickets that have not ended has signed that."""
    try:
        _signed_until(connection, account, card_id, ext, now_ms)
    except Refused:
        return False
    return True


def _signed_until(
    connection: Connection, account: Account, card_id: str, ext: CardExt, now_ms: int
) -> int:
    for ticket, ends_ms in _live(connection, account, now_ms):
        good = signature(ticket, ext.timestamp, card_id, ext.code, ext.openid, ext.nonce_str)
        if hmac.compare_digest(good.encode(), ext.signature.encode()):
            return ends_ms
    raise Refused(_WRONG, "signature")


def _live(connection: Connection, account: Account, now_ms: int) -> Iterator[tuple[str, int]]:
    """Tickets and until when what they signed is taken, a little longer than they are told."""
    c = t.api_ticket.c
    rows = connection.execute(
        select(c.serial, c.ends_ms)
        .where(c.appid == account.appid, c.kind == CARDS, c.ends_ms > now_ms - OVERLAP_S * 1000)
        .order_by(c.ends_ms.desc())
    ).all()
    for row in rows:
        yield _derived(account, CARDS, row.serial), row.ends_ms + OVERLAP_S * 1000


def forget(connection: Connection, now_ms: int) -> None:
    """Remove tickets that sign nothing more, and what they had signed."""
    ended = t.api_ticket.c.ends_ms <= now_ms - OVERLAP_S * 1000
    connection.execute(delete(t.api_ticket).where(ended))
    connection.execute(delete(t.used_card_ext).where(t.used_card_ext.c.ends_ms <= now_ms))
