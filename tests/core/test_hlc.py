"""Hybrid logical time, and when a device's clock is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.hlc import MAX_AHEAD_MS, Reading, is_trusted, latest_believable, tick, wall_ms

MS = st.integers(0, 2**44)


@given(st.lists(MS, min_size=1))
def test_logical_time_always_advances(walls: list[int]) -> None:
    """Whatever the wall clock does, the next time is greater than the last."""
    last = 0
    for wall in walls:
        following = tick(last, wall)
        assert following > last
        assert wall_ms(following) >= wall
        last = following


@given(MS, st.integers(-MAX_AHEAD_MS, 2 * MAX_AHEAD_MS), st.integers(0, 2**16 - 1))
def test_a_clock_far_ahead_is_not_believed(wall: int, ahead: int, counter: int) -> None:
    """To the millisecond, whatever the counter: 60 s ahead of our clock is, one more is not."""
    remote = (wall + ahead) << 16 | counter
    assert (remote <= latest_believable(wall)) is (ahead <= MAX_AHEAD_MS)


def trusted(
    wall: int, *, boot: int = 1000, anchor: Reading | None = None, floor: int = 0, offset: int = 0,
    confirmed: bool = False, boot_id: str = "b",
) -> bool:  # fmt: skip
    return is_trusted(
        Reading(wall, boot, boot_id),
        offset_ms=offset,
        floor_ms=floor,
        anchor=anchor,
        confirmed=confirmed,
    )


ANCHOR = Reading(1_000_000, 1000, "b")
FIVE_MINUTES = 300_000


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (trusted(10, floor=10), True),
        (trusted(9, floor=10), False),
        (trusted(9, floor=10, offset=1), True),
        (trusted(9, floor=10, confirmed=True), True),
        (trusted(1_060_000, boot=61_000, anchor=ANCHOR), True),
        (trusted(1_060_000 + FIVE_MINUTES, boot=61_000, anchor=ANCHOR), True),
        (trusted(1_060_001 + FIVE_MINUTES, boot=61_000, anchor=ANCHOR), False),
        (trusted(1_059_999 - FIVE_MINUTES, boot=61_000, anchor=ANCHOR), False),
        (trusted(9_999_999, boot=61_000, anchor=ANCHOR, boot_id="other"), True),
        (trusted(9_999_999, boot=61_000, anchor=ANCHOR, confirmed=True), False),
        (trusted(9_999_999, boot=61_000, anchor=ANCHOR, floor=1_060_001), True),
        (trusted(9_999_999, boot=61_000, anchor=ANCHOR, floor=1_060_000), False),
        (trusted(9_999_999, boot=61_000, anchor=ANCHOR, floor=1_060_001, confirmed=True), False),
    ],
    ids=[
        "at the floor",
        "below the floor",
        "corrected above the floor",
        "below the floor, confirmed",
        "running on",
        "five minutes of drift",
        "a jump forward",
        "a jump back",
        "another boot starts afresh",
        "a confirmation does not cover a later jump",
        "from a clock that the floor has shown to be wrong since",
        "from a clock that was right, as far as is known",
        "from a clock that a supervisor has set",
    ],
)
def test_when_a_clock_is_believed(case: bool, expected: bool) -> None:
    """Above everything that is known to have happened, and without unexplained jumps."""
    assert case is expected
