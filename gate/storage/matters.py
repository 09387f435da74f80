"""What a supervisor has to look into, a line for each ticket.

Conflicts, irregular admissions, and undos that nobody has confirmed.

Read by the screens. Keeping watch costs what has come since the last look, not what there is.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gate.core.entry import Entry
from gate.core.history import Claimed, Conflict
from gate.core.irregular import Irregular
from gate.core.ticket import Ticket
from gate.storage.conflicts import (
    conflict_of,
    find_conflicts,
    irregular_admissions,
    irregular_of,
    unconfirmed_undos,
    unconfirmed_undos_of,
)
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.remembered_changes import changed_since
from gate.storage.short_ids import short_of
from gate.storage.tickets import Tickets


@dataclass(frozen=True, slots=True)
class Matter:
    """One ticket, with what is wrong about its admissions."""

    ticket: str
    conflict: Conflict | None
    irregular: Irregular | None
    short: str = ""
    """What ``gate lookup`` finds the ticket by."""
    details: Ticket | None = None
    """The ticket as the list has it, or else its code; ``None`` when neither tells."""
    claimed: Claimed | None = None
    """Undos that nobody who may has confirmed."""

    @property
    def is_open(self) -> bool:
        """Whether it waits for a supervisor's word."""
        waits = [one for one in (self.conflict, self.claimed) if one is not None]
        return any(one.resolution is None for one in waits) or (
            self.irregular is not None and self.irregular.is_open
        )

    @property
    def admissions(self) -> list[Entry]:
        """The admissions that it is about, the first first."""
        if self.conflict is not None:
            return list(self.conflict.admissions)
        if self.irregular is not None:
            return [one.entry for one in self.irregular.admissions]
        return list(self.claimed.targets) if self.claimed else []

    @property
    def resolution(self) -> Entry | None:
        """The supervisor's word, once nothing is open."""
        if self.is_open:
            return None
        resolutions = [
            one.resolution for one in (self.conflict, self.irregular, self.claimed) if one
        ]
        return next((resolution for resolution in resolutions if resolution is not None), None)


def matters(folder: Folder, venue: Fleet) -> list[Matter]:
    """Every ticket with something to look into, those that wait first, then the newest."""
    clashes = {one.ticket: one for one in find_conflicts(venue)}
    strange = {one.ticket: one for one in irregular_admissions(venue)}
    claims = {one.ticket: one for one in unconfirmed_undos(venue)}
    tickets = Tickets(folder) if folder.pointer.exists() else None
    found = []
    try:
        for id_ in {**clashes, **strange, **claims}:
            details = tickets.get(id_) if tickets else None
            short = short_of(tickets, id_) if tickets and details else id_
            one = Matter(id_, clashes.get(id_), strange.get(id_), short, details, claims.get(id_))
            if tickets and details is None:
                one = replace(one, details=tickets.told(one.admissions))
            found.append(one)
    finally:
        if tickets:
            tickets.close()
    return in_order(found)


def in_order(found: Iterable[Matter]) -> list[Matter]:
    """Those that wait first, then the newest."""
    return sorted(found, key=lambda one: (not one.is_open, -one.admissions[-1].hlc, one.ticket))


class Watch:
    """Which tickets wait for a supervisor, kept up to date; may be asked from any thread."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._busy = threading.Lock()
        self._open: set[str] = set()
        self._rows = (-1, -1)
        self._files: tuple[str, int, bool, dict[str, str]] = ("", 0, False, {})
        """The life of the feed, how far it was read, whether others had been heard, and which of
        them are disowned."""

    def is_free(self) -> bool:
        """Whether nobody is looking just now."""
        return not self._busy.locked()

    def look(self) -> frozenset[str]:
        """The tickets that wait now. Raises StoreError when the files cannot be read."""
        with self._busy, Fleet(self._folder) as venue:
            tickets = Tickets(self._folder) if self._folder.pointer.exists() else None
            try:
                self._follow(venue, tickets)
            finally:
                if tickets:
                    tickets.close()
        return frozenset(self._open)

    def _follow(self, venue: Fleet, tickets: Tickets | None) -> None:
        rows, (life, seq, had_peers, not_ours) = venue.newest_rows(), self._files
        disowned = venue.disowned()
        at, changed, now_life, has_peers = 0, None, "", self._folder.peers.exists()
        if tickets is not None:
            tickets.refresh()
            at, changed = changed_since(tickets.replica, seq)
            now_life = tickets.replica.life
        is_next = 0 <= self._rows[0] <= rows[0] and self._rows[1] <= rows[1]
        if not is_next or changed is None or (now_life, disowned) != (life, not_ours):
            self._open = {one.ticket for one in matters(self._folder, venue) if one.is_open}
        elif rows != self._rows or at != seq or has_peers != had_peers:
            for id_ in venue.touched_since(self._rows) | changed:
                clash = conflict_of(venue, tickets, id_) if venue.may_conflict(id_) else None
                strange = irregular_of(venue, tickets, id_) if tickets else None
                claimed = unconfirmed_undos_of(venue, id_)
                is_open = Matter(id_, clash, strange, claimed=claimed).is_open
                self._open = self._open | {id_} if is_open else self._open - {id_}
        self._rows, self._files = rows, (now_life, at, has_peers, disowned)
