"""Cards and codes as rows, found, kept, and told to the gates.

Whatever a gate must know goes through ``central.tickets`` in the same transaction, so that it has a
number in the feed. Every writer holds its event's lock first: what it then reads stays true until
it commits, also with several servers on one database. Every function works in the transaction it
is handed.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from gate.core.ticket import Kind
from sync.cardapi import tables as t
from sync.cardapi.accounts import Account
from sync.cardapi.card import Card, CardStatus
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.fields import card_id as read_card_id
from sync.cardapi.fields import code as read_code
from sync.cardapi.projection import DEAD, OPEN, IssuedCode, State, ticket_row, type_row, window
from sync.server import issuing, journals, ticket_store
from sync.server import tables as central
from sync.server.prepared import in_parts

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def _card(row: Row[Any]) -> Card:
    body = _decode(row.body)
    return Card(
        card_id=row.card_id,
        appid=row.appid,
        event=row.event,
        kind=Kind(row.kind),
        status=CardStatus(row.status),
        base=body["base"],
        detail=body["detail"],
        advanced=body["advanced"],
        quantity=row.quantity,
        total=row.total,
        initial=row.initial,
        created_s=row.created_s,
        updated_s=row.updated_s,
        reminded_s=row.reminded_s,
    )


def _columns(card: Card) -> dict[str, Any]:
    body = {"base": card.base, "detail": card.detail, "advanced": card.advanced}
    return {
        "card_id": card.card_id,
        "appid": card.appid,
        "event": card.event,
        "kind": card.kind.value,
        "status": card.status.value,
        "body": _encode(body).decode(),
        "quantity": card.quantity,
        "total": card.total,
        "initial": card.initial,
        "created_s": card.created_s,
        "updated_s": card.updated_s,
        "reminded_s": card.reminded_s,
    }


def put_card(connection: Connection, card: Card) -> None:
    """Add a card, and tell the gates."""
    connection.execute(insert(t.card).values(**_columns(card)))
    publish(connection, card.event, types=[type_row(card)])


def set_card(connection: Connection, card: Card, *, is_published: bool = False) -> None:
    """Keep a card as it is now."""
    columns = _columns(card)
    connection.execute(update(t.card).where(t.card.c.card_id == card.card_id).values(**columns))
    if is_published:
        publish(connection, card.event, types=[type_row(card)])


def find_card(connection: Connection, card_id: str, appid: str = "") -> Card | None:
    """A card, of a certain account if one is named."""
    row = connection.execute(_CARD, {"card_id": card_id}).first()
    return _card(row) if row is not None and appid in ("", row.appid) else None


_CARD = select(t.card).where(t.card.c.card_id == bindparam("card_id"))


def need_card(
    connection: Connection, account: Account, params: Mapping[str, Any], *, locks: bool = False
) -> Card:
    """The account's card that a request names; ``locks`` its event for a change.

    Raises Refused.
    """
    if params.get("card_id") in (None, ""):
        raise Refused(Errcode.NO_CARD_ID)
    wanted = read_card_id("card_id", params["card_id"])
    found = find_card(connection, wanted, account.appid)
    if found is None:
        raise Refused(Errcode.BAD_CARD_ID)
    if locks:
        journals.lock(connection, found.event)
        found = find_card(connection, wanted) or found
    return found


def need_card_to_change(
    connection: Connection, account: Account, params: Mapping[str, Any]
) -> Card:
    """The account's card that a request names, its event locked; not one that was deleted.

    Raises Refused.
    """
    card = need_card(connection, account, params, locks=True)
    if card.status is CardStatus.DELETE:
        raise Refused(Errcode.BAD_CARD_STATUS)
    return card


def cards_of(connection: Connection, card_ids: Iterable[str]) -> dict[str, Card]:
    """Some cards by their ids."""
    found = {}
    for some in in_parts(sorted(set(card_ids))):
        for row in connection.execute(select(t.card).where(t.card.c.card_id.in_(some))):
            found[row.card_id] = _card(row)
    return found


def issued_code_of(row: Row[Any]) -> IssuedCode:
    """A code as its row says."""
    return IssuedCode(
        card_id=row.card_id,
        code=row.code,
        ticket=row.ticket,
        state=State(row.state),
        openid=row.openid,
        outer_str=row.outer_str,
        issued_s=row.issued_s,
        claimed_s=row.claimed_s,
        gifted_s=row.gifted_s,
        redeemed_s=row.redeemed_s,
        note=row.note,
        attributes=_decode(row.said),
    )


def columns_of(card: Card, issued: IssuedCode) -> dict[str, Any]:
    """A code as columns; by ``ends_s`` it is counted as expired."""
    return {
        "card_id": issued.card_id,
        "code": issued.code,
        "appid": card.appid,
        "ticket": issued.ticket,
        "state": issued.state.value,
        "openid": issued.openid,
        "outer_str": issued.outer_str,
        "issued_s": issued.issued_s,
        "claimed_s": issued.claimed_s,
        "gifted_s": issued.gifted_s,
        "redeemed_s": issued.redeemed_s,
        "ends_s": window(card, issued.claimed_s)[1] if issued.claimed_s else 0,
        "note": issued.note,
        "said": _encode(issued.attributes).decode(),
    }


def add(connection: Connection, card: Card, some: Sequence[IssuedCode], claimed_by: str) -> None:
    """Add codes to the rows; telling the gates is another matter."""
    rows = [
        {**columns_of(card, one), "claimed_by": claimed_by, "gift_ends_s": 0, "friend": ""}
        for one in some
    ]
    connection.execute(insert(t.issued_code), rows)


def keep(connection: Connection, card: Card, issued: IssuedCode, **more: Any) -> None:
    """Keep a code as it is now, with more columns if need be."""
    c = t.issued_code.c
    connection.execute(
        update(t.issued_code)
        .where(c.card_id == issued.card_id, c.code == issued.code)
        .values(**columns_of(card, issued), **more)
    )


def find(connection: Connection, card_id: str, code: str) -> Row[Any] | None:
    """The row of a code."""
    return connection.execute(_HELD, {"card_id": card_id, "code": code}).first()


_HELD = select(t.issued_code).where(
    t.issued_code.c.card_id == bindparam("card_id"), t.issued_code.c.code == bindparam("code")
)
_CLAIMED = (
    select(t.issued_code)
    .where(t.issued_code.c.appid == bindparam("appid"), t.issued_code.c.code == bindparam("code"))
    .where(t.issued_code.c.state.not_in([State.DEPOSITED, *DEAD]))
)


def need_issued_code(
    connection: Connection, account: Account, params: Mapping[str, Any], *, locks: bool = False
) -> tuple[Card, IssuedCode]:
    """The claimed code that a request names, and its card. Raises Refused.

    A code that was never claimed, or goes by another one now, is as unknown as any.
    """
    if params.get("code") in (None, ""):
        raise Refused(Errcode.NO_CODE)
    try:
        code = read_code("code", params["code"])
    except Refused as refused:
        raise Refused(Errcode.BAD_CODE) from refused
    query = _CLAIMED
    if params.get("card_id") not in (None, ""):
        query = query.where(t.issued_code.c.card_id == read_card_id("card_id", params["card_id"]))
    bound = {"appid": account.appid, "code": code}
    rows = connection.execute(query, bound).all()
    cards = {row.card_id: find_card(connection, row.card_id) for row in rows}
    if not params.get("card_id") and any(card and card.is_custom for card in cards.values()):
        raise Refused(Errcode.NO_CARD_ID, "a custom code needs its card_id")
    if not rows:
        raise Refused(Errcode.BAD_CODE)
    card = cards[rows[0].card_id]
    assert card is not None
    if not locks:
        return card, issued_code_of(rows[0])
    journals.lock(connection, card.event)
    row = find(connection, card.card_id, code)
    if row is None or row.state in (State.DEPOSITED, *DEAD):
        raise Refused(Errcode.BAD_CODE)
    return find_card(connection, card.card_id) or card, issued_code_of(row)


def is_used(connection: Connection, card: Card, issued: IssuedCode) -> bool:
    """Whether the ticket has been redeemed, at any gate or here."""
    return journals.history(connection, card.event, issued.ticket).used > 0


def publish(
    connection: Connection,
    event: str,
    *,
    types: Sequence[Mapping[str, Any]] = (),
    rows: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Tell the gates of types and tickets: numbered changes of the event's feed."""
    # The card API states Unix seconds, and has checked them by its own rules.
    stated = issuing.Issue(types=types, tickets=rows, is_exact=True)
    try:
        issuing.issue(connection, event, stated)
    except issuing.Over as over:
        raise Refused(Errcode.BAD_CARD_STATUS, str(over)) from over


