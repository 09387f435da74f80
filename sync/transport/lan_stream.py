"""A stream to one other gate: what happens on it, who is at its other end, how it is written to."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from gate.storage.certificates import member_of
from sync.session.twins import RUN_HEADER
from sync.wire import MAX_FRAME, PREFIX, PeerMessage

STREAM = f"{PREFIX}/lan"
STREAM_OPTIONS: dict[str, Any] = {
    # Every gate speaks every second, so that pings would tell nothing new.
    "ping_interval": None,
    "close_timeout": 1,
    "compression": None,
    "max_size": 2 * MAX_FRAME,
    "max_queue": 4,
}


@dataclass(eq=False, slots=True)
class Link:
    """A stream to one other gate."""

    device: str
    key: str
    """Its Ed25519 public key (hex), as its certificate says."""
    host: str
    """Where its end is."""
    is_ours: bool
    """Whether we called."""
    socket: Connection
    received_s: float
    run: str = ""
    """Which run of its worker speaks."""
    unsent: "asyncio.Queue[bytes]" = field(default_factory=asyncio.Queue)
    came: int = 0
    dealt_with: int = 0
    """Counted by whoever deals with the messages."""

    async def send_all(self) -> None:
        """Send what there is to be sent, until the stream ends."""
        with suppress(ConnectionClosed, OSError):
            while True:
                await self.socket.send(await self.unsent.get(), text=True)


@dataclass(frozen=True, slots=True)
class Connected:
    """A gate is heard from now on."""

    link: Link


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A gate has said something."""

    link: Link
    message: PeerMessage


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A gate is not heard any more."""

    link: Link
    why: str


@dataclass(frozen=True, slots=True)
class Expelled:
    """A gate has turned this one away as revoked; whether that is so the proof says."""

    proof: str


Event = Connected | MessageReceived | Disconnected | Expelled


def member_at(socket: Connection) -> tuple[str, str] | None:
    """Device and public key (hex) at the other end, by its certificate; ``None``: no member's."""
    tls = socket.transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    if not certificate:
        return None
    try:
        return member_of(certificate)
    except ValueError:
        return None


def host_at(socket: Connection) -> str:
    """The address at the other end; one of IPv4 as such, though the socket speaks both."""
    address = socket.transport.get_extra_info("peername") or ("",)
    return str(address[0]).removeprefix("::ffff:")


def run_at(socket: Connection) -> str:
    """Which run of its worker the other end has named."""
    named = socket.request if isinstance(socket, ServerConnection) else socket.response
    return (named.headers.get(RUN_HEADER) or "")[:64] if named is not None else ""
