"""Made-up evenings at a venue, as the entries that its gates would write: honest ones, and frauds.

One seed is one evening. What honest people do wrong is in here as well: they come with another
day's ticket, to the wrong gate, try again elsewhere, show one phone twice; staff undo by mistake,
overrule, let a class in from one sheet, wave people through when a gate is down; scanners misread;
gates are offline; clocks differ.
"""

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gate.core.anomalies.anomaly import Kind, Limits, Sold
from gate.core.anomalies.evening import Evening
from gate.core.anomalies.sight import Sight
from gate.core.entry import Act
from gate.core.outcome import Flag, Reason
from gate.core.weekly_hours import parse_weekly

DOORS_S = int(datetime(2026, 12, 31, 18, tzinfo=UTC).timestamp())
CLOSED_S = DOORS_S + 6 * 3600
HOURS = "Mon-Sun 17:30-23:59"
_LIKE, _NEAR = (Flag.SHAPED.value,), (Flag.SHAPED.value, Flag.NEAR.value)


@dataclass(slots=True)
class Lane:
    """A lane, its clock, and who stands at it."""

    gate: str
    device: str
    operator: str
    ahead_ms: int
    error_ms: int
    pace_s: float
    noise: float
    clumsy: float
    is_cut_off: bool
    """Since its start: its clock was never compared, and it knows nothing of what others did."""
    seq: int = 0
    free_s: float = 0.0


