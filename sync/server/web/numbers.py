"""What the pages show of an event in numbers; the same words as ``gate report --venue``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gate.core.entry import WITHOUT_TICKET
from gate.core.outcome import Outcome
from gate.core.upstream_state import UpstreamState


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted at one gate, of one type, in one zone, or in all."""

    admitted: int = 0
    exited: int = 0
    refused: int = 0
    annulled: int = 0

    @property
    def inside(self) -> int:
        """People, at least so many: who was not heard of is not among them."""
        return self.admitted - self.exited

    def __add__(self, other: "Count") -> "Count":
        return Count(*(getattr(self, name) + getattr(other, name) for name in Count.__slots__))


@dataclass(frozen=True, slots=True)
class Numbers:
    """An event at one moment."""

    at_ms: int
    issued: int = 0
    expected: int = 0
    """Tickets issued and neither cancelled nor unclaimed."""
    used_tickets: int = 0
    all: Count = Count()
    without_ticket: int = 0
    """People inside who were counted at a door; among those inside."""
    gates: Mapping[str, Count] = field(default_factory=dict)
    types: Mapping[str, Count] = field(default_factory=dict)
    zones: Mapping[str, Count] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    """How many were refused, by reason."""
    minutes: Mapping[int, int] = field(default_factory=dict)
    """People admitted, by the minute (Unix)."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Of ticket types, by id."""
    upstream: UpstreamState | None = None
    """How the system stands that the tickets live in, where there is one."""

    @property
    def no_show(self) -> int:
        """Tickets that are expected and not used yet."""
        return max(0, self.expected - self.used_tickets)


SIDES = ("gate", "ticket_type", "zone", "reason", "outcome")
"""Columns of a tally that its lines are read by; so many lines there are, whatever was scanned."""


@dataclass(slots=True)
class Tallied:
    """Adds up lines of tallies, of however many files."""

    gates: dict[str, Count] = field(default_factory=dict)
    types: dict[str, Count] = field(default_factory=dict)
    zones: dict[str, Count] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    without_ticket: int = 0
    minutes: dict[int, int] = field(default_factory=dict)

    def add(self, lines: Iterable[Any]) -> None:
        """Add lines of (…``SIDES``, entries, admitted, exited, annulled)."""
        for gate, kind, zone, reason, outcome, *sums in lines:
            entries, admitted, exited, annulled = map(int, sums)
            refused = entries if outcome == Outcome.REFUSE else 0
            count = Count(admitted, exited, refused, annulled)
            if count == Count():
                continue
            for group, side in ((self.gates, gate), (self.types, kind), (self.zones, zone)):
                group[side] = group.get(side, Count()) + count
            if refused:
                self.reasons[reason] = self.reasons.get(reason, 0) + refused
            if outcome in WITHOUT_TICKET:
                self.without_ticket += admitted - exited

    def add_minutes(self, lines: Iterable[Any]) -> None:
        """Add lines of (minute, admitted)."""
        for minute, admitted in lines:
            self.minutes[int(minute)] = self.minutes.get(int(minute), 0) + int(admitted)

    def numbers(
        self,
        at_ms: int,
        issued: int,
        expected: int,
        used_tickets: int,
        titles: Mapping[str, str],
    ) -> Numbers:
        """All of it, with what is known of the tickets."""
        return Numbers(
            at_ms, issued, expected, used_tickets, sum(self.gates.values(), Count()),
            self.without_ticket, self.gates, self.types, self.zones, self.reasons, self.minutes,
            titles,
        )  # fmt: skip
