"""What the account's callback is to hear, as it stands in the outbox and as WeChat's XML.

The line that keeps order is the ticket, or the card.
"""

import re
from typing import Final

import msgspec
from sqlalchemy import Connection

from sync.cardapi.accounts import Account
from sync.server.webhooks import outbox

CHANNEL: Final = "cards"
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


def body_of(text: str) -> Body:
    """An event as it was kept."""
    return _body.decode(text)


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
    new = outbox.NewEvent(
        recipient=account.appid,
        line=line or card_id,
        due_ms=now_ms if due_ms is None else due_ms,
        body=msgspec.json.encode(body).decode(),
        entry=entry,
    )
    outbox.put(connection, CHANNEL, [new])


def take_back(connection: Connection, entries: list[str]) -> bool:
    """Forget what waits to be told of admissions that were undone; whether anything waited."""
    return outbox.take_back(connection, CHANNEL, entries)


def reminder_line(ticket: str) -> str:
    """A ticket's reminder must not hold up what else there is to tell of it."""
    return f"remind:{ticket}"


def forget_reminder(connection: Connection, ticket: str) -> bool:
    """No reminder is wanted any more; whether there was one."""
    return outbox.forget_line(connection, reminder_line(ticket))


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
