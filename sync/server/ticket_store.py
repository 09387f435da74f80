"""Ticket types, tickets and their codes as the server keeps them.

Every function works in the transaction it is handed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, select

from gate.core.event_settings import EventSettings, type_as_stated
from gate.core.ticket import CodeState, Status, Ticket, TicketType
from gate.core.voids import MARK
from gate.credential import code_hash, parse
from gate.lists.guests import PREFIX
from gate.storage.ticket_rows import TicketBody, TypeTimes, times_of
from sync.server import tables as t
from sync.server.prepared import in_parts, put

_ticket = msgspec.json.Decoder(Ticket)
_type = msgspec.json.Decoder(TicketType)


def find_ticket(connection: Connection, event: str, ticket: str) -> Ticket | None:
    """A ticket as the gate's rules see it."""
    return find_tickets(connection, event, [ticket]).get(ticket)


def find_tickets(connection: Connection, event: str, ids: Sequence[str]) -> dict[str, Ticket]:
    """Those of some tickets that are there, as the gate's rules see them."""
    found: dict[str, Ticket] = {}
    stated = _settings(connection.execute(_SETTINGS, {"event": event}).scalar() or "{}")
    for some in in_parts(ids):
        rows = connection.execute(WITH_TYPE, {"event": event, "ids": some})
        for body, kind, type_id in rows:
            kind_as_stated = type_as_stated(kind.encode(), type_id, stated)
            ticket = _ticket.decode(b'{"type":' + kind_as_stated + b"," + body.encode()[1:])
            found[ticket.id] = ticket
    return found


def ticket_of(connection: Connection, event: str, body: str) -> Ticket | None:
    """The ticket of a row, kept or not; ``None`` where its type is not known."""
    kind = _type_body(connection, event, type_of(body))
    return None if kind is None else _ticket.decode(b'{"type":' + kind + b"," + body.encode()[1:])


def find_type(connection: Connection, event: str, type_id: str) -> TicketType | None:
    """A ticket type as the gate's rules see it."""
    kind = _type_body(connection, event, type_id)
    return None if kind is None else _type.decode(kind)


def _type_body(connection: Connection, event: str, type_id: str) -> bytes | None:
    c = t.ticket_type.c
    body = connection.execute(select(c.body).where(c.event == event, c.id == type_id)).scalar()
    stated = _settings(connection.execute(_SETTINGS, {"event": event}).scalar() or "{}")
    return None if body is None else type_as_stated(body.encode(), type_id, stated)


WITH_TYPE = (
    select(t.ticket.c.body, t.ticket_type.c.body, t.ticket_type.c.id)
    .join_from(
        t.ticket,
        t.ticket_type,
        (t.ticket_type.c.event == t.ticket.c.event) & (t.ticket_type.c.id == t.ticket.c.type_id),
    )
    .where(
        t.ticket.c.event == bindparam("event"),
        t.ticket.c.id.in_(bindparam("ids", expanding=True)),
    )
)
"""Bodies of tickets and of their types, and the types' ids: of some ``ids`` of an ``event``."""
_SETTINGS = select(t.event.c.settings).where(t.event.c.id == bindparam("event"))


@lru_cache(maxsize=8)
def _settings(kept: str) -> EventSettings:
    """What an event states: the same for one ticket after the other."""
    return msgspec.json.decode(kept, type=EventSettings)


def all_types(connection: Connection, event: str) -> list[tuple[str, str]]:
    """Every ticket type, id and body."""
    rows = connection.execute(
        select(t.ticket_type.c.id, t.ticket_type.c.body).where(t.ticket_type.c.event == event)
    )
    return [(row[0], row[1]) for row in rows]


def all_tickets(connection: Connection, event: str, page: int = 5000) -> Iterator[TicketBody]:
    """Every ticket with its codes, by id."""
    after = ""
    while True:
        rows = connection.execute(
            select(t.ticket.c.id, t.ticket.c.type_id, t.ticket.c.body)
            .where(t.ticket.c.event == event, t.ticket.c.id > after)
            .order_by(t.ticket.c.id)
            .limit(page)
        ).all()
        if not rows:
            return
        after = rows[-1][0]
        codes: dict[str, dict[bytes, CodeState]] = {row[0]: {} for row in rows}
        found = connection.execute(
            select(t.code.c.ticket, t.code.c.hash, t.code.c.state).where(
                t.code.c.event == event, t.code.c.ticket.between(rows[0][0], after)
            )
        )
        for ticket, hash_, state in found:
            codes[ticket][bytes(hash_)] = CodeState(state)
        for id_, type_id, body in rows:
            yield TicketBody(id_, type_id, body, codes[id_])


def guests_of(connection: Connection, event: str) -> list[tuple[str, str]]:
    """The tickets of guests without a code, id and name."""
    c = t.ticket.c
    rows = connection.execute(
        select(c.id, c.body).where(c.event == event, c.id.startswith(PREFIX, autoescape=True))
    )
    return [(row[0], name) for row in rows if (name := holder_of(row[1]))]


def holder_of(body: str) -> str:
    """The holder's name in a kept ticket."""
    return _named.decode(body).holder


class _Named(msgspec.Struct):
    holder: str = ""


_named = msgspec.json.Decoder(_Named)


