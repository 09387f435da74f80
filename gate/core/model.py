"""The nouns of the gate, as frozen values.

Times are Unix seconds where a ticket states them and Unix milliseconds (``_ms``) where a device
measured them. Words follow the field: see ``docs/architecture.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache


class Kind(StrEnum):
    """The four ticket kinds of the WeChat card API (``card_type``)."""

    MEETING = "MEETING_TICKET"
    SCENIC = "SCENIC_TICKET"
    MOVIE = "MOVIE_TICKET"
    BOARDING = "BOARDING_PASS"


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


VOID = frozenset({Status.REVOKED, Status.DELETED})
"""Statuses in which a ticket is good no more; the others may pass, or say nothing of the issuer."""


class CodeState(StrEnum):
    """How the code that was shown stands to its ticket."""

    LIVE = "live"
    TRANSFERRED = "transferred"
    """The ticket was given on and its new holder has another code."""
    REPLACED = "replaced"
    """The issuer gave the ticket another code."""


class Direction(StrEnum):
    """What a lane does with a ticket; the operator chooses, it never changes by itself."""

    IN = "in"
    OUT = "out"
    BOTH = "both"
    CHECK = "check"


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


HAND = "hand"
"""The source of a code that a person has typed."""
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


class Policy(StrEnum):
    """What to do with a good ticket while some active lane is unheard, or with a pass-back."""

    ADMIT = "admit"
    FLAG = "flag"
    HOLD = "hold"
    REFUSE = "refuse"


class UnpaidPolicy(StrEnum):
    """What to do with a ticket that was not paid for."""

    REFUSE = "refuse"
    ASK = "ask"
    """Whoever stands at the gate takes the money and says so by a key."""
    ADMIT = "admit"


class ScannerProof(StrEnum):
    """What it takes until a flaw of a scanner that would explain a text is believed."""

    KEY = "key"
    """Staff may say so: the text holds a character that no code of the event has."""
    SUPERVISOR = "supervisor"


class Role(StrEnum):
    """What an operator may do."""

    STAFF = "staff"
    SUPERVISOR = "supervisor"


class Act(StrEnum):
    """What an entry records."""

    ADMISSION = "admission"
    EXIT = "exit"
    REFUSAL = "refusal"
    HOLD = "hold"
    CHECK = "check"
    RESCAN = "rescan"
    REPEAT = "repeat"
    """The same unknown code again, ``count`` times since its refusal."""
    ANNULMENT = "annulment"
    LANE_OPENED = "lane_opened"
    LANE_CLOSED = "lane_closed"
    SIGN_IN = "sign_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_OUT = "sign_out"
    CLOCK_SET = "clock_set"
    UNDO_REFUSED = "undo_refused"
    """An undo that was asked for and not done; ``target`` is what it would have taken back."""
    RESOLUTION = "resolution"
    """A supervisor has looked at a conflict; ``covers`` names the admissions, ``note`` says why."""
    RETIREMENT = "retirement"
    """Nobody waits for the device ``target`` any more; ``covers`` names its newest entries."""
    REINSTATEMENT = "reinstatement"
    """That was wrong: the device ``target`` is waited for."""


CENTRAL = "central"
"""The server's name as a maker of entries."""
MOVEMENTS = frozenset({Act.ADMISSION, Act.EXIT})
"""Acts that move people; only these can be annulled."""
FACTS = frozenset({Act.ADMISSION, Act.EXIT, Act.ANNULMENT})
"""Acts that a ticket's history folds from."""


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
    ticket_class: str = ""
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
    uses: int | None = None
    """How often this ticket may be used, where it differs from its type."""
    party: int | None = None
    shape: str = ""
    """Lengths of its codes and classes of their characters (``gate.credential.shape_of``); empty:
    unknown."""
    voids: tuple[Void, ...] = ()
    """When it was void, the first first; whoever states a ticket does not state these."""

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


