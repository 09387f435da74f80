"""What is told of an event: counts, tickets and stories, the journal, what is to be settled."""

from typing import Annotated, Any

from msgspec import Meta, Struct


class CountLine(Struct, frozen=True):
    """What one device has counted at one gate."""

    device: str
    gate: str
    scans: int
    """Verdicts, whatever they were."""
    admitted: int
    """People."""
    exited: int
    refused: int
    annulled: int
    device_name: str


class Counts(Struct, frozen=True):
    """What an event has, and how many went in and out."""

    types: int
    tickets: int
    admitted: int
    exited: int
    lines: list[CountLine]


class OriginLine(Struct, frozen=True):
    """What a device did since one of its starts."""

    origin: str
    gate: str
    first_ms: int
    last_ms: int
    admissions: int
    exits: int
    annulments: int
    exits_without_entry: int
    annulments_of_others: int
    device: str
    device_name: str
    stands_out: bool
    """Whether there is something of it that an honest gate seldom does."""


class Evidence(Struct, frozen=True, omit_defaults=True):
    """One side of a conflict: an admission, and how well its time is known."""

    entry: str
    device: str
    device_name: str
    gate: str
    operator: str
    at_ms: int
    """By the device's own clock."""
    persons: int
    uses: int
    basis: str
    trusted: bool
    basis_age_ms: int | None = None
    server_ahead_ms: int | None = None
    server_error_ms: int | None = None
    overruled: str = ""
    position: str = ""
    """Feed position of the list that it was decided on."""


class SetBlock(Struct, frozen=True, forbid_unknown_fields=True):
    """A ticket blocked at the door, or freed again: by whom and why."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    who: Annotated[str, Meta(min_length=1, max_length=100)]


class SetNote(Struct, frozen=True, forbid_unknown_fields=True):
    """The venue's own note on a ticket; an empty one takes it away."""

    note: Annotated[str, Meta(max_length=500)]
    who: Annotated[str, Meta(min_length=1, max_length=100)]


class DoorLine(Struct, frozen=True, omit_defaults=True):
    """A word of the venue's on a ticket."""

    act: str
    """``blocked``, ``freed`` or ``noted``."""
    text: str
    who: str
    at_ms: int


class TicketLine(Struct, frozen=True, omit_defaults=True):
    """A ticket as it was found: what its issuer says, and beside that what the venue says."""

    id: str
    type: str
    title: str
    status: str
    status_note: str = ""
    holder: str = ""
    order: str = ""
    seats: tuple[str, ...] = ()
    zone: str = ""
    entrance: str = ""
    note: str = ""
    block: DoorLine | None = None
    door_note: DoorLine | None = None


class TicketsFound(Struct, frozen=True):
    """What a text finds."""

    tickets: list[TicketLine]
    has_more: bool
    """There may be others: more of it has to be typed."""
    unsearched: int
    """Tickets that cannot be found by name, seat and order yet: they were stated just now."""


class ChangedField(Struct, frozen=True):
    """A field that was stated otherwise; ``None``: not at all."""

    name: str
    before: Any
    after: Any


class EntryLine(Struct, frozen=True, omit_defaults=True):
    """An entry of a journal, without what is only for its chain."""

    name: str
    device: str
    device_name: str
    act: str
    at_ms: int
    """By the device's own clock."""
    trusted: bool
    basis: str
    number: int = 0
    """In the order in which the server took them in."""
    gate: str = ""
    zone: str = ""
    operator: str = ""
    ticket: str = ""
    ticket_type: str = ""
    code: str = ""
    """The first digits of a keyed hash: two of one code have the same."""
    outcome: str = ""
    reason: str = ""
    overruled: str = ""
    persons: int = 0
    uses: int = 0
    basis_age_ms: int | None = None
    flags: tuple[str, ...] = ()
    target: str = ""
    count: int = 0
    note: str = ""
    answered: tuple[str, ...] = ()
    """Ids of the event's questions that were put."""
    answers: dict[str, str] = {}
    """What was answered, by those ids."""


