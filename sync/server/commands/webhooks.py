"""Webhooks at the server's machine: listed, made, tried, ended."""

import asyncio
import sys
from collections.abc import Collection
from functools import partial

from gate.clock import read_wall_ms
from gate.errors import UsageError
from gate.i18n import _
from gate.text.printable import printable
from sync.server.console import Console
from sync.server.http import Denied
from sync.server.wanted import Chore
from sync.server.webhooks import registered, signed
from sync.server.webhooks.delivery import WebhookDelivery, client
from sync.server.webhooks.payloads import CHOSEN, Kind
from sync.server.webhooks.registered import Webhook, WebhookLine


def tend_webhooks(console: Console, chore: Chore, callback_to: Collection[str]) -> int:
    """List an event's webhooks, or make, try or end one; exit code 1 where a try failed."""
    event = console.event()
    if chore.new_webhook:
        _make(console, event, chore, callback_to)
    elif chore.end_webhook:
        job = partial(registered.remove, event=event, id_=chore.end_webhook)
        console.write(job, "webhook ended", lambda gone: gone.id, event=event, hint=_hint())
        line = _("{webhook}: told nothing any more")
        sys.stdout.write(line.format(webhook=chore.end_webhook) + "\n")
    elif chore.ping_webhook:
        return _ping(console, event, chore.ping_webhook, callback_to)
    else:
        for one in console.read(partial(registered.lines, event=event)):
            _print(one)
    return 0


def _make(console: Console, event: str, chore: Chore, callback_to: Collection[str]) -> None:
    try:
        registered.check_url(chore.new_webhook, callback_to)
    except Denied as denied:
        raise UsageError(denied.problem.reason, "") from denied
    make = partial(
        registered.make, event=event, url=chore.new_webhook, kinds=_kinds(chore.kinds),
        now_ms=read_wall_ms(),
    )  # fmt: skip
    made = console.write(make, "webhook made", lambda made: made.text, event=event)
    _print(registered.line_of(made))
    sys.stdout.write(_("Shown this once: {token}").format(token=made.secret) + "\n")


def _ping(console: Console, event: str, id_: str, callback_to: Collection[str]) -> int:
    webhook = console.read(partial(registered.need, event=event, id_=id_), hint=_hint())
    why_not = asyncio.run(_pinged(webhook, callback_to))
    sys.stdout.write((why_not or _("it was taken")) + "\n")
    return 1 if why_not else 0


async def _pinged(webhook: Webhook, callback_to: Collection[str]) -> str:
    async with client(WebhookDelivery(callback_to)) as http:
        return await signed.ping(http, webhook)


def _print(one: WebhookLine) -> None:
    counts = _("{waiting} wait, {failed} given up, {missed} not kept").format(
        waiting=one.waiting, failed=one.failed, missed=one.missed
    )
    words = [one.id, printable(one.url), ",".join(one.kinds), counts, printable(one.error)]
    sys.stdout.write("  ".join(word for word in words if word) + "\n")


def _kinds(stated: str) -> list[Kind]:
    try:
        return [Kind(one.strip()) for one in stated.split(",") if one.strip()]
    except ValueError as error:
        wrong = _("{found}: there is no such kind").format(found=printable(stated))
        raise UsageError(wrong, ",".join(CHOSEN)) from error


def _hint() -> str:
    return _("See them: gate serve --webhooks")
