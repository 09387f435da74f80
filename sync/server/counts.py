"""The event's numbers: its tally of scans, counted as entries come, and how much there is of it.

Every function works in the transaction it is handed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select

from gate.core import entry_codec
from gate.core.entry import FACTS, Entry
from gate.core.origins import OriginCounts, by_origin
from gate.core.outcome import Outcome
from gate.core.replication import Carried, Have
from gate.core.tally import TALLY_COUNTS, scan_row, taken_back, tally_key
from sync.server import journals
from sync.server import tables as t
from sync.server.disowned import mark_all, touched
from sync.server.head_cache import Known
from sync.server.prepared import add_up, insert_into

_VERDICTS = frozenset(outcome.value for outcome in Outcome)
_Lines = dict[tuple[Any, ...], list[int]]
"""What is to be added to lines of the tally, by their key."""


@dataclass(frozen=True, slots=True)
class Count:
    """What one device has counted at one gate."""

    device: str
    gate: str
    scans: int
    admitted: int
    exited: int
    refused: int
    annulled: int


def by_gate(connection: Connection, event: str) -> list[Count]:
    """The event's counts, by device and gate."""
    c = t.tally.c
    found: dict[tuple[str, str], list[int]] = {}
    rows = connection.execute(
        select(
            c.device, c.gate, c.outcome,
            func.sum(c.entries), func.sum(c.admitted), func.sum(c.exited), func.sum(c.annulled),
        )
        .where(c.event == event)
        .group_by(c.device, c.gate, c.outcome)
    )  # fmt: skip
    for device, gate, outcome, made, admitted, exited, annulled in rows:
        line = found.setdefault((device, gate), [0, 0, 0, 0, 0])
        # What is no verdict, such as the opening of a lane, is counted beside the verdicts.
        scans = made if outcome in _VERDICTS else 0
        refused = scans if outcome == Outcome.REFUSE else 0
        for n, count in enumerate((scans, admitted, exited, refused, annulled)):
            line[n] += int(count)
    return [Count(*key, *line) for key, line in sorted(found.items())]


def of_origins(connection: Connection, event: str) -> list[OriginCounts]:
    """What every device has done since each of its starts."""
    c = t.entry.c
    where = (c.event == event, c.act.in_(sorted(FACTS)), c.ticket != "", t.COUNTS)
    bodies = connection.execute(select(c.body).where(*where)).scalars()
    return by_origin(entry_codec.decode(body) for body in bodies)


def totals(connection: Connection, event: str) -> dict[str, int]:
    """How many types and tickets there are."""

    def count(table: Any) -> int:
        query = select(func.count()).select_from(table).where(table.c.event == event)
        return int(connection.execute(query).scalar_one())

    return {"types": count(t.ticket_type), "tickets": count(t.ticket)}


def add_taken(
    connection: Connection,
    event: str,
    known: Known,
    taken: Sequence[Carried],
    anew: Collection[str],
) -> None:
    """Count what was taken and has an effect; of the devices in ``anew`` everything."""
    counts: _Lines = {}
    facts: set[str] = set()
    for one in taken:
        e = one.entry
        if e.act in FACTS and e.ticket:
            facts.add(e.ticket)
        if e.device not in anew:
            _add(counts, *scan_row(e, lambda name: journals.find(connection, event, name)))
    for device in sorted(anew):
        _add_anew(connection, event, device, known.disowned[device], counts)
    if annulled := facts & known.annulled:
        _take_back(connection, event, annulled, counts)
    _put_tally(connection, event, counts)


def count_anew(connection: Connection, event: str, device: str, until: Have | None) -> None:
    """Note which of a device's entries have no effect, and count the others again."""
    counts: _Lines = {}
    _add_anew(connection, event, device, until, counts)
    _put_tally(connection, event, counts)


def _add_anew(
    connection: Connection, event: str, device: str, until: Have | None, counts: _Lines
) -> None:
    kept = mark_all(connection, event, device, until)
    c = t.taken_back.c
    names = (c.name > f"{device}.", c.name < f"{device}/")
    connection.execute(delete(t.tally).where(t.tally.c.event == event, t.tally.c.device == device))
    connection.execute(delete(t.taken_back).where(c.event == event, *names))
    for entry in kept:
        _add(counts, *scan_row(entry, lambda name: journals.find(connection, event, name)))
    _take_back(connection, event, touched(connection, event, device), counts)


def _take_back(connection: Connection, event: str, tickets: set[str], counts: _Lines) -> None:
    for at_ticket in sorted(tickets):
        for gone, added in taken_back(journals.facts_of(connection, event, at_ticket)):
            done = insert_into(connection, t.taken_back).on_conflict_do_nothing()
            if connection.execute(done.values(event=event, name=gone.name)).rowcount:
                _add(counts, gone, added)


def _add(counts: _Lines, at: Entry, added: tuple[int, int, int, int]) -> None:
    key = (at.device, *tally_key(at))
    line = counts.get(key)
    if line is None:
        counts[key] = list(added)
        return
    for n, count in enumerate(added):
        line[n] += count


def _put_tally(connection: Connection, event: str, counts: _Lines) -> None:
    # In order, so that two servers that count at once cannot wait for each other.
    rows = [(event, *key, *counts[key]) for key in sorted(counts)]
    add_up(connection, t.tally, rows, *TALLY_COUNTS)
