"""What does not add up on a ticket, by all that is known of it.

Conflicts, irregular admissions, and undos that nobody has confirmed.
"""

from collections.abc import Iterator

import msgspec

from gate.core.history import Claimed, Conflict, claimed, claims, conflict, limits
from gate.core.irregular import Irregular, irregular
from gate.storage.fleet import Fleet
from gate.storage.tickets import Tickets

PAGE = 5000

# More went in than one person once, or was taken back where the other file cannot know: the rest
# cannot be a conflict, whatever the ticket is good for.
_SUSPECTS = """
SELECT p.ticket FROM state p LEFT JOIN own.state o ON o.ticket = p.ticket
WHERE p.ticket > :after AND p.ticket <= :last
    AND p.redemptions + coalesce(o.redemptions, 0) > 1
    AND (p.used + coalesce(o.used, 0) > 1 OR p.inside + coalesce(o.inside, 0) > 1)
"""

_FROM_PAPER = (
    "SELECT DISTINCT ticket FROM entry "
    "WHERE act = 'admission' AND json_extract(body, '$.source') = 'paper'"
)
_USED_OF = """
SELECT ticket FROM state
WHERE redemptions > 0 AND ticket IN (SELECT value FROM json_each(:tickets))
"""


def find_conflicts(fleet: Fleet) -> list[Conflict]:
    """Tickets on which more went in than they are good for, the unsettled ones first."""
    found = []
    tickets = Tickets(fleet.folder) if fleet.folder.pointer.exists() else None
    try:
        for id_ in _suspects(fleet):
            found += [one] if (one := conflict_of(fleet, tickets, id_)) else []
    finally:
        if tickets:
            tickets.close()
    return sorted(found, key=lambda c: (c.resolution is not None, -c.admissions[-1].hlc))


def conflict_of(fleet: Fleet, tickets: Tickets | None, ticket: str) -> Conflict | None:
    """Whether more went in on one ticket than it is good for."""
    kept = tickets.get(ticket) if tickets else None
    facts = fleet.facts(ticket)
    good_for = limits(kept, facts, tickets.replica.ticket_type if tickets else lambda _id: None)
    if conflict(facts, *good_for) is None:
        return None
    return conflict([*facts, *fleet.resolutions(ticket)], *good_for)


def irregular_admissions(fleet: Fleet) -> list[Irregular]:
    """Tickets that were used and are, or were, void; those that wait for a word first."""
    if not fleet.folder.pointer.exists():
        return []
    found = []
    tickets = Tickets(fleet.folder)
    try:
        after = ""
        while voided := tickets.voided(after, PAGE):
            after = voided[-1]
            for id_ in _used_of(fleet, voided):
                found += [one] if (one := irregular_of(fleet, tickets, id_)) else []
    finally:
        tickets.close()
    return sorted(found, key=lambda one: (not one.is_open, -one.admissions[-1].entry.hlc))


def irregular_of(fleet: Fleet, tickets: Tickets, ticket: str) -> Irregular | None:
    """What is irregular about one ticket's admissions."""
    kept = tickets.get(ticket)
    if kept is None or not kept.voids:
        return None
    entries = [*fleet.facts(ticket), *fleet.resolutions(ticket)]
    return irregular(entries, kept.voids, tickets.replica.life)


def unconfirmed_undos(fleet: Fleet) -> list[Claimed]:
    """Tickets with undos that nobody has confirmed, those that wait for a word first."""
    undone = "SELECT DISTINCT ticket FROM counted WHERE act = 'annulment'"
    tickets = {ticket for file in fleet.files for (ticket,) in file.rows(undone)}
    found = [one for id_ in sorted(tickets) if (one := unconfirmed_undos_of(fleet, id_))]
    return sorted(found, key=lambda one: (one.resolution is not None, -one.undos[-1].hlc))


def unconfirmed_undos_of(fleet: Fleet, ticket: str) -> Claimed | None:
    """Which undos of one ticket nobody has confirmed."""
    facts = fleet.facts(ticket)
    return claimed([*facts, *fleet.resolutions(ticket)]) if claims(facts) else None


def _suspects(fleet: Fleet) -> Iterator[str]:
    """Tickets that may be in conflict."""
    known = fleet.taken_back() | {ticket for (ticket,) in fleet.own.rows(_FROM_PAPER)}
    yield from sorted(known)
    after = ""
    while fleet.peers.is_there:
        ((last,),) = fleet.peers.rows(
            "SELECT max(ticket) FROM "
            "(SELECT ticket FROM state WHERE ticket > :after ORDER BY ticket LIMIT :page)",
            {"after": after, "page": PAGE},
        )
        if last is None or last <= after:  # the latter in a damaged tree only
            return
        for (ticket,) in fleet.peers.rows(_SUSPECTS, {"after": after, "last": last}):
            if ticket not in known:
                yield ticket
        after = last


def _used_of(fleet: Fleet, tickets: list[str]) -> list[str]:
    """Which of some tickets anybody ever went in on."""
    bound = {"tickets": msgspec.json.encode(tickets).decode()}
    return sorted({id_ for file in fleet.files for (id_,) in file.rows(_USED_OF, bound)})
