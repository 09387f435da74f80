"""What gates redeem becomes known here: the journal is followed, each entry once, in its order.

How far an event was followed is kept in the transaction that draws the consequences, so that each
is drawn exactly once, whichever server does it and whenever it dies.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, func, insert, select, update

from gate.core import entry_codec
from gate.core.entry import FACTS, Act, Entry
from gate.core.history import History, fold
from gate.core.irregular import Judged
from sync.cardapi import accounts, webhook_outbox
from sync.cardapi import tables as t
from sync.cardapi.accounts import Account
from sync.cardapi.card import Card
from sync.cardapi.codes import API
from sync.cardapi.issued_codes import cards_of, issued_code_of, set_redeemed
from sync.cardapi.projection import DEAD, IssuedCode
from sync.server import conflicts, journals
from sync.server import tables as central
from sync.server.prepared import in_parts

PAGE = 100
"""Entries in one transaction: gates that push meanwhile wait for it."""
_ACTS = (Act.ADMISSION.value, Act.ANNULMENT.value)


def behind(connection: Connection) -> list[str]:
    """Events with cards that have entries which nobody has followed yet."""
    s, f = central.stream.c, t.followed.c
    query = (
        select(s.event)
        .join_from(central.stream, t.followed, f.event == s.event, isouter=True)
        .where(s.entries > func.coalesce(f.number, 0))
        .where(select(t.card.c.card_id).where(t.card.c.event == s.event).exists())
    )
    return list(connection.execute(query).scalars())


def follow(connection: Connection, event: str, now_ms: int) -> int:
    """Draw the consequences of an event's next entries; the answer is how many there were."""
    journals.lock(connection, event)
    after = connection.execute(
        select(t.followed.c.number).where(t.followed.c.event == event)
    ).scalar()
    e = central.entry.c
    rows = connection.execute(
        select(e.number, e.body)
        .where(e.event == event, e.number > (after or 0), e.act.in_(_ACTS))
        .order_by(e.number)
        .limit(PAGE)
    ).all()
    upto = rows[-1].number if len(rows) == PAGE else journals.newest_number(connection, event)
    _draw(connection, event, [entry_codec.decode(row.body) for row in rows], now_ms)
    if after is None:
        connection.execute(insert(t.followed).values(event=event, number=upto))
    else:
        where = t.followed.c.event == event
        connection.execute(update(t.followed).where(where).values(number=upto))
    return len(rows)


def _draw(connection: Connection, event: str, new: list[Entry], now_ms: int) -> None:
    held = _held(connection, {entry.ticket for entry in new})
    if not held:
        return
    cards = cards_of(connection, {issued.card_id for issued in held.values()})
    known = {appid: accounts.find(connection, appid) for appid in {c.appid for c in cards.values()}}
    facts = _facts(connection, event, held)
    by_ticket: dict[str, list[Entry]] = defaultdict(list)
    for entry in new:
        by_ticket[entry.ticket].append(entry)
    voided = _voided(connection, event, held)
    for ticket, issued in held.items():
        card = cards[issued.card_id]
        account = known[card.appid]
        history = fold(facts[ticket])
        _settle(connection, card, issued, history)
        if account is not None:
            due = _next_to_put(connection, issued, by_ticket[ticket], facts[ticket], history)
            if due is not None:
                _put_event(connection, account, issued, due, now_ms)
            if ticket in voided:
                strange = conflicts.irregular_of(connection, event, ticket, facts[ticket])
                names = {entry.name for entry in by_ticket[ticket]}
                for one in strange.admissions if strange else ():
                    if one.entry.name in names:
                        _put_irregular(connection, account, issued, one, now_ms)


def look_again(connection: Connection, event: str, tickets: Iterable[str]) -> None:
    """Draw again whether tickets are redeemed: what somebody did on them counts no more, or again.

    What a callback was told cannot be taken back.
    """
    held = _held(connection, tickets)
    cards = cards_of(connection, {issued.card_id for issued in held.values()})
    facts = _facts(connection, event, held)
    for ticket, issued in held.items():
        _settle(connection, cards[issued.card_id], issued, fold(facts[ticket]))


