"""What a ticket has done: a fold of journal entries whose order of arrival never matters."""

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, replace

from gate.core.entry import CENTRAL, FACTS, MOVEMENTS, Act, Entry, device_of
from gate.core.outcome import Reason
from gate.core.signed_ticket import Signed
from gate.core.ticket import Ticket, TicketType


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
    admitted_ms: tuple[int, ...] = ()
    """When each person was let in by an admission that stands, the first first; only where
    ``with_times`` has put it in."""
    answered: frozenset[str] = frozenset()
    """Ids of the event's questions that were put at an admission that stands; only where
    ``with_answered`` has put it in."""


def fold(entries: Iterable[Entry]) -> History:
    """Derive one ticket's history from every entry that anybody holds about it.

    Entries may come in any order and any number of times. An annulment frees the use of its target
    wherever the two meet, even when it came first; one that is only a claim is told beside.
    """
    # By value, not by name: a cloned machine can give one name to two things that happened.
    facts = {entry for entry in entries if entry.act in FACTS}
    gone = annulled(facts)
    history = _without(facts, gone)
    open_claims = claims(facts)
    if not open_claims:
        return history
    return replace(
        history,
        claims=tuple(map(movement_of, open_claims)),
        if_claimed=_without(facts, gone | {claim.target for claim in open_claims}),
    )


def with_times(history: History, entries: Iterable[Entry]) -> History:
    """The same, and when people were let in, by each device's clock: for rules that ask for it.

    Nobody else has to know, so it is not kept beside the entries. Of equal entries equal times
    follow, whatever their order.
    """
    facts = {entry for entry in entries if entry.act in FACTS}
    gone = annulled(facts)
    otherwise = history.if_claimed
    if otherwise is not None:
        targets = {claim.target for claim in claims(facts)}
        otherwise = replace(otherwise, admitted_ms=_admitted_ms(facts, gone | targets))
    return replace(history, admitted_ms=_admitted_ms(facts, gone), if_claimed=otherwise)


def with_answered(history: History, entries: Iterable[Entry]) -> History:
    """The same, and which questions were put: for events that ask any."""
    facts = {entry for entry in entries if entry.act in FACTS}
    gone = annulled(facts)
    standing = (e for e in facts if e.act is Act.ADMISSION and e.name not in gone)
    return replace(history, answered=frozenset(id_ for one in standing for id_ in one.answered))


def _admitted_ms(facts: Iterable[Entry], gone: Set[str]) -> tuple[int, ...]:
    standing = (e for e in facts if e.act is Act.ADMISSION and e.name not in gone)
    return tuple(sorted(entry.at_ms for entry in standing for _person in range(entry.persons)))


def _without(facts: Iterable[Entry], gone: Set[str]) -> History:
    history = History()
    for entry in sorted(facts, key=entry_order):
        if entry.act is Act.ADMISSION and entry.name in gone:
            history = replace(history, redemptions=history.redemptions + 1)
        elif entry.act in MOVEMENTS and entry.name not in gone:
            history = extend(history, entry)
    return history


def counts_at_once(annulment: Entry) -> bool:
    """Whether it needs nobody's word: the server's, and that of the device that made its target."""
    return annulment.device in (CENTRAL, device_of(annulment.target))


def annulled(entries: Iterable[Entry]) -> set[str]:
    """Names of the entries that are taken back."""
    return {e.target for e in entries if e.act is Act.ANNULMENT and counts_at_once(e)}


def claims(entries: Iterable[Entry]) -> list[Entry]:
    """Annulments of what stands that do not count by themselves, the first first.

    Confirmed is a claim by an annulment of the same target that counts.
    """
    known = set(entries)
    standing = {entry.name for entry in known if entry.act in MOVEMENTS} - annulled(known)
    found = (e for e in known if e.act is Act.ANNULMENT and e.target in standing)
    return sorted(found, key=entry_order)


