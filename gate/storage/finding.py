"""Tickets by what a person types of them: a code, an id, or what they say of whose they are."""

from collections.abc import Iterable
from typing import Final

from gate.core.code_formats import CodeFormats
from gate.core.entry import Entry
from gate.core.ticket import Ticket
from gate.storage.short_ids import by_short_id
from gate.storage.tickets import Tickets

_EVERY_FORMAT: Final = CodeFormats(boarding_passes=True, gs1=True)
"""Whatever the event reads: to find, not to admit by."""


def find_tickets(
    tickets: Tickets, wanted: str, limit: int, done: Iterable[Entry] = ()
) -> list[Ticket]:
    """The ticket with that code or id; or else those with that short id, name, seat or order.

    Where there are none, those whose code begins or ends so. ``done`` are the entries of a ticket
    whose id is wanted, listed or not.
    """
    match = tickets.codes.match(wanted, formats=_EVERY_FORMAT)
    if match.tickets:
        return list(match.tickets)
    if by_id := tickets.get(match.credential.code) or tickets.told(done):
        return [by_id]
    if by_code := tickets.codes.typed(wanted):
        return by_code
    found = tickets.search(wanted, limit)
    if (one := by_short_id(tickets, wanted.strip())) and one not in found:
        found.insert(0, one)
    return found or tickets.codes.typed_in_part(wanted, limit)
