"""What each device has done since each of its starts, and what of it stands out.

One that lies can only say what it did itself: it is found by what the others did not see.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from gate.core.entry import MOVEMENTS, Act, Entry, device_of
from gate.core.history import History, annulled, counts_at_once, entry_order, extend


@dataclass(slots=True)
class OriginCounts:
    """What was done under one origin. Counted are entries, whether or not they were undone."""

    origin: str
    gate: str = ""
    """Where it was last."""
    first_ms: int = 0
    last_ms: int = 0
    """By its own clock."""
    admissions: int = 0
    exits: int = 0
    annulments: int = 0
    exits_without_entry: int = 0
    """Exits on tickets on which nobody was inside, as far as is known."""
    annulments_of_others: int = 0
    """Undos of what another device did."""

    @property
    def device(self) -> str:
        """Whose origin it is."""
        return device_of(self.origin)

    @property
    def stands_out(self) -> bool:
        """Whether there is something of it that an honest gate seldom does."""
        return bool(self.exits_without_entry or self.annulments_of_others)


def by_origin(facts: Iterable[Entry]) -> list[OriginCounts]:
    """Count what was done, given everything that is known of the tickets; by origin."""
    known = set(facts)
    unseen = unseen_exits(known)
    found: dict[str, OriginCounts] = {}
    for entry in sorted(known, key=entry_order):
        line = found.get(entry.origin)
        if line is None:
            line = found[entry.origin] = OriginCounts(entry.origin, first_ms=entry.at_ms)
        line.gate, line.last_ms = entry.gate, entry.at_ms
        line.admissions += entry.act is Act.ADMISSION
        line.exits += entry.act is Act.EXIT
        line.exits_without_entry += entry in unseen
        if entry.act is Act.ANNULMENT:
            line.annulments += 1
            line.annulments_of_others += not counts_at_once(entry)
    return [found[origin] for origin in sorted(found)]


def unseen_exits(facts: Iterable[Entry]) -> set[Entry]:
    """The exits of more people than were inside on their ticket at the time."""
    by_ticket: dict[str, list[Entry]] = defaultdict(list)
    known = set(facts)
    gone = annulled(known)
    for entry in known:
        if entry.act in MOVEMENTS and entry.name not in gone:
            by_ticket[entry.ticket].append(entry)
    found = set()
    for done in by_ticket.values():
        history = History()
        for entry in sorted(done, key=entry_order):
            if entry.act is Act.EXIT and history.inside < entry.persons:
                found.add(entry)
            history = extend(history, entry)
    return found
