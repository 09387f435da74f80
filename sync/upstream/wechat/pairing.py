"""Pairing: cards of an account at WeChat become an event."""

import re
import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.errors import UsageError
from gate.i18n import _
from sync.push_crypto import is_aes_key
from sync.server import events
from sync.server.console import Console, event_ids
from sync.server.database import in_transaction
from sync.upstream import links
from sync.upstream.links import Link
from sync.upstream.wechat import accounts, inbox
from sync.upstream.wechat.accounts import KIND, WECHAT, Account
from sync.upstream.wechat.client import WeChatClient
from sync.upstream.wechat.mapping import TIME_ZONE, type_row
from sync.upstream.wechat.pull import Cards, Target, all_cards, cards_of, target_of

T = TypeVar("T")
Adopt = Callable[[Connection, str, str, str, int], Any]
"""Makes the account known to the card API: appid, secret, event and the time in ms."""
_APPID: Final = re.compile(r"wx[0-9a-f]{16}")
_KEY_SIGNS: Final = string.ascii_letters + string.digits
_PUSH_TOKEN: Final = re.compile(r"[A-Za-z0-9]{3,32}")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is known of an account to nobody else; empty: WeChat is to be told a new one."""

    secret: str
    push_token: str = ""
    aes_key: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be paired."""

    event: str
    appid: str
    secrets: Secrets
    url: str = WECHAT
    cards: Sequence[str] = ()
    """Empty: all that are no other event's."""
    relay: str = ""
    grace_s: int = 120


@dataclass(frozen=True, slots=True)
class Paired:
    """What came of it."""

    link: Link
    account: Account
    titles: Sequence[str]
    is_new: bool
    """Whether WeChat has to be told where to push, and with what."""


class AtConsole:
    """The database of a console, asked as a server is."""

    def __init__(self, console: Console) -> None:
        self._engine = console.engine

    async def read(self, job: Callable[..., T], *arguments: Any) -> T:
        """Have something read."""
        return in_transaction(self._engine, lambda connection: job(connection, *arguments))

    async def write(self, job: Callable[[Connection], T]) -> T:
        """Have something written."""
        return in_transaction(self._engine, job)