def publish_one(
    connection: Connection, card: Card, issued: IssuedCode, *, old_codes: Sequence[str] = ()
) -> None:
    """Tell the gates how one code stands now."""
    limited = has_reached_limit(connection, card, issued.openid)
    row = ticket_row(issued, is_limited=limited, old_codes=old_codes)
    publish(connection, card.event, rows=[row])


def has_reached_limit(connection: Connection, card: Card, openid: str) -> bool:
    """Whether a person has used as many tickets of a card as one may (``use_limit``)."""
    return bool(openid) and used_by(connection, card, openid) >= card.use_limit


def used_by(connection: Connection, card: Card, openid: str) -> int:
    """How many tickets of a card a person has used."""
    bound = {"appid": card.appid, "openid": openid, "card_id": card.card_id}
    return int(connection.execute(_USED_BY, bound).scalar_one())


_USED_BY = (
    select(func.count())
    .select_from(t.issued_code)
    .where(
        t.issued_code.c.appid == bindparam("appid"),
        t.issued_code.c.openid == bindparam("openid"),
        t.issued_code.c.card_id == bindparam("card_id"),
        t.issued_code.c.redeemed_s > 0,
        t.issued_code.c.state.not_in(DEAD),
    )
)


def set_redeemed(connection: Connection, card: Card, issued: IssuedCode, at_s: int) -> None:
    """Note when a ticket was redeemed, 0 when that was taken back.

    Where that makes its holder reach ``use_limit``, or fall below it, the gates are told of the
    others.
    """
    used = used_by(connection, card, issued.openid)
    bound = {"b_card_id": card.card_id, "b_code": issued.code, "b_at_s": at_s}
    connection.execute(_SET_REDEEMED, bound)
    now_used = used + bool(at_s) - bool(issued.redeemed_s)
    is_limited = now_used >= card.use_limit
    if is_limited != (used >= card.use_limit):
        _publish_unused(connection, card, issued.openid, is_limited=is_limited)
    elif is_limited and not at_s and issued.state in OPEN:
        # It is unused again, and was not told of with the others.
        row = ticket_row(replace(issued, redeemed_s=0), is_limited=True)
        publish(connection, card.event, rows=[row])


