"""How a command is added to the parser, and the flags that several commands have."""

import argparse
from collections.abc import Callable, Sequence

from gate.i18n import _

Run = Callable[[argparse.Namespace], int]
"""Carries a command out; the answer is the exit code. Raises GateError."""


class Commands:
    """The commands of a parser."""

    def __init__(self, parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
        self.common = common
        """The flags that every command has as well as the parser."""
        self._parsers = parser.add_subparsers(metavar=_("COMMAND"), required=True)

    def add(
        self, name: str, run: Run, purpose: str, example: str = "", aliases: Sequence[str] = ()
    ) -> argparse.ArgumentParser:
        """The parser of one more command, for its flags; ``purpose`` says what it is for."""
        command = self._parsers.add_parser(
            name,
            aliases=aliases,
            parents=[self.common],
            help=purpose,
            description=purpose,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=_("example: {command}").format(command=example) if example else None,
        )
        command.set_defaults(command=run)
        return command


def common_flags() -> argparse.ArgumentParser:
    """Where configuration and data are; what is not given leaves no trace in the namespace."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--config", metavar="FILE", help=_("configuration file"))
    common.add_argument("--data-dir", metavar="DIR", help=_("data folder: one venue, one event"))
    common.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        help=_("one setting, such as gate.name=South"),
    )
    return common


def add_server(parser: argparse.ArgumentParser) -> None:
    """Which server's tables a command works on."""
    parser.add_argument(
        "--database", metavar="URL", help=_("such as postgresql+psycopg://host/name")
    )
    parser.add_argument("--server-dir", metavar="DIR", help=_("the server's own folder"))


def add_disowning(parser: argparse.ArgumentParser) -> None:
    """What goes with disowning a device, at a server as at a venue's host."""
    parser.add_argument(
        "--from",
        dest="disown_from",
        default="",
        metavar="TIME",
        help=_("with disown: of what it did from then on, such as '2026-12-31 18:30'"),
    )
    parser.add_argument("--yes", action="store_true", help=_("with disown: do not ask"))
