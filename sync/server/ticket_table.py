"""The event's tickets at the server, and the feed of their changes.

Every change has a number from the event's counter row, taken in the transaction that makes it: the
order of numbers is the order of commits, and whoever has read up to a number has missed nothing.
Every function works in the transaction it is handed.
"""

import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gate.core.model import CodeState, TicketType
from gate.core.ticket_feed import (
    FIRST_HASH,
    Change,
    ChangeKind,
    Changes,
    Cursor,
    ResyncNeeded,
    chain_hash,
)
from gate.core.voids import MARK, with_voids
from gate.credential import KEY_BYTES, code_hash, parse
from gate.errors import UsageError
from gate.i18n import _
from gate.storage.certificates import Authority
from gate.storage.event import KEEP_DAYS, EventRow
from gate.storage.ticket_rows import (
    BadRow,
    TicketBody,
    TypeTimes,
    bare_body,
    changed_body,
    ticket_body,
    times_of,
    type_body,
)
from sync.server import tables as t
from sync.server.part import Key
from sync.server.prepared import Prepared

PAGE = 1000
_EVENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ERRORS_TOLD = 20
_HEAD: Final = (t.stream.c.epoch, t.stream.c.head, t.stream.c.link)
_DROPPED = 2000
"""Rows that are dropped in one transaction: gates that push meanwhile wait for it."""
_IN = 500
"""Ids in one query: SQLite's limit on parameters is far above, PostgreSQL's planner likes few."""


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


class FeedHead(NamedTuple):
    """How far an event's feed is."""

    epoch: str
    seq: int
    link: bytes


class Kept(NamedTuple):
    """A ticket as a replica keeps it, with its codes as keyed hashes (hex) and their states."""

    id: str
    type_id: str
    body: str
    codes: Mapping[str, str]


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


def create_event(
    connection: Connection,
    id_: str,
    name: str,
    time_zone: str,
    now_ms: int,
    *,
    ends_s: int = 0,
    keep_days: int = KEEP_DAYS,
) -> None:
    """Begin an event. Raises UsageError when the id cannot be used or is taken.

    So many days after its end, Unix seconds, what is personal is dropped; 0: no end is known.
    """
    if not _EVENT_ID.fullmatch(id_):
        raise UsageError(
            _("{id!r} cannot be an event's id").format(id=id_),
            _("Letters, digits, '_', '.' and '-', at most 64."),
        )
    if connection.execute(select(t.event.c.id).where(t.event.c.id == id_)).first():
        raise UsageError(_("there is an event {id} already").format(id=id_), "")
    authority = Authority.mint()
    connection.execute(
        insert(t.event).values(
            id=id_,
            name=name or id_,
            time_zone=time_zone,
            isolated_hours=0,
            key=secrets.token_hex(KEY_BYTES),
            created_ms=now_ms,
            authority_key=authority.key,
            authority=authority.certificate,
            ends_s=ends_s,
            keep_days=keep_days,
            dropped_ms=0,
            is_bare=0,
        )
    )
    connection.execute(
        insert(t.stream).values(
            event=id_,
            epoch=secrets.token_hex(8),
            head=0,
            entries=0,
            link=FIRST_HASH,
            base=0,
            base_id="",
            erased=0,
        )
    )


def said_of(connection: Connection, event: str) -> tuple[str, EventRow]:
    """The key of an event's codes (hex), and what the event says of itself."""
    c = t.event.c
    key, *said = connection.execute(
        select(
            c.key, c.name, c.time_zone, c.ends_s, c.keep_days, c.dropped_ms, c.isolated_hours
        ).where(c.id == event)
    ).one()
    return key, EventRow(event, *said)


def set_zone(connection: Connection, event: str, time_zone: str) -> int:
    """Give an event another time zone, and let all gates hear of it; the same again is no change.

    Types that are there keep theirs; the answer is how many of them have another.
    """
    say_event(connection, event, time_zone=time_zone)
    return sum(
        _type.decode(body).time_zone != time_zone for _id, body in all_types(connection, event)
    )


def say_event(connection: Connection, event: str, **fields: str | int) -> EventRow:
    """State some of what an event says of itself anew, for all gates to hear."""
    at = lock(connection, event)
    _key, said = said_of(connection, event)
    row = msgspec.structs.replace(said, **fields)
    if row != said:
        connection.execute(update(t.event).where(t.event.c.id == event).values(**fields))
        append(connection, event, at, [("event", event, msgspec.json.encode(row).decode(), {})])
    return row


