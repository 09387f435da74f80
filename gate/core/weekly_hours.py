"""Weekly opening hours as people write them: ``Mon-Fri 09:00-18:00; Sat 10:00-16:00``."""

import re

from gate.core.ticket import WeeklyHours

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([a-z]{3})[a-z]*(?:-([a-z]{3})[a-z]*)? (\d\d?):(\d\d)-(\d\d?):(\d\d)")
_MIDNIGHT = 24 * 60
_DAY = f"(?:{'|'.join(day.capitalize() for day in _DAYS)})"
_PART = rf"\s*{_DAY}(?:-{_DAY})? (?:[01]?\d|2[0-3]):[0-5]\d-(?:(?:[01]?\d|2[0-3]):[0-5]\d|24:00)\s*"
PATTERN = rf"^(?:{_PART}(?:;{_PART})*)?$"
"""Texts that ``parse_weekly`` takes, as they are stated in settings; empty is one."""


class UnlikeHoursError(ValueError):
    """A part that is not written like hours; the argument is the part."""


class NoSuchHourError(ValueError):
    """A day or an hour that there is not; the argument is the part."""


def parse_weekly(text: str) -> tuple[WeeklyHours, ...]:
    """The hours that a text states. Raises UnlikeHoursError and NoSuchHourError."""
    parts = (part.strip() for part in text.casefold().split(";"))
    return tuple(hours for part in parts if part for hours in _part(part))


def _part(part: str) -> list[WeeklyHours]:
    match = _HOURS.fullmatch(" ".join(part.split()))
    if match is None:
        raise UnlikeHoursError(part)
    first, last, *clock = match.groups()
    begin, end = (_minute(*clock[i : i + 2]) for i in (0, 2))
    if end == _MIDNIGHT:
        end -= 1  # the last minute counts whole
    days = [_DAYS.index(day) for day in (first, last or first) if day in _DAYS]
    if len(days) != 2 or begin >= _MIDNIGHT or end >= _MIDNIGHT:
        raise NoSuchHourError(part)
    span = (days[1] - days[0]) % 7
    return [WeeklyHours((days[0] + i) % 7 + 1, begin, end) for i in range(span + 1)]


def _minute(hour: str, minute: str) -> int:
    """The minute of the day; more than a day has where there is none."""
    return int(hour) * 60 + int(minute) if int(minute) < 60 else _MIDNIGHT + 1
