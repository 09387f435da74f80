"""The words of a lane's answer: what it says, why, and what that is worth."""

from enum import StrEnum


class Outcome(StrEnum):
    """What the lane says. The values are the names a plain line prints, in lower case."""

    ADMIT = "admit"
    EXIT = "exit"
    ATTENTION = "attention"
    REFUSE = "refuse"
    HOLD = "hold"
    RESCAN = "rescan"
    VALID = "valid"
    ASK = "ask"
    """Nothing is redeemed before a question is answered."""


GREEN = frozenset({Outcome.ADMIT, Outcome.ATTENTION})
"""Outcomes that let a person in and redeem the ticket."""


class Reason(StrEnum):
    """Why. ``gate.core.rules`` has them in order, ``gate.text.words`` says them to people."""

    ADMITTED = "admitted"
    REENTRY = "reentry"
    EXITED = "exited"
    OVERRIDE = "override"

    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    """Spelled in two ways that are both good, it is two different tickets."""
    TWO_TICKETS = "two_tickets"
    """As it stands it is one ticket; as the scanner is believed to mean it, another."""
    BLOCKED_AT_DOOR = "blocked_at_door"
    """By the venue itself, whatever the issuer says."""
    REVOKED = "revoked"
    DELETED = "deleted"
    GIFTING = "gifting"
    TRANSFERRED = "transferred"
    REPLACED = "replaced"
    UNCLAIMED = "unclaimed"
    LIMITED = "limited"
    UNPAID = "unpaid"
    UNAPPROVED = "unapproved"
    BLOCKED = "blocked"
    SAME_TICKET = "same_ticket"
    MORE_USES = "more_uses"
    WRONG_EVENT = "wrong_event"
    WRONG_PLACE = "wrong_place"
    WRONG_TYPE = "wrong_type"
    WRONG_ENTRANCE = "wrong_entrance"
    WRONG_ZONE = "wrong_zone"
    WRONG_ROOM = "wrong_room"
    WRONG_FLIGHT = "wrong_flight"
    PLACE_UNKNOWN = "place_unknown"
    """It is for one place only, and nobody has said where this gate is."""
    NOT_CHECKED_IN = "not_checked_in"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    OUTSIDE_HOURS = "outside_hours"
    ALREADY_USED = "already_used"
    USED_ELSEWHERE = "used_elsewhere"
    NOT_ENOUGH_USES = "not_enough_uses"
    PASS_BACK = "pass_back"
    ZONE_FULL = "zone_full"
    ALONE = "alone"
    ISOLATED = "isolated"
    """Nobody was heard for as long as the event allows."""
    UNDO_CLAIMED = "undo_claimed"
    """What it says depends on an undo that nobody who may has confirmed."""
    CLOCK_NOT_TRUSTED = "clock_not_trusted"
    QUESTION = "question"
    """What its type asks; as a refusal: the answer was no."""
    LOOK = "look"
    """The ticket or its type carries a note for the person at the door."""
    FAULT = "fault"
    GATE_REVOKED = "gate_revoked"
    """The lane's own device was revoked: it lets nobody in any more."""


class Flag(StrEnum):
    """A remark written into an entry beside its outcome."""

    ALONE = "alone"
    NOT_INSIDE = "not_inside"
    """An exit by somebody nobody saw come in."""
    PASS_BACK = "pass_back"
    CLOCK_NOT_TRUSTED = "clock_not_trusted"
    MANUAL = "manual"
    """Found by search and admitted by hand."""
    REPAIRED = "repaired"
    """The scanner typed something else, which was made good."""
    STALE = "stale"
    """Not in a ticket list that was not current."""
    YES = "answered_yes"
    """What its type asks was answered so."""
    NO = "answered_no"
    PAID_HERE = "paid_here"
    """It was not paid for, and whoever stood at the gate said that it now is."""
    NOT_PAID_HERE = "not_paid_here"


class Basis(StrEnum):
    """What a verdict is worth, by whose entries were held when it was given."""

    ONLY = "only"
    CENTRAL = "central"
    LAN = "lan"
    ALONE = "alone"
    UNSEEN = "unseen"
