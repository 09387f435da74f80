"""What is unlike an honest evening about a lane or a gate."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from gate.core.anomalies.anomaly import MOST_NAMED, Anomaly, Kind, Severity
from gate.core.anomalies.sight import Sight

TOGETHER_MS = 10 * 60_000
"""Within which unknown codes make a burst."""
ADMISSIONS_OUTSIDE = 3
"""So many at a lane: one or two are somebody whom the crew knows."""
EXITS_LEAST = 10
"""So many people who were never seen coming in, at one gate."""
EXITS_SHARE = 0.1
"""Of all whom the gate let out; fewer came in at a moment when nobody scanned."""


def bursts(kind: Kind, sights: Iterable[Sight], least: int) -> Iterator[Anomaly]:
    """Each time in which a lane saw ``least`` different codes within ten minutes."""
    ordered = sorted(sights, key=lambda one: one.at_ms)
    within: Counter[str] = Counter()
    left, first, last = 0, -1, -1
    for right, sight in enumerate(ordered):
        within[sight.code] += 1
        while sight.at_ms - ordered[left].at_ms > TOGETHER_MS:
            _drop(within, ordered[left].code)
            left += 1
        if len(within) < least:
            continue
        if first >= 0 and left > last:
            yield _burst(kind, ordered[first : last + 1])
            first = -1
        first, last = (left if first < 0 else first), right
    if first >= 0:
        yield _burst(kind, ordered[first : last + 1])


def _drop(within: Counter[str], code: str) -> None:
    within[code] -= 1
    if not within[code]:
        del within[code]


def _burst(kind: Kind, sights: Sequence[Sight]) -> Anomaly:
    gate = sights[0].gate
    codes = len({one.code for one in sights})
    return made(kind, Severity.HIGH, gate, sights, count=codes, gates=(gate,))


def fast_lane(minute: Sequence[Sight], most: int) -> Iterator[Anomaly]:
    """A lane's admissions of one minute by the clock since its start, if too many."""
    if len(minute) > most:
        gate = minute[0].gate
        count = len(minute)
        yield made(Kind.FAST_LANE, Severity.HIGH, gate, minute, count=count, usual=most)


def outside_hours(closed: Sequence[Sight]) -> Iterator[Anomaly]:
    """A lane's admissions of one day while the event was closed, if more than one or two."""
    if len(closed) >= ADMISSIONS_OUTSIDE:
        gate = closed[0].gate
        yield made(Kind.OUTSIDE_HOURS, Severity.HIGH, gate, closed, count=len(closed))


def exits(gate: str, unseen: Sequence[Sight], went_out: int) -> Iterator[Anomaly]:
    """People whom a gate let out on tickets on which nobody was in, of all whom it let out."""
    people = sum(one.persons for one in unseen)
    if people >= EXITS_LEAST and people >= EXITS_SHARE * went_out:
        yield made(Kind.EXITS, Severity.HIGH, gate, unseen, count=people, out_of=went_out)


def made(
    kind: Kind,
    severity: Severity,
    about: str,
    sights: Iterable[Sight],
    *,
    count: int,
    out_of: int = 0,
    usual: float = 0.0,
    gates: tuple[str, ...] = (),
    is_code: bool = False,
) -> Anomaly:
    """An anomaly that rests on these entries, at their gates where none are named."""
    ordered = sorted(sights, key=lambda one: (one.at_ms, one.name))
    return Anomaly(
        kind=kind,
        severity=severity,
        about=about,
        gates=gates or tuple(dict.fromkeys(one.gate for one in ordered)),
        at_ms=ordered[0].at_ms,
        until_ms=ordered[-1].at_ms,
        count=count,
        out_of=out_of,
        usual=usual,
        is_code=is_code,
        entries=tuple(one.name for one in ordered[:MOST_NAMED]),
    )