@dataclass(frozen=True, slots=True)
class Scan:
    """One logical reading of a code at a lane."""

    text: str
    symbology: str = ""
    source: str = ""
    """Which input read it: ``camera``, ``keyboard``, ``evdev``, ``hand``, ``manual``…"""
    persons: int = 1
    deliberate: bool = False
    """The operator asked for this use by key, so it is no accidental second reading."""
    started_ns: int | None = None
    """``time.perf_counter_ns`` at which the reading began, for the time to the verdict."""
    raw: bytes = b""
    """The symbol's own bytes, where the reader tells them."""
    answers: Mapping[Reason, bool] = field(default_factory=dict)
    """What was answered to the questions ``UNPAID`` and ``QUESTION``."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the lane stands. Empty means that the gate does not care."""

    gate: str = "Gate"
    event: str = ""
    locations: tuple[str, ...] = ()
    entrance: str = ""
    zone: str = ""
    screening_room: str = ""
    flight: str = ""
    accepted_types: tuple[str, ...] = ()
    ways: Mapping[str, str] = field(default_factory=dict)
    """How to get from here to an entrance, in words."""
    is_known: bool = True
    """Whether somebody has said where it is; ``False`` where the event has places for its gates
    and none for this one."""


@dataclass(frozen=True, slots=True)
class HouseRules:
    """What the venue decided about lateness, coming back and being alone."""

    early_s: int = 0
    late_s: int = 0
    reentry: bool = True
    reentry_s: int = 0
    """How long after going out one may come back at no new use; 0 means as long as it is good."""
    pass_back: Policy = Policy.REFUSE
    pass_back_s: int = 3600
    """How long a multi-use ticket inside may not enter again; 0 means until its exit."""
    rescan_s: int = 10
    undo_grace_s: int = 120
    zone_capacity: int | None = None
    alone: Policy = Policy.FLAG
    alone_by_type: Mapping[str, Policy] = field(default_factory=dict)
    unpaid: UnpaidPolicy = UnpaidPolicy.REFUSE
    ask: str = ""
    """What is asked at every ticket before anybody is let in, where its type asks nothing."""
    stale: Policy = Policy.REFUSE
    """What to do with a code that is not in a list that is not current; never to admit it."""
    hand_codes: bool = True
    """Whether staff may type a code that no reader takes."""
    find_admits: Role = Role.SUPERVISOR
    """Who may find a guest by name and admit."""
    turn_needs_pin: bool = False
    """Whether it takes a supervisor to change the lane's direction."""
    by_type: Mapping[str, "HouseRules"] = field(default_factory=dict)
    """Other decisions for tickets of a type, by its id."""

    def of(self, ticket_type: str) -> "HouseRules":
        """The decisions for tickets of a type."""
        return self.by_type.get(ticket_type, self)


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a decision may depend on besides ticket, history and scan."""

    at_ms: int
    device: str
    direction: Direction
    place: Place
    rules: HouseRules
    clock_trusted: bool = True
    basis: Basis = Basis.ONLY
    basis_age_ms: int | None = None
    """How long ago another lane may have let somebody in unknown here, while that is bounded."""
    zone_inside: int = 0
    problem: Reason | None = None
    """Why the scanned text is no credential at all."""
    list_as_of_ms: int | None = None
    """As of when the ticket list is, while it is not current; ``None`` while it is."""
    is_isolated: bool = False
    """Whether nobody was heard for as long as the event allows."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One admission or exit as a history remembers it."""

    origin: str
    seq: int
    hlc: int
    at_ms: int
    act: Act
    gate: str
    operator: str
    persons: int
    trusted: bool = True
    """Whether the clock by which ``at_ms`` was read was believed."""

    @property
    def device(self) -> str:
        """The device that recorded it."""
        return device_of(self.origin)


