"""What a boarding pass says of its flights, one leg at a time, and on which day that is."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

NEAR_HOURS = 6
"""So long before its day and after it a flight may still be boarding: it may be late or early."""
_FLIGHT = re.compile(r"([A-Z0-9]{2}|[A-Z]{3})0*([0-9]{1,4}[A-Z]?)")
_YEARS_TRIED = (0, -1, 1, -2, 2, -3, 3, -4, 4, -8, 8)
"""Day 366 comes every fourth year, and once in a century only after eight."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One flight of a boarding pass, as its operating carrier states it (IATA Resolution 792)."""

    pnr: str
    origin: str
    destination: str
    carrier: str
    number: str
    """Of the flight, with its letter and without leading zeros."""
    day: int
    """Of the year, which is not stated; 1 is the first of January."""
    compartment: str
    seat: str
    """Without leading zeros; empty before check-in."""
    sequence: str
    """Of check-in, without leading zeros; empty before it."""
    status: str

    @property
    def flight(self) -> str:
        """Carrier and number."""
        return self.carrier + self.number

    def date_near(self, today: date) -> date:
        """The day of the flight, in the year that brings it nearest."""
        days = [day for years in _YEARS_TRIED if (day := self._in_year(today.year + years))]
        return min(days, key=lambda day: abs(day - today))

    def is_near(self, at_ms: int, zone: ZoneInfo) -> bool:
        """Whether a moment (Unix milliseconds) is in the flight's day, or close to it."""
        now = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).replace(tzinfo=None)
        begin = datetime.combine(self.date_near(now.date()), datetime.min.time())
        margin = timedelta(hours=NEAR_HOURS)
        return begin - margin <= now < begin + timedelta(days=1) + margin

    def _in_year(self, year: int) -> date | None:
        if not date.min.year < year < date.max.year:
            return None
        day = date(year, 1, 1) + timedelta(days=self.day - 1)
        return day if day.year == year else None


def is_flight(name: str, leg: Leg) -> bool:
    """Whether a flight as people write it (``AC 0834``) is that of a leg."""
    return flight_of(name) == leg.flight


def flight_of(name: str) -> str:
    """A flight as people write it, as carrier and number; empty where it is not like that."""
    plain = "".join(unicodedata.normalize("NFKC", name).upper().split())
    match = _FLIGHT.fullmatch(plain)
    return match[1] + match[2] if match else ""


def legs_of_gate(legs: tuple[Leg, ...], flight: str) -> tuple[Leg, ...]:
    """The legs that may be meant at a gate: those of its flight, or all where none is."""
    return tuple(leg for leg in legs if is_flight(flight, leg)) or legs
