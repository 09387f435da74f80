"""What goes over the wire: the types, the paths, the limits. ``docs/protocol.md`` says it in words.

Entries travel as the very bytes their maker hashed (``msgspec.Raw``), never encoded twice.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Raw, Struct

from gate.core.event_device import DeviceReport, EventDevice
from gate.core.limits import MAX_ENTRIES, VERSION, Count, Milliseconds, Name, Origin
from gate.core.signed_tip import Rejected, SignedTip

PREFIX: Final = f"/v{VERSION}"

MAX_FRAME: Final = 8 * 1024 * 1024
"""Longest frame, in bytes: a full frame of longest entries."""
PAGE_ORIGINS: Final = 1000
"""Origins that ours name in one frame."""
MAX_ORIGINS: Final = 5000
"""Origins that a frame may name."""
MAX_LATER: Final = 500
"""Devices of one venue of which something waits: no more than there are entries in a frame."""
MAX_LINKS: Final = 500
"""Gates of one venue that hear each other."""
MAX_ROWS: Final = 5000
"""Rows of ticket types, tickets, changes or voids in one request."""

TipText = Annotated[str, Meta(max_length=64, pattern=r"^[0-9]{1,15}:[0-9a-f]{32}\Z")]
TipName = Annotated[
    str,
    Meta(max_length=120, pattern=r"^([0-9a-z]{1,32}\.[0-9a-f]{1,31}:[0-9]{1,15}:[0-9a-f]{32})?\Z"),
]
"""``ORIGIN:SEQ:HASH``; empty for none."""
RangeEnd = Annotated[str, Meta(max_length=64)]
Tips = Annotated[list[TipText], Meta(max_length=64)]


class Frame(Struct, frozen=True, omit_defaults=True):
    """One side's turn of an exchange."""

    have: Annotated[dict[Origin, Tips], Meta(max_length=MAX_ORIGINS)] = {}
    """The newest entries held, ``seq:hash``: one for an origin, or one for each of its branches.

    What is named here is durable with its sender; it is the receipt.
    """
    page: tuple[RangeEnd, RangeEnd] | None = None
    """The origins that are compared: after the first of these, up to the second, or without an end.

    One of them that is not named is not held.
    """
    entries: Annotated[list[Raw], Meta(max_length=MAX_ENTRIES)] = []
    signed_tips: Annotated[list[SignedTip], Meta(max_length=MAX_ENTRIES)] = []
    more: bool = False
    """The sender holds more that the other lacks; it did not fit."""
    rejected: Annotated[list[Rejected], Meta(max_length=MAX_ENTRIES)] = []
    """Entries that will never be accepted."""
    later: Annotated[list[Name], Meta(max_length=MAX_LATER)] = []
    """Devices of which more came than is taken now: to be sent again in the next comparison."""

    @property
    def compares(self) -> bool:
        """Whether this is a part of a comparison."""
        return self.page is not None


class Watermark(Struct, frozen=True, array_like=True):
    """All that a device had done by a moment is its newest entry, and what was before that."""

    tip: TipName
    at_ms: Milliseconds
    """The moment, by the boot clock of whoever tells; at the server by the server's."""


class Stamp(Struct, frozen=True, omit_defaults=True):
    """Up to where a gate has come, and when: what other gates know by that is up to date."""

    at_ms: Milliseconds
    """The sender's boot clock just before it looked into its journal."""
    tip: TipName = ""
    """The newest entry in it."""
    got: tuple[Milliseconds, Milliseconds] | None = None
    """The newest ``at_ms`` of yours that has come, and the sender's boot clock when it had."""
    others: Annotated[dict[Name, Watermark], Meta(max_length=MAX_LINKS)] = {}
    """What it knows of devices that the other does not hear."""


class SyncRequestStamp(Struct, frozen=True, omit_defaults=True):
    """The same for the server, which has one clock for all devices."""

    at_ms: Milliseconds
    """The device's boot clock just before it looked into its journal."""
    tip: TipName = ""
    clock: Name = ""
    """Which clock of the server ``not_before_ms`` is by; empty: none is known yet."""
    not_before_ms: Milliseconds = 0
    """What that clock showed at ``at_ms``, at the least."""


class SyncResponseStamp(Struct, frozen=True, omit_defaults=True):
    """How the server's clock stands, and how far the event's devices have come."""

    clock: Name
    """Which clock: the id of a boot of the server's machine."""
    at_ms: Milliseconds
    """What it shows."""
    got_ms: Milliseconds | None = None
    """The ``at_ms`` of the stamp that this answers."""
    devices: dict[Name, Watermark] = {}


class SyncRequest(Struct, frozen=True, omit_defaults=True):
    """What a device sends: by POST, or on the stream."""

    frame: Frame = Frame()
    report: DeviceReport | None = None
    stamp: SyncRequestStamp | None = None


