"""WeChat's cards and codes as ticket types and tickets.

The only place where the one becomes the other (``docs/wechat.md`` has the table). Pure: it reads
what ``card/get`` answers, in all spellings that there are of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from gate.core.entry import Act
from gate.core.ticket import Kind, Status, WeeklyHours
from sync.upstream.seam import Movement

TIME_ZONE: Final = "Asia/Shanghai"
"""In which WeChat counts days."""
_DAYS: Final = (
    "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY",
)  # fmt: skip
_RANGES: Final = frozenset({"1", "DATE_TYPE_FIX_TIME_RANGE"})
_TERMS: Final = frozenset({"2", "DATE_TYPE_FIX_TERM", "DATE_TYPE_FIX_TERM_RANGE"})


class State(StrEnum):
    """How a code stands at WeChat, apart from having been used."""

    HELD = "held"
    GIFTING = "gifting"
    DELETED = "deleted"
    UNAVAILABLE = "unavailable"
    EXPIRED = "expired"
    GIVEN = "given"
    """The ticket goes by another code, which WeChat said or will never say."""


STATES: Final = {
    "NORMAL": State.HELD,
    "GIFT_TIMEOUT": State.HELD,
    "CONSUMED": State.HELD,
    "GIFTING": State.GIFTING,
    "GIFT_SUCC": State.GIVEN,
    "DELETE": State.DELETED,
    "UNAVAILABLE": State.UNAVAILABLE,
    "EXPIRE": State.EXPIRED,
}
"""By ``user_card_status``."""
_STATUS: Final = {
    State.HELD: Status.NORMAL,
    State.GIFTING: Status.GIFTING,
    State.DELETED: Status.DELETED,
    State.UNAVAILABLE: Status.REVOKED,
    State.EXPIRED: Status.EXPIRED,
    State.GIVEN: Status.TRANSFERRED,
}


@dataclass(frozen=True, slots=True)
class Code:
    """A code of an account, as it is known here."""

    appid: str
    card_id: str
    code: str
    event: str
    ticket: str
    """The gate's ticket, the same when the code changes."""
    state: State = State.HELD
    openid: str = ""
    claimed_s: int = 0
    gifted_s: int = 0
    next_code: str = ""
    ours: str = ""
    """Name of our entry by which it is used at WeChat."""
    theirs: str = ""
    """What it was used by that is not ours."""
    theirs_ms: int = 0
    theirs_note: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    state_s: int = 0
    changed: int = 0
    """How often."""
    is_stated: bool = False
    """Whether the gates have it as it is."""


def card_of(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The ticket card that ``card/get`` answers with; ``None`` of any other kind of card."""
    card = answer.get("card")
    if not isinstance(card, dict) or str(card.get("card_type")) not in set(Kind):
        return None
    return card


def type_row(card_id: str, card: Mapping[str, Any]) -> dict[str, Any]:
    """A card as a ticket type, stated as a row of ``gate.storage.ticket_rows``."""
    kind = Kind(card["card_type"])
    own = card.get(kind.value.lower()) or {}
    base = own.get("base_info") or {}
    row: dict[str, Any] = {
        "id": card_id,
        "kind": kind.value,
        "title": str(base.get("title", "")),
        "time_zone": TIME_ZONE,
        "locations": [str(one) for one in base.get("location_id_list") or () if one],
        "weekly": _weekly((own.get("advanced_info") or {}).get("time_limit") or ()),
        **_dates(base.get("date_info") or {}),
    }
    if kind is Kind.SCENIC:
        row["ticket_class"] = str(own.get("ticket_class", ""))
    if kind is Kind.BOARDING:
        names = {"from": "origin", "to": "destination", "flight": "flight", "gate": "gate",
                 "air_model": "air_model"}  # fmt: skip
        row |= {ours: str(own[theirs]) for theirs, ours in names.items() if own.get(theirs)}
        for name in ("departure_time", "landing_time", "boarding_time"):
            if second := _whole(own.get(name)):
                row[name] = second
    return row


def _dates(info: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(info.get("type", ""))
    end = {"end": _whole(info["end_timestamp"])} if _whole(info.get("end_timestamp")) else {}
    if kind in _RANGES:
        begin = _whole(info.get("begin_timestamp"))
        return ({"begin": begin} if begin else {}) | end
    if kind in _TERMS:
        days, after = _whole(info.get("fixed_term")), _whole(info.get("fixed_begin_term"))
        return end | {"term_days": max(1, days), "term_starts_after_days": after}
    # Permanent, or of a kind that we do not know: WeChat judges it when it is used.
    return {}


def _weekly(limits: Sequence[Mapping[str, Any]]) -> tuple[WeeklyHours, ...]:
    hours = []
    for one in limits:
        if one.get("type") not in _DAYS:
            continue  # Holidays are in no calendar of ours.
        begin = _whole(one.get("begin_hour")) * 60 + _whole(one.get("begin_minute"))
        end = _whole(one.get("end_hour", 24)) * 60 + _whole(one.get("end_minute"))
        begin, end = (min(minute, 1439) for minute in (begin, end))
        if begin == end == 0:
            # Libraries that state every field they know say 0 for what their caller did not.
            end = 1439
        hours.append(WeeklyHours(_DAYS.index(one["type"]) + 1, begin, end))
    return tuple(hours)


def ticket_row(code: Code, old_codes: Sequence[str]) -> dict[str, Any]:
    """A code as a ticket; ``old_codes`` are those that its ticket went by before."""
    said = code.attributes
    row: dict[str, Any] = {
        "id": code.ticket,
        "code": code.code,
        "type": code.card_id,
        "status": _STATUS[code.state].value,
        "claimed_at": code.claimed_s or None,
        "gifted_at": code.gifted_s or None,
        "old_codes": list(old_codes),
        "seats": _seats(said),
    }
    row |= {ours: str(said[theirs]) for theirs, ours in _TEXTS.items() if said.get(theirs)}
    row |= {name: _whole(said[name]) for name in _NUMBERS if _whole(said.get(name))}
    return row | ({"checked_in": True} if said.get("checked_in") else {})


_TEXTS: Final = {
    "zone": "zone", "entrance": "entrance", "ticket_class": "ticket_class",
    "screening_room": "screening_room", "class": "travel_class", "gate": "gate",
    "passenger_name": "holder", "qrcode_data": "qrcode_data",
}  # fmt: skip
"""The gate's field for each of WeChat's that is about one ticket."""
_NUMBERS: Final = ("begin_time", "end_time", "show_time", "duration", "boarding_time")


def _seats(said: Mapping[str, Any]) -> list[str]:
    stated = said.get("seat_number") or said.get("seat") or []
    return [str(one) for one in (stated if isinstance(stated, list) else [stated])]


def movements(code: Code) -> list[Movement]:
    """Who let somebody in on it that is not us."""
    if not code.theirs:
        return []
    return [Movement(code.theirs, code.ticket, Act.ADMISSION, code.theirs_ms, code.theirs_note)]


def _whole(value: Any) -> int:
    """A number that is written as one or as text; 0 of anything else."""
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 13 else 0
