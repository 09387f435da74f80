"""What the ticket system holds of a person: found, told, and taken away.

Every function works in the transaction it is handed, its event locked where it writes.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, or_, select, tuple_, update

from gate.credential import code_hash
from sync.cardapi import accounts
from sync.cardapi import tables as t
from sync.cardapi.projection import MOVED, State
from sync.cardapi.webhook_outbox import CHANNEL, reminder_line
from sync.server import events
from sync.server import tables as central
from sync.server.part import Key, PersonalData, Subject
from sync.server.prepared import in_parts
from sync.server.tables import outbox

_GONE: Final = "erased-"
_PEOPLE: Final = (
    *((t.issued_code, column) for column in ("openid", "claimed_by", "friend")),
    (t.card_view, "openid"),
)
_LIKE: Final = 50
"""Texts looked for in one query."""
_decode = msgspec.json.Decoder().decode
PAGE: Final = 2000


def by_code(connection: Connection, event: str, code: str) -> Subject:
    """Whose code that is, or was."""
    query = _of_event(event, t.issued_code.c.ticket).where(t.issued_code.c.code == code)
    return Subject(frozenset(connection.execute(query).scalars()))


def by_order(connection: Connection, event: str, order_id: str) -> Subject:
    """What was ordered so."""
    query = select(t.card_order).where(t.card_order.c.order_id == order_id)
    found: set[str] = set()
    for row in connection.execute(query).all():
        for card_id, code in _decode(row.codes):
            of = _of_event(event, t.issued_code.c.ticket)
            of = of.where(t.issued_code.c.card_id == card_id, t.issued_code.c.code == code)
            found.update(connection.execute(of).scalars())
    return Subject(frozenset(found))


def by_openid(connection: Connection, event: str, openid: str) -> Subject:
    """Everything of a person; what was given on is the friend's ticket now."""
    h = t.issued_code.c
    query = _of_event(event, h.ticket).where(h.openid == openid, h.state.not_in(MOVED))
    found = Subject(frozenset(connection.execute(query).scalars()), frozenset([openid]))
    return found if any(held(connection, event, found).values()) else Subject()


def people(connection: Connection, event: str) -> Iterator[str]:
    """Every id by which the event's cards know a person, some more than once."""
    cards = select(t.card.c.card_id).where(t.card.c.event == event)
    for table, name in _PEOPLE:
        query = select(table.c[name]).distinct().where(table.c.card_id.in_(cards))
        yield from connection.execute(query).scalars()
    orders = select(t.card_order.c.openid).distinct()
    orders = orders.where(t.card_order.c.appid.in_(_apps(event)))
    yield from connection.execute(orders).scalars()


class _Held:
    """The rows of every table in which an event has something of a person."""

    def __init__(self, connection: Connection, event: str, subject: Subject) -> None:
        self._connection = connection
        self._event = event
        self._subject = subject
        self.codes = self._issued_codes()
        self.texts = self._texts()
        """By what other tables name them: their codes and their ids."""

    def _issued_codes(self) -> list[Row[Any]]:
        h = t.issued_code.c
        wheres: list[ColumnElement[bool]] = [
            h.ticket.in_(some) for some in in_parts(sorted(self._subject.tickets))
        ]
        wheres += [
            or_(h.openid.in_(some), h.claimed_by.in_(some), h.friend.in_(some))
            for some in in_parts(sorted(self._subject.openids))
        ]
        found: dict[tuple[str, str], Row[Any]] = {}
        for where in wheres:
            for row in self._connection.execute(_of_event(self._event, *h).where(where)):
                found[row.card_id, row.code] = row
        return list(found.values())

    def _texts(self) -> set[str]:
        tickets, openids = self._subject.tickets, self._subject.openids
        codes = {row.code for row in self.codes if row.ticket in tickets or row.openid in openids}
        return {text for text in codes | openids if not _is_gone(text)}

    def orders(self, table: Any) -> list[Row[Any]]:
        """Orders or refunds, by whichever table."""
        found: dict[tuple[Any, ...], Row[Any]] = {}
        for row in self._naming(table, table.c.codes):
            found[tuple(row[:2])] = row
        if "openid" in table.c:
            query = select(table).where(table.c.appid.in_(_apps(self._event)))
            for row in self._among(query, table.c.openid, self.texts):
                found[tuple(row[:2])] = row
        return list(found.values())

    def offers(self) -> list[Row[Any]]:
        """Codes that offer a card to them."""
        named = self._naming(t.offer, t.offer.c.body)
        return list({row.ticket: row for row in named}.values())

    def notices(self) -> list[Row[Any]]:
        """Events about them that the callback does not have yet."""
        lines = [line for one in self._subject.tickets for line in (one, reminder_line(one))]
        found = {row.id: row for row in self._among(select(outbox), outbox.c.line, lines)}
        named = self._naming(outbox, outbox.c.body, outbox.c.recipient)
        found |= {row.id: row for row in named}
        return list(found.values())

    def views(self) -> list[Row[Any]]:
        """The days on which they looked at a card."""
        cards = select(t.card.c.card_id).where(t.card.c.event == self._event)
        query = select(t.card_view).where(t.card_view.c.card_id.in_(cards))
        return list(self._among(query, t.card_view.c.openid, self._subject.openids))

    def testers(self) -> list[Row[Any]]:
        """The accounts that they try cards for."""
        query = select(t.tester).where(t.tester.c.appid.in_(_apps(self._event)))
        return list(self._among(query, t.tester.c.openid, self._subject.openids))

    def _among(self, query: Any, column: Any, texts: Iterable[str]) -> Iterator[Row[Any]]:
        """The query's rows in which the column is one of the texts."""
        for some in in_parts(sorted(texts)):
            yield from self._connection.execute(query.where(column.in_(some))).all()

    def _naming(self, table: Any, column: Any, appid: Any = None) -> Iterator[Row[Any]]:
        """Rows of the event's accounts in whose JSON a text of theirs is a string of its own."""
        appid = table.c.appid if appid is None else appid
        quoted = [msgspec.json.encode(text).decode() for text in sorted(self.texts)]
        for some in in_parts(quoted, _LIKE):
            wanted: list[ColumnElement[bool]] = [
                column.contains(text, autoescape=True) for text in some
            ]
            where = (appid.in_(_apps(self._event)), or_(*wanted))
            yield from self._connection.execute(select(table).where(*where)).all()


