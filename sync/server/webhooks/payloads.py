"""What webhooks of the organiser's are told: kinds, and what each says.

Nothing of a guest but the ticket's id: no code, no name, no note of anybody's; and no operator.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from gate.core.entry import Entry
from gate.core.history import Conflict
from gate.core.irregular import Judged
from sync.api.review import Voided


class Kind(StrEnum):
    """What a webhook can be told of."""

    ADMISSION = "admission"
    EXIT = "exit"
    UNDO = "undo"
    VOID = "void"
    REFUND = "refund"
    IRREGULAR = "irregular"
    CONFLICT = "conflict"
    CAPACITY = "capacity"
    GATE_SILENT = "gate_silent"
    GATE_BACK = "gate_back"
    DEVICE_REVOKED = "device_revoked"
    UPSTREAM_REJECTED = "upstream_rejected"
    PING = "ping"
    """Somebody tries whether it arrives; nobody has to choose it."""


CHOSEN: Final = tuple(kind for kind in Kind if kind is not Kind.PING)


class Movement(msgspec.Struct, frozen=True):
    """People of a ticket went in or out."""

    entry: str
    """Name of the journal's entry: an undo, a conflict, an irregular admission name it again."""
    device: str
    device_name: str
    gate: str
    zone: str
    ticket: str
    ticket_type: str
    persons: int
    uses: int
    """0: a re-entry, or an exit."""
    at_ms: int
    """By the device's own clock."""
    trusted: bool
    """Whether that clock was believed."""
    basis: str
    """What the verdict was worth: ``only``, ``central``, ``lan``, ``alone``, ``unseen``."""
    overruled: str
    """The reason to refuse that a supervisor has overruled; empty: none."""
    flags: list[str]


class Undone(msgspec.Struct, frozen=True):
    """An admission or exit was taken back."""

    entry: str
    target: str
    """What was taken back, by its entry's name."""
    device: str
    device_name: str
    gate: str
    ticket: str
    ticket_type: str
    at_ms: int
    is_claim: bool
    """Another device than the target's says so: nothing changes before it is confirmed."""


class TicketVoid(msgspec.Struct, frozen=True):
    """A ticket is good no more: refunded, exchanged, cancelled, deleted."""

    ticket: str
    ticket_type: str
    status: str
    """``revoked`` or ``deleted``."""
    at: str
    """Position in the feed of the change that made it void."""
    at_ms: int
    """By the server's clock."""


class RefundMade(msgspec.Struct, frozen=True):
    """Tickets were refunded, by an id that whoever paid back has given."""

    refund: str
    tickets: list[str]
    """All that this refund has made void; each is told as ``void`` too."""


class IrregularAdmission(msgspec.Struct, frozen=True):
    """Somebody went in on a ticket that is or was void, and has to be looked into."""

    kind: str
    """``against_list``, ``irregular`` or ``cannot_be_told``."""
    ticket: str
    ticket_type: str
    admission: Movement
    void: Voided


class ConflictFound(msgspec.Struct, frozen=True):
    """More went in on a ticket than it is good for."""

    ticket: str
    ticket_type: str
    excess: int
    admissions: list[Movement]


class ZoneFull(msgspec.Struct, frozen=True):
    """As many are inside a zone as its profile's ``zone_capacity`` says, or more."""

    zone: str
    inside: int
    capacity: int
    since_ms: int


class GateHeard(msgspec.Struct, frozen=True):
    """A gate with an open lane fell silent; or one that had is heard again, or at work no more."""

    device: str
    device_name: str
    heard_ms: int
    """When the server heard it last, by its own clock."""
    is_open: bool
    """Whether its lane is open, as far as is known."""


class DeviceRevoked(msgspec.Struct, frozen=True):
    """A device was shut out for good."""

    device: str
    device_name: str


class UpstreamRejected(msgspec.Struct, frozen=True):
    """What a gate did, the system that the tickets live in does not take: it says otherwise."""

    entry: str
    """Of an undo that came too late there, the undo's own."""
    target: str
    """What that takes back; empty: it is no undo."""
    ticket: str
    upstream: str
    """``pretix`` or ``wechat``."""
    reason: str
    """In words."""


class Pinged(msgspec.Struct, frozen=True):
    """Somebody tries whether anything arrives."""

    webhook: str


DATA: Final[dict[Kind, type[msgspec.Struct]]] = {
    Kind.ADMISSION: Movement,
    Kind.EXIT: Movement,
    Kind.UNDO: Undone,
    Kind.VOID: TicketVoid,
    Kind.REFUND: RefundMade,
    Kind.IRREGULAR: IrregularAdmission,
    Kind.CONFLICT: ConflictFound,
    Kind.CAPACITY: ZoneFull,
    Kind.GATE_SILENT: GateHeard,
    Kind.GATE_BACK: GateHeard,
    Kind.DEVICE_REVOKED: DeviceRevoked,
    Kind.UPSTREAM_REJECTED: UpstreamRejected,
    Kind.PING: Pinged,
}
"""What the message of each kind says in ``data``."""


class Envelope(msgspec.Struct, frozen=True):
    """What is posted, of every kind."""

    id: str
    """The same however often it is sent, and at every webhook."""
    type: str
    timestamp: str
    """When the server found it out (RFC 3339, UTC)."""
    event: str
    data: Any


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that webhooks of an event are told, if they have chosen its kind."""

    kind: Kind
    about: str
    """What tells it from every other message of its kind and event."""
    line: str
    """Messages of one line come in order: a ticket, a device, a zone."""
    data: msgspec.Struct


def posted(event: str, message: Message, now_ms: int) -> str:
    """A message as it is posted."""
    named = f"{event}\n{message.kind}\n{message.about}".encode()
    found_at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
    envelope = Envelope(
        id=f"msg_{hashlib.sha256(named).hexdigest()[:32]}",
        type=message.kind.value,
        timestamp=found_at.replace("+00:00", "Z"),
        event=event,
        data=message.data,
    )
    return msgspec.json.encode(envelope).decode()


def movement(entry: Entry, device_name: str) -> Movement:
    """An admission or an exit."""
    return Movement(
        entry=entry.name,
        device=entry.device,
        device_name=device_name,
        gate=entry.gate,
        zone=entry.zone,
        ticket=entry.ticket,
        ticket_type=entry.ticket_type,
        persons=entry.persons,
        uses=entry.uses,
        at_ms=entry.at_ms,
        trusted=entry.trusted,
        basis=entry.basis.value,
        overruled=entry.overruled.value if entry.overruled else "",
        flags=list(entry.flags),
    )


def irregular(one: Judged, device_name: str) -> IrregularAdmission:
    """An admission, and the void that it is compared with."""
    void = one.void
    return IrregularAdmission(
        kind=one.kind.value,
        ticket=one.entry.ticket,
        ticket_type=one.entry.ticket_type,
        admission=movement(one.entry, device_name),
        void=Voided(void.at, void.at_ms, void.until, void.until_ms),
    )


def conflict(one: Conflict, device_names: Sequence[str]) -> ConflictFound:
    """A conflict; a name for the device of each of its admissions."""
    admissions = [
        movement(entry, name) for entry, name in zip(one.admissions, device_names, strict=True)
    ]
    return ConflictFound(one.ticket, one.ticket_type, one.excess, admissions)
