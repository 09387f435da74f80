"""The argument parser: the flags of all commands, and the commands in the order of the help."""

import argparse
from collections.abc import Callable

from gate import __version__
from gate.cli.commands import (
    cards,
    demo,
    doctor,
    enrol,
    event,
    import_,
    keys,
    log,
    lookup,
    message,
    operator,
    preflight,
    pretix,
    profile,
    read,
    report,
    scan,
    serve,
    setup,
    sync,
    tickets,
    venue,
    verify,
    watch,
    web,
    wechat,
    wipe,
)
from gate.cli.flags import Commands, common_flags
from gate.i18n import _

COMMANDS: tuple[Callable[[Commands], None], ...] = (
    scan.add,
    setup.add,
    watch.add,
    enrol.add,
    sync.add,
    demo.add,
    import_.add,
    lookup.add,
    report.add,
    log.add,
    verify.add,
    doctor.add,
    preflight.add,
    read.add,
    operator.add,
    serve.add,
    venue.add,
    event.add,
    keys.add,
    message.add,
    profile.add,
    cards.add,
    pretix.add,
    wechat.add,
    web.add,
    tickets.add,
    wipe.add,
)


def build_parser() -> argparse.ArgumentParser:
    """The parser; what it parses says in ``command`` which function carries it out."""
    common = common_flags()
    parser = argparse.ArgumentParser(
        prog="gate",
        parents=[common],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=_("Venue Gate: scan tickets at the door, with or without a network."),
        epilog=_(
            "examples:\n"
            "  gate demo                        see it work, with nothing set up\n"
            "  gate import types.csv tickets.csv\n"
            "  gate scan --direction out        the lane, letting people out\n"
            "  gate report --by gate --format csv\n"
            "  gate log --outcome refuse --follow\n"
            "Settings: --set and flags beat GATE_… variables beat the file."
        ),
    )
    parser.add_argument("--version", action="version", version=f"venue-gate {__version__}")
    commands = Commands(parser, common)
    for add in COMMANDS:
        add(commands)
    return parser
