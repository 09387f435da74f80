"""``gate tickets``: tickets drawn, of the ticket system at the server, or of a list."""

import argparse
from pathlib import Path

from gate.cli.commands.cards import server_of
from gate.cli.commands.import_ import add_reading
from gate.cli.flags import Commands, add_server
from gate.i18n import _


def add(commands: Commands) -> None:
    """Add ``gate tickets``."""
    sub = commands.add("tickets", run, _("draw tickets to be scanned or printed"))
    actions = sub.add_subparsers(dest="action", required=True, metavar="render")
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


def run(options: argparse.Namespace) -> int:
    """Draw the tickets that were asked for. Raises UsageError."""
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
