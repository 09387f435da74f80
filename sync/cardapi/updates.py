"""What the interfaces of each kind say of one ticket: where it sits, when, and who is checked in.

Every function works in the transaction it is handed; what can be refused is checked before anything
is written.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from gate.core.ticket import CodeState, Kind
from gate.credential import parse
from sync.cardapi import tables as t
from sync.cardapi import webhook_outbox
from sync.cardapi.accounts import Account
from sync.cardapi.card import Card
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.fields import (
    BOARDING_UPDATE,
    IS_CANCEL,
    MEETING_UPDATE,
    MOVIE_UPDATE,
    read_fields,
)
from sync.cardapi.issued_codes import (
    find_card,
    is_used,
    issued_code_of,
    keep,
    need_issued_code,
    publish_one,
)
from sync.cardapi.projection import CANCELLED, DAY_S, DEAD, IssuedCode, State, last_second
from sync.server import tables as central
from sync.server import ticket_store

Answer = dict[str, Any]


def update_meeting(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``meetingticket/updateuser``: times, zone, entrance, seat. Raises Refused."""
    card, issued = _need(connection, account, params, Kind.MEETING)
    new = {**issued.attributes, **read_fields(MEETING_UPDATE, params)}
    begin, end = new.get("begin_time"), new.get("end_time")
    if begin and end and end <= begin:
        raise Refused(Errcode.BAD_TIME, "end_time is not after begin_time")
    _set_attributes(connection, card, issued, new)
    if begin != issued.attributes.get("begin_time"):
        remind(connection, account, replace(issued, attributes=new), now_ms)
    return {}


def remind(connection: Connection, account: Account, issued: IssuedCode, now_ms: int) -> None:
    """Have the account told two hours before the doors open; a later word replaces this one."""
    webhook_outbox.forget_reminder(connection, issued.ticket)
    begin = issued.attributes.get("begin_time", 0)
    if begin * 1000 > now_ms and issued.state is not State.UNAVAILABLE and not issued.redeemed_s:
        due_ms = max(now_ms, (begin - webhook_outbox.REMIND_BEFORE_S) * 1000)
        webhook_outbox.put(
            connection, account, webhook_outbox.REMINDER, card_id=issued.card_id, now_ms=now_ms,
            line=webhook_outbox.reminder_line(issued.ticket), openid=issued.openid, due_ms=due_ms,
            created_s=due_ms // 1000, UserCardCode=issued.code, BeginTime=begin,
        )  # fmt: skip


def update_movie(
    connection: Connection, account: Account, params: Mapping[str, Any], _now_ms: int
) -> Answer:
    """``movieticket/updateuser``: class, show, hall, seats. Raises Refused."""
    asked = read_fields(MOVIE_UPDATE, params)
    card, issued = _need(connection, account, params, Kind.MOVIE)
    _set_attributes(connection, card, issued, {**issued.attributes, **asked})
    return {}


def check_in(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``boardingpass/checkin``; ``is_cancel`` takes it all back. Raises Refused."""
    # The reference's own example has a blank behind the name of ``is_cancel``.
    params = {name.strip(): value for name, value in params.items()}
    if read_fields((IS_CANCEL,), params).get("is_cancel"):
        card, issued = _need(connection, account, params, Kind.BOARDING)
        shown = issued.barcodes
        _set_attributes(connection, card, issued, {CANCELLED: shown} if shown else {})
        return {}
    # Libraries send empty text for what their caller did not say.
    asked = {k: v for k, v in read_fields(BOARDING_UPDATE, params).items() if v != ""}
    card, issued = _need(connection, account, params, Kind.BOARDING)
    if asked.get("qrcode_data"):
        _take_barcode(connection, card, issued, asked["qrcode_data"], now_ms // 1000)
    new = {**issued.attributes, **asked, "checked_in": True}
    new.pop(CANCELLED, None)
    _set_attributes(connection, card, issued, new)
    return {}


def _need(
    connection: Connection, account: Account, params: Mapping[str, Any], kind: Kind
) -> tuple[Card, IssuedCode]:
    card, issued = need_issued_code(connection, account, params, locks=True)
    if card.kind is not kind:
        raise Refused(Errcode.NOT_THIS_CARD, card.kind)
    if issued.state in (State.UNAVAILABLE, State.DELETED):
        raise Refused(Errcode.NOT_USABLE, issued.state)
    return card, issued


def _set_attributes(
    connection: Connection, card: Card, issued: IssuedCode, attributes: Mapping[str, Any]
) -> None:
    changed = replace(issued, attributes=attributes)
    if changed != issued:
        keep(connection, card, changed)
        publish_one(connection, card, changed)


def _take_barcode(
    connection: Connection, card: Card, issued: IssuedCode, text: str, now_s: int
) -> None:
    """What the phone shows must find this ticket and no other. Raises Refused.

    A ticket that nobody can use any more lets go of what its phone showed.
    """
    if parse(text).problem is not None:
        raise Refused(Errcode.BAD_PARAMETER, "qrcode_data")
    hashed = ticket_store.hashes_of(connection, card.event, [text])[text]
    c = central.code.c
    known = connection.execute(
        select(c.ticket, c.state).where(c.event == card.event, c.hash == hashed)
    ).first()
    if known is None:
        return
    is_given = known.state == CodeState.TRANSFERRED
    if known.ticket == issued.ticket:
        if is_given:
            raise Refused(Errcode.BAD_PARAMETER, "qrcode_data is still on the giver's phone")
        return
    owner = _barcode_owner(connection, card, known.ticket, text)
    may_go = owner is not None and (
        _is_done(connection, *owner, now_s) or (not is_given and not _shows(owner[1], text))
    )
    if owner is None or not may_go:
        raise Refused(Errcode.BAD_PARAMETER, "qrcode_data belongs to another ticket")
    _let_go(connection, *owner, text)
    ticket_store.release(connection, card.event, hashed)


def _barcode_owner(
    connection: Connection, card: Card, ticket: str, text: str
) -> tuple[Card, IssuedCode] | None:
    """Whose barcode it is or was, within the account; ``None`` of what is anybody's own code."""
    c = t.issued_code.c
    rows = connection.execute(
        select(t.issued_code).where(c.ticket == ticket, c.appid == card.appid)
    ).all()
    if any(row.code == parse(text).code for row in rows):
        return None
    for row in rows:
        found = find_card(connection, row.card_id)
        if row.state not in DEAD and found is not None:
            return found, issued_code_of(row)
    return None


def _is_done(connection: Connection, card: Card, issued: IssuedCode, now_s: int) -> bool:
    """Whether a ticket is void, used, or over for a day: a flight may be late."""
    return (
        issued.state in (State.UNAVAILABLE, State.DELETED)
        or last_second(card, issued.claimed_s) + DAY_S < now_s
        or is_used(connection, card, issued)
    )


def _shows(issued: IssuedCode, text: str) -> bool:
    """Whether its phone still shows that, and not something else by now, or nothing."""
    return bool(parse(issued.attributes.get("qrcode_data", "")).code == parse(text).code)


def _let_go(connection: Connection, card: Card, issued: IssuedCode, text: str) -> None:
    code = parse(text).code
    attributes = dict(issued.attributes)
    if _shows(issued, text):
        del attributes["qrcode_data"]
    if CANCELLED in attributes:
        attributes[CANCELLED] = [one for one in attributes[CANCELLED] if parse(one).code != code]
    if attributes != issued.attributes:
        keep(connection, card, replace(issued, attributes=attributes))
