"""Dynamic codes of a card: what its phones show, and the code that one of them stands for.

WeChat's begin with 1636, as no other code may, and are good for five minutes; so are these. What
follows is the code, the time and a value that the gates prove by themselves
(``gate.credential.rotating``).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from gate.core.rotation import Shown
from gate.credential.rotating import prove, read
from gate.storage.ticket_rows import pattern_of
from sync.cardapi.accounts import Account
from sync.cardapi.card import Card
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.fields import DYNAMIC, Field, flag, read_fields
from sync.cardapi.issued_codes import need_issued_code
from sync.cardapi.projection import IssuedCode
from sync.server import rotating, ticket_store

GOOD_MS = 5 * 60_000


def resolved(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Mapping[str, Any]:
    """What a request asks, with the code in the place of a dynamic one that stands for it.

    ``is_expire_dynamic_code`` takes one whose five minutes are over too: of a backlog. Raises
    Refused.
    """
    text = params.get("code")
    if not isinstance(text, str) or not text.startswith(DYNAMIC):
        return params
    asked = read_fields((Field("is_expire_dynamic_code", flag),), params)
    code = text[len(DYNAMIC) : -_TAIL]
    if not code:
        raise Refused(Errcode.BAD_CODE)
    static = {**params, "code": code}
    card, issued = need_issued_code(connection, account, static)
    made_ms = _made_ms(connection, card, issued, text, now_ms)
    if made_ms is None:
        raise Refused(Errcode.BAD_CODE)
    is_over = not made_ms - GOOD_MS <= now_ms <= made_ms + GOOD_MS
    if is_over and not asked.get("is_expire_dynamic_code", False):
        raise Refused(Errcode.BAD_CODE, "the dynamic code has expired")
    return static


def shown_now(
    connection: Connection, card: Card, issued: IssuedCode, now_ms: int
) -> dict[str, Any]:
    """What a phone is to show now, for ``code/get``; nothing of a card without dynamic codes."""
    found = rotating.code_of(connection, card.event, issued.ticket, now_ms)
    if found is None:
        return {}
    return {"dynamic_code": {"code": found.text, "end_time": found.end_ms // 1000}}


_TAIL = 10 + 6
"""Digits of the time and of the value, behind the code."""


def _made_ms(
    connection: Connection, card: Card, issued: IssuedCode, text: str, now_ms: int
) -> int | None:
    """When the ticket's key made a text, Unix milliseconds; ``None``: it did not."""
    ticket = ticket_store.find_ticket(connection, card.event, issued.ticket)
    pattern = pattern_of(ticket.type) if ticket is not None else None
    secrets = rotating.secrets_held(connection, card.event, issued.ticket)
    parts = read(pattern, text) if pattern is not None else None
    if pattern is None or secrets is None or parts is None or parts.code != secrets.code:
        return None
    found = prove(pattern, parts, secrets.keys, now_ms)
    return found.at_ms if found.shown is Shown.MOVING else None
