"""Times as people and other systems write them: which second is meant, or what is wrong with it.

An end is inclusive to its last second: a date alone is the whole day, a minute the whole minute.
Nothing is guessed: whatever could be something else (a spreadsheet's number, milliseconds, a year)
is a mistake.
"""

import re
from datetime import datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from gate.core.local_time import first_at, last_at
from gate.i18n import _

MIN_TIME = 946_684_800
"""The first second of the year 2000: numbers below are no Unix seconds of any event."""
MAX_SECONDS = 9_999_999_999
"""Numbers above are milliseconds, or a date without its hyphens."""
MAX_TIME = 253_402_300_799
"""The last second of the year 9999."""

_WRITTEN = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d{1,9})?)?(Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)


class Side(Enum):
    """What a time is to be: where something begins, where it ends, or when something happens."""

    BEGIN = "begin"
    END = "end"
    AT = "at"
    """A moment of a day: a date alone does not say it."""


class BadMoment(ValueError):
    """Why a text or number is no time, in words."""


def second_of(stated: int | str, zone: ZoneInfo, side: Side) -> int:
    """The Unix second that is meant; times without an offset are in ``zone``. Raises BadMoment."""
    if isinstance(stated, int):
        return _number(stated, str(stated))
    text = stated.strip()
    if re.fullmatch(r"[+-]?\d+(?:[.,]\d*)?", text, re.ASCII):
        if not text.isdecimal():
            raise _no_time(text)
        return _number(int(text), text)
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise _no_time(text)
    at = _written(text, match, zone, side)
    if at < MIN_TIME:
        raise BadMoment(_("{found} is before the year 2000").format(found=text))
    return at


def is_start_of_day(stated: object) -> bool:
    """Whether a text names a day's first moment, which as an end leaves out that whole day."""
    match = _WRITTEN.fullmatch(stated.strip()) if isinstance(stated, str) else None
    if match is None or match[4] is None:
        return False
    return (match[4], match[5], match[6] or "00", match[7]) == ("00", "00", "00", None)


def _number(number: int, text: str) -> int:
    if MIN_TIME <= number <= MAX_SECONDS:
        return number
    if len(text) == 8 or (len(text) == 4 and text[:2] in ("19", "20")):
        message = _("{found} is no time; a date is written like 2026-12-31")
    elif 10_000 <= number < 100_000:
        message = _("{found} looks like a spreadsheet's number for a date; write 2026-12-31")
    elif MIN_TIME * 1000 <= number <= MAX_SECONDS * 1000:
        message = _("{found} looks like milliseconds; Unix time is in seconds here")
    else:
        message = _("{found} cannot be Unix seconds of this century; write 2026-12-31 19:30")
    raise BadMoment(message.format(found=text[:40]))


def _written(text: str, match: re.Match[str], zone: ZoneInfo, side: Side) -> int:
    year, month, day, hour, minute, second, offset = match.groups()
    if hour is None and side is Side.AT:
        raise BadMoment(_("{found} wants a time of day too: 2026-12-31 19:30").format(found=text))
    over = 0
    if (hour, minute, second or "00") == ("24", "00", "00"):
        # The end of that day, as ISO 8601 has it; the next one's first second is not meant.
        hour, second = ("23", "59") if side is Side.END else ("00", second)
        minute, over = ("59", 0) if side is Side.END else (minute, 1)
    is_end = side is Side.END
    at_hour = int(hour or (23 if is_end else 0))
    at_minute = int(minute or (59 if is_end else 0))
    at_second = int(second or (59 if is_end else 0))
    try:
        wall = datetime(int(year), int(month), int(day), at_hour, at_minute, at_second)  # noqa: DTZ001
        wall += timedelta(days=over)
        if offset:
            zoned = f"{wall.isoformat()}{offset.upper().replace('Z', '+00:00')}"
            at = int(datetime.fromisoformat(zoned).timestamp())
        else:
            at = last_at(wall, zone) if is_end else first_at(wall, zone)
    except (ValueError, OverflowError) as error:
        if match[1] == "9999":
            # How many systems write "for ever"; there is no later second anywhere.
            return MAX_TIME
        raise BadMoment(_("{found}: there is no such time").format(found=text)) from error
    return min(at, MAX_TIME)


def _no_time(text: str) -> BadMoment:
    message = _("{found!r} is neither Unix seconds nor a time like 2026-12-31 19:30")
    return BadMoment(message.format(found=text[:80]))
