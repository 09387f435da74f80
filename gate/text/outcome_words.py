"""The words for outcomes, directions and reasons."""

from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction
from gate.i18n import N_

OUTCOME_WORDS = {
    Outcome.ADMIT: N_("ENTER"),
    Outcome.EXIT: N_("EXIT"),
    Outcome.ATTENTION: N_("CHECK"),
    Outcome.REFUSE: N_("STOP"),
    Outcome.HOLD: N_("WAIT"),
    Outcome.RESCAN: N_("SAME TICKET"),
    Outcome.VALID: N_("VALID"),
    Outcome.ASK: N_("ASK"),
}

DIRECTION_WORDS = {
    Direction.IN: N_("in"),
    Direction.OUT: N_("out"),
    Direction.BOTH: N_("in and out"),
    Direction.CHECK: N_("check only"),
}

REASON_WORDS = {
    Reason.ADMITTED: N_("Good ticket"),
    Reason.REENTRY: N_("Welcome back"),
    Reason.EXITED: N_("Exit recorded"),
    Reason.OVERRIDE: N_("Admitted by a supervisor"),
    Reason.UNREADABLE: N_("Not a ticket code"),
    Reason.UNKNOWN: N_("Unknown code"),
    Reason.AMBIGUOUS: N_("This code is that of two tickets"),
    Reason.TWO_TICKETS: N_("Two tickets, by how the scanner types"),
    Reason.REVOKED: N_("Ticket cancelled"),
    Reason.DELETED: N_("Ticket deleted by its owner"),
    Reason.GIFTING: N_("Ticket is being given away"),
    Reason.TRANSFERRED: N_("Ticket was given to somebody else"),
    Reason.REPLACED: N_("This code was replaced by a new one"),
    Reason.UNCLAIMED: N_("Ticket not claimed yet"),
    Reason.LIMITED: N_("One person may use no more of these tickets"),
    Reason.UNPAID: N_("Not paid"),
    Reason.UNAPPROVED: N_("The order waits for the organiser's yes"),
    Reason.BLOCKED: N_("Ticket blocked by the organiser"),
    Reason.KEY_REVOKED: N_("Signed by a key that was withdrawn"),
    Reason.TYPE_UNKNOWN: N_("Signed, of a kind this gate does not know"),
    Reason.SAME_TICKET: N_("The same ticket again"),
    Reason.MORE_USES: N_("More people on this ticket"),
    Reason.WRONG_EVENT: N_("Ticket for another event"),
    Reason.WRONG_PLACE: N_("Ticket for another place"),
    Reason.WRONG_TYPE: N_("This gate does not take this kind of ticket"),
    Reason.WRONG_ENTRANCE: N_("Wrong entrance"),
    Reason.WRONG_ZONE: N_("Wrong zone"),
    Reason.WRONG_ROOM: N_("Wrong hall"),
    Reason.WRONG_FLIGHT: N_("Wrong flight"),
    Reason.PLACE_UNKNOWN: N_("This gate has not been told where it is"),
    Reason.NOT_CHECKED_IN: N_("Not checked in"),
    Reason.TOO_EARLY: N_("Too early"),
    Reason.TOO_LATE: N_("Too late"),
    Reason.OUTSIDE_HOURS: N_("Outside opening hours"),
    Reason.ALREADY_USED: N_("Already used"),
    Reason.USED_ELSEWHERE: N_("Already used somewhere else"),
    Reason.NOT_ENOUGH_USES: N_("Not enough left on this ticket"),
    Reason.PASS_BACK: N_("This ticket is inside already"),
    Reason.ZONE_FULL: N_("Zone full"),
    Reason.UNSEEN: N_("Signed, and not in the list"),
    Reason.ALONE: N_("Other gates not heard"),
    Reason.ISOLATED: N_("Nobody heard for too long"),
    Reason.UNDO_CLAIMED: N_("An undo is not confirmed"),
    Reason.CLOCK_NOT_TRUSTED: N_("Clock not trusted"),
    Reason.QUESTION: N_("Ask before you let in"),
    Reason.LOOK: N_("Look before you let in"),
    Reason.FAULT: N_("Fault"),
    Reason.GATE_REVOKED: N_("This gate was revoked"),
}
