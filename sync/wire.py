"""What goes over the wire: the types, the paths, the limits. ``docs/protocol.md`` says it in words.

Entries travel as the very bytes their maker hashed (``msgspec.Raw``), never encoded twice.
"""

from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from gate.core.event_device import DeviceReport, EventDevice
from gate.core.limits import MAX_ENTRIES, VERSION, Count, Milliseconds, Name, Origin
from gate.core.signed_tip import Rejected, SignedTip
from gate.core.upstream_state import UpstreamState

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
    upstream: UpstreamState | None = None
    """How the system stands that the event's tickets live in; with ``lanes``, if there is one."""


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
