"""What an event says of its rules, its gates and its operators, as it is stated at the server."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.core.event_settings import EventFields, EventSettings
from gate.errors import UsageError
from gate.i18n import _
from gate.storage.event import EventRow
from sync.server import audit, events, feed
from sync.server.database import database_of, default_folder, in_transaction, open_database
from sync.server.http import Denied
from sync.server.retention import AT_ONCE, set_end

FIRST_EVENT = "default"


Change = Callable[[EventSettings], EventSettings]


def change_settings(connection: Connection, event: str, change: Change) -> EventRow:
    """State an event's settings anew, for all gates to hear; the same again is no change."""
    feed.lock(connection, event)
    _key, said = events.said_of(connection, event)
    return events.say_event(connection, event, settings=change(said.settings))


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """An event in the tables of the server's own database, for the command line."""

    database: str = ""
    folder: Path | None = None
    named: str = ""
    """Empty: the only one, or the one that is made first."""

    def event(self) -> EventRow:
        """What it says of itself. Raises UsageError when it is not there, or not named."""
        return self._do(lambda connection, event: events.said_of(connection, event)[1])

    def change(self, change: Change, about: str) -> EventRow:
        """State its settings anew; ``about``: what of them, for the audit log."""

        def noted(connection: Connection, event: str) -> EventRow:
            row = change_settings(connection, event, change)
            now_ms = read_wall_ms()
            audit.note(connection, audit.CONSOLE, "settings", now_ms, event=event, about=about)
            return row

        return self._do(noted)

    def state(self, fields: EventFields) -> EventRow:
        """State anew where its clocks are, when it ends, for how long something is so."""

        def noted(connection: Connection, event: str) -> EventRow:
            now_ms = read_wall_ms()
            if fields.time_zone is not None:
                events.set_zone(connection, event, fields.time_zone)
            if fields.ends_s is not None or fields.keep_days is not None:
                set_end(connection, event, now_ms, ends_s=fields.ends_s, keep_days=fields.keep_days)
            if fields.isolated_hours is not None:
                events.say_event(connection, event, isolated_hours=fields.isolated_hours)
            row = events.said_of(connection, event)[1]
            about = events.tell_settings(row)
            audit.note(connection, audit.CONSOLE, "settings", now_ms, event=event, about=about)
            return row

        try:
            return self._do(noted)
        except Denied as denied:
            hint = _("Say that it is meant: keep_days=N") if denied.problem.error == AT_ONCE else ""
            raise UsageError(denied.problem.reason, hint) from denied

    def _do(self, job: Callable[[Connection, str], EventRow]) -> EventRow:
        url = database_of(self.folder or default_folder(), self.database)
        engine = open_database(url, must_exist=True)
        try:
            return in_transaction(engine, lambda c: job(c, self._event(c)))
        finally:
            engine.dispose()

    def _event(self, connection: Connection) -> str:
        here = [str(one["id"]) for one in events.all_events(connection)]
        event = self.named or (here[0] if len(here) == 1 else FIRST_EVENT)
        if event in here:
            return event
        hint = _("Name one with --event: {events}").format(events=", ".join(here))
        raise UsageError(_("there is no event {id}").format(id=event), hint)
