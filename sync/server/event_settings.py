"""What an event says of its rules, its gates and its operators, as it is stated at the server."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.core.event_settings import EventFields, EventSettings
from gate.core.ticket import DoorWord, Ticket
from gate.credential.command_cards import CommandCard
from gate.i18n import _
from gate.storage.event import EventRow
from sync.server import door, events, feed, messages, told_tickets
from sync.server.console import Console, at_console
from sync.server.retention import set_end

Change = Callable[[EventSettings], EventSettings]


def change_settings(connection: Connection, event: str, change: Change) -> EventRow:
    """State an event's settings anew, for all gates to hear; the same again is no change."""
    feed.lock(connection, event)
    before = events.row_of(connection, event).settings
    return events.change_event(connection, event, settings=change(before))


def change_fields(connection: Connection, event: str, fields: EventFields) -> EventRow:
    """State anew where its clocks are, when it ends, how long something is so. Raises Denied."""
    if fields.time_zone is not None:
        events.change_event(connection, event, time_zone=fields.time_zone)
    if fields.ends_s is not None or fields.keep_days is not None:
        now_ms = read_wall_ms()
        set_end(connection, event, now_ms, ends_s=fields.ends_s, keep_days=fields.keep_days)
    if fields.isolated_hours is not None:
        events.change_event(connection, event, isolated_hours=fields.isolated_hours)
    return events.row_of(connection, event)


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """An event in the tables of the server's own database, for the command line."""

    database: str = ""
    folder: Path | None = None
    named: str = ""
    """Empty: the only one, or the one that is made first."""

    def event(self) -> EventRow:
        """What it says of itself. Raises UsageError when it is not there, or not named."""
        with self._console() as console:
            return console.read(partial(events.row_of, event=console.event()))

    def change(self, change: Change, about: str) -> EventRow:
        """State its settings anew; ``about``: what of them, for the audit log."""
        with self._console() as console:
            event = console.event()
            job = partial(change_settings, event=event, change=change)
            return console.write(job, "settings", about, event=event)

    def state(self, fields: EventFields) -> EventRow:
        """State anew where its clocks are, when it ends, for how long something is so."""
        with self._console() as console:
            event = console.event()
            job = partial(change_fields, event=event, fields=fields)
            hint = _("If it is meant, say for how long: keep_days=N") if fields.ends_s else ""
            return console.write(job, "settings", events.settings_text, event=event, hint=hint)

    def command_cards(self, cards: Sequence[CommandCard]) -> list[str]:
        """The texts of command cards, signed; that they were made is in the audit log."""

        def sign(connection: Connection) -> list[str]:
            authority = feed.authority_of(connection, event)
            return [authority.command_card(card) for card in cards]

        about = ", ".join(f"{card.command.name} {card.name}".rstrip() for card in cards)
        with self._console() as console:
            event = console.event()
            return console.write(sign, "command cards", about, event=event)

    def types_elsewhere(self) -> int:
        """How many ticket types are in another zone than the event."""
        with self._console() as console:
            return console.read(partial(events.types_elsewhere, event=console.event()))

    def send(self, text: str, gates: tuple[str, ...]) -> None:
        """Send a message to its gates by name, or to all; it is in the audit log, too."""
        with self._console() as console:
            event = console.event()
            job = partial(messages.send, event=event, text=text, gates=gates, now_ms=read_wall_ms())
            console.write(job, "message", text, event=event)

    def put_word(self, ticket: str, word: DoorWord) -> Ticket:
        """Block a ticket at the door, free it, or note something on it; the ticket as it was."""
        with self._console() as console:
            event = console.event()

            def say(connection: Connection) -> tuple[Ticket, bool]:
                id_ = told_tickets.id_of(connection, event, ticket)
                before = door.require_ticket(connection, event, id_)
                return before, door.put_word(connection, event, id_, word)

            def about(done: tuple[Ticket, bool]) -> str | None:
                return done[0].id if done[1] else None

            act, hint = door.AUDITED[word.act], _("Find its id: gate lookup NAME")
            return console.write(say, act, about, event=event, hint=hint)[0]

    def _console(self) -> AbstractContextManager[Console]:
        return at_console(self.folder, self.database, self.named)
