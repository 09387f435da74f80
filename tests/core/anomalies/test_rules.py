"""What is an anomaly, what is not yet one, and that both are seen when a rule is broken."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gate.core.anomalies.anomaly import MOST_NAMED, Anomaly, Kind, Limits, Severity, Sold
from gate.core.anomalies.evening import Evening
from gate.core.anomalies.sight import Clock, Sight, read_sight
from gate.core.entry import Act, Entry
from gate.core.entry_codec import NoEntryError, encode
from gate.core.outcome import Flag, Reason
from gate.core.signed_ticket import Signed
from gate.core.weekly_hours import parse_weekly
from tests.support.venue import NOW_MS

MINUTE = 60_000
LIMITS = Limits(
    walks={frozenset(("N", "S")): 120}, hours=parse_weekly("Mon-Sun 00:00-23:59"), time_zone="UTC"
)
CLOSED = replace(LIMITS, hours=parse_weekly("Mon 03:00-03:01"))
LIKE, NEAR = (Flag.SHAPED.value,), (Flag.SHAPED.value, Flag.NEAR.value)
A_GATE_EACH = ("N", "S", "E", "W")
Case = tuple[list[Sight], Limits]


class Shop:
    """Tickets of these names: t1 to t12 of one order, p1 a family's, big1 to big20 a firm's.

    u1 is in no list.
    """

    def sold(self, tickets: Collection[str]) -> Mapping[str, Sold]:
        """By the names."""
        return {
            one: Sold(one.rstrip("0123456789"), 3 if one.startswith("p") else 1)
            for one in tickets
            if one != "u1"
        }

    def order_size(self, order: str) -> int:
        """Only the firm's is a large one."""
        return 20 if order == "big" else 12


def sight(n: int, act: Act = Act.ADMISSION, gate: str = "N", at_ms: int = 0, **more: Any) -> Sight:
    """An entry as it is read from a journal, at a gate's one device."""
    defaults: dict[str, Any] = {"server_ahead_ms": 0, "server_error_ms": 50, "persons": 1}
    entry = Entry(
        origin=f"{gate.lower() * 4}.1", seq=n, prev="", act=act, at_ms=NOW_MS + at_ms,
        boot_ms=10_000_000 + at_ms, hlc=0, gate=gate, **(defaults | more),
    )  # fmt: skip
    return read_sight(encode(entry))


def twice(seconds: float, gate: str = "S", ticket: str = "t1", **more: Any) -> Case:
    """A ticket at North, and so much later at another gate."""
    later = sight(2, Act.REFUSAL, gate, int(seconds * 1000), ticket=ticket, **more)
    return [sight(1, ticket=ticket), later], LIMITS


def unknown(
    count: int, flags: tuple[str, ...] = LIKE, every_ms: int = 30_000, codes: int = 0
) -> Case:
    """So many scans of unknown codes at one lane, of so many codes."""
    return [
        sight(
            n, Act.REFUSAL, at_ms=n * every_ms, code=f"c{n % (codes or count)}",
            reason=Reason.UNKNOWN, flags=flags,
        )
        for n in range(count)
    ], LIMITS  # fmt: skip


def tried(gates: Iterable[str], reason: Reason, *, code: str = "", every_ms: int = MINUTE) -> Case:
    """The same ticket, or the same code, refused at one gate after the other."""
    about: dict[str, Any] = {"code": code, "flags": LIKE} if code else {"ticket": "t1"}
    return [
        sight(n, Act.REFUSAL, gate, n * every_ms * 5, reason=reason, **about)
        for n, gate in enumerate(gates)
    ], LIMITS


def overrules(kim: int, others: int, *, first_at: str = "N") -> Case:
    """Kim overrules so many of 30 refusals at North, others so many of 200 at South."""
    sights = []
    for n in range(230):
        gate, who, count = ("N", "Kim", kim) if n < 30 else ("S", "Lee", 30 + others)
        at_ms = n * 20_000
        where = first_at if n < 30 else gate
        sights.append(
            sight(2 * n, Act.REFUSAL, where, at_ms, ticket=f"x{n}", reason=Reason.ALREADY_USED)
        )
        if n < count:
            sights.append(
                sight(
                    2 * n + 1, gate=gate, at_ms=at_ms + 9, ticket=f"x{n}", reason=Reason.OVERRIDE,
                    operator=who,
                )
            )  # fmt: skip
    return sights, LIMITS


