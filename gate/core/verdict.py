"""One scan, what a decision on it may depend on, and what the lane says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gate.core.boarding import Leg
from gate.core.clock_error import TrueTime
from gate.core.history import History
from gate.core.outcome import GREEN, Basis, Outcome, Reason
from gate.core.place import Direction, HouseRules, Place
from gate.core.question import Question
from gate.core.rotation import Rotation
from gate.core.ticket import Ticket
from gate.core.unmet_terms import Term

_NO_HISTORY = History()

HAND = "hand"
"""The source of a code that a person has typed."""
PAPER = "paper"
"""The source of what was ticked on a printed list."""


class ScannerProof(StrEnum):
    """What it takes until a flaw of a scanner that would explain a text is believed."""

    KEY = "key"
    """Staff may say so: the text holds a character that no code of the event has."""
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class Scan:
    """One logical reading of a code at a lane."""

    text: str
    symbology: str = ""
    source: str = ""
    """Which input read it: ``camera``, ``keyboard``, ``evdev``, ``hand``, ``manual``…"""
    persons: int = 1
    deliberate: bool = False
    """The operator asked for this use by key, so it is no accidental second reading."""
    started_ns: int | None = None
    """``time.perf_counter_ns`` at which the reading began, for the time to the verdict."""
    raw: bytes = b""
    """The symbol's own bytes, where the reader tells them."""
    read_ms: int | None = None
    """When a rotating code was read, by the lane's clock: it may be decided again, by a key."""
    answers: Mapping[Reason, bool] = field(default_factory=dict)
    """What was answered to the questions ``UNPAID`` and ``QUESTION``."""
    given: Mapping[str, str] = field(default_factory=dict)
    """What was answered to the event's questions, by their ids; empty: nothing was."""
    skips: bool = False
    """Whether whoever stands at the gate leaves the rest of those unanswered."""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a decision may depend on besides ticket, history and scan."""

    at_ms: int
    device: str
    direction: Direction
    place: Place
    rules: HouseRules
    clock_trusted: bool = True
    true_time: TrueTime | None = None
    """What the time is by who knows it, with its bound; ``None``: nobody has been asked, and the
    lane's clock is all there is."""
    rotation: Rotation | None = None
    """What was shown of a ticket whose code rotates; ``None``: it does not, or none was shown."""
    basis: Basis = Basis.ONLY
    basis_age_ms: int | None = None
    """How long ago another lane may have let somebody in unknown here, while that is bounded."""
    zone_inside: int = 0
    problem: Reason | None = None
    """Why the scanned text is no credential at all."""
    list_as_of_ms: int | None = None
    """As of when the ticket list is, while it is not current; ``None`` while it is."""
    legs: tuple[Leg, ...] = ()
    """Of the boarding pass that was shown, where the event goes by what passes say."""
    is_isolated: bool = False
    """Whether nobody was heard for as long as the event allows."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the lane says of one scan, with all that a screen needs to explain it."""

    outcome: Outcome
    reason: Reason
    direction: Direction
    at_ms: int
    ticket: Ticket | None = None
    history: History = _NO_HISTORY
    """What the ticket had done before this scan."""
    uses: int = 0
    persons: int = 0
    basis: Basis = Basis.ONLY
    basis_age_ms: int | None = None
    """While it is ``CENTRAL`` or ``LAN``: all that any other lane had done until so long before is
    held here."""
    flags: tuple[str, ...] = ()
    entry: str = ""
    """Name of the entry that records it, ``origin:seq``; empty when nothing was recorded."""
    clock_trusted: bool = True
    """Whether the clock by which ``at_ms`` was read was believed."""
    code_ms: int | None = None
    """When the rotating code that was shown became good, by the phone's clock."""
    bound_at: int | None = None
    """For too early and too late: the first or last second in which this gate would let in."""
    question: str = ""
    """What the ticket's type or the event asks, where that is the reason."""
    asked: Question | None = None
    """Which of the event's questions is to be answered now."""
    shown: tuple[tuple[str, str], ...] = ()
    """Questions and answers of before that the organiser wants shown."""
    unmet: tuple[Term, ...] = ()
    """What is nearest to being met of the organiser's rule, where that is the reason."""
    unreadable: str = ""
    """What of that rule this program does not know."""
    overruled: Reason | None = None
    hint: str = ""
    """For a fault: what happened and what the operator does next."""
    legs: tuple[Leg, ...] = ()
    """Of the boarding pass that was shown."""
    rivals: tuple[Ticket, ...] = ()
    """The tickets that one text may be, where it is not only one."""
    list_as_of_ms: int | None = None
    """As of when the list is in which the code is not, if that list was not current."""
    scanner_flaws: tuple[str, ...] = ()
    """What is wrong with the scanner, as was undone or as would explain its text; see
    ``gate.credential.repair``."""
    scanner_proof: ScannerProof | None = None
    """What it takes to believe in ``scanner_flaws`` that only would explain the text."""
    ended_flaws: tuple[str, ...] = ()
    """What is no longer believed of the scanner, because of this text."""
    other_list: str = ""
    """Of a code that is not in this list: the list of this gate that it is in."""
    latency_ms: float | None = None

    @property
    def used(self) -> int:
        """Uses spent, this one included."""
        return self.history.used + self.uses

    @property
    def is_green(self) -> bool:
        """Whether a person may go in on it."""
        return self.outcome in GREEN