@dataclass
class Night:
    """One evening; made by ``honest``, made worse by one of ``FRAUDS``."""

    seed: int
    chance: random.Random = field(init=False)
    sights: list[Sight] = field(default_factory=list)
    tickets: dict[str, Sold] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    lanes: list[Lane] = field(default_factory=list)
    walks: dict[frozenset[str], int] = field(default_factory=dict)
    used: list[tuple[str, Lane, float]] = field(default_factory=list)
    """Tickets that went in: where, and when."""
    coming: list[tuple[float, int, Lane, str]] = field(default_factory=list)
    codes: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._build()
        self._sell_and_let_in()
        self._crew()

    def sold(self, tickets: Collection[str]) -> Mapping[str, Sold]:
        """As the list has them."""
        return {ticket: self.tickets[ticket] for ticket in tickets if ticket in self.tickets}

    def order_size(self, order: str) -> int:
        """As the list has it."""
        return self.orders.get(order, 0)

    def found(self, *, with_walks: bool = True) -> Evening:
        """The evening as the rules see it."""
        limits = Limits(walks=self.walks if with_walks else {}, hours=parse_weekly(HOURS))
        evening = Evening(limits)
        evening.add(self.sights)
        return evening

    def _build(self) -> None:
        chance = self.chance
        gates = [f"G{n}" for n in range(chance.choice([2, 3, 4, 4, 5, 6, 8]))]
        places = {gate: (chance.uniform(0, 300), chance.uniform(0, 300)) for gate in gates}
        operators = [f"op{n}" for n in range(len(gates) * 2)]
        for gate in gates:
            for n in range(chance.choice([1, 1, 2, 3])):
                self.lanes.append(
                    Lane(
                        gate,
                        f"{gate}{n}",
                        chance.choice(operators),
                        ahead_ms=int(chance.gauss(0, 2_000)),
                        error_ms=chance.choice([20, 50, 100, 400]),
                        pace_s=chance.choice([1.6, 2.5, 3.5, 5.0]),
                        noise=0.03 if chance.random() < 0.03 else 0.003,
                        is_cut_off=chance.random() < 0.05,
                        clumsy=0.012 if chance.random() < 0.05 else 0.002,
                    )
                )
        for one in gates:
            for other in gates:
                (x, y), (u, v) = places[one], places[other]
                metres = abs(x - u) + abs(y - v)
                if one < other:
                    # Somebody who runs does 4 m/s; the organiser says what a runner needs.
                    self.walks[frozenset((one, other))] = max(8, int(metres / 4))

    def at(self, gate: str) -> Lane:
        """One of a gate's lanes."""
        return self._free([lane for lane in self.lanes if lane.gate == gate])

    def _free(self, lanes: list[Lane]) -> Lane:
        """A lane as people choose one: the quicker it moves, the more go there."""
        return self.chance.choices(lanes, [1 / lane.pace_s for lane in lanes])[0]

    def elsewhere(self, lane: Lane) -> tuple[Lane, float]:
        """A lane of another gate, and how long an honest walk there takes, queue and all."""
        others = [one for one in self.lanes if one.gate != lane.gate]
        other = self.chance.choice(others)
        walk_s = self.walks[frozenset((lane.gate, other.gate))]
        return other, walk_s * self.chance.uniform(1.5, 4) + self.chance.uniform(8, 120)

    def write(
        self,
        lane: Lane,
        at_s: float,
        act: Act,
        ticket: str = "",
        *,
        reason: Reason | None = None,
        code: str = "",
        flags: tuple[str, ...] = (),
        target: str = "",
        operator: str = "",
        persons: int = 0,
    ) -> Sight:
        """An entry of a lane at a moment."""
        lane.seq += 1
        at_ms = int(at_s * 1000)
        error_ms = int(self.chance.uniform(-lane.error_ms, lane.error_ms))
        sight = Sight(
            f"{lane.device}.1",
            lane.seq,
            act,
            at_ms - lane.ahead_ms + error_ms,
            at_ms,
            gate=lane.gate,
            operator=operator or lane.operator,
            ticket=ticket,
            code=code,
            reason=reason,
            persons=persons or int(act in (Act.ADMISSION, Act.EXIT)),
            flags=flags,
            target=target,
            server_ahead_ms=None if lane.is_cut_off else lane.ahead_ms,
            server_error_ms=None if lane.is_cut_off else lane.error_ms,
        )
        self.sights.append(sight)
        return sight

    def unknown(self, lane: Lane, at_s: float, flags: tuple[str, ...] = (), code: str = "") -> str:
        """Somebody shows what is nobody's."""
        self.codes += 1
        code = code or f"c{self.codes}"
        self.write(lane, at_s, Act.REFUSAL, reason=Reason.UNKNOWN, code=code, flags=flags)
        return code

    def arrival(self) -> float:
        """When somebody comes: most within the first hour and a half."""
        return DOORS_S + min(4.5 * 3600, self.chance.gammavariate(4, 1500))

    def queue(self, lane: Lane, at_s: float) -> float:
        """When somebody who comes at a moment has their turn."""
        pace_s = lane.pace_s * self.chance.uniform(0.7, 1.8)
        lane.free_s = max(at_s, lane.free_s + pace_s)
        return lane.free_s

    def _sell_and_let_in(self) -> None:
        chance = self.chance
        fit = int(sum(8000 / (lane.pace_s * 1.25) for lane in self.lanes))
        guests = min(fit, int(chance.lognormvariate(7.4, 0.7)))
        number, sold = 0, 0
        while sold < guests:
            number += 1
            kind = chance.random()
            if kind < 0.02:
                size, parties = chance.randint(8, 60), 0
            elif kind < 0.1:
                size = chance.randint(4, 10)
                parties = 1 + int(chance.expovariate(1.6))
            else:
                size = chance.choice([1, 1, 2, 2, 2, 3, 4, 5])
                parties = 2 if size > 2 and chance.random() < 0.2 else 1
            sold += size
            order = f"o{number}"
            self.orders[order] = size
            self._come(order, size, parties or size)
        for at_s, _number, lane, ticket in sorted(self.coming, key=lambda one: one[:2]):
            self._one(ticket, self.tickets[ticket].party_size, lane, self.queue(lane, at_s))
        if chance.random() < 0.05:
            self._gate_down()
        for _group in range(int(chance.expovariate(2))):
            self._another_day()
        if chance.random() < 0.05:
            self._class_on_a_sheet()

    def _come(self, order: str, size: int, parties: int) -> None:
        """An order's people, in so many parties; each mostly at the gate that is theirs."""
        chance = self.chance
        home = self._free(self.lanes).gate
        for party in range(min(parties, size)):
            at_s = self.arrival()
            near = party == 0 or chance.random() < 0.6
            lane = self.at(home) if near else self._free(self.lanes)
            for n in range(party, size, parties):
                ticket = f"{order}-{n}"
                family = chance.choice([2, 3, 4]) if chance.random() < 0.03 else 1
                self.tickets[ticket] = Sold(order, family)
                if chance.random() < 0.93:
                    self.coming.append((at_s, len(self.coming), lane, ticket))

    def _one(self, ticket: str, family: int, lane: Lane, at_s: float) -> None:
        """One ticket's evening."""
        chance = self.chance
        luck = chance.random()
        if chance.random() < lane.noise:
            kind = chance.random()
            self.unknown(lane, at_s - 1, _NEAR if kind < 0.02 else _LIKE if kind < 0.3 else ())
        if luck < 0.0005:
            self._refunded(ticket, lane, at_s)
            return
        if luck < 0.015:
            self.write(lane, at_s, Act.REFUSAL, ticket, reason=Reason.WRONG_ENTRANCE)
            lane, walk_s = self.elsewhere(lane)
            at_s += walk_s
        elif luck < 0.02:
            self._refused(ticket, lane, at_s)
            return
        for person in range(family):
            spot = self.elsewhere(lane)[0] if person and chance.random() < 0.2 else lane
            made = self.write(spot, at_s + person, Act.ADMISSION, ticket, reason=Reason.ADMITTED)
        if luck > 0.985:  # the phone that was shown already, of another child
            where, walk_s = (lane, 5.0) if chance.random() < 0.9 else self.elsewhere(lane)
            is_in = where.is_cut_off and where is not lane
            act = Act.ADMISSION if is_in else Act.REFUSAL
            for again in range(1 + (chance.random() < 0.3)):
                self.write(
                    where, at_s + walk_s + again * 9, act, ticket, reason=Reason.ALREADY_USED
                )
        elif chance.random() < lane.clumsy:
            self.write(lane, at_s + 8, Act.ANNULMENT, ticket, target=made.name)
            self.write(lane, at_s + 15, Act.ADMISSION, ticket, reason=Reason.ADMITTED)
        elif chance.random() < 0.15:
            self._smoke(ticket, lane, at_s)
        self.used.append((ticket, lane, at_s))

    def _smoke(self, ticket: str, lane: Lane, at_s: float) -> None:
        chance = self.chance
        out = lane if chance.random() < 0.6 else self.elsewhere(lane)[0]
        out_s = at_s + 400 + chance.expovariate(1 / 4000)
        if out_s > CLOSED_S - 1800:
            return
        self.write(out, out_s, Act.EXIT, ticket, reason=Reason.EXITED)
        if chance.random() < 0.8:
            back = out if chance.random() < 0.8 else self.elsewhere(out)[0]
            again_s = min(CLOSED_S, out_s + 150 + chance.expovariate(1 / 600))
            self.write(back, again_s, Act.ADMISSION, ticket, reason=Reason.REENTRY)

    def _refunded(self, ticket: str, lane: Lane, at_s: float) -> None:
        """Who was refunded and comes all the same: once, at once again, at one more gate."""
        chance = self.chance
        self.write(lane, at_s, Act.REFUSAL, ticket, reason=Reason.REVOKED)
        if chance.random() < 0.4:
            self.write(lane, at_s + 20, Act.REFUSAL, ticket, reason=Reason.REVOKED)
        while chance.random() < 0.2:
            lane, walk_s = self.elsewhere(lane)
            at_s += walk_s
            self.write(lane, at_s, Act.REFUSAL, ticket, reason=Reason.REVOKED)

    def _refused(self, ticket: str, lane: Lane, at_s: float) -> None:
        """Refused for a reason that a supervisor overrules now and then, there or at a desk."""
        chance = self.chance
        self.write(lane, at_s, Act.REFUSAL, ticket, reason=Reason.TOO_LATE)
        if chance.random() < 0.4 and self.seed % 2:  # every other venue has a desk
            desk = self.lanes[0]
            lane, at_s = desk, at_s + 200
            self.write(desk, at_s, Act.REFUSAL, ticket, reason=Reason.TOO_LATE)
            if chance.random() < 0.5:
                self._overrule(desk, at_s + 30, ticket, "desk")
        elif chance.random() < (0.25 if lane.operator in ("op0", "op1") else 0.08):
            self._overrule(lane, at_s + 30, ticket, lane.operator)

    def _overrule(self, lane: Lane, at_s: float, ticket: str, who: str) -> None:
        self.write(lane, at_s, Act.ADMISSION, ticket, reason=Reason.OVERRIDE, operator=who)

    def _gate_down(self) -> None:
        """A gate waves people through for some minutes; some of them go out for a smoke later."""
        chance, lane = self.chance, self.chance.choice(self.lanes)
        for n in range(chance.randint(10, 60)):
            ticket = f"w{n}"
            self.tickets[ticket] = Sold()
            if chance.random() < 0.15:
                out = lane if chance.random() < 0.5 else self.elsewhere(lane)[0]
                out_s = DOORS_S + 7200 + chance.expovariate(1 / 4000)
                self.write(out, out_s, Act.EXIT, ticket, reason=Reason.EXITED)

    def _another_day(self) -> None:
        """Friends who have come on the wrong day; some ask at another gate."""
        chance, lane = self.chance, self.chance.choice(self.lanes)
        at_s = self.arrival()
        for _guest in range(1 + int(chance.expovariate(0.4))):
            at_s += chance.uniform(4, 30)
            code = self.unknown(lane, at_s, _LIKE if chance.random() < 0.7 else ())
            where, when_s = lane, at_s
            while chance.random() < 0.1:
                where, walk_s = self.elsewhere(where)
                when_s += walk_s
                self.unknown(where, when_s, _LIKE, code)

    def _class_on_a_sheet(self) -> None:
        chance, lane = self.chance, self.chance.choice(self.lanes)
        at_s = DOORS_S + chance.uniform(0, 5000)
        for n in range(chance.randint(15, 32)):
            at_s += chance.uniform(1.2, 2.5)
            self.tickets[f"s{n}"] = Sold()
            self.write(lane, at_s, Act.ADMISSION, f"s{n}", reason=Reason.ADMITTED)

    def _crew(self) -> None:
        """A technician tries a lane in the afternoon; somebody is let in early."""
        chance = self.chance
        for n in range(chance.choice([0, 0, 0, 1, 2])):
            lane = chance.choice(self.lanes)
            self.write(lane, DOORS_S - 9000 + n, Act.ADMISSION, f"t{n}", reason=Reason.ADMITTED)


