"""What the account's callback is to hear: kept in the change's own transaction, told in order.

A line is what keeps order: the ticket, or the card. Of a line only the first that waits may be
told. A lease makes sure that of several servers one tells it; a lease that ran out with its server
is taken by another, so a notice may come twice, as WeChat's do.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from sync.cardapi import tables as t
from sync.cardapi.accounts import Account

TRIES = 3
LEASE_MS = 30_000
AGAIN_MS = (1_000, 5_000)
"""How long after a failed try the next may be."""
KEPT_MS = 7 * 86_400_000
"""How long notices that nobody took are kept, to be looked at."""
REMIND_BEFORE_S = 7200
REMINDER = "meeting_ticket_remind"
"""Ours: WeChat itself tells the guest two hours before, the account is not told."""
IRREGULAR = "card_irregular_use"
"""Ours: a gate has let somebody in on a code that is, or was, void."""

_TEXT, _NUMBER = True, False
_CODE = ("UserCardCode", _TEXT)
FIELDS: dict[str, tuple[tuple[str, bool], ...]] = {
    "card_pass_check": (("RefuseReason", _TEXT),),
    "card_not_pass_check": (("RefuseReason", _TEXT),),
    "user_get_card": (
        _CODE, ("IsGiveByFriend", _NUMBER), ("FriendUserName", _TEXT), ("OldUserCardCode", _TEXT),
        ("OuterId", _NUMBER), ("OuterStr", _TEXT), ("IsRestoreMemberCard", _NUMBER),
        ("IsRecommendByFriend", _NUMBER), ("UnionId", _TEXT),
    ),
    "user_gifting_card": (
        _CODE, ("IsReturnBack", _NUMBER), ("FriendUserName", _TEXT), ("IsChatRoom", _NUMBER),
    ),
    "user_del_card": (_CODE,),
    "user_consume_card": (
        _CODE, ("ConsumeSource", _TEXT), ("LocationName", _TEXT), ("LocationId", _NUMBER),
        ("StaffOpenId", _TEXT), ("VerifyCode", _TEXT), ("RemarkAmount", _TEXT),
        ("OuterStr", _TEXT),
    ),
    "user_view_card": (_CODE, ("OuterStr", _TEXT)),
    "user_enter_session_from_card": (_CODE,),
    "card_sku_remind": (("Detail", _TEXT),),
    REMINDER: (_CODE, ("BeginTime", _NUMBER)),
    IRREGULAR: (_CODE, ("Kind", _TEXT), ("LocationName", _TEXT), ("VoidTime", _NUMBER)),
}  # fmt: skip
"""Every event's own fields, and whether each is text."""


class Body(msgspec.Struct, frozen=True):
    """What an event states, as it is kept."""

    event: str
    openid: str
    card_id: str
    created_s: int
    fields: dict[str, str | int]


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event that is to be delivered now."""

    id: int
    appid: str
    tries: int
    """This one included."""
    body: Body


_body = msgspec.json.Decoder(Body)


def put(
    connection: Connection,
    account: Account,
    event: str,
    *,
    card_id: str,
    now_ms: int,
    line: str = "",
    openid: str = "",
    due_ms: int | None = None,
    created_s: int | None = None,
    entry: str = "",
    **fields: str | int,
) -> None:
    """Have an event told, at once or when it is due; ``entry`` is the admission it is about."""
    if not account.callback:
        return
    body = Body(event, openid, card_id, created_s or now_ms // 1000, fields)
    connection.execute(
        insert(t.webhook_event).values(
            appid=account.appid,
            line=line or card_id,
            state="waiting",
            due_ms=now_ms if due_ms is None else due_ms,
            leased_ms=0,
            tries=0,
            entry=entry,
            body=msgspec.json.encode(body).decode(),
        )
    )


def take_back(connection: Connection, entries: list[str]) -> bool:
    """Forget what waits to be told of admissions that were undone; whether anything waited."""
    c = t.webhook_event.c
    where = (c.state == "waiting", c.tries == 0, c.entry.in_(entries))
    return bool(connection.execute(delete(t.webhook_event).where(*where)).rowcount)


def reminder_line(ticket: str) -> str:
    """A ticket's reminder must not hold up what else there is to tell of it."""
    return f"remind:{ticket}"


