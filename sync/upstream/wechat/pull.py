"""What WeChat says of an event's cards and codes, page by page: pushes first, then what is asked.

WeChat lists no codes. They become known by pushes; by the persons that hold them
(``user/getcardlist``), where their openids are known; and one by one. What was missed while nobody
listened is read anew, person by person and code by code, and so is everything once a day.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, select

from gate.clock import read_wall_ms
from sync.server.issuing import Issue
from sync.server.server import Server
from sync.upstream import left_out, links
from sync.upstream.links import Link
from sync.upstream.seam import AwayError, Page
from sync.upstream.wechat import accounts, codes, inbox, mapping
from sync.upstream.wechat import tables as t
from sync.upstream.wechat.client import WeChatClient, errcode_of
from sync.upstream.wechat.errcodes import Meaning, meaning_of
from sync.upstream.wechat.mapping import Code, State

BUSY_S, QUIET_S = 15.0, 60.0
"""How often it is looked whether anything was missed; pushes wake the link at once."""
GAP_MS: Final = 180_000
"""If nobody listened for longer, everything that is known is read anew."""
COMPARE_EVERY_MS: Final = 24 * 3_600_000
CARDS_MS: Final = 5 * 60_000
AT_ONCE: Final = 10
"""Calls for one page."""
MOST: Final = 200
"""Codes of one page, and pushes that are looked through at once."""
PATIENCE_MS: Final = 30_000
"""So long a gift waits for the push that made its giver's code known."""
_LISTED: Final = 50
Cards = dict[str, Mapping[str, Any]]


class Target(msgspec.Struct, frozen=True):
    """Which part of an account an event is."""

    cards: list[str] = []
    """Empty: all cards that are no other event's."""
    grace_s: int = 120
    """So long an admission waits for an undo before WeChat is told."""


class Cursor(msgspec.Struct, frozen=True):
    """How far an account was read."""

    alive_ms: int = 0
    """When somebody last listened."""
    begun_ms: int = 0
    """When everything was last begun to be read anew."""
    read: int = 0
    """How many persons and codes were read since."""


@dataclass(slots=True)
class _Known:
    """An event's cards, and when they were fetched."""

    cards: Cards
    at_ms: int
    is_stated: bool = False
    others: set[str] = field(default_factory=set)
    """Cards that are no tickets."""


