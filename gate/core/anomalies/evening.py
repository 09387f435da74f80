"""An evening's entries as the rules need them, and what the rules find.

What follows is a function of which entries were added, whatever the order, and asking again costs
what was added since: every rule looks at one ticket, code, order, lane or gate, and only those that
something was added to are looked at anew.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from gate.core.anomalies import lanes, tickets
from gate.core.anomalies.anomaly import Anomaly, Kind, Limits, Severity, Sold
from gate.core.anomalies.operators import Acts
from gate.core.anomalies.sight import BY_HAND, Clocks, Sight
from gate.core.entry import Act
from gate.core.local_time import moment_of
from gate.core.outcome import Flag, Reason
from gate.core.ticket import Kind as TicketKind
from gate.core.ticket import TicketType
from gate.core.validity import is_open

NIGHT_MS = 6 * 3_600_000
"""An evening lasts until six in the morning."""
HOURS_GRACE_S = 30 * 60
"""So long before and after opening hours people may still be let in."""
MAD_MS = 253_402_300_800_000
"""The year 10,000."""
_OF_A_TICKET = tickets.SHOWN | {Act.ANNULMENT}

Key = tuple[str, ...]
K = TypeVar("K")
V = TypeVar("V")


class Sales(Protocol):
    """The tickets that were sold."""

    def sold(self, tickets: Collection[str]) -> Mapping[str, Sold]:
        """What is known of some tickets; what is in no list is left out."""

    def order_size(self, order: str) -> int:
        """How many tickets an order has."""


class Evening:
    """What was seen, by what the rules look at; days are told apart by themselves."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._zone = ZoneInfo(limits.time_zone)
        self._hours = TicketType(
            "", TicketKind.MEETING, time_zone=limits.time_zone, weekly=limits.hours
        )
        self._seen: dict[Key, list[Sight]] = defaultdict(list)
        self._touched: set[Key] = set()
        self._found: dict[Key, list[Anomaly]] = {}
        self._acts: dict[tuple[Kind, str], Acts] = {}
        self._first: dict[str, dict[str, Sight]] = defaultdict(dict)
        """Of each order: its tickets' first admissions."""
        self._unseen: dict[str, list[Sight]] = {}
        self._overruled: dict[str, list[Sight]] = {}
        self._went_out: dict[tuple[str, str], int] = defaultdict(int)
        self._days: dict[int, str] = {}
        self._open: dict[int, bool] = {}
        self._added: set[int] = set()

    def add(self, sights: Iterable[Sight]) -> None:
        """Take in entries; the same one again changes nothing."""
        for sight in sights:
            # Not by its name alone: a cloned machine gives one name to two.
            which = hash((sight.origin, sight.seq, sight.at_ms, sight.act, sight.ticket))
            if which not in self._added:
                self._added.add(which)
                self._add(sight)

    def find(
        self, sales: Sales, *, is_complete: bool = True, clocks: Clocks | None = None
    ) -> list[Anomaly]:
        """All that is unlike an honest evening, the gravest first, then the newest.

        ``is_complete``: whether nothing of any gate is missing; else exits say nothing yet.
        ``clocks`` are those of devices whose entries were never compared with a server's.
        """
        touched, self._touched = self._touched, set()
        by_ticket = [key[1] for key in touched if key[0] == "ticket"]
        sold = sales.sold(by_ticket)
        for ticket in by_ticket:
            self._look_at(ticket, sold.get(ticket), clocks or {})
        for key in touched:
            if key[0] != "ticket":
                self._found[key] = list(self._of_lane(key))
        found = [one for some in self._found.values() for one in some]
        found += self._spread_orders(sales)
        found += self._above_usual()
        found += self._exits() if is_complete else []
        found = [one for one in found if one.kind not in self._limits.off]
        return sorted(found, key=lambda one: (one.severity is Severity.LOW, -one.at_ms, one.key))

    def _add(self, sight: Sight) -> None:
        act, day = sight.act, self._day(sight.at_ms)
        if sight.ticket and act in _OF_A_TICKET:
            self._put(("ticket", sight.ticket), sight)
        if act is Act.REFUSAL:
            self._add_refusal(sight, day)
        elif act is Act.ADMISSION:
            self._add_admission(sight, day)
        elif act is Act.EXIT:
            self._went_out[sight.gate, day] += sight.persons
        elif sight.takes_back:
            self._of(Kind.UNDOS, day).did(sight)

    def _add_refusal(self, sight: Sight, day: str) -> None:
        if sight.ticket:
            self._of(Kind.OVERRIDES, day).could(sight.device)
        elif sight.reason is Reason.UNKNOWN and Flag.SHAPED in sight.flags:
            self._put(("unknown", sight.device, day), sight)
            self._put(("code", sight.code, day), sight)
            if Flag.NEAR in sight.flags:
                self._put(("near", sight.device, day), sight)

    def _add_admission(self, sight: Sight, day: str) -> None:
        self._of(Kind.UNDOS, day).could(sight.device)
        if sight.source not in BY_HAND:
            self._put(("minute", sight.origin, str(sight.boot_ms // 60_000)), sight)
            if sight.trusted and not self._is_open(sight.at_ms):
                self._put(("closed", sight.device, day), sight)

    def _put(self, key: Key, sight: Sight) -> None:
        self._seen[key].append(sight)
        self._touched.add(key)

    def _of(self, kind: Kind, day: str) -> Acts:
        key = kind, day
        if key not in self._acts:
            self._acts[key] = Acts(kind)
        return self._acts[key]

    def _look_at(self, ticket: str, sold: Sold | None, clocks: Clocks) -> None:
        key = ("ticket", ticket)
        sights = self._seen[key]
        sold = sold or tickets.told(sights)
        if sold.order and (first := tickets.first_admission(sights)) is not None:
            self._first[sold.order][ticket] = first
        if len(sights) == 1 and sights[0].reason is Reason.ADMITTED:
            return  # as most tickets of most evenings
        _keep(self._unseen, ticket, tickets.unseen_exits(sights))
        _keep(self._overruled, ticket, tickets.direct_overrides(sights))
        _keep(self._found, key, self._of_ticket(ticket, sights, sold, clocks))

    def _of_ticket(
        self, ticket: str, sights: list[Sight], sold: Sold, clocks: Clocks
    ) -> list[Anomaly]:
        if len(sights) == 1:
            return []
        spent = [one for one in sights if one.act is Act.REFUSAL and one.reason in tickets.SPENT]
        return [
            *tickets.too_fast(ticket, sights, sold, self._limits, clocks),
            *tickets.revoked_returns(ticket, sights),
            *tickets.comes_elsewhere(ticket, spent),
        ]

    def _of_lane(self, key: Key) -> Iterator[Anomaly]:
        sights, limits = self._seen[key], self._limits
        match key[0]:
            case "unknown":
                yield from lanes.bursts(Kind.UNKNOWN_CODES, sights, limits.unknown_codes)
            case "near":
                yield from lanes.bursts(Kind.NEAR_MISSES, sights, limits.near_misses)
            case "code":
                yield from tickets.comes_elsewhere(key[1], sights)
            case "minute":
                yield from lanes.fast_lane(sights, limits.scans_a_minute)
            case "closed":
                yield from lanes.outside_hours(sights)

    def _above_usual(self) -> Iterator[Anomaly]:
        overruled: dict[str, list[Sight]] = defaultdict(list)
        for some in self._overruled.values():
            for sight in some:
                overruled[self._day(sight.at_ms)].append(sight)
        for (kind, day), acts in self._acts.items():
            yield from acts.above_usual(overruled[day] if kind is Kind.OVERRIDES else ())

    def _spread_orders(self, sales: Sales) -> Iterator[Anomaly]:
        for order, first in self._first.items():
            for one in tickets.order_spread(order, first, self._limits.order_parties):
                if sales.order_size(order) <= tickets.ORDER_MOST:
                    yield one

    def _exits(self) -> Iterator[Anomaly]:
        by_gate: dict[tuple[str, str], list[Sight]] = defaultdict(list)
        for unseen in self._unseen.values():
            for sight in unseen:
                by_gate[sight.gate, self._day(sight.at_ms)].append(sight)
        for (gate, day), unseen in by_gate.items():
            yield from lanes.exits(gate, unseen, self._went_out[gate, day])

    def _day(self, at_ms: int) -> str:
        hour = (at_ms - NIGHT_MS) // 3_600_000
        if hour not in self._days:
            self._days[hour] = moment_of(hour * 3600, self._zone).day
        return self._days[hour]

    def _is_open(self, at_ms: int) -> bool:
        minute = at_ms // 60_000
        if not 0 <= at_ms < MAD_MS:  # whoever lies about its clock is told by other means
            return True
        if minute not in self._open:
            grace_s = HOURS_GRACE_S
            is_over = 0 < self._limits.ends_s < minute * 60 - grace_s
            self._open[minute] = not is_over and is_open(self._hours, minute * 60, grace_s, grace_s)
        return self._open[minute]


def _keep(kept: dict[K, list[V]], key: K, found: list[V]) -> None:
    """What was found now, in the place of what was found before; nothing of nothing."""
    kept.pop(key, None)
    if found:
        kept[key] = found
