"""Verdicts in the operator's words: rule, fact and remedy."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gate.core.outcome import Basis, Flag, Outcome, Reason
from gate.core.place import Direction, Place
from gate.core.ticket import UNLIMITED, Ticket
from gate.core.verdict import Verdict
from gate.i18n import N_, _
from gate.text.boarding_words import seat_of
from gate.text.connectivity_words import basis_words
from gate.text.facts import fact
from gate.text.outcome_words import OUTCOME_WORDS, REASON_WORDS
from gate.text.printable import printable
from gate.text.question_words import question_line
from gate.text.ticket_words import describe, door_note, times_used

_REMEDIES = {
    Reason.UNREADABLE: N_("Scan again, or look the guest up by name (F4)."),
    Reason.UNKNOWN: N_("For this event? Look the guest up by name (F4)."),
    Reason.AMBIGUOUS: N_("Look the guest up by name (F4)."),
    Reason.TWO_TICKETS: N_(
        "Look the guest up by name (F4); test the scanner: gate doctor --scanner."
    ),
    Reason.BLOCKED_AT_DOOR: N_("Ask the guest to wait, and call a supervisor."),
    Reason.REVOKED: N_("Send the guest to the ticket desk."),
    Reason.DELETED: N_("Send the guest to the ticket desk."),
    Reason.GIFTING: N_("The friend takes it, or the gift is called back; then scan again."),
    Reason.TRANSFERRED: N_("Ask for the new code: only its new owner's is good."),
    Reason.REPLACED: N_("Ask for the newest code of this ticket."),
    Reason.UNCLAIMED: N_("The guest claims it on the phone first."),
    Reason.LIMITED: N_("Send the guest to the ticket desk."),
    Reason.WRONG_EVENT: N_("Ask for the ticket of this event."),
    Reason.WRONG_PLACE: N_("Send the guest to the place on the ticket."),
    Reason.WRONG_TYPE: N_("Send the guest to a gate that takes it."),
    Reason.WRONG_ZONE: N_("Send the guest to that zone."),
    Reason.WRONG_ROOM: N_("Send the guest to that hall."),
    Reason.WRONG_FLIGHT: N_("Send the passenger to the gate of that flight."),
    Reason.WRONG_LEG: N_("Send the passenger to the gate of that flight."),
    Reason.WRONG_DAY: N_("Look at the date on the pass; in doubt send the passenger to the desk."),
    Reason.PLACE_UNKNOWN: N_("Send the guest where the ticket says; give this gate its profile."),
    Reason.NOT_CHECKED_IN: N_("Send the passenger to check-in."),
    Reason.TOO_EARLY: N_("Ask the guest to come back then."),
    Reason.TOO_LATE: N_("Send the guest to the ticket desk."),
    Reason.OUTSIDE_HOURS: N_("Ask the guest to come in the opening hours."),
    Reason.STALE_CODE: N_("Ask for the live one: in the app, with the code moving on."),
    Reason.REPLAYED_CODE: N_("Ask for the live one: in the app, with the code moving on."),
    Reason.WRONG_CODE: N_("Ask for the live one; in doubt call a supervisor."),
    Reason.STATIC_CODE: N_("Ask for the live one: in the app, with the code moving on."),
    Reason.CODE_CLOCK: N_("Look whether the code on the phone moves on. Our clock: F9."),
    Reason.RULE: N_("In doubt call a supervisor, who may admit (Ctrl+O)."),
    Reason.RULE_UNREADABLE: N_(
        "A supervisor may admit (Ctrl+O). The technician brings this gate up to date."
    ),
    Reason.ALREADY_USED: N_("Ask for the guest's other tickets; in doubt call a supervisor."),
    Reason.USED_ELSEWHERE: N_("Send the guest to the ticket desk."),
    Reason.NOT_ENOUGH_USES: N_("Let in as many as are left."),
    Reason.PASS_BACK: N_("Look who is holding it; in doubt call a supervisor."),
    Reason.ZONE_FULL: N_("Wait until somebody leaves; a supervisor may admit (Ctrl+O)."),
    Reason.UNSEEN: N_("Call a supervisor: the ticket desk knows whether it was sold."),
    Reason.KEY_REVOKED: N_("Ask for the newest code of this ticket; look the guest up (F4)."),
    Reason.TYPE_UNKNOWN: N_("Call a supervisor: this gate's list is older than the ticket."),
    Reason.ALONE: N_("Call a supervisor."),
    Reason.ISOLATED: N_("Connect this gate; until then a supervisor may admit (Ctrl+O)."),
    Reason.UNDO_CLAIMED: N_("Ask the guest, and look who else came on it (F4)."),
    Reason.CLOCK_NOT_TRUSTED: N_("Check the time on the ticket yourself. Set the clock on F9."),
    Reason.GATE_REVOKED: N_("It lets nobody in any more. Send the guest to another gate."),
    Reason.UNPAID: N_("Send the guest to the ticket desk."),
    Reason.UNAPPROVED: N_("Send the guest to the ticket desk."),
    Reason.BLOCKED: N_("Send the guest to the ticket desk."),
    Reason.QUESTION: N_("Do not let in; a supervisor may admit (Ctrl+O)."),
    Reason.ANSWERS: N_("Send the guest to the ticket desk; a supervisor may admit (Ctrl+O)."),
    Reason.MORE_USES: N_("F7 lets the next person through, Ctrl+N a number."),
}
_OUTCOME_REMEDIES = {
    Outcome.VALID: N_("Checked only: nothing was redeemed."),
    Outcome.ASK: N_("y or 1: yes · n or 0: no · Esc: nothing has happened"),
}
"""What is to be done whatever the reason."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of one verdict. Every part is safe to put on a terminal."""

    word: str
    """The one word, largest on the screen."""
    rule: str
    fact: str = ""
    remedy: str = ""
    ticket: str = ""
    """Type, seat, zone: what helps to find the place."""
    holder: str = ""
    remark: str = ""
    """What the issuer and the venue want known, and nobody has to look at."""
    note: str = ""
    """What the issuer wants looked at."""
    uses: str = ""
    basis: str = ""
    scanner: str = ""
    """What is wrong with the scanner, and what it takes to believe that."""


