"""Cards: created, shown, changed, reviewed, put on codes for others to take.

Every function works in the transaction it is handed. What can be refused is checked before anything
is written: a refusal has changed nothing.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from gate.core.ticket import Kind
from sync.cardapi import tables as t
from sync.cardapi import webhook_outbox
from sync.cardapi.accounts import Account, Review, is_tester, set_testers
from sync.cardapi.card import STATUS_SPELLINGS, Card, CardStatus, read_create, read_update, shown
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.fields import (
    COLORS,
    MAX_QUANTITY,
    RANGE,
    Field,
    each,
    flag,
    need,
    need_object,
    openid,
    read_fields,
    text,
    whole,
)
from sync.cardapi.fields import card_id as read_card_id
from sync.cardapi.fields import code as read_code
from sync.cardapi.issued_codes import (
    find_card,
    need_card,
    need_card_to_change,
    publish_limits,
    put_card,
    set_card,
)
from sync.cardapi.projection import State
from sync.server import journals

BATCH = 50
_OFFER_LIFE_S = 365 * 86400
Answer = dict[str, Any]


def create(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``card/create``. Raises Refused."""
    now_s = now_ms // 1000
    stated = read_create(params, now_s)
    event = stated.event or account.event
    if event not in (account.event, *account.events):
        raise Refused(Errcode.BAD_PARAMETER, "event")
    journals.lock(connection, event)
    card = Card(
        card_id=f"p{base64.b32encode(secrets.token_bytes(17)).decode()[:27]}",
        appid=account.appid,
        event=event,
        kind=stated.kind,
        status=CardStatus.NOT_VERIFY,
        base=stated.base,
        detail=stated.detail,
        advanced=stated.advanced,
        quantity=stated.quantity,
        total=stated.quantity,
        initial=stated.quantity,
        created_s=now_s,
        updated_s=now_s,
    )
    if card.kind is Kind.BOARDING:
        # Flights do not wait for anybody's review.
        card = replace(card, status=CardStatus.VERIFY_OK)
    put_card(connection, card)
    if card.kind is not Kind.BOARDING and account.review is Review.AUTOMATIC:
        review(connection, account, card, now_ms)
    return {"card_id": card.card_id}


def review(
    connection: Connection,
    account: Account,
    card: Card,
    now_ms: int,
    *,
    refuse_reason: str | None = None,
) -> Card:
    """Approve a card, or reject it for a reason; the account is told."""
    is_good = refuse_reason is None
    status = CardStatus.VERIFY_OK if is_good else CardStatus.VERIFY_FAIL
    reviewed = replace(card, status=status)
    set_card(connection, reviewed)
    webhook_outbox.put(
        connection,
        account,
        "card_pass_check" if is_good else "card_not_pass_check",
        card_id=card.card_id,
        now_ms=now_ms,
        RefuseReason=refuse_reason or "",
    )
    return reviewed


def get(
    connection: Connection, account: Account, params: Mapping[str, Any], _now_ms: int
) -> Answer:
    """``card/get``. Raises Refused."""
    return {"card": shown(need_card(connection, account, params))}


_BATCH = (
    need("offset", whole(0, 10**9)),
    need("count", whole(0, BATCH)),
    Field("status_list", each(text(40), most=20)),
)


def batch_get(
    connection: Connection, account: Account, params: Mapping[str, Any], _now_ms: int
) -> Answer:
    """``card/batchget``: ids, the oldest first. Raises Refused."""
    asked = read_fields(_BATCH, params)
    c = t.card.c
    where = [c.appid == account.appid]
    if asked.get("status_list"):
        unknown = [name for name in asked["status_list"] if name not in STATUS_SPELLINGS]
        if unknown:
            raise Refused(Errcode.BAD_PARAMETER, "status_list")
        wanted = {STATUS_SPELLINGS[name].value for name in asked["status_list"]}
        where.append(c.status.in_(sorted(wanted)))
    total = connection.execute(select(func.count()).select_from(t.card).where(*where)).scalar_one()
    query = select(c.card_id).where(*where).order_by(c.created_s, c.card_id)
    rows = connection.execute(query.offset(asked["offset"]).limit(asked["count"])).scalars()
    return {"card_id_list": list(rows), "total_num": int(total), "card_list": []}


