"""What an organiser states: types, tickets, changes and voids, all or nothing.

Every function works in the transaction it is handed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from gate.clock import read_wall_ms
from gate.core.door import with_door
from gate.core.ticket import CodeState
from gate.core.ticket_feed import ChangeKind
from gate.core.voids import with_voids
from gate.i18n import _
from gate.storage.row_values import BadRow
from gate.storage.ticket_rows import (
    TicketBody,
    TypeTimes,
    changed_body,
    lost_a_code,
    ticket_body,
    type_body,
    with_issue,
)
from sync.server import erasing, feed, rotating, ticket_store
from sync.server import tables as t

_ERRORS_TOLD = 20
_Row = tuple[ChangeKind, str, str, dict[str, str]]
"""A change of the feed: kind, id, body, codes."""


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
    ready: Sequence[TicketBody] = ()
    """Tickets that were made of their rows before, of types that there are."""
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
    new: int = 0
    """Tickets that were not there before."""
    unchanged: int = 0
    """Types and tickets that are as before; they have no number in the feed."""


class Kept(NamedTuple):
    """A ticket as a replica keeps it, with its codes as keyed hashes (hex) and their states."""

    id: str
    type_id: str
    body: str
    codes: Mapping[str, str]


def issue(connection: Connection, event: str, stated: Issue, now_ms: int | None = None) -> Issued:
    """Create and change types and tickets, all or nothing. Raises Bad with what is wrong."""
    now_ms = read_wall_ms() if now_ms is None else now_ms
    *at, hexed, secret, time_zone, erased, dropped_ms = connection.execute(
        _LOCKING, {"event": event}
    ).one()
    key = bytes.fromhex(hexed)
    errors: list[str] = []
    is_anything = stated.types or stated.tickets or stated.ready or stated.changes or stated.voids
    if dropped_ms and is_anything:
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
    tickets = list(stated.ready)
    for n, row in enumerate(stated.tickets):
        whole = rotating.with_keys(row, times.get(str(row.get("type", ""))), secret)
        try:
            tickets.append(ticket_body(whole, times.get, key, is_exact=stated.is_exact))
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
    codes, had = _codes(connection, event, tickets, errors)
    before = kept | ticket_store.bodies_of(connection, event, [{"id": one.id} for one in tickets])
    restated = [(f"changes[{n}]", one) for n, one in enumerate(stated.changes)]
    restated += [(f"voids[{n}]", one) for n, one in enumerate(stated.voids)]
    changes = _changed(connection, event, restated, kept, times=times, errors=errors)
    if errors:
        raise Bad([*errors[:_ERRORS_TOLD], *(["…"] if len(errors) > _ERRORS_TOLD else [])])
    rows: list[_Row] = [
        *(("type", one.id, one.body, {}) for one in types),
        *(("ticket", one.id, one.body, codes[one.id]) for one in tickets),
        *(("ticket", id_, body, codes_) for id_, body, codes_ in changes),
    ]
    head = feed.FeedHead(*at)
    known = frozenset(before)
    kinds = dict(ticket_store.types_of(connection, event, [one.id for one in types]))
    rotated = {id_ for id_, body in before.items() if rotating.MARK in body}
    made = _different(rows, head, before, kinds, had, now_ms=now_ms)
    _put(connection, event, made, codes)
    moving = {one.id: one.rotates for one in tickets if one.rotates or one.id in rotated}
    rotating.keep(connection, event, moving)
    cursor = feed.append(connection, event, head, made)
    ids = [one.id for one in tickets]
    return Issued(
        len(types), len(tickets), len(changes), cursor, ids, notes[:_ERRORS_TOLD],
        new=len(set(ids) - known), unchanged=len(rows) - len(made),
    )  # fmt: skip


def _put(
    connection: Connection,
    event: str,
    made: Sequence[_Row],
    codes: Mapping[str, Mapping[str, str]],
) -> None:
    ticket_store.put_types(connection, event, [row[1:3] for row in made if row[0] == "type"])
    tickets = [row for row in made if row[0] == "ticket"]
    ticket_store.put_tickets(
        connection,
        event,
        [(ref, ticket_store.type_of(body), body) for _kind, ref, body, _codes in tickets],
    )
    ticket_store.put_codes(
        connection, event, {row[1]: codes[row[1]] for row in tickets if row[1] in codes}
    )


class Compared(NamedTuple):
    """Some tickets against what there is."""

    new: int
    same: list[str]
    """The ids of those that are as they would be stated."""


def compared(
    connection: Connection, event: str, tickets: Sequence[TicketBody], now_ms: int
) -> Compared:
    """How many of these tickets would be new, and which would be no change."""
    codes, had = _codes(connection, event, tickets, [])
    before = ticket_store.bodies_of(connection, event, [{"id": one.id} for one in tickets])
    new = len(tickets) - len(before)
    rows: list[_Row] = [("ticket", one.id, one.body, codes[one.id]) for one in tickets]
    made = _different(rows, feed.FeedHead("", 0, b""), before, {}, had, now_ms=now_ms)
    different = {row[1] for row in made}
    return Compared(new, [one.id for one in tickets if one.id not in different])


def _different(
    rows: Sequence[_Row],
    head: feed.FeedHead,
    before: dict[str, str],
    kinds: dict[str, str],
    had: dict[str, dict[str, str]],
    *,
    now_ms: int,
) -> list[_Row]:
    """Those rows that say anything new, dated; each is compared with what those before it left.

    ``before`` and ``kinds`` have the bodies of tickets and types, ``had`` the codes of tickets.
    """
    made: list[_Row] = []
    for kind, ref, stated, codes in rows:
        if kind == "ticket":
            was, position = before.get(ref), f"{head.epoch}:{head.seq + len(made) + 1}"
            lost = lost_a_code(had.get(ref, codes), codes)
            stated = with_door(was, with_issue(was, stated, lost_a_code=lost))  # noqa: PLW2901
            body = before[ref] = with_voids(was, stated, position, now_ms)
            is_same = was == body and codes == had.get(ref, codes)
            had[ref] = codes
        else:
            body, is_same = stated, kinds.get(ref) == stated
            kinds[ref] = body
        if not is_same:
            made.append((kind, ref, body, codes))
    return made


_LOCKING = (
    select(
        *feed.HEAD,
        t.event.c.key,
        t.event.c.authority_key,
        t.event.c.time_zone,
        t.stream.c.erased,
        t.event.c.dropped_ms,
    )
    .join_from(t.stream, t.event, t.event.c.id == t.stream.c.event)
    .where(t.stream.c.event == bindparam("event"))
    .with_for_update(of=t.stream)
)


def _codes(
    connection: Connection, event: str, tickets: Sequence[TicketBody], errors: list[str]
) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """Every code of the tickets with its state, those from before included; and those as before."""
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
    had: dict[str, dict[str, str]] = {one.id: {} for one in tickets}
    for ticket, hash_, state in ticket_store.codes_of(connection, event, list(kept)):
        had[ticket][hash_.hex()] = state
        # A code that is not named any more opens no gate.
        kept[ticket][hash_.hex()] = CodeState.REPLACED if state == CodeState.LIVE else state
    for one in tickets:
        kept[one.id] |= {hashed.hex(): state.value for hashed, state in one.codes.items()}
    return kept, had


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
    rows: list[_Row] = [
        *(("type", id_, body, {}) for id_, body in types),
        *(("ticket", one.id, one.body, dict(one.codes)) for one in kept),
    ]
    feed.append(connection, event, feed.lock(connection, event), rows)
