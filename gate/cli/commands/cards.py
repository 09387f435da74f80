"""``gate cards``: the cards of the ticket system, at the server."""

import argparse
from typing import TYPE_CHECKING

from gate.cli.flags import Commands, add_server
from gate.cli.options import path_of
from gate.i18n import _

if TYPE_CHECKING:
    from sync.cardapi.commands import Where


def add(commands: Commands) -> None:
    """Add ``gate cards``."""
    sub = commands.add("cards", run, _("cards of the ticket system, at the server"))
    actions = sub.add_subparsers(
        dest="action", required=True, metavar="list|approve|reject|account"
    )
    add_server(actions.add_parser("list", help=_("every card, with its review and stock")))
    approve = actions.add_parser("approve", help=_("approve cards that wait for review"))
    reject = actions.add_parser("reject", help=_("reject them"))
    reject.add_argument("--reason", default="", help=_("told to the account"))
    for one in (approve, reject):
        one.add_argument("cards", nargs="+", metavar="CARD_ID")
        add_server(one)
    account = actions.add_parser("account", help=_("make another account of the card API"))
    account.add_argument("--event", metavar="ID", default="default", help=_("its cards' event"))
    add_server(account)


def run(options: argparse.Namespace) -> int:
    """Tell the cards, review some, or make an account."""
    from sync.cardapi import commands

    where = server_of(options)
    if options.action == "list":
        return commands.list_cards(where)
    if options.action == "account":
        return commands.new_account(where, options.event)
    reason = options.reason if options.action == "reject" else None
    return commands.review_cards(where, options.cards, reason)


def server_of(options: argparse.Namespace) -> "Where":
    """Where the server's tables are."""
    from sync.cardapi.commands import Where

    return Where(database=options.database or "", folder=path_of(options.server_dir))