def copies(night: Night) -> None:
    """Five tickets are shown at two gates by two people at about the same time."""
    for ticket, lane, at_s in night.chance.sample(night.used, 5):
        other = night.elsewhere(lane)[0]
        gap_s = night.chance.uniform(1, 60)
        night.write(other, at_s + gap_s, Act.REFUSAL, ticket, reason=Reason.ALREADY_USED)


def guesses(night: Night) -> None:
    """Somebody tries 15 to 40 codes that look like tickets at a lane within ten minutes."""
    lane, at_s = night.chance.choice(night.lanes), DOORS_S + 5000
    count = night.chance.randint(15, 40)
    for n in range(count):
        night.unknown(lane, at_s + n * 590 / count, _LIKE)


def counting_on(night: Night) -> None:
    """Somebody tries 6 to 12 codes that are counted on from a real one; two in three are seen."""
    lane, at_s = night.chance.choice(night.lanes), DOORS_S + 5000
    for n in range(night.chance.randint(6, 12)):
        night.unknown(lane, at_s + n * 45, _NEAR if night.chance.random() < 0.67 else _LIKE)


def one_fake_for_many(night: Night) -> None:
    """One made-up code was sold to eight people, who come to the gates that are theirs."""
    for _victim in range(8):
        at_s = night.arrival()
        night.unknown(night.chance.choice(night.lanes), at_s, _LIKE, "fake")


