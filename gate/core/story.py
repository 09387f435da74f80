"""A ticket's whole story: how it was stated, what the venue said of it, and what was done with it.

One function of what a node holds, so that gate and server tell it alike. Device clocks order
nothing: entries stand in the order in which they count, and among them what the server dated.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gate.core.entry import Act, Entry
from gate.core.history import claims, entry_order
from gate.core.hlc import COUNTER_BITS
from gate.core.ticket import CodeState, DoorAct, DoorWord, Ticket

MOST_ENTRIES = 500
"""Entries that are told: the newest."""
_KEPT_BESIDE = frozenset(
    {"id", "type_id", "shape", "identities", "rotating_keys", "issue", "voids", "door", "signed"}
)
"""In a ticket's row, and no statement of its issuer's, or told by its codes."""


class Happening(StrEnum):
    """What came of a ticket."""

    ISSUED = "issued"
    STATED = "stated"
    """As it was stated when what is known of it begins: there may have been more before."""
    CHANGED = "changed"
    VOIDED = "voided"
    GOOD_AGAIN = "good_again"
    CODE_REPLACED = "code_replaced"
    CODE_ADDED = "code_added"
    ERASED = "erased"
    BLOCKED = "blocked"
    FREED = "freed"
    NOTED = "noted"
    SCANNED = "scanned"
    UNDONE = "undone"
    UNDO_CLAIMED = "undo_claimed"
    """Undone by another device, and nobody who may has confirmed it."""
    SETTLED = "settled"
    """A supervisor has looked at what did not add up."""


_OF_DOOR = {
    DoorAct.BLOCKED: Happening.BLOCKED,
    DoorAct.FREED: Happening.FREED,
    DoorAct.NOTED: Happening.NOTED,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A ticket as one change of the feed has it."""

    position: str
    """``epoch:seq``."""
    at_ms: int
    """By the server's clock; 0: not known."""
    fields: Mapping[str, object]
    codes: Mapping[str, str]
    """Keyed hash of every code it names, and its state."""
    is_erasure: bool = False


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that was stated otherwise; ``None``: not at all."""

    name: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Chapter:
    """One thing that came of a ticket."""

    kind: Happening
    at_ms: int
    """0: not known."""
    position: str = ""
    """In the feed, of what was stated."""
    changes: tuple[FieldChange, ...] = ()
    word: DoorWord | None = None
    entry: Entry | None = None
    has_no_effect: bool = False
    """The entry is one of a disowned device's that count no more."""


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of a ticket, in order, and what is not known."""

    chapters: tuple[Chapter, ...]
    has_all_statements: bool
    """Whether every statement of it is among them."""
    has_all_entries: bool
    """Whether all that was done with it, as far as it is held here, is among them."""


def story(
    ticket: Ticket,
    entries: Iterable[Entry],
    statements: Sequence[Statement] = (),
    *,
    knows_all: bool = False,
    disowned: Container[str] = (),
) -> Story:
    """Tell of a ticket what is held of it.

    ``knows_all`` says that the statements, the first first, are all there ever were; ``disowned``
    has the names of entries that count no more.
    """
    known = sorted(set(entries), key=entry_order)
    told = known[-MOST_ENTRIES:]
    claimed = frozenset(claims(known))
    dated = [(_order_of(entry), _of_entry(entry, claimed, disowned)) for entry in told]
    stated = list(_of_statements(statements, ticket, knows_all=knows_all))
    has_date = any(one.kind is Happening.ISSUED for one in stated)
    if ticket.issued_at is not None and not has_date:
        stated.insert(0, Chapter(Happening.ISSUED, ticket.issued_at * 1000))
    stated += _of_voids(ticket)
    stated += [Chapter(_OF_DOOR[word.act], word.at_ms, word=word) for word in ticket.door]
    dated += [(one.at_ms, one) for one in stated]
    # Stable: what is of one moment stays in the order in which it was found.
    chapters = tuple(one for _at, one in sorted(dated, key=lambda pair: pair[0]))
    return Story(chapters, knows_all, len(told) == len(known))


def _order_of(entry: Entry) -> int:
    """The moment of an entry by its hybrid logical clock: it never runs against its order."""
    return entry.hlc >> COUNTER_BITS


def _of_entry(entry: Entry, claimed: Container[Entry], disowned: Container[str]) -> Chapter:
    kind = Happening.SCANNED
    if entry.act is Act.ANNULMENT:
        kind = Happening.UNDO_CLAIMED if entry in claimed else Happening.UNDONE
    elif entry.act is Act.RESOLUTION:
        kind = Happening.SETTLED
    return Chapter(kind, entry.at_ms, entry=entry, has_no_effect=entry.name in disowned)


def _of_statements(
    statements: Sequence[Statement], ticket: Ticket, *, knows_all: bool
) -> Iterator[Chapter]:
    turns = {position for void in ticket.voids for position in (void.at, void.until)}
    before: Statement | None = None
    for one in statements:
        if one.is_erasure:
            yield Chapter(Happening.ERASED, one.at_ms, one.position)
        elif before is None:
            first = Happening.ISSUED if knows_all else Happening.STATED
            yield Chapter(first, one.at_ms, one.position)
        else:
            yield from _between(before, one, is_told=one.position in turns)
        before = one


def _between(before: Statement, after: Statement, *, is_told: bool) -> Iterator[Chapter]:
    """What changed; that the ticket became void or good with it is told by its voids."""
    names = (before.fields.keys() | after.fields.keys()) - _KEPT_BESIDE
    changes = tuple(
        FieldChange(name, before.fields.get(name), after.fields.get(name))
        for name in sorted(names - ({"status"} if is_told else set()))
        if before.fields.get(name) != after.fields.get(name)
    )
    if changes:
        yield Chapter(Happening.CHANGED, after.at_ms, after.position, changes)
    live, was_live = _live(after), _live(before)
    if was_live - live:
        yield Chapter(Happening.CODE_REPLACED, after.at_ms, after.position)
    elif live - was_live:
        yield Chapter(Happening.CODE_ADDED, after.at_ms, after.position)


def _live(one: Statement) -> set[str]:
    return {hashed for hashed, state in one.codes.items() if state == CodeState.LIVE}


def _of_voids(ticket: Ticket) -> Iterator[Chapter]:
    """When it became void and good again; a block and its end are told by the door's own words."""
    by_door = {word.at_ms for word in ticket.door}
    for void in ticket.voids:
        if not void.by_door:
            yield Chapter(Happening.VOIDED, void.at_ms, void.at)
        if void.until and void.until_ms not in by_door:
            yield Chapter(Happening.GOOD_AGAIN, void.until_ms, void.until)
