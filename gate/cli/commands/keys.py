"""``gate keys``: the keys that sign an event's tickets, at its server or its host."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gate.cli.authority import add_where, authority_of, is_server_meant
from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, folder_of, moment_ms, path_of
from gate.i18n import _

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from gate.core.signed_ticket import EventKey, KeyState


class KeyRing(Protocol):
    """The keys of an event where they are kept."""

    def all(self) -> "list[EventKey]":
        """Every key."""

    def new(self) -> "EventKey":
        """Make a key that signs from now on; those before it sign no more."""

    def add_pretix(self, text: str) -> "EventKey":
        """Believe what pretix signs with a key."""

    def change(
        self,
        id_: str,
        *,
        state: "KeyState | None" = None,
        begin: int | None = None,
        end: int | None = None,
    ) -> "EventKey":
        """Retire a key, revoke it for good, or bound its time (Unix seconds; 0: no bound)."""

    def codes(self, tickets: Sequence[str]) -> list[str]:
        """The signed codes of some tickets, by id."""


def add(commands: Commands) -> None:
    """Add ``gate keys``."""
    purpose = _("the keys that sign tickets, so that a gate knows those it has not heard of")
    sub = commands.add("keys", run, purpose, "gate keys new --event park2026")
    actions = sub.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, help_: str) -> argparse.ArgumentParser:
        parser = actions.add_parser(name, parents=[commands.common], help=help_, description=help_)
        add_where(parser)
        return parser

    action("list", _("the keys there are"))
    action("new", _("make one; what older ones have signed stays good"))
    retire = action("retire", _("sign no more with one; what it has signed stays good"))
    retire.add_argument("key", metavar="KEY")
    revoke = action("revoke", _("believe nothing any more that one has signed, for good"))
    revoke.add_argument("key", metavar="KEY")
    times = action("times", _("bound from when until when a code may go by a key alone"))
    times.add_argument("key", metavar="KEY")
    for name in ("begin", "end"):
        times.add_argument(f"--{name}", metavar="WHEN", help=_("2026-12-31T19:30, or never"))
    pretix = action("add-pretix", _("believe what pretix signs with a key"))
    pretix.add_argument("file", metavar="FILE", help=_("as valid_keys.pretix_sig1 has it"))
    bar = action("bar", _("pretix's lists of revoked and blocked codes"))
    for name in ("revoked", "blocked", "unblocked"):
        bar.add_argument(f"--{name}", metavar="FILE", help=_("a code on every line"))


def run(options: argparse.Namespace) -> int:
    """Tell the keys, or change one. Raises UsageError."""
    from gate.core.signed_ticket import KeyState

    if options.action == "bar":
        return _bar(options)
    ring = key_ring(options)
    if options.action == "list":
        keys = ring.all()
    elif options.action == "new":
        keys = [ring.new()]
    elif options.action == "add-pretix":
        keys = [ring.add_pretix(_read(options.file))]
    elif options.action == "times":
        begin, end = _times(options)
        keys = [ring.change(options.key, begin=begin, end=end)]
    else:
        state = KeyState.RETIRED if options.action == "retire" else KeyState.REVOKED
        keys = [ring.change(options.key, state=state)]
    zone = _zone(options) if any(one.begin or one.end for one in keys) else None
    sys.stdout.writelines(_line(one, zone) for one in keys)
    return OK


def key_ring(options: argparse.Namespace) -> KeyRing:
    """The keys of the server's event that the flags name, or else of this folder's venue."""
    if is_server_meant(options):
        from sync.server.signing import ServerKeys

        return ServerKeys(options.database or "", path_of(options.server_dir), options.event or "")
    from gate.storage.host_keys import HostKeys

    authority_of(options)
    return HostKeys(folder_of(config_of(options)))


def _zone(options: argparse.Namespace) -> "ZoneInfo":
    from zoneinfo import ZoneInfo

    return ZoneInfo(authority_of(options).event().time_zone)


def _times(options: argparse.Namespace) -> tuple[int | None, int | None]:
    """First and last second that are stated; 0 for never. Raises UsageError."""
    from gate.storage.moments import Side

    def second(text: str | None, side: Side) -> int | None:
        if text in (None, "never"):
            return None if text is None else 0
        at_ms = moment_ms(text, zone, side)
        return None if at_ms is None else at_ms // 1000 - (side is Side.END)

    zone = _zone(options)
    return second(options.begin, Side.BEGIN), second(options.end, Side.END)


def _line(key: "EventKey", zone: "ZoneInfo | None") -> str:
    """A key in a line, with its times where it has any."""
    from datetime import datetime

    def moment(at: int | None) -> str:
        return "" if at is None else datetime.fromtimestamp(at, zone).isoformat(timespec="seconds")

    times = f"  {moment(key.begin)}..{moment(key.end)}" if key.begin or key.end else ""
    return f"{key.id}  {key.scheme}  {key.state}  {key.public}{times}\n"


def _bar(options: argparse.Namespace) -> int:
    from gate.core.ticket import Status

    files = {
        Status.NORMAL: options.unblocked, Status.BLOCKED: options.blocked,
        Status.REVOKED: options.revoked,
    }  # fmt: skip
    # The last counts: what was revoked stays so.
    states = {text: status for status, name in files.items() for text in _lines(name)}
    if is_server_meant(options):
        from sync.server.signing import ServerKeys

        where = options.database or "", path_of(options.server_dir), options.event or ""
        barred = ServerKeys(*where).bar(states)
    else:
        from gate.reports.ticket_import import bar_codes
        from gate.storage.host_keys import HostKeys

        authority_of(options)
        folder = folder_of(config_of(options))
        barred = bar_codes(folder, states, HostKeys(folder).all())
    line = _("{barred} codes stated, {passed} passed over: not signed here, or a listed ticket's")
    sys.stdout.write(line.format(barred=barred, passed=len(states) - barred) + "\n")
    return OK


def _lines(name: str | None) -> list[str]:
    return [] if name is None else [line.strip() for line in _read(name).splitlines() if line]


def _read(name: str) -> str:
    from gate.errors import UsageError

    try:
        return Path(name).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(_("{file} cannot be read").format(file=name), "") from error