def undoes(kim: int, *, of: int = 300) -> Case:
    """Kim takes so many admissions at North back."""
    done = [sight(n, at_ms=n * 1200, ticket=f"x{n}") for n in range(of)]
    undone = [
        sight(
            1000 + n, Act.ANNULMENT, at_ms=n * 1200 + 3000, ticket=one.ticket, target=one.name,
            operator="Kim",
        )
        for n, one in enumerate(done[:kim])
    ]  # fmt: skip
    return done + undone, LIMITS


def minute(count: int, **more: Any) -> Case:
    """So many admissions of a lane within one minute."""
    return [
        sight(n, at_ms=800_000 + n * 50_000 // count, ticket=f"x{n}", **more) for n in range(count)
    ], LIMITS


def went_out(unseen: int, seen: int = 50, *, undone: int = 0) -> Case:
    """So many who were never seen coming in, among others who were."""
    came = [sight(n, gate="S", at_ms=n * 9000, ticket=f"x{n}") for n in range(seen + undone)]
    back = [
        sight(500 + n, Act.ANNULMENT, "S", n * 9000 + 5, ticket=one.ticket, target=one.name)
        for n, one in enumerate(came[seen:])
    ]
    out = [
        sight(n, Act.EXIT, at_ms=MINUTE * 90 + n * 9000, ticket=f"x{n}")
        for n in range(seen + undone + unseen)
    ]
    return came + back + out, LIMITS


def ordered(count: int, gates: Iterable[str] = A_GATE_EACH, order: str = "t") -> Case:
    """So many tickets of one order, a quarter of an hour apart."""
    names = list(gates)
    return [
        sight(n, gate=names[n % len(names)], at_ms=n * 15 * MINUTE, ticket=f"{order}{n}")
        for n in range(count)
    ], LIMITS


def at_night(count: int, limits: Limits = CLOSED, **more: Any) -> Case:
    """So many admissions a minute apart."""
    return [sight(n, at_ms=n * MINUTE, ticket=f"x{n}", **more) for n in range(count)], limits


IS: dict[Kind, dict[str, Case]] = {
    Kind.TOO_FAST: {
        "sooner than the walk": twice(110),
        "sooner than any walk": twice(5, "W"),
    },
    Kind.UNKNOWN_CODES: {"twelve within ten minutes": unknown(12)},
    Kind.NEAR_MISSES: {"four within ten minutes": unknown(4, NEAR)},
    Kind.COMES_ELSEWHERE: {
        "used, at three gates": tried("NSE", Reason.ALREADY_USED),
        "unknown, at three gates": tried("NSE", Reason.UNKNOWN, code="c1"),
    },
    Kind.OVERRIDES: {"half of them, where one in a hundred is usual": overrules(15, 2)},
    Kind.UNDOS: {"fifteen of three hundred": undoes(15)},
    Kind.FAST_LANE: {"51 in a minute": minute(51)},
    Kind.EXITS: {
        "twelve of sixty": went_out(12),
        "whose admission was taken back": went_out(0, undone=12),
    },
    Kind.ORDER_SPREAD: {"eight tickets one by one at four gates": ordered(8)},
    Kind.REVOKED_RETURNS: {
        "four gates": tried("NSEW", Reason.REVOKED),
        "one gate, again and again": tried("NNNN", Reason.REVOKED, every_ms=2 * MINUTE),
    },
    Kind.OUTSIDE_HOURS: {
        "three while it is closed": at_night(3),
        "after the event's end": at_night(3, replace(LIMITS, ends_s=NOW_MS // 1000 - 2000)),
    },
}
IS_NOT: dict[Kind, dict[str, Case]] = {
    Kind.TOO_FAST: {
        "time to walk": twice(125),
        "the same gate": twice(5, "N"),
        "a family's ticket": twice(5, ticket="p1"),
        "a family's that is in no list": twice(5, ticket="u1", signed=Signed("u1", "A", party=3)),
        "a clock that nobody compared": twice(5, server_error_ms=None),
        "a clock that is not believed": twice(5, trusted=False),
        "found by name": twice(5, source="manual"),
        "ticked on paper": twice(5, source="paper"),
        "a clock that may be wrong by as much": twice(100, server_error_ms=20_000),
    },
    Kind.UNKNOWN_CODES: {
        "eleven": unknown(11),
        "not like tickets": unknown(12, ()),
        "one code again and again": unknown(20, codes=2),
        "over twenty minutes": unknown(12, every_ms=2 * MINUTE),
    },
    Kind.NEAR_MISSES: {"three": unknown(3, NEAR), "only like tickets": unknown(6)},
    Kind.COMES_ELSEWHERE: {
        "two gates": tried("NSNS", Reason.ALREADY_USED),
        "sent on": tried("NSE", Reason.WRONG_ENTRANCE),
    },
    Kind.OVERRIDES: {
        "seven": overrules(7, 0),
        "as the others do": overrules(10, 60),
        "sent to the desk": overrules(15, 2, first_at="E"),
    },
    Kind.UNDOS: {"eleven": undoes(11), "thrice the usual": undoes(60, of=4000)},
    Kind.FAST_LANE: {"50 in a minute": minute(50), "on paper": minute(80, source="paper")},
    Kind.EXITS: {"nine of sixty": went_out(9), "few of many": went_out(11, 150)},
    Kind.ORDER_SPREAD: {
        "seven": ordered(7),
        "three gates": ordered(8, "NSE"),
        "mostly at one gate": ordered(8, "NNNNSNEW"),
        "a firm's": ordered(12, order="big"),
    },
    Kind.REVOKED_RETURNS: {
        "three": tried("NSE", Reason.REVOKED),
        "at once again": tried("NNNN", Reason.REVOKED),
    },
    Kind.OUTSIDE_HOURS: {
        "two": at_night(2),
        "while it is open": at_night(9, LIMITS),
        "a clock that is not believed": at_night(3, trusted=False),
    },
}


def found(case: Case) -> list[Anomaly]:
    """What the rules find."""
    sights, limits = case
    evening = Evening(limits)
    evening.add(sights)
    return evening.find(Shop())


def wrong(kind: Kind) -> list[str]:
    """Lines of the table that are not as they say."""
    missed = [name for name, case in IS[kind].items() if kind not in {a.kind for a in found(case)}]
    false = [name for name, case in IS_NOT[kind].items() if kind in {a.kind for a in found(case)}]
    return missed + false


@pytest.mark.parametrize("kind", Kind)
def test_the_table(kind: Kind) -> None:
    """Every line of it is as it says."""
    assert wrong(kind) == []


MUTATIONS: dict[Kind, list[tuple[str, object]]] = {
    Kind.TOO_FAST: [
        ("gate.core.anomalies.tickets.too_fast", lambda *_: ()),
        ("gate.core.anomalies.tickets.told", lambda _sights: Sold()),
        ("gate.core.anomalies.sight.DRIFT_MS", 60_000),
        ("gate.core.anomalies.tickets.BY_HAND", frozenset()),
    ],
    Kind.UNKNOWN_CODES: [
        ("gate.core.anomalies.lanes.bursts", lambda *_: ()),
        ("gate.core.anomalies.lanes.TOGETHER_MS", 60 * MINUTE),
        ("gate.core.anomalies.lanes.TOGETHER_MS", MINUTE),
    ],
    Kind.NEAR_MISSES: [
        ("gate.core.anomalies.lanes.bursts", lambda *_: ()),
        ("gate.core.anomalies.lanes.TOGETHER_MS", 0),
        ("gate.core.anomalies.evening.Flag", SimpleNamespace(SHAPED=LIKE[0], NEAR=LIKE[0])),
    ],
    Kind.COMES_ELSEWHERE: [
        ("gate.core.anomalies.tickets.GATES_TRIED", 4),
        ("gate.core.anomalies.tickets.GATES_TRIED", 2),
        ("gate.core.anomalies.tickets.SPENT", frozenset(Reason)),
    ],
    Kind.OVERRIDES: [
        ("gate.core.anomalies.operators.LEAST", {Kind.OVERRIDES: 7}),
        ("gate.core.anomalies.operators.LEAST", {Kind.OVERRIDES: 16}),
        ("gate.core.anomalies.operators._tail", lambda *_: 1.0),
        ("gate.core.anomalies.evening.tickets.direct_overrides", lambda sights: [
            one for one in sights if one.reason is Reason.OVERRIDE
        ]),
    ],
    Kind.UNDOS: [
        ("gate.core.anomalies.operators.LEAST", {Kind.OVERRIDES: 8, Kind.UNDOS: 11}),
        ("gate.core.anomalies.operators.LEAST", {Kind.OVERRIDES: 8, Kind.UNDOS: 16}),
        ("gate.core.anomalies.operators.TIMES_USUAL", 1),
    ],
    Kind.FAST_LANE: [
        ("gate.core.anomalies.lanes.fast_lane", lambda *_: ()),
        ("gate.core.anomalies.evening.BY_HAND", frozenset()),
    ],
    Kind.EXITS: [
        ("gate.core.anomalies.lanes.EXITS_LEAST", 9),
        ("gate.core.anomalies.lanes.EXITS_LEAST", 13),
        ("gate.core.anomalies.lanes.EXITS_SHARE", 0.0),
    ],
    Kind.ORDER_SPREAD: [
        ("gate.core.anomalies.tickets.ORDER_GATES", 3),
        ("gate.core.anomalies.tickets.ORDER_GATES", 5),
        ("gate.core.anomalies.tickets.ORDER_SHARE", 1.0),
        ("gate.core.anomalies.tickets.ORDER_MOST", 20),
    ],
    Kind.REVOKED_RETURNS: [
        ("gate.core.anomalies.tickets.OCCASIONS", 3),
        ("gate.core.anomalies.tickets.OCCASIONS", 5),
        ("gate.core.anomalies.tickets.AGAIN_MS", 0),
    ],
    Kind.OUTSIDE_HOURS: [
        ("gate.core.anomalies.lanes.ADMISSIONS_OUTSIDE", 2),
        ("gate.core.anomalies.lanes.ADMISSIONS_OUTSIDE", 4),
        ("gate.core.anomalies.evening.HOURS_GRACE_S", 7 * 86_400),
    ],
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "target", "value"),
    [(kind, *one) for kind, some in MUTATIONS.items() for one in some],
)
def test_a_broken_rule_is_seen(
    kind: Kind, target: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutations: a rule that is taken out, too eager or too slow breaks a line of its table."""
    monkeypatch.setattr(target, value)
    assert wrong(kind) != []


def test_what_an_anomaly_says() -> None:
    """Both entries, both gates, from when to when, and that nobody got in twice."""
    (one,) = found(twice(110))
    assert one == Anomaly(
        Kind.TOO_FAST, Severity.LOW, "t1", ("N", "S"), NOW_MS, NOW_MS + 110_000, 112, 0, 120,
        False, ("nnnn.1:1", "ssss.1:2"),
    )  # fmt: skip
    sights, _limits = twice(110)
    sights[1].act = Act.ADMISSION
    (one,) = found((sights, LIMITS))
    assert one.severity is Severity.HIGH


def test_not_more_than_so_many_entries_are_named() -> None:
    """A flood makes no page that nobody can load."""
    (one,) = found(minute(300))
    assert (one.count, len(one.entries)) == (300, MOST_NAMED)


def test_a_clock_that_only_this_gate_has_compared() -> None:
    """Without a server, how far the others' clocks are ahead of this one is what there is."""
    sights, limits = twice(5, server_error_ms=None, server_ahead_ms=None)
    sights[0].server_error_ms = None
    evening = Evening(limits)
    evening.add(sights)
    clocks = {"nnnn": Clock(0, 0), "ssss": Clock(0, 100)}
    assert [one.kind for one in evening.find(Shop(), clocks=clocks)] == [Kind.TOO_FAST]
    evening.add([sight(9, Act.REFUSAL, "S", 5000, ticket="t1")])
    behind = clocks | {"ssss": Clock(900_000, 100)}
    assert [one.kind for one in evening.find(Shop(), clocks=behind)] == [Kind.TOO_FAST]


def test_what_is_off_is_not_found() -> None:
    """An event says which rules are not for it."""
    sights, limits = ordered(8)
    assert found((sights, replace(limits, off=frozenset({Kind.ORDER_SPREAD})))) == []


def test_while_a_gate_is_missing_exits_say_nothing() -> None:
    """Who went out may have come in where nobody is heard."""
    sights, limits = went_out(12)
    evening = Evening(limits)
    evening.add(sights)
    assert evening.find(Shop(), is_complete=False) == []
    assert [one.kind for one in evening.find(Shop())] == [Kind.EXITS]


@pytest.mark.parametrize("at_ms", [-1, 10**18, -(10**18)])
def test_a_mad_clock_breaks_nothing(at_ms: int) -> None:
    """Entries of any time are looked at."""
    case = [sight(n, at_ms=at_ms, ticket=f"x{n}") for n in range(5)], CLOSED
    assert all(one.kind is not Kind.FAST_LANE for one in found(case))


def test_what_is_no_entry_is_not_read() -> None:
    """Bytes that say nothing, or another thing."""
    for body in (b"", b"{}", b"[]", b'{"origin": 5}'):
        with pytest.raises(NoEntryError):
            read_sight(body)
