"""What the host of a venue knows of its gates and says to them, for its pages."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from gate.clock import SystemClock
from gate.core.entry import Entry
from gate.core.event_settings import EventFields
from gate.errors import GateError, UsageError
from gate.i18n import sentences
from gate.storage import outgoing, venue_host
from gate.storage.connectivity import ConnectivityReader
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import Device, all_devices
from gate.storage.folder import Folder
from gate.storage.outgoing import Outgoing
from gate.storage.ticket_filling import MemberRow
from sync.server.devices import ACTS, State
from sync.server.http import Denied
from sync.server.web.at_gate import AtGate, at_gate, newest_by_device
from sync.server.web.authority import Change
from sync.server.web.paced import Paced
from sync.server.web.pages import Visit

_OWN_NEWEST = "SELECT origin, seq FROM entry ORDER BY id DESC LIMIT 1"
_NEWEST = "SELECT origin, seq FROM tip"


class FolderAuthority:
    """The host, by its folder: what it says waits in the inbox for the sync worker.

    The row in the audit log is in another file than what it tells of: a power cut between the two
    can leave the change without its row, and never the other way round.
    """

    silent_after_ms = 20_000
    """Gates on the LAN say twice a second that they are there."""
    takes_gates_in = False

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._clock = SystemClock()
        self._connectivity = ConnectivityReader(folder)
        self._gates = Paced(lambda _event: asyncio.to_thread(self._read))

    async def gates(self, event: str) -> Sequence[AtGate]:
        """Every device of the venue that the host has heard of, as it was a moment ago."""
        return await self._gates.newest(event)

    def _read(self) -> Sequence[AtGate]:
        now = self._clock.read()
        with Fleet(self._folder) as fleet:
            newest = newest_by_device(_newest(fleet))
            found = all_devices(fleet, now.wall_ms, self._connectivity.read(now))
        members = venue_host.devices(self._folder)
        known = {device.id for device in found}
        found += [Device(id_, name=members[id_].name) for id_ in members if id_ not in known]
        return [at_gate(_stated(device, members), newest.get(device.id)) for device in found]

    async def set_state(self, visit: Visit, device: str, state: State, why: str) -> None:
        """Retire a device, bring it back, or revoke it for good. Raises Denied."""
        await visit.change(
            _job(lambda: venue_host.set_state(self._folder, device, state.value)),
            ACTS[state], device, why,
        )  # fmt: skip
        self._gates.forget(visit.visitor.event)

    async def change_settings(self, visit: Visit, change: Change, about: str, why: str) -> None:
        """State the venue's settings anew. Raises Denied, with what is allowed."""
        state = _job(lambda: venue_host.change_settings(self._folder, change))
        await visit.change(state, "settings", about, why)

    async def change_fields(self, visit: Visit, fields: EventFields, about: str, why: str) -> None:
        """State anew its time zone, its end, for how long something is so. Raises Denied."""
        job = _job(lambda: venue_host.set_fields(self._folder, fields))
        await visit.change(job, "settings", about, why)

    async def send(self, visit: Visit, text: str, gates: tuple[str, ...]) -> None:
        """Leave a message for the host's lane, which sends it as soon as it is at work."""
        leave = _job(lambda: outgoing.leave(self._folder, Outgoing(text, gates)))
        await visit.change(leave, "message", ", ".join(gates), text)


def _job(do: Callable[[], Any]) -> Callable[[Connection], None]:
    """Something done in the folder, as it is done beside a row. Raises Denied."""

    def job(_connection: Connection) -> None:
        try:
            do()
        except UsageError as error:
            raise Denied(422, "invalid", sentences(error.message, error.hint)) from error
        except GateError as error:
            raise Denied(503, "unavailable", sentences(error.message, error.hint)) from error

    return job


def _stated(device: Device, members: Mapping[str, MemberRow]) -> Device:
    """With what the host itself has said of it, be it on its way still."""
    state = members[device.id].state if device.id in members else venue_host.ENROLLED
    return device if state == venue_host.ENROLLED else replace(device, state=state)


def _newest(fleet: Fleet) -> Iterator[Entry]:
    """Of each origin the newest entry, as far as it is held."""
    for file, query in ((fleet.own, _OWN_NEWEST), (fleet.peers, _NEWEST)):
        for origin, seq in file.rows(query):
            entry = file.find(f"{origin}:{seq}")
            if entry is not None:
                yield entry
