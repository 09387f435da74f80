"""What disowning a device would change, at the host of a venue without a server."""

import sqlite3
from collections import defaultdict
from contextlib import closing

import msgspec

from gate.core import entry_codec
from gate.core.disowning import Effect, Fact, counted, effect, kept_until
from gate.core.entry import FACTS
from gate.core.intake import read_bodies, step_of
from gate.core.replication import DIGITS, Step, tips_to_text
from gate.errors import UsageError
from gate.i18n import _
from gate.storage import venue_host
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.sqlite import faults, open_reader
from gate.storage.ticket_filling import MemberRow


def foresee(folder: Folder, device: str, from_ms: int) -> tuple[MemberRow, Effect]:
    """What the host of a venue says to disown a device from a moment on, and what changes by it.

    Raises UsageError when there is no such device, or it is not revoked.
    """
    row = venue_host.devices(folder).get(device)
    if row is None:
        raise venue_host.no_device(device)
    if row.state != venue_host.REVOKED:
        raise UsageError(
            _("only a revoked device can be disowned"), _("First: gate venue revoke DEVICE")
        )
    if not folder.peers.exists():
        return msgspec.structs.replace(row, counts_until={}), effect([])
    reader = JournalReader(folder.journal) if folder.journal.exists() else None
    try:
        with closing(open_reader(folder.peers)) as peers, faults(folder.peers):
            return _foresee(peers, reader, row, from_ms)
    finally:
        if reader is not None:
            reader.close()


def _foresee(
    peers: sqlite3.Connection, reader: JournalReader | None, row: MemberRow, from_ms: int
) -> tuple[MemberRow, Effect]:
    bodies = [
        body.encode()
        for (body,) in peers.execute(
            "SELECT body FROM entry WHERE origin > ? AND origin < ? ORDER BY seq",
            (f"{row.id}.", f"{row.id}/"),
        )
    ]
    carried, _rejected = read_bodies(bodies)
    until = kept_until(carried, from_ms)
    steps: dict[str, list[Step]] = defaultdict(list)
    for one in carried:
        steps[one.entry.origin].append(step_of(one.entry.seq, one.hash, one.body.decode()))
    kept = set().union(*(counted(of, until.get(origin, ())) for origin, of in steps.items()))
    facts = []
    for ticket in {one.entry.ticket for one in carried if one.entry.act in FACTS}:
        found = peers.execute(
            "SELECT lower(hex(hash)), body, id IN (SELECT entry FROM disowned) FROM entry "
            "WHERE ticket = ? AND act IN ('admission', 'exit', 'annulment')",
            (ticket,),
        )
        for digest, body, is_gone in found.fetchall():
            entry = entry_codec.decode(body)
            counts = digest[:DIGITS] in kept if entry.device == row.id else not is_gone
            facts.append(Fact(entry, not is_gone, counts))
        own = reader.of_ticket(ticket) if reader is not None else []
        facts += [Fact(entry, counted=True, counts=True) for entry in own]
    return msgspec.structs.replace(row, counts_until=tips_to_text(until)), effect(facts)
