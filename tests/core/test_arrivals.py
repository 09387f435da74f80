"""The curve of an evening as a table: what came, what will, and when the queue is gone."""

import pytest

from gate.core import arrivals as module
from gate.core.arrivals import AHEAD, SHOWN, Step, arrivals

NOW = 30_000
"""A whole five minutes."""


def evenly(people: int, first: int, end: int) -> dict[int, int]:
    """So many each minute, by minutes from ``NOW``."""
    return {NOW + minute: people for minute in range(first, end)}


@pytest.mark.parametrize(
    ("minutes", "now", "five", "quarter", "peak"),
    [
        ({}, 0, 0, 0, 0),
        ({NOW: 4, NOW - 1: 3}, 4, 0.6, 0.2, 4),
        ({NOW: 1, NOW - 1: 3}, 3, 0.6, 0.2, 3),
        (evenly(6, -15, 0), 6, 6, 6, 6),
        (evenly(6, -15, 0) | evenly(12, -5, 0), 12, 12, 8, 12),
        ({NOW + 1: 99}, 0, 0, 0, 0),
        ({NOW - 40: 9}, 0, 0, 0, 9),
        ({NOW - 1: -3}, 0, 0, 0, 0),
    ],
    ids=["nobody", "this one", "one before", "even", "faster", "later", "long ago", "undone"],
)  # fmt: skip
def test_pace(minutes: dict[int, int], now: int, five: float, quarter: float, peak: int) -> None:
    """People a minute now, in 5 and 15 whole minutes, and in the busiest one."""
    pace = arrivals(minutes, NOW, 1000).pace
    assert (pace.now, pace.five, pace.quarter, pace.peak) == (now, five, quarter, peak)


def test_the_past_is_whole_steps() -> None:
    """From the first that anybody came in to the one that has begun, also where nobody came."""
    found = arrivals({NOW - 11: 2, NOW - 10: 1, NOW + 2: 5}, NOW + 2, 0).steps
    assert found == (Step(NOW - 15, 2), Step(NOW - 10, 1), Step(NOW - 5, 0), Step(NOW, 5))


def test_the_past_is_bounded() -> None:
    """A park that is open for a season shows its last eight hours."""
    steps = arrivals({NOW - 100_000: 1, NOW: 1}, NOW, 0).steps
    assert len(steps) == SHOWN
    assert steps[-1] == Step(NOW, 1)


@pytest.mark.parametrize(
    ("minutes", "remaining", "people"),
    [
        (evenly(10, -30, 0), 120, [50, 50, 20]),
        (evenly(16, -30, -15) | evenly(2, -15, 0), 1000, [5, 2, 1, 1]),
        (evenly(8, -30, -15) | evenly(16, -15, 0), 100, [80, 20]),
        (evenly(10, -30, 0), 0, []),
        (evenly(10, -60, -20), 500, []),
        ({}, 500, []),
    ],
    ids=["even", "falling", "rising goes on evenly", "all are there", "stopped", "nobody yet"],
)
def test_forecast(minutes: dict[int, int], remaining: int, people: list[int]) -> None:
    """It goes on as the last quarter of an hour did beside the one before, until all are there."""
    ahead = [step for step in arrivals(minutes, NOW, remaining).steps if step.is_forecast]
    assert [step.people for step in ahead] == people
    assert [step.minute for step in ahead] == [NOW + 5 * n + 5 for n in range(len(people))]


@pytest.mark.parametrize(
    ("minutes", "remaining", "is_rush", "over"),
    [
        (evenly(10, -30, 0), 120, True, 20),
        (evenly(16, -30, -15) | evenly(8, -15, 0), 1000, True, 20),
        (evenly(20, -60, -30) | evenly(1, -30, 0), 1000, False, None),
        (evenly(10, -30, 0), 100_000, True, None),
        (evenly(10, -30, 0), 0, True, None),
        ({}, 500, False, None),
    ],
    ids=["all will be there", "it fades", "it is over", "no end", "none expected", "nobody yet"],
)
def test_the_queue(
    minutes: dict[int, int], remaining: int, is_rush: bool, over: int | None
) -> None:
    """Gone when all are there, or when they come at less than a fifth of the busiest pace."""
    found = arrivals(minutes, NOW, remaining)
    assert (found.is_rush, found.over_minute) == (is_rush, over if over is None else NOW + over)


def test_a_forecast_is_bounded_and_promises_nobody_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most three hours and never more people than are expected; without the bound it would."""
    minutes = evenly(7, -30, 0)
    for remaining in (0, 1, 33, 5_000):
        ahead = [s for s in arrivals(minutes, NOW, remaining).steps if s.is_forecast]
        assert len(ahead) <= AHEAD
        assert sum(step.people for step in ahead) <= remaining
    monkeypatch.setattr(module, "AHEAD", 2 * AHEAD)
    assert len(arrivals(minutes, NOW, 5_000).steps) > AHEAD + 8
