"""What is derived from an event's entries and never stored.

Conflicts, claims, irregular admissions, alarms; and the entries by which a person settles them.

Every function works in the transaction it is handed.
"""

from collections.abc import Iterable
from functools import partial

from sqlalchemy import Connection, bindparam, func, select

from gate.core.allowance import MOST
from gate.core.entry import FACTS, Act, Entry, device_of
from gate.core.history import Claimed, Conflict, claimed, claims, conflict, entry_order, limits
from gate.core.irregular import Irregular, Irregularity, irregular
from gate.core.replication import Alarm, Start, alarms, flooding
from gate.storage.matters import Matter, in_order
from sync.server import feed, intake, journals, ticket_store
from sync.server import tables as t


def find_conflicts(connection: Connection, event: str) -> list[Conflict]:
    """Tickets on which more went in than they are good for, derived from the entries."""
    twice = (
        select(t.entry.c.ticket)
        .where(t.entry.c.event == event, t.entry.c.act == Act.ADMISSION.value)
        .group_by(t.entry.c.ticket)
        .having(func.count() > 1)
    )
    listed = connection.execute(twice).scalars().all()
    found = [one for ticket in listed if (one := conflict_of(connection, event, ticket))]
    return sorted(found, key=lambda c: (c.resolution is not None, -c.admissions[-1].hlc))


def conflict_of(connection: Connection, event: str, ticket: str) -> Conflict | None:
    """Whether more went in on one ticket than it is good for."""
    kept = ticket_store.find_ticket(connection, event, ticket)
    facts = _facts(connection, event, ticket)
    return conflict(facts, *limits(kept, facts, partial(ticket_store.find_type, connection, event)))


def matters(connection: Connection, event: str) -> list[Matter]:
    """Every ticket with something to look into, those that wait first, then the newest."""
    clashes = {one.ticket: one for one in find_conflicts(connection, event)}
    strange = {one.ticket: one for one in irregular_admissions(connection, event)}
    undone = {one.ticket: one for one in open_claims(connection, event)}
    ids = [*{**clashes, **strange, **undone}]
    kept = ticket_store.find_tickets(connection, event, ids)
    return in_order(
        Matter(id_, clashes.get(id_), strange.get(id_), id_, kept.get(id_), undone.get(id_))
        for id_ in ids
    )


def matter_of(connection: Connection, event: str, ticket: str) -> Matter | None:
    """What there is to look into about one ticket."""
    clash = conflict_of(connection, event, ticket)
    facts = _facts(connection, event, ticket)
    strange, undone = irregular_of(connection, event, ticket, facts), claimed(facts)
    if not (clash or strange or undone):
        return None
    kept = ticket_store.find_ticket(connection, event, ticket)
    return Matter(ticket, clash, strange, ticket, kept, undone)


def open_claims(connection: Connection, event: str) -> list[Claimed]:
    """Tickets with undos that nobody has confirmed, those that wait for a word first."""
    c = t.entry.c
    undone = select(c.ticket).where(c.event == event, c.act == Act.ANNULMENT.value, t.COUNTS)
    tickets = connection.execute(undone.distinct().order_by(c.ticket)).scalars().all()
    found = [one for ticket in tickets if (one := claimed(_facts(connection, event, ticket)))]
    return sorted(found, key=lambda one: (one.resolution is not None, -one.undos[-1].hlc))


def irregular_admissions(connection: Connection, event: str) -> list[Irregular]:
    """Tickets that were used and are, or were, void; those that wait for a word first."""
    used = (
        select(t.voided.c.ticket)
        .where(
            t.voided.c.event == event,
            select(t.entry.c.number)
            .where(
                t.entry.c.event == event,
                t.entry.c.ticket == t.voided.c.ticket,
                t.entry.c.act == Act.ADMISSION.value,
            )
            .exists(),
        )
        .order_by(t.voided.c.ticket)
    )
    listed = connection.execute(used).scalars().all()
    found = [one for ticket in listed if (one := irregular_of(connection, event, ticket))]
    return sorted(found, key=lambda one: (not one.is_open, -one.admissions[-1].entry.hlc))


