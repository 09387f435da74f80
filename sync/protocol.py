"""What goes over the wire: the types, the paths, the limits. ``docs/protocol.md`` says it in words.

Entries travel as the very bytes their maker hashed (``msgspec.Raw``), never encoded twice.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

VERSION: Final = 1
PREFIX: Final = f"/v{VERSION}"

MAX_ENTRY: Final = 16 * 1024
"""Longest body of an entry, in bytes. The gate's own are below 2 KiB."""
MAX_ENTRIES: Final = 500
"""Entries in one frame."""
MAX_FRAME: Final = 8 * 1024 * 1024
"""Longest frame, in bytes: a full frame of longest entries."""
MAX_ORIGINS: Final = 20_000
HEAD_EVERY: Final = 250
"""A device signs its chain at least this often, so that a relayed run ends in a frame."""
HASH_DIGITS: Final = 32
"""Of the SHA-256 of an entry, as much as a tip names."""

Name = Annotated[str, Meta(max_length=200)]
Hex = Annotated[str, Meta(max_length=128, pattern="^[0-9a-f]*$")]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Origin = Annotated[str, Meta(max_length=64, pattern="^[0-9a-z]{1,32}\\.[0-9a-f]{1,31}$")]
TipText = Annotated[str, Meta(max_length=64, pattern="^[0-9]{1,15}:[0-9a-f]{32}$")]
Tips = Annotated[list[TipText], Meta(max_length=64)]


class Head(Struct, frozen=True):
    """A device's word that its chain has this entry: Ed25519 over ``head_message``."""

    origin: Origin
    seq: Count
    hash: Hex
    signature: Hex


class Refused(Struct, frozen=True):
    """An entry that will never be accepted, and why: its sender must keep and show it."""

    origin: Name
    seq: Count
    reason: Annotated[str, Meta(max_length=500)]


class Frame(Struct, frozen=True, omit_defaults=True):
    """One side's turn of an exchange."""

    have: Annotated[dict[Origin, Tips], Meta(max_length=MAX_ORIGINS)] = {}
    """The newest entries held, ``seq:hash``: one for an origin, or one for each of its branches.

    What is named here is durable with its sender; it is the receipt.
    """
    whole: bool = False
    """Whether an origin that is not named is not held."""
    entries: Annotated[list[Raw], Meta(max_length=MAX_ENTRIES)] = []
    heads: Annotated[list[Head], Meta(max_length=MAX_ENTRIES)] = []
    more: bool = False
    """The sender holds more that the other lacks; it did not fit."""
    refused: Annotated[list[Refused], Meta(max_length=MAX_ENTRIES)] = []


class Report(Struct, frozen=True, omit_defaults=True):
    """What a device says of itself with every exchange."""

    version: Name = ""
    gate: Name = ""
    unsent: Count = 0
    cursor: Name = ""
    offset_ms: Annotated[int, Meta(ge=-(2**53), le=2**53)] | None = None
    """How far the server's clock is ahead of the device's."""
    error_ms: Count | None = None
    quarantined: Count = 0


class Lane(Struct, frozen=True, omit_defaults=True):
    """What the server knows of a device of the same event."""

    device: Name
    name: Name = ""
    key: Hex = ""
    """Ed25519 public key."""
    active: bool = False
    """Whether its lane is open: neither closed by its operator nor retired by a supervisor."""
    state: Name = "enrolled"
    heard_ago_ms: Count | None = None
    """How long ago the server last heard from it."""
    report: Report = Report()


class Ask(Struct, frozen=True, omit_defaults=True):
    """What a device sends: by POST, or on the stream."""

    frame: Frame = Frame()
    report: Report | None = None


class Answer(Struct, frozen=True, omit_defaults=True):
    """What the server says to it; on the stream also unasked."""

    frame: Frame = Frame()
    server_ms: int = 0
    """The server's clock, Unix milliseconds, as it answered."""
    head: str = ""
    """Cursor of the newest ticket change: ask for changes when it is another than yours."""
    lanes: list[Lane] | None = None
    """Every device of the event, when it has changed or some time has passed."""


class Change(Struct, frozen=True, omit_defaults=True):
    """One row of the feed: a ticket type or a ticket as it is from now on."""

    seq: int
    id: str
    """Random: the same number after a restored backup is another change."""
    kind: str
    """``type`` or ``ticket``."""
    ref: str
    """Id of the ticket type or ticket."""
    body: Raw
    codes: dict[str, str] = {}
    """Keyed hash (hex) of every code of the ticket, and its state."""


class Changes(Struct, frozen=True):
    """A page of the feed."""

    changes: list[Change]
    cursor: str
    """Where to go on; goes into the same transaction as the page."""
    more: bool = False


class Snapshot(Struct, frozen=True):
    """A ready replica to fetch."""

    name: str
    cursor: str
    bytes: int
    sha256: str
    """Of the file as it will be used."""
    packed_bytes: int
    packing: str = "zstd"


class Enrol(Struct, frozen=True):
    """First contact: a one-time token for a credential."""

    token: Annotated[str, Meta(max_length=200)]
    device: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    key: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """Ed25519 public key of the device."""
    version: Name = ""


class Enrolled(Struct, frozen=True):
    """The answer to it."""

    credential: str
    event: str
    event_name: str
    name: str
    """Name of the device with its server."""
    time_zone: str


class Problem(Struct, frozen=True):
    """Why a request failed: every 4xx and 5xx has one."""

    error: str
    """Machine-readable: ``unauthorised``, ``revoked``, ``resync``, ``too_large``…"""
    reason: str
    """For people."""


def head_message(origin: str, seq: int, hash_: str) -> bytes:
    """What a device signs."""
    return f"venue-gate head {VERSION}\n{origin}:{seq}:{hash_}\n".encode()


def stamp(answer: Answer, server_ms: int) -> Answer:
    """The answer with the time it is sent at."""
    return msgspec.structs.replace(answer, server_ms=server_ms)
