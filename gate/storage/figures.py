"""What the whole venue has counted, as far as this device knows."""

from dataclasses import dataclass

from gate.core.entry import Act
from gate.core.history import fold
from gate.core.origins import OriginCounts, by_origin
from gate.core.outcome import Outcome
from gate.storage.fleet import Fleet

RATE_MINUTES = 15

_SCANS = ", ".join(f"'{outcome}'" for outcome in Outcome)
_COUNTS = f"""
    sum(CASE WHEN outcome IN ({_SCANS}) THEN entries ELSE 0 END),
    sum(CASE WHEN outcome = '{Outcome.REFUSE}' THEN entries ELSE 0 END),
    sum(admitted), sum(exited), sum(annulled),
    sum(CASE WHEN minute > :since THEN admitted ELSE 0 END),
    sum(CASE WHEN outcome = '{Act.ANNULMENT}' THEN entries ELSE 0 END)
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted."""

    scans: int = 0
    refused: int = 0
    admitted: int = 0
    """People let in; the annulled ones are taken off again."""
    exited: int = 0
    annulled: int = 0
    lately: int = 0
    """People let in during the last 15 minutes."""
    undone: int = 0
    """Undos that were made."""

    def __add__(self, other: "Figures") -> "Figures":
        """Both together."""
        return Figures(*(getattr(self, name) + getattr(other, name) for name in Figures.__slots__))


def fleet_figures(fleet: Fleet, now_ms: int) -> Figures:
    """Everybody's counts together."""
    return sum(by_device(fleet, now_ms).values(), Figures())


def by_device(fleet: Fleet, now_ms: int) -> dict[str, Figures]:
    """The counts of each device that has any."""
    since = {"since": now_ms // 60_000 - RATE_MINUTES}
    theirs = fleet.peers.rows(f"SELECT device, {_COUNTS} FROM tally GROUP BY device", since)
    found = {str(device): Figures(*counts) for device, *counts in theirs}
    for counts in fleet.own.rows(f"SELECT {_COUNTS} FROM tally HAVING count(*) > 0", since):
        found[fleet.device] = found.get(fleet.device, Figures()) + Figures(*counts)
    return found


def used_tickets(fleet: Fleet) -> int:
    """How many tickets have an admission that stands, anywhere."""
    count = "SELECT count(*) FROM state WHERE used > 0"
    used = sum(int(file.rows(count)[0][0]) for file in fleet.files)
    if not fleet.peers.is_there:
        return used
    ((in_both,),) = fleet.peers.rows(
        "SELECT count(*) FROM own.state o JOIN state p ON p.ticket = o.ticket "
        "WHERE o.used > 0 AND p.used > 0"
    )
    return used - int(in_both) - _freed(fleet)


def first_uses(fleet: Fleet) -> dict[str, int]:
    """When each used ticket was first used, in Unix seconds, as far as that still stands."""
    query = (
        "SELECT s.ticket, json_extract(e.body, '$.at_ms') / 1000 FROM state s "
        "JOIN entry e ON e.id = s.first WHERE s.used > 0 "
        # What is in a rotten page is no number; who reads the entry whole says so.
        "AND typeof(json_extract(e.body, '$.at_ms')) = 'integer'"
    )
    found: dict[str, int] = {}
    both: set[str] = set(fleet.taken_back())
    for file in fleet.files:
        for ticket, at_s in file.rows(query):
            both |= {ticket} if ticket in found else set()
            found[ticket] = int(at_s)
    # What each file knows alone need not stand where both are known.
    for ticket in both:
        history = fold(fleet.facts(ticket))
        found.pop(ticket, None)
        if history.used and history.first is not None:
            found[ticket] = history.first.at_ms // 1000
    return found


def origin_counts(fleet: Fleet, device: str = "") -> list[OriginCounts]:
    """What every device has done since each of its starts, or one device has.

    Of all devices every entry is read: not for a screen.
    """
    acts = "act IN ('admission', 'exit', 'annulment') AND ticket IS NOT NULL"
    if not device:
        every = f"SELECT body FROM counted WHERE {acts}"
        return by_origin(entry for file in fleet.files for entry in file.entries(every))
    bound = {"after": f"{device}.", "before": f"{device}/"}
    touched = (
        f"SELECT DISTINCT ticket FROM counted WHERE {acts} AND origin > :after AND origin < :before"
    )
    tickets = {ticket for file in fleet.files for (ticket,) in file.rows(touched, bound)}
    lines = by_origin(fact for ticket in tickets for fact in fleet.facts(ticket))
    return [line for line in lines if line.device == device]


def _freed(fleet: Fleet) -> int:
    """Tickets that one file counts as used and the other has freed."""
    query = "SELECT used FROM state WHERE ticket = :ticket"
    freed = 0
    for ticket in fleet.taken_back():
        used = [row[0] for file in fleet.files for row in file.rows(query, {"ticket": ticket})]
        freed += any(used) and not fold(fleet.facts(ticket)).used
    return freed
