"""What a server process remembers of an event's journals, so that a push need not ask again.

As of a number of the event's entries: whoever holds the event's lock compares numbers, reads what
other processes have added since, and then knows what the tables say. A rollback forgets all of it.
"""

from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, bindparam, event, select

from gate.core import entry_codec
from gate.core.entry import Act, Entry
from gate.core.replication import Have, gather, tips_from_text
from gate.core.retirement import RETIREMENTS, newest
from gate.storage.ticket_filling import until_from_text
from sync.server import tables as t


@dataclass(slots=True)
class Known:
    """One event's journals in brief."""

    number: int = -1
    tips: Have = field(default_factory=dict)
    annulled: set[str] = field(default_factory=set)
    """Tickets that any annulment is about."""
    retirements: dict[str, Entry] = field(default_factory=dict)
    """The word that counts on each device that anybody has retired at a gate."""
    feed: int = -1
    """As of which number of the feed the disowned devices are known."""
    disowned: dict[str, Have] = field(default_factory=dict)
    """Up to where the entries of disowned devices count, by device and origin."""


class Memory:
    """What is known of every event; one for an engine, used by its one writing thread."""

    def __init__(self, engine: Engine | None = None) -> None:
        self._events: dict[str, Known] = {}
        if engine is not None:
            event.listen(engine, "rollback", self._forget)

    def of(self, connection: Connection, event_id: str, number: int, feed: int) -> Known:
        """What is known as of ``number`` of the entries and ``feed`` of the tickets' changes.

        The event's lock must be held.
        """
        known = self._events.get(event_id)
        if known is None or known.number > number:
            known = self._events[event_id] = Known()
            _read_all(connection, event_id, known)
        elif known.number < number:
            _catch_up(connection, event_id, known)
        known.number = number
        if known.feed != feed:
            _read_disowned(connection, event_id, known)
            known.feed = feed
        return known

    def _forget(self, connection: Connection) -> None:
        # What only reads ends by a rollback too.
        if not connection.get_execution_options().get("reads_only", False):
            self._events.clear()


_ALL_TIPS = select(t.tip.c.origin, t.tip.c.seq, t.tip.c.hash).where(
    t.tip.c.event == bindparam("event")
)
_ALL_ANNULLED = (
    select(t.entry.c.ticket)
    .where(t.entry.c.event == bindparam("event"), t.entry.c.act == Act.ANNULMENT.value)
    .distinct()
)
_SINCE = (
    select(t.entry.c.origin, t.entry.c.act, t.entry.c.ticket)
    .where(t.entry.c.event == bindparam("event"), t.entry.c.number > bindparam("number"))
    .distinct()
)


_WORDS = select(t.entry.c.body).where(
    t.entry.c.event == bindparam("event"), t.entry.c.act.in_(sorted(RETIREMENTS)), t.COUNTS
)
_DISOWNED = select(t.device.c.id, t.device.c.counts_until).where(
    t.device.c.event == bindparam("event"), t.device.c.counts_until != ""
)


def _read_disowned(connection: Connection, event_id: str, known: Known) -> None:
    before, rows = known.disowned, connection.execute(_DISOWNED, {"event": event_id})
    known.disowned = {id_: tips_from_text(until_from_text(text) or {}) for id_, text in rows}
    if known.disowned != before:
        _read_retirements(connection, event_id, known)


def _read_retirements(connection: Connection, event_id: str, known: Known) -> None:
    bodies = connection.execute(_WORDS, {"event": event_id}).scalars()
    known.retirements = newest(entry_codec.decode(body) for body in bodies)


def _read_all(connection: Connection, event_id: str, known: Known) -> None:
    known.tips = gather(connection.execute(_ALL_TIPS, {"event": event_id}))
    known.annulled = set(connection.execute(_ALL_ANNULLED, {"event": event_id}).scalars())
    _read_retirements(connection, event_id, known)


def _catch_up(connection: Connection, event_id: str, known: Known) -> None:
    rows = connection.execute(_SINCE, {"event": event_id, "number": known.number}).all()
    origins = {row[0] for row in rows}
    known.annulled |= {row[2] for row in rows if row[1] == Act.ANNULMENT.value}
    if any(row[1] in RETIREMENTS for row in rows):
        _read_retirements(connection, event_id, known)
    some = _ALL_TIPS.where(t.tip.c.origin.in_(sorted(origins)))
    known.tips |= gather(connection.execute(some, {"event": event_id}))
