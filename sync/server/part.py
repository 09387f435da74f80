"""A part: what is mounted on the server beside what it is itself, with tables of its own.

The server knows no part by its name. The command line builds the parts and hands them over; the
server migrates their tables with its own, serves their routes, runs their jobs, and asks each of
them wherever something has to be whole: a person who is told or erased, an event that is over,
entries that have no effect any more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection
from starlette.routing import BaseRoute

from gate.core.disowning import Effect

if TYPE_CHECKING:
    from sync.server.server import Server
    from sync.server.web.pages import Pages


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data are meant: tickets, and the ids that apps know their people by."""

    tickets: frozenset[str] = frozenset()
    openids: frozenset[str] = frozenset()

    def __or__(self, other: "Subject") -> "Subject":
        return Subject(self.tickets | other.tickets, self.openids | other.openids)


Key = tuple[Any, ...] | None
"""Of the last row that was looked at."""
Migration = Callable[[Connection], None]
Finder = Callable[[Connection, str, str], Subject]
"""Whose data an event has under some text; nobody's: ``Subject()``."""
Drop = Callable[[Connection, str, Key], Key]
"""Drops the next of what is personal of an event that is over.

It is called with ``None``, then with what it answered, until that is ``None`` again.
"""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What a part holds of people, and how it is found, told and taken away.

    Every function works in the transaction it is handed, its event locked where it writes.
    """

    finders: Mapping[str, Finder]
    """By the word before the colon, as in ``code:…``."""
    people: Callable[[Connection, str], Iterable[str]]
    """Every id by which the part knows a person of an event, some more than once."""
    held: Callable[[Connection, str, Subject], Mapping[str, Any]]
    """Everything there is of them, by kinds that no other part has."""
    erase: Callable[[Connection, str, Subject], int]
    """Takes it all away but for what is counted; the answer is how many codes that were."""
    drops: Sequence[Drop]
    """In the order in which an event that is over loses what is personal."""


class Mounted(Protocol):
    """A part on a server."""

    def routes(self) -> Sequence[BaseRoute]:
        """What it answers; no path is another part's or the server's."""
        ...

    async def start(self) -> None:
        """Begin with what it does by itself; the server is at work."""
        ...

    async def stop(self) -> None:
        """Stop; the server is still at work."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """All that the server has to know of a part."""

    name: str
    """Under which the version of its tables is kept; it is never changed."""
    migrations: Sequence[Migration]
    """What makes its tables of version n ones of version n + 1; only ever added to."""
    prepare: Callable[[Connection, str, int], Sequence[str]]
    """Makes what it cannot do without, at a server's start, for an event and at a time in ms.

    The answer is what to tell whoever started it, in lines. Done again if the transaction fails.
    """
    look_again: Callable[[Connection, str, Iterable[str]], None]
    """Draws again what follows for tickets of an event: entries on them count no more, or again."""
    personal: PersonalData
    mount: Callable[["Server"], Mounted]
    why_not_enrol: Callable[[Connection, str], str] = lambda _connection, _event: ""
    """Why gates cannot be taken in to an event yet, in words; empty: they can."""
    pages: Callable[["Pages", "Server"], Sequence[BaseRoute]] = lambda _pages, _server: ()
    """Pages of its own, for people in browsers."""


def look_again(parts: Iterable[Part], connection: Connection, event: str, changes: Effect) -> None:
    """Have all parts draw again what follows for the tickets that a disowned device touched."""
    for part in parts:
        part.look_again(connection, event, [*changes.freed, *changes.spent])