def forget_reminder(connection: Connection, ticket: str) -> bool:
    """No reminder is wanted any more; whether there was one."""
    c = t.webhook_event.c
    where = (c.line == reminder_line(ticket), c.state == "waiting")
    return bool(connection.execute(delete(t.webhook_event).where(*where)).rowcount)


def due(connection: Connection, now_ms: int, most: int = 32, busy: Sequence[str] = ()) -> list[int]:
    """Ids of what may be told now, the oldest first, but to ``busy`` accounts."""
    c = t.webhook_event.c
    earlier = t.webhook_event.alias()
    before = (
        select(earlier.c.id)
        .where(earlier.c.line == c.line, earlier.c.state == "waiting", earlier.c.id < c.id)
        .exists()
    )
    query = (
        select(c.id)
        .where(c.state == "waiting", c.due_ms <= now_ms, c.leased_ms <= now_ms, ~before)
        .where(c.appid.not_in(busy))
        .order_by(c.id)
        .limit(most)
    )
    return [int(id_) for id_ in connection.execute(query).scalars()]


def lease(connection: Connection, ids: list[int], now_ms: int) -> list[WebhookEvent]:
    """Take notices to tell them; those that another server took first are left out."""
    c = t.webhook_event.c
    found = []
    for id_ in ids:
        done = connection.execute(
            update(t.webhook_event)
            .where(c.id == id_, c.state == "waiting", c.leased_ms <= now_ms)
            .values(leased_ms=now_ms + LEASE_MS, tries=c.tries + 1)
        )
        if done.rowcount:
            row = connection.execute(select(c.appid, c.tries, c.body).where(c.id == id_)).one()
            found.append(WebhookEvent(id_, row.appid, row.tries, _body.decode(row.body)))
    return found


def settle(
    connection: Connection, notice: WebhookEvent, now_ms: int, *, was_delivered: bool
) -> None:
    """Note how delivery went: what was not delivered is tried again, three times in all."""
    c = t.webhook_event.c
    here = c.id == notice.id
    if was_delivered:
        connection.execute(delete(t.webhook_event).where(here))
        return
    fields: dict[str, Any] = {"leased_ms": 0, "state": "failed", "due_ms": now_ms}
    if notice.tries < TRIES:
        fields |= {"state": "waiting", "due_ms": now_ms + AGAIN_MS[notice.tries - 1]}
    connection.execute(update(t.webhook_event).where(here).values(**fields))


def forget_failed(connection: Connection, now_ms: int) -> None:
    """Remove what nobody took and nobody looked at for a week."""
    c = t.webhook_event.c
    connection.execute(
        delete(t.webhook_event).where(c.state == "failed", c.due_ms < now_ms - KEPT_MS)
    )


def as_xml(account: Account, body: Body) -> str:
    """The event as WeChat pushes it."""
    parts = [
        _element("ToUserName", account.original_id),
        _element("FromUserName", body.openid or account.original_id),
        f"<CreateTime>{body.created_s}</CreateTime>",
        _element("MsgType", "event"),
        _element("Event", body.event),
        _element("CardId", body.card_id),
    ]
    for name, is_text in FIELDS[body.event]:
        value = body.fields.get(name, "" if is_text else 0)
        parts.append(_element(name, str(value)) if is_text else f"<{name}>{value}</{name}>")
    return f"<xml>{''.join(parts)}</xml>"


_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def _element(name: str, value: str) -> str:
    safe = _NOT_XML.sub("\ufffd", value).replace("]]>", "]]]]><![CDATA[>")
    return f"<{name}><![CDATA[{safe}]]></{name}>"
