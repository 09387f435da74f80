"""``gate keys``: the keys that sign an event's tickets, at its server or its host."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gate.cli.authority import add_where, authority_of, is_server_meant
from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.cli.options import config_of, folder_of, path_of
from gate.i18n import _

if TYPE_CHECKING:
    from gate.core.signed_ticket import EventKey, KeyState


class KeyRing(Protocol):
    """The keys of an event where they are kept."""

    def all(self) -> "list[EventKey]":
        """Every key."""

    def new(self) -> "EventKey":
        """Make a key that signs from now on; those before it sign no more."""

    def add_pretix(self, text: str) -> "EventKey":
        """Believe what pretix signs with a key."""

    def set_state(self, id_: str, state: "KeyState") -> "EventKey":
        """Retire or revoke a key, the latter for good."""

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
    pretix = action("add-pretix", _("believe what pretix signs with a key"))
    pretix.add_argument("file", metavar="FILE", help=_("as valid_keys.pretix_sig1 has it"))
    bar = action("bar", _("pretix's lists of revoked and blocked codes, at the server"))
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
    else:
        state = KeyState.RETIRED if options.action == "retire" else KeyState.REVOKED
        keys = [ring.set_state(options.key, state)]
    sys.stdout.writelines(f"{one.id}  {one.scheme}  {one.state}  {one.public}\n" for one in keys)
    return OK


def key_ring(options: argparse.Namespace) -> KeyRing:
    """The keys of the server's event that the flags name, or else of this folder's venue."""
    if is_server_meant(options):
        from sync.server.signing import ServerKeys

        return ServerKeys(options.database or "", path_of(options.server_dir), options.event or "")
    from gate.storage.host_keys import HostKeys

    authority_of(options)
    return HostKeys(folder_of(config_of(options)))


def _bar(options: argparse.Namespace) -> int:
    from sync.server.signing import ServerKeys
    from sync.wire import BarredCodes

    ring = ServerKeys(options.database or "", path_of(options.server_dir), options.event or "")
    stated = BarredCodes(*map(_lines, (options.revoked, options.blocked, options.unblocked)))
    done = ring.bar(stated)
    line = _("{barred} codes stated, {passed} passed over: not signed here, or a listed ticket's")
    sys.stdout.write(line.format(barred=done.barred, passed=done.passed_over) + "\n")
    return OK


def _lines(name: str | None) -> list[str]:
    return [] if name is None else [line.strip() for line in _read(name).splitlines() if line]


def _read(name: str) -> str:
    from gate.errors import UsageError

    try:
        return Path(name).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(_("{file} cannot be read").format(file=name), "") from error
