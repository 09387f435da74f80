"""The server's database at its own machine: no token is asked for, and every change noted."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from gate.clock import read_wall_ms
from gate.errors import UsageError
from gate.i18n import _
from sync.server import audit, events
from sync.server.database import (
    database_of,
    default_folder,
    in_transaction,
    open_database,
)
from sync.server.http import Denied

T = TypeVar("T")
FIRST_EVENT: Final = "default"
"""What the first event is called where none is named."""


class Console:
    """Whoever is at the machine, and the event that was named, if one was."""

    def __init__(self, engine: Engine, named: str) -> None:
        self.engine = engine
        self.named = named

    def event(self) -> str:
        """The event that is meant. Raises UsageError when it is not there, or not named."""
        here = in_transaction(self.engine, event_ids)
        event = self.named or unnamed_event(here)
        if event in here:
            return event
        found = _("there is no event {id}").format(id=event) if event else _("which event?")
        hint = _("Name one with --event: {events}").format(events=", ".join(here))
        raise UsageError(found, hint if here else _("The first is made by: gate serve"))

    def read(self, job: Callable[[Connection], T], *, hint: str = "") -> T:
        """Have something read. Raises UsageError, with the hint, for what is denied."""
        try:
            return in_transaction(self.engine, job)
        except Denied as denied:
            raise UsageError(denied.problem.reason, hint) from denied

    def write(
        self,
        job: Callable[[Connection], T],
        act: str,
        about: str | Callable[[T], str | None] = "",
        *,
        event: str,
        hint: str = "",
    ) -> T:
        """Have something done, with its row in the audit log; running servers see it in a moment.

        Raises UsageError, with the hint, for what is denied.
        """
        now_ms = read_wall_ms()
        noted = audit.noted(job, audit.CONSOLE, act, now_ms, event=event, about=about)
        return self.read(noted, hint=hint)


@contextmanager
def at_console(folder: Path | None, database: str, named: str) -> Iterator[Console]:
    """The database of a server's folder, or the one that is named. Raises StoreError."""
    engine = open_database(database_of(folder or default_folder(), database), must_exist=True)
    try:
        yield Console(engine, named)
    finally:
        engine.dispose()


def event_ids(connection: Connection) -> list[str]:
    """Every event of the database."""
    return [str(one["id"]) for one in events.all_events(connection)]


def unnamed_event(here: Sequence[str]) -> str:
    """The event that is meant where none is named; empty when that is not clear."""
    if len(here) == 1:
        return here[0]
    return FIRST_EVENT if FIRST_EVENT in here else ""


def day_text(at_ms: int, zone: str) -> str:
    """The day of a moment, in a zone."""
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).date().isoformat()
