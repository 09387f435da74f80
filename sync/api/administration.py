"""Events, tokens, keys, devices, what is stated of tickets, and who may: asked and answered."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from gate.core.event_device import DeviceReport
from gate.core.limits import Name
from sync.wire import MAX_ROWS

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


FromMs = Annotated[int, Meta(ge=0, lt=2**53)]


class Disown(Struct, frozen=True):
    """From which moment on nothing counts of what a device did, by its own times."""

    from_ms: FromMs = 0


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
