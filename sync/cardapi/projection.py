"""What a gate must know of a card and of a code in somebody's hands, and how a code stands.

The only place where the card API's fields become the gate's (``docs/card-api.md`` has the table).
Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gate.core.ticket import Kind, Status, TicketType, WeeklyHours
from gate.core.validity import Window, type_window
from sync.cardapi.card import Card
from sync.cardapi.fields import DAYS, DYNAMIC, RANGE

TIME_ZONE = "Asia/Shanghai"
"""UTC+8, in which the API counts days, whatever the event's own zone is."""
DAY_S, EAST_8_S = 86_400, 8 * 3600
FOREVER = 2_147_483_647
DYNAMIC_CODE = f"{DYNAMIC}{{code}}{{totp_timestamp_seconds}}{{totp_value_0}}"
"""How the codes of a card with ``use_dynamic_code`` are put together."""
CANCELLED = "cancelled_qrcode_data"
"""Ours, among what was said of a boarding pass: what its phone showed before ``is_cancel``.

It finds the ticket until the next check-in, so that a gate says that it is not checked in.
"""


def day_of(at_s: int) -> int:
    """The day since 1970 at UTC+8, in which the API counts."""
    return (at_s + EAST_8_S) // DAY_S


class State(StrEnum):
    """What has become of a code, apart from having been used."""

    DEPOSITED = "deposited"
    """Handed over by the organiser, in nobody's hands yet."""
    HELD = "held"
    GIFTING = "gifting"
    GIFT_TIMEOUT = "gift_timeout"
    DELETED = "deleted"
    UNAVAILABLE = "unavailable"
    GIVEN = "given"
    """Given on: the friend has the ticket by another code."""
    REPLACED = "replaced"
    """The ticket goes by another code now."""
    ERASED = "erased"
    """Whose it was is not known any more, and no code opens a gate with it."""


