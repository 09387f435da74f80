"""Lists of people: who is inside, was admitted, is expected, or has not come; by zone and by name.

Only of ``expected`` and ``no-show`` every ticket is read; none is kept in memory.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, tee
from typing import Literal, NamedTuple, TypeVar

from gate.core.hlc import Reading
from gate.core.outcome import Basis
from gate.core.ticket import EXPECTED, Ticket
from gate.storage.connectivity import Connectivity, ConnectivityReader
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import Device, all_devices
from gate.storage.folder import Folder
from gate.storage.presence import PAGE, Presence, people_without_ticket, presences, with_any
from gate.storage.short_ids import SHORT, shorts_of
from gate.storage.tickets import ListedTicket, Tickets

T = TypeVar("T")
ListName = Literal["inside", "expected", "no-show", "admitted"]
LIST_NAMES: tuple[ListName, ...] = ("inside", "expected", "no-show", "admitted")


class Attendee(NamedTuple):
    """A ticket on a list. Texts are strangers'; whoever shows them makes them safe."""

    zone: str
    """In which it was last seen, or else that of the ticket."""
    holder: str
    """Empty where names are not shown."""
    seat: str
    kind: str
    """Title of its type."""
    ticket: str
    """The short id that ``gate lookup`` finds it by."""
    people: int
    """Of ``inside``, how many of it are; of ``admitted``, its uses; else how many may come."""
    at_ms: int | None
    """When it last moved; of ``expected`` and ``admitted`` when it first came in."""
    gate: str


class ZoneCount(NamedTuple):
    """How many are on a list of one zone."""

    zone: str
    tickets: int
    people: int


@dataclass(frozen=True, slots=True)
class AttendeeList:
    """One list, and how far what it says can be believed."""

    name: ListName
    at_ms: int
    connectivity: Connectivity
    devices: list[Device]
    """Every gate, with when it was last heard."""
    without_ticket: dict[str, int]
    """People inside who were counted at doors, by zone; only of ``inside``."""
    sorted: "SortedAttendees"

    @property
    def is_complete(self) -> bool:
        """Whether all that every gate at work did is known here."""
        return self.connectivity.coverage.basis is not Basis.ALONE

    @property
    def unheard(self) -> list[str]:
        """Gates of which something may be missing, as far as they are known."""
        return [one.name or one.device[:8] for one in self.connectivity.coverage.unheard]

    def close(self) -> None:
        """Let go of what was sorted."""
        self.sorted.close()


class SortedAttendees:
    """The rows of a list in order, in a temporary file once they are many."""

    def __init__(self, rows: Iterable[Attendee]) -> None:
        # Without a name SQLite keeps a file that only this connection sees, and that goes with it.
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.execute(
            "CREATE TABLE attendee (zone, holder, seat, kind, ticket, people, at_ms, gate, key)"
        )
        self._connection.execute("BEGIN")
        self._connection.executemany(
            "INSERT INTO attendee VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((*one, one.holder.casefold()) for one in rows),
        )
        self._connection.execute("COMMIT")

    def __iter__(self) -> Iterator[Attendee]:
        """By zone, then by name, then by ticket; nameless ones last."""
        rows = self._connection.execute(
            "SELECT zone, holder, seat, kind, ticket, people, at_ms, gate FROM attendee "
            "ORDER BY zone, key = '', key, kind, ticket"
        )
        return map(Attendee._make, rows)

    def zones(self) -> list[ZoneCount]:
        """How many there are in each zone."""
        rows = self._connection.execute(
            "SELECT zone, count(*), sum(people) FROM attendee GROUP BY zone ORDER BY zone"
        )
        return [ZoneCount(*row) for row in rows]

    def close(self) -> None:
        """Forget the rows."""
        self._connection.close()


def gather(
    folder: Folder,
    name: ListName,
    now: Reading,
    heard_within_s: float,
    *,
    show_names: bool,
) -> AttendeeList:
    """Read a list as it is now. Raises StoreError."""
    connectivity = ConnectivityReader(folder, heard_within_s).read(now)
    return list_of(folder, name, connectivity, now.wall_ms, show_names=show_names)


def list_of(
    folder: Folder, name: ListName, connectivity: Connectivity, now_ms: int, *, show_names: bool
) -> AttendeeList:
    """The same where it is known already whom the lane has heard."""
    tickets = Tickets(folder) if folder.pointer.exists() else None
    try:
        if tickets is not None:
            tickets.refresh()
        with Fleet(folder) as fleet:
            devices = all_devices(fleet, now_ms, connectivity)
            crew = people_without_ticket(fleet) if name == "inside" else {}
            rows = SortedAttendees(_rows(fleet, tickets, name, show_names=show_names))
        return AttendeeList(name, now_ms, connectivity, devices, crew, rows)
    finally:
        if tickets is not None:
            tickets.close()


def _rows(
    fleet: Fleet, tickets: Tickets | None, name: ListName, *, show_names: bool
) -> Iterator[Attendee]:
    for page in _pages(_found(fleet, tickets, name)):
        known = [presence.ticket for presence, ticket in page if ticket is not None]
        shorts = shorts_of(tickets, known) if tickets is not None else {}
        for presence, ticket in page:
            short = shorts.get(presence.ticket) or presence.ticket[: SHORT + 2]
            yield attendee(presence, ticket, name, short, show_names=show_names)


def _found(
    fleet: Fleet, tickets: Tickets | None, name: ListName
) -> Iterator[tuple[Presence, ListedTicket | Ticket | None]]:
    if name in ("inside", "admitted"):
        for page in _pages(with_any(fleet, "inside" if name == "inside" else "used")):
            ids = [presence.ticket for presence in page]
            kept = tickets.some(ids) if tickets is not None else {}
            for presence in page:
                yield presence, kept.get(presence.ticket) or _told(fleet, tickets, presence.ticket)
        return
    every = tickets.listed() if tickets is not None else iter(())
    # What is known of them comes page by page, so no more tickets than that are kept.
    expected, again = tee(ticket for ticket in every if ticket.status in EXPECTED)
    known = presences(fleet, (ticket.id for ticket in again))
    for ticket, presence in zip(expected, known, strict=True):
        if name == "expected" or not presence.used:
            yield presence, ticket


def _told(fleet: Fleet, tickets: Tickets | None, ticket: str) -> Ticket | None:
    """A ticket that is not in the list yet, as its code told those who let in on it."""
    return None if tickets is None else tickets.told(fleet.facts(ticket))


def _pages(rows: Iterator[T]) -> Iterator[list[T]]:
    """As many at a time as one statement asks for."""
    while page := list(islice(rows, PAGE)):
        yield page


def attendee(
    presence: Presence,
    ticket: ListedTicket | Ticket | None,
    name: ListName,
    short: str,
    *,
    show_names: bool,
) -> Attendee:
    """A row of a list."""
    people = {"inside": presence.inside, "admitted": presence.used}
    was_seen = name in people
    return Attendee(
        zone=(presence.zone if was_seen else "") or (ticket.zone if ticket else ""),
        holder=ticket.holder if ticket and show_names else "",
        seat=", ".join(ticket.seats) if ticket else "",
        kind=(ticket.type.title or ticket.type.id) if ticket else "",
        ticket=short,
        people=people.get(name, ticket.party_size if ticket else 1),
        at_ms=presence.last_ms if name == "inside" else presence.first_ms,
        gate=presence.gate,
    )
