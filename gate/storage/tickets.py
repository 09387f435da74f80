"""The read side of the ticket replica: the tickets and their types."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from gate.core.entry import Entry
from gate.core.ticket import Status, Ticket, TicketType
from gate.storage import ticket_search
from gate.storage.checksums import WrongChecksum, ascending
from gate.storage.code_look_up import CodeLookUp
from gate.storage.folder import Folder
from gate.storage.replica_reader import COLUMNS, OF_TYPE, POSITION, TICKET, Decoded, ReplicaReader

_ticket = msgspec.json.Decoder(Ticket)
_ticket_type = msgspec.json.Decoder(TicketType)

_SOME = f"""
SELECT {TICKET}, {POSITION} FROM ticket k {OF_TYPE} WHERE k.id IN (SELECT value FROM json_each(?))
"""
_EVERY = f"SELECT {TICKET} FROM ticket k {OF_TYPE} WHERE k.row > ? ORDER BY k.row LIMIT ?"
_VOIDED = """
SELECT id FROM ticket WHERE json_extract(body, '$.voids') IS NOT NULL AND id > ?
ORDER BY id LIMIT ?
"""
_BY_ROW = f"SELECT {TICKET} FROM ticket k {OF_TYPE} WHERE k.row = ?"


class _ListedType(msgspec.Struct, frozen=True, gc=False):
    id: str
    title: str = ""
    party_size: int = 1


class ListedTicket(msgspec.Struct, frozen=True, gc=False):
    """What a list of people has of a ticket: read ten times as quickly as all of it."""

    id: str
    type: _ListedType
    status: Status = Status.NORMAL
    zone: str = ""
    seats: tuple[str, ...] = ()
    holder: str = ""
    party: int | None = None

    @property
    def party_size(self) -> int:
        """How many people may be inside on it at once."""
        return self.type.party_size if self.party is None else self.party


_listed = msgspec.json.Decoder(ListedTicket)


@dataclass(frozen=True, slots=True)
class Census:
    """How many tickets there are of a type in a status."""

    type_id: str
    title: str
    status: str
    tickets: int


class Tickets:
    """The live replica, read by the thread that uses this."""

    def __init__(self, folder: Folder) -> None:
        self.replica = ReplicaReader(folder)
        self.codes = CodeLookUp(self.replica)

    def close(self) -> None:
        """Let go of the file."""
        self.replica.close()

    def refresh(self) -> None:
        """Follow the pointer if it moved. Raises StoreError when there are no tickets."""
        self.replica.refresh()

    def get(self, ticket: str) -> Ticket | None:
        """The ticket of that id."""
        return self.replica.ticket(ticket)

    def some(self, ids: Sequence[str]) -> dict[str, ListedTicket]:
        """Those tickets of a few hundred ids that there are, by one statement."""
        with self.replica.reading():
            bound = (msgspec.json.encode(ids).decode(),)
            rows = self.replica.connection().execute(_SOME, bound).fetchall()
            listed = (self.replica.checked_as(_listed, row) for row in rows)
            found = {one.id: one for one in listed}
            if not found.keys() <= set(ids):
                msg = "wrong id"
                raise WrongChecksum(msg)
            if rows:
                self.replica.follow(rows[0][COLUMNS])
        return found

    def told(self, entries: Iterable[Entry]) -> Ticket | None:
        """A ticket that is not in the list, as its code told those who have scanned it."""
        said = next((entry.signed for entry in entries if entry.signed is not None), None)
        return None if said is None else self.codes.signed.unseen(said)

    def search(self, typed: str, limit: int = 50) -> list[Ticket]:
        """Tickets whose names, seats and orders together have every part of a text.

        At most so many; those that have it as whole words first.
        """
        with self.replica.reading():
            return ticket_search.find(self.replica.connection(), typed, limit, self._in_row)

    def share_searched(self) -> float:
        """How much of the list can be searched by names; a new one is read in pieces."""
        with self.replica.reading():
            return ticket_search.share_read(self.replica.connection())

    def _in_row(self, number: int) -> tuple[bytes, Ticket] | None:
        row = self.replica.connection().execute(_BY_ROW, (number,)).fetchone()
        return None if row is None else (row[1], self.replica.checked(row))

    def every(self, page: int = 5000) -> Iterator[Ticket]:
        """All tickets, a page at a time, so that no reading lasts."""
        return self._every(_ticket, page)

    def listed(self, page: int = 5000) -> Iterator[ListedTicket]:
        """The same, of each what a list of people has."""
        return self._every(_listed, page)

    def _every(self, decoder: "msgspec.json.Decoder[Decoded]", page: int) -> Iterator[Decoded]:
        after = 0
        while True:
            with self.replica.reading():
                rows = self.replica.connection().execute(_EVERY, (after, page)).fetchall()
                found = [self.replica.checked_as(decoder, row) for row in ascending(rows, after)]
            if not rows:
                return
            after = rows[-1][0]
            yield from found

    def types(self) -> list[TicketType]:
        """All ticket types."""
        with self.replica.reading():
            rows = self.replica.connection().execute("SELECT body FROM ticket_type ORDER BY id")
            return [_ticket_type.decode(body) for (body,) in rows]

    def census(self) -> list[Census]:
        """How many tickets there are, by type and status."""
        with self.replica.reading():
            rows = self.replica.connection().execute(
                "SELECT c.type_id, coalesce(json_extract(t.body, '$.title'), ''), c.status, "
                "c.tickets FROM census c JOIN ticket_type t ON t.id = c.type_id "
                "WHERE c.tickets > 0 ORDER BY c.type_id, c.status"
            )
            return [Census(*row) for row in rows]

    def voided(self, after: str = "", page: int = 5000) -> list[str]:
        """Ids of tickets that ever were void, a page at a time and in order."""
        with self.replica.reading():
            rows = self.replica.connection().execute(_VOIDED, (after, page)).fetchall()
            return [id_ for (id_,) in ascending(rows, after)]
