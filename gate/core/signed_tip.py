"""A device's signed word on its chain, and an entry that will never be accepted."""

from typing import Annotated

from msgspec import Meta, Struct

from gate.core.limits import VERSION, Count, Hex, Name, Origin


class SignedTip(Struct, frozen=True):
    """A device's word that its chain has this entry: Ed25519 over ``signed_tip_message``."""

    origin: Origin
    seq: Count
    hash: Hex
    signature: Hex


class Rejected(Struct, frozen=True):
    """An entry that will never be accepted, and why: its sender must keep and show it."""

    origin: Name
    seq: Count
    reason: Annotated[str, Meta(max_length=500)]
    hash: Hex = ""
    """SHA-256 of what was rejected, by which its sender knows it."""


def signed_tip_message(origin: str, seq: int, hash_: str) -> bytes:
    """What a device signs."""
    return f"venue-gate head {VERSION}\n{origin}:{seq}:{hash_}\n".encode()
