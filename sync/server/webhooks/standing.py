"""What is so for a while: a zone that is full, a gate that is silent. Each is told as it turns.

What was told stands in a table, so that a restart tells nothing twice, and of several servers one.

Every function works in the transaction it is handed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, select

from gate.core.event_settings import EventSettings
from sync.server import devices, events, journals
from sync.server import tables as t
from sync.server.devices import Device
from sync.server.prepared import insert_into
from sync.server.webhooks import registered
from sync.server.webhooks.payloads import GateHeard, Kind, Message, ZoneFull

SILENT_AFTER_MS: Final = 60_000
"""A gate tells the server several times in that time that it is there."""
STEADY_MS: Final = 10_000
"""So long a gate that was silent has to be heard, never so long silent, to be told as back."""
EMPTIER: Final = 0.95
"""A zone is full again only after it was emptier than that part of its capacity."""


@dataclass(frozen=True, slots=True)
class Heard:
    """When devices were heard, as one server knows it."""

    heard_ms: Mapping[str, int]
    since_ms: int
    """When it began to listen: who was silent before is not silent for longer than that."""

    def last_ms(self, device: Device) -> int:
        """When a device was last heard by any server; 0: never."""
        return max(device.heard_ms, self.heard_ms.get(device.id, 0))

    def is_silent(self, device: Device, now_ms: int) -> bool:
        """Whether it should have been heard and was not."""
        last_ms = self.last_ms(device)
        return bool(last_ms) and now_ms - max(last_ms, self.since_ms) > SILENT_AFTER_MS


def begin(connection: Connection, event: str, kind: Kind, what: str, now_ms: int) -> bool:
    """Something is so; whether that is new."""
    row = insert_into(connection, t.webhook_standing).values(
        event=event, kind=kind.value, what=what, since_ms=now_ms
    )
    return bool(connection.execute(row.on_conflict_do_nothing()).rowcount)


def end(connection: Connection, event: str, kind: Kind, what: str) -> bool:
    """Something is not so any more; whether that is new."""
    c = t.webhook_standing.c
    where = (c.event == event, c.kind == kind.value, c.what == what)
    return bool(connection.execute(delete(t.webhook_standing).where(*where)).rowcount)


def look(connection: Connection, event: str, heard: Heard, now_ms: int) -> None:
    """Tell what has turned in an event."""
    journals.lock(connection, event)
    of_event = [one for one in devices.all_devices(connection) if one.event == event]
    messages = [*_silence(connection, of_event, heard, now_ms)]
    messages += _capacity(connection, event, now_ms)
    registered.publish(connection, event, messages, now_ms)


def _silence(
    connection: Connection, of_event: Iterable[Device], heard: Heard, now_ms: int
) -> Iterable[Message]:
    for one in of_event:
        if _turned(connection, one, heard, now_ms):
            is_silent = one.is_active and heard.is_silent(one, now_ms)
            kind = Kind.GATE_SILENT if is_silent else Kind.GATE_BACK
            data = GateHeard(one.id, one.name, heard.last_ms(one), one.is_active)
            yield Message(kind, f"{one.id} {now_ms}", one.id, data)


def _turned(connection: Connection, one: Device, heard: Heard, now_ms: int) -> bool:
    """Whether a gate has fallen silent, or is heard again and stays so.

    One that is heard now and then, on a bad link, is silent until it is heard for a while: it must
    not be told every minute. The row of ``GATE_BACK`` has since when it is heard again.
    """
    event = one.event
    is_steady = one.is_active and now_ms - heard.last_ms(one) <= STEADY_MS
    if not is_steady:
        end(connection, event, Kind.GATE_BACK, one.id)
    if not one.is_active:
        return end(connection, event, Kind.GATE_SILENT, one.id)
    if heard.is_silent(one, now_ms):
        return begin(connection, event, Kind.GATE_SILENT, one.id, now_ms)
    if not is_steady or _since(connection, event, Kind.GATE_SILENT, one.id) is None:
        return False
    begin(connection, event, Kind.GATE_BACK, one.id, now_ms)
    since_ms = _since(connection, event, Kind.GATE_BACK, one.id)
    if since_ms is None or now_ms - since_ms < STEADY_MS:
        return False
    end(connection, event, Kind.GATE_BACK, one.id)
    return end(connection, event, Kind.GATE_SILENT, one.id)


def _since(connection: Connection, event: str, kind: Kind, what: str) -> int | None:
    """Since when something is so; ``None`` where it is not."""
    c = t.webhook_standing.c
    query = select(c.since_ms).where(c.event == event, c.kind == kind.value, c.what == what)
    return connection.execute(query).scalar()


def _capacity(connection: Connection, event: str, now_ms: int) -> Iterable[Message]:
    capacities = zone_capacities(events.row_of(connection, event).settings)
    if not capacities:
        return
    inside = inside_by_zone(connection, event)
    for zone, capacity in capacities.items():
        count = inside.get(zone, 0)
        if count < capacity * EMPTIER:
            end(connection, event, Kind.CAPACITY, zone)
        elif count >= capacity and begin(connection, event, Kind.CAPACITY, zone, now_ms):
            data = ZoneFull(zone, count, capacity, now_ms)
            yield Message(Kind.CAPACITY, f"{zone} {now_ms}", f"zone:{zone}", data)


def zone_capacities(settings: EventSettings) -> dict[str, int]:
    """How many a zone holds, by the profiles of its gates: the smallest that any of them states."""
    found: dict[str, int] = {}
    for profile in settings.profiles.values():
        zone, capacity = profile.get("zone", ""), profile.get("zone_capacity")
        if isinstance(zone, str) and isinstance(capacity, int) and capacity > 0:
            found[zone] = min(capacity, found.get(zone, capacity))
    return found


def inside_by_zone(connection: Connection, event: str) -> dict[str, int]:
    """How many people are inside each zone, as far as they were counted."""
    c = t.tally.c
    inside = func.sum(c.admitted) - func.sum(c.exited)
    query = select(c.zone, inside).where(c.event == event).group_by(c.zone)
    return {zone: int(count) for zone, count in connection.execute(query)}