class WeChatPull:
    """Reads all linked events."""

    def __init__(self, server: Server, client: WeChatClient) -> None:
        self._server = server
        self._client = client
        self._known: dict[str, _Known] = {}

    async def next_page(self, link: Link, *, is_busy: bool) -> Page:
        """The next of what there is to state. Raises AwayError, StoppedError."""
        now_ms = read_wall_ms()
        cursor = msgspec.convert(dict(link.cursor), Cursor)
        known = await self._cards(link)
        is_held_back = await self._take_pushes(link, known)
        cursor = await self._begin(link, cursor, now_ms)
        read = cursor.read
        rows = await self._server.read(_unstated, link.event)
        left = await self._server.read(_left, link.event)
        if not rows and left:
            cursor = await self._read_some(link, cursor)
            rows = await self._server.read(_unstated, link.event)
            left = await self._server.read(_left, link.event)
        is_over = not left and len(rows) < MOST
        types = [] if known.is_stated else _types(known.cards)
        if types:
            # With its card as it is now a ticket that was left out may be taken in.
            rows += await self._server.read(_left_out, link.event)
        known.is_stated = True
        again_s = BUSY_S if is_busy else QUIET_S
        was_heard = known.at_ms >= now_ms or cursor.read > read
        found = [code for code, _old in rows]
        return Page(
            msgspec.to_builtins(msgspec.structs.replace(cursor, alive_ms=now_ms)),
            again_s=(5.0 if is_held_back else again_s) if is_over else 0.0,
            was_heard=was_heard,
            issue=Issue(
                types=types,
                tickets=[mapping.ticket_row(code, old) for code, old in rows],
                is_exact=True,
            ),
            movements=[one for code in found for one in mapping.movements(code)],
            is_complete=is_over,
            done=cursor.read,
            total=cursor.read + left,
            keep=partial(_keep, link=link, found=found, since_ms=now_ms),
        )

    async def _cards(self, link: Link) -> _Known:
        known = self._known.get(link.event)
        if known is not None and read_wall_ms() - known.at_ms < CARDS_MS:
            return known
        try:
            found = await cards_of(self._client, link.account, await self._ids(link))
        except AwayError:
            if known is None:
                raise
            # Pushes are taken in all the same.
            return known
        self._known[link.event] = _Known(found, read_wall_ms())
        return self._known[link.event]

    async def _meet(self, link: Link, known: _Known, ids: Iterable[str]) -> None:
        """Get to know cards that were made since; of an event that has all the others' cards."""
        new = sorted(set(ids) - known.cards.keys() - known.others)
        if not new or target_of(link).cards:
            return
        found = await cards_of(self._client, link.account, new)
        known.others |= set(new) - found.keys()
        known.cards |= found
        known.is_stated = known.is_stated and not found
        if found:
            # What was stated of them had no type.
            await self._server.write(partial(codes.unstate, event=link.event, cards=list(found)))

    async def _ids(self, link: Link) -> list[str]:
        """The cards of an event: those that it names, or all that nobody else does."""
        if mine := target_of(link).cards:
            return mine
        every = await self._server.read(inbox.of_account_links, link.account)
        taken = {card for one in every for card in target_of(one).cards}
        return [one for one in await all_cards(self._client, link.account) if one not in taken]

    async def _take_pushes(self, link: Link, known: _Known) -> bool:
        """Draw what follows from pushes; whether one is held back for another to come."""
        waiting = await self._server.read(inbox.waiting, link.account, MOST)
        if not waiting:
            return False
        every = await self._server.read(inbox.of_account_links, link.account)
        named = {card: one.event for one in every for card in target_of(one).cards}
        others = {card for card in named if named[card] != link.event}
        others |= {one.push.card_id for one in waiting if _has_rest(every, link, one, named)}
        mine = [one for one in waiting if one.push.card_id not in others]
        await self._meet(link, known, (one.push.card_id for one in mine))
        job = partial(_take, link=link, waiting=mine, cards=known.cards, now_ms=read_wall_ms())
        return await self._server.write(job)

    async def _begin(self, link: Link, cursor: Cursor, now_ms: int) -> Cursor:
        """Read anew what is known, after nobody listened for a while, or once a day."""
        is_gap = bool(cursor.alive_ms) and now_ms - cursor.alive_ms > GAP_MS
        if not is_gap and now_ms - cursor.begun_ms < COMPARE_EVERY_MS:
            return cursor
        await self._server.write(partial(_read_anew, event=link.event))
        return msgspec.structs.replace(cursor, begun_ms=now_ms, read=0)

    async def _read_some(self, link: Link, cursor: Cursor) -> Cursor:
        for row in await self._server.read(_readings, link.event):
            if row.kind == "openid":
                await self._person(link, row.name)
            else:
                await self.look(link, row.card_id, row.name)
            await self._server.write(partial(_read, event=link.event, row=row))
            cursor = msgspec.structs.replace(cursor, read=cursor.read + 1)
        return cursor

    async def _person(self, link: Link, openid: str) -> None:
        """Have the codes read that a person holds, but of cards that are another event's."""
        every = await self._server.read(inbox.of_account_links, link.account)
        mine = set(target_of(link).cards)
        others = {card for one in every for card in target_of(one).cards} - mine
        answer = await self._client.call(link.account, "/card/user/getcardlist", {"openid": openid})
        held = answer.get("card_list") or [] if errcode_of(answer) == 0 else []
        names = [
            (str(one["code"]), str(one["card_id"]))
            for one in held
            if isinstance(one, dict) and one.get("code") and one.get("card_id") not in others
        ]
        await self._server.write(
            lambda c: accounts.ask_for(c, link.event, "code", names) if names else None
        )

    async def look(self, link: Link, card_id: str, code: str) -> str:
        """Ask how a code stands, and draw what follows; the answer is its status, empty: unknown.

        Raises AwayError, StoppedError.
        """
        stated = {"code": code, "check_consume": False} | ({"card_id": card_id} if card_id else {})
        answer = await self._client.call(link.account, "/card/code/get", stated)
        if meaning_of(errcode_of(answer)) is Meaning.DONE:
            of_card = answer.get("card") or {}
            found = card_id or str(of_card.get("card_id", ""))
            known = await self._cards(link)
            await self._meet(link, known, [found])
            job = partial(_looked, link=link, code=(found, code), answer=answer, known=known.cards)
            await self._server.write(job)
            status = answer.get("user_card_status") or of_card.get("user_card_status")
            return str(status or "")
        await self._server.write(partial(_lost, link=link, card_id=card_id, code=code))
        return ""


async def all_cards(client: WeChatClient, appid: str) -> list[str]:
    """The ids of an account's cards. Raises AwayError, StoppedError."""
    found: list[str] = []
    while True:
        asked = {"offset": len(found), "count": _LISTED}
        answer = await client.call(appid, "/card/batchget", asked)
        some = [str(one) for one in answer.get("card_id_list") or ()]
        found += some
        if len(some) < _LISTED:
            return found


async def cards_of(client: WeChatClient, appid: str, ids: Sequence[str]) -> Cards:
    """Those of some cards that are tickets and that there are. Raises AwayError, StoppedError."""
    found: Cards = {}
    for card_id in ids:
        answer = await client.call(appid, "/card/get", {"card_id": card_id})
        card = mapping.card_of(answer) if errcode_of(answer) == 0 else None
        if card is not None:
            found[card_id] = card
    return found


