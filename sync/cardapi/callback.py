"""The account's callback: verified when it is set, and told of events, plain or encrypted."""

import logging
import secrets
import time
from xml.sax.saxutils import escape

import httpx

from sync.cardapi.accounts import Account, Mode
from sync.cardapi.webhook_outbox import Body, as_xml
from sync.push_crypto import encrypt, signature
from sync.server.webhooks.delivery import UNHEARD, NotAllowed, ask

log = logging.getLogger(__name__)
_HEARD = ("", "success")


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
    except UNHEARD:
        return False


async def deliver(http: httpx.AsyncClient, account: Account, body: Body) -> bool:
    """Deliver one event to a callback; whether it answered that it has it."""
    parameters, content = push_of(account, body)
    try:
        answer = await _ask(http, "POST", account.callback, parameters, content)
    except NotAllowed as error:
        log.warning("callback of %s is not called: %s", account.appid, error)
        return False
    except UNHEARD:
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
    """What it answers in time, as far as it matters. Raises one of UNHEARD."""
    where = httpx.URL(url).copy_merge_params(parameters)
    headers = {"Content-Type": "text/xml; charset=utf-8"} if body else {}
    status, answer = await ask(http, method, where, body, headers)
    if status != httpx.codes.OK:
        raise httpx.HTTPError(str(status))
    return answer
