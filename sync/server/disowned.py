"""Which of the event's entries have no effect: those of disowned devices, as rows of a table.

Every function works in the transaction it is handed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from gate.core import entry_codec
from gate.core.disowning import Effect, Fact, counted, effect, kept_until
from gate.core.entry import FACTS, Entry
from gate.core.intake import read_bodies, step_of
from gate.core.replication import DIGITS, Have, Intake, Step
from sync.server import tables as t
from sync.server.head_cache import Known


def of_device(event: str, device: str) -> tuple[ColumnElement[bool], ...]:
    """That an entry is one of a device's."""
    c = t.entry.c
    return c.event == event, c.origin > f"{device}.", c.origin < f"{device}/"


def tips_before(connection: Connection, event: str, device: str, from_ms: int) -> Have:
    """The tips up to which a device's entries count that is disowned from a moment on."""
    rows = connection.execute(select(t.entry.c.body).where(*of_device(event, device)))
    carried, _rejected = read_bodies(body.encode() for (body,) in rows)
    return kept_until(carried, from_ms)


def touched(connection: Connection, event: str, device: str) -> set[str]:
    """Tickets on which a device has done anything."""
    c = t.entry.c
    where = (*of_device(event, device), c.act.in_(sorted(FACTS)), c.ticket != "")
    return set(connection.execute(select(c.ticket).where(*where).distinct()).scalars())


def counting(connection: Connection, event: str, tickets: Iterable[str]) -> dict[int, Entry]:
    """Every entry that counts and that the histories of some tickets fold from, by number."""
    c = t.entry.c
    found: dict[int, Entry] = {}
    for ticket in tickets:
        query = select(c.number, c.body).where(
            c.event == event, c.ticket == ticket, c.act.in_(sorted(FACTS)), t.COUNTS
        )
        found |= {number: entry_codec.decode(body) for number, body in connection.execute(query)}
    return found


def judge(known: Known, intake: Intake) -> tuple[set[str], set[str]]:
    """Hashes of what was taken and has no effect, and devices of which all has to be judged.

    Only where an origin has branched may it change what something has that was held before.
    """
    gone, anew = set(), set()
    for one in intake.taken:
        entry = one.entry
        if entry.device not in known.disowned:
            continue
        if len(intake.tips[entry.origin]) > 1:
            anew.add(entry.device)
        until = known.disowned[entry.device].get(entry.origin, frozenset())
        if entry.seq > max((tip.seq for tip in until), default=0):
            gone.add(one.hash)
    return gone, anew


def mark(connection: Connection, event: str, numbers: Iterable[int]) -> None:
    """Note that entries have no effect."""
    rows = [{"event": event, "number": number} for number in numbers]
    if rows:
        connection.execute(insert(t.disowned), rows)


def foresee(connection: Connection, event: str, device: str, from_ms: int) -> Effect:
    """What would change if a device were disowned from a moment on."""
    rows, kept = _judged(connection, event, device, tips_before(connection, event, device, from_ms))
    now = counting(connection, event, touched(connection, event, device))
    then = {number: entry for number, entry in now.items() if entry.device != device}
    for row in rows:
        entry = entry_codec.decode(row.body)
        if row.hash[:DIGITS] in kept and entry.act in FACTS:
            then[row.number] = entry
    return effect(
        Fact(entry, number in now, number in then) for number, entry in (now | then).items()
    )


def _judged(
    connection: Connection, event: str, device: str, until: Have | None
) -> tuple[Sequence[Any], set[str]]:
    """A device's entries, and the hashes of those that have an effect."""
    c = t.entry.c
    query = select(c.number, c.origin, c.seq, c.hash, c.body)
    rows = connection.execute(query.where(*of_device(event, device)).order_by(c.seq)).all()
    steps: dict[str, list[Step]] = defaultdict(list)
    for row in rows:
        steps[row.origin].append(step_of(row.seq, row.hash, row.body))
    if until is None:
        return rows, {step.hash for of in steps.values() for step in of}
    return rows, set().union(*(counted(steps[o], until.get(o, ())) for o in steps))


def mark_all(connection: Connection, event: str, device: str, until: Have | None) -> list[Entry]:
    """Note which of a device's entries have no effect; the others. ``None``: all have one."""
    rows, kept = _judged(connection, event, device, until)
    numbers = select(t.entry.c.number).where(*of_device(event, device))
    where = (t.disowned.c.event == event, t.disowned.c.number.in_(numbers))
    connection.execute(delete(t.disowned).where(*where))
    mark(connection, event, (row.number for row in rows if row.hash[:DIGITS] not in kept))
    return [entry_codec.decode(row.body) for row in rows if row.hash[:DIGITS] in kept]