def entry_order(entry: Entry) -> tuple[object, ...]:
    """The order in which entries count: (HLC, origin, seq), and what keeps equal ones apart."""
    # All that a history remembers takes part, so that no tie is left to the order of arrival.
    return (
        entry.hlc, entry.origin, entry.seq, entry.at_ms, entry.act, entry.uses, entry.persons,
        entry.gate, entry.operator, entry.trusted,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claimed:
    """Undos of one ticket's movements that nobody who may has confirmed."""

    ticket: str
    ticket_type: str
    undos: tuple[Entry, ...]
    """The claims, the first first."""
    targets: tuple[Entry, ...]
    """What they would take back."""
    resolution: Entry | None = None
    """A supervisor's word on exactly these; they stay claims."""


def claimed(entries: Iterable[Entry]) -> Claimed | None:
    """Derive which undos of a ticket wait to be confirmed; ``None`` when none does."""
    known = set(entries)
    undos = claims(known)
    if not undos:
        return None
    names, about = {e.name for e in undos}, {e.target for e in undos}
    targets = sorted((e for e in known if e.act in MOVEMENTS and e.name in about), key=entry_order)
    words = [e for e in known if e.act is Act.RESOLUTION and names <= set(e.covers)]
    return Claimed(
        ticket=undos[0].ticket,
        ticket_type=undos[0].ticket_type,
        undos=tuple(undos),
        targets=tuple(targets),
        resolution=min(words, key=entry_order) if words else None,
    )


@dataclass(frozen=True, slots=True)
class Conflict:
    """More went in on one ticket than it is good for: both are inside, and nobody is undone."""

    ticket: str
    ticket_type: str
    admissions: tuple[Entry, ...]
    """The admissions that stand, the smallest (HLC, origin, seq) first; no more follows from it."""
    excess: int
    """How many went in beyond what the ticket is good for."""
    resolution: Entry | None = None
    """The supervisor's word on exactly these admissions, once it is there."""


def limits(
    ticket: Ticket | None, entries: Iterable[Entry], type_of: Callable[[str], TicketType | None]
) -> tuple[int, int]:
    """How often a ticket may be used, and how many people may be inside on it.

    Of one that is not in the list (yet) its code told those who admitted on it; where they say
    different things it is the least. What a code leaves to its type is what that says now, by
    ``type_of``, or else what it said then.
    """
    if ticket is not None:
        return ticket.use_limit, ticket.party_size
    told = [_good_for(one.signed, type_of) for one in entries if one.signed is not None]
    return min((uses for uses, _party in told), default=1), min((p for _u, p in told), default=1)


def _good_for(said: Signed, type_of: Callable[[str], TicketType | None]) -> tuple[int, int]:
    kind = type_of(said.type) if said.by_type else None
    uses = kind.use_limit if kind is not None and "uses" in said.by_type else said.uses
    party = kind.party_size if kind is not None and "party" in said.by_type else said.party
    return _told(uses), _told(party)


def _told(count: int | None) -> int:
    return 1 if count is None else count


KNOWINGLY = frozenset(
    {Reason.ALREADY_USED, Reason.NOT_ENOUGH_USES, Reason.USED_ELSEWHERE, Reason.PASS_BACK}
)
"""Whoever overruled one of these knew that the ticket had been used."""


def conflict(entries: Iterable[Entry], use_limit: int, party_size: int) -> Conflict | None:
    """Derive whether gates that could not hear each other let too many in on one ticket.

    Counts do not depend on any clock. People who come back at no new use are counted by how many
    are inside; that says nothing for passes, whose holders need not be seen going out.
    """
    known = set(entries)
    gone = annulled(known)
    standing = [e for e in known if e.act in MOVEMENTS and e.name not in gone]
    admissions = sorted((e for e in standing if e.act is Act.ADMISSION), key=entry_order)
    unknowing = [e for e in admissions if e.overruled not in KNOWINGLY]
    excess = sum(e.uses for e in unknowing) - use_limit
    if use_limit <= party_size:
        went_out = sum(e.persons for e in standing if e.act is Act.EXIT)
        excess = max(excess, sum(e.persons for e in unknowing) - went_out - party_size)
    if excess <= 0:
        return None
    names = {e.name for e in admissions}
    words = [e for e in known if e.act is Act.RESOLUTION and names <= set(e.covers)]
    return Conflict(
        ticket=admissions[0].ticket,
        ticket_type=admissions[0].ticket_type,
        admissions=tuple(admissions),
        excess=excess,
        resolution=min(words, key=entry_order) if words else None,
    )


def extend(history: History, entry: Entry) -> History:
    """Add an admission or exit that is later than everything folded and nobody takes back."""
    if history.if_claimed is not None:
        history = replace(history, if_claimed=extend(history.if_claimed, entry))
    used, inside, redemptions = counted(history, entry)
    movement = movement_of(entry)
    first = history.first or (movement if entry.act is Act.ADMISSION else None)
    return replace(
        history, used=used, inside=inside, redemptions=redemptions, first=first, last=movement
    )


def counted(history: History, entry: Entry) -> tuple[int, int, int]:
    """``used``, ``inside`` and ``redemptions`` once such an admission or exit is added."""
    if entry.act is Act.EXIT:
        # An exit nobody saw come in must not let two people in later.
        return history.used, max(0, history.inside - entry.persons), history.redemptions
    return history.used + entry.uses, history.inside + entry.persons, history.redemptions + 1


def movement_of(entry: Entry) -> Movement:
    """What a history remembers of an admission, exit or annulment."""
    return Movement(
        origin=entry.origin,
        seq=entry.seq,
        hlc=entry.hlc,
        at_ms=entry.at_ms,
        act=entry.act,
        gate=entry.gate,
        operator=entry.operator,
        persons=entry.persons,
        trusted=entry.trusted,
    )
