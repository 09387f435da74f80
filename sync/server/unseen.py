"""What came in on a signed code that was in no list yet becomes its ticket's, once that is known.

A code of pretix names no ticket, so its entries are on the code's hash. When a ticket with an id of
its own is stated with that code, each movement is kept on the ticket as the server's own entry and
taken back on the hash: nothing is rewritten, and counts, conflicts and other systems follow. The
copy names what it is of, so nothing is copied twice, and an undo of the one undoes the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import Connection, func, select

from gate.clock import read_wall_ms
from gate.core.entry import CENTRAL, MOVEMENTS, Act, Entry
from gate.core.history import annulled, entry_order
from gate.credential import HASH_BYTES
from gate.i18n import _
from sync.server import intake, journals, ticket_store
from sync.server import tables as t
from sync.server.background_jobs import BackgroundJobs

if TYPE_CHECKING:
    from sync.server.server import Server

EVERY_S: Final = 2.0
SOURCE: Final = "unseen"
"""Of the server's entries that it makes of those on a code."""
_HEX: Final = 2 * HASH_BYTES


class Look(NamedTuple):
    """Up to where an event was looked at."""

    entries: int = 0
    head: int = 0


@dataclass(slots=True)
class UnseenCodes:
    """The task of one server process; several of one database may all run it."""

    server: "Server"
    _jobs: BackgroundJobs = field(default_factory=lambda: BackgroundJobs("unseen codes"))
    _looks: dict[str, Look] = field(default_factory=dict)

    async def start(self) -> None:
        """Begin to look, where this process does."""
        if self.server.settings.runs_jobs:
            self._jobs.run(self.look, EVERY_S)

    async def stop(self) -> None:
        """Stop; the next server goes on."""
        await self._jobs.stop()

    async def look(self) -> bool:
        """Give what is due to its tickets, in all events that believe a key."""
        for event, now in (await self.server.read(_positions)).items():
            if now != self._looks.get(event):
                for code in await self.server.read(waiting, event):
                    job = partial(adopt, event=event, code=code, now_ms=read_wall_ms())
                    await self.server.write(job)
                self._looks[event] = now
        return False


def waiting(connection: Connection, event: str) -> list[str]:
    """Codes, by their hash, that have entries and are a ticket's with an id of its own."""
    e = t.entry.c
    moved = (
        select(e.ticket)
        .where(e.event == event, e.act.in_([act.value for act in MOVEMENTS]))
        .where(func.length(e.ticket) == _HEX)
        .distinct()
    )
    codes = [code for code in connection.execute(moved).scalars() if _is_hash(code)]
    owners = ticket_store.owners_of(connection, event, [bytes.fromhex(code) for code in codes])
    return [hashed.hex() for hashed, ticket in owners if ticket != hashed.hex()]


def adopt(connection: Connection, event: str, code: str, now_ms: int) -> int:
    """Keep on its ticket what stands on a code, and take it back there; of how many entries."""
    journals.lock(connection, event)
    owners = dict(ticket_store.owners_of(connection, event, [bytes.fromhex(code)]))
    ticket = ticket_store.find_ticket(connection, event, owners.get(bytes.fromhex(code), ""))
    if ticket is None:
        return 0
    there = sorted(journals.facts_of(connection, event, code), key=entry_order)
    here = journals.facts_of(connection, event, ticket.id)
    copies = {one.covers[0]: one for one in here if one.source == SOURCE and one.covers}
    undone = annulled(one for one in there if one.source != SOURCE)
    gone_here, made = annulled(here), 0
    for one in there:
        if one.act not in MOVEMENTS:
            continue
        copy = copies.get(one.name)
        if copy is None and one.name not in undone:
            _copy(connection, event, one, [*here, *there], ticket=ticket.id, now_ms=now_ms)
            made += 2
        elif copy is not None and one.name in undone and copy.name not in gone_here:
            _annul(connection, event, copy, [*here, *there], now_ms)
            made += 1
    return made


def _copy(
    connection: Connection,
    event: str,
    one: Entry,
    known: Sequence[Entry],
    *,
    ticket: str,
    now_ms: int,
) -> None:
    after = [fact.hlc for fact in known]
    is_admission = one.act is Act.ADMISSION
    earlier = sum(
        fact.act is Act.ADMISSION and fact.device == CENTRAL
        for fact in journals.facts_of(connection, event, ticket)
    )
    note = _("at {gate}, before the ticket was in the list").format(gate=one.gate)
    intake.record(
        connection, event, now_ms, after, at_ms=one.at_ms, act=one.act, direction=one.direction,
        outcome=one.outcome, reason=one.reason, ticket=ticket, ticket_type=one.ticket_type,
        zone=one.zone, uses=one.uses, persons=one.persons, flags=one.flags,
        ordinal=earlier if is_admission else None, note=note, source=SOURCE, covers=(one.name,),
    )  # fmt: skip
    _annul(connection, event, one, known, now_ms)


def _annul(
    connection: Connection, event: str, one: Entry, known: Sequence[Entry], now_ms: int
) -> None:
    intake.record(
        connection, event, now_ms, [fact.hlc for fact in known], act=Act.ANNULMENT,
        ticket=one.ticket, ticket_type=one.ticket_type, target=one.name, source=SOURCE,
    )  # fmt: skip


def _positions(connection: Connection) -> dict[str, Look]:
    """How far entries and feed are of events that believe a key."""
    s, k = t.stream.c, t.signing_key.c
    has_key = select(k.id).where(k.event == s.event).exists()
    rows = connection.execute(select(s.event, s.entries, s.head).where(has_key))
    return {str(event): Look(int(entries), int(head)) for event, entries, head in rows}


def _is_hash(text: str) -> bool:
    return not set(text) - set("0123456789abcdef")
