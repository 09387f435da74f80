"""What an entry adds to the counts that reports are made of."""

from collections.abc import Callable, Iterable

from gate.core.entry import MOVEMENTS, Act, Entry
from gate.core.history import annulled
from gate.core.place import Direction

TALLY_KEY = ("minute", "gate", "zone", "ticket_type", "outcome", "reason", "operator")


TALLY_COUNTS = ("entries", "admitted", "exited", "annulled")


TallyKey = tuple[int, str, str, str, str, str, str]


TallyCounts = tuple[int, int, int, int]


def tally_rows(
    entry: Entry, find: Callable[[str], Entry | None]
) -> list[tuple[Entry, TallyCounts]]:
    """What one entry adds to the counts that reports are made of, each with the entry it is at.

    Repeats count where and when their first refusal did; an annulment takes its target back. A
    count of people without a ticket is taken back where and when that was done.
    """
    rows = [scan_row(entry, find)]
    target = find(entry.target) if entry.act is Act.ANNULMENT else None
    return rows + (taken_back([entry, target]) if target is not None else [])


def scan_row(entry: Entry, find: Callable[[str], Entry | None]) -> tuple[Entry, TallyCounts]:
    """What an entry adds by itself, whatever it takes back, and the entry it is counted at."""
    target = find(entry.target) if entry.act is Act.REPEAT else None
    if target is not None:
        return target, (entry.count, 0, 0, 0)
    return entry, (1, *_people(entry, 1), int(entry.act is Act.COUNT_UNDONE))


def taken_back(facts: Iterable[Entry]) -> list[tuple[Entry, TallyCounts]]:
    """The annulled admissions and exits among a ticket's entries, and what to count for each."""
    known = set(facts)
    gone = annulled(known)
    return [
        (entry, (0, *_people(entry, -1), 1))
        for entry in known
        if entry.act in MOVEMENTS and entry.name in gone
    ]


def _people(entry: Entry, sign: int) -> tuple[int, int]:
    """How many people it adds to those who went in, and to those who went out."""
    people = sign * entry.persons
    if entry.act is Act.COUNT_UNDONE:
        # It says itself what it takes back: so no count depends on which of the two came first.
        return (0, -people) if entry.direction is Direction.OUT else (-people, 0)
    came_in = entry.act in (Act.ADMISSION, Act.COUNT_IN)
    went_out = entry.act in (Act.EXIT, Act.COUNT_OUT)
    return people * came_in, people * went_out


def tally_key(entry: Entry) -> TallyKey:
    """Where an entry is counted."""
    # Plain texts: of any other kind of text SQLite's module asks first what it is to be kept as.
    return (
        entry.at_ms // 60_000,
        entry.gate,
        entry.zone,
        entry.ticket_type,
        (entry.outcome or entry.act).value,
        entry.reason.value if entry.reason else "",
        entry.operator,
    )