class _Settings(Protocol):
    """What the event says of itself, in any of its forms."""

    @property
    def time_zone(self) -> str: ...
    @property
    def ends_s(self) -> int: ...
    @property
    def keep_days(self) -> int: ...
    @property
    def isolated_hours(self) -> int: ...


def tell_settings(said: _Settings) -> str:
    """What the event says of itself now, as the audit log has it."""
    return (
        f"time_zone {said.time_zone} ends_s {said.ends_s} keep_days {said.keep_days} "
        f"isolated_hours {said.isolated_hours}"
    )


def new_epochs(connection: Connection) -> int:
    """After a restored backup: every device is to take a new snapshot. Answers how many events."""
    events = connection.execute(select(t.stream.c.event)).scalars().all()
    for event in events:
        connection.execute(
            update(t.stream).where(t.stream.c.event == event).values(epoch=secrets.token_hex(8))
        )
    return len(events)


def issue(connection: Connection, event: str, stated: Issue, now_ms: int | None = None) -> Issued:
    """Create and change types and tickets, all or nothing. Raises Bad with what is wrong."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    *at, hexed, time_zone, erased, dropped_ms = connection.execute(_LOCKING, {"event": event}).one()
    key = bytes.fromhex(hexed)
    errors: list[str] = []
    if dropped_ms and (stated.types or stated.tickets or stated.changes or stated.voids):
        raise Over([_("the event is over: its names and codes were dropped")])
    kept = _bodies(connection, event, [*stated.changes, *stated.voids])
    named = {str(row.get("type", "")) for row in stated.tickets}
    times = _times(connection, event, named | {_type_of(body) for body in kept.values()})
    notes: list[str] = []
    types = []
    for n, said in enumerate(stated.types):
        try:
            types.append(type_body(said, time_zone, is_exact=stated.is_exact))
            times[types[-1].id] = types[-1].times
            notes += [f"types[{n}]: {note}" for note in types[-1].notes]
        except BadRow as bad:
            errors.append(f"types[{n}]: {bad}")
    tickets = []
    for n, said in enumerate(stated.tickets):
        try:
            tickets.append(ticket_body(said, times.get, key, is_exact=stated.is_exact))
            notes += [f"tickets[{n}]: {note}" for note in tickets[-1].notes]
        except BadRow as bad:
            errors.append(f"tickets[{n}]: {bad}")
    if len({one.id for one in tickets}) < len(tickets):
        errors.append("tickets: the same ticket twice")
    if erased:
        named = {one.id for one in tickets} | kept.keys()
        gone = _("{ticket}: this ticket was erased")
        errors += [gone.format(ticket=id_) for id_ in which_erased(connection, event, named)]
    codes = _codes(connection, event, tickets, errors)
    before = kept | _bodies(connection, event, [{"id": one.id} for one in tickets])
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
    head = FeedHead(*at)
    rows = [
        (kind, ref, _dated(before, ref, body, f"{head.epoch}:{seq}", now_ms), codes_)
        if kind == "ticket"
        else (kind, ref, body, codes_)
        for seq, (kind, ref, body, codes_) in enumerate(rows, head.seq + 1)
    ]
    _put_types(connection, event, [(one.id, one.body) for one in types])
    _put_tickets(
        connection,
        event,
        [(ref, _type_of(body), body) for kind, ref, body, _codes in rows if kind == "ticket"],
    )
    _put_codes(connection, event, codes)
    cursor = append(connection, event, head, rows)
    ids = [one.id for one in tickets]
    return Issued(len(types), len(tickets), len(changes), cursor, ids, notes[:_ERRORS_TOLD])


def _dated(before: dict[str, str], id_: str, body: str, position: str, now_ms: int) -> str:
    """A ticket's body with when it was void; the next statement of it goes on from there."""
    before[id_] = with_voids(before.get(id_), body, position, now_ms)
    return before[id_]


_LOCKING = (
    select(*_HEAD, t.event.c.key, t.event.c.time_zone, t.stream.c.erased, t.event.c.dropped_ms)
    .join_from(t.stream, t.event, t.event.c.id == t.stream.c.event)
    .where(t.stream.c.event == bindparam("event"))
    .with_for_update(of=t.stream)
)