def target_of(link: Link) -> Target:
    """Which part of its account a link is about."""
    return msgspec.convert(dict(link.target), Target)


def _has_rest(
    every: Sequence[Link], link: Link, one: inbox.Waiting, named: Mapping[str, str]
) -> bool:
    """Whether a push is about a card that nobody names, and another event has all those."""
    rest = [other.event for other in every if not target_of(other).cards]
    return one.push.card_id not in named and bool(rest) and link.event not in rest


def _types(cards: Cards) -> list[dict[str, Any]]:
    return [mapping.type_row(card_id, card) for card_id, card in sorted(cards.items())]


def _unstated(connection: Connection, event: str) -> list[tuple[Code, list[str]]]:
    return [
        (one, codes.old_codes(connection, event, one.ticket, one.code))
        for one in codes.unstated(connection, event, MOST)
    ]


def _left_out(connection: Connection, event: str) -> list[tuple[Code, list[str]]]:
    """Codes that are stated, and that the gates could not be given."""
    found = [
        codes.of_ticket(connection, event, one.ticket)
        for one in left_out.some(connection, event, MOST)
    ]
    return [
        (one, codes.old_codes(connection, event, one.ticket, one.code))
        for one in found
        if one is not None and one.is_stated
    ]


def _left(connection: Connection, event: str) -> int:
    """How many persons and codes are still to be read."""
    query = select(func.count()).select_from(t.reading).where(t.reading.c.event == event)
    return int(connection.execute(query).scalar_one())


def _readings(connection: Connection, event: str) -> Sequence[Any]:
    """The next that are to be read: persons first, for they have codes."""
    c = t.reading.c
    query = select(t.reading).where(c.event == event)
    return connection.execute(query.order_by(c.kind.desc(), c.name).limit(AT_ONCE)).all()


def _read(connection: Connection, event: str, row: Any) -> None:
    c = t.reading.c
    where = (c.event == event, c.kind == row.kind, c.name == row.name, c.card_id == row.card_id)
    connection.execute(delete(t.reading).where(*where))


def _read_anew(connection: Connection, event: str) -> None:
    """Have everybody and everything read that may stand otherwise than is known."""
    c = t.code.c
    persons = connection.execute(
        select(c.openid).where(c.event == event, c.openid != "").distinct()
    ).scalars()
    accounts.ask_for(connection, event, "openid", [(one, "") for one in persons])
    live = (State.HELD.value, State.GIFTING.value)
    query = select(c.code, c.card_id).where(
        c.event == event, c.next_code == "", c.ours == "", c.theirs == "", c.state.in_(live)
    )
    accounts.ask_for(
        connection, event, "code", [(row[0], row[1]) for row in connection.execute(query)]
    )


def _take(
    connection: Connection,
    link: Link,
    waiting: Sequence[inbox.Waiting],
    cards: Cards,
    now_ms: int,
) -> bool:
    links.lock(connection, link.event)
    account = accounts.find(connection, link.account)
    is_held_back, mine = False, target_of(link).cards
    for one in waiting if account is not None else ():
        assert account is not None
        is_young = now_ms - one.received_ms < PATIENCE_MS
        if is_young and codes.needs_other(connection, account, one.push):
            is_held_back = True
            continue
        if one.push.code and (one.push.card_id in cards or one.push.card_id in mine):
            codes.take_push(connection, account, link.event, one.push)
        inbox.done(connection, link.account, one.digest)
    return is_held_back


def _looked(
    connection: Connection,
    link: Link,
    code: tuple[str, str],
    answer: Mapping[str, Any],
    known: Cards,
) -> None:
    links.lock(connection, link.event)
    account = accounts.find(connection, link.account)
    if account is not None and code[0] in known:
        row = mapping.type_row(code[0], known[code[0]])
        codes.take_look(
            connection, account, link.event, code, answer=answer, now_ms=read_wall_ms(),
            starts_after_days=int(row.get("term_starts_after_days", 0)),
        )  # fmt: skip


def _lost(connection: Connection, link: Link, card_id: str, code: str) -> None:
    links.lock(connection, link.event)
    known = codes.find(connection, link.account, card_id, code)
    if known is not None:
        codes.lose(connection, known, read_wall_ms())


def _keep(connection: Connection, link: Link, found: Sequence[Code], since_ms: int) -> None:
    """The gates have the page; what came meanwhile is looked at next."""
    codes.state(connection, found)
    is_more = inbox.is_waiting(connection, link.account, since_ms)
    if is_more or codes.unstated(connection, link.event, 1):
        links.wake(connection, link.event)