OPEN = frozenset({State.HELD, State.GIFT_TIMEOUT})
"""In which a code can be used."""
MOVED = (State.GIVEN, State.REPLACED)
"""In which the ticket has gone on to another code."""
DEAD = (*MOVED, State.ERASED)
"""In which a code is nobody's any more."""


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code of a card, in somebody's hands or waiting for them."""

    card_id: str
    code: str
    ticket: str
    """The gate's ticket, which stays the same when the code changes."""
    state: State = State.HELD
    openid: str = ""
    outer_str: str = ""
    issued_s: int = 0
    claimed_s: int = 0
    gifted_s: int = 0
    redeemed_s: int = 0
    note: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What the interfaces of its kind have stated of it."""

    @property
    def barcodes(self) -> list[str]:
        """What the phone shows instead of the code, or showed until check-in was cancelled."""
        shown = self.attributes.get("qrcode_data")
        return [shown] if shown else list(self.attributes.get(CANCELLED, ()))

    @property
    def seats(self) -> list[str]:
        """Where it sits: a boarding pass has one seat at most, others may have several."""
        return self.attributes.get("seat_number") or (
            [self.attributes["seat"]] if self.attributes.get("seat") else []
        )


def type_row(card: Card) -> dict[str, Any]:
    """The card as a ticket type, stated as a row of ``gate.storage.ticket_rows``."""
    base, detail = card.base, card.detail
    row: dict[str, Any] = {
        "id": card.card_id,
        "kind": card.kind.value,
        "title": base["title"],
        "time_zone": TIME_ZONE,
        "locations": [str(id_) for id_ in base.get("location_id_list", [])],
        "weekly": _weekly(card.advanced.get("time_limit", ())),
        **_dates(base["date_info"]),
    }
    if base.get("use_dynamic_code"):
        row["rotating"] = DYNAMIC_CODE
    if card.kind is Kind.SCENIC:
        row["ticket_class"] = detail["ticket_class"]
    if card.kind is Kind.BOARDING:
        row |= {"origin": detail["from"], "destination": detail["to"]}
        for name in ("flight", "departure_time", "landing_time", "gate", "boarding_time",
                     "air_model"):  # fmt: skip
            if name in detail:
                row[name] = detail[name]
    return row


def _dates(info: Mapping[str, Any]) -> dict[str, Any]:
    if info["type"] == RANGE:
        return {"begin": info["begin_timestamp"], "end": info["end_timestamp"]}
    # 0 days is the day of the claim itself, as the older pages say.
    dates = {"term_days": max(1, info["fixed_term"])}
    if "end_timestamp" in info:
        dates["end"] = info["end_timestamp"]
    return {**dates, "term_starts_after_days": info.get("fixed_begin_term", 0)}


def _weekly(limits: Sequence[Mapping[str, Any]]) -> tuple[WeeklyHours, ...]:
    hours = []
    for one in limits:
        if one["type"] not in DAYS:
            continue  # Holidays are in no calendar of ours.
        begin = one.get("begin_hour", 0) * 60 + one.get("begin_minute", 0)
        end = one.get("end_hour", 24) * 60 + one.get("end_minute", 0)
        begin, end = (min(minute, 1439) for minute in (begin, end))
        if begin == end == 0:
            # Libraries that state every field they know say 0 for what their caller did not.
            end = 1439
        hours.append(WeeklyHours(DAYS.index(one["type"]) + 1, begin, end))
    return tuple(hours)


_STATUS = {
    State.DEPOSITED: Status.UNCLAIMED,
    State.HELD: Status.NORMAL,
    State.GIFTING: Status.GIFTING,
    State.GIFT_TIMEOUT: Status.NORMAL,
    State.DELETED: Status.DELETED,
    State.UNAVAILABLE: Status.REVOKED,
}


def ticket_row(
    issued: IssuedCode, *, is_limited: bool = False, old_codes: Sequence[str] = ()
) -> dict[str, Any]:
    """The code as a ticket, stated whole as a row of ``gate.storage.ticket_rows``.

    ``is_limited`` when its holder has used as many as one person may; ``old_codes`` are those that
    died when the ticket was given on.
    """
    status = _STATUS[issued.state]
    if is_limited and status is Status.NORMAL and not issued.redeemed_s:
        status = Status.LIMITED
    attributes = issued.attributes
    row: dict[str, Any] = {
        "id": issued.ticket,
        "code": issued.code,
        "type": issued.card_id,
        "status": status.value,
        "status_note": issued.note,
        "issued_at": issued.issued_s or None,
        "claimed_at": issued.claimed_s or None,
        "gifted_at": issued.gifted_s or None,
        "old_codes": list(old_codes),
        "other_codes": [] if attributes.get("qrcode_data") else issued.barcodes,
        "seats": issued.seats,
    }
    for ours, theirs in _FIELDS.items():
        # Empty text and the time 0 are how clients say that there is none.
        if attributes.get(theirs):
            row[ours] = attributes[theirs]
    return row


_FIELDS = {
    "begin_time": "begin_time",
    "end_time": "end_time",
    "zone": "zone",
    "entrance": "entrance",
    "ticket_class": "ticket_class",
    "show_time": "show_time",
    "duration": "duration",
    "screening_room": "screening_room",
    "travel_class": "class",
    "checked_in": "checked_in",
    "gate": "gate",
    "boarding_time": "boarding_time",
    "holder": "passenger_name",
    "qrcode_data": "qrcode_data",
}
"""The gate's field for each of the card API's that is about one ticket."""


def window(card: Card, claimed_s: int) -> tuple[int, int]:
    """First and last second in which a claimed code is good, by ``date_info``."""
    begin, end = _window(card, claimed_s)
    return (0 if begin is None else begin, FOREVER if end is None else end)


def is_over(card: Card, now_s: int) -> bool:
    """Whether a ticket that is claimed now would be good at no time from now on."""
    begin, _end = window(card, now_s)
    return last_second(card, now_s) < max(begin, now_s)


def last_second(card: Card, claimed_s: int) -> int:
    """Last second in which a claimed code is good, by its card; a flight is over when it leaves."""
    _begin, end = window(card, claimed_s)
    return min(end, card.detail["departure_time"]) if card.kind is Kind.BOARDING else end


def _window(card: Card, claimed_s: int) -> Window:
    dates = _dates(card.base["date_info"])
    kind = TicketType(card.card_id, card.kind, time_zone=TIME_ZONE, **dates)
    return type_window(kind, claimed_s)


class UserCardStatus(StrEnum):
    """How a code stands, as ``code/get`` spells it."""

    NORMAL = "NORMAL"
    CONSUMED = "CONSUMED"
    EXPIRE = "EXPIRE"
    GIFTING = "GIFTING"
    GIFT_TIMEOUT = "GIFT_TIMEOUT"
    DELETE = "DELETE"
    UNAVAILABLE = "UNAVAILABLE"


_FINAL = {
    State.DELETED: UserCardStatus.DELETE,
    State.UNAVAILABLE: UserCardStatus.UNAVAILABLE,
}


def standing(
    card: Card, issued: IssuedCode, now_s: int, *, is_used: bool, is_tester: bool = False
) -> UserCardStatus:
    """How a claimed code stands now. For testers of the account nothing expires."""
    if issued.state in _FINAL:
        return _FINAL[issued.state]
    if is_used:
        return UserCardStatus.CONSUMED
    if now_s > window(card, issued.claimed_s)[1] and not is_tester:
        return UserCardStatus.EXPIRE
    if issued.state is State.GIFTING:
        return UserCardStatus.GIFTING
    if issued.state is State.GIFT_TIMEOUT:
        return UserCardStatus.GIFT_TIMEOUT
    return UserCardStatus.NORMAL