def shared_screenshot(night: Night) -> None:
    """One ticket went in, and six others come with a picture of it."""
    ticket, _lane, at_s = night.chance.choice(night.used)
    for _other in range(6):
        lane = night.chance.choice(night.lanes)
        at_s += night.chance.uniform(60, 1800)
        night.write(lane, at_s, Act.REFUSAL, ticket, reason=Reason.ALREADY_USED)


def overruling(night: Night) -> None:
    """A supervisor lets 15 to 30 friends in on tickets that were used."""
    lane = night.chance.choice(night.lanes)
    for ticket, _lane, at_s in night.chance.sample(night.used, night.chance.randint(15, 30)):
        later_s = at_s + 3000
        night.write(lane, later_s, Act.REFUSAL, ticket, reason=Reason.ALREADY_USED)
        night.write(
            lane, later_s + 9, Act.ADMISSION, ticket, reason=Reason.OVERRIDE, operator="mallory"
        )


def undoing(night: Night) -> None:
    """An operator takes 15 to 30 uses back, so that others come in on the same tickets."""
    lane = night.chance.choice(night.lanes)
    here = [one for one in night.used if one[1].device == lane.device]
    here = here or night.used
    for ticket, _lane, at_s in night.chance.sample(here, min(len(here), 25)):
        admission = next(s for s in night.sights if s.ticket == ticket and s.act is Act.ADMISSION)
        at = next(one for one in night.lanes if one.device == admission.device)
        night.write(at, at_s + 60, Act.ANNULMENT, ticket, target=admission.name, operator="mallory")