def times_of_types(
    connection: Connection, event: str, types: Iterable[str]
) -> dict[str, TypeTimes]:
    """What is known of some types: cost must not grow with how many others there are."""
    return {id_: times_of(_type.decode(body)) for id_, body in types_of(connection, event, types)}


def types_of(connection: Connection, event: str, types: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Those of some ticket types that are there, id and body."""
    for some in in_parts(sorted(types)):
        found = connection.execute(_TYPES, {"event": event, "ids": some})
        yield from ((row[0], row[1]) for row in found)


def times_in(body: str) -> TypeTimes:
    """What a kept ticket type says of its tickets' times."""
    return times_of(_type.decode(body))


def title_of(body: str) -> str:
    """The title of a kept ticket type."""
    return _type.decode(body).title


def status_of(body: str) -> Status:
    """The status of a kept ticket."""
    return _stated.decode(body).status


class _Stated(msgspec.Struct):
    status: Status = Status.NORMAL


_stated = msgspec.json.Decoder(_Stated)


def zone_of(body: str) -> str:
    """The time zone of a kept ticket type."""
    return _type.decode(body).time_zone


_type = msgspec.json.Decoder(TicketType)
_TYPES = select(t.ticket_type.c.id, t.ticket_type.c.body).where(
    t.ticket_type.c.event == bindparam("event"),
    t.ticket_type.c.id.in_(bindparam("ids", expanding=True)),
)


def bodies_of(
    connection: Connection, event: str, stated: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Those of the tickets that rows name by ``id`` that are there, as they are kept."""
    bodies: dict[str, str] = {}
    for some in in_parts([str(one.get("id", "")) for one in stated]):
        rows = connection.execute(
            select(t.ticket.c.id, t.ticket.c.body).where(
                t.ticket.c.event == event, t.ticket.c.id.in_(some)
            )
        )
        bodies.update((row[0], row[1]) for row in rows)
    return bodies


def type_of(body: str) -> str:
    """The id of a kept ticket's type."""
    return str(msgspec.json.decode(body)["type_id"])


def owners_of(
    connection: Connection, event: str, hashes: Sequence[bytes]
) -> Iterator[tuple[bytes, str]]:
    """Those of some codes, by hash, that are a ticket's already, or soon will be, and whose."""
    for some in in_parts(hashes):
        for query in _OWNERS:
            for hash_, ticket in connection.execute(query, {"event": event, "hashes": some}):
                yield bytes(hash_), ticket


_OWNERS = tuple(
    select(of.c.hash, of.c.ticket).where(
        of.c.event == bindparam("event"), of.c.hash.in_(bindparam("hashes", expanding=True))
    )
    for of in (t.code, t.pending_code)
)


def codes_of(
    connection: Connection, event: str, tickets: Sequence[str]
) -> Iterator[tuple[str, bytes, str]]:
    """The codes of some tickets: ticket, hash and state."""
    for some in in_parts(tickets):
        rows = connection.execute(_CODES_OF, {"event": event, "tickets": some})
        for ticket, hash_, state in rows:
            yield ticket, bytes(hash_), state


_CODES_OF = select(t.code.c.ticket, t.code.c.hash, t.code.c.state).where(
    t.code.c.event == bindparam("event"),
    t.code.c.ticket.in_(bindparam("tickets", expanding=True)),
)


def hashes_of(connection: Connection, event: str, codes: Sequence[str]) -> dict[str, bytes]:
    """The keyed hashes by which an event knows its codes."""
    key = key_of(connection, event)
    return {code: code_hash(key, parse(code).code) for code in codes}


def key_of(connection: Connection, event: str) -> bytes:
    """By which an event's codes are hashed."""
    return bytes.fromhex(connection.execute(_KEY, {"event": event}).scalar_one())


_KEY = select(t.event.c.key).where(t.event.c.id == bindparam("event"))


def release(connection: Connection, event: str, hashed: bytes) -> None:
    """Let go of a code that its ticket does not go by any more, for another ticket to be stated.

    Gates hear of it with that ticket: a code is its who was stated last with it.
    """
    c = t.code.c
    connection.execute(delete(t.code).where(c.event == event, c.hash == hashed))


def put_types(connection: Connection, event: str, rows: Sequence[tuple[str, str]]) -> None:
    """Keep ticket types: id and body."""
    stated = {id_: (event, id_, body) for id_, body in rows}
    put(connection, t.ticket_type, list(stated.values()), "body")


def put_tickets(connection: Connection, event: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Keep tickets (id, type and body), which of them are or were void, and that they are new."""
    stated = {id_: (event, id_, type_id, body) for id_, type_id, body in rows}
    put(connection, t.ticket, list(stated.values()), "type_id", "body")
    put(connection, t.unsearched, [row[:2] for row in stated.values()])
    if voided := [(event, row[1]) for row in stated.values() if MARK in row[3]]:
        put(connection, t.voided, voided)


def put_codes(connection: Connection, event: str, codes: Mapping[str, Mapping[str, str]]) -> None:
    """Keep codes of tickets, by keyed hash (hex), with their states."""
    stated = [
        (event, bytes.fromhex(hashed), ticket, state)
        for ticket, states in codes.items()
        for hashed, state in states.items()
    ]
    # A code of another ticket was refused before this.
    put(connection, t.code, stated, "state")
