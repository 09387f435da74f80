"""Calls of the API about what there is none of here, and the code that each is refused with.

Client libraries make them for other kinds of cards, or for rights that WeChat grants an account.
What is asked of a card that is not of such a kind is 45030, what an account has no right to 48001,
as the API's own documentation has them; a call that nobody documents is 40066.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from sync.cardapi.accounts import Account
from sync.cardapi.counts import check_range
from sync.cardapi.errcodes import Errcode, Refused

REFUSED: Final = {
    # Member and general cards, red packets in both spellings that are in use.
    "/card/membercard/{rest:path}": Errcode.NOT_THIS_CARD,
    "/card/generalcard/{rest:path}": Errcode.NOT_THIS_CARD,
    "/card/luckymoney/{rest:path}": Errcode.NOT_THIS_CARD,
    "/card/luckymonkey/{rest:path}": Errcode.NOT_THIS_CARD,
    # Cards of friends, paying by a card, guests who redeem for themselves.
    "/card/code/mark": Errcode.NOT_THIS_CARD,
    "/card/paycell/set": Errcode.NOT_THIS_CARD,
    "/card/selfconsumecell/set": Errcode.NOT_THIS_CARD,
    # Shops, once as places and now as points of interest.
    "/card/location/{rest:path}": Errcode.NOT_AUTHORISED,
    "/cgi-bin/poi/{rest:path}": Errcode.NOT_AUTHORISED,
    # Cards that one issues for others.
    "/card/consumer/{rest:path}": Errcode.NOT_AUTHORISED,
    "/card/getapplyprotocol": Errcode.NOT_AUTHORISED,
    "/card/submerchant/{rest:path}": Errcode.NOT_AUTHORISED,
    # Gifts for payments, gift cards, invoices.
    "/card/paygiftcard/{rest:path}": Errcode.NOT_AUTHORISED,
    "/card/giftcard/{rest:path}": Errcode.NOT_AUTHORISED,
    "/card/invoice/{rest:path}": Errcode.NOT_AUTHORISED,
}
"""By path, one or a whole family."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Refuses a call, once it is known whose it is, whatever it states."""

    code: Errcode

    def __call__(
        self, _connection: Connection, _account: Account, _params: Mapping[str, Any], _now_ms: int
    ) -> Mapping[str, Any]:
        """Raises Refused."""
        raise Refused(self.code)


def no_figures(
    _connection: Connection, _account: Account, params: Mapping[str, Any], now_ms: int
) -> Mapping[str, Any]:
    """``datacube/getcardcardinfo`` and its like, which count no tickets. Raises Refused."""
    check_range(params, now_ms)
    return {"list": []}