def read_secrets(text: str) -> Secrets:
    """AppSecret, and perhaps Token and EncodingAESKey, each in a line. Raises UsageError."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or len(lines) > 3:
        raise UsageError(
            _("there is no AppSecret in it"),
            _("Lines: AppSecret; and where WeChat has them already, Token and EncodingAESKey."),
        )
    secret, push_token, aes_key = (*lines, "", "")[:3]
    if push_token and _PUSH_TOKEN.fullmatch(push_token) is None:
        raise UsageError(_("a Token has 3 to 32 letters and digits"))
    if aes_key and not is_aes_key(aes_key):
        raise UsageError(_("an EncodingAESKey has 43 letters and digits"))
    return Secrets(secret, push_token, aes_key)


async def pair(client: WeChatClient, console: Console, wanted: Wanted, adopt: Adopt) -> Paired:
    """Link cards of an account to an event. Raises UsageError, UpstreamError.

    What was typed is kept only if WeChat takes it.
    """
    if _APPID.fullmatch(wanted.appid) is None:
        raise UsageError(_("{appid} is no appid").format(appid=wanted.appid[:32]), "wx…")
    before = console.read(lambda connection: accounts.find(connection, wanted.appid))
    account = _account(wanted, before)
    console.read(lambda connection: accounts.put(connection, account))
    try:
        cards = await _cards(client, wanted)
        link = _keep(console, wanted, cards, adopt)
    except BaseException:
        console.read(lambda connection: _put_back(connection, wanted.appid, before))
        raise
    titles = [str(type_row(id_, card)["title"]) for id_, card in sorted(cards.items())]
    return Paired(link, account, titles, before is None)


def unpair(console: Console, event: str) -> Link:
    """End a link; the event stays as it is. Raises UsageError where there is none."""

    def end(connection: Connection) -> Link:
        gone = links.remove(connection, event)
        accounts.forget_event(connection, event)
        if not inbox.of_account_links(connection, gone.account):
            inbox.forget_account(connection, gone.account)
            accounts.remove(connection, gone.account)
        return gone

    return console.write(end, "upstream ended", event, event=event)


def catch_up(
    console: Console, event: str, openids: Sequence[str], codes: Sequence[tuple[str, str]]
) -> int:
    """Have persons and codes read, each code with its card; how many. Raises UsageError."""

    def ask(connection: Connection) -> int:
        link = links.need(connection, event)
        if link.kind != KIND:
            raise UsageError(_("{event} does not live at WeChat").format(event=event))
        accounts.ask_for(connection, event, "openid", [(one, "") for one in openids])
        accounts.ask_for(connection, event, "code", list(codes))
        links.wake(connection, event)
        return len(set(openids)) + len(set(codes))

    return console.write(ask, "upstream read", event, event=event)


def _account(wanted: Wanted, before: Account | None) -> Account:
    """The account as it is to be; what it had before it keeps, where nothing else is stated."""
    had = before or Account(
        wanted.appid,
        push_token=secrets.token_hex(16),
        aes_key="".join(secrets.choice(_KEY_SIGNS) for _n in range(42)) + "A",
    )
    given = wanted.secrets
    is_plain = bool(given.push_token) and not given.aes_key
    return replace(
        had,
        url=wanted.url.rstrip("/"),
        secret=given.secret,
        push_token=given.push_token or had.push_token,
        aes_key="" if is_plain else given.aes_key or had.aes_key,
        relay=wanted.relay or had.relay,
        token="",
        token_ends_ms=0,
    )


async def _cards(client: WeChatClient, wanted: Wanted) -> Cards:
    ids = list(wanted.cards) or await all_cards(client, wanted.appid)
    found = await cards_of(client, wanted.appid, ids)
    if missing := [one for one in wanted.cards if one not in found]:
        message = _("WeChat has no ticket card {cards} in this account")
        raise UsageError(message.format(cards=", ".join(missing)))
    return found


def _keep(console: Console, wanted: Wanted, cards: Cards, adopt: Adopt) -> Link:
    target = Target(sorted(wanted.cards), wanted.grace_s)
    link = Link(
        wanted.event, KIND, wanted.url.rstrip("/"), wanted.appid,
        target=msgspec.to_builtins(target),
    )  # fmt: skip

    def keep(connection: Connection) -> Link:
        if wanted.event not in event_ids(connection):
            now_ms = read_wall_ms()
            events.create_event(connection, wanted.event, _title(cards), TIME_ZONE, now_ms)
        _check_others(connection, link)
        before = links.find(connection, wanted.event)
        if before is None:
            links.make(connection, link)
        elif (before.kind, before.account) == (link.kind, link.account):
            # Another secret, or other cards: what was read and told goes on.
            links.start_again(connection, wanted.event, url=link.url, target=link.target)
        else:
            raise UsageError(
                _("the event {event} lives in {url} already").format(
                    event=wanted.event, url=before.url
                ),
                _("End that first: gate wechat unpair EVENT"),
            )
        adopt(connection, wanted.appid, wanted.secrets.secret, wanted.event, read_wall_ms())
        return link

    return console.write(keep, "upstream paired", wanted.appid, event=wanted.event)


def _check_others(connection: Connection, link: Link) -> None:
    """A card is one event's. Raises UsageError."""
    mine = set(target_of(link).cards)
    for other in inbox.of_account_links(connection, link.account):
        theirs = set(target_of(other).cards)
        if other.event != link.event and (mine & theirs or not (mine or theirs)):
            message = _("these cards are those of the event {event} already")
            raise UsageError(message.format(event=other.event), _("Name other cards: --card ID"))


def _title(cards: Cards) -> str:
    return next((str(type_row(id_, card)["title"]) for id_, card in sorted(cards.items())), "")


def _put_back(connection: Connection, appid: str, before: Account | None) -> None:
    if before is None:
        accounts.remove(connection, appid)
    else:
        accounts.put(connection, before)
