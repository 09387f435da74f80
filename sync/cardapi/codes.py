"""Codes: asked for, redeemed, voided, replaced, handed over beforehand; and what the app does.

Every function works in the transaction it is handed; what can be refused is checked before anything
is written.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from gate.core.entry import CENTRAL, Act, Entry
from gate.core.history import fold, with_times
from gate.core.outcome import Reason
from gate.core.place import Direction, HouseRules, Place, Policy
from gate.core.rules import decide
from gate.core.ticket import Ticket
from gate.core.validity import type_window
from gate.core.verdict import Context, Scan, Verdict
from sync.cardapi import dynamic_codes, webhook_outbox
from sync.cardapi import tables as t
from sync.cardapi.accounts import Account, is_tester
from sync.cardapi.card import Card
from sync.cardapi.cards import deposited
from sync.cardapi.claims import read_openid
from sync.cardapi.crypto import NotOurs, open_code
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.fields import Field, flag, read_fields, text
from sync.cardapi.fields import card_id as read_card_id
from sync.cardapi.fields import code as read_code
from sync.cardapi.issued_codes import (
    add,
    is_used,
    keep,
    need_card,
    need_card_to_change,
    need_issued_code,
    publish,
    publish_one,
    set_redeemed,
    taken,
)
from sync.cardapi.projection import (
    DEAD,
    OPEN,
    IssuedCode,
    State,
    UserCardStatus,
    day_of,
    standing,
    ticket_row,
    window,
)
from sync.server import audit, events, intake, journals, ticket_store
from sync.server.head_cache import Memory
from sync.server.prepared import add_up

MOST_CODES = 100
API = "api"
"""Source of an entry that the card API made."""
Answer = dict[str, Any]


_REFUSALS = {
    Reason.UNKNOWN: Errcode.BAD_CODE,
    Reason.LIMITED: Errcode.USE_LIMIT,
    Reason.TOO_EARLY: Errcode.BAD_TIME,
    Reason.TOO_LATE: Errcode.BAD_TIME,
    Reason.OUTSIDE_HOURS: Errcode.BAD_TIME,
    Reason.ALREADY_USED: Errcode.CONSUMED,
    Reason.USED_ELSEWHERE: Errcode.CONSUMED,
    Reason.NOT_ENOUGH_USES: Errcode.CONSUMED,
}
"""What the gates' reasons are called here; all others are 40127."""


def _judge(
    connection: Connection,
    account: Account,
    card: Card,
    issued: IssuedCode,
    now_ms: int,
    *,
    facts: list[Entry] | None = None,
) -> tuple[UserCardStatus, Verdict]:
    """How a code stands, and what the gates' own rules say of a use here and now."""
    if facts is None:
        facts = journals.facts_of(connection, card.event, issued.ticket)
    history = with_times(fold(facts), facts)
    has_no_end = is_tester(connection, card.appid, issued.openid)
    ticket = ticket_store.find_ticket(connection, card.event, issued.ticket)
    uses = 1 if ticket is None else ticket.use_limit
    status = standing(
        card, issued, now_ms // 1000, is_used=history.used >= uses, is_tester=has_no_end
    )
    if ticket is not None and has_no_end:
        ticket = _without_end(ticket)
    # A call is never somebody coming back, and stands at no gate.
    rules = HouseRules(
        early_s=account.early_s,
        late_s=account.late_s,
        reentry=False,
        pass_back=Policy.ADMIT,
        rule=events.row_of(connection, card.event).settings.rule_of(card.card_id),
    )
    context = Context(now_ms, CENTRAL, Direction.IN, Place(), rules)
    scan = Scan(issued.code, source=API, deliberate=True)
    return status, decide(ticket, history, scan, context)


def _without_end(ticket: Ticket) -> Ticket:
    """The ticket as it is for a tester, for whom its card never ends."""
    begin, _end = type_window(ticket.type, ticket.claimed_at)
    return replace(ticket, type=replace(ticket.type, begin=begin, end=None, term_days=None))


def get(connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int) -> Answer:
    """``code/get``: how a code stands; by default used or void ones are errors. Raises Refused."""
    params = dynamic_codes.resolved(connection, account, params, now_ms)
    card, issued = need_issued_code(connection, account, params)
    asked = read_fields((Field("check_consume", flag),), params)
    status, verdict = _judge(connection, account, card, issued, now_ms)
    is_open = status in (UserCardStatus.NORMAL, UserCardStatus.GIFT_TIMEOUT)
    if asked.get("check_consume", True) and not is_open:
        is_consumed = status is UserCardStatus.CONSUMED
        raise Refused(Errcode.CONSUMED if is_consumed else Errcode.NOT_USABLE, status)
    begin, end = window(card, issued.claimed_s)
    return {
        "card": {
            "card_id": card.card_id,
            "code": issued.code,
            "begin_time": begin,
            "end_time": end,
        },
        "openid": issued.openid,
        "can_consume": is_open and verdict.is_green,
        "outer_str": issued.outer_str,
        "user_card_status": status.value,
        **dynamic_codes.shown_now(connection, card, issued, now_ms),
    }


