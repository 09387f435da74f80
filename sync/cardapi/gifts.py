"""Gifts: a ticket on its way to a friend, taken, given back, or not taken in time.

Every function works in the transaction it is handed; what can be refused is checked before anything
is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from gate.core.ticket import Kind
from sync.cardapi import accounts, webhook_outbox
from sync.cardapi import tables as t
from sync.cardapi.accounts import Account
from sync.cardapi.card import Card
from sync.cardapi.claims import read_openid
from sync.cardapi.codes import replace_code
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.issued_codes import (
    find,
    find_card,
    free_codes,
    is_used,
    issued_code_of,
    keep,
    need_issued_code,
    publish_one,
)
from sync.cardapi.projection import IssuedCode, State, UserCardStatus, standing
from sync.cardapi.updates import remind
from sync.server import journals

GIFT_S = 24 * 3600
"""How long a friend has to take a gift."""
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Gift:
    """One request about a gift."""

    account: Account
    card: Card
    issued: IssuedCode
    params: Mapping[str, Any]
    now_ms: int

    def friend(self) -> str:
        """Who is said to get it, if anybody is. Raises Refused."""
        return read_openid(self.params, "to") if self.params.get("to") else ""


def give(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``/v1/gifts``: start, accept or return a gift. Raises Refused."""
    action = _ACTIONS.get(str(params.get("action")))
    if action is None:
        raise Refused(Errcode.BAD_PARAMETER, "action is start, accept or return")
    giver = read_openid(params, "from")
    card, issued = need_issued_code(connection, account, params, locks=True)
    if issued.openid != giver:
        raise Refused(Errcode.BAD_OPENID, "from is not who holds the code")
    return action(connection, _Gift(account, card, issued, params, now_ms))


def _start(connection: Connection, gift: _Gift) -> Answer:
    card, issued, now_ms = gift.card, gift.issued, gift.now_ms
    friend = gift.friend()
    if friend == issued.openid:
        raise Refused(Errcode.BAD_OPENID, "to is from")
    if not card.may_be_given:
        raise Refused(Errcode.NOT_THIS_CARD, "can_give_friend is false")
    _check_standing(connection, gift, UserCardStatus.NORMAL, UserCardStatus.GIFT_TIMEOUT)
    given = replace(issued, state=State.GIFTING)
    keep(connection, card, given, friend=friend, gift_ends_s=now_ms // 1000 + GIFT_S)
    publish_one(connection, card, given)
    _put_event(connection, gift, friend, is_back=0)
    return {"status": UserCardStatus.GIFTING.value}


def _accept(connection: Connection, gift: _Gift) -> Answer:
    account, card, issued, now_ms = gift.account, gift.card, gift.issued, gift.now_ms
    friend, meant = _need_gift(connection, gift)
    # A gate that was cut off may have let the giver in meanwhile.
    _check_standing(connection, gift, UserCardStatus.GIFTING)
    if not friend:
        raise Refused(Errcode.NO_OPENID, "to")
    if meant not in ("", friend):
        raise Refused(Errcode.BAD_OPENID, "it is given to somebody else")
    if friend == issued.openid:
        raise Refused(Errcode.BAD_OPENID, "to is from")
    old_codes = [issued.code]
    attributes = issued.attributes
    if card.kind is Kind.BOARDING:
        # A friend checks in anew: neither name nor picture of the giver is theirs.
        old_codes += issued.barcodes
        attributes = {}
    (code,) = free_codes(connection, card, 1)
    new = replace(
        issued,
        code=code,
        state=State.HELD,
        openid=friend,
        gifted_s=now_ms // 1000,
        attributes=attributes,
    )
    had_reminder = webhook_outbox.forget_reminder(connection, issued.ticket)
    replace_code(connection, card, issued, new)
    publish_one(connection, card, new, old_codes=old_codes)
    webhook_outbox.put(
        connection, account, "user_get_card", card_id=card.card_id, line=new.ticket,
        openid=friend, now_ms=now_ms, UserCardCode=code, IsGiveByFriend=1,
        FriendUserName=issued.openid, OldUserCardCode=issued.code, OuterStr=issued.outer_str,
    )  # fmt: skip
    if had_reminder:
        remind(connection, account, new, now_ms)
    return {"status": UserCardStatus.NORMAL.value, "code": code}


def _return(connection: Connection, gift: _Gift) -> Answer:
    friend, meant = _need_gift(connection, gift)
    _give_back(connection, gift, State.HELD, friend or meant)
    return {"status": _standing(connection, gift, State.HELD).value}


_ACTIONS = {"start": _start, "accept": _accept, "return": _return}


def _standing(connection: Connection, gift: _Gift, state: State) -> UserCardStatus:
    """How the code stands, or would in that state."""
    used = is_used(connection, gift.card, gift.issued)
    held = replace(gift.issued, state=state)
    return standing(gift.card, held, gift.now_ms // 1000, is_used=used)


def _check_standing(connection: Connection, gift: _Gift, *good: UserCardStatus) -> None:
    """What was used, or has expired, is nobody's to give. Raises Refused."""
    status = _standing(connection, gift, gift.issued.state)
    if status is UserCardStatus.CONSUMED:
        raise Refused(Errcode.CONSUMED)
    if status not in good:
        raise Refused(Errcode.NOT_USABLE, status)


def _need_gift(connection: Connection, gift: _Gift) -> tuple[str, str]:
    """Who is said to take it, and who was meant to. Raises Refused."""
    issued = gift.issued
    friend = gift.friend()
    row = find(connection, issued.card_id, issued.code)
    if row is None or issued.state is not State.GIFTING or row.gift_ends_s <= gift.now_ms // 1000:
        raise Refused(Errcode.NOT_USABLE, "no gift is on its way")
    return friend, str(row.friend)


def _give_back(connection: Connection, gift: _Gift, state: State, friend: str) -> None:
    kept = replace(gift.issued, state=state)
    keep(connection, gift.card, kept, friend="", gift_ends_s=0)
    publish_one(connection, gift.card, kept)
    _put_event(connection, gift, friend, is_back=1)


def _put_event(connection: Connection, gift: _Gift, friend: str, *, is_back: int) -> None:
    webhook_outbox.put(
        connection, gift.account, "user_gifting_card", card_id=gift.card.card_id,
        line=gift.issued.ticket, openid=gift.issued.openid, now_ms=gift.now_ms,
        UserCardCode=gift.issued.code, IsReturnBack=is_back, FriendUserName=friend,
        IsChatRoom=0,
    )  # fmt: skip


def overdue(connection: Connection, now_s: int, most: int = 100) -> list[tuple[str, str]]:
    """Gifts that nobody took in time, as (card, code)."""
    c = t.issued_code.c
    query = select(c.card_id, c.code).where(c.state == State.GIFTING.value, c.gift_ends_s <= now_s)
    return [(row.card_id, row.code) for row in connection.execute(query.limit(most))]


def time_out(connection: Connection, card_id: str, code: str, now_ms: int) -> str | None:
    """Give one back to its giver, if it is still overdue; the answer is the event."""
    card = find_card(connection, card_id)
    if card is None:
        return None
    journals.lock(connection, card.event)
    row = find(connection, card_id, code)
    account = accounts.find(connection, card.appid)
    if row is None or account is None or row.state != State.GIFTING:
        return None
    if row.gift_ends_s > now_ms // 1000:
        return None
    gift = _Gift(account, card, issued_code_of(row), {}, now_ms)
    _give_back(connection, gift, State.GIFT_TIMEOUT, row.friend)
    return card.event