_SET_REDEEMED = (
    update(t.issued_code)
    .where(
        t.issued_code.c.card_id == bindparam("b_card_id"),
        t.issued_code.c.code == bindparam("b_code"),
    )
    .values(redeemed_s=bindparam("b_at_s"))
)


def publish_limits(connection: Connection, card: Card, before: int) -> None:
    """Tell the gates whose other tickets ``use_limit`` now ends or frees; it was ``before``."""
    if card.use_limit == before:
        return
    c = t.issued_code.c
    low, high = sorted((before, card.use_limit))
    used = func.count()
    people = (
        select(c.openid)
        .where(c.card_id == card.card_id, c.redeemed_s > 0, c.state.not_in(DEAD))
        .group_by(c.openid)
        .having(used >= low, used < high)
    )
    for openid in connection.execute(people).scalars().all():
        _publish_unused(connection, card, openid, is_limited=card.use_limit < before)


def _publish_unused(connection: Connection, card: Card, openid: str, *, is_limited: bool) -> None:
    """Tell the gates of a person's unused tickets of a card."""
    c = t.issued_code.c
    others = connection.execute(
        select(t.issued_code).where(
            c.appid == card.appid,
            c.openid == openid,
            c.card_id == card.card_id,
            c.redeemed_s == 0,
            c.state.in_(sorted(OPEN)),
        )
    ).all()
    rows = [ticket_row(issued_code_of(row), is_limited=is_limited) for row in others]
    publish(connection, card.event, rows=rows)


def free_codes(connection: Connection, card: Card, count: int) -> list[str]:
    """So many new codes that nothing in the event or the account has."""
    found: list[str] = []
    while len(found) < count:
        made = {made_code() for _n in range(count - len(found))} - set(found)
        found += sorted(made - taken(connection, card, made))
    return found


CODE_LETTERS = "CDFHJKNPRTVX"
CODE_SIGNS = f"{CODE_LETTERS}23456789"
CODE_LENGTH = 20


def made_code() -> str:
    """A code that nobody can guess: 85 random bits in the 20 signs that the card API allows.

    Whoever steals a gate has the key by which codes are hashed, and can try texts for the codes of
    all tickets at once (``benchmarks/bench_guess.py``). The letters are where they are on all Latin
    keyboards but the Turkish F, make no words, and look like no digit; the first sign is one, so
    that no spreadsheet takes a code for a number.
    """
    rest = "".join(secrets.choice(CODE_SIGNS) for _n in range(CODE_LENGTH - 1))
    return secrets.choice(CODE_LETTERS) + rest


def taken(connection: Connection, card: Card, codes: Iterable[str]) -> set[str]:
    """Which of the codes belong to any ticket of the account or of the card's event."""
    wanted = sorted(set(codes))
    found: set[str] = set()
    hashes = ticket_store.hashes_of(connection, card.event, wanted)
    for some in in_parts(wanted):
        held = {"appid": card.appid, "codes": some}
        found |= set(connection.execute(_HELD_OF, held).scalars())
        by_hash = {hashes[one]: one for one in some}
        known = {"event": card.event, "hashes": list(by_hash)}
        found |= {by_hash[bytes(one)] for one in connection.execute(_KNOWN_OF, known).scalars()}
    return found


_HELD_OF = select(t.issued_code.c.code).where(
    t.issued_code.c.appid == bindparam("appid"),
    t.issued_code.c.code.in_(bindparam("codes", expanding=True)),
)
_KNOWN_OF = select(central.code.c.hash).where(
    central.code.c.event == bindparam("event"),
    central.code.c.hash.in_(bindparam("hashes", expanding=True)),
)
