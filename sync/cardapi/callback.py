"""The account's callback: verified when it is set, and told of events, plain or encrypted."""

import asyncio
import logging
import secrets
import time
from xml.sax.saxutils import escape

import httpx

from sync.cardapi.accounts import Account, Mode
from sync.cardapi.crypto import encrypt, signature
from sync.cardapi.webhook_delivery import NotAllowed, WebhookDelivery
from sync.cardapi.webhook_outbox import Body, as_xml

log = logging.getLogger(__name__)
TIMEOUT_S = 5.0
"""From the first byte that we send to the last that matters of the answer."""
_ANSWER_BYTES = 1024
_HEARD = ("", "success")
_UNHEARD = (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError)


def client(transport: WebhookDelivery) -> httpx.AsyncClient:
    """What callbacks are reached with: no proxies, no redirects, no longer than WeChat waits."""
    return httpx.AsyncClient(
        transport=transport, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False
    )


async def answers(http: httpx.AsyncClient, url: str, token: str) -> bool:
    """Whether a callback passes the handshake: it gives ``echostr`` back, and nothing else.

    Raises NotAllowed where the server does not call it.
    """
    echo = secrets.token_hex(16)
    stated = _signed(token) | {"echostr": echo}
    try:
        return (await _ask(http, "GET", url, stated)).strip() == echo
    except NotAllowed:
        raise
    except _UNHEARD:
        return False


async def deliver(http: httpx.AsyncClient, account: Account, body: Body) -> bool:
    """Deliver one event to a callback; whether it answered that it has it."""
    parameters, content = push_of(account, body)
    try:
        answer = await _ask(http, "POST", account.callback, parameters, content)
    except NotAllowed as error:
        log.warning("callback of %s is not called: %s", account.appid, error)
        return False
    except _UNHEARD:
        return False
    return answer.strip().strip('"') in _HEARD


def push_of(account: Account, body: Body) -> tuple[dict[str, str], bytes]:
    """A push as parameters and content, by the account's mode."""
    parameters, xml = _signed(account.callback_token), as_xml(account, body)
    if account.mode is Mode.PLAIN:
        return parameters, xml.encode()
    sealed = encrypt(account.aes_key, account.appid, xml)
    stamp, nonce = parameters["timestamp"], parameters["nonce"]
    parameters |= {
        "encrypt_type": "aes",
        "msg_signature": signature(account.callback_token, stamp, nonce, sealed),
    }
    element = f"<Encrypt><![CDATA[{sealed}]]></Encrypt>"
    if account.mode is Mode.COMPATIBLE:
        return parameters, (xml.removesuffix("</xml>") + element + "</xml>").encode()
    to = f"<ToUserName>{escape(account.original_id)}</ToUserName>"
    return parameters, f"<xml>{to}{element}</xml>".encode()


def _signed(token: str) -> dict[str, str]:
    stamp, nonce = str(int(time.time())), secrets.token_hex(8)
    return {"signature": signature(token, stamp, nonce), "timestamp": stamp, "nonce": nonce}


async def _ask(
    http: httpx.AsyncClient, method: str, url: str, parameters: dict[str, str], body: bytes = b""
) -> str:
    """What it answers in time, as far as it matters. Raises one of ``_UNHEARD``."""
    where = httpx.URL(url).copy_merge_params(parameters)
    headers = {"Content-Type": "text/xml; charset=utf-8"} if body else {}
    # The client's own bound is on each piece, and a piece may be a byte.
    async with (
        asyncio.timeout(TIMEOUT_S),
        http.stream(method, where, content=body, headers=headers) as response,
    ):
        if response.status_code != httpx.codes.OK:
            answered = str(response.status_code)
            raise httpx.HTTPStatusError(answered, request=response.request, response=response)
        received = b""
        async for part in response.aiter_bytes(_ANSWER_BYTES):
            received += part
            if len(received) >= _ANSWER_BYTES:
                break
        return received.decode("utf-8", "replace")