class SyncResponse(Struct, frozen=True, omit_defaults=True):
    """What the server says to it; on the stream also unasked."""

    frame: Frame = Frame()
    server_ms: int = 0
    """The server's clock, Unix milliseconds, as it answered."""
    head: str = ""
    """Cursor of the newest ticket change: ask for changes when it is another than yours."""
    lanes: list[EventDevice] | None = None
    """Every device of the event, when it has changed or some time has passed."""
    stamp: SyncResponseStamp | None = None


class Heartbeat(Struct, frozen=True, omit_defaults=True):
    """What a gate says of itself to the others of its venue, every second."""

    name: Name = ""
    is_open: bool = False
    """Whether its lane is at work."""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    """Where it listens."""
    report: DeviceReport = DeviceReport()
    as_of_ms: Count = 0
    """As of which moment of their source's clock its tickets are complete."""
    current_ms: Milliseconds | None = None
    """By which moment it knew its tickets to be all there were, by its boot clock."""
    connected: Annotated[dict[Name, Name], Meta(max_length=MAX_LINKS)] | None = None
    """The devices it hears itself and where they listen, when that has changed.

    ``central`` is among them while it hears the server.
    """
    at_ms: Count = 0
    """The sender's clock as it says this."""
    late: Annotated[dict[Name, Milliseconds], Meta(max_length=MAX_LINKS)] | None = None
    """How late each device's heartbeats came at least, by both clocks, when that has changed."""


class PeerMessage(Struct, frozen=True, omit_defaults=True):
    """What one gate says to another of its venue, on the stream between them."""

    frame: Frame = Frame()
    acked: Count = 0
    """How many frames with entries or a page were dealt with since the last message."""
    relay_requests: Annotated[list[Name], Meta(max_length=MAX_LINKS)] | None = None
    """Devices whose entries the other is to pass on from now on; ``*``: all it hears and we do not.

    What is held of them is in the frame.
    """
    heartbeat: Heartbeat | None = None
    stamp: Stamp | None = None


When = Annotated[int, Meta(ge=0, le=2**40)] | Name
"""The event's last day or moment, as ``docs/importing.md`` has them; 0 and empty: not known."""
KeepDays = Annotated[int, Meta(ge=0, le=3650)]
"""How many days after it names, codes and orders are dropped."""


class NewEvent(Struct, frozen=True):
    """An event to begin."""

    id: Name
    time_zone: Name
    """IANA name; nobody's but the organiser's: where a server stands says nothing of it."""
    name: Name = ""
    ends: When = ""
    keep_days: KeepDays = 30


MOST_ISOLATED_HOURS = 10_000


class EventChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What of an event is to be another from now on; what is not named stays."""

    time_zone: Name | None = None
    ends: When | None = None
    keep_days: KeepDays | None = None
    isolated_hours: Annotated[int, Meta(ge=0, le=MOST_ISOLATED_HOURS)] | None = None
    """For how long a gate that hears nobody goes on by its ``alone`` policy; 0: without an end."""
    settings: dict[str, Any] | None = None
    """A JSON Merge Patch (RFC 7396) of what the event says of its rules, types and gates."""


class EventLine(Struct, frozen=True, omit_defaults=True):
    """An event the server holds."""

    id: str
    name: str
    time_zone: str
    created_ms: int
    ends_s: int = 0
    """Its last second, Unix; 0: not known, and nothing is ever dropped."""
    keep_days: int = 0
    dropped_ms: int = 0
    """When names, codes and orders were dropped; 0: not yet."""
    isolated_hours: int = 0
    types_elsewhere: int = 0
    """How many ticket types are in another zone: a change of the event's does not change theirs."""
    settings: dict[str, Any] = {}
    """What it says of its rules, types and gates; see ``docs/settings.md``."""


class NewToken(Struct, frozen=True):
    """For which device a one-time token is to be made, and how long it is good."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    lifetime_s: Annotated[int, Meta(ge=1, le=31 * 86_400)] = 86_400


class Token(Struct, frozen=True):
    """A one-time token: told once, kept as a hash."""

    token: str
    expires_ms: int


class KeyLine(Struct, frozen=True, omit_defaults=True):
    """A key that signs tickets of an event, as the organiser is told of it."""

    id: str
    scheme: str
    """``cose``: our own; ``pretix_sig1``."""
    public: str
    """Ed25519 public key, hex."""
    state: str
    """``signing``, ``retired`` or ``revoked``."""
    begin_s: int | None = None
    end_s: int | None = None
    """First and last second (Unix) in which a code may go by its signature alone, if any."""


class NewKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made, or another system's to be believed."""

    pretix: Annotated[str, Meta(max_length=4096)] = ""
    """As pretix has it in ``valid_keys.pretix_sig1``; empty: a new one of our own."""


class KeyChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What a key is to be from now on; what is not named stays."""

    state: Literal["", "retired", "revoked"] = ""
    begin_s: Annotated[int, Meta(ge=0, lt=2**40)] | None = None
    end_s: Annotated[int, Meta(ge=0, lt=2**40)] | None = None
    """First and last second (Unix) in which what it signed goes by that alone; 0: no bound."""


class BarredCodes(Struct, frozen=True, forbid_unknown_fields=True):
    """Codes of pretix as its lists of revoked and blocked secrets have them."""

    revoked: Annotated[list[str], Meta(max_length=MAX_ROWS)] = []
    blocked: Annotated[list[str], Meta(max_length=MAX_ROWS)] = []
    unblocked: Annotated[list[str], Meta(max_length=MAX_ROWS)] = []


class Barred(Struct, frozen=True):
    """What came of it."""

    barred: int
    """Codes that open a gate no more, or again."""
    passed_over: int
    """Texts that no key of the event has signed, or that are a ticket's with an id of its own."""


class CodeText(Struct, frozen=True, omit_defaults=True):
    """The code of a ticket in a form, as its phone is to show it. Times are Unix milliseconds."""

    ticket: str
    form: str
    text: str
    now_ms: int
    """The server's clock, for a phone to see how far its own is off."""
    begin_ms: int = 0
    """Of one that moves: since when it is good."""
    end_ms: int = 0
    """When the next one has to be there; 0: it does not move."""


class DeviceLine(Struct, frozen=True, omit_defaults=True):
    """A device as supervisors are told of it by the server."""

    id: str
    name: str
    key: str
    state: str
    """``enrolled``, ``retired`` or ``revoked``."""
    lane_open: bool
    enrolled_ms: int
    heard_ms: int | None = None
    report: DeviceReport = DeviceReport()
    disowned: bool = False
    """Whether not all of what it did counts."""
    twin_ms: int | None = None
    """When another machine was last seen to use its credential."""


class Void(Struct, frozen=True):
    """A ticket that opens no gate any more, and why."""

    id: Annotated[str, Meta(max_length=128)]
    note: Annotated[str, Meta(max_length=500)] = ""


Rows = Annotated[list[dict[str, Any]], Meta(max_length=MAX_ROWS)]


class Stated(Struct, frozen=True, forbid_unknown_fields=True):
    """What an organiser states; rows as in ``docs/importing.md``."""

    types: Rows = []
    tickets: Rows = []
    changes: Rows = []
    """Fields to state anew, each with the ``id`` of its ticket."""
    voids: Annotated[list[Void], Meta(max_length=MAX_ROWS)] = []


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


FromMs = Annotated[int, Meta(ge=0, lt=2**53)]


class Disown(Struct, frozen=True):
    """From which moment on nothing counts of what a device did, by its own times."""

    from_ms: FromMs = 0


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


class NewOrganiser(Struct, frozen=True, forbid_unknown_fields=True):
    """For whom a token is to be made, and what it is to be good for."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    rights: Annotated[list[Name], Meta(min_length=1, max_length=4)]
    """``counts``, ``names``, ``tickets``, ``administer``; none includes another."""
    event: Name = ""
    """Empty: all events."""
    lifetime_s: Annotated[int, Meta(ge=60, le=3660 * 86_400)] = 90 * 86_400


class OrganiserLine(Struct, frozen=True, omit_defaults=True):
    """A token of the organiser's; ``token`` is told once, when it is made."""

    id: str
    name: str
    event: str
    rights: list[str]
    made_ms: int
    ends_ms: int
    used_ms: int = 0
    token: str = ""


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


class Pong(Struct, frozen=True, omit_defaults=True):
    """Whether a webhook took a ping, how long that took, and why it did not."""

    delivered: bool
    took_ms: int
    error: str = ""


class Alive(Struct, frozen=True):
    """The process lives."""

    alive: bool


class Ready(Struct, frozen=True):
    """The server takes in what devices bring."""

    ready: bool


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose data are meant: a ticket's id, a code, an order's id or an openid."""

    who: Annotated[str, Meta(min_length=1, max_length=500)]


class Problem(Struct, frozen=True):
    """Why a request failed: every 4xx and 5xx has one."""

    error: str
    """Machine-readable: ``unauthorised``, ``revoked``, ``resync``, ``too_large``…"""
    reason: str
    """For people."""


class Revoked(Problem, frozen=True, omit_defaults=True):
    """What a gate answers to a device of its venue that was revoked."""

    proof: str = ""
    """The authority's signature of ``revocation_message``, hex: no gate can make it up."""
