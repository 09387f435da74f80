"""What an anomaly is, and from where on something counts as one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gate.core.ticket import WeeklyHours

MOST_NAMED = 40
"""Entries that an anomaly names; of more the first."""


class Kind(StrEnum):
    """Which rule found it."""

    TOO_FAST = "too_fast"
    """One ticket at two gates, sooner than anybody walks from one to the other."""
    UNKNOWN_CODES = "unknown_codes"
    """Many unknown codes at a lane that look like codes of the event."""
    NEAR_MISSES = "near_misses"
    """Unknown codes at a lane that are one change away from a real one."""
    COMES_ELSEWHERE = "comes_elsewhere"
    """What was refused at one gate is tried at others."""
    OVERRIDES = "overrides"
    """Somebody overrules far more refusals than is usual this evening."""
    UNDOS = "undos"
    """Somebody takes back far more than is usual this evening."""
    FAST_LANE = "fast_lane"
    """A lane lets tickets in faster than people walk."""
    EXITS = "exits_above_entries"
    """More people went out on tickets than went in on them."""
    ORDER_SPREAD = "order_spread"
    """The tickets of one order come one by one, at many gates."""
    REVOKED_RETURNS = "revoked_returns"
    """A ticket that is void is tried again and again."""
    OUTSIDE_HOURS = "outside_hours"
    """People were let in while the event is closed."""


_OF_TICKETS = frozenset({Kind.TOO_FAST, Kind.COMES_ELSEWHERE, Kind.REVOKED_RETURNS})


class Severity(StrEnum):
    """How soon somebody should look."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One thing that is unlike an honest evening."""

    kind: Kind
    severity: Severity
    about: str
    """A ticket's id, a code's keyed hash, an order, an operator or a gate; empty: the venue."""
    gates: tuple[str, ...]
    at_ms: int
    """When the first and the last of its entries were made, by their devices' clocks."""
    until_ms: int
    count: int
    """How many codes, people, gates, … ; which, ``gate.text.anomaly_words`` says of each kind."""
    out_of: int = 0
    """Among how many that was."""
    usual: float = 0.0
    """How many of so many are usual."""
    is_code: bool = False
    """Whether it is about an unknown code, and not a ticket."""
    entries: tuple[str, ...] = ()
    """Names of the entries that it rests on."""

    @property
    def key(self) -> tuple[str, str, int]:
        """What stays the same while it grows."""
        return self.kind.value, self.about, self.at_ms

    @property
    def is_of_ticket(self) -> bool:
        """Whether it is about a ticket, by its id."""
        return self.kind in _OF_TICKETS and not self.is_code


@dataclass(frozen=True, slots=True)
class Sold:
    """What the rules need of a ticket."""

    order: str = ""
    party_size: int = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is an anomaly. The defaults are those of ``bench_anomalies.py``."""

    walk_s: int = 10
    """Nobody comes from one gate to another sooner."""
    walks: Mapping[frozenset[str], int] = field(default_factory=dict)
    """The same between two gates, by their names."""
    hours: tuple[WeeklyHours, ...] = ()
    """When the event is open; none: always."""
    time_zone: str = "UTC"
    ends_s: int = 0
    """The event's last second (Unix); 0: nobody knows."""
    unknown_codes: int = 12
    """Different unknown codes at a lane within ten minutes."""
    near_misses: int = 4
    """Different ones at a lane within ten minutes that are near to real codes."""
    scans_a_minute: int = 50
    """Tickets that a lane lets in within a minute."""
    order_parties: int = 8
    """Groups in which the tickets of one order come."""
    off: frozenset[Kind] = frozenset()
    """What is not looked for."""

    def walking_ms(self, one: str, other: str) -> int:
        """How long it takes at least to come from one gate to another."""
        return 1000 * self.walks.get(frozenset((one, other)), self.walk_s)
