"""Lists of people of an event: who is inside, was admitted, is expected, or has not come.

Of ``expected`` and ``no-show`` every ticket is read, of the others every ticket that was scanned:
page by page, each in a transaction of its own.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Engine, func, select

from gate.core.coverage import Coverage, OtherLane
from gate.core.entry import Act
from gate.core.outcome import Basis
from gate.core.ticket import EXPECTED, Ticket
from gate.storage.attendees import AttendeeList, ListName, SortedAttendees, attendee
from gate.storage.connectivity import Connectivity
from gate.storage.fleet_devices import Device, lane_state
from gate.storage.presence import Presence, presence_of
from gate.storage.short_ids import SHORT
from gate.storage.sync_status import NOTHING
from sync.server import devices, journals, ticket_store
from sync.server import tables as t
from sync.server.database import reading
from sync.server.prepared import in_parts

HEARD_WITHIN_MS = 60_000
"""What an open lane that was not heard for longer did may be missing."""
PAGE = 500
_COUNTED = [Act.COUNT_IN.value, Act.COUNT_OUT.value, Act.COUNT_UNDONE.value]


def list_of(
    engine: Engine, event: str, name: ListName, every: Sequence[devices.Device], now_ms: int
) -> AttendeeList:
    """A list as it is now, by what the server was told; ``every`` has the event's devices."""
    known = [_device(one, now_ms) for one in every if one.enrolled_ms]
    unheard = tuple(
        OtherLane(one.id, one.name)
        for one, row in zip(known, (d for d in every if d.enrolled_ms), strict=True)
        if row.is_active and now_ms - row.heard_ms > HEARD_WITHIN_MS
    )
    basis = Basis.ALONE if unheard else Basis.CENTRAL
    connectivity = Connectivity(0, Coverage(basis, unheard), NOTHING, is_enrolled=True)
    crew = _without_ticket(engine, event) if name == "inside" else {}
    rows = SortedAttendees(
        attendee(presence, ticket, name, presence.ticket[: SHORT + 2], show_names=True)
        for presence, ticket in _found(engine, event, name)
    )
    return AttendeeList(name, now_ms, connectivity, known, crew, rows)


def _device(row: devices.Device, now_ms: int) -> Device:
    state = lane_state(row.state, is_active=row.is_active)
    heard_ago_ms = max(0, now_ms - row.heard_ms) if row.heard_ms else None
    return Device(row.id, row.name, state=state, heard_ago_ms=heard_ago_ms)


def _without_ticket(engine: Engine, event: str) -> dict[str, int]:
    """How many who were counted at doors without a ticket are inside, by zone."""
    c = t.tally.c
    query = (
        select(c.zone, func.sum(c.admitted - c.exited))
        .where(c.event == event, c.outcome.in_(_COUNTED))
        .group_by(c.zone)
        .order_by(c.zone)
    )
    with reading(engine) as connection:
        found = connection.execute(query).all()
    return {str(zone): int(people) for zone, people in found if people}


def _found(engine: Engine, event: str, name: ListName) -> Iterator[tuple[Presence, Ticket | None]]:
    was_scanned = name in ("inside", "admitted")
    for page in _pages(engine, event, of_entries=was_scanned):
        with reading(engine) as connection:
            tickets = ticket_store.find_tickets(connection, event, page)
            expected = [id_ for id_, ticket in tickets.items() if ticket.status in EXPECTED]
            ids = page if was_scanned else sorted(expected)
            known = {
                ticket: presence_of(ticket, facts)
                for some in in_parts(ids)
                for ticket, facts in journals.facts_of_each(connection, event, some)
            }
        for id_ in ids:
            presence = known.get(id_, Presence(id_))
            if _is_on(presence, name):
                yield presence, tickets.get(id_)


def _is_on(presence: Presence, name: ListName) -> bool:
    match name:
        case "inside":
            return presence.inside > 0
        case "admitted":
            return presence.used > 0
        case "no-show":
            return not presence.used
    return True


def _pages(engine: Engine, event: str, *, of_entries: bool) -> Iterator[list[str]]:
    """Ids of tickets that there are, or that there are entries of."""
    table = t.entry if of_entries else t.ticket
    id_ = table.c.ticket if of_entries else table.c.id
    after = ""
    while True:
        query = select(id_).where(table.c.event == event, id_ > after).distinct()
        with reading(engine) as connection:
            ids = list(connection.execute(query.order_by(id_).limit(PAGE)).scalars())
        if not ids:
            return
        yield ids
        after = ids[-1]