def consume(
    connection: Connection,
    account: Account,
    params: Mapping[str, Any],
    now_ms: int,
    memory: Memory | None = None,
) -> Answer:
    """``code/consume``: redeem, once, by the gates' own rules; an entry in the event's journal.

    Raises Refused.
    """
    asked = read_fields((Field("outer_str", text(128)),), params)
    params = dynamic_codes.resolved(connection, account, params, now_ms)
    card, issued = need_issued_code(connection, account, params, locks=True)
    facts = journals.facts_of(connection, card.event, issued.ticket)
    status, verdict = _judge(connection, account, card, issued, now_ms, facts=facts)
    if status is UserCardStatus.CONSUMED:
        # Whoever had no answer to a call that was done must hear so, also after the end.
        raise Refused(Errcode.CONSUMED)
    if issued.state not in OPEN:
        raise Refused(Errcode.NOT_USABLE, status)
    if not verdict.is_green:
        raise Refused(_REFUSALS.get(verdict.reason, Errcode.NOT_USABLE), verdict.reason)
    intake.record(
        connection,
        card.event,
        now_ms,
        [fact.hlc for fact in facts],
        memory,
        act=Act.ADMISSION,
        direction=Direction.IN,
        outcome=verdict.outcome,
        reason=verdict.reason,
        ticket=issued.ticket,
        ticket_type=card.card_id,
        uses=verdict.uses,
        persons=verdict.persons,
        ordinal=sum(fact.act is Act.ADMISSION and fact.device == CENTRAL for fact in facts),
        note=asked.get("outer_str", ""),
        source=API,
    )
    set_redeemed(connection, card, issued, now_ms // 1000)
    return {"card": {"card_id": card.card_id}, "openid": issued.openid}


def decrypt(
    _connection: Connection, account: Account, params: Mapping[str, Any], _now_ms: int
) -> Answer:
    """``code/decrypt``. Raises Refused."""
    sealed = params.get("encrypt_code")
    if not isinstance(sealed, str) or len(sealed) > 1024:
        raise Refused(Errcode.BAD_ENCRYPT_CODE)
    try:
        return {"code": open_code(account.key, sealed)}
    except NotOurs as error:
        raise Refused(Errcode.BAD_ENCRYPT_CODE) from error


def change(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``code/update``: another code for the same ticket; the old one is dead. Raises Refused."""
    card, issued = need_issued_code(connection, account, params, locks=True)
    # A widespread library (wechat-api of npm) spells it so.
    stated = params.get("new_code", params.get("newcode"))
    if stated in (None, ""):
        raise Refused(Errcode.NO_CODE, "new_code")
    new = read_code("new_code", stated)
    if not card.is_custom:
        raise Refused(Errcode.NOT_CUSTOM)
    status, _verdict = _judge(connection, account, card, issued, now_ms)
    if status is UserCardStatus.CONSUMED:
        raise Refused(Errcode.CONSUMED)
    if issued.state not in OPEN:
        raise Refused(Errcode.NOT_USABLE, status)
    if taken(connection, card, [new]):
        raise Refused(Errcode.CODE_NOT_FREE)
    replaced = replace_code(connection, card, issued, replace(issued, code=new))
    publish_one(connection, card, replaced)
    return {}


def replace_code(
    connection: Connection, card: Card, old: IssuedCode, new: IssuedCode
) -> IssuedCode:
    """The ticket goes by another code from now on; whoever claimed it first is kept."""
    c = t.issued_code.c
    claimed_by = connection.execute(
        select(c.claimed_by).where(c.card_id == old.card_id, c.code == old.code)
    ).scalar_one()
    keep(
        connection,
        card,
        replace(old, state=State.GIVEN if new.openid != old.openid else State.REPLACED),
    )
    add(connection, card, [new], claimed_by)
    return new


def make_unavailable(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``code/unavailable``: void for good, for refunds and exchanges. Raises Refused."""
    asked = read_fields((Field("reason", text(3072)),), params)
    card, issued = need_issued_code(connection, account, params, locks=True)
    check_voidable(connection, card, issued)
    void(connection, card, issued, asked.get("reason", ""), now_ms)
    return {}


def check_voidable(
    connection: Connection, card: Card, issued: IssuedCode, also: Sequence[State] = ()
) -> None:
    """Whether a code may still be voided: not when it was used, or is void. Raises Refused.

    ``also`` are states in which it may be, though it is void by them.
    """
    if is_used(connection, card, issued):
        raise Refused(Errcode.CONSUMED)
    if issued.state not in (*OPEN, State.GIFTING, *also):
        raise Refused(Errcode.NOT_USABLE, issued.state)


def void(connection: Connection, card: Card, issued: IssuedCode, reason: str, now_ms: int) -> None:
    """Void a code, and tell the gates."""
    actor = audit.Actor(card.appid)
    audit.note(connection, actor, "void", now_ms, event=card.event, about=issued.ticket)
    gone = replace(issued, state=State.UNAVAILABLE, note=reason)
    keep(connection, card, gone, gift_ends_s=0)
    publish_one(connection, card, gone)
    webhook_outbox.forget_reminder(connection, issued.ticket)


def _codes(params: Mapping[str, Any]) -> list[Any]:
    codes = params.get("code")
    if codes is None:
        raise Refused(Errcode.NO_CODE)
    listed = codes if isinstance(codes, list) else [codes]
    if len(listed) > MOST_CODES:
        raise Refused(Errcode.TOO_MANY_CODES)
    if not listed or any(one in (None, "") for one in listed):
        raise Refused(Errcode.EMPTY_CODE)
    return listed


def _legible(code: Any) -> bool:
    try:
        return bool(read_code("code", code))
    except Refused:
        return False


def deposit(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``code/deposit``: codes of the organiser's own, to be claimed later. Raises Refused."""
    listed = _codes(params)
    legible = [str(read_code("code", code)) for code in listed if _legible(code)]
    if len(set(legible)) < len(legible):
        raise Refused(Errcode.SAME_CODE)
    card = need_card_to_change(connection, account, params)
    if not card.is_deposit:
        raise Refused(Errcode.NOT_CUSTOM, "the card takes no deposited codes")
    c = t.issued_code.c
    ours = set(
        connection.execute(
            select(c.code).where(c.card_id == card.card_id, c.code.in_(legible))
        ).scalars()
    )
    others = taken(connection, card, [code for code in legible if code not in ours])
    new = [code for code in legible if code not in ours and code not in others]
    if new:
        _add_deposited(connection, card, new, now_ms // 1000)
    return {
        "succ_code": new,
        "duplicate_code": [code for code in legible if code in ours],
        "fail_code": [*(str(one) for one in listed if not _legible(one)), *sorted(others)],
    }


def _add_deposited(connection: Connection, card: Card, codes: Sequence[str], now_s: int) -> None:
    issued = [
        IssuedCode(card.card_id, code, secrets.token_hex(8), State.DEPOSITED, issued_s=now_s)
        for code in codes
    ]
    add(connection, card, issued, "")
    publish(connection, card.event, rows=[ticket_row(one) for one in issued])


def deposit_count(
    connection: Connection, account: Account, params: Mapping[str, Any], _now_ms: int
) -> Answer:
    """``code/getdepositcount``: how many were handed over. Raises Refused."""
    card = need_card(connection, account, params)
    return {"count": deposited(connection, card, is_all=True)}


def check(
    connection: Connection, account: Account, params: Mapping[str, Any], _now_ms: int
) -> Answer:
    """``code/checkcode``: which of the codes the card has. Raises Refused."""
    listed = [str(one) for one in _codes(params)]
    card = need_card(connection, account, params)
    c = t.issued_code.c
    known = set(
        connection.execute(
            select(c.code).where(
                c.card_id == card.card_id, c.code.in_([one for one in listed if "\0" not in one])
            )
        ).scalars()
    )
    return {
        "exist_code": [one for one in listed if one in known],
        "not_exist_code": [one for one in listed if one not in known],
    }


def card_list(
    connection: Connection, account: Account, params: Mapping[str, Any], _now_ms: int
) -> Answer:
    """``user/getcardlist``: what a person has of the account. Raises Refused."""
    who = read_openid(params)
    c = t.issued_code.c
    hidden = [*DEAD, State.DELETED]
    query = select(c.code, c.card_id).where(
        c.appid == account.appid, c.openid == who, c.state.not_in(hidden)
    )
    if params.get("card_id") not in (None, ""):
        query = query.where(c.card_id == read_card_id("card_id", params["card_id"]))
    rows = connection.execute(query.order_by(c.claimed_s, c.code))
    found = [{"code": row.code, "card_id": row.card_id} for row in rows]
    return {"card_list": found, "has_share_card": False}


def act(connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int) -> Answer:
    """``/v1/actions``: what a person does in the app beside claiming and giving. Raises Refused."""
    card, issued = need_issued_code(connection, account, params, locks=True)
    event = _ACTIONS.get(str(params.get("action")))
    if event is None:
        raise Refused(Errcode.BAD_PARAMETER, f"action is one of {', '.join(_ACTIONS)}")
    if event == "user_del_card":
        if issued.state in (State.DELETED, State.GIFTING):
            raise Refused(Errcode.NOT_USABLE)
        gone = replace(issued, state=State.DELETED)
        keep(connection, card, gone)
        publish_one(connection, card, gone)
        webhook_outbox.forget_reminder(connection, issued.ticket)
    if event == "user_view_card":
        _count_view(connection, card, issued, now_ms)
    if event != "user_view_card" or card.base.get("need_push_on_view"):
        webhook_outbox.put(
            connection, account, event, card_id=card.card_id, line=issued.ticket,
            openid=issued.openid, now_ms=now_ms, UserCardCode=issued.code,
            OuterStr=issued.outer_str,
        )  # fmt: skip
    return {}


_ACTIONS = {
    "delete": "user_del_card",
    "view": "user_view_card",
    "enter_session": "user_enter_session_from_card",
}


def _count_view(connection: Connection, card: Card, issued: IssuedCode, now_ms: int) -> None:
    row = (card.card_id, day_of(now_ms // 1000), issued.openid, 1)
    add_up(connection, t.card_view, [row], "views")
