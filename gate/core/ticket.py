"""What was sold: tickets and their types, as the issuer states them.

Times are Unix seconds where a ticket states them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gate.core.signed_ticket import Signed


class Kind(StrEnum):
    """The four ticket kinds of the WeChat card API (``card_type``)."""

    MEETING = "MEETING_TICKET"
    SCENIC = "SCENIC_TICKET"
    MOVIE = "MOVIE_TICKET"
    BOARDING = "BOARDING_PASS"


UNLIMITED = 1_000_000_000
"""A number of uses that no ticket reaches."""


class Status(StrEnum):
    """What the issuer says of a ticket."""

    NORMAL = "normal"
    CONSUMED = "consumed"
    """Used up somewhere that is not one of our gates."""
    REVOKED = "revoked"
    """Refunded, exchanged or cancelled; ``Ticket.status_note`` may say why."""
    DELETED = "deleted"
    GIFTING = "gifting"
    """On its way to a friend who has not taken it yet."""
    TRANSFERRED = "transferred"
    UNCLAIMED = "unclaimed"
    EXPIRED = "expired"
    LIMITED = "limited"
    """Its holder has used as many tickets of the type as one person may."""
    UNPAID = "unpaid"
    UNAPPROVED = "unapproved"
    """Ordered, and nobody has said yes to it yet."""
    BLOCKED = "blocked"
    """The issuer lets nobody in on it for now; it may be good again."""


EXPECTED = frozenset({Status.NORMAL, Status.CONSUMED, Status.GIFTING})
"""Of tickets whose holders are expected: neither cancelled nor unclaimed."""


VOID = frozenset({Status.REVOKED, Status.DELETED})
"""Statuses in which a ticket is good no more; the others may pass, or say nothing of the issuer."""


class CodeState(StrEnum):
    """How the code that was shown stands to its ticket."""

    LIVE = "live"
    TRANSFERRED = "transferred"
    """The ticket was given on and its new holder has another code."""
    REPLACED = "replaced"
    """The issuer gave the ticket another code."""


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Opening hours on one ISO weekday (1 is Monday), as minutes of the day.

    The last minute counts whole. An ``end`` before ``begin`` runs past midnight.
    """

    day: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class TicketType:
    """What all tickets of one kind of sale share (a card of the WeChat card API)."""

    id: str
    kind: Kind
    title: str = ""
    event: str = ""
    time_zone: str = ""
    """In which its days and hours are counted; whoever takes a type in names it."""
    begin: int | None = None
    end: int | None = None
    """First and last second of a fixed range; with ``term_days``, ``end`` is the last for all."""
    term_days: int | None = None
    """Whole days of ``time_zone`` from the day of claim, which is day 1."""
    term_starts_after_days: int = 0
    weekly: tuple[WeeklyHours, ...] = ()
    locations: tuple[str, ...] = ()
    """Where it is accepted; empty means everywhere."""
    use_limit: int = 1
    party_size: int = 1
    """How many people may be inside on one ticket at once."""
    attention: str = ""
    ask: str = ""
    """What is asked before anybody is let in on it, to be answered by yes or no."""
    rule: str = ""
    """By which people are let in, in the language of ``gate.core.formula``; empty: the event's."""
    product: str = ""
    variation: str = ""
    """What rules call what was sold; without a product it is the type's id."""
    occasion_from: int | None = None
    occasion_to: int | None = None
    occasion_admission: int | None = None
    """When what it is for begins and ends, and from when on it is open, as rules mean it."""
    ticket_class: str = ""
    rotating: str = ""
    """How its tickets' rotating codes are put together (``gate.credential.rotating``); empty: its
    tickets have none."""
    rotating_period_ms: int = 15_000
    rotating_digits: int = 6
    flight: str = ""
    origin: str = ""
    destination: str = ""
    departure_time: int | None = None
    landing_time: int | None = None
    gate: str = ""
    boarding_time: int | None = None
    air_model: str = ""


