"""What pages ask about tickets and what does not add up on them, and the ways to change it.

Answered from the server's tables, or from the folder of a venue's host. Nothing of it is in words:
many readers are told one reading, each in their own language.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote

import msgspec

from gate.core.anomalies.anomaly import Anomaly
from gate.core.entry import Entry
from gate.core.history import History
from gate.core.story import Story
from gate.core.ticket import DoorWord, Ticket
from gate.i18n import _
from gate.storage.matters import Matter
from sync.server.devices import hash_of
from sync.server.http import Denied
from sync.server.web.pages import PREFIX, Visit

TICKETS: Final = f"{PREFIX}/tickets"
MOST_TYPED: Final = 500
"""Characters of a text that is looked for."""


@dataclass(frozen=True, slots=True)
class Matters:
    """All that waits for a supervisor's word, or has it."""

    matters: Sequence[Matter]
    alarms: Sequence[tuple[str, str]]
    """Kind (``gate.text.fleet_words.ALARM_WORDS``) and id of every device that raises one."""
    names: Mapping[str, str]
    """What the devices are called."""


class Anomalies(NamedTuple):
    """What is unlike an honest evening, the gravest first."""

    found: Sequence[Anomaly]
    names: Mapping[str, str]
    """What people call the tickets, by their ids."""


class Line(NamedTuple):
    """A ticket in a list of those that were found."""

    ticket: Ticket
    history: History


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found by what somebody typed, and what that leaves out."""

    lines: Sequence[Line]
    has_more: bool = False
    share_searched: float = 1.0
    """How much of the list can be found by name already."""
    unsearched: int = 0
    """The same in tickets that cannot, where the share is not known."""


@dataclass(frozen=True, slots=True)
class Past:
    """A ticket, all that came of it, and what of that does not add up."""

    ticket: Ticket
    story: Story
    history: History
    matter: Matter | None


class Review(Protocol):
    """One server's or host's; whoever changes something passes on what their page had shown."""

    settles: bool
    """Whether matters are settled here, and not at lanes alone."""

    async def matters(self, event: str) -> Matters:
        """What does not add up, as it was a moment ago."""
        ...

    async def anomalies(self, event: str) -> Anomalies:
        """What is unlike an honest evening, as it was a moment ago."""
        ...

    async def entries(
        self, event: str, names: Collection[str]
    ) -> tuple[list[Entry], Mapping[str, str]]:
        """Those of some entries that are held, and what the devices are called."""
        ...

    async def find(self, event: str, typed: str) -> Findings:
        """Tickets by code, id, name, order or seat."""
        ...

    async def past(self, event: str, ticket: str) -> Past:
        """A ticket and all that came of it. Raises Denied."""
        ...

    async def put_word(self, visit: Visit, ticket: str, word: DoorWord, seen: str) -> None:
        """Block a ticket at the door, free it, or note something on it. Raises Denied."""
        ...

    async def settle(self, visit: Visit, ticket: str, seen: str, why: str) -> None:
        """Record that somebody has looked into what is wrong about a ticket. Raises Denied."""
        ...

    async def confirm(self, visit: Visit, undo: str, why: str) -> None:
        """Let an undo of what another device did count. Raises Denied."""
        ...


def address_of_ticket(id_: str) -> str:
    """Where a ticket's story is."""
    return f"{TICKETS}/of/{quote(id_, safe='')}"


def mark_of_matter(found: Matter) -> str:
    """Another text whenever there is anything else to be seen of it."""
    claimed, strange = found.claimed, found.irregular
    names = [one.name for one in found.admissions]
    names += [f"{one.entry.name} {one.kind}" for one in strange.admissions] if strange else []
    names += [one.name for one in (*claimed.undos, *claimed.targets)] if claimed else []
    parts = (found.conflict, strange, claimed)
    names += [one.resolution.name for one in parts if one is not None and one.resolution]
    return hash_of(" ".join(names))


def mark_of_door(ticket: Ticket) -> str:
    """Another text whenever the venue has said anything else of a ticket."""
    return hash_of(msgspec.json.encode(ticket.door).decode())


def need_same(now: str, seen: str) -> None:
    """Raises Denied unless what somebody looked at when they decided is still so."""
    if now != seen:
        reason = _("Nothing was done: meanwhile it has changed. Look at it as it is now.")
        raise Denied(409, "changed", reason)
