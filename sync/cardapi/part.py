"""The card API as a part of the server: all that the server has to know of it."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from gate.i18n import _
from sync.cardapi import accounts, persons, redemption_consumer
from sync.cardapi.elsewhere import Upstream
from sync.cardapi.routes import CardApi
from sync.cardapi.settings import CardSettings
from sync.server import audit
from sync.server.migrations import written_in
from sync.server.part import Part


def card_part(settings: CardSettings | None = None, upstream: Upstream | None = None) -> Part:
    """The card API, to be mounted on a server; ``upstream`` answers for what lives at WeChat."""
    return Part(
        name="cards",
        migrations=written_in(Path(__file__).parent / "migrations"),
        prepare=_prepare,
        look_again=redemption_consumer.look_again,
        personal=persons.PERSONAL,
        mount=partial(CardApi, settings=settings or CardSettings(), upstream=upstream),
    )


def _prepare(connection: Connection, event: str, now_ms: int) -> Sequence[str]:
    """A first account, where there is none and somebody reads its secret."""
    if accounts.every(connection):
        return ()
    # A secret that nobody could read would open a door for nobody.
    if not sys.stdout.isatty():
        return (_("The card API has no account yet: gate cards account --event ID"),)
    account, secret = accounts.create(connection, event, now_ms)
    act = "account made"
    audit.note(connection, audit.CONSOLE, act, now_ms, event=event, about=account.appid)
    return (accounts.words(account, secret),)