class ChapterLine(Struct, frozen=True, omit_defaults=True):
    """One thing that came of a ticket."""

    kind: str
    at_ms: int
    """0: not known."""
    sentence: str
    """For people, in the server's language and the event's time zone."""
    position: str = ""
    changes: list[ChangedField] = []
    word: DoorLine | None = None
    entry: EntryLine | None = None
    has_no_effect: bool = False


class TicketStory(Struct, frozen=True):
    """A ticket and all that is known of it."""

    ticket: TicketLine
    used: int
    inside: int
    story: list[ChapterLine]
    has_all_statements: bool
    has_all_entries: bool


class JournalLines(Struct, frozen=True):
    """A page of the journal; it may be short, or empty, and not the last."""

    entries: list[EntryLine]
    after: int
    """Where to go on."""
    more: bool


class AuditLine(Struct, frozen=True):
    """Who did what at the server."""

    seq: int
    at_ms: int
    who: str
    address: str
    act: str
    about: str
    hash: str


class AuditLines(Struct, frozen=True):
    """A page of the log of who did what."""

    rows: list[AuditLine]
    after: int
    more: bool


class Resolved(Struct, frozen=True):
    """A supervisor's word on a conflict."""

    note: str
    who: str
    at_ms: int


class ConflictLine(Struct, frozen=True, omit_defaults=True):
    """A ticket on which more went in than it is good for."""

    ticket: str
    ticket_type: str
    excess: int
    admissions: list[Evidence]
    resolution: Resolved | None = None


class Voided(Struct, frozen=True, omit_defaults=True):
    """When a ticket was void: by position in the feed, and by the clock of its source."""

    at: str
    at_ms: int
    until: str = ""
    until_ms: int = 0
    by_door: bool = False
    """Whether it began with a block at the door."""


class Questionable(Struct, frozen=True, omit_defaults=True):
    """An admission on a ticket that is or was void, and the void it is compared with."""

    kind: str
    """``against_list``, ``irregular``, ``cannot_be_told`` or ``used_before_void``."""
    admission: Evidence
    void: Voided


class IrregularLine(Struct, frozen=True, omit_defaults=True):
    """A ticket that was used and is, or was, void."""

    ticket: str
    ticket_type: str
    kind: str
    """The gravest of its admissions' kinds."""
    is_open: bool
    """Whether somebody has to look into it still."""
    admissions: list[Questionable]
    resolution: Resolved | None = None


class AnomalyLine(Struct, frozen=True):
    """What is unlike an honest evening, in a sentence, and the entries that it rests on."""

    kind: str
    severity: str
    """``high`` or ``low``."""
    title: str
    sentence: str
    remedy: str
    about: str
    gates: tuple[str, ...]
    at_ms: int
    until_ms: int
    """When the first and the last of the entries were made, by their devices' clocks."""
    entries: tuple[str, ...]
    """The first 40."""


class Undo(Struct, frozen=True):
    """An undo that is only a claim: what it would take back, and who says so and why."""

    target: str
    note: str
    evidence: Evidence


class ClaimLine(Struct, frozen=True, omit_defaults=True):
    """A ticket with undos that neither the server nor whoever let in has confirmed."""

    ticket: str
    ticket_type: str
    undos: list[Undo]
    targets: list[Evidence]
    resolution: Resolved | None = None


class Resolve(Struct, frozen=True):
    """How a conflict was settled, and by whom."""

    note: Annotated[str, Meta(min_length=1, max_length=500)]
    who: Annotated[str, Meta(min_length=1, max_length=100)]


class AlarmLine(Struct, frozen=True):
    """A device that did two things after one entry, that two machines are, or that floods."""

    device: str
    device_name: str
    kind: str
    """``branched``: cloned, restored from a backup or rolled back; ``twin``; ``flood``."""
    after: str
    origins: list[str]
    """The first of them."""
    count: int
    """How many there are."""


class AuditRow(Struct, frozen=True):
    """Who did what: a row of the audit log, and the hash that the next one names."""

    seq: int
    prev: str
    at_ms: int
    event: str
    who: str
    address: str
    act: str
    about: str
    hash: str