def count_irregular(connection: Connection) -> tuple[dict[str, int], int]:
    """Irregular admissions of every event by kind, and how many tickets wait for a word."""
    kinds = dict.fromkeys((kind.value for kind in Irregularity), 0)
    tickets_open = 0
    for event in connection.execute(select(t.event.c.id)).scalars().all():
        for one in irregular_admissions(connection, event):
            tickets_open += one.is_open
            for judged in one.admissions:
                kinds[judged.kind] += 1
    return kinds, tickets_open


def irregular_of(
    connection: Connection, event: str, ticket: str, facts: Iterable[Entry] | None = None
) -> Irregular | None:
    """What is irregular about one ticket's admissions; ``facts`` saves asking for its entries."""
    kept = ticket_store.find_ticket(connection, event, ticket)
    if kept is None or not kept.voids:
        return None
    if facts is None:
        facts = _facts(connection, event, ticket)
    life, _head = feed.position_of(connection, event)
    return irregular(facts, kept.voids, life)


def confirm(
    connection: Connection, event: str, undo: str, *, note: str, who: str, now_ms: int
) -> Entry | None:
    """Let an undo that is only a claim count; ``None`` when no such claim is there."""
    journals.lock(connection, event)
    claim = journals.find(connection, event, undo)
    facts = journals.facts_of(connection, event, claim.ticket) if claim is not None else []
    if claim is None or claim not in claims(facts):
        return None
    return intake.record(
        connection,
        event,
        now_ms,
        [claim.hlc],
        act=Act.ANNULMENT,
        operator=who,
        ticket=claim.ticket,
        ticket_type=claim.ticket_type,
        target=claim.target,
        note=note,
    )


def resolve(
    connection: Connection, event: str, ticket: str, *, note: str, who: str, now_ms: int
) -> Entry | None:
    """Settle a conflict, or irregular admissions; ``None`` when there is neither of the ticket."""
    journals.lock(connection, event)
    clash = conflict_of(connection, event, ticket)
    strange = irregular_of(connection, event, ticket)
    about = {e.name: e for e in clash.admissions} if clash else {}
    about |= {one.entry.name: one.entry for one in strange.admissions} if strange else {}
    about |= {e.name: e for e in claims(journals.facts_of(connection, event, ticket))}
    if not about:
        return None
    admissions = sorted(about.values(), key=entry_order)
    return intake.record(
        connection,
        event,
        now_ms,
        [e.hlc for e in admissions],
        act=Act.RESOLUTION,
        operator=who,
        ticket=ticket,
        ticket_type=admissions[0].ticket_type,
        note=note,
        covers=tuple(e.name for e in admissions),
    )


def _facts(connection: Connection, event: str, ticket: str) -> list[Entry]:
    """What was done with a ticket, and what supervisors wrote about it."""
    return journals.facts_of(connection, event, ticket, (*FACTS, Act.RESOLUTION))


def find_alarms(connection: Connection, event: str) -> list[Alarm]:
    """Which devices were cloned, restored or rolled back."""
    rows = connection.execute(
        select(t.origin.c.origin, t.origin.c.follows).where(t.origin.c.event == event)
    )
    return alarms([Start(*row) for row in rows], journals.have(connection, event))


def find_floods(connection: Connection, event: str) -> list[Alarm]:
    """Which devices have more taken in than any that works, and some of their origins."""
    origins = sorted(connection.execute(_ORIGINS, {"event": event}).scalars())
    c = t.allowance.c
    spent = select(c.device).where(c.event == event, c.taken >= MOST)
    found = sorted({*flooding(origins), *connection.execute(spent).scalars()})
    return [
        Alarm(device, "", tuple(o for o in origins if device_of(o) == device)) for device in found
    ]


_ORIGINS = select(t.origin.c.origin).where(t.origin.c.event == bindparam("event"))
