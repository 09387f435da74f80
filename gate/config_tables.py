"""The tables of ``config.toml``, and what each of their keys may be."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gate.core import check_out
from gate.core.formula_syntax import MOST_BYTES
from gate.core.place import Direction, Policy, Role, UnpaidPolicy
from gate.core.question import MOST_BYTES as MOST_QUESTION_BYTES
from gate.core.symbologies import USUAL, Symbology
from gate.core.ticket import UNLIMITED

Minutes = Annotated[int, Meta(ge=0, le=7 * 24 * 60)]
Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]
Count = Annotated[int, Meta(ge=0)]
UrlPattern = Annotated[
    str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9+.\-]*://[^{}]*[/?#][^{}]*\{code\}[^{}]*$")
]
"""An address with ``{code}`` behind its host; see ``gate.credential.url_pattern``."""
HexBytes = Annotated[str, Meta(min_length=2, max_length=128)]
"""Bytes as pairs of hexadecimal digits."""


class Gate(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the lane stands and what it takes; empty means that it does not matter."""

    name: str = ""
    """Empty: what it was called when it was taken in, or else ``Gate``."""
    direction: Direction = Direction.IN
    locations: tuple[str | int, ...] = ()
    entrance: str = ""
    zone: str = ""
    screening_room: str = ""
    flight: str = ""
    accepted_types: tuple[str, ...] = ()
    rule_gate: str = ""
    ways: dict[str, str] = {}


class Camera(Struct, frozen=True, forbid_unknown_fields=True):
    """Which picture to look at, and how."""

    device: str = "auto"
    file: str = ""
    folder: str = ""
    width: Annotated[int, Meta(ge=0, le=7680)] = 1280
    height: Annotated[int, Meta(ge=0, le=4320)] = 720
    fps: Annotated[float, Meta(gt=0, le=240)] = 30.0
    fourcc: str = "MJPG"
    exposure: float | Literal["auto", "follow"] = "auto"
    """Of what the driver takes, as it takes it; 0 is ``auto``."""
    rotation: Literal[0, 90, 180, 270] = 0
    formats: tuple[Symbology, ...] = USUAL


class Scanner(Struct, frozen=True, forbid_unknown_fields=True):
    """Scanners that type, and those on a serial port."""

    keyboard: bool = True
    evdev: str = ""
    serial: str = ""
    """``auto``, or ports with commas between them."""
    serial_baud: Annotated[int, Meta(ge=300, le=921_600)] = 9600
    gap_ms: Milliseconds = 100


class Debounce(Struct, frozen=True, forbid_unknown_fields=True):
    """When a second reading is the same scan."""

    out_of_view_ms: Milliseconds = 800
    camera_ms: Milliseconds = 3000
    scanner_ms: Milliseconds = 1500
    rescan_s: Annotated[int, Meta(ge=0, le=600)] = 10


class Rules(Struct, frozen=True, forbid_unknown_fields=True):
    """What the venue decided."""

    early_minutes: Minutes = 0
    late_minutes: Minutes = 0
    reentry: bool = True
    reentry_minutes: Minutes = 0
    exit_all_at: Annotated[str, Meta(pattern=check_out.PATTERN)] = ""
    pass_back: Policy = Policy.REFUSE
    pass_back_minutes: Minutes = 60
    undo_seconds: Annotated[int, Meta(ge=0, le=3600)] = 120
    zone_capacity: Count = 0
    unpaid: UnpaidPolicy = UnpaidPolicy.REFUSE
    ask: Annotated[str, Meta(max_length=200)] = ""
    rule: Annotated[str, Meta(max_length=MOST_BYTES)] = ""
    questions: Annotated[str, Meta(max_length=MOST_QUESTION_BYTES)] = ""
    skip_questions: bool = False
    stale: Literal["refuse", "hold"] = "refuse"
    static_codes: Policy = Policy.REFUSE
    unseen: Policy = Policy.FLAG
    unseen_current: Policy = Policy.HOLD
    hand_codes: bool = True
    find_admits: Role = Role.SUPERVISOR
    turn_needs_pin: bool = False
    list_needs_pin: bool = False


class Codes(Struct, frozen=True, forbid_unknown_fields=True):
    """Which of other people's formats are read beside the text of a code."""

    boarding_passes: Literal["text", "identity"] = "text"
    gs1: Literal["text", "identity"] = "text"
    urls: tuple[UrlPattern, ...] = ()
    command_cards: Annotated[int, Meta(ge=0, le=65_535)] = 0


class Alone(Struct, frozen=True, forbid_unknown_fields=True):
    """What to do with good tickets while some active lane is unheard."""

    policy: Policy = Policy.FLAG
    types: dict[str, Policy] = {}


class Screen(Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator sees and hears."""

    theme: Literal["gate-dark", "gate-sun"] = "gate-dark"
    glyphs: Literal["auto", "unicode", "ascii"] = "auto"
    preview: bool = True
    preview_fps: Annotated[float, Meta(gt=0, le=30)] = 5.0
    show_names: bool = True
    faces_guest: bool = False
    kiosk: bool = False
    """Whether the screen is the guests': its keys are locked."""
    bell: bool = True
    """Whether anything is to be heard."""
    sound: Literal["auto", "bell"] = "auto"
    volume: Annotated[int, Meta(ge=0, le=100)] = 80


class Output(Struct, frozen=True, forbid_unknown_fields=True):
    """What opens for a guest, and what sees them go through."""

    relay: str = ""
    """``serial:PORT``, ``gpio:PIN`` or an address; empty: there is none."""
    pulse_ms: Annotated[int, Meta(ge=10, le=10_000)] = 500
    timeout_ms: Annotated[int, Meta(ge=50, le=10_000)] = 1000
    exits: bool = False
    check: bool = False
    serial_baud: Annotated[int, Meta(ge=300, le=921_600)] = 9600
    serial_on: HexBytes = "A00101A2"
    serial_off: HexBytes = "A00100A1"
    http_method: Literal["GET", "POST"] = "GET"
    close_url: Annotated[str, Meta(pattern=r"^(https?://.*)?$")] = ""
    passage: str = ""
    passage_s: Annotated[float, Meta(ge=0.5, le=60)] = 8.0


class Operators(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may work here."""

    sign_in: bool = False
    lockout_minutes: Annotated[int, Meta(ge=1, le=1440)] = 15


class Sync(Struct, frozen=True, forbid_unknown_fields=True):
    """Talking to the server."""

    heard_within_s: Annotated[float, Meta(ge=1, le=3600)] = 10.0
    start_worker: bool = True
    poll_s: Annotated[float, Meta(ge=0.1, le=3600)] = 2.0


class Lan(Struct, frozen=True, forbid_unknown_fields=True):
    """Talking to the venue's other gates."""

    enabled: bool = True
    address: str = ""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8471
    gates: tuple[str, ...] = ()
    announce: bool = True


class Web(Struct, frozen=True, forbid_unknown_fields=True):
    """Pages of a venue without a server, at its host."""

    listen: str = ""
    """``HOST:PORT``; empty: there are none."""
    url: str = ""
    """How browsers reach them, where that is not where they listen."""


class Tickets(Struct, frozen=True):
    """What an event states of its tickets, and no machine's file does."""

    use_limit: Annotated[int, Meta(ge=1, le=UNLIMITED - 1)] | Literal["unlimited"] = 1
