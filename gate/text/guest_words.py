"""What a screen says that faces the guest: one word, one sentence, and nothing about others."""

from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction
from gate.core.verdict import Verdict
from gate.i18n import N_, _
from gate.text.outcome_words import OUTCOME_WORDS, REASON_WORDS
from gate.text.ticket_words import describe
from gate.text.verdict_words import Words

SENTENCES = {
    Outcome.ADMIT: N_("Welcome. Please go in."),
    Outcome.EXIT: N_("Goodbye. Please go out."),
    Outcome.ATTENTION: N_("Please wait: somebody has a look at your ticket."),
    Outcome.REFUSE: N_("Please ask the staff."),
    Outcome.HOLD: N_("One moment, please: somebody comes to help you."),
    Outcome.RESCAN: N_("This ticket was read just now. Each guest shows a code of their own."),
    Outcome.VALID: N_("Your ticket is good."),
    Outcome.ASK: N_("Please wait: somebody has a question."),
}
ONE_AT_A_TIME = N_("One ticket at a time, please.")
_TOLD = frozenset(
    {
        Reason.UNREADABLE,
        Reason.UNKNOWN,
        Reason.WRONG_EVENT,
        Reason.WRONG_PLACE,
        Reason.WRONG_TYPE,
        Reason.WRONG_ENTRANCE,
        Reason.WRONG_ZONE,
        Reason.WRONG_ROOM,
        Reason.WRONG_FLIGHT,
        Reason.WRONG_LEG,
        Reason.WRONG_DAY,
        Reason.TOO_EARLY,
        Reason.TOO_LATE,
        Reason.OUTSIDE_HOURS,
        Reason.STALE_CODE,
        Reason.STATIC_CODE,
        Reason.ALREADY_USED,
        Reason.UNPAID,
        Reason.ZONE_FULL,
    }
)
"""Why a guest is told; whom the venue blocks, and what it suspects, is said by people."""


def guest_words(verdict: Verdict) -> Words:
    """Put a verdict into words for the guest; no name, no count, nothing of what is suspected."""
    outcome = verdict.outcome
    sentence = _(SENTENCES[outcome])
    is_told = outcome is Outcome.REFUSE and verdict.reason in _TOLD
    ticket = verdict.ticket if outcome in (Outcome.ADMIT, Outcome.EXIT, Outcome.VALID) else None
    return Words(
        word=_(OUTCOME_WORDS[outcome]),
        rule=_(REASON_WORDS[verdict.reason]) if is_told else sentence,
        remedy=sentence if is_told else "",
        ticket=describe(ticket) if ticket is not None else "",
    )


def hold_it_here(direction: Direction) -> str:
    """What a guest does first."""
    if direction is Direction.OUT:
        return _("Hold the code here to go out")
    return _("Hold the code here")
