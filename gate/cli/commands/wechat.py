"""``gate wechat``: an event whose tickets live at WeChat, at the server."""

import argparse
import sys
from typing import TYPE_CHECKING

from gate.cli.flags import Commands, add_server
from gate.cli.options import path_of
from gate.i18n import _

if TYPE_CHECKING:
    from sync.upstream.wechat.commands import Where


def add(commands: Commands) -> None:
    """Add ``gate wechat``."""
    sub = commands.add(
        "wechat",
        run,
        _("tickets that live at WeChat, at the server"),
        "gate wechat pair gala --appid wx0123456789abcdef --card pFS7Fjg8kV1IdDz01r4SQwMkuCKc",
    )
    actions = sub.add_subparsers(
        dest="action", required=True, metavar="pair|status|catch-up|unpair"
    )
    pair = actions.add_parser("pair", help=_("make an event of an account's cards"))
    pair.add_argument("event", metavar="EVENT", help=_("what the event is called here"))
    pair.add_argument("--appid", required=True, metavar="ID", help=_("the account's appid"))
    pair.add_argument(
        "--card", action="append", default=[], metavar="ID",
        help=_("a card of the event; without any, all that are no other event's"),
    )  # fmt: skip
    pair.add_argument(
        "--secrets-file", metavar="FILE",
        help=_("a file with AppSecret, and perhaps Token and EncodingAESKey, each in a line"),
    )  # fmt: skip
    pair.add_argument(
        "--relay", default="", metavar="URL", help=_("where WeChat's pushes are passed on to")
    )
    pair.add_argument(
        "--grace-s", type=int, default=120, metavar="N",
        help=_("seconds in which an admission can be taken back before WeChat is told"),
    )  # fmt: skip
    pair.add_argument("--url", default="", metavar="URL", help=_("another address of the API"))
    add_server(pair)
    add_server(actions.add_parser("status", help=_("how every pairing stands")))
    catch_up = actions.add_parser("catch-up", help=_("read tickets that were claimed before"))
    catch_up.add_argument("event", metavar="EVENT")
    catch_up.add_argument("--openids", metavar="FILE", help=_("persons, one in a line"))
    catch_up.add_argument("--codes", metavar="FILE", help=_("lines CODE or CARD,CODE"))
    add_server(catch_up)
    unpair = actions.add_parser("unpair", help=_("end a pairing; its tickets stay"))
    unpair.add_argument("event", metavar="EVENT")
    add_server(unpair)


def run(options: argparse.Namespace) -> int:
    """Pair, tell how it stands, read, or end it."""
    from gate.cli.commands.enrol import link_in
    from sync.cardapi.part import card_part
    from sync.upstream.wechat import commands
    from sync.upstream.wechat.commands import Where

    where = Where(options.database or "", path_of(options.server_dir), (card_part(),))
    if options.action == "pair":
        return _pair(options, where)
    if options.action == "unpair":
        return commands.unpair(where, options.event)
    if options.action == "catch-up":
        openids = link_in(options.openids) if options.openids else ""
        return commands.catch_up(
            where, options.event, openids, link_in(options.codes) if options.codes else ""
        )
    return commands.status(where)


def _pair(options: argparse.Namespace, where: "Where") -> int:
    from sync.cardapi import accounts
    from sync.upstream.wechat import commands, pairing
    from sync.upstream.wechat.accounts import WECHAT
    from sync.upstream.wechat.pairing import Wanted

    wanted = Wanted(
        event=options.event,
        appid=options.appid,
        secrets=pairing.read_secrets(_secrets(options)),
        url=options.url or WECHAT,
        cards=tuple(options.card),
        relay=options.relay,
        grace_s=max(0, options.grace_s),
    )
    return commands.pair(where, wanted, accounts.adopt)


def _secrets(options: argparse.Namespace) -> str:
    """What only the organiser knows; never from the command line, where all see it."""
    from getpass import getpass

    from gate.cli.commands.enrol import link_in

    if options.secrets_file:
        return link_in(options.secrets_file)
    if not sys.stdin.isatty():
        return sys.stdin.read()
    return getpass(_("AppSecret (not shown): "))