def held(connection: Connection, event: str, subject: Subject) -> dict[str, Any]:
    """Everything there is of them, as the tables have it."""
    of_person = _Held(connection, event, subject)
    kinds = {
        "issued_codes": of_person.codes,
        "orders": of_person.orders(t.card_order),
        "refunds": of_person.orders(t.card_refund),
        "notices": of_person.notices(),
        "offers": of_person.offers(),
        "views": of_person.views(),
        "tester": of_person.testers(),
    }
    return {kind: [_plain(row) for row in rows] for kind, rows in kinds.items()}


def erase(connection: Connection, event: str, subject: Subject) -> int:
    """Take it all away but for what is counted; the answer is how many codes that were."""
    of_person = _Held(connection, event, subject)
    known: dict[str, str] = {}

    def alias_of(openid: str) -> str:
        return known.setdefault(openid, _alias())

    for table in (t.card_order, t.card_refund):
        for row in of_person.orders(table):
            _put(connection, table, row, _without(row, of_person.texts, subject))
    for row in of_person.notices():
        connection.execute(delete(outbox).where(outbox.c.id == row.id))
    for row in of_person.offers():
        connection.execute(delete(t.offer).where(t.offer.c.ticket == row.ticket))
    for row in of_person.views():
        _put(connection, t.card_view, row, {"openid": alias_of(row.openid)})
    for row in of_person.testers():
        where = (t.tester.c.appid == row.appid, t.tester.c.openid == row.openid)
        connection.execute(delete(t.tester).where(*where))
    for row in of_person.codes:
        _put(connection, t.issued_code, row, _bare(row, subject, alias_of))
    return len(of_person.codes)


def drop_codes(connection: Connection, event: str, after: Key) -> Key:
    """Erase the next codes, and who had them, of an event that is over."""
    h = t.issued_code.c
    rows = _next(connection, _of_event(event, *h), (h.card_id, h.code), after)
    everyone = Subject(frozenset(row.ticket for row in rows))
    alias_of = _keyed(connection, event)
    for row in rows:
        if not _is_gone(row.code):
            _put(connection, t.issued_code, row, _bare(row, everyone, alias_of))
    return (rows[-1].card_id, rows[-1].code) if rows else None


def drop_orders(connection: Connection, event: str, after: Key) -> Key:
    """Take the event's codes out of the next orders."""
    return _drop_orders(connection, event, t.card_order, after)


def drop_refunds(connection: Connection, event: str, after: Key) -> Key:
    """And out of the next refunds."""
    return _drop_orders(connection, event, t.card_refund, after)


def _drop_orders(connection: Connection, event: str, table: Any, after: Key) -> Key:
    appid, id_ = list(table.c)[:2]
    query = select(table).where(appid.in_(_apps(event)))
    rows = _next(connection, query, (appid, id_), after)
    cards = _cards(connection, event)
    for row in rows:
        codes = {code for card_id, code in _decode(row.codes) if card_id in cards}
        if codes or not _decode(row.codes):
            _put(connection, table, row, _without(row, codes, Subject()))
    return tuple(rows[-1])[:2] if rows else None


def drop_notices(connection: Connection, event: str, after: Key) -> Key:
    """Forget what nobody was told yet of the event's codes."""
    n = outbox.c
    query = select(outbox).where(n.channel == CHANNEL, n.recipient.in_(_apps(event)))
    rows = _next(connection, query, (n.id,), after)
    cards = _cards(connection, event)
    for row in rows:
        if _decode(row.body)["card_id"] in cards:
            connection.execute(delete(outbox).where(n.id == row.id))
    return (rows[-1].id,) if rows else None


