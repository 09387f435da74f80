"""What a server knows of an event's gates and says to them, for the pages."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, select

from gate.clock import read_wall_ms
from gate.core import entry_codec
from gate.core.entry import Entry
from gate.core.event_settings import EventFields
from gate.errors import UsageError
from gate.storage.fleet_devices import Device
from sync.api.administration import DeviceLine
from sync.server import conflicts, devices, event_settings, messages
from sync.server import tables as t
from sync.server.devices import State
from sync.server.http import Denied
from sync.server.server import Server
from sync.server.web.at_gate import AtGate, at_gate, is_watching, newest_by_device
from sync.server.web.authority import Change
from sync.server.web.paced import Paced
from sync.server.web.pages import Visit

_LANES = {State.RETIRED: "retired", State.REVOKED: "revoked"}


class ServerAuthority:
    """The server of this process."""

    silent_after_ms = 60_000
    """A gate tells a server several times in that time that it is there."""
    takes_gates_in = True

    def __init__(self, server: Server) -> None:
        self._server = server
        self._gates = Paced(self._read)

    async def gates(self, event: str) -> Sequence[AtGate]:
        """Every device of the event, as it was a moment ago."""
        return await self._gates.newest(event)

    async def _read(self, event: str) -> Sequence[AtGate]:
        cache = self._server.device_cache
        await cache.freshen()
        newest, alarmed, flooding = await self._server.read(_from_entries, event)
        now_ms = read_wall_ms()
        return [
            at_gate(
                _device(
                    line, now_ms, newest.get(line.id),
                    has_alarm=line.id in alarmed, is_flooding=line.id in flooding,
                ),
                newest.get(line.id),
            )
            for line in cache.lines(event)
        ]  # fmt: skip

    async def set_state(self, visit: Visit, device: str, state: State, why: str) -> None:
        """Retire a device, bring it back, or revoke it for good. Raises Denied."""
        event, server = visit.visitor.event, self._server
        job = partial(devices.set_state, event=event, device=device, state=state)
        await visit.change(job, devices.ACTS[state], device, why)
        await server.device_cache.refresh()
        server.streams.cut_revoked()
        server.publish_changes(event)
        self._gates.forget(event)

    async def change_settings(self, visit: Visit, change: Change, about: str, why: str) -> None:
        """State the event's settings anew. Raises Denied, with what is allowed."""
        event = visit.visitor.event

        def state(connection: Connection) -> None:
            try:
                event_settings.change_settings(connection, event, change)
            except UsageError as error:
                raise Denied(422, "invalid", error.message) from error

        await visit.change(state, "settings", about, why)
        self._server.publish_changes(event)

    async def change_fields(self, visit: Visit, fields: EventFields, about: str, why: str) -> None:
        """State anew its time zone, its end, for how long something is so. Raises Denied."""
        event = visit.visitor.event
        job = partial(event_settings.change_fields, event=event, fields=fields)
        await visit.change(job, "settings", about, why)
        self._server.publish_changes(event)

    async def send(self, visit: Visit, text: str, gates: tuple[str, ...]) -> None:
        """Send a message to gates by name, or to all."""
        job = partial(
            messages.send, event=visit.visitor.event, text=text, gates=gates,
            now_ms=read_wall_ms(), operator=visit.visitor.name,
        )  # fmt: skip
        await visit.change(job, "message", ", ".join(gates), text)
        self._server.streams.wake(visit.visitor.event, {})


def _from_entries(
    connection: Connection, event: str
) -> tuple[dict[str, Entry], set[str], set[str]]:
    """The newest entry of each device, and which devices raise an alarm."""
    alarmed = {one.device for one in conflicts.find_alarms(connection, event)}
    flooding = {one.device for one in conflicts.find_floods(connection, event)}
    return _newest(connection, event), alarmed, flooding


def _newest(connection: Connection, event: str) -> dict[str, Entry]:
    e, tip = t.entry.c, t.tip.c
    same = (e.event == tip.event) & (e.origin == tip.origin) & (e.seq == tip.seq)
    query = select(e.body).join_from(t.tip, t.entry, same).where(tip.event == event)
    return newest_by_device(
        entry_codec.decode(body) for body in connection.execute(query).scalars()
    )


def _device(
    line: DeviceLine, now_ms: int, newest: Entry | None, *, has_alarm: bool, is_flooding: bool
) -> Device:
    lane = "open" if line.lane_open else "watches" if is_watching(newest) else "closed"
    return Device(
        line.id,
        name=line.name,
        gate=line.report.gate,
        state=_LANES.get(State(line.state), lane),
        heard_ago_ms=max(0, now_ms - line.heard_ms) if line.heard_ms else None,
        unacked=line.report.unacked if line.heard_ms else None,
        report=line.report,
        has_alarm=has_alarm,
        is_disowned=line.disowned,
        has_twin=bool(line.twin_ms),
        is_flooding=is_flooding,
    )
