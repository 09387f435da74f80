"""A message is posted, signed as Standard Webhooks has it (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac
import logging
import time
from typing import TYPE_CHECKING, Final

import httpx
import msgspec
from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.i18n import _
from sync.server.webhooks import registered
from sync.server.webhooks.delivery import UNHEARD, NotAllowed, ask
from sync.server.webhooks.outbox import OutboxEvent
from sync.server.webhooks.payloads import Kind, Message, Pinged, posted
from sync.server.webhooks.registered import SECRET_PREFIX, Webhook

if TYPE_CHECKING:
    from sync.server.server import Server

log = logging.getLogger(__name__)
_MINUTE, _HOUR = 60_000, 3_600_000
AGAIN_MS: Final = (
    5_000, 30_000, 2 * _MINUTE, 10 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR,
)  # fmt: skip
"""After these waits it is tried again, for 22 hours in all."""


class _Named(msgspec.Struct):
    """What of a message the headers say."""

    id: str


_named = msgspec.json.Decoder(_Named)


def signature(secret: str, id_: str, timestamp: str, body: bytes) -> str:
    """What the header ``webhook-signature`` says of a body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{id_}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


async def post(http: httpx.AsyncClient, webhook: Webhook, body: bytes) -> str:
    """Post a message to its webhook; why it was not taken, empty when it was."""
    id_, timestamp = _named.decode(body).id, str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(webhook.secret, id_, timestamp, body),
    }
    try:
        status, _answer = await ask(http, "POST", httpx.URL(webhook.url), body, headers)
    except NotAllowed as error:
        reason = _("The server does not call this address: {why}. See --callback-to.")
        return reason.format(why=error)
    except UNHEARD as error:
        return _("no answer: {error}").format(error=type(error).__name__)
    return "" if httpx.codes.is_success(status) else _("answered {status}").format(status=status)


async def ping(http: httpx.AsyncClient, webhook: Webhook) -> str:
    """Try at once whether anything arrives; why it was not taken, empty when it was."""
    now_ms = read_wall_ms()
    message = Message(Kind.PING, f"{webhook.id} {now_ms}", "", Pinged(webhook.id))
    return await post(http, webhook, posted(webhook.event, message, now_ms).encode())


class SignedWebhooks:
    """The organiser's webhooks as a channel of the outbox."""

    again_ms = AGAIN_MS

    def __init__(self, server: "Server") -> None:
        self._server = server

    async def deliver(self, event: OutboxEvent) -> str:
        """Tell one message; why it was not taken, empty when it was."""
        webhook = await self._server.read(registered.find, event.recipient)
        if webhook is None:
            # It was removed meanwhile, and what waited for it too.
            return ""
        why_not = await post(self._server.deliveries.http, webhook, event.body.encode())
        if why_not:
            log.warning("webhook %s: try %d: %s", webhook.id, event.tries, why_not)
        return why_not

    def note(self, connection: Connection, event: OutboxEvent, why_not: str, now_ms: int) -> None:
        """Keep how that went, for the organiser to see."""
        registered.note_try(connection, event.recipient, why_not, now_ms)
