"""Dates as people write them, made into the one way in which a row states them.

Whether the day or the month comes first is known where the file shows it or somebody said so; it
is never assumed. What is not understood here goes on as it stands, and is refused where it is read.
"""

import re
from datetime import date, datetime
from enum import StrEnum

from gate.i18n import _
from gate.lists.table import OnlyTime
from gate.storage.row_values import BadRow


class AmbiguousDate(BadRow):
    """A date that somebody has to say the order of: its day and its month may each be the other."""


class DayOrder(StrEnum):
    """In which order a date's numbers stand."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar jänner janvier janv enero ene gennaio gen",
            "feb february februar février févr fév febrero febbraio",
            "mar march märz mär mars marzo",
            "apr april avril avr abril abr aprile",
            "may mai mayo maggio mag",
            "jun june juni juin junio giugno giu",
            "jul july juli juillet juil julio luglio lug",
            "aug august août agosto ago",
            "sep sept september septembre septiembre settembre set",
            "oct october oktober okt octobre octubre ottobre ott",
            "nov november novembre noviembre",
            "dec december dezember dez décembre déc diciembre dic dicembre",
        ),
        1,
    )
    for name in names.split()
}
_CLOCK = (
    r"(?:[,T ]+(?:um |at |à |a las |alle )?"
    r"(\d{1,2})[:.h](\d\d)?(?::(\d\d)(?:[.,]\d+)?)?(?: Uhr)?\s*([ap]\.?m\.?)?)?"
)
_NUMBERS = re.compile(rf"(\d{{1,4}})([./-])(\d{{1,2}})\2(\d{{1,4}}){_CLOCK}", re.ASCII | re.I)
_NAMED = re.compile(
    rf"(\d{{1,2}})(?:\.|st|nd|rd|th)? (?:de |of )?(\w+)\.?,? (?:de )?(\d{{4}}){_CLOCK}", re.I
)
_NAMED_FIRST = re.compile(rf"(\w+)\.? (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}}){_CLOCK}", re.I)
_CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日\s*(?:(\d{1,2})[:：时點点](\d{1,2})?分?)?")
_WEEKDAY = re.compile(r"^[^\W\d]{2,10}\.?,? (?=\d|\w+\.? \d)")


class Dates:
    """The dates of one file: once it has shown its order, another one is a mistake."""

    def __init__(self, order: DayOrder | None = None) -> None:
        self._stated = order
        self._shown: DayOrder | None = None

    def stated(self, cell: object) -> str:
        """A cell as a row states a time: ``2026-12-31 18:00``. Raises BadRow."""
        if isinstance(cell, datetime):
            # A minute is meant whole where seconds are not shown.
            return cell.isoformat(" ", "seconds" if cell.second else "minutes")
        if isinstance(cell, date):
            return cell.isoformat()
        if isinstance(cell, OnlyTime):
            raise BadRow(_("{found} is a time of day without a date").format(found=cell))
        text = " ".join(str(cell).split())
        return self._numbers(text) or _named(text) or text

    def _numbers(self, text: str) -> str | None:
        match = _NUMBERS.fullmatch(text)
        if match is None:
            return None
        first, sign, second, third, *clock = match.groups()
        if len(first) == 4:
            # As ISO 8601 has it: as it stands, for what is beyond this (offsets, fractions).
            return None if sign == "-" else _written(first, second, third, clock)
        if len(third) not in (2, 4) or (len(third) == 2 and self._stated is None):
            raise AmbiguousDate(
                _("{found}: write the year with four digits").format(found=text[:40])
            )
        if len(third) == 2 and self._stated is DayOrder.YMD:
            return _written(f"20{first:0>2}", second, third, clock)
        year = third if len(third) == 4 else f"20{third}"
        order = self._order(text, int(first), int(second), sign)
        day, month = (first, second) if order is DayOrder.DMY else (second, first)
        return _written(year, month, day, clock)

    def _order(self, text: str, first: int, second: int, sign: str) -> DayOrder:
        """Which of the first two numbers is the day. Raises BadRow."""
        can = [
            order
            for order, month in ((DayOrder.DMY, second), (DayOrder.MDY, first))
            if 1 <= month <= 12
        ]
        if self._stated in can or (can and first == second):
            return can[0] if self._stated not in can else DayOrder(self._stated)
        if self._stated is None and len(can) == 1:
            if self._shown not in (None, can[0]):
                raise BadRow(
                    _("{found} has day and month the other way round than others").format(
                        found=text[:40]
                    )
                )
            self._shown = can[0]
            return can[0]
        if self._stated is None and sign == "." and can:
            return DayOrder.DMY  # nobody puts the month first between dots
        if self._stated is None and can:
            sentence = _("{found}: is the day first, or the month? Say --dates dmy or --dates mdy")
            raise AmbiguousDate(sentence.format(found=text[:40]))
        sentence = _("{found} is no date with {order}")
        raise BadRow(sentence.format(found=text[:40], order=self._stated or "dmy, mdy"))


def _named(text: str) -> str | None:
    """A date with the month's name, or Chinese."""
    if match := _CHINESE.fullmatch(text):
        year, month, day, hour, minute = match.groups()
        return _written(year, month, day, (hour, minute, None, None))
    bare = _WEEKDAY.sub("", text) if _WEEKDAY.match(text) else text
    for shown in (text, bare):
        if match := _NAMED.fullmatch(shown):
            day, name, year, *clock = match.groups()
        elif match := _NAMED_FIRST.fullmatch(shown):
            name, day, year, *clock = match.groups()
        else:
            continue
        if month_number := _MONTHS.get(name.casefold()):
            return _written(year, str(month_number), day, clock)
    return None


def _written(
    year: str, month: str, day: str, clock: "list[str | None] | tuple[str | None, ...]"
) -> str:
    hour, minute, second, half = clock
    text = f"{year}-{month:0>2}-{day:0>2}"
    if hour is None:
        return text
    number = int(hour)
    if half:
        if not 1 <= number <= 12:
            raise BadRow(_("{found}: there is no such time").format(found=f"{hour} {half}"))
        number = number % 12 + (12 if half[0] in "pP" else 0)
    text += f" {number:02}:{minute or '00'}"
    return f"{text}:{second}" if second else text
