"""Where an event's settings are stated: at a venue's host, or in the server's database."""

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from gate.cli.options import config_of, folder_of, path_of
from gate.i18n import _

if TYPE_CHECKING:
    from gate.core.event_settings import EventFields, EventSettings
    from gate.credential.command_cards import CommandCard
    from gate.storage.event import EventRow
    from gate.storage.folder import Folder

    Change = Callable[[EventSettings], EventSettings]


class Authority(Protocol):
    """Whoever states what an event says of itself."""

    def event(self) -> "EventRow":
        """What it says now."""

    def change(self, change: "Change", about: str) -> "EventRow":
        """State the settings anew, for all gates to hear; ``about``: for the audit log."""

    def state(self, fields: "EventFields") -> "EventRow":
        """State anew where its clocks are, when it ends, for how long something is so."""

    def command_cards(self, cards: "Sequence[CommandCard]") -> list[str]:
        """The texts of command cards, signed. Raises UsageError where nobody can sign."""

    def types_elsewhere(self) -> int:
        """How many ticket types are in another zone than the event."""


class _Host:
    """A venue without a server, at the gate that is its host."""

    def __init__(self, folder: "Folder") -> None:
        self._folder = folder

    def event(self) -> "EventRow":
        from gate.storage import venue_host

        return venue_host.venue_event(self._folder)

    def change(self, change: "Change", about: str) -> "EventRow":  # noqa: ARG002
        from gate.storage import venue_host

        return venue_host.change_settings(self._folder, change)

    def state(self, fields: "EventFields") -> "EventRow":
        from gate.storage import venue_host

        return venue_host.set_fields(self._folder, fields)

    def command_cards(self, cards: "Sequence[CommandCard]") -> list[str]:
        from gate.storage import venue_host

        authority = venue_host.authority(venue_host.load(self._folder))
        return [authority.command_card(card) for card in cards]

    def types_elsewhere(self) -> int:
        from contextlib import closing

        from gate.storage import venue_host
        from gate.storage.tickets import Tickets

        zone = venue_host.venue_event(self._folder).time_zone
        with closing(Tickets(self._folder)) as tickets:
            tickets.refresh()
            return sum(kind.time_zone != zone for kind in tickets.types())


def add_where(parser: argparse.ArgumentParser) -> None:
    """Which event is meant."""
    from gate.cli.flags import add_server

    add_server(parser)
    parser.add_argument("--event", metavar="ID", help=_("which of the server's events"))


def is_server_meant(options: argparse.Namespace) -> bool:
    """Whether the flags name a server's event."""
    return bool(options.server_dir or options.database or options.event)


def authority_of(options: argparse.Namespace) -> Authority:
    """The server whose flags are given, or else this folder as a venue's host.

    Raises UsageError for a gate that is neither.
    """
    from gate.errors import UsageError

    if is_server_meant(options):
        from sync.server.event_settings import ServerEvent

        return ServerEvent(options.database or "", path_of(options.server_dir), options.event or "")
    folder = folder_of(config_of(options))
    if not folder.venue.exists() and not folder.enrolment.exists():
        raise UsageError(
            _("this gate is on its own"),
            _("Its settings are in config.toml. A server's event: --event ID --server-dir DIR."),
        )
    if folder.enrolment.exists():
        raise UsageError(
            _("what the event says is not said at this gate"),
            _("Type it at the venue's host, or at its server with --event ID."),
        )
    return _Host(folder)
