"""A card: what ``card/create`` states, what ``card/update`` may change, what ``card/get`` shows.

Pure: no clock and no database; whoever calls brings the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from gate.core.ticket import Kind
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.fields import (
    ADVANCED_INFO,
    BASE_INFO,
    BASE_INFO_UPDATE,
    COLORS,
    DEPOSIT,
    DETAILS,
    NODES,
    RANGE,
    Field,
    need_object,
    read_fields,
)

LIMIT_DEFAULT = 50
"""What one person may claim, and use, of a card that does not say."""


class CardStatus(StrEnum):
    """Where a card stands with its review, as the API spells it."""

    NOT_VERIFY = "CARD_STATUS_NOT_VERIFY"
    VERIFY_FAIL = "CARD_STATUS_VERIFY_FAIL"
    VERIFY_OK = "CARD_STATUS_VERIFY_OK"
    DELETE = "CARD_STATUS_DELETE"
    DISPATCH = "CARD_STATUS_DISPATCH"


STATUS_SPELLINGS = {status.value: status for status in CardStatus} | {
    "CARD_STATUS_VERIFY_FALL": CardStatus.VERIFY_FAIL,
    "CARD_STATUS_USER_DELETE": CardStatus.DELETE,
    "CARD_STATUS_USER_DISPATCH": CardStatus.DISPATCH,
}
"""Older pages and libraries spell some differently."""


@dataclass(frozen=True, slots=True)
class Card:
    """A kind of ticket that an account sells."""

    card_id: str
    appid: str
    event: str
    kind: Kind
    status: CardStatus
    base: Mapping[str, Any]
    detail: Mapping[str, Any]
    advanced: Mapping[str, Any]
    quantity: int
    """How many may still be claimed."""
    total: int
    initial: int
    created_s: int
    updated_s: int
    reminded_s: int = 0

    @property
    def is_custom(self) -> bool:
        """Whether its codes are the organiser's own."""
        return bool(self.base.get("use_custom_code"))

    @property
    def is_deposit(self) -> bool:
        """Whether its codes were handed over beforehand."""
        return self.is_custom and self.base.get("get_custom_code_mode") == DEPOSIT

    @property
    def get_limit(self) -> int:
        """How many one person may claim."""
        return int(self.base.get("get_limit", LIMIT_DEFAULT))

    @property
    def use_limit(self) -> int:
        """How many one person may use."""
        return int(self.base.get("use_limit", LIMIT_DEFAULT))

    @property
    def may_be_given(self) -> bool:
        """Whether it may be given to a friend (``can_give_friend``)."""
        return bool(self.base.get("can_give_friend", True))


@dataclass(frozen=True, slots=True)
class Stated:
    """What ``card/create`` says, read."""

    kind: Kind
    base: Mapping[str, Any]
    detail: Mapping[str, Any]
    advanced: Mapping[str, Any]
    quantity: int
    event: str = ""
    """Ours: the event it belongs to, where it is not the account's."""


def read_create(body: Mapping[str, Any], now_s: int) -> Stated:
    """What a card is to be. Raises Refused."""
    if "card" not in body:
        raise Refused(Errcode.NO_FIELD, "card")
    params = need_object("card", body["card"])
    name = params.get("card_type")
    if name in (None, ""):
        raise Refused(Errcode.NO_FIELD, "card_type")
    if not isinstance(name, str) or name not in set(Kind):
        raise Refused(Errcode.BAD_CARD_TYPE, "card_type")
    kind = Kind(name)
    node = params.get(NODES[kind])
    if node is None:
        raise Refused(Errcode.NO_FIELD, NODES[kind])
    own = need_object(NODES[kind], node)
    if own.get("base_info") is None:
        raise Refused(Errcode.NO_FIELD, "base_info")
    base = read_fields(BASE_INFO, need_object("base_info", own["base_info"]))
    quantity = base.pop("sku")["quantity"]
    detail = read_fields(DETAILS[kind], own)
    advanced = read_fields(ADVANCED_INFO, _object_or_none(own, "advanced_info"))
    _check_together(base, quantity)
    if base["date_info"].get("end_timestamp", now_s + 1) <= now_s:
        raise Refused(Errcode.BAD_TIME, "end_timestamp has passed")
    if kind is Kind.BOARDING and detail["landing_time"] <= detail["departure_time"]:
        raise Refused(Errcode.BAD_TIME, "landing_time is not after departure_time")
    event = params.get("event", "")
    return Stated(kind, base, detail, advanced, quantity, event if isinstance(event, str) else "")


