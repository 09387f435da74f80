"""The entries of the venue as the rules about anomalies need them, followed as they come."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from gate.core.anomalies.anomaly import Anomaly, Limits, Sold
from gate.core.anomalies.evening import Evening
from gate.core.anomalies.sight import Clocks, Sight, read_sight
from gate.core.entry_codec import NoEntryError
from gate.storage.fleet import Fleet, JournalFile
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