def restate(
    connection: Connection, event: str, types: Sequence[tuple[str, str]], kept: Sequence[Kept]
) -> None:
    """State types (id, body) and tickets as a replica keeps them: they were checked before."""
    _put_types(connection, event, types)
    _put_tickets(connection, event, [(one.id, one.type_id, one.body) for one in kept])
    _put_codes(connection, event, {one.id: one.codes for one in kept})
    rows: list[tuple[ChangeKind, str, str, dict[str, str]]] = [
        *(("type", id_, body, {}) for id_, body in types),
        *(("ticket", one.id, one.body, dict(one.codes)) for one in kept),
    ]
    append(connection, event, lock(connection, event), rows)


def lock(connection: Connection, event: str) -> FeedHead:
    """How far the event's feed is; nobody else takes a number until the commit."""
    query = select(*_HEAD).where(t.stream.c.event == event)
    return FeedHead(*connection.execute(query.with_for_update()).one())


def append(
    connection: Connection,
    event: str,
    at: FeedHead,
    rows: Sequence[tuple[ChangeKind, str, str, dict[str, str]]],
) -> str:
    """Add rows (kind, ref, body, codes) to the feed; the answer is its cursor then.

    ``at`` is what ``lock`` answered in the same transaction.
    """
    made: list[dict[str, Any]] = []
    linked = at.link
    for seq, (kind, ref, body, codes) in enumerate(rows, at.seq + 1):
        id_ = secrets.token_hex(8)
        linked = chain_hash(linked, Change(seq, id_, kind, ref, msgspec.Raw(body.encode()), codes))
        made.append(
            {
                "event": event,
                "seq": seq,
                "id": id_,
                "kind": kind,
                "ref": ref,
                "body": body,
                "codes": msgspec.json.encode(codes).decode(),
                "link": linked,
            }
        )
    if not made:
        return cursor_of(connection, event)
    connection.execute(_INSERT_CHANGES, made)
    head = {"b_event": event, "b_head": made[-1]["seq"], "b_link": linked}
    connection.execute(_SET_HEAD, head)
    return f"{at.epoch}:{made[-1]['seq']}:{made[-1]['id']}"


_INSERT_CHANGES = insert(t.change)
_SET_HEAD = (
    update(t.stream)
    .where(t.stream.c.event == bindparam("b_event"))
    .values(head=bindparam("b_head"), link=bindparam("b_link"))
)


def cursor_of(connection: Connection, event: str) -> str:
    """The cursor of whoever has read everything."""
    row = connection.execute(
        select(t.stream.c.epoch, t.stream.c.head, t.change.c.id)
        .join_from(
            t.stream,
            t.change,
            (t.change.c.event == t.stream.c.event) & (t.change.c.seq == t.stream.c.head),
            isouter=True,
        )
        .where(t.stream.c.event == event)
    ).one()
    return f"{row[0]}:{row[1]}:{row[2] or ''}"


def link_of(connection: Connection, event: str) -> bytes:
    """What the feed's next change will be linked to."""
    query = select(t.stream.c.link).where(t.stream.c.event == event)
    return bytes(connection.execute(query).scalar_one())


def changes(
    connection: Connection, event: str, cursor: str, now_ms: int, limit: int = PAGE
) -> Changes:
    """The changes after a cursor, sealed by the event's authority.

    Raises ResyncNeeded when the cursor is not of this feed.
    """
    s = t.stream.c
    epoch, head, base = connection.execute(
        select(s.epoch, s.head, s.base).where(s.event == event)
    ).one()
    asked = Cursor.parse(cursor)
    if asked.epoch != epoch or not base <= asked.seq <= head:
        raise ResyncNeeded
    if not _is_known(connection, event, asked.seq, asked.id):
        raise ResyncNeeded
    c = t.change.c
    rows = connection.execute(
        select(c.seq, c.id, c.kind, c.ref, c.body, c.codes, c.link)
        .where(c.event == event, c.seq > asked.seq)
        .order_by(c.seq)
        .limit(limit)
    ).all()
    page = [
        Change(row[0], row[1], row[2], row[3], msgspec.Raw(row[4]), msgspec.json.decode(row[5]))
        for row in rows
    ]
    if not page:
        return Changes([], cursor)
    end, more = f"{epoch}:{page[-1].seq}:{page[-1].id}", page[-1].seq < head
    checkpoint = authority_of(connection, event).checkpoint(
        end, rows[-1].link, 0 if more else now_ms
    )
    return Changes(page, end, more, checkpoint)