def _object_or_none(params: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = params.get(name)
    return {} if value is None else need_object(name, value)


def _check_together(base: Mapping[str, Any], quantity: int) -> None:
    is_deposit = base.get("get_custom_code_mode") == DEPOSIT
    if is_deposit and not base.get("use_custom_code"):
        raise Refused(Errcode.BAD_PARAMETER, "get_custom_code_mode needs use_custom_code")
    if is_deposit != (quantity == 0):
        raise Refused(Errcode.BAD_STOCK, "quantity is 0 for deposited codes, and only then")
    if base.get("use_all_locations") and base.get("location_id_list"):
        raise Refused(Errcode.BAD_LOCATION, "location_id_list or use_all_locations")


def read_update(card: Card, body: Mapping[str, Any], now_s: int) -> tuple[Card, bool]:
    """The card as ``card/update`` wants it, and whether that goes to review. Raises Refused.

    What may not change may be said again as it is. ``date_info`` may only be widened.
    """
    node = body.get(NODES[card.kind])
    if node is None:
        others = set(NODES.values()) & set(body)
        raise Refused(
            Errcode.BAD_CARD_TYPE if others else Errcode.NO_FIELD, f"{NODES[card.kind]} is missing"
        )
    own = need_object(NODES[card.kind], node)
    base = read_fields(BASE_INFO_UPDATE, _object_or_none(own, "base_info"), partly=True)
    sku = base.pop("sku", None)
    if sku is not None and sku["quantity"] not in (card.quantity, card.total):
        raise Refused(Errcode.BAD_PARAMETER, "sku is changed by card/modifystock")
    detail = read_fields(DETAILS[card.kind], own, partly=True)
    advanced = read_fields(ADVANCED_INFO, _object_or_none(own, "advanced_info"))
    to_review = _changed(BASE_INFO_UPDATE, card.base, base)
    to_review |= _changed(DETAILS[card.kind], card.detail, detail)
    if "date_info" in base:
        _check_wider(card.base["date_info"], base["date_info"])
    # Whichever of the two is said takes the place of the other.
    if base.get("location_id_list"):
        base.setdefault("use_all_locations", False)
    if base.get("use_all_locations"):
        base.setdefault("location_id_list", [])
    changed = replace(
        card,
        base={**card.base, **base},
        detail={**card.detail, **detail},
        advanced={**card.advanced, **advanced},
        updated_s=now_s,
    )
    _check_together(changed.base, 0 if changed.is_deposit else 1)
    times = changed.detail
    if card.kind is Kind.BOARDING and times["landing_time"] <= times["departure_time"]:
        raise Refused(Errcode.BAD_TIME, "landing_time is not after departure_time")
    return changed, to_review


def _changed(
    fields: tuple[Field, ...], before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    """Whether any change goes to review. Raises Refused for one that is not allowed."""
    by_name = {field.name: field for field in fields}
    changed = [by_name[name] for name, value in after.items() if before.get(name) != value]
    for field in changed:
        # Stating a default is no change.
        if field.is_fixed and (field.name in before or after[field.name] not in (False, "")):
            raise Refused(Errcode.BAD_PARAMETER, f"{field.name} cannot be changed")
    return any(field.to_review for field in changed)


def _check_wider(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    if before == after:
        return
    if not (
        before["type"] == after["type"] == RANGE
        and after["begin_timestamp"] <= before["begin_timestamp"]
        and before["end_timestamp"] <= after["end_timestamp"]
    ):
        raise Refused(Errcode.ONLY_WIDER, "date_info")


def shown(card: Card) -> dict[str, Any]:
    """The card as ``card/get`` shows it: colour as hex, date type as text."""
    base = {
        "id": card.card_id,
        "status": card.status.value,
        "create_time": card.created_s,
        "update_time": card.updated_s,
        **_DEFAULTS,
        **card.base,
        "color": COLORS[card.base["color"]],
        "sku": {"quantity": card.quantity, "total_quantity": card.total},
    }
    own = {"base_info": base, "advanced_info": dict(card.advanced), **card.detail}
    return {"card_type": card.kind.value, NODES[card.kind]: own}


_DEFAULTS = {
    "use_custom_code": False,
    "bind_openid": False,
    "can_share": True,
    "can_give_friend": True,
    "get_limit": LIMIT_DEFAULT,
    "use_limit": LIMIT_DEFAULT,
    "location_id_list": [],
    "use_all_locations": False,
}