@dataclass(frozen=True, slots=True)
class History:
    """What one ticket has done: a fold of entries, never a thing of its own."""

    used: int = 0
    inside: int = 0
    redemptions: int = 0
    """Admissions recorded, the annulled ones included."""
    first: Movement | None = None
    """The first admission that stands."""
    last: Movement | None = None
    """The last admission or exit that stands."""
    claims: tuple[Movement, ...] = ()
    """Undos of what another device did that neither it nor the server has confirmed."""
    if_claimed: "History | None" = None
    """What it would be if the claims counted; ``None`` where there are none."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the lane says of one scan, with all that a screen needs to explain it."""

    outcome: Outcome
    reason: Reason
    direction: Direction
    at_ms: int
    ticket: Ticket | None = None
    history: History = History()
    """What the ticket had done before this scan."""
    uses: int = 0
    persons: int = 0
    basis: Basis = Basis.ONLY
    basis_age_ms: int | None = None
    """While it is ``CENTRAL`` or ``LAN``: all that any other lane had done until so long before is
    held here."""
    flags: tuple[str, ...] = ()
    entry: str = ""
    """Name of the entry that records it, ``origin:seq``; empty when nothing was recorded."""
    clock_trusted: bool = True
    """Whether the clock by which ``at_ms`` was read was believed."""
    bound_at: int | None = None
    """For too early and too late: the first or last second in which this gate would let in."""
    overruled: Reason | None = None
    hint: str = ""
    """For a fault: what happened and what the operator does next."""
    rivals: tuple[Ticket, ...] = ()
    """The tickets that one text may be, where it is not only one."""
    list_as_of_ms: int | None = None
    """As of when the list is in which the code is not, if that list was not current."""
    scanner_flaws: tuple[str, ...] = ()
    """What is wrong with the scanner, as was undone or as would explain its text; see
    ``gate.credential.repair``."""
    scanner_proof: ScannerProof | None = None
    """What it takes to believe in ``scanner_flaws`` that only would explain the text."""
    ended_flaws: tuple[str, ...] = ()
    """What is no longer believed of the scanner, because of this text."""
    latency_ms: float | None = None

    @property
    def used(self) -> int:
        """Uses spent, this one included."""
        return self.history.used + self.uses

    @property
    def is_green(self) -> bool:
        """Whether a person may go in on it."""
        return self.outcome in GREEN


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal, named by its maker with ``(origin, seq)``."""

    origin: str
    """Device id, a dot, and an incarnation minted at the first entry after a process start."""
    seq: int
    """Contiguous from 1 within the origin."""
    prev: str
    """SHA-256 (hex) of the device's previous entry; empty for its very first."""
    act: Act
    at_ms: int
    boot_ms: int
    hlc: int
    follows: str = ""
    """On the first entry of an origin: the name of the device's previous entry."""
    boot_id: str = ""
    version: str = ""
    trusted: bool = True
    """Whether the clock was believed."""
    offset_ms: int = 0
    """What a supervisor had added to the device's own clock."""
    basis: Basis = Basis.ONLY
    basis_age_ms: int | None = None
    """While it is ``CENTRAL`` or ``LAN``: all that any other lane had done until so long before was
    held here."""
    gate: str = ""
    zone: str = ""
    direction: Direction | None = None
    operator: str = ""
    ticket: str = ""
    ticket_type: str = ""
    code: str = ""
    """Keyed hash (hex) of a code that belongs to no ticket."""
    outcome: Outcome | None = None
    reason: Reason | None = None
    overruled: Reason | None = None
    uses: int = 0
    persons: int = 0
    ordinal: int | None = None
    """Count of this device's earlier admissions of the ticket, annulled ones included."""
    flags: tuple[str, ...] = ()
    target: str = ""
    """Name of the entry that this one annuls or repeats, or id of a device that is retired."""
    count: int = 0
    note: str = ""
    source: str = ""
    symbology: str = ""
    covers: tuple[str, ...] = ()
    """Names of the admissions that a resolution settles, or of entries before a retirement."""
    server_ahead_ms: int | None = None
    """How far the server's clock was ahead of the device's own, when that was last measured."""
    server_error_ms: int | None = None
    """How far that may be wrong, either way."""
    position: str = ""
    """Feed position, ``epoch:seq``, of the ticket list that it was decided on."""

    @property
    def name(self) -> str:
        """``origin:seq``, unique in the world."""
        return f"{self.origin}:{self.seq}"

    @property
    def device(self) -> str:
        """The device that made it."""
        return device_of(self.origin)


@lru_cache(maxsize=4096)
def device_of(origin: str) -> str:
    """The device whose incarnation an origin names."""
    return origin.partition(".")[0]
