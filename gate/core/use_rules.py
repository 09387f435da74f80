"""Rules about uses: how many a ticket has left, who comes back, and who is still inside on it."""

from gate.core.history import History
from gate.core.outcome import Reason
from gate.core.place import Policy
from gate.core.ticket import Status, Ticket
from gate.core.validity import same_day
from gate.core.verdict import Context, Scan


def same_ticket(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether the same ticket is held up again a moment later, here."""
    last = history.last
    if scan.deliberate or last is None or last.device != context.device:
        return None
    if not 0 <= context.at_ms - last.at_ms <= context.rules.rescan_s * 1000:
        return None
    next_one = history.used < ticket.use_limit and history.inside < ticket.party_size
    return Reason.MORE_USES if next_one else Reason.SAME_TICKET


def used_up(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether it has no use left for so many."""
    if returns(ticket, history, scan, context):
        return None
    if ticket.status is Status.CONSUMED:
        return Reason.USED_ELSEWHERE
    left = ticket.use_limit - history.used
    if left >= scan.persons:
        return None
    return Reason.NOT_ENOUGH_USES if left > 0 else Reason.ALREADY_USED


def still_inside(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """Whether somebody on it is still inside, where that keeps others out."""
    if context.rules.pass_back in (Policy.ADMIT, Policy.FLAG):
        return None
    return _pass_back(ticket, history, scan, context)


def pass_back_seen(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """The same, where it is only marked."""
    if context.rules.pass_back is not Policy.FLAG:
        return None
    return _pass_back(ticket, history, scan, context)


def returns(ticket: Ticket, history: History, scan: Scan, context: Context) -> bool:
    """Whether this is somebody coming back, at no new use.

    A pass for several visits comes back at no use only on the day it was seen going out.
    """
    rules, last = context.rules, history.last
    if not rules.reentry or last is None or history.used - history.inside < scan.persons:
        return False
    if rules.reentry_s:
        return context.at_ms - last.at_ms <= rules.reentry_s * 1000
    is_pass = ticket.use_limit > ticket.party_size
    if not is_pass:
        return True
    is_today = same_day(ticket.type, last.at_ms // 1000, context.at_ms // 1000)
    return is_today and not last.is_check_out


def _pass_back(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    if history.last is None or history.inside + scan.persons <= ticket.party_size:
        return None
    within_s = context.rules.pass_back_s
    recent = within_s == 0 or context.at_ms - history.last.at_ms <= within_s * 1000
    return Reason.PASS_BACK if recent else None
