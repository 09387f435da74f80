"""How people arrive: how many a minute, the curve until now, and how it will probably go on.

Pure counting by minutes (Unix time). A forecast is no promise: it takes the last quarter of an hour
and how that compares with the one before, and lets that go on until all are there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

STEP: Final = 5
"""Minutes of one step of the curve."""
SHOWN: Final = 96
"""Steps of the past at most: 8 hours."""
AHEAD: Final = 36
"""Steps of the forecast at most: 3 hours."""
RUSH_SHARE: Final = 0.2
"""While people come at so much of the busiest step's pace there is a queue."""
SLOWEST, FASTEST = 0.5, 1.0
"""What one step can be of the one before in a forecast: gates that are busy get no faster."""


@dataclass(frozen=True, slots=True)
class Pace:
    """People a minute."""

    now: int = 0
    """In this minute, or in the one before where those were more."""
    five: float = 0.0
    """In the last 5 whole minutes."""
    quarter: float = 0.0
    """In the last 15 whole minutes."""
    peak: int = 0
    """In the busiest minute."""
    peak_minute: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Five minutes of the curve."""

    minute: int
    """Its first."""
    people: int
    is_forecast: bool = False


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The curve of an event."""

    pace: Pace
    steps: tuple[Step, ...]
    is_rush: bool
    """Whether people come so fast that there will be a queue."""
    over_minute: int | None
    """By when it will be gone; ``None``: there is none, or nobody can foresee it."""


def arrivals(minutes: Mapping[int, int], now_minute: int, remaining: int) -> Arrivals:
    """The curve by people admitted in each minute; ``remaining`` is how many are still expected.

    What was undone takes people from the minute of its admission, so none is below 0 for long.
    """
    known = {minute: people for minute, people in minutes.items() if minute <= now_minute}
    past = tuple(_past(known, now_minute))
    ahead = tuple(_ahead(known, now_minute, remaining))
    quiet = RUSH_SHARE * max((step.people for step in past), default=0)
    # The last step has only begun; the one before it is whole.
    is_rush = any(step.people > quiet for step in past[-2:])
    over = _over(ahead, quiet) if is_rush else None
    return Arrivals(_pace(known, now_minute), past + ahead, is_rush, over)


def _pace(minutes: Mapping[int, int], now_minute: int) -> Pace:
    peak_minute = min(minutes, key=lambda one: (-minutes[one], one), default=0)
    return Pace(
        now=max(minutes.get(now_minute, 0), minutes.get(now_minute - 1, 0), 0),
        five=max(0, _people(minutes, now_minute - 5, now_minute)) / 5,
        quarter=max(0, _people(minutes, now_minute - 15, now_minute)) / 15,
        peak=max(0, minutes.get(peak_minute, 0)),
        peak_minute=peak_minute,
    )


def _past(minutes: Mapping[int, int], now_minute: int) -> Iterator[Step]:
    begun = [minute for minute, people in minutes.items() if people > 0]
    if not begun:
        return
    last = now_minute - now_minute % STEP
    first = max(min(begun) - min(begun) % STEP, last - (SHOWN - 1) * STEP)
    for minute in range(first, last + 1, STEP):
        yield Step(minute, max(0, _people(minutes, minute, minute + STEP)))


def _ahead(minutes: Mapping[int, int], now_minute: int, remaining: int) -> Iterator[Step]:
    lately = _people(minutes, now_minute - 15, now_minute)
    before = _people(minutes, now_minute - 30, now_minute - 15)
    if lately <= 0:
        return
    trend = (lately / before) ** (STEP / 15) if before > 0 else FASTEST
    trend = min(max(trend, SLOWEST), FASTEST)
    expected, first = lately * STEP / 15, now_minute - now_minute % STEP + STEP
    for n in range(AHEAD):
        expected *= trend
        people = min(round(expected), remaining)
        if people <= 0:
            return
        remaining -= people
        yield Step(first + n * STEP, people, is_forecast=True)


def _over(ahead: tuple[Step, ...], quiet: float) -> int | None:
    """When people will come no faster than that, or all will have come."""
    for step in ahead:
        if step.people <= quiet:
            return step.minute
    return ahead[-1].minute + STEP if 0 < len(ahead) < AHEAD else None


def _people(minutes: Mapping[int, int], first: int, end: int) -> int:
    return sum(minutes.get(minute, 0) for minute in range(first, end))
