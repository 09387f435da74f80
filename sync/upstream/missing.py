"""Tickets that an upstream does not have any more: void at once if they are few, else by a person.

Many may be gone because the upstream was restored, or its list is another one by mistake. Every
function works in the transaction it is handed.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, delete, func, select

from gate.core.ticket import VOID, Status, Ticket
from gate.i18n import _
from sync.server import issuing, journals, ticket_store
from sync.server import tables as central
from sync.server.http import Denied
from sync.server.issuing import Issue
from sync.server.prepared import in_parts, put
from sync.upstream import tables as t

MOST_GONE: Final = 0.05
"""If more of the tickets than this are not there any more, nothing is voided: a person looks."""
AT_ONCE: Final = 1000
"""Tickets that one transaction voids."""


def compare(connection: Connection, event: str, run: int, now_ms: int) -> None:
    """Void what a whole comparison has not met; if that is too much, keep it and void nothing."""
    c, m = central.ticket.c, t.upstream_met.c
    met = select(m.ticket).where(m.event == event, m.run == run, m.ticket == c.id).exists()
    rows = connection.execute(select(c.id, c.body).where(c.event == event, ~met)).all()
    gone = [id_ for id_, body in rows if ticket_store.status_of(body) not in VOID]
    total = connection.execute(
        select(func.count()).select_from(central.ticket).where(c.event == event)
    ).scalar_one()
    connection.execute(delete(t.upstream_met).where(m.event == event))
    connection.execute(delete(t.upstream_missing).where(t.upstream_missing.c.event == event))
    if len(gone) > total * MOST_GONE:
        put(connection, t.upstream_missing, [(event, id_) for id_ in gone], "ticket")
    else:
        _void(connection, event, gone, now_ms)


def count(connection: Connection, event: str) -> int:
    """How many wait for a person's word."""
    m = t.upstream_missing.c
    query = select(func.count()).select_from(t.upstream_missing).where(m.event == event)
    return int(connection.execute(query).scalar_one())


def some(connection: Connection, event: str, limit: int = 200) -> list[Ticket]:
    """The first of them, by id, as they are now."""
    m = t.upstream_missing.c
    query = select(m.ticket).where(m.event == event).order_by(m.ticket).limit(limit)
    ids = list(connection.execute(query).scalars())
    found = ticket_store.find_tickets(connection, event, ids)
    return [found[id_] for id_ in ids if id_ in found]


def forget(connection: Connection, event: str, met: Sequence[str]) -> None:
    """They are there after all: the upstream has stated them again."""
    m = t.upstream_missing.c
    for part in in_parts(met):
        connection.execute(delete(t.upstream_missing).where(m.event == event, m.ticket.in_(part)))


def void(connection: Connection, event: str, seen: int, now_ms: int) -> int:
    """Void all that wait, if they are still as many as the person saw; the answer is how many.

    Raises Denied where they are others by now, or none.
    """
    journals.lock(connection, event)
    m = t.upstream_missing.c
    query = select(m.ticket).where(m.event == event).order_by(m.ticket)
    ids = list(connection.execute(query).scalars())
    if not ids:
        raise Denied(404, "none_missing", _("No ticket waits for this word."))
    if len(ids) != seen:
        reason = _("There are {n} of them by now, not {seen}: look again.")
        raise Denied(409, "others", reason.format(n=len(ids), seen=seen))
    _void(connection, event, ids, now_ms)
    connection.execute(delete(t.upstream_missing).where(m.event == event))
    return len(ids)


def _void(connection: Connection, event: str, ids: Sequence[str], now_ms: int) -> None:
    note = _("not there any more")
    for part in in_parts(ids, AT_ONCE):
        voids = [{"id": id_, "status": Status.REVOKED.value, "status_note": note} for id_ in part]
        issuing.issue(connection, event, Issue(voids=voids), now_ms)
