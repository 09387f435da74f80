"""What an entry adds to the counts that reports are made of."""

from collections.abc import Callable, Iterable

from gate.core.entry import MOVEMENTS, Act, Entry
from gate.core.history import annulled

TALLY_KEY = ("minute", "gate", "zone", "ticket_type", "outcome", "reason", "operator")


TALLY_COUNTS = ("entries", "admitted", "exited", "annulled")


TallyKey = tuple[int, str, str, str, str, str, str]


TallyCounts = tuple[int, int, int, int]


def tally_rows(
    entry: Entry, find: Callable[[str], Entry | None]
) -> list[tuple[Entry, TallyCounts]]:
    """What one entry adds to the counts that reports are made of, each with the entry it is at.

    Repeats count where and when their first refusal did; an annulment takes its target back.
    """
    rows = [scan_row(entry, find)]
    target = find(entry.target) if entry.act is Act.ANNULMENT else None
    return rows + (taken_back([entry, target]) if target is not None else [])


def scan_row(entry: Entry, find: Callable[[str], Entry | None]) -> tuple[Entry, TallyCounts]:
    """What an entry adds by itself, whatever it takes back, and the entry it is counted at."""
    target = find(entry.target) if entry.act is Act.REPEAT else None
    if target is not None:
        return target, (entry.count, 0, 0, 0)
    return entry, (1, *_people(entry, 1), 0)


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
    admitted = entry.persons if entry.act is Act.ADMISSION else 0
    exited = entry.persons if entry.act is Act.EXIT else 0
    return sign * admitted, sign * exited


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