def pile(night: Night) -> None:
    """A pile of 60 to 150 codes is held up one after the other, two to four a second."""
    lane, at_s = night.chance.choice(night.lanes), DOORS_S + 100.0
    for n in range(night.chance.randint(60, 150)):
        at_s += night.chance.uniform(0.25, 0.5)
        night.write(lane, at_s, Act.ADMISSION, f"p{n}", reason=Reason.ADMITTED)


def made_up_exits(night: Night) -> None:
    """20 to 40 people are let out who never came in, so that tickets are good again."""
    lane = night.chance.choice(night.lanes)
    for n in range(night.chance.randint(20, 40)):
        night.write(lane, DOORS_S + 7000 + n * 20, Act.EXIT, f"x{n}", reason=Reason.EXITED)


def tout(night: Night) -> None:
    """An order of 10 to 12 was sold on, one by one."""
    size = night.chance.randint(10, 12)
    night.orders["tout"] = size
    for n in range(size):
        night.tickets[f"tout-{n}"] = Sold("tout")
        lane = night.chance.choice(night.lanes)
        at_s = night.arrival()
        night.write(lane, at_s, Act.ADMISSION, f"tout-{n}", reason=Reason.ADMITTED)


def refund_and_come(night: Night) -> None:
    """Somebody took the money back and tries four gates, or one of them again later."""
    lane, at_s = night.chance.choice(night.lanes), float(DOORS_S + 2000)
    for _time in range(4):
        night.write(lane, at_s, Act.REFUSAL, "refunded", reason=Reason.REVOKED)
        lane, walk_s = night.elsewhere(lane) if night.chance.random() < 0.7 else (lane, 400.0)
        at_s += walk_s


def after_hours(night: Night) -> None:
    """5 to 20 people are let in at three in the morning."""
    lane = night.chance.choice(night.lanes)
    for n in range(night.chance.randint(5, 20)):
        at_s = DOORS_S + 9 * 3600 + n * 40
        night.write(lane, at_s, Act.ADMISSION, f"h{n}", reason=Reason.ADMITTED)


FRAUDS: dict[Callable[[Night], None], Kind] = {
    copies: Kind.TOO_FAST,
    guesses: Kind.UNKNOWN_CODES,
    counting_on: Kind.NEAR_MISSES,
    one_fake_for_many: Kind.COMES_ELSEWHERE,
    shared_screenshot: Kind.COMES_ELSEWHERE,
    overruling: Kind.OVERRIDES,
    undoing: Kind.UNDOS,
    pile: Kind.FAST_LANE,
    made_up_exits: Kind.EXITS,
    tout: Kind.ORDER_SPREAD,
    refund_and_come: Kind.REVOKED_RETURNS,
    after_hours: Kind.OUTSIDE_HOURS,
}
"""What is done, and by which rule it is to be found."""