def authority_of(connection: Connection, event: str) -> Authority:
    """The event's own."""
    kept = select(t.event.c.authority_key, t.event.c.authority).where(t.event.c.id == event)
    return _authority(*connection.execute(kept).one())


_authority = lru_cache(maxsize=64)(Authority.from_pem)


def erased_at(connection: Connection, event: str) -> int:
    """Which change was the latest erasure: snapshots of before are not to be told; 0: none."""
    query = select(t.stream.c.erased).where(t.stream.c.event == event)
    return int(connection.execute(query).scalar_one())


def may_begin(connection: Connection, event: str, cursor: Cursor) -> bool:
    """Whether a snapshot of that moment is one to begin with.

    It is not where its cursor names no change of this life of the feed, nor where anybody was
    erased since.
    """
    is_new = cursor.seq >= erased_at(connection, event)
    return is_new and _is_known(connection, event, cursor.seq, cursor.id)


def _is_known(connection: Connection, event: str, seq: int, id_: str) -> bool:
    s = t.stream.c
    base, base_id = connection.execute(select(s.base, s.base_id).where(s.event == event)).one()
    if seq == base:
        return bool(id_ == base_id)
    found = connection.execute(
        select(t.change.c.id).where(t.change.c.event == event, t.change.c.seq == seq)
    ).scalar()
    return bool(found == id_)


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
            yield TicketBody(id_, type_id, body, codes[id_], holder_of(body))


def holder_of(body: str) -> str:
    """The holder's name in a kept ticket."""
    return _named.decode(body).holder


class _Named(msgspec.Struct):
    holder: str = ""


_named = msgspec.json.Decoder(_Named)


def _times(connection: Connection, event: str, types: Iterable[str]) -> dict[str, TypeTimes]:
    """What is known of some types: cost must not grow with how many others there are."""
    found: dict[str, TypeTimes] = {}
    for some in _in_parts(sorted(types)):
        rows = connection.execute(_TYPES, {"event": event, "ids": some})
        found.update((row[0], times_of(_type.decode(row[1]))) for row in rows)
    return found


_type = msgspec.json.Decoder(TicketType)
_TYPES = select(t.ticket_type.c.id, t.ticket_type.c.body).where(
    t.ticket_type.c.event == bindparam("event"),
    t.ticket_type.c.id.in_(bindparam("ids", expanding=True)),
)


