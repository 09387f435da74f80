"""Where the pages' lists come from: the server's tables, or the folder of a venue's host.

What is asked here reads files and databases: it is called beside the event loop.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from gate.core.entry import Entry
from gate.lists.intake import Imported, Wanted
from gate.storage.attendees import AttendeeList, ListName
from sync.server import stories
from sync.server.audit import Actor
from sync.server.ticket_lists import audit_text

CODE_DIGITS = 8
"""Of a code's keyed hash: enough to see that it came again, not enough to try codes by."""
Progress = Callable[[int, int], None]
"""Called now and then with the bytes read and the bytes there are."""


class EntryPage(NamedTuple):
    """Some entries, the newest first, and where to go on."""

    entries: list[Entry]
    before: str
    """Empty: there are none before these."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who has a list taken in, and why."""

    actor: Actor
    why: str

    def about(self, imported: Imported) -> str | None:
        """What the audit log says of it; ``None`` where nothing is different."""
        text = audit_text(imported)
        return text and f"{text}: {self.why}"


class ListSource(Protocol):
    """What pages ask about people, entries and lists of an event."""

    @property
    def taking(self) -> asyncio.Lock:
        """Held while a list is looked through or taken in."""
        ...

    @property
    def uploads(self) -> Path:
        """Where files of lists are kept until they are taken in."""
        ...

    def attendees(self, event: str, name: ListName) -> AttendeeList:
        """A list of people as it is now."""
        ...

    def page(self, event: str, wanted: stories.Wanted, before: str) -> EntryPage:
        """Some of the entries that are wanted, from the newest or from where a page ended."""
        ...

    def entries(self, event: str, wanted: stories.Wanted) -> Iterator[Entry]:
        """Every entry that is wanted, in the order in which they came."""
        ...

    def device_names(self, event: str) -> dict[str, str]:
        """What the event's devices are called, by id."""
        ...

    def take_in(
        self, event: str, path: Path, wanted: Wanted, who: Who | None, progress: Progress
    ) -> Imported:
        """Take a list in, all or nothing, or only look through it for nobody (``dry_run``).

        Raises GateError or Denied with what is wrong.
        """
        ...

    def taken_in(self, event: str) -> None:
        """A list was taken in: let gates have it now. Called in the event loop."""
        ...