def change(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``card/update``: what it sends to review, that it says. Raises Refused."""
    card = need_card_to_change(connection, account, params)
    changed, to_review = read_update(card, params, now_ms // 1000)
    to_review = to_review and card.kind is not Kind.BOARDING
    if to_review:
        changed = replace(changed, status=CardStatus.NOT_VERIFY)
    set_card(connection, changed, is_published=True)
    _move_ends(connection, card, changed)
    publish_limits(connection, changed, card.use_limit)
    if to_review and account.review is Review.AUTOMATIC:
        review(connection, account, changed, now_ms)
    return {"send_check": to_review}


def _move_ends(connection: Connection, before: Card, after: Card) -> None:
    """Codes of a fixed range end with the card: counts go by that."""
    c, info = t.issued_code.c, after.base["date_info"]
    if info["type"] == RANGE and info != before.base["date_info"]:
        held = (c.card_id == after.card_id, c.claimed_s > 0)
        connection.execute(update(t.issued_code).where(*held).values(ends_s=info["end_timestamp"]))


_STOCK = (
    Field("increase_stock_value", whole(0, MAX_QUANTITY, Errcode.BAD_STOCK)),
    Field("reduce_stock_value", whole(0, MAX_QUANTITY, Errcode.BAD_STOCK)),
)


def modify_stock(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``card/modifystock``. Raises Refused."""
    asked = read_fields(_STOCK, params)
    card = need_card_to_change(connection, account, params)
    by = int(asked.get("increase_stock_value", 0)) - int(asked.get("reduce_stock_value", 0))
    quantity = card.quantity + by
    if quantity < 0:
        raise Refused(Errcode.BAD_STOCK, "less than none")
    if card.total + by > MAX_QUANTITY:
        raise Refused(Errcode.TOTAL_STOCK)
    if card.is_deposit and quantity > deposited(connection, card):
        raise Refused(Errcode.STOCK_OVER_CODES)
    stock = replace(
        card,
        quantity=quantity,
        total=card.total + by,
        initial=max(card.initial, quantity),
        updated_s=now_ms // 1000,
    )
    set_card(connection, stock)
    return {}


def deposited(connection: Connection, card: Card, *, is_all: bool = False) -> int:
    """How many codes were handed over and wait to be claimed; ``is_all``: the claimed ones too."""
    c = t.issued_code.c
    where = [c.card_id == card.card_id]
    if not is_all:
        where.append(c.state == State.DEPOSITED.value)
    # A ticket whose code was replaced has two rows, and was handed over once.
    query = select(func.count(c.ticket.distinct())).where(*where)
    return int(connection.execute(query).scalar_one())


def remove(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``card/delete``: nobody claims it any more; claimed tickets stay good. Raises Refused."""
    card = need_card_to_change(connection, account, params)
    gone = replace(card, status=CardStatus.DELETE, updated_s=now_ms // 1000)
    set_card(connection, gone)
    return {}


def colors(
    _connection: Connection, _account: Account, _params: Mapping[str, Any], _now_ms: int
) -> Answer:
    """``card/getcolors``."""
    return {"colors": [{"name": name, "value": value} for name, value in COLORS.items()]}


_TESTERS = (Field("openid", each(openid, most=10)), Field("username", each(openid, most=10)))


def testers(
    connection: Connection, account: Account, params: Mapping[str, Any], _now_ms: int
) -> Answer:
    """``card/testwhitelist/set``: replaces the list. Raises Refused."""
    asked = read_fields(_TESTERS, params)
    openids, names = asked.get("openid", []), asked.get("username", [])
    set_testers(connection, account, [*openids, *names])
    return {
        "white_list_size": len({*openids, *names}),
        "success_openid": openids,
        "success_username": names,
    }


class Offered(msgspec.Struct, frozen=True):
    """One card that a QR code offers."""

    card_id: str
    code: str = ""
    openid: str = ""
    outer_str: str = ""
    is_unique: bool = False
    """It is for one person, whoever that is (``is_unique_code``)."""

    @property
    def is_for_one(self) -> bool:
        """Whether the QR code is used up by the first who takes it."""
        return bool(self.code or self.openid or self.is_unique)


_OFFERED = (
    need("card_id", read_card_id, Errcode.BAD_ACTION_INFO),
    Field("code", read_code),
    Field("openid", openid),
    Field("outer_str", text(128)),
    Field("outer_id", text(128)),
    Field("is_unique_code", flag),
)
_EXPIRES = whole(60, 1800, Errcode.BAD_ACTION_INFO)


def create_qrcode(
    connection: Connection,
    account: Account,
    params: Mapping[str, Any],
    now_ms: int,
    public_url: str = "",
) -> Answer:
    """``card/qrcode/create``: a ticket that offers one card, or several. Raises Refused.

    ``public_url`` is where whoever looks at the code reaches this server.
    """
    info = need_object("action_info", params.get("action_info"), Errcode.BAD_ACTION_INFO)
    name, wrong = params.get("action_name"), Errcode.BAD_ACTION_INFO
    if name == "QR_CARD":
        around = info
        listed: Any = [need_object("card", info.get("card"), wrong)]
    elif name == "QR_MULTIPLE_CARD":
        around = need_object("multiple_card", info.get("multiple_card"), wrong)
        listed = around.get("card_list")
        listed = [listed] if isinstance(listed, dict) else listed
    else:
        raise Refused(wrong, "action_name")
    if not isinstance(listed, list) or not 1 <= len(listed) <= BATCH:
        raise Refused(wrong, "card_list")
    offers = [_offer(connection, account, one) for one in listed]
    life_s = min(map(_life_s, (params, info, around, *listed)))
    ticket = secrets.token_urlsafe(48)
    connection.execute(
        insert(t.offer).values(
            ticket=ticket,
            appid=account.appid,
            body=msgspec.json.encode(offers).decode(),
            ends_s=now_ms // 1000 + life_s,
            is_used=0,
        )
    )
    return {"ticket": ticket, "expire_seconds": life_s, "url": link(ticket),
            "show_qrcode_url": f"{public_url}/cgi-bin/showqrcode?ticket={ticket}"}  # fmt: skip


def _life_s(params: Mapping[str, Any]) -> int:
    """How long an offer is good; older pages say it of the card, and 0 is as good as nothing.

    Raises Refused.
    """
    stated = params.get("expire_seconds")
    if stated in (None, "", 0, "0"):
        return _OFFER_LIFE_S
    return _EXPIRES("expire_seconds", stated)


def link(ticket: str) -> str:
    """What the QR code of an offer says."""
    return f"venuegate:card?ticket={ticket}"


def is_offered(connection: Connection, ticket: str, now_s: int) -> bool:
    """Whether there is such a QR code and it has not ended."""
    c = t.offer.c
    query = select(c.ticket).where(c.ticket == ticket, c.ends_s >= now_s)
    return "\0" not in ticket and connection.execute(query).first() is not None


def _offer(connection: Connection, account: Account, params: Any) -> Offered:
    one = read_fields(_OFFERED, need_object("card", params, Errcode.BAD_ACTION_INFO))
    card = find_card(connection, one["card_id"], account.appid)
    if card is None:
        raise Refused(Errcode.BAD_CARD_ID)
    if card.status is CardStatus.DELETE:
        raise Refused(Errcode.BAD_CARD_STATUS)
    if card.is_custom and not card.is_deposit and not one.get("code"):
        raise Refused(Errcode.NO_CODE, "a custom code is named by its offer")
    if card.base.get("bind_openid") and not one.get("openid"):
        raise Refused(Errcode.NO_OPENID, "bind_openid")
    is_unique = one.get("is_unique_code", False)
    if is_unique:
        if card.status is not CardStatus.VERIFY_OK:
            raise Refused(Errcode.BAD_CARD_STATUS)
        if card.quantity < 1:
            raise Refused(Errcode.NO_STOCK)
    outer = one.get("outer_str") or one.get("outer_id", "")
    return Offered(card.card_id, one.get("code", ""), one.get("openid", ""), outer, is_unique)


def take_offer(
    connection: Connection, account: Account, ticket: str, who: str, now_s: int
) -> list[Offered]:
    """What a QR code offers a person; one that was used up offers nothing more.

    Raises Refused.
    """
    c = t.offer.c
    row = connection.execute(
        select(t.offer).where(c.ticket == ticket, c.appid == account.appid).with_for_update()
    ).first()
    if row is None or row.ends_s < now_s or row.is_used:
        raise Refused(Errcode.BAD_ACTION_INFO, "ticket")
    offers = msgspec.json.decode(row.body, type=list[Offered])
    if any(one.openid not in ("", who) for one in offers):
        raise Refused(Errcode.BAD_OPENID, "it is offered to somebody else")
    return offers


def use_offer(connection: Connection, ticket: str, offers: list[Offered]) -> None:
    """Note that a QR code was used."""
    if any(one.is_for_one for one in offers):
        where = t.offer.c.ticket == ticket
        connection.execute(update(t.offer).where(where).values(is_used=1))


def forget_offers(connection: Connection, now_s: int) -> None:
    """Remove QR codes that have ended."""
    connection.execute(delete(t.offer).where(t.offer.c.ends_s < now_s))


def is_open_to(connection: Connection, card: Card, openid_: str) -> bool:
    """Whether a person may claim the card as far as its review goes."""
    if card.status in (CardStatus.VERIFY_OK, CardStatus.DISPATCH):
        return True
    return card.status is not CardStatus.DELETE and is_tester(connection, card.appid, openid_)
