"""How far a replica has read the feed of ticket changes."""

import hashlib
import re
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta, Raw, Struct

from gate.core.limits import VERSION

_FORM = re.compile(r"([0-9a-f]{1,32}):([0-9]{1,15}):([0-9a-f]{0,32})")


class ResyncNeeded(Exception):
    """The cursor is not of this feed: another life of it, or one after a restore."""


class Cursor(NamedTuple):
    """The feed's life, the number of the last change read, and that change's random id."""

    epoch: str
    seq: int
    id: str

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """What a cursor says. Raises ResyncNeeded when it is none."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ResyncNeeded
        return cls(match[1], int(match[2]), match[3])

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}:{self.id}"


def is_before(cursor: str, floor: str) -> bool:
    """Whether a cursor comes before another one of the same life of the feed."""
    here, there = cursor.split(":"), floor.split(":")
    numbers = (*here[1:2], *there[1:2])
    return here[0] == there[0] and len(numbers) == 2 and int(numbers[0]) < int(numbers[1])


ChangeKind = Literal["type", "ticket", "device", "event", "key", "erasure"]


class Change(Struct, frozen=True, omit_defaults=True):
    """One row of the feed: a ticket type, ticket, device, key or the event as it is from now on.

    An erasure is a ticket without codes and whatever may tell of a person.
    """

    seq: int
    id: str
    """Random: the same number after a restored backup is another change."""
    kind: ChangeKind
    ref: str
    """Id of the ticket type, ticket, device, event or key; of an erasure: the ticket."""
    body: Raw
    codes: dict[str, str] = {}
    """Keyed hash (hex) of every code of the ticket, and its state."""


class Checkpoint(Struct, frozen=True, omit_defaults=True):
    """The word of the venue's authority on its tickets."""

    cursor: str
    """Up to where."""
    chain_hash: str
    """Hash of the change there and of all before it, hex; see ``chain_hash``."""
    as_of_ms: int = 0
    """As of when there was no more, by the authority's clock; 0: there was."""
    content: str = ""
    """Of a snapshot: SHA-256 of the file, hex."""
    bytes: int = 0
    """Of a snapshot: how long the file is."""
    packed_bytes: int = 0
    """Of a snapshot: how long it is as it is fetched."""
    signature: str = ""
    """Ed25519, hex."""


class File(NamedTuple):
    """What a checkpoint says of a snapshot."""

    sha256: str = ""
    bytes: int = 0
    packed_bytes: int = 0


class Changes(Struct, frozen=True):
    """A page of the feed."""

    changes: list[Change]
    cursor: str
    """Where to go on; goes into the same transaction as the page."""
    more: bool = False
    checkpoint: Checkpoint | None = None
    """Always there when there are changes."""


class Snapshot(Struct, frozen=True):
    """A ready replica to fetch."""

    name: str
    cursor: str
    bytes: Annotated[int, Meta(ge=0)]
    sha256: str
    """Of the file as it will be used."""
    packed_bytes: Annotated[int, Meta(ge=0)]
    checkpoint: Checkpoint
    packing: str = "zstd"


def checkpoint_message(checkpoint: Checkpoint) -> bytes:
    """What a venue's authority signs."""
    text = f"{checkpoint.cursor}\n{checkpoint.chain_hash}\n{checkpoint.as_of_ms}\n"
    text += f"{checkpoint.content}\n{checkpoint.bytes}\n{checkpoint.packed_bytes}\n"
    return f"venue-gate tickets {VERSION}\n{text}".encode()


FIRST_HASH: Final = bytes(32)
"""What the first change of a feed is linked to."""


def chain_hash(before: bytes, change: Change) -> bytes:
    """The hash of a change and, by the hash of the one before, of everything before it."""
    body = bytes(change.body)
    named = f"{change.seq}:{change.id}:{change.kind}:{change.ref}:{len(body)}\n"
    codes = "".join(f"\n{hashed}:{state}" for hashed, state in sorted(change.codes.items()))
    return hashlib.sha256(before + named.encode() + body + codes.encode()).digest()
