"""Finding tickets at the server by what a person types: a code, an id, or terms of what they say.

The terms are those that gates find by (``gate/storage/name_folding``), a row each: both kinds of
database find them by the same statement. Whoever states tickets does not wait for their terms; they
are read in pieces, and some more before every search. Works in the transaction it is handed.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    and_,
    delete,
    func,
    or_,
    select,
    union_all,
)

from gate.core.ticket import Ticket
from gate.credential import code_hash, hand_typed, parse
from gate.credential.spellings import spellings
from gate.storage.name_folding import Sought, sought
from gate.storage.ticket_search import meant, terms_of
from sync.server import events, feed, ticket_store, told_tickets
from sync.server import tables as t
from sync.server.access import Access
from sync.server.prepared import IN, in_parts, put

AT_ONCE: Final = 2000
"""Tickets whose terms are read before a search: what was stated a moment ago is found."""
A_STEP: Final = 200
"""Tickets whose terms are read in one transaction beside other work: 20 ms of CPU."""
MOST_FOUND: Final = 50
CANDIDATES: Final = 10_000
"""Tickets with the rarest part of a text that are looked at: more, and more is to be typed."""
_LAST: Final = "\U0010ffff"

Group = tuple[str, ...]
"""Terms of which a ticket has to have one."""


class Findings(NamedTuple):
    """What was found, and what that leaves out."""

    tickets: list[Ticket]
    has_more: bool
    """There may be others: more of it has to be typed."""
    unsearched: int
    """Tickets that cannot be found by name, seat and order yet; counted to ``CANDIDATES``."""


# The writer's side


def read_on(connection: Connection, event: str, most: int) -> bool:
    """Take so many more tickets into the index as they are now; whether there were any."""
    # Nobody states a ticket meanwhile that would be taken for one whose terms are read.
    feed.lock(connection, event)
    is_over = bool(events.row_of(connection, event).dropped_ms)
    c = t.unsearched.c
    some = select(c.ticket).where(c.event == event).order_by(c.ticket).limit(most)
    ids = connection.execute(some).scalars().all()
    for part in in_parts(ids):
        connection.execute(delete(t.unsearched).where(c.event == event, c.ticket.in_(part)))
        drop_terms(connection, event, part)
        if not is_over:
            bodies = ticket_store.bodies_of(connection, event, [{"id": id_} for id_ in part])
            rows = [(event, term, id_) for id_, body in bodies.items() for term in terms_of(body)]
            put(connection, t.term, sorted(rows))
    return bool(ids)


def drop_terms(connection: Connection, event: str, ids: Sequence[str]) -> None:
    """Have tickets found by nothing that anybody typed of a person."""
    c = t.term.c
    for part in in_parts(ids):
        connection.execute(delete(t.term).where(c.event == event, c.ticket.in_(part)))


def waiting(connection: Connection) -> list[str]:
    """The events with tickets whose terms are to be read."""
    return list(connection.execute(select(t.unsearched.c.event).distinct()).scalars())


async def read_first(access: Access, event: str) -> None:
    """Before a search: what was stated a moment ago is found; only a long list takes a while."""
    if event in await access.read(waiting):
        await access.write(partial(read_on, event=event, most=AT_ONCE))


# The reader's side


def find(connection: Connection, event: str, typed: str, limit: int = MOST_FOUND) -> Findings:
    """The ticket with that code or id, or else those with that name, seat or order.

    In any spelling, at most so many; cost does not grow with how many tickets there are.
    """
    ids, has_more = _by_code(connection, event, typed), False
    if not ids:
        ids, has_more = _by_words(connection, event, typed, limit)
    found = ticket_store.find_tickets(connection, event, ids[:limit])
    if not found and (told := told_tickets.find(connection, event, typed.strip())):
        return Findings([told], has_more=has_more, unsearched=_left(connection, event))
    has_more = has_more or len(ids) > limit
    return Findings([found[id_] for id_ in ids if id_ in found], has_more, _left(connection, event))


def _left(connection: Connection, event: str) -> int:
    c = t.unsearched.c
    some = select(c.ticket).where(c.event == event).limit(CANDIDATES).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _by_code(connection: Connection, event: str, typed: str) -> list[str]:
    """The tickets that a text names by themselves."""
    credential, key = parse(typed), events.key_of(connection, event)
    if credential.problem is not None:
        return []
    known = ticket_store.bodies_of(connection, event, [{"id": credential.code}])
    spelled = spellings(credential.code, aim=credential.aim)
    for forms in (spelled, tuple(hand_typed.forms(typed))):
        hashes = [code_hash(key, form) for form in forms[:IN]]
        owners = ticket_store.owners_of(connection, event, hashes)
        if found := sorted({ticket for _hash, ticket in owners}):
            return found
    return list(known)


def _by_words(connection: Connection, event: str, typed: str, limit: int) -> tuple[list[str], bool]:
    for wanted in sought(typed):
        found: dict[str, None] = {}
        has_more = False
        for begins in (False, True):
            if len(found) <= limit:
                some, is_cut = _matching(connection, event, wanted, limit + 1, begins=begins)
                found |= dict.fromkeys(some)
                has_more = has_more or is_cut
        if found:
            return list(found), has_more
    return [], False


def _matching(
    connection: Connection, event: str, wanted: Sought, limit: int, *, begins: bool
) -> tuple[list[str], bool]:
    """Ids of tickets that are meant; and whether so many might be that not all were looked at."""
    ids: set[str] = set()
    is_cut = False
    for groups in _ways(wanted):
        # Of one part any will do: nothing has to be looked through for the others.
        counts = [1]
        if len(groups) > 1:
            counts = [_count(connection, event, group, begins=begins) for group in groups]
        if all(counts):
            query = _query(event, groups, counts.index(min(counts)), begins=begins)
            ids |= {str(row[0]) for row in connection.execute(query.limit(limit))}
            is_cut = is_cut or min(counts) == CANDIDATES
    bodies = ticket_store.bodies_of(connection, event, [{"id": id_} for id_ in ids])
    return meant(bodies, wanted), is_cut


def _ways(wanted: Sought) -> Iterator[tuple[Group, ...]]:
    yield wanted.groups
    if wanted.joined and wanted.groups != (wanted.joined,):
        yield (wanted.joined,)


def _count(connection: Connection, event: str, group: Group, *, begins: bool) -> int:
    some = _candidates(event, group, begins=begins)
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _query(event: str, groups: Sequence[Group], rarest: int, *, begins: bool) -> Select[tuple[str]]:
    candidates = _candidates(event, groups[rarest], begins=begins)
    query = select(candidates.c.ticket).distinct()
    for n, group in enumerate(groups):
        if n != rarest:
            other = t.term.alias().c
            of = (other.event == event, other.ticket == candidates.c.ticket)
            has = or_(*_ranges(other.term, group, begins=begins))
            query = query.where(select(other.term).where(*of, has).exists())
    return query


def _candidates(event: str, group: Group, *, begins: bool) -> Subquery:
    """The tickets of a group, some of them more than once."""
    c = t.term.c
    # A search of the index for each: of several ranges in one, databases make one of the whole.
    each = [
        select(c.ticket).where(c.event == event, within)
        for within in _ranges(c.term, group, begins=begins)
    ]
    return union_all(*each).limit(CANDIDATES).subquery()


def _ranges(term: ColumnElement[str], group: Group, *, begins: bool) -> list[ColumnElement[bool]]:
    """What a ticket's term has to be, or to begin with."""
    if not begins:
        return [term == form for form in group]
    # Terms are compared by their bytes, in either database: see the migration.
    return [and_(term >= form, term < form + _LAST) for form in group]
