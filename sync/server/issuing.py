"""What an organiser states: types, tickets, changes and voids, all or nothing.

Every function works in the transaction it is handed.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from gate.core.ticket import CodeState
from gate.core.ticket_feed import ChangeKind
from gate.core.voids import with_voids
from gate.i18n import _
from gate.storage.ticket_rows import (
    BadRow,
    TicketBody,
    TypeTimes,
    changed_body,
    ticket_body,
    type_body,
)
from sync.server import erasing, feed, ticket_store
from sync.server import tables as t

_ERRORS_TOLD = 20


class Bad(Exception):
    """Rows that cannot be taken; nothing was changed."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


class Over(Bad):
    """The event's codes were dropped: nothing can be issued any more."""


@dataclass(frozen=True, slots=True)
class Issue:
    """What an organiser states: types and tickets as rows, changes by id."""

    types: Sequence[Mapping[str, Any]] = ()
    tickets: Sequence[Mapping[str, Any]] = ()
    changes: Sequence[Mapping[str, Any]] = ()
    """Fields to state anew, each with the ``id`` of its ticket."""
    voids: Sequence[Mapping[str, Any]] = ()
    """The same, of tickets that are good no more."""
    is_exact: bool = False
    """Whether its times are Unix seconds that were checked before."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What came of it."""

    types: int
    tickets: int
    changed: int
    cursor: str
    ids: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Rows that were taken but may be meant otherwise."""


class Kept(NamedTuple):
    """A ticket as a replica keeps it, with its codes as keyed hashes (hex) and their states."""

    id: str
    type_id: str
    body: str
    codes: Mapping[str, str]


def issue(connection: Connection, event: str, stated: Issue, now_ms: int | None = None) -> Issued:
    """Create and change types and tickets, all or nothing. Raises Bad with what is wrong."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    *at, hexed, time_zone, erased, dropped_ms = connection.execute(_LOCKING, {"event": event}).one()
    key = bytes.fromhex(hexed)
    errors: list[str] = []
    if dropped_ms and (stated.types or stated.tickets or stated.changes or stated.voids):
        raise Over([_("the event is over: its names and codes were dropped")])
    kept = ticket_store.bodies_of(connection, event, [*stated.changes, *stated.voids])
    named = {str(row.get("type", "")) for row in stated.tickets}
    times = ticket_store.times_of_types(
        connection, event, named | {ticket_store.type_of(body) for body in kept.values()}
    )
    notes: list[str] = []
    types = []
    for n, row in enumerate(stated.types):
        try:
            types.append(type_body(row, time_zone, is_exact=stated.is_exact))
            times[types[-1].id] = types[-1].times
            notes += [f"types[{n}]: {note}" for note in types[-1].notes]
        except BadRow as bad:
            errors.append(f"types[{n}]: {bad}")
    tickets = []
    for n, row in enumerate(stated.tickets):
        try:
            tickets.append(ticket_body(row, times.get, key, is_exact=stated.is_exact))
            notes += [f"tickets[{n}]: {note}" for note in tickets[-1].notes]
        except BadRow as bad:
            errors.append(f"tickets[{n}]: {bad}")
    if len({one.id for one in tickets}) < len(tickets):
        errors.append("tickets: the same ticket twice")
    if erased:
        named = {one.id for one in tickets} | kept.keys()
        gone = _("{ticket}: this ticket was erased")
        errors += [
            gone.format(ticket=id_) for id_ in erasing.which_erased(connection, event, named)
        ]
    codes = _codes(connection, event, tickets, errors)
    before = kept | ticket_store.bodies_of(connection, event, [{"id": one.id} for one in tickets])
    restated = [(f"changes[{n}]", one) for n, one in enumerate(stated.changes)]
    restated += [(f"voids[{n}]", one) for n, one in enumerate(stated.voids)]
    changes = _changed(connection, event, restated, kept, times=times, errors=errors)
    if errors:
        raise Bad([*errors[:_ERRORS_TOLD], *(["…"] if len(errors) > _ERRORS_TOLD else [])])
    rows: list[tuple[ChangeKind, str, str, dict[str, str]]] = [
        *(("type", one.id, one.body, {}) for one in types),
        *(("ticket", one.id, one.body, codes[one.id]) for one in tickets),
        *(("ticket", id_, body, codes_) for id_, body, codes_ in changes),
    ]
    head = feed.FeedHead(*at)
    rows = [
        (kind, ref, _dated(before, ref, body, f"{head.epoch}:{seq}", now_ms), codes_)
        if kind == "ticket"
        else (kind, ref, body, codes_)
        for seq, (kind, ref, body, codes_) in enumerate(rows, head.seq + 1)
    ]
    ticket_store.put_types(connection, event, [(one.id, one.body) for one in types])
    ticket_store.put_tickets(
        connection,
        event,
        [
            (ref, ticket_store.type_of(body), body)
            for kind, ref, body, _codes in rows
            if kind == "ticket"
        ],
    )
    ticket_store.put_codes(connection, event, codes)
    cursor = feed.append(connection, event, head, rows)
    ids = [one.id for one in tickets]
    return Issued(len(types), len(tickets), len(changes), cursor, ids, notes[:_ERRORS_TOLD])


