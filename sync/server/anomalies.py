"""What is unlike an honest evening about an event, followed as its entries are numbered."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from gate.config import Config
from gate.core.anomalies.anomaly import Anomaly, Limits, Sold
from gate.core.anomalies.evening import Evening
from gate.core.anomalies.sight import read_sight
from gate.core.entry_codec import NoEntryError
from gate.settings import settings_of
from gate.storage.event import EventRow
from sync.server import events, journals, ticket_store
from sync.server import tables as t
from sync.server.devices import State

NEWEST = 200_000
"""So many entries of an event are looked at, the newest."""
PAGE = 5_000
EVENTS_KEPT = 4
"""Of so many events what was seen is kept; of another one it is read anew."""
HEARD_WITHIN_MS = 60_000
"""Whose lane is open and who was not heard for so long may have let in who goes out elsewhere."""
_TICKETS_A_TIME = 500

_ENTRIES = (
    select(t.entry.c.number, t.entry.c.body)
    .where(t.entry.c.event == bindparam("event"), t.entry.c.number > bindparam("after"), t.COUNTS)
    .order_by(t.entry.c.number)
    .limit(PAGE)
)


class _Ticket(msgspec.Struct):
    """What the rules need of a ticket: decoding all of it for a whole evening takes seconds."""

    id: str
    order: str = ""
    party: int | None = None


class _Type(msgspec.Struct):
    party_size: int = 1


_ticket, _type = msgspec.json.Decoder(_Ticket), msgspec.json.Decoder(_Type)


@dataclass
class _Followed:
    """What was seen of one event."""

    limits: Limits
    disowned: int
    number: int
    is_cut: bool
    evening: Evening
    sizes: dict[str, int] = field(default_factory=dict)


class EventAnomalies:
    """The anomalies of every event; asking again costs what has come since."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._events: OrderedDict[str, _Followed] = OrderedDict()

    def look(self, connection: Connection, event: str, now_ms: int) -> list[Anomaly]:
        """All that is known now, the gravest first."""
        with self._busy:
            followed = self._follow(connection, event)
            sold = _SoldTickets(connection, event, followed.sizes)
            is_complete = not followed.is_cut and _are_all_heard(connection, event, now_ms)
            return followed.evening.find(sold, is_complete=is_complete)

    def _follow(self, connection: Connection, event: str) -> _Followed:
        limits = _limits(events.row_of(connection, event))
        count = select(func.count()).where(t.disowned.c.event == event)
        disowned = int(connection.execute(count).scalar_one())
        newest = journals.newest_number(connection, event)
        followed = self._events.get(event)
        is_same = followed and (followed.limits, followed.disowned) == (limits, disowned)
        if followed is None or not is_same or followed.number > newest:
            first = max(0, newest - NEWEST)
            followed = _Followed(limits, disowned, first, first > 0, Evening(limits))
        self._events[event] = followed
        self._events.move_to_end(event)
        while len(self._events) > EVENTS_KEPT:
            self._events.popitem(last=False)
        bound = {"event": event}
        while rows := connection.execute(_ENTRIES, bound | {"after": followed.number}).all():
            for _number, body in rows:
                with suppress(NoEntryError):
                    followed.evening.add([read_sight(body)])
            followed.number = rows[-1][0]
        return followed


@dataclass(frozen=True, slots=True)
class _SoldTickets:
    """What the rules need of an event's tickets."""

    connection: Connection
    event: str
    sizes: dict[str, int]

    def sold(self, tickets: Collection[str]) -> Mapping[str, Sold]:
        """What is known of some tickets."""
        ids, found = sorted(tickets), dict[str, Sold]()
        for start in range(0, len(ids), _TICKETS_A_TIME):
            bound = {"event": self.event, "ids": ids[start : start + _TICKETS_A_TIME]}
            for body, type_body, _id in self.connection.execute(ticket_store.WITH_TYPE, bound):
                ticket = _ticket.decode(body)
                party = ticket.party or _type.decode(type_body).party_size
                found[ticket.id] = Sold(ticket.order, party)
        return found

    def order_size(self, order: str) -> int:
        """How many tickets an order has; asked of few, so no index is kept for it."""
        if order not in self.sizes:
            written = f'"order":{msgspec.json.encode(order).decode()}'
            count = select(func.count()).where(
                t.ticket.c.event == self.event, t.ticket.c.body.contains(written, autoescape=True)
            )
            self.sizes[order] = int(self.connection.execute(count).scalar_one())
        return self.sizes[order]


def _limits(event: EventRow) -> Limits:
    stated = settings_of(Config(), event.settings, "", "").config.anomalies
    return stated.limits(event.time_zone, event.ends_s)


def _are_all_heard(connection: Connection, event: str, now_ms: int) -> bool:
    """Whether every device whose lane is open was heard lately."""
    d = t.device.c
    silent = select(func.count()).where(
        d.event == event,
        d.state == State.ENROLLED.value,
        d.lane_open == 1,
        d.heard_ms < now_ms - HEARD_WITHIN_MS,
    )
    return int(connection.execute(silent).scalar_one()) == 0
