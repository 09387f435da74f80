"""Claims: what happens inside the app when a person takes a card.

Every function works in the transaction it is handed; what can be refused is checked before anything
is written.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from sync.cardapi import tables as t
from sync.cardapi import webhook_outbox
from sync.cardapi.accounts import Account
from sync.cardapi.card import Card
from sync.cardapi.cards import Offered, is_open_to, take_offer, use_offer
from sync.cardapi.crypto import seal_code
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.fields import Field, read_fields, text
from sync.cardapi.fields import card_id as read_card_id
from sync.cardapi.fields import code as read_code
from sync.cardapi.issued_codes import (
    add,
    columns_of,
    find,
    free_codes,
    has_reached_limit,
    issued_code_of,
    need_card,
    publish,
    taken,
)
from sync.cardapi.projection import IssuedCode, State, is_over, ticket_row

SKU_REMIND_FROM, SKU_REMIND_AT, SKU_REMIND_EVERY_S = 200, 100, 12 * 3600
_OPENID = re.compile(r"[A-Za-z0-9_@.-]{1,64}")


def read_openid(params: Mapping[str, Any], name: str = "openid") -> str:
    """Who asks. Raises Refused."""
    value = params.get(name)
    if value in (None, ""):
        raise Refused(Errcode.NO_OPENID, name)
    if not isinstance(value, str) or not _OPENID.fullmatch(value):
        raise Refused(Errcode.BAD_OPENID, name)
    return value


@dataclass(frozen=True, slots=True)
class Wish:
    """So many codes of one card for one person."""

    card: Card
    count: int = 1
    code: str = ""
    """A code of the organiser's own, or a certain one of those handed over."""
    outer_str: str = ""


_CLAIM = (
    Field("card_id", read_card_id),
    Field("code", read_code),
    Field("outer_str", text(128)),
    Field("ticket", text(128, wrong=Errcode.BAD_ACTION_INFO)),
)


