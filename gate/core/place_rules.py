"""Rules about places: for which event, entrance, zone, room or flight a ticket is.

Where the ticket or the gate says nothing, anything will do.
"""

import unicodedata

from gate.core.boarding import flight_of, is_flight
from gate.core.history import History
from gate.core.outcome import Reason
from gate.core.ticket import Ticket
from gate.core.verdict import Context, Scan


def wrong_event(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether it is for another event."""
    return None if _fits(ticket.type.event, context.place.event) else Reason.WRONG_EVENT


def wrong_place(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether it is accepted elsewhere only."""
    accepted, here = ticket.type.locations, context.place.locations
    return None if not accepted or not here or bool({*accepted} & {*here}) else Reason.WRONG_PLACE


def wrong_type(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether this gate takes other types only."""
    types = context.place.accepted_types
    return None if not types or ticket.type.id in types else Reason.WRONG_TYPE


def wrong_entrance(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether it is for another way in."""
    return None if _fits(ticket.way_in, context.place.entrance) else Reason.WRONG_ENTRANCE


def wrong_zone(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether it is for another zone."""
    return None if _fits(ticket.zone, context.place.zone) else Reason.WRONG_ZONE


def wrong_room(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether it is for another screening room."""
    return None if _fits(ticket.screening_room, context.place.screening_room) else Reason.WRONG_ROOM


def wrong_flight(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether its type is for another flight."""
    return None if _fits(ticket.type.flight, context.place.flight) else Reason.WRONG_FLIGHT


def pass_for_another_flight(
    ticket: Ticket, history: History, scan: Scan, context: Context
) -> Reason | None:
    """What the pass says of its flights, also where its ticket says nothing of one."""
    here = context.place.flight
    if not context.legs or not flight_of(here):
        return None
    if not any(is_flight(here, leg) for leg in context.legs):
        return Reason.WRONG_FLIGHT
    flight = flight_of(ticket.type.flight)
    is_other = flight != flight_of(here) and flight in {leg.flight for leg in context.legs}
    return Reason.WRONG_LEG if is_other else None


def place_unknown(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """A gate that was told nothing would let in whoever belongs elsewhere."""
    here = context.place
    is_fine = here.is_known or not _is_for_one_place(ticket)
    return None if is_fine else Reason.PLACE_UNKNOWN


def _is_for_one_place(ticket: Ticket) -> bool:
    kind = ticket.type
    named = (ticket.way_in, ticket.zone, ticket.screening_room, kind.flight, *kind.locations)
    return any(named)


def _fits(wanted: str, here: str) -> bool:
    return not wanted or not here or _plain(wanted) == _plain(here)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
