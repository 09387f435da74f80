"""``gate event``: what an event says of its rules, to all its gates."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from gate.cli.authority import Authority, add_where, authority_of
from gate.cli.exit_codes import OK
from gate.cli.flags import Commands
from gate.i18n import _, ngettext

if TYPE_CHECKING:
    from gate.core.event_settings import EventFields
    from gate.storage.event import EventRow

MOST_DAYS = 3650


def add(commands: Commands) -> None:
    """Add ``gate event``."""
    sentence = _("the event's rules, for all its gates")
    sub = commands.add("event", run, sentence, "gate event set early_minutes=30 alone=hold")
    actions = sub.add_subparsers(dest="action", required=True, metavar="show|set|cards")
    show = actions.add_parser("show", parents=[commands.common], help=_("what it says now"))
    setting = actions.add_parser("set", parents=[commands.common], help=_("say something else"))
    setting.add_argument("--type", metavar="ID", help=_("only for tickets of this type"))
    setting.add_argument(
        "settings",
        nargs="+",
        metavar="KEY=VALUE",
        help=_("nothing after the sign: no longer said"),
    )
    cards = actions.add_parser(
        "cards", parents=[commands.common], help=_("draw command cards, to be held up at a lane")
    )
    cards.add_argument(
        "--operator", action="append", metavar="NAME", help=_("only sign-in cards, of whom")
    )
    cards.add_argument(
        "--out", metavar="PATH", required=True, help=_("FILE.png, FILE.svg, FILE.html or a folder")
    )
    cards.add_argument("--format", choices=["png", "svg"], default="png")
    for one in (show, setting, cards):
        add_where(one)


def run(options: argparse.Namespace) -> int:
    """Tell what the event says, or say something else; or draw its command cards."""
    from gate.text.settings_words import setting_lines

    authority = authority_of(options)
    if options.action == "cards":
        from gate.cli.card_drawing import draw_cards

        return draw_cards(authority, options)
    row = authority.event() if options.action == "show" else _set(authority, options)
    sys.stdout.writelines(f"{line}\n" for line in setting_lines(row))
    return OK


def _set(authority: Authority, options: argparse.Namespace) -> "EventRow":
    from gate import settings

    if options.type:
        changes = settings.parse(settings.OF_TYPE, options.settings)
        patch: dict[str, Any] = {"types": {options.type: changes}}
        return authority.change(partial(settings.patched, patch=patch), str(patch))
    own = [pair for pair in options.settings if _key(pair) in _FIELDS]
    rules = [pair for pair in options.settings if pair not in own]
    # All of it is looked at before any of it is stated.
    patch = {"rules": settings.parse(settings.OF_EVENT, rules)}
    row = authority.event()
    if own:
        before, row = row, authority.state(_fields(own, row.time_zone))
        elsewhere = authority.types_elsewhere() if row.time_zone != before.time_zone else 0
        if elsewhere:
            line = ngettext(
                "{n} ticket type keeps its own zone: state it anew if that was not meant",
                "{n} ticket types keep their own zone: state them anew if that was not meant",
                elsewhere,
            )
            sys.stderr.write(line.format(n=elsewhere) + "\n")
    if rules:
        row = authority.change(partial(settings.patched, patch=patch), str(patch))
    return row


_FIELDS = ("time_zone", "ends", "keep_days", "isolated_hours")


def _key(pair: str) -> str:
    return pair.partition("=")[0].strip().casefold()


def _fields(pairs: list[str], time_zone: str) -> "EventFields":
    from gate.cli.options import check_zone
    from gate.core.event_settings import EventFields
    from sync.api.administration import MOST_ISOLATED_HOURS

    stated = {_key(pair): pair.partition("=")[2].strip() for pair in pairs}
    zone = stated.get("time_zone")
    if zone is not None:
        check_zone(zone)
    return EventFields(
        time_zone=zone,
        ends_s=_end(stated["ends"], zone or time_zone) if "ends" in stated else None,
        keep_days=_number("keep_days", stated, MOST_DAYS),
        isolated_hours=_number("isolated_hours", stated, MOST_ISOLATED_HOURS),
    )


def _end(text: str, time_zone: str) -> int:
    from zoneinfo import ZoneInfo

    from gate.errors import UsageError
    from gate.storage.moments import BadMoment, Side, second_of

    if text in ("", "never"):
        return 0
    try:
        return second_of(text, ZoneInfo(time_zone), Side.END)
    except BadMoment as bad:
        sentence = f"ends: {bad}"
        raise UsageError(sentence, _("Such as 2026-08-02, or never.")) from bad


def _number(key: str, stated: dict[str, str], most: int) -> int | None:
    from gate.errors import UsageError

    text = stated.get(key)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) <= most):
        sentence = _("{key}: found {found!r}; allowed: {allowed}")
        allowed = _("a whole number from 0 to {most}").format(most=most)
        raise UsageError(sentence.format(key=key, found=text[:80], allowed=allowed), "")
    return int(text)