def explain(
    verdict: Verdict,
    place: Place,
    time_zone: ZoneInfo,
    *,
    show_names: bool = True,
    unheard: str = "",
) -> Words:
    """Put a verdict into words for the person at the door; ``unheard`` says why it is alone."""
    ticket = verdict.ticket
    return Words(
        word=_(OUTCOME_WORDS[verdict.outcome]),
        rule=_rule(verdict),
        fact=fact(verdict, place, time_zone),
        remedy=_remedy(verdict, place),
        ticket=_about(verdict, place),
        holder=printable(ticket.holder) if ticket and show_names else "",
        remark=_remark(verdict),
        note=_note(ticket) if ticket else "",
        uses=_uses(verdict),
        basis=_basis(verdict, unheard),
    )


def revoked_words() -> Words:
    """What a gate that was revoked shows all the time."""
    return Words(
        word=_(OUTCOME_WORDS[Outcome.REFUSE]),
        rule=_(REASON_WORDS[Reason.GATE_REVOKED]),
        remedy=_(_REMEDIES[Reason.GATE_REVOKED]),
    )


def _about(verdict: Verdict, place: Place) -> str:
    """The ticket, with the seat that the boarding pass has where the list has none."""
    ticket = verdict.ticket
    if ticket is None:
        return ""
    seat = "" if ticket.seats else seat_of(verdict.legs, ticket, place)
    return " · ".join(part for part in (describe(ticket), seat) if part)


def _note(ticket: Ticket) -> str:
    return printable(" · ".join(n for n in (ticket.attention, ticket.type.attention) if n))


def _remark(verdict: Verdict) -> str:
    ticket = verdict.ticket
    if ticket is None:
        return ""
    answers = [f"{printable(asked)} {printable(answer)}" for asked, answer in verdict.shown]
    notes = (printable(ticket.note), door_note(ticket), *answers)
    return " · ".join(note for note in notes if note)


def _rule(verdict: Verdict) -> str:
    if verdict.outcome is Outcome.ASK and verdict.reason is Reason.UNPAID:
        return _("Not paid: take the money, then press yes")
    if verdict.outcome is Outcome.ASK and verdict.question:
        return printable(verdict.question)
    if verdict.asked is not None:
        return question_line(verdict.asked)
    if verdict.outcome is Outcome.REFUSE and verdict.reason is Reason.QUESTION:
        return _("The answer was no")
    return _(REASON_WORDS[verdict.reason])


def _uses(verdict: Verdict) -> str:
    ticket = verdict.ticket
    if ticket is None or ticket.use_limit == 1:
        return ""
    if ticket.use_limit == UNLIMITED:
        return times_used(verdict.used)
    return _("{used} of {limit} used").format(used=verdict.used, limit=ticket.use_limit)


def _basis(verdict: Verdict, unheard: str) -> str:
    sentence = basis_words(verdict.basis, verdict.basis_age_ms)
    words = [] if verdict.basis is Basis.ONLY else [sentence]
    if unheard:
        alone = _("alone: {unheard}").format(unheard=unheard)
        words = [alone] if verdict.basis is Basis.ALONE else [*words, alone]
    if Flag.NOT_INSIDE in verdict.flags:
        words.append(_("was not seen coming in"))
    if Flag.STATIC_CODE in verdict.flags and verdict.reason is not Reason.STATIC_CODE:
        words.append(_("the code does not move"))
    if Flag.CLOCK_NOT_TRUSTED in verdict.flags:
        words.append(_("clock not trusted"))
    return ", ".join(words)


def _remedy(verdict: Verdict, place: Place) -> str:
    ticket = verdict.ticket
    if verdict.outcome in _OUTCOME_REMEDIES:
        is_typed = verdict.asked is not None
        return _("Type the answer.") if is_typed else _(_OUTCOME_REMEDIES[verdict.outcome])
    if ticket is None and (remedy := _remedy_without_ticket(verdict)) is not None:
        return remedy
    if verdict.reason is Reason.WRONG_ENTRANCE and ticket is not None:
        way = place.ways.get(ticket.way_in, "")
        return printable(way) or _("Send the guest there.")
    if verdict.reason is Reason.MORE_USES and verdict.direction is Direction.OUT:
        return _("F7 lets the next person out.")
    return _(_REMEDIES[verdict.reason]) if verdict.reason in _REMEDIES else ""


def _remedy_without_ticket(verdict: Verdict) -> str | None:
    """What is to be done where nobody's code was shown; ``None``: as the reason has it."""
    if verdict.other_list:
        sentence = _("It is a ticket of the list {list}: F2 changes to it.")
        return sentence.format(list=printable(verdict.other_list, 40))
    if verdict.direction is Direction.OUT:
        return _("Let them out; nothing is recorded.") if verdict.outcome is Outcome.REFUSE else ""
    if verdict.list_as_of_ms is not None:
        return _("It may be newer than the list: ask at the ticket desk.")
    return None
