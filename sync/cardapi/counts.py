"""How many were issued, claimed, gifted, redeemed and expired, by day at UTC+8.

All of it is derived from the codes as they are; nothing is counted twice or forgotten.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from sync.cardapi import tables as t
from sync.cardapi.accounts import Account
from sync.cardapi.errcodes import Errcode, Refused
from sync.cardapi.projection import DAY_S, EAST_8_S, FOREVER, MOVED, State, day_of

MOST_DAYS = 62
_EPOCH = date(1970, 1, 1)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Answer = dict[str, Any]


@dataclass(slots=True)
class Day:
    """What one day counts, and how many people that was."""

    view_cnt: int = 0
    view_user: int = 0
    receive_cnt: int = 0
    receive_user: int = 0
    verify_cnt: int = 0
    verify_user: int = 0
    given_cnt: int = 0
    given_user: int = 0
    expire_cnt: int = 0
    expire_user: int = 0


def overview(
    connection: Connection, account: Account, params: Mapping[str, Any], now_ms: int
) -> Answer:
    """``datacube/getcardbizuininfo``: by day, never today. Raises Refused."""
    first, last = check_range(params, now_ms)
    if str(params.get("cond_source", 1)) not in ("0", "1"):
        raise Refused(Errcode.BAD_PARAMETER, "cond_source")
    # 0 asks for cards made in WeChat's own console, which we have none of.
    days = (
        _days(connection, account, first, last) if str(params.get("cond_source", 1)) == "1" else {}
    )
    return {
        "list": [
            {"ref_date": str(_EPOCH + timedelta(days=day)), **_as_fields(days[day])}
            for day in sorted(days)
        ]
    }


def check_range(params: Mapping[str, Any], now_ms: int) -> tuple[int, int]:
    """The first and the last day that are asked for, as days since 1970. Raises Refused."""
    begin, end = _date(params.get("begin_date")), _date(params.get("end_date"))
    first, last = (begin - _EPOCH).days, (end - _EPOCH).days
    if last < first or last - first >= MOST_DAYS or last >= day_of(now_ms // 1000):
        raise Refused(Errcode.BAD_DATE_RANGE)
    return first, last


def _as_fields(day: Day) -> dict[str, int]:
    return {name: getattr(day, name) for name in Day.__slots__}


def _date(params: Any) -> date:
    if not isinstance(params, str) or not _DATE.fullmatch(params):
        raise Refused(Errcode.BAD_DATE)
    try:
        return date.fromisoformat(params)
    except ValueError as error:
        raise Refused(Errcode.BAD_DATE) from error


def _days(connection: Connection, account: Account, first: int, last: int) -> dict[int, Day]:
    h = t.issued_code.c
    days: dict[int, Day] = defaultdict(Day)

    def count(name: str, at: ColumnElement[int], *where: ColumnElement[bool]) -> None:
        day = (at + EAST_8_S) // DAY_S
        query = (
            select(day.label("day"), func.count(), func.count(h.openid.distinct()))
            .where(h.appid == account.appid, *where)
            .where(at >= first * DAY_S - EAST_8_S, at < (last + 1) * DAY_S - EAST_8_S)
            .group_by("day")
        )
        for on, times, people in connection.execute(query):
            setattr(days[int(on)], f"{name}_cnt", int(times))
            setattr(days[int(on)], f"{name}_user", int(people))

    # A ticket that was given on was claimed by the code that its giver had.
    count("receive", h.claimed_s, h.claimed_s > 0, h.gifted_s == 0, h.state != State.REPLACED)
    count("verify", h.redeemed_s, h.redeemed_s > 0, h.state.not_in(MOVED))
    count("given", h.gifted_s, h.gifted_s > 0, h.state != State.REPLACED)
    open_states = [State.HELD, State.GIFTING, State.GIFT_TIMEOUT]
    count(
        "expire", h.ends_s, h.ends_s < FOREVER, h.redeemed_s == 0, h.claimed_s > 0,
        h.state.in_(open_states),
    )  # fmt: skip
    v = t.card_view.c
    views = (
        select(v.day, func.sum(v.views), func.count(v.openid.distinct()))
        .join_from(t.card_view, t.card, t.card.c.card_id == v.card_id)
        .where(t.card.c.appid == account.appid, v.day.between(first, last))
        .group_by(v.day)
    )
    for on, times, people in connection.execute(views):
        days[int(on)].view_cnt, days[int(on)].view_user = int(times), int(people)
    return days
