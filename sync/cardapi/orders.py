"""Paid orders and refunds: each done exactly once, however often and at once it is asked for.

Every function works in the transaction it is handed; what can be refused is checked before anything
is written.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select

from sync.cardapi import tables as t
from sync.cardapi.accounts import Account
from sync.cardapi.card import Card
from sync.cardapi.claims import Wish, check, hand_out, read_openid
from sync.cardapi.codes import check_voidable, void
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.fields import Field, each, need, parts, read_fields, text, whole
from sync.cardapi.fields import card_id as read_card_id
from sync.cardapi.fields import code as read_code
from sync.cardapi.issued_codes import find, find_card, issued_code_of
from sync.cardapi.projection import DEAD, IssuedCode, State
from sync.server import journals
from sync.server.webhooks import registered
from sync.server.webhooks.payloads import Kind, Message, RefundMade

MOST_CODES = 10_000
"""Tickets in one order."""
_id = text(64)
_ITEM = (
    need("card_id", read_card_id, Errcode.NO_CARD_ID),
    need("count", whole(1, MOST_CODES)),
)
_ORDER = (
    need("order_id", _id),
    need("items", each(parts(_ITEM), most=100)),
    Field("paid_at", whole(0, 10**15)),
    Field("outer_str", text(128)),
)
_REFUND = (
    need("refund_id", _id),
    need("order_id", _id),
    Field("codes", each(read_code, most=MOST_CODES)),
    Field("reason", text(3072)),
)
Answer = dict[str, Any]


def order(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``/v1/orders``: issue what was paid for. Raises Refused."""
    asked = read_fields(_ORDER, params)
    who = read_openid(params)
    if not asked["items"]:
        raise Refused(Errcode.NO_FIELD, "items")
    if sum(item["count"] for item in asked["items"]) > MOST_CODES:
        raise Refused(Errcode.TOO_MANY_CODES, f"at most {MOST_CODES}")
    _stand_in_line(connection, account)
    c = t.card_order.c
    done = connection.execute(
        select(c.digest, c.codes).where(c.appid == account.appid, c.order_id == asked["order_id"])
    ).first()
    digest = _digest(asked | {"openid": who})
    if done is not None:
        return _again(done.digest, digest, done.codes)
    wanted = [item["card_id"] for item in asked["items"]]
    found = {id_: find_card(connection, id_, account.appid) for id_ in wanted}
    if None in found.values():
        raise Refused(Errcode.BAD_CARD_ID)
    for event in sorted({card.event for card in found.values() if card is not None}):
        journals.lock(connection, event)
    wishes = []
    for item in asked["items"]:
        card = find_card(connection, item["card_id"])
        assert card is not None
        if card.is_custom and not card.is_deposit:
            raise Refused(Errcode.NO_CUSTOM_CODE, "the codes of this card are named by claims")
        wishes.append(Wish(card, item["count"], outer_str=asked.get("outer_str", "")))
    check(connection, wishes, who, now_ms)
    issued = [
        (wish.card.card_id, code)
        for wish in wishes
        for code in hand_out(connection, account, wish, who, now_ms)
    ]
    connection.execute(
        insert(t.card_order).values(
            appid=account.appid,
            order_id=asked["order_id"],
            digest=digest,
            openid=who,
            codes=msgspec.json.encode(issued).decode(),
            made_s=now_ms // 1000,
        )
    )
    return {"codes": [code for _card_id, code in issued]}


def refund(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``/v1/refunds``: void an order's tickets, or some of them. Raises Refused."""
    asked = read_fields(_REFUND, params)
    _stand_in_line(connection, account)
    c = t.card_refund.c
    done = connection.execute(
        select(c.digest, c.codes).where(c.appid == account.appid, c.refund_id == asked["refund_id"])
    ).first()
    digest = _digest(asked)
    if done is not None:
        return _again(done.digest, digest, done.codes)
    o = t.card_order.c
    issued = connection.execute(
        select(o.codes).where(o.appid == account.appid, o.order_id == asked["order_id"])
    ).scalar()
    if issued is None:
        raise Refused(Errcode.BAD_PARAMETER, "order_id")
    of_order = {code: card_id for card_id, code in msgspec.json.decode(issued)}
    # An empty list is somebody's mistake, and must not void all of the order.
    codes = list(dict.fromkeys(asked.get("codes", of_order)))
    if not codes:
        raise Refused(Errcode.EMPTY_CODE)
    if not set(codes) <= set(of_order):
        raise Refused(Errcode.BAD_CODE, "a code is not of that order")
    held = []
    for code in codes:
        card, issued = _present(connection, of_order[code], code)
        # Whoever threw a ticket away may want the money back all the same.
        check_voidable(connection, card, issued, also=(State.DELETED,))
        held.append((card, issued))
    for card, issued in held:
        void(connection, card, issued, asked.get("reason", ""), now_ms)
    connection.execute(
        insert(t.card_refund).values(
            appid=account.appid,
            refund_id=asked["refund_id"],
            digest=digest,
            order_id=asked["order_id"],
            codes=msgspec.json.encode([(of_order[code], code) for code in codes]).decode(),
            made_s=now_ms // 1000,
        )
    )
    _tell(connection, account, asked["refund_id"], held, now_ms)
    return {"codes": codes}


def _tell(
    connection: Connection,
    account: Account,
    refund_id: str,
    held: Sequence[tuple[Card, IssuedCode]],
    now_ms: int,
) -> None:
    """Have the webhooks of each event told which of its tickets were refunded."""
    by_event: dict[str, list[str]] = {}
    for card, issued in held:
        by_event.setdefault(card.event, []).append(issued.ticket)
    for event, tickets in by_event.items():
        about = f"{account.appid} {refund_id}"
        made = Message(Kind.REFUND, about, f"refund:{about}", RefundMade(refund_id, tickets))
        registered.publish(connection, event, [made], now_ms)


def _present(connection: Connection, card_id: str, code: str) -> tuple[Card, IssuedCode]:
    """Where the ticket that was issued by a code is now, whoever holds it by whatever code."""
    card = find_card(connection, card_id)
    row = find(connection, card_id, code)
    assert card is not None
    assert row is not None
    journals.lock(connection, card.event)
    c = t.issued_code.c
    now = connection.execute(
        select(t.issued_code).where(c.ticket == row.ticket, c.state.not_in(DEAD))
    ).one()
    return card, issued_code_of(now)


def _stand_in_line(connection: Connection, account: Account) -> None:
    """One order or refund of an account at a time, also with several servers."""
    query = select(t.account.c.appid).where(t.account.c.appid == account.appid)
    connection.execute(query.with_for_update())


def _digest(asked: Mapping[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()


def _again(before: str, now: str, codes: str) -> Answer:
    if before != now:
        raise Refused(Errcode.BAD_PARAMETER, "this id was used for something else")
    return {"codes": [code for _card_id, code in msgspec.json.decode(codes)]}


def codes_of(connection: Connection, order_id: str) -> list[str]:
    """The codes that an order was answered with."""
    query = select(t.card_order.c.codes).where(t.card_order.c.order_id == order_id)
    found = connection.execute(query).scalars()
    return [code for codes in found for _card_id, code in msgspec.json.decode(codes)]