def claim(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> dict[str, Any]:
    """``/v1/claims``: take a card, by its id or by the ticket of a QR code. Raises Refused."""
    asked = read_fields(_CLAIM, params)
    who = read_openid(params)
    ticket = asked.get("ticket", "")
    if ticket:
        offers = take_offer(connection, account, ticket, who, now_ms // 1000)
    else:
        offers = [Offered(asked.get("card_id", ""))]
    wishes = []
    for one in offers:
        card = need_card(connection, account, {"card_id": one.card_id}, locks=True)
        code = one.code or asked.get("code", "")
        wishes.append(Wish(card, 1, code, asked.get("outer_str") or one.outer_str))
    # Who names a code gets it, before others are handed the next there is.
    wishes.sort(key=lambda wish: not wish.code)
    check(connection, wishes, who, now_ms)
    codes = [code for wish in wishes for code in hand_out(connection, account, wish, who, now_ms)]
    if ticket:
        use_offer(connection, ticket, offers)
    answer = {"code": codes[0], "encrypt_code": seal_code(account.key, codes[0])}
    return answer | ({"codes": codes} if len(codes) > 1 else {})


def check(connection: Connection, wishes: Sequence[Wish], who: str, now_ms: int) -> None:
    """Whether all of it can be handed out; the cards' events are locked. Raises Refused."""
    wanted: dict[str, int] = {}
    for wish in wishes:
        wanted[wish.card.card_id] = wanted.get(wish.card.card_id, 0) + wish.count
    for wish in wishes:
        _check(connection, wish, who, wanted[wish.card.card_id], now_ms // 1000)
    codes = [wish.code for wish in wishes if wish.code]
    if len(set(codes)) < len(codes):
        raise Refused(Errcode.CODE_NOT_FREE)


def _check(connection: Connection, wish: Wish, who: str, count: int, now_s: int) -> None:
    card = wish.card
    if not is_open_to(connection, card, who):
        raise Refused(Errcode.BAD_CARD_STATUS, card.status)
    if is_over(card, now_s):
        raise Refused(Errcode.BAD_TIME, "it is good at no time any more")
    _check_code(connection, wish)
    if card.quantity < count:
        raise Refused(Errcode.NO_STOCK)
    bound = {"card_id": card.card_id, "who": who}
    claimed = connection.execute(_CLAIMED_BY, bound).scalar_one()
    if claimed + count > card.get_limit:
        raise Refused(Errcode.GET_LIMIT)


_CLAIMED_BY = select(func.count(t.issued_code.c.ticket.distinct())).where(
    t.issued_code.c.card_id == bindparam("card_id"), t.issued_code.c.claimed_by == bindparam("who")
)


def _check_code(connection: Connection, wish: Wish) -> None:
    card = wish.card
    if not card.is_custom:
        if wish.code:
            raise Refused(Errcode.NOT_CUSTOM, "codes of this card are not yours to choose")
        return
    if card.is_deposit:
        if wish.code:
            row = find(connection, card.card_id, wish.code)
            if row is None or row.state != State.DEPOSITED:
                raise Refused(Errcode.CODE_NOT_FREE)
        return
    if not wish.code:
        raise Refused(Errcode.NO_CODE, "a custom code is named by who claims it")
    if taken(connection, card, [wish.code]):
        raise Refused(Errcode.CODE_NOT_FREE)


def _next_deposited(connection: Connection, card: Card, count: int) -> list[IssuedCode]:
    c = t.issued_code.c
    rows = connection.execute(
        select(t.issued_code)
        .where(c.card_id == card.card_id, c.state == State.DEPOSITED.value)
        .order_by(c.code)
        .limit(count)
    )
    return [issued_code_of(row) for row in rows]


def hand_out(
    connection: Connection, account: Account, wish: Wish, who: str, now_ms: int
) -> list[str]:
    """Give a person what was checked; the answer is the codes."""
    card, now_s = wish.card, now_ms // 1000
    if card.is_deposit:
        issued = _claim_deposited(connection, wish, who, now_s)
    else:
        codes = [wish.code] if wish.code else free_codes(connection, card, wish.count)
        issued = [
            IssuedCode(
                card_id=card.card_id,
                code=code,
                ticket=secrets.token_hex(8),
                openid=who,
                outer_str=wish.outer_str,
                issued_s=now_s,
                claimed_s=now_s,
            )
            for code in codes
        ]
        add(connection, card, issued, who)
    limited = has_reached_limit(connection, card, who)
    rows = [ticket_row(one, is_limited=limited) for one in issued]
    publish(connection, card.event, rows=rows)
    _take_stock(connection, account, card, len(issued), now_ms)
    for one in issued:
        webhook_outbox.put(
            connection,
            account,
            "user_get_card",
            card_id=card.card_id,
            line=one.ticket,
            openid=who,
            now_ms=now_ms,
            UserCardCode=one.code,
            IsGiveByFriend=0,
            OuterStr=one.outer_str,
        )
    return [one.code for one in issued]


def _claim_deposited(connection: Connection, wish: Wish, who: str, now_s: int) -> list[IssuedCode]:
    card, c = wish.card, t.issued_code.c
    if wish.code:
        row = find(connection, card.card_id, wish.code)
        assert row is not None
        waiting = [issued_code_of(row)]
    else:
        waiting = _next_deposited(connection, card, wish.count)
    claimed = [
        replace(one, state=State.HELD, openid=who, outer_str=wish.outer_str, claimed_s=now_s)
        for one in waiting
    ]
    rows = [columns_of(card, one) | {"b_code": one.code, "claimed_by": who} for one in claimed]
    names = [name for name in rows[0] if name not in ("b_code", "code", "card_id")]
    connection.execute(
        update(t.issued_code)
        .where(c.card_id == card.card_id, c.code == bindparam("b_code"))
        .values({name: bindparam(f"v_{name}") for name in names}),
        [{"b_code": row["b_code"], **{f"v_{n}": row[n] for n in names}} for row in rows],
    )
    return claimed


def _take_stock(
    connection: Connection, account: Account, card: Card, count: int, now_ms: int
) -> None:
    """Count down what is left, and tell the account when that is little."""
    row = connection.execute(_TAKE, {"b_card_id": card.card_id, "count": count}).one()
    now_s = now_ms // 1000
    is_due = now_s - row.reminded_s >= SKU_REMIND_EVERY_S
    if row.initial > SKU_REMIND_FROM and row.quantity <= SKU_REMIND_AT and is_due:
        here = t.card.c.card_id == card.card_id
        connection.execute(update(t.card).where(here).values(reminded_s=now_s))
        reason = f"the card's quantity is equal to {row.quantity}"
        webhook_outbox.put(
            connection, account, "card_sku_remind", card_id=card.card_id, now_ms=now_ms,
            Detail=reason,
        )  # fmt: skip


_TAKE = (
    update(t.card)
    .where(t.card.c.card_id == bindparam("b_card_id"))
    .values(quantity=t.card.c.quantity - bindparam("count"))
    .returning(t.card.c.quantity, t.card.c.initial, t.card.c.reminded_s)
)
