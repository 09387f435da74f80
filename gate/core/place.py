"""Where a lane stands, what it does with tickets, and what its venue decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gate.core.code_formats import TEXT_ONLY, CodeFormats

UNNAMED = "Gate"
"""What a gate is called that nobody gave a name."""


class Direction(StrEnum):
    """What a lane does with a ticket; the operator chooses, it never changes by itself."""

    IN = "in"
    OUT = "out"
    BOTH = "both"
    CHECK = "check"


class Policy(StrEnum):
    """What to do with a ticket of which nobody can be sure, the strictest last."""

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


class Role(StrEnum):
    """What an operator may do."""

    STAFF = "staff"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the lane stands. Empty means that the gate does not care."""

    gate: str = UNNAMED
    rule_gate: str = ""
    """Name or id that rules call it by, where that is not its name."""
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

    @property
    def named(self) -> str:
        """The gate's name; empty where nobody gave it one."""
        return "" if self.gate == UNNAMED else self.gate


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
    unseen: Policy = Policy.FLAG
    """What to do with a signed ticket that is not in a list that is not current."""
    unseen_current: Policy = Policy.HOLD
    """The same, of a list that is: it was signed and never sold, or sold a moment ago."""
    unpaid: UnpaidPolicy = UnpaidPolicy.REFUSE
    ask: str = ""
    """What is asked at every ticket before anybody is let in, where its type asks nothing."""
    rule: str = ""
    """By which people are let in, where the ticket's type has no rule: ``gate.core.formula``."""
    questions: str = ""
    """What is asked at the door, as JSON: ``gate.core.question``."""
    skip_questions: bool = False
    """Whether staff may let in without the answers."""
    stale: Policy = Policy.REFUSE
    """What to do with a code that is not in a list that is not current; never to admit it."""
    static_codes: Policy = Policy.REFUSE
    """What to do with a rotating ticket of which only the part is shown that does not change."""
    hand_codes: bool = True
    """Whether staff may type a code that no reader takes."""
    find_admits: Role = Role.SUPERVISOR
    """Who may find a guest by name and admit."""
    turn_needs_pin: bool = False
    """Whether it takes a supervisor to change the lane's direction."""
    list_needs_pin: bool = False
    """Whether it takes a supervisor to change to another list."""
    formats: CodeFormats = TEXT_ONLY
    """Which formats of codes are read beside their text."""
    by_type: Mapping[str, "HouseRules"] = field(default_factory=dict)
    """Other decisions for tickets of a type, by its id."""

    def of(self, ticket_type: str) -> "HouseRules":
        """The decisions for tickets of a type."""
        return self.by_type.get(ticket_type, self)
