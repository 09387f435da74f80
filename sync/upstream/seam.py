"""What an upstream is to the server: it states rows with a cursor, and is told of entries in order.

Whatever the other system is, it is asked for one page at a time; the page is stored in one
transaction with the cursor behind it, so every call may be repeated and none is needed twice.
Nothing of any particular system is known here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from gate.core.entry import Act, Entry
from gate.core.ticket import Status
from gate.errors import GateError
from sync.server.issuing import Issue
from sync.upstream.links import Link


class UpstreamError(GateError):
    """The upstream did not do what it was asked."""


class AwayError(UpstreamError):
    """It has not answered, or says to come again: it is asked the same again later."""

    def __init__(
        self, message: str, again_s: float = 0.0, *, may_have_arrived: bool = True
    ) -> None:
        """``again_s`` is when it wants to be asked again; 0: it does not say.

        ``may_have_arrived`` unless it is certain that nothing was done there.
        """
        super().__init__(message)
        self.again_s = again_s
        self.may_have_arrived = may_have_arrived


class StoppedError(UpstreamError):
    """It will not have us, or we do not understand it: a person has to do something first."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Somebody was let in or out on a ticket by another system than ours."""

    ref: str
    """What the upstream calls it, always the same."""
    ticket: str
    act: Act
    at_ms: int
    note: str
    """By whom, for people."""
    is_check_out: bool = False
    """Whether it is nobody's doing, but that everybody counts as outside there from then on."""


@dataclass(frozen=True, slots=True)
class Page:
    """The next of what an upstream states."""

    cursor: Mapping[str, Any]
    """Where the next page begins; kept in the transaction that keeps this one."""
    again_s: float = 0.0
    """When to ask again; 0: at once, there is more."""
    issue: Issue = field(default_factory=Issue)
    rules: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the event to state; ``None`` takes one back."""
    keys: Sequence[str] = ()
    """Public keys by which it signs codes, as it writes them."""
    barred: Mapping[str, Status] = field(default_factory=dict)
    """Signed codes that are revoked, blocked or good again; of a ticket that is here its row says
    that."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Of every ticket of which something is stated that is no part of it there: what that is."""
    compares_marks: bool = False
    """Whether tickets that were stated by another mark are to be asked for again."""
    movements: Sequence[Movement] = ()
    """All that there are of the tickets in ``issue``: one that is not there any more was undone."""
    told: Sequence[Movement] = ()
    """What the upstream has of what our own gates did on them; looked at in a comparison only."""
    is_complete: bool = False
    """Whether all that there was when the pull began is stored with this page."""
    done: int = 0
    total: int = 0
    """How much of the first pull that makes, for people; 0: as it was."""
    run: int = 0
    """The number of the comparison that this page is of; 0: of none."""
    ends_run: bool = False
    """Whether it is the last of it: what it has not met is not there any more."""
    keep: Callable[[Connection], None] | None = None
    """Keeps what the upstream has tables of its own for, in the transaction that keeps the page."""
    was_heard: bool = True
    """Whether the upstream said something for it; there may have been nothing to ask."""


class Answer(StrEnum):
    """What became of an entry that the upstream was told of."""

    TAKEN = "taken"
    FAILED = "failed"
    """It was not taken and never will be; the other system keeps what it has."""
    LATER = "later"
    """It was not taken, and may be when it is told again."""


@dataclass(frozen=True, slots=True)
class Told:
    """How telling an entry went."""

    answer: Answer = Answer.TAKEN
    why: str = ""
    """In words, where it was not taken."""
    again_s: float = 0.0
    """When to tell it again, where that is later."""


@dataclass(frozen=True, slots=True)
class Due:
    """An entry that is to be told."""

    entry: Entry
    was_undone: bool = False
    """It was undone before it was told: what happened is told as something that did not count."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """What the guest answered, by the ids of the questions."""
    was_tried: bool = False
    """It may have been told already: nobody has heard the answer."""


NEVER_MS: Final = 1 << 53
"""Later than every deadline."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an entry is told."""

    due_ms: int
    ends_ms: int = NEVER_MS
    """From when on it would be told in vain: what ends first is told first."""


class Upstream(Protocol):
    """A system that tickets live in."""

    def schedule(
        self, connection: Connection, link: Link, entry: Entry, now_ms: int
    ) -> Schedule | None:
        """When an entry that was just followed is told; ``None``: never."""
        ...

    async def pull(
        self, link: Link, *, is_busy: bool, ours: frozenset[str], again: frozenset[str]
    ) -> Page:
        """The page after the link's cursor. Raises AwayError, StoppedError.

        ``is_busy`` while a lane is open; ``ours`` is what we are called there, by whatever link;
        ``again`` has orders that are to be stated anew first.
        """
        ...

    async def push(self, link: Link, due: Due) -> Told:
        """Tell one entry; told twice it counts once. Raises AwayError, StoppedError."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...