_LOCKING = (
    select(*feed.HEAD, t.event.c.key, t.event.c.time_zone, t.stream.c.erased, t.event.c.dropped_ms)
    .join_from(t.stream, t.event, t.event.c.id == t.stream.c.event)
    .where(t.stream.c.event == bindparam("event"))
    .with_for_update(of=t.stream)
)


def _dated(before: dict[str, str], id_: str, body: str, position: str, now_ms: int) -> str:
    """A ticket's body with when it was void; the next statement of it goes on from there."""
    before[id_] = with_voids(before.get(id_), body, position, now_ms)
    return before[id_]


def _codes(
    connection: Connection, event: str, tickets: Sequence[TicketBody], errors: list[str]
) -> dict[str, dict[str, str]]:
    """Every code of the tickets with its state, those from before included."""
    owner: dict[bytes, str] = {}
    for n, one in enumerate(tickets):
        if any(owner.setdefault(hashed, one.id) != one.id for hashed in one.codes):
            errors.append(f"tickets[{n}]: {_('this code belongs to another ticket already')}")
    errors += [
        f"{owner[hash_]}: {_('this code belongs to another ticket already')}"
        for hash_, ticket in ticket_store.owners_of(connection, event, list(owner))
        if owner[hash_] != ticket
    ]
    kept: dict[str, dict[str, str]] = {one.id: {} for one in tickets}
    for ticket, hash_, state in ticket_store.codes_of(connection, event, list(kept)):
        # A code that is not named any more opens no gate.
        kept[ticket][hash_.hex()] = CodeState.REPLACED if state == CodeState.LIVE else state
    for one in tickets:
        kept[one.id] |= {hashed.hex(): state.value for hashed, state in one.codes.items()}
    return kept


def _changed(
    connection: Connection,
    event: str,
    restated: Sequence[tuple[str, Mapping[str, Any]]],
    bodies: dict[str, str],
    *,
    times: Mapping[str, TypeTimes],
    errors: list[str],
) -> list[tuple[str, str, dict[str, str]]]:
    codes: dict[str, dict[str, str]] = {id_: {} for id_ in bodies}
    for ticket, hash_, state in ticket_store.codes_of(connection, event, list(bodies)):
        codes[ticket][hash_.hex()] = state
    made = []
    for where, one in restated:
        id_ = str(one.get("id", ""))
        if id_ not in bodies:
            errors.append(f"{where}: {_('there is no ticket {id!r}').format(id=id_[:128])}")
            continue
        try:
            fields = {name: value for name, value in one.items() if name != "id"}
            bodies[id_] = changed_body(bodies[id_], fields, times.get)
            made.append((id_, bodies[id_], codes[id_]))
        except BadRow as bad:
            errors.append(f"{where}: {bad}")
    return made


def restate(
    connection: Connection, event: str, types: Sequence[tuple[str, str]], kept: Sequence[Kept]
) -> None:
    """State types (id, body) and tickets as a replica keeps them: they were checked before."""
    ticket_store.put_types(connection, event, types)
    ticket_store.put_tickets(connection, event, [(one.id, one.type_id, one.body) for one in kept])
    ticket_store.put_codes(connection, event, {one.id: one.codes for one in kept})
    rows: list[tuple[ChangeKind, str, str, dict[str, str]]] = [
        *(("type", id_, body, {}) for id_, body in types),
        *(("ticket", one.id, one.body, dict(one.codes)) for one in kept),
    ]
    feed.append(connection, event, feed.lock(connection, event), rows)