def _bodies(
    connection: Connection, event: str, stated: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """The tickets that are to be changed, as they are kept."""
    bodies: dict[str, str] = {}
    for some in _in_parts([str(one.get("id", "")) for one in stated]):
        rows = connection.execute(
            select(t.ticket.c.id, t.ticket.c.body).where(
                t.ticket.c.event == event, t.ticket.c.id.in_(some)
            )
        )
        bodies.update((row[0], row[1]) for row in rows)
    return bodies


def _type_of(body: str) -> str:
    return str(msgspec.json.decode(body)["type_id"])


def _codes(
    connection: Connection, event: str, tickets: Sequence[TicketBody], errors: list[str]
) -> dict[str, dict[str, str]]:
    """Every code of the tickets with its state, those from before included."""
    owner: dict[bytes, str] = {}
    for n, one in enumerate(tickets):
        if any(owner.setdefault(hashed, one.id) != one.id for hashed in one.codes):
            errors.append(f"tickets[{n}]: {_('this code belongs to another ticket already')}")
    for some in _in_parts(list(owner)):
        rows = connection.execute(_OWNERS, {"event": event, "hashes": some})
        errors += [
            f"{owner[bytes(hash_)]}: {_('this code belongs to another ticket already')}"
            for hash_, ticket in rows
            if owner[bytes(hash_)] != ticket
        ]
    kept: dict[str, dict[str, str]] = {one.id: {} for one in tickets}
    for ticket, hash_, state in _codes_of(connection, event, list(kept)):
        # A code that is not named any more opens no gate.
        kept[ticket][hash_.hex()] = CodeState.REPLACED if state == CodeState.LIVE else state
    for one in tickets:
        kept[one.id] |= {hashed.hex(): state.value for hashed, state in one.codes.items()}
    return kept


_OWNERS = select(t.code.c.hash, t.code.c.ticket).where(
    t.code.c.event == bindparam("event"), t.code.c.hash.in_(bindparam("hashes", expanding=True))
)


def hashes_of(connection: Connection, event: str, codes: Sequence[str]) -> dict[str, bytes]:
    """The keyed hashes by which an event knows its codes."""
    key = bytes.fromhex(connection.execute(_KEY, {"event": event}).scalar_one())
    return {code: code_hash(key, parse(code).code) for code in codes}


def release(connection: Connection, event: str, hashed: bytes) -> None:
    """Let go of a code that its ticket does not go by any more, for another ticket to be stated.

    Gates hear of it with that ticket: a code is its who was stated last with it.
    """
    c = t.code.c
    connection.execute(delete(t.code).where(c.event == event, c.hash == hashed))


_KEY = select(t.event.c.key).where(t.event.c.id == bindparam("event"))


def _codes_of(
    connection: Connection, event: str, tickets: Sequence[str]
) -> Iterator[tuple[str, bytes, str]]:
    for some in _in_parts(tickets):
        rows = connection.execute(_CODES_OF, {"event": event, "tickets": some})
        for ticket, hash_, state in rows:
            yield ticket, bytes(hash_), state


_CODES_OF = select(t.code.c.ticket, t.code.c.hash, t.code.c.state).where(
    t.code.c.event == bindparam("event"),
    t.code.c.ticket.in_(bindparam("tickets", expanding=True)),
)


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
    for ticket, hash_, state in _codes_of(connection, event, list(bodies)):
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


def _put_types(connection: Connection, event: str, rows: Sequence[tuple[str, str]]) -> None:
    stated = {id_: (event, id_, body) for id_, body in rows}
    _put(connection, t.ticket_type, list(stated.values()), "body")


def _put_tickets(connection: Connection, event: str, rows: Sequence[tuple[str, str, str]]) -> None:
    stated = {id_: (event, id_, type_id, body) for id_, type_id, body in rows}
    _put(connection, t.ticket, list(stated.values()), "type_id", "body")
    if voided := [(event, row[1]) for row in stated.values() if MARK in row[3]]:
        _put(connection, t.voided, voided)


def _put_codes(connection: Connection, event: str, codes: Mapping[str, Mapping[str, str]]) -> None:
    stated = [
        (event, bytes.fromhex(hashed), ticket, state)
        for ticket, states in codes.items()
        for hashed, state in states.items()
    ]
    # A code of another ticket was refused before this.
    _put(connection, t.code, stated, "state")


def _put(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], *fields: str
) -> None:
    """Add rows; of those whose key is there already, state some fields anew."""
    if not rows:
        return
    name = connection.dialect.name
    if (name, table.name) not in _UPSERTS:
        module: Any = postgresql if name == "postgresql" else sqlite
        into = module.insert(table)
        key = list(table.primary_key.columns)
        stated = {field: into.excluded[field] for field in fields}
        upsert = (
            into.on_conflict_do_update(index_elements=key, set_=stated)
            if stated
            else into.on_conflict_do_nothing(index_elements=key)
        )
        _UPSERTS[name, table.name] = Prepared(upsert, [column.name for column in table.columns])
    _UPSERTS[name, table.name].run(connection, rows)


_UPSERTS: dict[tuple[str, str], Prepared] = {}


