"""What happens in an event becomes messages: its entries and its feed are followed, each once.

How far both were followed is kept in the transaction that makes the messages, so that each is made
exactly once, whichever server does it and whenever it dies.

Every function works in the transaction it is handed.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, select, update

from gate.core import entry_codec
from gate.core.entry import Act, Entry
from gate.core.history import counts_at_once
from gate.core.irregular import Judged
from gate.core.ticket import VOID, Status, Void
from gate.core.voids import MARK
from gate.storage.ticket_filling import MemberRow
from sync.server import conflicts, devices, disowned, feed, journals
from sync.server import tables as t
from sync.server.devices import State
from sync.server.webhooks import payloads, registered, standing
from sync.server.webhooks.payloads import DeviceRevoked, Kind, Message, TicketVoid, Undone

PAGE: Final = 100
"""Entries in one transaction: gates that push meanwhile wait for it."""
CHANGES: Final = 2000
"""Changes of the feed in one transaction; most are passed over."""
_MOVED: Final = {Act.ADMISSION: Kind.ADMISSION, Act.EXIT: Kind.EXIT}
_ACTS: Final = (*(act.value for act in _MOVED), Act.ANNULMENT.value)


class _Followed(NamedTuple):
    """How far an event was followed."""

    entries: int
    epoch: str
    """Of the feed's life."""
    changes: int

    def knows(self, at: str) -> bool:
        """Whether a position in the feed is among what was followed: all former lives are."""
        epoch, _colon, seq = at.partition(":")
        return epoch != self.epoch or int(seq) <= self.changes


class _TicketRow(msgspec.Struct):
    """What of a ticket's body counts here."""

    type_id: str = ""
    status: Status = Status.NORMAL
    voids: tuple[Void, ...] = ()


_ticket = msgspec.json.Decoder(_TicketRow)
_member = msgspec.json.Decoder(MemberRow)


def behind(connection: Connection) -> list[str]:
    """Events with webhooks in which something happened that nobody has followed yet."""
    s, f = t.stream.c, t.webhook_followed.c
    query = (
        select(s.event)
        .join_from(t.stream, t.webhook_followed, f.event == s.event)
        .where((s.entries > f.entries) | (s.head > f.changes))
    )
    return list(connection.execute(query).scalars())


def follow(connection: Connection, event: str, now_ms: int) -> bool:
    """Make messages of an event's next entries and changes; whether there are more."""
    entries_newest, changes_newest = journals.lock(connection, event)
    f = t.webhook_followed.c
    query = select(f.entries, f.epoch, f.changes).where(f.event == event)
    row = connection.execute(query).first()
    if row is None:
        # Its last webhook was removed meanwhile.
        return False
    epoch, _head = feed.position_of(connection, event)
    at = _Followed(row.entries, epoch, row.changes)
    consumer = _Consumer(connection, event)
    entries = consumer.entries(at, entries_newest)
    changes = min(changes_newest, at.changes + CHANGES)
    consumer.changes(at, changes, entries)
    registered.publish(connection, event, consumer.messages, now_ms)
    upto = {"entries": entries, "epoch": epoch, "changes": changes}
    connection.execute(update(t.webhook_followed).where(f.event == event).values(**upto))
    return entries < entries_newest or changes < changes_newest


