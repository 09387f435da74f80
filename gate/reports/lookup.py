"""Finding tickets by code, name, seat or order, with what they did."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gate.core.entry import Entry
from gate.core.history import History, fold
from gate.core.outcome import Reason
from gate.core.story import story
from gate.core.ticket import UNLIMITED, Ticket
from gate.core.validity import window
from gate.errors import GateError
from gate.i18n import _
from gate.storage.finding import find_tickets
from gate.storage.folder import Folder
from gate.storage.gate_lists import GateList
from gate.storage.journal_reader import JournalReader
from gate.storage.peers import PeerStoreReader
from gate.storage.tickets import Tickets
from gate.text.outcome_words import REASON_WORDS
from gate.text.printable import printable
from gate.text.story_words import sentences
from gate.text.ticket_words import (
    STATUS_WORDS,
    block_words,
    describe,
    door_note,
    times_used,
    type_zone,
)
from gate.text.times import clock_time

MOST_FOUND = 50
"""More than these nobody reads through."""


@dataclass(frozen=True, slots=True)
class Found:
    """A ticket and everything that is known to have happened to it."""

    ticket: Ticket
    entries: tuple[Entry, ...]
    history: History


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found, and what that leaves out."""

    found: tuple[Found, ...] = ()
    has_more: bool = False
    """More were found than are told of."""
    share_searched: float = 1.0
    """How much of a list that is new here can be searched by names already."""

    def lines(self) -> list[str]:
        """What a person has to know beside what was found."""
        lines = [] if self.found else [_("Nothing found.")]
        if self.has_more:
            sentence = _("More than {count} were found: type more of it.")
            lines.append(sentence.format(count=len(self.found)))
        if self.share_searched < 1:
            sentence = _("This list is new here: {share} of it can be found by name so far.")
            lines.append(sentence.format(share=f"{int(self.share_searched * 100)} %"))
        return lines


def look_up_each(folder: Folder, wanted: Sequence[str]) -> Findings:
    """What several words find together, as a name has several; or else what each finds alone."""
    together = look_up(folder, " ".join(wanted))
    if together.found or len(wanted) < 2:
        return together
    each = [look_up(folder, one) for one in wanted]
    found = {one.ticket.id: one for findings in each for one in findings.found}
    has_more = any(findings.has_more for findings in each)
    return Findings(tuple(found.values()), has_more, together.share_searched)


def look_up(folder: Folder, wanted: str, limit: int = MOST_FOUND) -> Findings:
    """The ticket with that code or id; or else those with that short id, name, seat or order.

    Where there are none, those whose code begins or ends so.
    """
    tickets = Tickets(folder)
    reader = JournalReader(folder.journal) if folder.journal.exists() else None
    peers = PeerStoreReader(folder)
    try:
        tickets.refresh()
        done = [*(reader.of_ticket(wanted) if reader else ()), *peers.facts(wanted)]
        found = find_tickets(tickets, wanted, limit + 1, done)
        return Findings(
            tuple(_with_past(ticket, reader, peers) for ticket in found[:limit]),
            len(found) > limit,
            tickets.share_searched(),
        )
    finally:
        tickets.close()
        peers.close()
        if reader:
            reader.close()


def elsewhere(lists: Sequence[GateList], ticket: Ticket) -> list[str]:
    """On which other lists of the gate a ticket is too, and what it did there.

    It is the same ticket if its id and order are: of lists that have nothing to do with each other
    one id may be anybody's.
    """
    return [line for one in lists for line in _on_list(one, ticket)]


def _on_list(one: GateList, ticket: Ticket) -> list[str]:
    name = printable(one.name, 40)
    if not one.folder.pointer.exists():
        return []
    try:
        findings = look_up(one.folder, ticket.id, 1)
    except GateError as fault:
        return [_("list {list}: {fault}").format(list=name, fault=fault.message)]
    sentence = _("also on the list {list}: {used}")
    return [
        sentence.format(list=name, used=_used(found.ticket, found.history))
        for found in findings.found
        if (found.ticket.id, found.ticket.order) == (ticket.id, ticket.order)
    ]


def tell(found: Found, time_zone: ZoneInfo, *, show_names: bool = True) -> list[str]:
    """A ticket and its past in lines for people."""
    ticket, history = found.ticket, found.history
    begin, end = window(ticket)
    lines = [
        f"{describe(ticket)} [{printable(ticket.id, 40)}]",
        _("status: {status}").format(status=_(STATUS_WORDS[ticket.status])),
        _used(ticket, history),
    ]
    if ticket.holder and show_names:
        lines.insert(1, _("holder: {name}").format(name=printable(ticket.holder)))
    if ticket.order:
        lines.append(_("order: {order}").format(order=printable(ticket.order)))
    if ticket.block is not None:
        blocked = _(REASON_WORDS[Reason.BLOCKED_AT_DOOR])
        lines.insert(1, f"{blocked}: {block_words(ticket, time_zone)}")
    lines += [note for note in (printable(ticket.note), door_note(ticket)) if note]
    if ticket.status_note:
        lines.append(_("note: {note}").format(note=printable(ticket.status_note)))
    if begin is not None or end is not None:
        zone = type_zone(ticket, time_zone)
        sentence = _("good from {begin} until {end}").format(
            begin="-" if begin is None else clock_time(begin * 1000, zone, dated=True),
            end="-" if end is None else clock_time(end * 1000, zone, dated=True),
        )
        lines.append(sentence if zone.key == time_zone.key else f"{sentence} ({zone.key})")
    return lines + sentences(story(ticket, found.entries), time_zone)


def _used(ticket: Ticket, history: History) -> str:
    if ticket.use_limit == UNLIMITED:
        sentence = _("{used}, inside now: {inside}")
        return sentence.format(used=times_used(history.used), inside=history.inside)
    return _("used {used} of {limit}, inside now: {inside}").format(
        used=history.used, limit=ticket.use_limit, inside=history.inside
    )


def _with_past(ticket: Ticket, reader: JournalReader | None, peers: PeerStoreReader) -> Found:
    entries = [*(reader.of_ticket(ticket.id) if reader else ()), *peers.facts(ticket.id)]
    entries.sort(key=lambda entry: (entry.hlc, entry.origin, entry.seq))
    return Found(ticket, tuple(entries), fold(entries))
