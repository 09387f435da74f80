"""Cards that a mini program adds by a ``cardExt`` that its backend has signed (``wx.addCard``).

Every function works in the transaction it is handed; what can be refused is checked before anything
is written. Of two at once with one nonce, the second may have used up others of its own list.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from sync.cardapi import accounts, api_tickets
from sync.cardapi.accounts import Account
from sync.cardapi.api_tickets import CardExt, read_card_ext
from sync.cardapi.claims import Wish, check, hand_out, read_openid
from sync.cardapi.crypto import seal_code
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.fields import need_object
from sync.cardapi.issued_codes import find_card, need_card

MOST: Final = 5
"""Cards that are added at once."""


class Addition(NamedTuple):
    """One card that is to be added, as the backend has signed it."""

    card_id: str
    ext: CardExt
    stated: Any
    """The ``cardExt`` as it came: it is answered with the code."""


def read(params: Mapping[str, Any]) -> list[Addition]:
    """``cardList`` as a mini program hands it to ``wx.addCard``. Raises Refused."""
    listed = params.get("cardList")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST:
        raise Refused(Errcode.BAD_ARGUMENTS, f"cardList, 1 to {MOST}")
    found = []
    for one in listed:
        stated = need_object("cardList", one, Errcode.BAD_ARGUMENTS)
        card_id = stated.get("cardId")
        if not isinstance(card_id, str) or not card_id:
            raise Refused(Errcode.NO_CARD_ID)
        found.append(Addition(card_id, read_card_ext(stated.get("cardExt")), stated["cardExt"]))
    return found


def account_of(connection: Connection, wanted: list[Addition], now_ms: int) -> Account:
    """Whose cards they are, once their signatures are found good. Raises Refused."""
    card = find_card(connection, wanted[0].card_id)
    account = None if card is None else accounts.find(connection, card.appid)
    if account is None:
        raise Refused(Errcode.BAD_CARD_ID)
    for one in wanted:
        need_card(connection, account, {"card_id": one.card_id})
        if not api_tickets.is_signed(connection, account, one.card_id, one.ext, now_ms):
            raise Refused(Errcode.BAD_CARD_EXT, "signature")
    return account


def add(
    connection: Connection, account: Account, wanted: list[Addition], now_ms: int
) -> dict[str, Any]:
    """Hand all of them out, or none. Raises Refused.

    The person is who the backend has signed for: a phone has nothing else to prove who it is.
    """
    people = {read_openid({"openid": one.ext.openid}) for one in wanted}
    if len(people) > 1:
        raise Refused(Errcode.BAD_OPENID, "of one person")
    if len({one.ext.once for one in wanted}) < len(wanted):
        raise Refused(Errcode.BAD_CARD_EXT, "each has a nonce_str of its own")
    who = people.pop()
    wishes = [
        Wish(
            need_card(connection, account, {"card_id": one.card_id}, locks=True),
            1,
            one.ext.code,
            one.ext.outer_str,
        )
        for one in wanted
    ]
    check(connection, wishes, who, now_ms)
    for one in wanted:
        api_tickets.use(connection, account, one.card_id, one.ext, now_ms)
    added = []
    for one, wish in zip(wanted, wishes, strict=True):
        (code,) = hand_out(connection, account, wish, who, now_ms)
        sealed = seal_code(account.key, code)
        added.append(
            {"cardId": one.card_id, "cardExt": one.stated, "code": sealed, "isSuccess": True}
        )
    return {"cardList": added}