class _Consumer:
    """The next of an event, as messages."""

    def __init__(self, connection: Connection, event: str) -> None:
        self._connection = connection
        self._event = event
        self._names = devices.names_of(connection, event)
        self.messages: list[Message] = []

    def entries(self, at: _Followed, newest: int) -> int:
        """Take in the next entries; the answer is the number up to which that is."""
        c = t.entry.c
        rows = self._connection.execute(
            select(c.number, c.body)
            .where(c.event == self._event, c.number > at.entries, c.act.in_(_ACTS), t.COUNTS)
            .order_by(c.number)
            .limit(PAGE)
        ).all()
        new: dict[str, list[Entry]] = defaultdict(list)
        for row in rows:
            entry = entry_codec.decode(row.body)
            self._entry(entry)
            if entry.act is Act.ADMISSION:
                new[entry.ticket].append(entry)
        for ticket, admissions in new.items():
            names = {entry.name for entry in admissions}
            self._conflict(ticket, names)
            self._irregular(
                one
                for one in self._judged(ticket)
                if one.entry.name in names and at.knows(one.void.at)
            )
        return int(rows[-1].number) if len(rows) == PAGE else newest

    def changes(self, at: _Followed, upto: int, entries: int) -> None:
        """Take in what the feed says up to a number, with entries followed up to another."""
        c = t.change.c
        rows = self._connection.execute(
            select(c.seq, c.kind, c.ref, c.body)
            .where(c.event == self._event, c.seq > at.changes, c.seq <= upto)
            .where((c.kind == "device") | ((c.kind == "ticket") & c.body.contains(MARK)))
            .order_by(c.seq)
        ).all()
        for row in rows:
            if row.kind == "device":
                self._device(row.ref, _member.decode(row.body))
            else:
                self._ticket(row.seq, row.ref, _ticket.decode(row.body), entries)

    def _entry(self, entry: Entry) -> None:
        data: msgspec.Struct
        if entry.act is Act.ANNULMENT:
            kind = Kind.UNDO
            data = Undone(
                entry=entry.name, target=entry.target, device=entry.device,
                device_name=self._name(entry), gate=entry.gate, ticket=entry.ticket,
                ticket_type=entry.ticket_type, at_ms=entry.at_ms,
                is_claim=not counts_at_once(entry),
            )  # fmt: skip
        else:
            kind, data = _MOVED[entry.act], payloads.movement(entry, self._name(entry))
        self.messages.append(Message(kind, entry.name, entry.ticket, data))

    def _conflict(self, ticket: str, new: set[str]) -> None:
        found = conflicts.conflict_of(self._connection, self._event, ticket)
        if found is None or found.resolution or new.isdisjoint(e.name for e in found.admissions):
            return
        about = " ".join([ticket, *sorted(entry.name for entry in found.admissions)])
        data = payloads.conflict(found, [self._name(entry) for entry in found.admissions])
        self.messages.append(Message(Kind.CONFLICT, about, ticket, data))

    def _judged(self, ticket: str) -> tuple[Judged, ...]:
        found = conflicts.irregular_of(self._connection, self._event, ticket)
        return found.admissions if found else ()

    def _irregular(self, judged: Iterable[Judged]) -> None:
        for one in judged:
            if one.needs_resolution:
                about = f"{one.entry.name} {one.void.at}"
                data = payloads.irregular(one, self._name(one.entry))
                self.messages.append(Message(Kind.IRREGULAR, about, one.entry.ticket, data))

    def _ticket(self, seq: int, id_: str, ticket: _TicketRow, entries: int) -> None:
        """A ticket that is or was void; whoever was let in on it before may be irregular now."""
        void = ticket.voids[-1]
        if ticket.status not in VOID or void.at.rpartition(":")[2] != str(seq):
            return
        data = TicketVoid(id_, ticket.type_id, ticket.status.value, void.at, void.at_ms)
        self.messages.append(Message(Kind.VOID, f"{id_} {void.at}", id_, data))
        known = {
            entry.name
            for number, entry in disowned.counting(self._connection, self._event, [id_]).items()
            if number <= entries
        }
        self._irregular(
            one for one in self._judged(id_) if one.void.at == void.at and one.entry.name in known
        )

    def _device(self, id_: str, member: MemberRow) -> None:
        if member.state != State.REVOKED:
            return
        if standing.begin(self._connection, self._event, Kind.DEVICE_REVOKED, id_, 0):
            data = DeviceRevoked(id_, member.name)
            self.messages.append(Message(Kind.DEVICE_REVOKED, id_, id_, data))

    def _name(self, entry: Entry) -> str:
        return devices.name_of(self._names, entry.origin)
