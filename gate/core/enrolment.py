"""What a gate sends to be taken in, and what it gets."""

from typing import Annotated

from msgspec import Meta, Struct

from gate.core.limits import Name


class Enrol(Struct, frozen=True):
    """First contact: a one-time token for a credential."""

    token: Annotated[str, Meta(max_length=200)]
    device: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
    key: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    """Ed25519 public key of the device."""
    version: Name = ""
    name: Name = ""
    """What the gate is to be called; empty: as whoever asked it in has said."""


class Enrolled(Struct, frozen=True):
    """The answer to it."""

    credential: str
    event: str
    event_name: str
    name: str
    """Name of the device with its server."""
    time_zone: str
    authority: str = ""
    """The venue's own certificate (PEM)."""
    certificate: str = ""
    """The device's, signed by it (PEM): with it the device talks to other gates."""
