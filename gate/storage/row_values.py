"""Values of a row as people or programs state them: texts, moments, hours, rules, answers."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from gate import rule_setting
from gate.core.ticket import WeeklyHours
from gate.core.weekly_hours import NoSuchHourError, UnlikeHoursError, parse_weekly
from gate.i18n import _
from gate.storage.moments import BadMoment, Side, is_start_of_day, second_of

MAX_ANSWERS = 64 * 1024
"""Longest answers of a ticket, as JSON."""


class BadRow(Exception):
    """What is wrong with one row, in words."""


def texts(stated: str | list[str | int] | list[str]) -> tuple[str, ...]:
    """Parts of a text that are separated by ``|``, or a list of them."""
    parts = stated.split("|") if isinstance(stated, str) else stated
    return tuple(text for part in parts if (text := str(part).strip()))


def answers(stated: str | dict[str, str]) -> dict[str, str]:
    """Answers by question, of a text like ``meal=soup|size=L`` or as they are. Raises BadRow."""
    if not isinstance(stated, str):
        if len(msgspec.json.encode(stated)) > MAX_ANSWERS:
            raise BadRow(_("answers: at most {n} KiB").format(n=MAX_ANSWERS // 1024))
        return stated
    pairs = [part.partition("=") for part in texts(stated)]
    if not all(id_.strip() and equals for id_, equals, _answer in pairs):
        raise BadRow(_("answers: {found!r} is not like 'meal=soup|size=L'").format(found=stated))
    return {id_.strip(): answer.strip() for id_, _equals, answer in pairs}


def take_times(
    values: dict[str, Any], times: Mapping[str, Side], zone: str, *, is_exact: bool = False
) -> tuple[str, ...]:
    """Make Unix seconds of the times of a row; the answer is what may be meant otherwise."""
    notes = []
    for name, side in times.items():
        stated = values[name]
        if stated is None or (is_exact and isinstance(stated, int)):
            continue
        try:
            values[name] = second_of(stated, ZoneInfo(zone), side)
        except BadMoment as bad:
            message = f"{name}: {bad}"
            raise BadRow(message) from bad
        if side is Side.END and is_start_of_day(stated):
            note = _("{name}: {found} is the beginning of that day; the whole day is {day}")
            notes.append(note.format(name=name, found=stated.strip(), day=stated.strip()[:10]))
    return tuple(notes)


def check_order(values: Mapping[str, Any], row: Mapping[str, Any], begin: str, end: str) -> None:
    """Refuse an end that is before its begin. Raises BadRow."""
    first, last = values[begin], values[end]
    if first is not None and last is not None and last < first:
        raise BadRow(
            _("{end} {last} is before {begin} {first}").format(
                end=end, last=row.get(end), begin=begin, first=row.get(begin)
            )
        )


def rule(stated: str | dict[str, Any], *, is_exact: bool) -> str:
    """An organiser's rule as it is kept. Raises BadRow."""
    try:
        return rule_setting.checked(stated, may_be_newer=is_exact)
    except rule_setting.BadRuleError as bad:
        raise BadRow(str(bad)) from bad


def weekly(stated: str | tuple[WeeklyHours, ...], *, is_exact: bool) -> tuple[WeeklyHours, ...]:
    """Hours of a week, of a text or as they are. Raises BadRow."""
    if is_exact and not isinstance(stated, str):
        return stated
    try:
        return parse_weekly(str(stated))
    except UnlikeHoursError as error:
        raise BadRow(
            _("weekly: {found!r} is not like 'Mon-Fri 09:00-18:00; Sat 10:00-16:00'").format(
                found=error.args[0]
            )
        ) from error
    except NoSuchHourError as error:
        found = error.args[0]
        raise BadRow(_("weekly: {found!r} has no such day or hour").format(found=found)) from error