def drop_offers(connection: Connection, event: str, after: Key) -> Key:
    """Forget the offers of the event's cards."""
    o = t.offer.c
    rows = _next(connection, select(t.offer).where(o.appid.in_(_apps(event))), (o.ticket,), after)
    cards = _cards(connection, event)
    for row in rows:
        if any(one["card_id"] in cards for one in _decode(row.body)):
            connection.execute(delete(t.offer).where(o.ticket == row.ticket))
    return (rows[-1].ticket,) if rows else None


def drop_views(connection: Connection, event: str, after: Key) -> Key:
    """Of who looked at a card only how many they were."""
    v = t.card_view.c
    query = select(t.card_view).where(v.card_id.in_(_cards(connection, event)))
    rows = _next(connection, query, (v.card_id, v.day, v.openid), after)
    alias_of = _keyed(connection, event)
    for row in rows:
        if not _is_gone(row.openid):
            _put(connection, t.card_view, row, {"openid": alias_of(row.openid)})
    return (rows[-1].card_id, rows[-1].day, rows[-1].openid) if rows else None


def drop_testers(connection: Connection, event: str, after: Key) -> Key:  # noqa: ARG001
    """And who tried cards of accounts whose events are all over."""
    e = central.event.c
    over = set(connection.execute(select(e.id).where(e.dropped_ms > 0)).scalars())
    for account in accounts.every(connection):
        its_own = {account.event, *account.events}
        if event in its_own and its_own <= over:
            where = t.tester.c.appid == account.appid
            connection.execute(delete(t.tester).where(where))
    return None


DROPS: Final = (
    drop_codes, drop_orders, drop_refunds, drop_notices, drop_offers, drop_views, drop_testers
)  # fmt: skip
PERSONAL: Final = PersonalData(
    finders={"code": by_code, "order": by_order, "openid": by_openid},
    people=people,
    held=held,
    erase=erase,
    drops=DROPS,
)


def _next(connection: Connection, query: Any, key: Sequence[Any], after: Key) -> list[Row[Any]]:
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*after))
    return list(connection.execute(query.order_by(*key).limit(PAGE)).all())


def _cards(connection: Connection, event: str) -> set[str]:
    return set(
        connection.execute(select(t.card.c.card_id).where(t.card.c.event == event)).scalars()
    )


def _keyed(connection: Connection, event: str) -> Callable[[str], str]:
    """One name for all that is one person's; with the event's key goes what could prove a guess."""
    key = events.key_of(connection, event)
    return lambda openid: f"{_GONE}{code_hash(key, openid).hex()[:16]}"


def _bare(row: Row[Any], subject: Subject, alias_of: Callable[[str], str]) -> dict[str, str]:
    """How a code is kept without the person; one who only gave or got it is taken out of it."""

    def renamed(openid: str) -> str:
        return alias_of(openid) if openid and not _is_gone(openid) else openid

    if row.ticket in subject.tickets or row.openid in subject.openids:
        return {
            "code": row.code if _is_gone(row.code) else _alias(),
            "openid": renamed(row.openid),
            "claimed_by": renamed(row.claimed_by),
            "state": row.state if row.state in MOVED else State.ERASED.value,
            "outer_str": "",
            "friend": "",
            "note": "",
            "said": "{}",
        }
    is_claimer = row.claimed_by in subject.openids
    return {
        "claimed_by": renamed(row.claimed_by) if is_claimer else row.claimed_by,
        "friend": "" if row.friend in subject.openids else row.friend,
    }


def _without(row: Row[Any], texts: Collection[str], subject: Subject) -> dict[str, str]:
    """An order or refund without the codes; one without any is nobody's."""
    left = [[card_id, code] for card_id, code in _decode(row.codes) if code not in texts]
    # By its digest a guess at what was asked could be proved.
    bare = {"codes": msgspec.json.encode(left).decode(), "digest": ""}
    if hasattr(row, "openid") and (not left or row.openid in subject.openids):
        bare["openid"] = ""
    return bare


def _apps(event: str) -> Any:
    """The accounts that have cards of the event, or are the event's."""
    return (
        select(t.card.c.appid)
        .where(t.card.c.event == event)
        .union(select(t.account.c.appid).where(t.account.c.event == event))
    )


def _of_event(event: str, *columns: Any) -> Any:
    joined = select(*columns).join_from(
        t.issued_code, t.card, t.card.c.card_id == t.issued_code.c.card_id
    )
    return joined.where(t.card.c.event == event)


def _put(connection: Connection, table: Any, row: Row[Any], values: Mapping[str, str]) -> None:
    where = [column == getattr(row, column.name) for column in table.primary_key.columns]
    connection.execute(update(table).where(*where).values(**values))


def _plain(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001  its documented name


def _alias() -> str:
    return f"{_GONE}{secrets.token_hex(8)}"


def _is_gone(text: str) -> bool:
    return text.startswith(_GONE)
