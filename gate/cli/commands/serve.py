"""``gate serve``: the central server, and what else is done at its database."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.flags import Commands, add_disowning
from gate.cli.options import DEVICE_STATES, config_of, days, hours, path_of
from gate.i18n import _

if TYPE_CHECKING:
    from sync.server.takeover import Host
    from sync.server.wanted import Chore


def add(commands: Commands) -> None:
    """Add ``gate serve``."""
    sub = commands.add(
        "serve",
        run,
        _("the central server"),
        "gate serve --listen 0.0.0.0:8470 --self-signed",
    )
    _add_listening(sub)
    _add_event(sub)
    _add_chores(sub)
    add_disowning(sub)


def _add_listening(sub: argparse.ArgumentParser) -> None:
    """Where it listens, and who is believed."""
    sub.add_argument("--database", metavar="URL", help=_("such as postgresql+psycopg://host/name"))
    sub.add_argument("--listen", metavar="HOST:PORT", help=_("default: 127.0.0.1:8470"))
    sub.add_argument("--server-dir", metavar="DIR", help=_("the server's own folder"))
    sub.add_argument("--cert", metavar="FILE", help=_("TLS certificate (PEM)"))
    sub.add_argument("--key", metavar="FILE", help=_("its key (PEM)"))
    sub.add_argument("--self-signed", action="store_true", help=_("make a certificate and use it"))
    sub.add_argument(
        "--proxy",
        metavar="ADDRESS|NET",
        action="append",
        default=[],
        help=_("a proxy that adds TLS and says who calls, such as 127.0.0.1; may be repeated"),
    )
    sub.add_argument("--url", metavar="URL", help=_("how gates reach the server"))
    sub.add_argument(
        "--pages",
        choices=["on", "off"],
        help=_("pages in a browser; where nobody says: only by https or on this machine"),
    )
    sub.add_argument(
        "--callback-to",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help=_("a host that callbacks may be at though it is not on the internet; may be repeated"),
    )


def _add_event(sub: argparse.ArgumentParser) -> None:
    """Which event it is about, and what of it is stated."""
    sub.add_argument("--event", metavar="ID", help=_("event to enrol gates into"))
    sub.add_argument(
        "--also",
        metavar="ID",
        action="append",
        default=[],
        help=_("with --new-token: another event that the same link enrols for; may be repeated"),
    )
    sub.add_argument(
        "--time-zone", metavar="ZONE", help=_("time zone of an event that is made: Europe/Berlin")
    )
    sub.add_argument(
        "--rights",
        metavar="LIST",
        help=_("what a new token may do: counts,names,tickets,administer (default: counts)"),
    )
    sub.add_argument(
        "--kinds",
        metavar="LIST",
        help=_("what a new webhook is told: admission,conflict,void… (default: all)"),
    )
    sub.add_argument(
        "--for-days", type=days, default=90, metavar="N", help=_("how long a new token is good")
    )


def _add_chores(sub: argparse.ArgumentParser) -> None:
    """What is done instead of serving; ``--restored`` goes with serving."""
    only = sub.add_mutually_exclusive_group()
    only.add_argument("--restored", action="store_true", help=_("after restoring a backup"))
    only.add_argument(
        "--new-token", metavar="NAME", help=_("only make a link for one gate to enrol with")
    )
    sub.add_argument("--png", metavar="FILE", help=_("write that link's code as a picture, too"))
    only.add_argument(
        "--web-link", metavar="NAME", help=_("only make a link that opens the pages in a browser")
    )
    only.add_argument("--web-links", action="store_true", help=_("only list who may see the pages"))
    only.add_argument(
        "--web-end", metavar="ID", help=_("only end a link, browser or session of the pages")
    )
    sub.add_argument(
        "--web-kind",
        choices=["browser", "organiser", "counts"],
        help=_("what that link opens: operators sign in, the organiser, counts only"),
    )
    sub.add_argument(
        "--web-hours", type=hours, default=0, metavar="N", help=_("how long that link is good")
    )
    only.add_argument(
        "--take-over",
        metavar="DIR",
        help=_("only make an event of a venue without a server, from its host's data folder"),
    )
    only.add_argument("--links", action="store_true", help=_("only list the links not used yet"))
    only.add_argument(
        "--withdraw", metavar="ID|NAME", help=_("only make an unused link good for nothing")
    )
    only.add_argument("--devices", action="store_true", help=_("only list the event's devices"))
    only.add_argument("--retire", metavar="ID", help=_("only say that a device is not at work"))
    only.add_argument("--unretire", metavar="ID", help=_("only say that it is at work again"))
    only.add_argument("--revoke", metavar="ID", help=_("only shut out a lost or stolen device"))
    only.add_argument(
        "--organisers", action="store_true", help=_("only list the organiser's tokens")
    )
    only.add_argument(
        "--new-organiser", metavar="NAME", help=_("only make a token of the organiser's")
    )
    only.add_argument(
        "--roll-organiser", metavar="ID", help=_("only make a token in the place of another")
    )
    only.add_argument("--end-organiser", metavar="ID", help=_("only make a token good for nothing"))
    only.add_argument(
        "--webhooks", action="store_true", help=_("only list who is told what happens")
    )
    only.add_argument(
        "--new-webhook", metavar="URL", help=_("only have what happens told to that address")
    )
    only.add_argument("--end-webhook", metavar="ID", help=_("only end a webhook"))
    only.add_argument(
        "--ping-webhook", metavar="ID", help=_("only try whether anything arrives there")
    )
    only.add_argument("--audit", metavar="FILE", help=_("only check and write out who did what"))
    only.add_argument(
        "--export-person", metavar="WHO", help=_("only tell all that is held of one person")
    )
    only.add_argument(
        "--erase-person", metavar="WHO", help=_("only erase one person, by ticket, code, order")
    )
    only.add_argument(
        "--disown", metavar="ID", help=_("only end the effect of what a revoked device did")
    )


def run(options: argparse.Namespace) -> int:
    """Serve until stopped, or do the one thing that was asked for."""
    from sync.cardapi.part import card_part
    from sync.server import serve
    from sync.server.wanted import Wanted
    from sync.server.webhooks.delivery import hosts
    from sync.upstream.part import upstream_part
    from sync.upstream.pretix.pretix import KIND as PRETIX
    from sync.upstream.pretix.pretix import Pretix
    from sync.upstream.wechat.accounts import KIND as WECHAT
    from sync.upstream.wechat.wechat import WeChat

    state, device = _device_state(options)
    wechat = WeChat()
    return serve.run(
        Wanted(
            database=options.database or "",
            listen=options.listen or "",
            folder=path_of(options.server_dir),
            cert=path_of(options.cert),
            key=path_of(options.key),
            self_signed=options.self_signed,
            proxies=tuple(options.proxy),
            url=options.url or "",
            parts=(
                card_part(upstream=wechat),
                wechat.part,
                upstream_part(lambda: {PRETIX: Pretix(), WECHAT: wechat}),
            ),
            callback_to=hosts(options.callback_to),
            event=options.event or "",
            also=tuple(options.also),
            time_zone=_stated_zone(options),
            restored=options.restored,
            take_over=_host(path_of(options.take_over)),
            new_token=options.new_token or "",
            png=path_of(options.png),
            pages=options.pages or "",
            web_link=options.web_link or "",
            web_kind=options.web_kind or "",
            web_hours=options.web_hours,
            web_links=options.web_links,
            web_end=options.web_end or "",
            links=options.links,
            withdraw=options.withdraw or "",
            devices=options.devices,
            device=device,
            state=state,
            chore=_chore(options),
            disown=options.disown or "",
            disown_from=options.disown_from,
            is_sure=options.yes,
        )
    )


def _chore(options: argparse.Namespace) -> "Chore":
    from sync.server.wanted import Chore

    return Chore(
        tokens=options.organisers,
        new_organiser=options.new_organiser or "",
        rights=options.rights or "",
        for_days=options.for_days,
        roll=options.roll_organiser or "",
        end=options.end_organiser or "",
        webhooks=options.webhooks,
        new_webhook=options.new_webhook or "",
        kinds=options.kinds or "",
        end_webhook=options.end_webhook or "",
        ping_webhook=options.ping_webhook or "",
        audit=options.audit or "",
        export_person=options.export_person or "",
        erase_person=options.erase_person or "",
    )


def _device_state(options: argparse.Namespace) -> tuple[str, str]:
    """The state that a device is to be in, and its id; both empty if none is named."""
    for flag, state in DEVICE_STATES.items():
        device = getattr(options, flag, None)
        if device:
            return state, device
    return "", ""


def _stated_zone(options: argparse.Namespace) -> str:
    """The zone that somebody has said for a new event; a server's own is nobody's venue."""
    from gate.config import AUTO

    stated = config_of(options).time_zone
    return "" if stated == AUTO else stated


def _host(path: Path | None) -> "Host | None":
    """A venue's host by its data folder."""
    from gate.storage import venue_host
    from gate.storage.folder import Folder
    from sync.server.takeover import Host

    if path is None:
        return None
    kept = venue_host.load(Folder(path))
    return Host(Folder(path), kept.name, venue_host.authority(kept), kept.keys)
