"""The entries of the venue as the rules about anomalies need them, followed as they come."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, nullcontext, suppress
from typing import Any, NamedTuple

import msgspec

from gate.config import Config
from gate.core.anomalies.anomaly import Anomaly, Limits, Sold
from gate.core.anomalies.evening import Evening
from gate.core.anomalies.sight import Clock, Clocks, Sight, read_sight
from gate.core.entry_codec import NoEntryError
from gate.core.outcome import Basis
from gate.storage.connectivity import Connectivity
from gate.storage.event import event_row
from gate.storage.fleet import Fleet, JournalFile
from gate.storage.fleet_devices import Device, all_devices
from gate.storage.folder import Folder
from gate.storage.gate_settings import gate_settings, stated_settings
from gate.storage.short_ids import short_of
from gate.storage.tickets import Tickets

NEWEST = 200_000
"""So many entries of each file are looked at, the newest: what is older is of another evening."""
PAGE = 2_000
"""Entries that are read together: the lane, in the same process, has its turn in between."""
_TICKETS_A_TIME = 500

_ENTRIES = "SELECT id, body FROM counted WHERE id > :after ORDER BY id LIMIT :page"
_SOLD = """
SELECT k.id, coalesce(json_extract(k.body, '$.order'), ''),
    coalesce(json_extract(k.body, '$.party'), json_extract(t.body, '$.party_size'), 1)
FROM ticket k LEFT JOIN ticket_type t ON t.id = k.type_id
WHERE k.id IN (SELECT value FROM json_each(?))
"""
_ORDER_SIZE = "SELECT count(*) FROM ticket WHERE json_extract(body, '$.order') = ?"


class Found(NamedTuple):
    """Anomalies, and what people call the tickets that they are about."""

    anomalies: list[Anomaly]
    names: Mapping[str, str]


class SoldTickets:
    """What the rules need of the list. Rows are not checked: nobody is let in or refused by it."""

    def __init__(self, tickets: Tickets | None, sizes: dict[str, int]) -> None:
        self._tickets = tickets
        self._sizes = sizes

    def sold(self, tickets: Collection[str]) -> Mapping[str, Sold]:
        """What is known of some tickets."""
        ids, found = sorted(tickets), dict[str, Sold]()
        for start in range(0, len(ids), _TICKETS_A_TIME):
            page = msgspec.json.encode(ids[start : start + _TICKETS_A_TIME]).decode()
            for id_, order, party in self._rows(_SOLD, page):
                found[id_] = Sold(str(order), int(party))
        return found

    def order_size(self, order: str) -> int:
        """How many tickets an order has."""
        if order not in self._sizes:
            self._sizes[order] = sum(count for (count,) in self._rows(_ORDER_SIZE, order))
        return self._sizes[order]

    def _rows(self, query: str, bound: str) -> list[Any]:
        if self._tickets is None:
            return []
        with self._tickets.replica.reading():
            return self._tickets.replica.connection().execute(query, (bound,)).fetchall()


class AnomalyReader:
    """What is unlike an honest evening; looking again costs what has come since.

    A ticket that is stated anew counts as it was until it is scanned again.
    """

    def __init__(self) -> None:
        self._evening: Evening | None = None
        self._limits = Limits()
        self._rows: list[int] = []
        self._files: tuple[object, ...] = ()
        self._sizes: dict[str, int] = {}
        self._is_cut = False

    def look_at(
        self, folder: Folder, limits: Limits, connectivity: Connectivity, now_ms: int
    ) -> Found:
        """All that is known now of a folder's venue, the gravest first. Raises StoreError."""
        tickets = Tickets(folder) if folder.pointer.exists() else None
        with closing(tickets) if tickets else nullcontext(), Fleet(folder) as venue:
            if tickets is not None:
                tickets.refresh()
            devices = all_devices(venue, now_ms, connectivity)
            # While a lane is not heard, who went out may have come in there.
            is_complete = connectivity.coverage.basis not in (Basis.ALONE, Basis.UNSEEN)
            clocks = _clocks(devices, connectivity)
            found = self.look(venue, tickets, limits, is_complete=is_complete, clocks=clocks)
            about = {one.about for one in found if one.is_of_ticket}
            return Found(found, {id_: short_of(tickets, id_) for id_ in about} if tickets else {})

    def look(
        self,
        fleet: Fleet,
        tickets: Tickets | None,
        limits: Limits,
        *,
        is_complete: bool,
        clocks: Clocks | None = None,
    ) -> list[Anomaly]:
        """All that is known now, as ``Evening.find`` has it. Raises StoreError."""
        evening = self._follow(fleet, limits)
        sold = SoldTickets(tickets, self._sizes)
        return evening.find(sold, is_complete=is_complete and not self._is_cut, clocks=clocks)

    def _follow(self, fleet: Fleet, limits: Limits) -> Evening:
        newest, files = (
            list(fleet.newest_rows()),
            (fleet.own.uri, fleet.peers.uri, fleet.disowned()),
        )
        goes_on = files == self._files and all(map(int.__le__, self._rows, newest))
        if self._evening is None or limits != self._limits or not goes_on:
            self._evening, self._limits, self._files = Evening(limits), limits, files
            self._rows = [max(0, last - NEWEST) for last in newest]
            self._is_cut, self._sizes = any(self._rows), {}
        for which, file in enumerate(fleet.files):
            for id_, sight in _sights(file, self._rows[which], newest[which]):
                self._evening.add([sight])
                self._rows[which] = id_
        return self._evening


def stated_limits(config: Config, folder: Folder, time_zone: str) -> Limits:
    """From where on something is an anomaly, by what the event states; else by ``config``."""
    settings = gate_settings(config, folder, stated_settings(folder))
    event = event_row(folder)
    return settings.config.anomalies.limits(time_zone, event.ends_s if event else 0)


def _clocks(devices: list[Device], connectivity: Connectivity) -> dict[str, Clock]:
    """How the devices' clocks stand to the server's, or else to this device's own."""
    own = connectivity.sync_status
    clocks = {}
    for device in devices:
        ahead_ms, error_ms = device.report.offset_ms, device.report.error_ms
        if device.is_own:
            ahead_ms, error_ms = own.ahead_ms or 0, own.error_ms or 0
        if ahead_ms is not None and error_ms is not None:
            clocks[device.id] = Clock(ahead_ms, error_ms)
    return clocks


def _sights(file: JournalFile, after: int, last: int) -> Iterator[tuple[int, Sight]]:
    while after < last:
        rows = file.rows(_ENTRIES, {"after": after, "page": PAGE})
        if not rows:
            return
        for id_, body in rows:
            # What is damaged is told by those who read it whole.
            with suppress(NoEntryError):
                yield id_, read_sight(body)
        after = rows[-1][0]
