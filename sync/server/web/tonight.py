"""Tonight: who is inside and who is still to come, how fast, and where. The same as a wall view."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.core.arrivals import Arrivals, Step, arrivals
from gate.core.outcome import Reason
from gate.i18n import N_, _
from gate.storage.event import EventRow
from gate.text.outcome_words import REASON_WORDS
from gate.text.times import clock_time
from gate.text.upstream_words import trouble_line
from sync.server.web.level import Level
from sync.server.web.live import Live, State
from sync.server.web.numbers import Count, Numbers
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit

WIDTH, HEIGHT = 720, 200
"""Of the curve, in its own units."""
_GAP: Final = 0.2
"""Between two steps, of one step's width."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of the curve, as it is drawn."""

    x: float
    y: float
    width: float
    height: float
    people: int
    time: str
    is_forecast: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One gate, type or zone."""

    name: str
    count: Count
    capacity: int = 0
    """0: nobody has said."""


class TonightPages:
    """The first page, and the one for a wall."""

    def __init__(self, pages: Pages, live: Live) -> None:
        self._pages = pages
        self._live = live
        pages.menu.append(MenuLine(f"{PREFIX}/tonight", N_("Tonight"), Level.COUNTS))
        for view in ("tonight", "wall"):
            live.add_view(view, f"{view}_parts.html", contents)

    def routes(self) -> list[BaseRoute]:
        """Both."""
        return [
            self._pages.page("/tonight", Level.COUNTS, self._tonight),
            self._pages.page("/wall", Level.COUNTS, self._wall),
        ]

    async def _tonight(self, visit: Visit) -> Response:
        """For a phone first."""
        return await self._show(visit, "tonight.html")

    async def _wall(self, visit: Visit) -> Response:
        """For a control room: to be read from far away, and nothing to be done."""
        return await self._show(visit, "wall.html")

    async def _show(self, visit: Visit, template: str) -> Response:
        state = await self._live.readings.state(visit.visitor.event)
        return visit.render(template, 200, **contents(state))


def contents(state: State) -> dict[str, Any]:
    """What both are made of."""
    numbers, event = state.numbers, state.event
    zone = ZoneInfo(event.time_zone or "UTC")
    curve = arrivals(numbers.minutes, numbers.at_ms // 60_000, _remaining(numbers))
    return {
        "numbers": numbers,
        "capacity": capacity(event),
        "curve": curve,
        "bars": bars(curve, zone),
        "top": max((step.people for step in curve.steps), default=0),
        "width": WIDTH,
        "height": HEIGHT,
        "as_of": clock_time(numbers.at_ms, zone, seconds=True),
        "over": clock_time(curve.over_minute * 60_000, zone) if curve.over_minute else "",
        "peak_at": clock_time(curve.pace.peak_minute * 60_000, zone) if curve.pace.peak else "",
        "gates": rows(numbers.gates),
        "types": rows(numbers.types, names=numbers.titles, nameless=_("no ticket")),
        "zones": rows(numbers.zones, capacities=zone_capacities(event)),
        "reasons": reasons(numbers),
        "upstream_trouble": trouble_line(numbers.upstream) if numbers.upstream else "",
    }  # fmt: skip


def _remaining(numbers: Numbers) -> int:
    """People who are still expected: of each ticket as many as came on those that were used."""
    used, came = numbers.used_tickets, numbers.all.admitted - numbers.without_ticket
    return round(numbers.no_show * max(1.0, came / used)) if used else numbers.no_show


def rows(
    counts: Mapping[str, Count],
    *,
    names: Mapping[str, str] | None = None,
    capacities: Mapping[str, int] | None = None,
    nameless: str = "–",
) -> list[Row]:
    """Lines of a table, the busiest first; zones that can be full also where nobody came yet."""
    full = capacities or {}
    every = {**{name: Count() for name in full}, **counts}
    found = [
        Row((names or {}).get(id_) or id_ or nameless, count, full.get(id_, 0))
        for id_, count in every.items()
    ]
    return sorted(found, key=lambda row: (-row.count.admitted, row.name))


def reasons(numbers: Numbers) -> list[tuple[str, int]]:
    """How many were refused, by reason in words, the most frequent first."""
    found = [(_reason_word(reason), count) for reason, count in numbers.reasons.items()]
    return sorted(found, key=lambda one: (-one[1], one[0]))


def _reason_word(reason: str) -> str:
    known = reason in Reason._value2member_map_
    return _(REASON_WORDS[Reason(reason)]) if known else reason or "–"


def zone_capacities(event: EventRow) -> dict[str, int]:
    """What the profiles of its gates say of their zones; the least where they differ."""
    found: dict[str, int] = {}
    for profile in event.settings.profiles.values():
        zone, most = profile.get("zone"), profile.get("zone_capacity")
        if isinstance(zone, str) and isinstance(most, int) and zone and most > 0:
            found[zone] = min(most, found.get(zone, most))
    return found


def capacity(event: EventRow) -> int:
    """Of all its zones together; 0: nobody has said."""
    return sum(zone_capacities(event).values())


def bars(curve: Arrivals, zone: ZoneInfo) -> list[Bar]:
    """The steps of a curve as they are drawn, from left to right."""
    if not curve.steps:
        return []
    top = max(1, *(step.people for step in curve.steps))
    width = WIDTH / len(curve.steps)
    return [_bar(step, n, width, top, zone) for n, step in enumerate(curve.steps)]


def _bar(step: Step, place: int, width: float, top: int, zone: ZoneInfo) -> Bar:
    height = HEIGHT * step.people / top
    return Bar(
        x=round(place * width + width * _GAP / 2, 2),
        y=round(HEIGHT - height, 2),
        width=round(width * (1 - _GAP), 2),
        height=round(height, 2),
        people=step.people,
        time=clock_time(step.minute * 60_000, zone),
        is_forecast=step.is_forecast,
    )