def _voided(connection: Connection, event: str, tickets: Iterable[str]) -> set[str]:
    c = central.voided.c
    found: set[str] = set()
    for some in in_parts(sorted(tickets)):
        query = select(c.ticket).where(c.event == event, c.ticket.in_(some))
        found |= set(connection.execute(query).scalars())
    return found


def _held(connection: Connection, tickets: Iterable[str]) -> dict[str, IssuedCode]:
    c = t.issued_code.c
    found = {}
    for some in in_parts(sorted(tickets)):
        query = select(t.issued_code).where(c.ticket.in_(some), c.state.not_in(DEAD))
        for row in connection.execute(query):
            found[row.ticket] = issued_code_of(row)
    return found


def _facts(connection: Connection, event: str, tickets: Iterable[str]) -> Mapping[str, list[Entry]]:
    e = central.entry.c
    found: dict[str, list[Entry]] = defaultdict(list)
    for some in in_parts(sorted(tickets)):
        query = select(e.body).where(
            e.event == event,
            e.ticket.in_(some),
            e.act.in_([act.value for act in FACTS]),
            central.COUNTS,
        )
        for body in connection.execute(query).scalars():
            fact = entry_codec.decode(body)
            found[fact.ticket].append(fact)
    return found


def _settle(connection: Connection, card: Card, issued: IssuedCode, history: History) -> None:
    at_s = 0
    if history.used and history.first is not None:
        at_s = history.first.at_ms // 1000
        webhook_outbox.forget_reminder(connection, issued.ticket)
    if bool(at_s) != bool(issued.redeemed_s):
        set_redeemed(connection, card, issued, at_s)


def _next_to_put(
    connection: Connection,
    issued: IssuedCode,
    new: list[Entry],
    facts: list[Entry],
    history: History,
) -> Entry | None:
    """The admission that the account is to hear of now: the first that stands, and that once.

    One that was undone before it was told is forgotten, and then the next that stands is told. What
    the account did itself it always hears of, as its own.
    """
    undone = [entry.target for entry in new if entry.act is Act.ANNULMENT]
    was_waiting = bool(undone) and webhook_outbox.take_back(connection, undone)
    by_api = [entry for entry in new if entry.act is Act.ADMISSION and entry.source == API]
    if by_api:
        return by_api[0]
    first = history.first
    if first is None or not history.used:
        return None
    entry = next(f for f in facts if (f.origin, f.seq) == (first.origin, first.seq))
    is_new = any(one.name == entry.name for one in new)
    return entry if was_waiting or (is_new and not issued.redeemed_s) else None


def _put_event(
    connection: Connection,
    account: Account,
    issued: IssuedCode,
    entry: Entry,
    now_ms: int,
) -> None:
    is_ours = entry.source == API
    webhook_outbox.put(
        connection, account, "user_consume_card", card_id=issued.card_id, line=issued.ticket,
        openid=issued.openid, now_ms=now_ms,
        # A gate may take its redemption back; the API never does.
        due_ms=now_ms if is_ours else now_ms + account.grace_s * 1000,
        created_s=entry.at_ms // 1000, entry=entry.name, UserCardCode=issued.code,
        ConsumeSource="FROM_API" if is_ours else "FROM_MOBILE_HELPER",
        LocationName="" if is_ours else entry.gate, OuterStr=entry.note if is_ours else "",
    )  # fmt: skip


def _put_irregular(
    connection: Connection, account: Account, issued: IssuedCode, one: Judged, now_ms: int
) -> None:
    entry = one.entry
    webhook_outbox.put(
        connection, account, webhook_outbox.IRREGULAR, card_id=issued.card_id, line=issued.ticket,
        openid=issued.openid, now_ms=now_ms, due_ms=now_ms + account.grace_s * 1000,
        created_s=entry.at_ms // 1000, entry=entry.name, UserCardCode=issued.code,
        Kind=one.kind.value, LocationName=entry.gate, VoidTime=one.void.at_ms // 1000,
    )  # fmt: skip
