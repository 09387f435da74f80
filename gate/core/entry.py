"""One line of a journal: what a device did, and when by its clocks.

Times are Unix milliseconds (``_ms``) where a device measured them.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from gate.core.outcome import Basis, Outcome, Reason
from gate.core.place import Direction
from gate.core.signed_ticket import Signed

_NAME_OF_ACT = re.compile("[a-z_]{1,40}")


class Act(StrEnum):
    """What an entry records."""

    ADMISSION = "admission"
    EXIT = "exit"
    REFUSAL = "refusal"
    HOLD = "hold"
    CHECK = "check"
    RESCAN = "rescan"
    REPEAT = "repeat"
    """The same unknown code again, ``count`` times since its refusal."""
    ANNULMENT = "annulment"
    COUNT_IN = "count_in"
    """``persons`` without a ticket came in: crew, press, walk-ins."""
    COUNT_OUT = "count_out"
    """``persons`` without a ticket went out."""
    COUNT_UNDONE = "count_undone"
    """The device takes its own count ``target`` back: of so many ``persons``, in its
    ``direction``."""
    LANE_OPENED = "lane_opened"
    LANE_CLOSED = "lane_closed"
    SIGN_IN = "sign_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_OUT = "sign_out"
    CLOCK_SET = "clock_set"
    UNDO_REFUSED = "undo_refused"
    """An undo that was asked for and not done; ``target`` is what it would have taken back."""
    RESOLUTION = "resolution"
    """A supervisor has looked at a conflict; ``covers`` names the admissions, ``note`` says why."""
    RETIREMENT = "retirement"
    """Nobody waits for the device ``target`` any more; ``covers`` names its newest entries."""
    REINSTATEMENT = "reinstatement"
    """That was wrong: the device ``target`` is waited for."""
    MESSAGE = "message"
    """To the gates that ``covers`` names, or to all: ``note`` is to be read there."""
    ACKNOWLEDGEMENT = "acknowledgement"
    """The message ``target`` was read here."""
    NO_PASSAGE = "no_passage"
    """Who was let in by the entry ``target`` was not seen going through; it stands."""
    SIGN_OFF = "sign_off"
    """``operator`` has looked at ``count`` gates before doors; ``note`` says what was not green."""

    @classmethod
    def _missing_(cls, value: object) -> "Act | None":
        """What only a newer program knows is an act by its own name, and moves nobody."""
        if not isinstance(value, str) or not _NAME_OF_ACT.fullmatch(value):
            return None
        act = str.__new__(cls, value)
        act._name_ = act._value_ = value
        return act


WATCHES = "watches"
"""Flag of a closed lane: its device only watches, and opens none before it says so."""
CHECK_OUT = "check-out"
"""The source of an exit by which everybody counts as outside: nobody was seen going."""
CENTRAL = "central"
"""The server's name as a maker of entries."""
MOVEMENTS = frozenset({Act.ADMISSION, Act.EXIT})
"""Acts that move people; only these can be annulled."""
COUNTS = frozenset({Act.COUNT_IN, Act.COUNT_OUT})
"""Acts that move people without a ticket; their own device takes them back."""
WITHOUT_TICKET = COUNTS | {Act.COUNT_UNDONE}
FACTS = frozenset({Act.ADMISSION, Act.EXIT, Act.ANNULMENT})
"""Acts that a ticket's history folds from."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal, named by its maker with ``(origin, seq)``."""

    origin: str
    """Device id, a dot, and an incarnation minted at the first entry after a process start."""
    seq: int
    """Contiguous from 1 within the origin."""
    prev: str
    """SHA-256 (hex) of the device's previous entry; empty for its very first."""
    act: Act
    at_ms: int
    boot_ms: int
    hlc: int
    follows: str = ""
    """On the first entry of an origin: the name of the device's previous entry."""
    boot_id: str = ""
    version: str = ""
    trusted: bool = True
    """Whether the clock was believed."""
    offset_ms: int = 0
    """What a supervisor had added to the device's own clock."""
    basis: Basis = Basis.ONLY
    basis_age_ms: int | None = None
    """While it is ``CENTRAL`` or ``LAN``: all that any other lane had done until so long before was
    held here."""
    gate: str = ""
    zone: str = ""
    direction: Direction | None = None
    operator: str = ""
    ticket: str = ""
    ticket_type: str = ""
    code: str = ""
    """Keyed hash (hex) of a code that belongs to no ticket."""
    outcome: Outcome | None = None
    reason: Reason | None = None
    overruled: Reason | None = None
    uses: int = 0
    persons: int = 0
    ordinal: int | None = None
    """Count of this device's earlier admissions of the ticket, annulled ones included."""
    flags: tuple[str, ...] = ()
    target: str = ""
    """Name of the entry that this one annuls, repeats or acknowledges, or id of a device that is
    retired."""
    count: int = 0
    note: str = ""
    source: str = ""
    symbology: str = ""
    covers: tuple[str, ...] = ()
    """Names of the admissions that a resolution settles, of entries before a retirement, or of
    gates that a message is for."""
    server_ahead_ms: int | None = None
    """How far the server's clock was ahead of the device's own, when that was last measured."""
    server_error_ms: int | None = None
    """How far that may be wrong, either way."""
    code_ms: int | None = None
    """When the rotating code that was shown became good, by the phone's clock."""
    answered: tuple[str, ...] = ()
    """Ids of the organiser's questions that were put to whoever was let in."""
    answers: str = ""
    """What was answered, sealed under the event's key (``gate.credential.sealed_answers``): without
    it, as after the event's end, nobody reads them."""
    position: str = ""
    """Feed position, ``epoch:seq``, of the ticket list that it was decided on."""
    signed: Signed | None = None
    """What the code of a ticket said that was not in that list, with its uses as they were taken
    to be."""

    @property
    def name(self) -> str:
        """``origin:seq``, unique in the world."""
        return f"{self.origin}:{self.seq}"

    @property
    def device(self) -> str:
        """The device that made it."""
        return device_of(self.origin)


@lru_cache(maxsize=4096)
def device_of(origin: str) -> str:
    """The device whose incarnation an origin names."""
    return origin.partition(".")[0]
