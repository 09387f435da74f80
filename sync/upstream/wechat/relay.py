"""Pushes passed on to the organiser's backend: WeChat has one address for each account, ours.

Each comes as WeChat would send it, signed with the account's token and encrypted with its key, so
that the backend needs no change but its address; in the order in which it came for each ticket.
"""

import logging
import secrets
import time
from typing import Final

import httpx
import msgspec
from sqlalchemy import Connection

from sync.push_crypto import encrypt, signature
from sync.server.server import Server
from sync.server.webhooks.delivery import UNHEARD, ask
from sync.server.webhooks.outbox import OutboxEvent
from sync.upstream.wechat import accounts
from sync.upstream.wechat.accounts import Account
from sync.upstream.wechat.inbox import Passed

log = logging.getLogger(__name__)
_HEARD: Final = ("", "success")


class Relay:
    """Passing pushes on, as a channel of the outbox."""

    again_ms = (1_000, 5_000, 30_000, 120_000, 600_000, 3_600_000, 3_600_000)

    def __init__(self, server: Server) -> None:
        self._server = server

    async def deliver(self, event: OutboxEvent) -> str:
        """Pass one push on; why it was not taken, empty when it was."""
        account = await self._server.read(accounts.find, event.recipient)
        if account is None or not account.relay:
            return ""
        passed = msgspec.json.decode(event.body, type=Passed)
        query, body = push_of(account, passed.xml)
        where = httpx.URL(account.relay).copy_merge_params(query)
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        try:
            status, answer = await ask(self._server.deliveries.http, "POST", where, body, headers)
        except UNHEARD as error:
            log.warning("a push for %s was not passed on: %s", account.appid, type(error).__name__)
            return "no answer"
        is_taken = status == httpx.codes.OK and answer.strip().strip('"') in _HEARD
        return "" if is_taken else f"answered {status}"

    def note(self, connection: Connection, event: OutboxEvent, why_not: str, now_ms: int) -> None:
        """Nothing is kept: the log has it."""


def push_of(account: Account, xml: str) -> tuple[dict[str, str], bytes]:
    """A push as parameters and content, as WeChat would send it now."""
    stamp, nonce = str(int(time.time())), secrets.token_hex(8)
    token = account.push_token
    query = {"signature": signature(token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
    if not account.aes_key:
        return query, xml.encode()
    sealed = encrypt(account.aes_key, account.appid, xml)
    query |= {"encrypt_type": "aes", "msg_signature": signature(token, stamp, nonce, sealed)}
    return query, f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()
