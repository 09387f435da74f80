"""Whose tickets were used and who is inside, by this device's journal and the others'.

What only one file knows of a ticket is in its row; where both know something, or one has taken back
what the other has, the ticket's history is folded from the entries of both.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, Literal

import msgspec

from gate.core.entry import Entry
from gate.core.history import fold, movement_of
from gate.storage.fleet import Fleet, JournalFile

PAGE = 500
"""Tickets that are looked at together: no reading lasts, and memory does not grow."""

_OF_STATES = """
SELECT s.ticket, s.used, s.inside, json_extract(f.body, '$.at_ms'),
    json_extract(l.body, '$.at_ms'), coalesce(json_extract(l.body, '$.gate'), ''),
    coalesce(json_extract(l.body, '$.zone'), '')
FROM state s LEFT JOIN entry f ON f.id = s.first LEFT JOIN entry l ON l.id = s.last
WHERE s.ticket IN (SELECT value FROM json_each(:tickets))
"""
_WITHOUT_TICKET = (
    "SELECT zone, coalesce(sum(admitted - exited), 0) FROM tally "
    "WHERE outcome IN ('count_in', 'count_out', 'count_undone') GROUP BY zone"
)


@dataclass(frozen=True, slots=True)
class Presence:
    """How often a ticket was used, and how many of its people are inside."""

    ticket: str
    used: int = 0
    inside: int = 0
    first_ms: int | None = None
    """When it first went in; ``None`` when no admission stands."""
    last_ms: int | None = None
    """When somebody of it last went in or out, and where."""
    gate: str = ""
    zone: str = ""


def with_any(fleet: Fleet, what: Literal["used", "inside"]) -> Iterator[Presence]:
    """Every ticket of which any use stands, or anybody is inside, in the order of their ids.

    Only tickets are read of which some file says so. Nobody is inside by two files together who is
    not by one of them; only an annulment of the other's makes it more.
    """
    ids = heapq.merge(*(_ids(file, what) for file in fleet.files), sorted(fleet.taken_back()))
    for one in presences(fleet, (ticket for ticket, _same in groupby(ids))):
        if getattr(one, what) > 0:
            yield one


def presences(fleet: Fleet, tickets: Iterable[str]) -> Iterator[Presence]:
    """What is known of these tickets, in their order."""
    taken_back, following = fleet.taken_back(), iter(tickets)
    while page := list(islice(following, PAGE)):
        own, theirs = (_states(file, page) for file in fleet.files)
        for ticket in page:
            if ticket in taken_back or (ticket in own and ticket in theirs):
                yield _folded(fleet, ticket)
            else:
                yield own.get(ticket) or theirs.get(ticket) or Presence(ticket)


def people_without_ticket(fleet: Fleet) -> dict[str, int]:
    """How many who were counted at doors without a ticket are inside, by zone."""
    found: Counter[str] = Counter()
    for file in fleet.files:
        found.update({str(zone): int(people) for zone, people in file.rows(_WITHOUT_TICKET)})
    return {zone: found[zone] for zone in sorted(found) if found[zone]}


def _ids(file: JournalFile, what: str) -> Iterator[str]:
    some = f"{what} > 0 AND ticket > :after ORDER BY ticket LIMIT {PAGE}"
    query = f"SELECT ticket FROM state WHERE {some}"
    after = ""
    while rows := file.rows(query, {"after": after}):
        yield from (ticket for (ticket,) in rows)
        after = rows[-1][0]


def _states(file: JournalFile, page: Sequence[str]) -> dict[str, Presence]:
    rows: list[Any] = file.rows(_OF_STATES, {"tickets": msgspec.json.encode(page).decode()})
    return {row[0]: Presence(*row) for row in rows}


def _folded(fleet: Fleet, ticket: str) -> Presence:
    return presence_of(ticket, fleet.facts(ticket))


def presence_of(ticket: str, facts: Sequence[Entry]) -> Presence:
    """What a ticket's entries tell, whoever made them."""
    history = fold(facts)
    first, last = history.first, history.last
    if last is None:
        return Presence(ticket)
    zone = next(fact.zone for fact in facts if movement_of(fact) == last)
    return Presence(
        ticket,
        history.used,
        history.inside,
        None if first is None else first.at_ms,
        last.at_ms,
        last.gate,
        zone,
    )
