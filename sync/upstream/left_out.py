"""Tickets that an upstream states and that cannot be taken in as they are: kept until they can.

One bad row keeps no other out, and is named for as long as nobody has put it right: stated
otherwise, or not there any more. Every function works in the transaction it is handed.
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, func, select

from gate.i18n import _
from sync.server.prepared import in_parts, put
from sync.upstream import tables as t

LONGEST: Final = 400
"""So much is kept of why."""


class LeftOut(NamedTuple):
    """A ticket that no gate has as it is stated, or at all."""

    ticket: str
    why: str
    since_ms: int


def keep(
    connection: Connection, event: str, met: Collection[str], wrong: Mapping[str, str], now_ms: int
) -> None:
    """Keep which of the tickets of a page could not be taken in; the others are."""
    forget(connection, event, set(met) - wrong.keys())
    rows = [(event, ticket, why[:LONGEST], now_ms) for ticket, why in sorted(wrong.items())]
    put(connection, t.upstream_left_out, rows, "why")


def forget(connection: Connection, event: str, tickets: Collection[str]) -> None:
    """They were taken in, or are not there any more."""
    c = t.upstream_left_out.c
    for part in in_parts(sorted(tickets)):
        gone = delete(t.upstream_left_out).where(c.event == event, c.ticket.in_(part))
        connection.execute(gone)


def compare(connection: Connection, event: str, run: int) -> None:
    """Forget those that a whole comparison has not met: they are not there any more."""
    c, m = t.upstream_left_out.c, t.upstream_met.c
    met = select(m.ticket).where(m.event == event, m.run == run, m.ticket == c.ticket).exists()
    connection.execute(delete(t.upstream_left_out).where(c.event == event, ~met))


def some(connection: Connection, event: str, limit: int = 200) -> list[LeftOut]:
    """The first of them, the longest left out first."""
    c = t.upstream_left_out.c
    query = select(c.ticket, c.why, c.since_ms).where(c.event == event)
    rows = connection.execute(query.order_by(c.since_ms, c.ticket).limit(limit))
    return [LeftOut(*row) for row in rows]


def count(connection: Connection, event: str) -> int:
    """How many there are."""
    c = t.upstream_left_out.c
    query = select(func.count()).select_from(t.upstream_left_out).where(c.event == event)
    return int(connection.execute(query).scalar_one())


def in_words(connection: Connection, event: str) -> str:
    """All of it in a line; empty: every ticket was taken in."""
    first = some(connection, event, 1)
    if not first:
        return ""
    line = _("tickets that cannot be taken in: {n}; {why}")
    return line.format(n=count(connection, event), why=first[0].why)