@dataclass(frozen=True, slots=True)
class Void:
    """A time in which a ticket was good no more, by the feed and by its source's clock."""

    at: str
    """Feed position, ``epoch:seq``, of the change that made it void."""
    at_ms: int
    until: str = ""
    """Feed position of the change that made it good again; empty while it is void."""
    until_ms: int = 0
    by_door: bool = False
    """Whether it began with a block at the door, and not with its issuer's word."""


class DoorAct(StrEnum):
    """What the venue itself says of a ticket."""

    BLOCKED = "blocked"
    FREED = "freed"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class DoorWord:
    """A word of the venue on a ticket, beside and over whatever its issuer states."""

    act: DoorAct
    text: str
    """Why, or the note; an empty note takes the one before away."""
    who: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """What was sold: one admission, or several. ``None`` and empty mean the issuer did not say."""

    id: str
    type: TicketType
    status: Status = Status.NORMAL
    status_note: str = ""
    code_state: CodeState = CodeState.LIVE
    issued_at: int | None = None
    claimed_at: int | None = None
    gifted_at: int | None = None
    """When its present holder got it from a friend."""
    begin_time: int | None = None
    end_time: int | None = None
    zone: str = ""
    entrance: str = ""
    seats: tuple[str, ...] = ()
    ticket_class: str = ""
    show_time: int | None = None
    duration: int | None = None
    """Length of the show in minutes."""
    screening_room: str = ""
    travel_class: str = ""
    checked_in: bool = False
    gate: str = ""
    boarding_time: int | None = None
    holder: str = ""
    attention: str = ""
    note: str = ""
    """What is shown and needs nobody's look."""
    order: str = ""
    """By which it was bought together with others."""
    answers: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What was answered before to the event's questions, by their ids."""
    uses: int | None = None
    """How often this ticket may be used, where it differs from its type."""
    party: int | None = None
    rotating_keys: tuple[str, ...] = ()
    """What makes its rotating code, sealed so that only who has its code opens it."""
    shape: str = ""
    """Lengths of its codes and classes of their characters (``gate.credential.shape_of``); empty:
    unknown."""
    identities: tuple[str, ...] = ()
    """What its codes name (``gate.credential.identities``), as keyed hashes in hex."""
    voids: tuple[Void, ...] = ()
    """When it was void, the first first; whoever states a ticket does not state these."""
    issue: int = 0
    """Counts the codes that it was given; what was signed under a lower one was replaced."""
    signed: Signed | None = None
    """What its code says of it, where that is all that is known of it here."""
    has_type: bool = True
    """Whether its type is known here; a ticket of which only its code tells may have another."""
    door: tuple[DoorWord, ...] = ()
    """What the venue has said of it, the first first; nor these."""

    @property
    def block(self) -> DoorWord | None:
        """The word by which it is blocked at the door; ``None`` while it is not."""
        return block_in(self.door)

    @property
    def door_note(self) -> DoorWord | None:
        """The venue's own note on it, beside its issuer's."""
        return note_in(self.door)

    @property
    def use_limit(self) -> int:
        """How often the ticket may be used in all."""
        return self.type.use_limit if self.uses is None else self.uses

    @property
    def party_size(self) -> int:
        """How many people may be inside on it at once."""
        return self.type.party_size if self.party is None else self.party

    @property
    def needs_check_in(self) -> bool:
        """Whether the holder must have checked in first: only passengers must."""
        return self.type.kind is Kind.BOARDING

    @property
    def way_in(self) -> str:
        """The one entrance it is for: a boarding pass names a gate, the others an entrance."""
        if self.type.kind is Kind.BOARDING:
            return self.gate or self.type.gate or self.entrance
        return self.entrance


def block_in(words: Sequence[DoorWord]) -> DoorWord | None:
    """The word by which a ticket is blocked after all these; ``None`` where it is not."""
    for word in reversed(words):
        if word.act is not DoorAct.NOTED:
            return word if word.act is DoorAct.BLOCKED else None
    return None


def note_in(words: Sequence[DoorWord]) -> DoorWord | None:
    """The note that stands after all these."""
    last = next((word for word in reversed(words) if word.act is DoorAct.NOTED), None)
    return last if last is not None and last.text else None