def _in_parts(of: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for n in range(0, len(of), _IN):
        yield of[n : n + _IN]


def totals(connection: Connection, event: str) -> dict[str, int]:
    """How many types, tickets and changes there are."""

    def count(table: Any) -> int:
        query = select(func.count()).select_from(table).where(table.c.event == event)
        return int(connection.execute(query).scalar_one())

    return {"types": count(t.ticket_type), "tickets": count(t.ticket)}


def events(connection: Connection) -> list[dict[str, Any]]:
    """Every event."""
    c = t.event.c
    columns = (
        c.id, c.name, c.time_zone, c.created_ms, c.ends_s, c.keep_days, c.dropped_ms,
        c.isolated_hours,
    )  # fmt: skip
    rows = connection.execute(select(*columns).order_by(c.id))
    return [dict(row._mapping) for row in rows]  # noqa: SLF001  its documented name


def which_erased(connection: Connection, event: str, ids: Iterable[str]) -> list[str]:
    """Which of the tickets were erased."""
    c = t.erased.c
    found: list[str] = []
    for some in _in_parts(sorted(ids)):
        query = select(c.what).where(c.event == event, c.what.in_(some))
        found += connection.execute(query).scalars()
    return found


def erase(connection: Connection, event: str, ids: Iterable[str]) -> list[str]:
    """Take from tickets their codes and whatever may tell of a person, for all gates to hear.

    What the feed has told of them goes too: whoever has not read that far takes a new snapshot.
    The answer is which tickets there were.
    """
    at = lock(connection, event)
    bodies = _bodies(connection, event, [{"id": id_} for id_ in sorted(set(ids))])
    if not bodies:
        return []
    bare = {id_: bare_body(body) for id_, body in bodies.items()}
    _put_tickets(connection, event, [(id_, _type_of(body), body) for id_, body in bare.items()])
    _put(connection, t.erased, [(event, id_) for id_ in bare])
    told: list[tuple[int, str]] = []
    c, k = t.change.c, t.code.c
    for some in _in_parts(list(bare)):
        connection.execute(delete(t.code).where(k.event == event, k.ticket.in_(some)))
        of = (c.event == event, c.ref.in_(some), c.kind == "ticket")
        told += [(row[0], row[1]) for row in connection.execute(select(c.seq, c.id).where(*of))]
        connection.execute(delete(t.change).where(*of))
    if told:
        _begin_at(connection, event, *max(told))
    append(connection, event, at, [("erasure", id_, body, {}) for id_, body in bare.items()])
    _forget_copies(connection, event)
    return list(bare)


def begin_to_drop(connection: Connection, event: str, now_ms: int) -> None:
    """Say to all that the event's names and codes are dropped, and tell of no ticket any more."""
    lock(connection, event)
    say_event(connection, event, dropped_ms=now_ms)
    c = t.change.c
    query = select(c.seq, c.id).where(c.event == event, c.kind == "ticket")
    last = connection.execute(query.order_by(c.seq.desc()).limit(1)).first()
    if last is not None:
        _begin_at(connection, event, *last)
    _forget_copies(connection, event)


def drop_some(connection: Connection, event: str, after: Key) -> Key:
    """Drop codes and what is personal of the tickets after an id; the answer is the last."""
    c, k = t.ticket.c, t.code.c
    query = select(c.id, c.type_id, c.body).where(c.event == event)
    if after is not None:
        query = query.where(c.id > after[0])
    rows = connection.execute(query.order_by(c.id).limit(_DROPPED)).all()
    if not rows:
        return None
    last = str(rows[-1].id)
    _put_tickets(connection, event, [(row[0], row[1], bare_body(row[2])) for row in rows])
    of = (k.event == event, k.ticket.between(rows[0].id, last))
    connection.execute(delete(t.code).where(*of))
    return (last,)


def end_dropping(connection: Connection, event: str) -> None:
    """All is gone; without the key no hash that an entry has of a code can be tried either."""
    said = {"is_bare": 1, "key": secrets.token_hex(KEY_BYTES)}
    connection.execute(update(t.event).where(t.event.c.id == event).values(**said))


def forget_some(connection: Connection, event: str, after: Key) -> Key:  # noqa: ARG001  as every step
    """Remove some of the changes that nobody can be told any more, while there are any."""
    base = select(t.stream.c.base).where(t.stream.c.event == event).scalar_subquery()
    c = t.change.c
    query = select(func.min(c.seq)).where(c.event == event, c.seq <= base)
    first = connection.execute(query).scalar()
    if first is None:
        return None
    where = (c.event == event, c.seq <= base, c.seq < first + _DROPPED)
    connection.execute(delete(t.change).where(*where))
    return (first,)


def _begin_at(connection: Connection, event: str, seq: int, id_: str) -> None:
    s = t.stream.c
    connection.execute(
        update(t.stream).where(s.event == event, s.base < seq).values(base=seq, base_id=id_)
    )


def _forget_copies(connection: Connection, event: str) -> None:
    """No snapshot of before is good any more."""
    s = t.stream.c
    connection.execute(update(t.stream).where(s.event == event).values(erased=s.head))
