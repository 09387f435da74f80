"""``gate tickets``: tickets drawn, and blocked at the door, freed or noted upon."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.authority import add_where, is_server_meant
from gate.cli.commands.cards import server_of
from gate.cli.commands.import_ import add_reading
from gate.cli.exit_codes import OK
from gate.cli.flags import Commands, add_server
from gate.cli.options import config_of, folder_of, path_of
from gate.i18n import _

if TYPE_CHECKING:
    from gate.core.ticket import DoorWord, Ticket

MOST_TEXT = 500
"""Characters of a reason or note, as at the server."""
MOST_NAME = 100


def add(commands: Commands) -> None:
    """Add ``gate tickets``."""
    sub = commands.add("tickets", run, _("draw tickets; block them at the door"))
    actions = sub.add_subparsers(dest="action", required=True, metavar="render|block|free|note")
    _add_words(commands, actions)
    render = actions.add_parser(
        "render", parents=[commands.common], help=_("as PNG, SVG or a sheet to be printed")
    )
    render.add_argument("codes", nargs="*", metavar="CODE")
    render.add_argument("--card", metavar="CARD_ID", help=_("all tickets of a card, or which"))
    render.add_argument("--order", metavar="ORDER_ID", help=_("the tickets of an order"))
    render.add_argument(
        "--list",
        action="append",
        metavar="FILE",
        help=_("every ticket of a list that was imported here, guests without a code too"),
    )
    add_reading(render)
    render.add_argument("--event", metavar="ID", help=_("with --list: imported at the server here"))
    render.add_argument(
        "--out", metavar="PATH", required=True, help=_("FILE.png, FILE.svg, FILE.html or a folder")
    )
    render.add_argument(
        "--signed", action="store_true", help=_("the code that proves itself (see gate keys)")
    )
    render.add_argument("--format", choices=["png", "svg"], default="png")
    render.add_argument("--symbology", choices=["qr", "code128", "pdf417", "aztec"])
    add_server(render)


def _add_words(
    commands: Commands, actions: "argparse._SubParsersAction[argparse.ArgumentParser]"
) -> None:
    """What the venue itself says of a ticket, at its host or for a server's event."""
    for action, purpose in (
        ("block", _("let nobody in on a ticket, whatever its issuer says")),
        ("free", _("take such a block back")),
        ("note", _("a note of the venue's own on a ticket; an empty one takes it away")),
    ):
        sub = actions.add_parser(action, parents=[commands.common], help=purpose)
        sub.add_argument("ticket", metavar="ID", help=_("as gate lookup has it"))
        most = _("at most {n} characters").format(n=MOST_TEXT)
        if action == "note":
            sub.add_argument("text", metavar="TEXT", help=most)
        else:
            sub.add_argument("--reason", dest="text", metavar="TEXT", required=True, help=most)
        sub.add_argument("--who", metavar="NAME", help=_("who says so; else who is logged in"))
        add_where(sub)


def run(options: argparse.Namespace) -> int:
    """Draw the tickets that were asked for, or say something of one. Raises UsageError."""
    if options.action != "render":
        return _put_word(options)
    if options.list:
        from gate.cli.list_drawing import draw_lists

        return draw_lists(options)
    from sync.cardapi import commands

    wanted = commands.Wanted(
        codes=options.codes,
        card=options.card or "",
        order=options.order or "",
        symbology=options.symbology or "",
        out=Path(options.out).expanduser(),
        form=options.format,
        is_signed=options.signed,
    )
    return commands.render(server_of(options), wanted)


def _put_word(options: argparse.Namespace) -> int:
    from getpass import getuser

    from gate.clock import read_wall_ms
    from gate.core.ticket import DoorAct, DoorWord
    from gate.errors import UsageError
    from gate.text.printable import printable
    from gate.text.ticket_words import describe

    acts = {"block": DoorAct.BLOCKED, "free": DoorAct.FREED, "note": DoorAct.NOTED}
    act, text = acts[options.action], options.text.strip()
    if len(text) > MOST_TEXT or not (text or act is DoorAct.NOTED):
        raise UsageError(
            _("a reason is wanted, of at most {n} characters").format(n=MOST_TEXT),
            _("Say it: --reason 'banned by the organiser'"),
        )
    who = (options.who or getuser()).strip()[:MOST_NAME]
    ticket = _stand(options, DoorWord(act, text, who, read_wall_ms()))
    sentence = _("{ticket} [{id}]: all gates hear of it.")
    sys.stdout.write(sentence.format(ticket=describe(ticket), id=printable(ticket.id)) + "\n")
    return OK


def _stand(options: argparse.Namespace, word: "DoorWord") -> "Ticket":
    """Let it stand where tickets are stated. Raises UsageError at any gate but a venue's host."""
    if is_server_meant(options):
        from sync.server.event_settings import ServerEvent

        folder = path_of(options.server_dir)
        event = ServerEvent(options.database or "", folder, options.event or "")
        return event.put_word(options.ticket, word)
    from gate.storage import venue_host

    return venue_host.put_word(folder_of(config_of(options)), options.ticket, word)
