"""How often honest evenings alarm, what is found of fraud, and that order of arrival is nothing."""

import os
import random
from collections import Counter
from collections.abc import Callable

import pytest

from gate.core.anomalies.anomaly import Anomaly, Kind, Limits
from gate.core.anomalies.evening import Evening
from gate.core.weekly_hours import parse_weekly
from tests.support.evenings import FRAUDS, HOURS, Night

EVENINGS = 20 * int(os.environ.get("GATE_TEST_EVENINGS", "3"))
WITH_FRAUD = max(6, EVENINGS // 10)
LEAST_CAUGHT = {Kind.TOO_FAST: 0.8, Kind.COMES_ELSEWHERE: 0.4, Kind.ORDER_SPREAD: 0.15}
"""The other rules find nearly all; see ``benchmarks/bench_anomalies.py``."""


def false_alarms() -> Counter[Kind]:
    """What is found on evenings without fraud."""
    found: Counter[Kind] = Counter()
    for seed in range(EVENINGS):
        night = Night(seed)
        found.update(one.kind for one in night.found().find(night))
    return found


def is_believable(found: Counter[Kind]) -> bool:
    """Less than one false alarm in twenty evenings, and what chance adds to so few."""
    return found.total() <= EVENINGS / 20 + 3


@pytest.mark.long
def test_honest_evenings_hardly_alarm() -> None:
    """A supervisor who is called for nothing does not come the next time."""
    found = false_alarms()
    assert is_believable(found), found


MUTATIONS: list[tuple[str, object]] = [
    ("gate.core.anomalies.tickets.OCCASIONS", 2),
    ("gate.core.anomalies.evening.HOURS_GRACE_S", -4 * 3600),
]


@pytest.mark.long
@pytest.mark.parametrize(("target", "value"), MUTATIONS)
def test_a_rule_that_is_too_eager_is_seen(
    target: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutations: each of these limits is what keeps the alarms few."""
    monkeypatch.setattr(target, value)
    assert not is_believable(false_alarms())


@pytest.mark.examples(7)
@pytest.mark.parametrize("fraud", FRAUDS, ids=lambda fraud: fraud.__name__)
def test_fraud_is_found(fraud: Callable[[Night], None]) -> None:
    """On most evenings on which it happens; where it looks like honest people, on some."""
    kind, caught = FRAUDS[fraud], 0
    for seed in range(WITH_FRAUD):
        night = Night(10_000_000 + seed)
        fraud(night)
        caught += any(one.kind is kind for one in night.found().find(night))
    assert caught >= LEAST_CAUGHT.get(kind, 0.8) * WITH_FRAUD


def in_pieces(night: Night, seed: int) -> list[Anomaly]:
    """What is found in the end when entries come in another order, and it is asked in between."""
    chance = random.Random(seed)
    sights = list(night.sights)
    chance.shuffle(sights)
    evening = Evening(Limits(walks=night.walks, hours=parse_weekly(HOURS)))
    while sights:
        count = chance.randint(1, 900)
        piece, sights = sights[:count], sights[count:]
        evening.add([*piece, *piece[:5]])
        evening.find(night)
    return evening.find(night)


def dishonest(seed: int) -> Night:
    """An evening with all frauds at once."""
    night = Night(seed)
    for fraud in FRAUDS:
        fraud(night)
    return night


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_order_the_same_is_found(seed: int) -> None:
    """Law 8: in pieces, shuffled, some twice, with questions in between."""
    night = dishonest(seed)
    at_once = night.found().find(night)
    assert in_pieces(night, seed) == at_once
    assert len(at_once) > len(FRAUDS) // 2


@pytest.mark.long
def test_what_is_not_looked_at_anew_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: who looks at a ticket or a lane once only finds less."""

    def put(self: Evening, key: tuple[str, ...], sight: object) -> None:
        if key not in self._seen:
            self._touched.add(key)
        self._seen[key].append(sight)  # type: ignore[arg-type]

    monkeypatch.setattr(Evening, "_put", put)
    night = dishonest(0)
    assert in_pieces(night, 0) != night.found().find(night)
